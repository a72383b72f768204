"""How steps and runs end, and the exit status that follows."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from labrunner.model import Outcome

__all__ = ["Blame", "ExitStatus", "Interrupted", "Quit", "StepResult", "exit_status"]


class ExitStatus(IntEnum):
    """The command line's contract."""

    PASSED = 0
    FAILED = 1
    USAGE = 2
    COURSE = 3
    TARGET = 4
    BUG = 5
    INTERRUPTED = 130


class Blame(StrEnum):
    """Whose an ERROR is."""

    TARGET = "target"
    BUG = "bug"


@dataclass(frozen=True, slots=True)
class StepResult:
    """A step's end. `reason`: one line for anything but PASSED; `blame`: for ERROR alone."""

    outcome: Outcome
    reason: str = ""
    blame: Blame | None = None


class Quit(Exception):  # noqa: N818 - not an error: the learner's wish
    """The learner wants to stop here. `result`: how the step ended before that; None on its way."""

    def __init__(self, result: StepResult | None = None) -> None:
        super().__init__()
        self.result = result


class Interrupted(Exception):  # noqa: N818 - not an error: the person at the keyboard
    """Ctrl-C, twice or with nobody to ask."""


def exit_status(results: Iterable[StepResult], *, interrupted: bool = False) -> ExitStatus:
    """The gravest result decides; PASSED only if every step has passed."""
    if interrupted:
        return ExitStatus.INTERRUPTED
    seen = list(results)
    if any(result.blame is Blame.BUG for result in seen):
        return ExitStatus.BUG
    if any(result.outcome is Outcome.ERROR for result in seen):
        return ExitStatus.TARGET
    if seen and all(result.outcome is Outcome.PASSED for result in seen):
        return ExitStatus.PASSED
    return ExitStatus.FAILED
