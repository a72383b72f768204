"""One exercise and what is in it."""

from collections.abc import Iterator
from dataclasses import dataclass

from labrunner.model.check import Check
from labrunner.model.command import Command
from labrunner.model.reading import Notice, Question
from labrunner.model.setup import Setup

__all__ = ["Cleanup", "File", "Hint", "Mistake", "Option", "Solution", "Step", "WrongState"]


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that the learner creates in the work folder: `text` literally, or the course's file `source`."""

    path: str
    ref: str | None = None
    text: str | None = None
    source: str | None = None
    mode: str = "0644"
    at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """One of several, revealed in order, from a nudge to nearly the answer."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A known slip. `when` recognises it: pieces of text that all occur in the output of a failed command,
    or in the message of a failed check."""

    when: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """What brings a step to its end; without `run`, the step's own commands do."""

    text: str = ""
    run: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleanup:
    """Undoes what the step made. Must be harmless when there is nothing to undo.

    says: what is so again after it, told by `finish`: `the admin user is off`.
    removes: whether all that it does is to take away things that the step has made. The ledger knows those by their
    immutable ids, so that `finish` need not look for them by their names.
    restores: whether it brings back what the step has taken away. Nobody wants that at the end: `finish` leaves it out.
    """

    run: str
    says: str = ""
    host: str = "local"
    timeout: float = 60.0
    removes: bool = False
    restores: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongState:
    """For `prove`: a planted state under which a step that only reads must fail."""

    run: str
    says: str
    host: str = "local"
    timeout: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One of a step's alternatives: a guided learner chooses one, an unattended run takes them all."""

    id: str
    title: str
    text: str = ""
    files: tuple[File, ...] = ()
    commands: tuple[Command, ...] = ()
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One exercise. `errata` are ids of the course's errata; `reads_only` steps name a `wrong` state for prove.

    loses: kinds of things of the ledger that it destroys and that no cleanup can bring back.
    """

    id: str
    title: str
    text: str
    ref: tuple[str, ...] = ()
    reads_only: bool = False
    setup: tuple[Setup, ...] = ()
    files: tuple[File, ...] = ()
    commands: tuple[Command, ...] = ()
    options: tuple[Option, ...] = ()
    checks: tuple[Check, ...] = ()
    hints: tuple[Hint, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    solution: Solution | None = None
    cleanup: tuple[Cleanup, ...] = ()
    wrong: WrongState | None = None
    loses: tuple[str, ...] = ()
    errata: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    questions: tuple[Question, ...] = ()
    at: str = ""

    def all_commands(self) -> Iterator[Command]:
        """The step's commands, then those of every option."""
        yield from self.commands
        for option in self.options:
            yield from option.commands

    def all_checks(self) -> Iterator[Check]:
        """The step's checks, then those of every option."""
        yield from self.checks
        for option in self.options:
            yield from option.checks
