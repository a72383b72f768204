"""Everything that happens in a run, as values. The engine makes them, the transcript writes them first,
then the user interfaces show them; the report is built from the written ones alone.

All text in an event is redacted before the event is made. Times are ISO 8601 in UTC, durations seconds.
`transient` events are shown but not written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from labrunner.model import Outcome

__all__ = ["EVENTS", "Event", "as_record"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The common face; `name` is the word in the transcript."""

    name: ClassVar[str] = ""
    transient: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStarted(Event):
    """mode: "guided", "unattended", "check" or "prove". plan: what is to run, in order:
    [{"id", "title", "steps": [{"id", "ref": [...], "title"}]}].
    selectors: the labs and steps that were asked for; none: all."""

    name: ClassVar[str] = "session-started"
    session: str
    mode: str
    course: str
    course_title: str
    course_digest: str
    target: str
    started: str
    tools: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    selectors: tuple[str, ...] = ()
    plan: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionResumed(Event):
    """A session that was left goes on, in the same transcript.

    plan: as of now, of a course that may have changed since. outcomes: what is settled, [{"lab", "step", "outcome"}].
    shell: whether the learner's shell is as it was: "back", "partly", or "new".
    """

    name: ClassVar[str] = "session-resumed"
    session: str
    mode: str
    course: str
    course_title: str
    course_digest: str
    target: str
    resumed: str
    shell: str
    tools: Mapping[str, str] = field(default_factory=dict)
    plan: tuple[Mapping[str, Any], ...] = ()
    outcomes: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabStarted(Event):
    name: ClassVar[str] = "lab-started"
    lab: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted(Event):
    """attempt counts from 1; number and count are the step's place in its lab, for people."""

    name: ClassVar[str] = "step-started"
    lab: str
    step: str
    title: str
    attempt: int
    number: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionsTaken(Event):
    """Which of the step's alternatives the learner does, by id."""

    name: ClassVar[str] = "options-taken"
    lab: str
    step: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResumed(Event):
    """A step that was left goes on at its action `start` (from 0). interrupted: that one had begun, and nobody saw how
    it ended."""

    name: ClassVar[str] = "step-resumed"
    lab: str
    step: str
    title: str
    number: int
    count: int
    start: int
    interrupted: bool
    run: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WentTo(Event):
    """The learner wants to go on at this step."""

    name: ClassVar[str] = "went-to"
    lab: str
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReset(Event):
    """What the step had made is undone; it is to be done again."""

    name: ClassVar[str] = "step-reset"
    lab: str
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSolved(Event):
    """labrunner gives the step's commands in the learner's place from here on."""

    name: ClassVar[str] = "step-solved"
    lab: str
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandStarted(Event):
    """number: the command's place in its step, from 0.
    file: the path of a file of the course that is written, `run` being its text; None for a command."""

    name: ClassVar[str] = "command-started"
    lab: str
    step: str
    ref: str | None
    run: str
    host: str
    file: str | None = None
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputArrived(Event):
    """A batch of a running command's output, as the terminal would get it."""

    name: ClassVar[str] = "output"
    transient: ClassVar[bool] = True
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandEnded(Event):
    """number: the command's place in its step, from 0; a later run with the same number replaces this one.
    output: what a terminal would show, cut in the middle when long. expected, actual: for a mismatch, what
    was asked and what came. explanation: lines of at most 80 columns that say where they part."""

    name: ClassVar[str] = "command-ended"
    lab: str
    step: str
    number: int
    ref: str | None
    run: str
    exit_status: int | None
    end: str
    outcome: Outcome
    seconds: float
    output: str
    expected: str | None = None
    actual: str | None = None
    explanation: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCommandStarted(Event):
    """The learner tries something that is no part of the course, in the shell of `host`, at a fork in the step."""

    name: ClassVar[str] = "own-command-started"
    lab: str
    step: str
    run: str
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCommandEnded(Event):
    """It is not judged. output: as of CommandEnded. end: as there, and "error" when it could not be run; reason: then
    why, one line."""

    name: ClassVar[str] = "own-command-ended"
    lab: str
    step: str
    run: str
    exit_status: int | None
    end: str
    seconds: float
    output: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckWaiting(Event):
    name: ClassVar[str] = "check-waiting"
    transient: ClassVar[bool] = True
    lab: str
    step: str
    kind: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInWaiting(Event):
    """A running command waits for somebody to sign in with this code: Enter does it."""

    name: ClassVar[str] = "sign-in-waiting"
    transient: ClassVar[bool] = True
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInApproved(Event):
    """It has been done."""

    name: ClassVar[str] = "sign-in-approved"
    transient: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckEnded(Event):
    """number: the check's place in its step, from 0; a later answer with the same number replaces this one."""

    name: ClassVar[str] = "check-ended"
    lab: str
    step: str
    number: int
    kind: str
    after: str | None
    outcome: Outcome
    message: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellRestarted(Event):
    """The learner's shell ended with the command, or on another host before it; a new one runs, variables of the old
    one are gone."""

    name: ClassVar[str] = "shell-restarted"
    lab: str
    step: str
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared(Event):
    """Something that the step starts from was missing, and a setup has brought it about: `text`, the setup's `says`."""

    name: ClassVar[str] = "prepared"
    lab: str
    step: str
    text: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedOver(Event):
    """Commands of earlier steps, run again quietly in a shell that had not seen them."""

    name: ClassVar[str] = "carried-over"
    lab: str
    step: str
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HintShown(Event):
    name: ClassVar[str] = "hint-shown"
    lab: str
    step: str
    number: int
    count: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MistakeRecognised(Event):
    name: ClassVar[str] = "mistake-recognised"
    lab: str
    step: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemRecognised(Event):
    """A failed command's output, the learner's own or one of the step, has an error that the course knows: `problem`,
    its id, and what the course says of it. see: as of the model's Problem."""

    name: ClassVar[str] = "problem-recognised"
    lab: str
    step: str
    problem: str
    cause: str
    fix: str
    see: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEnded(Event):
    """reason: why it is not PASSED, one line. attempts so far, hints shown so far."""

    name: ClassVar[str] = "step-ended"
    lab: str
    step: str
    outcome: Outcome
    seconds: float
    attempts: int
    hints: int
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabEnded(Event):
    name: ClassVar[str] = "lab-ended"
    lab: str
    outcome: Outcome
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry(Event):
    """Something that appeared during the session (see record.ledger)."""

    name: ClassVar[str] = "appeared"
    kind: str
    thing: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved(Event):
    """One line of evidence from `prove`. check: its kind, None for a step's commands or cleanup.
    phase: "before", "after", "again", "cleanup" or "wrong-state". ok: the proof holds."""

    name: ClassVar[str] = "proved"
    lab: str
    step: str
    check: str | None
    at: str
    phase: str
    ok: bool
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(Event):
    """status: the exit status that the command line returns."""

    name: ClassVar[str] = "session-ended"
    seconds: float
    status: int
    totals: Mapping[str, int] = field(default_factory=dict)


EVENTS: Mapping[str, type[Event]] = {kind.name: kind for kind in Event.__subclasses__()}

# Asked of each class once: `fields` would take longer for an event than writing it.
_FIELDS: Mapping[type[Event], tuple[str, ...]] = {
    kind: tuple(item.name for item in fields(kind)) for kind in EVENTS.values()
}


def as_record(event: Event, time: str) -> dict[str, Any]:
    """The event as a flat JSON object, `event` and `time` first."""
    record: dict[str, Any] = {"event": event.name, "time": time}
    for name in _FIELDS[type(event)]:
        record[name] = getattr(event, name)
    return record
