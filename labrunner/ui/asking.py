"""The question at a fork: asked until the answer is a move, a command of the learner's own, or quit."""

from labrunner.engine.policy import Moment, Move, Own, Point
from labrunner.model import Course, Erratum
from labrunner.ui.forks import ALWAYS, EDITED, answers_of, choices_of, refusal
from labrunner.ui.keys import HELP, explain, prompt_of
from labrunner.ui.more import More
from labrunner.ui.own import MARK, OwnCommands, is_same, without_prompt
from labrunner.ui.pages import Pages
from labrunner.ui.scenes import Scenes
from labrunner.ui.screen import Screen
from labrunner.ui.terminal import Keyboard

__all__ = ["Asking"]


class Asking:
    """Each question is a line that lists all that can be typed, commands of the learner's own aside."""

    def __init__(self, screen: Screen, keys: Keyboard, pages: Pages, scenes: Scenes, course: Course) -> None:
        self._screen = screen
        self._keys = keys
        self._pages = pages
        self._scenes = scenes
        self.own = OwnCommands(screen, keys, course)
        self.more = More(screen, pages, scenes)
        self._corrections: list[Erratum] = []  # of the command that was run last

    def ask(self, moment: Moment, usual: str, *, without: Move | None = None) -> Move | Own | None:
        """The answer; None for quit. usual: what Enter does if that is RUN.

        The very command that is at hand, typed, is the move that runs it.
        """
        moves = [move for move in moment.moves if move is not without]
        if moment.point is Point.FAILED:
            self._scenes.corrections = self._scenes.corrections or self._corrections
        answers = answers_of(moves)
        listed = choices_of(moves, usual, more=self.more.choices(), hints_shown=moment.hints_shown)
        while True:
            self._screen.gap()
            answer = self._keys.line(prompt_of(listed, self._screen.columns), draft=True)
            self._pages.turn()
            if answer is None:
                return None
            typed = answer.strip(" \t")
            if (move := _runs(typed, moment)) is not None:
                return self._left(moment, move)
            if self.own.takes(typed):
                if (own := self.own.read(typed)) is not None:
                    move = _runs(own.run, moment)
                    return own if move is None else self._left(moment, move)
                continue
            if typed == HELP:
                explain(self._screen, [*listed, *ALWAYS, *([EDITED] if self._keys.edits else [])])
                continue
            answer = typed.lower()
            if self.more.show(answer):
                if self._pages.quit:
                    return None
                continue
            chosen = answers.get(answer) if answer else moves[0]
            if chosen is Move.QUIT:
                return None
            if chosen is not None:
                return self._left(moment, chosen)
            self._screen.line(refusal(typed, moment.hints_shown), raw=True)

    def _left(self, moment: Moment, move: Move) -> Move:
        """The learner leaves the question by this move."""
        if move in _RUNS.values():
            self._keys.remember(moment.text)
        if move is not Move.HINT:
            self._corrections = self._scenes.corrections if moment.point in _RUNS else []
            self._scenes.begin()
        return move


_RUNS = {Point.COMMAND: Move.RUN, Point.FAILED: Move.RETRY}
"""The questions at which a command is at hand, and the move that runs it."""


def _runs(typed: str, moment: Moment) -> Move | None:
    """The move that runs the very command that is at hand, if the learner has typed that, with or without the mark."""
    move = _RUNS.get(moment.point)
    said = without_prompt(typed.removeprefix(MARK).lstrip())
    return move if move in moment.moves and is_same(said, moment.text) else None
