"""The question at a fork: asked until the answer is a move, a command of the learner's own, or quit."""

from labrunner.engine.policy import Moment, Move, Own, Point
from labrunner.ui.forks import ALWAYS, answers_of, choices_of, refusal
from labrunner.ui.keys import HELP, explain, prompt_of
from labrunner.ui.more import More
from labrunner.ui.own import MARK, OwnCommands
from labrunner.ui.pages import Pages
from labrunner.ui.scenes import Scenes
from labrunner.ui.screen import Screen
from labrunner.ui.terminal import Keyboard

__all__ = ["Asking"]


class Asking:
    """Each question is a line that lists all that can be typed, commands of the learner's own aside."""

    def __init__(self, screen: Screen, keys: Keyboard, pages: Pages, scenes: Scenes) -> None:
        self._screen = screen
        self._keys = keys
        self._pages = pages
        self._scenes = scenes
        self.own = OwnCommands(screen, keys)
        self.more = More(screen, pages, scenes)

    def ask(self, moment: Moment, usual: str, *, without: Move | None = None) -> Move | Own | None:
        """The answer; None for quit. usual: what Enter does if that is RUN.

        The very command that is next, typed, is the first move.
        """
        moves = [move for move in moment.moves if move is not without]
        answers = answers_of(moves)
        listed = choices_of(moves, usual, more=self.more.choices(), hints_shown=moment.hints_shown)
        while True:
            self._screen.gap()
            answer = self._keys.line(prompt_of(listed, self._screen.columns))
            self._pages.turn()
            if answer is None:
                return None
            typed = answer.strip()
            if _is_command(typed, moment):
                self._scenes.begin()
                return moves[0]
            if typed.startswith(MARK):
                if (own := self.own.read(typed)) is not None:
                    return own
                continue
            if typed == HELP:
                explain(self._screen, [*listed, *ALWAYS])
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
                if chosen not in (Move.HINT, Move.RETRY):
                    self._scenes.begin()
                return chosen
            self._screen.line(refusal(typed, moment.hints_shown), raw=True)


def _is_command(typed: str, moment: Moment) -> bool:
    """Whether the learner has typed the very command that is next, with or without the mark of own commands."""
    words = typed.removeprefix(MARK).split()
    return moment.point is Point.COMMAND and bool(words) and words == moment.text.replace("\\\n", " ").split()
