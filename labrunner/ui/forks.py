"""The words and letters of a fork: what can be typed, and what is said to anything else."""

from collections.abc import Mapping, Sequence

from labrunner.engine.policy import Move
from labrunner.ui import texts
from labrunner.ui.own import advice

__all__ = ["answers_of", "choices_of", "refusal"]

LONGEST_SHOWN = 60
"""Characters of an answer that are said back as the command that it may have been meant for."""

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


def answers_of(moves: Sequence[Move]) -> dict[str, Move]:
    """What can be typed for each move: its letter and its word, in lower case."""
    return {LETTERS[move]: move for move in moves} | {move.value: move for move in moves}


def choices_of(moves: Sequence[Move], usual: str, *, more: Sequence[str], hints_shown: int) -> list[str]:
    """The choices as a question lists them: the first move by Enter, what else can be shown, the other moves.

    usual: what is said of a move that has no word of its own, which is RUN.
    """
    parts = [f"[Enter] {WORDS.get(moves[0], usual)}", *more]
    for move in moves[1:]:
        again = move is Move.HINT and hints_shown
        parts.append(f"{LETTERS[move]} {'next hint' if again else WORDS.get(move, usual)}")
    return parts


def refusal(answer: str, hints_shown: int) -> str:
    """What is said of an answer that is none of the choices."""
    if answer.lower() in {"h", "hint"}:
        return "You have seen every hint of this step." if hints_shown else "There is no hint here."
    shown = texts.clean(answer).strip()
    likely = shown.removeprefix("$ ").lstrip() if " " in shown and len(shown) <= LONGEST_SHOWN else ""
    what = f'"{shown[:20]}"' if shown else "That"
    return f"{what} is none of the choices. {advice(likely)}"
