"""What a session has left behind: read from its transcript, by ids, so that a later run can go on from it.

Nothing here knows the course as it is today: what still fits is decided by whoever goes on (`engine.resumption`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from labrunner.model import Outcome

__all__ = ["Left", "LeftStep", "read_left"]

Record = Mapping[str, Any]

_SETTLED = frozenset({Outcome.PASSED, Outcome.SKIPPED})
_OWN = frozenset({"own-command-started", "own-command-ended"})  # what the learner tries is no part of the step
_INTERRUPTED = "interrupted"  # shell.protocol.End, as a transcript has it


@dataclass(slots=True)
class LeftStep:
    """One step that had begun.

    outcome: how it ended the last time, None if it did not. done: the text of each command that ended as it should, by
    its number in the step. stopped: the number of the one that did not, None when the last one did.
    uncertain: nobody knows what that one did: it was running when everything ended, or the target failed under it.
    options: those that were taken; None before the choice.
    """

    outcome: Outcome | None = None
    attempts: int = 0
    hints: int = 0
    options: tuple[str, ...] | None = None
    done: dict[int, str] = field(default_factory=dict)
    stopped: int | None = None
    stopped_run: str = ""
    uncertain: bool = False

    def again(self) -> None:
        """An attempt from the start: what earlier ones did counts no more."""
        self.outcome = None
        self.done.clear()
        self.stopped, self.stopped_run, self.uncertain = None, "", False


@dataclass(slots=True)
class Left:
    """One session. selectors: what was asked for. plan: (lab, step) in order. seconds: how long it has run,
    pauses left out.

    last: the step that began last. position: where the learner goes on who has once said where; None: at the first step
    that is to be done. midway: where that step was left, not at its beginning.
    ended: its last run came to its end, with nothing that was not run and no error.
    """

    id: str = ""
    mode: str = ""
    course: str = ""
    target: str = ""
    started: str = ""
    selectors: tuple[str, ...] = ()
    plan: tuple[tuple[str, str], ...] = ()
    steps: dict[tuple[str, str], LeftStep] = field(default_factory=dict)
    last: tuple[str, str] | None = None
    position: tuple[str, str] | None = None
    midway: bool = False
    seconds: float = 0.0
    ended: bool = False

    def outcome(self, place: tuple[str, str]) -> Outcome | None:
        """How the step is settled; None when it is still to be done.

        One that failed is settled when the run that nobody watched went on behind it.
        """
        step = self.steps.get(place)
        if step is None or step.outcome is None:
            return None
        if step.outcome in _SETTLED:
            return step.outcome
        went_on = self.mode == "unattended" and (place != self.last or self.ended)
        return step.outcome if step.outcome is Outcome.FAILED and went_on else None

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to be done, and the learner does not want to go back."""
        return self.position not in self.plan and all(self.outcome(place) is not None for place in self.plan)


def read_left(records: Iterable[Record]) -> Left:
    """Fold a transcript (`record.transcript.read`)."""
    left = Left()
    began = ""
    for record in records:
        name = record["event"]
        if name in ("session-started", "session-resumed"):
            began = record["time"]
            before, left.ended = left.seconds, False
            left.mode = record["mode"]
            left.plan = tuple((lab["id"], step["id"]) for lab in record["plan"] for step in lab["steps"])
        if name == "session-started":
            left.id, left.course, left.target = record["session"], record["course"], record["target"]
            left.started, left.selectors = record["started"], tuple(record.get("selectors", ()))
        elif name == "session-ended":
            totals = record["totals"]
            left.ended = not totals.get("not_run") and not totals.get("error")
        elif name == "went-to":
            left.position, left.midway = (record["lab"], record["step"]), False
        elif "step" in record and name not in _OWN:
            _apply(left, name, record)
        if began:
            left.seconds = before + _seconds(began, record["time"])
    if left.midway and left.position is not None and left.outcome(left.position) is not None:
        left.position = _following(left, left.position)
    return left


def _following(left: Left, place: tuple[str, str]) -> tuple[str, str] | None:
    """The next step that is to be done; None when all behind that place are settled."""
    behind = left.plan[left.plan.index(place) + 1 :] if place in left.plan else ()
    return next((other for other in behind if left.outcome(other) is None), None)


def _be_at(left: Left, place: tuple[str, str]) -> None:
    """A step begins or goes on. Who has said where to go on is there then; a step that is solved by itself moves
    nobody."""
    if left.position == place:
        left.midway = True
    elif left.position is not None and left.mode != "solve":
        left.position, left.midway = place, True


def _go_back(left: Left, place: tuple[str, str]) -> None:
    """A step is to be done again: who is behind it goes on there."""
    known = [other for other in left.plan if other in (place, left.position)]
    if left.position is not None and known[:1] == [place]:
        left.position, left.midway = place, True


def _apply(left: Left, name: str, record: Record) -> None:
    place = (record["lab"], record["step"])
    step = left.steps.setdefault(place, LeftStep())
    match name:
        case "step-started":
            step.again()
            step.attempts = record["attempt"]
            left.last = place
            _be_at(left, place)
        case "step-resumed":
            left.last, step.outcome = place, None
            _be_at(left, place)
        case "step-reset":
            left.steps[place] = LeftStep()
            _go_back(left, place)
        case "options-taken":
            step.options = tuple(record["options"])
        case "hint-shown":
            step.hints = record["number"]
        case "command-started":
            step.stopped, step.stopped_run, step.uncertain = record["number"], record["run"], True
            step.outcome = None
        case "command-ended":
            _command_ended(step, record)
        case "step-ended":
            step.outcome, step.attempts = Outcome(record["outcome"]), record["attempts"]
            if step.outcome is Outcome.ERROR and step.stopped is not None:
                step.uncertain = True
            left.last = place
            left.midway |= left.position == place  # it may be left out before it begins


def _command_ended(step: LeftStep, record: Record) -> None:
    if record["outcome"] == Outcome.PASSED:
        step.done[record["number"]] = record["run"]
        step.stopped, step.stopped_run, step.uncertain = None, "", False
    else:
        step.done.pop(record["number"], None)
        step.uncertain = record["end"] == _INTERRUPTED


def _seconds(began: str, until: str) -> float:
    return max(0.0, (datetime.fromisoformat(until) - datetime.fromisoformat(began)).total_seconds())
