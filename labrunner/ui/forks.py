"""The words and letters of a fork: what can be typed, and what is said to anything else."""

from collections.abc import Mapping, Sequence

from labrunner.engine.policy import Move
from labrunner.ui import texts
from labrunner.ui.keys import ENTER, HELP, Key
from labrunner.ui.own import MARK, advice

__all__ = ["ALWAYS", "EDITED", "answers_of", "choices_of", "refusal"]

LONGEST_SHOWN = 60
"""Characters of an answer that are said back."""

LETTERS: Mapping[Move, str] = {
    Move.RUN: "c",
    Move.DONE: "d",
    Move.RETRY: "r",
    Move.RESTART: "b",
    Move.HINT: "h",
    Move.SKIP: "s",
    Move.NEXT: "n",
    Move.QUIT: "q",
}
WORDS: Mapping[Move, str] = {
    Move.DONE: "take it for done",
    Move.RETRY: "try again",
    Move.RESTART: "begin again",
    Move.HINT: "hint",
    Move.SKIP: "skip step",
    Move.NEXT: "next step",
    Move.QUIT: "quit",
}
SAYS: Mapping[Move, str] = {
    Move.RUN: "goes on with what is shown above.",
    Move.DONE: "counts the command as done, and goes on behind it.",
    Move.RETRY: "does again what has failed, and goes on from there.",
    Move.RESTART: "begins this step again, at its first command.",
    Move.HINT: "shows a hint for this step; there may be more after it.",
    Move.SKIP: "leaves this step out; you can come back to it.",
    Move.NEXT: "goes on with the next step.",
    Move.QUIT: "stops here; a later run goes on from this place.",
}

ALWAYS = (Key(MARK, "", f"and a command runs it, unjudged; a program of this step needs no {MARK}."),)
"""What every fork understands, and no question lists."""
EDITED = Key("Up", "", "brings back a command that was given before, to change it.")
"""The same, where lines are edited."""


def answers_of(moves: Sequence[Move]) -> dict[str, Move]:
    """What can be typed for each move: its letter and its word, in lower case."""
    return {LETTERS[move]: move for move in moves} | {move.value: move for move in moves}


def choices_of(moves: Sequence[Move], usual: str, *, more: Sequence[Key], hints_shown: int) -> list[Key]:
    """The choices as a question lists them: the first move by Enter, what else can be shown, the other moves.

    usual: what is said of a move that has no word of its own, which is RUN.
    """
    keys = [Key(ENTER, WORDS.get(moves[0], usual), SAYS[moves[0]]), *more]
    for move in moves[1:]:
        again = move is Move.HINT and hints_shown
        keys.append(Key(LETTERS[move], "next hint" if again else WORDS.get(move, usual), SAYS[move]))
    return keys


def refusal(answer: str, hints_shown: int) -> str:
    """What is said of an answer that is none of the choices."""
    if answer.lower() in {"h", "hint"}:
        return "You have seen every hint of this step." if hints_shown else "There is no hint here."
    shown = texts.clean(answer).strip()
    likely = shown.removeprefix("$ ").lstrip() if " " in shown and len(shown) <= LONGEST_SHOWN else ""
    what = f'"{_cut(shown)}"' if shown else "That"
    return f"{what} is none of the choices ({HELP} explains them). {advice(likely)}"


def _cut(text: str) -> str:
    """All of it, or of a long one as many words as there is room for."""
    if len(text) <= LONGEST_SHOWN:
        return text
    room = text[: LONGEST_SHOWN - len(" ...")]
    whole = room.rpartition(" ")[0] if text[len(room)] != " " else room
    return f"{whole.rstrip()} ..." if whole else f"{room}..."
