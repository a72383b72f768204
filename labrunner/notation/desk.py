"""What every command is handed, and what a command is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TextIO

from labrunner.notation.flags import Flag, Values
from labrunner.notation.problem import NotationError
from labrunner.notation.settings import Settings, settings_of

__all__ = ["Command", "Desk", "one_argument"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """env: the environment. now: the time, with its zone. agent: how it calls itself in signatures and to servers."""

    env: Mapping[str, str]
    answers: TextIO
    out: TextIO
    err: TextIO
    now: Callable[[], datetime]
    agent: str

    def say(self, text: str) -> None:
        """A line of the answer."""
        self.out.write(f"{text}\n")

    def warn(self, text: str) -> None:
        """A line beside the answer."""
        self.out.flush()
        self.err.write(f"Warning: {text}\n")

    def confirms(self, question: str) -> bool:
        """Whether the person says yes; who says nothing says no."""
        self.out.write(f"{question} [y/N] ")
        self.out.flush()
        return self.answers.readline().strip().lower() in ("y", "yes")

    @property
    def settings(self) -> Settings:
        """What the user keeps. Raises NotationError."""
        return settings_of(self.env)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """name, other names, what it does in one line, how its arguments are written, its options, and what carries it out.

    run: raises NotationError for what cannot be done.
    """

    name: str
    says: str
    run: Callable[[Desk, Values], None]
    usage: str = ""
    flags: Sequence[Flag] = ()
    aliases: Sequence[str] = ()


def one_argument(values: Values, missing: str) -> str:
    """The first argument. Raises NotationError with that message."""
    if not values.arguments:
        raise NotationError(missing)
    return values.arguments[0]
