"""What a presenter remembers of a run, for its summary."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from labrunner.model import Course, Lab, Outcome
from labrunner.record.events import Event, LedgerEntry, SessionResumed, SessionStarted, StepEnded
from labrunner.record.ledger import Entry
from labrunner.ui.things import of_their_own

__all__ = ["Tally"]


@dataclass(slots=True)
class Tally:
    """Adds up events. `ended` holds the last StepEnded of each step, by (lab, step), in order of the plan."""

    target: str = ""
    mode: str = ""
    plan: tuple[Mapping[str, Any], ...] = ()
    ended: dict[tuple[str, str], StepEnded] = field(default_factory=dict)
    before: dict[tuple[str, str], str] = field(default_factory=dict)
    """Outcomes of earlier runs of the session."""
    resumed: bool = False
    """Whether the session goes on; only then could the learner say where."""
    appeared: list[Entry] = field(default_factory=list)
    """What the session has made."""

    def add(self, event: Event) -> None:
        """Take note of the event."""
        if isinstance(event, StepEnded):
            self.ended[event.lab, event.step] = event
        elif isinstance(event, LedgerEntry):
            self.appeared.append(Entry(event.kind, event.thing, event.id))
        elif isinstance(event, SessionStarted):
            self.target, self.mode, self.plan = event.target, event.mode, event.plan
        elif isinstance(event, SessionResumed):
            self.target, self.mode, self.plan = event.target, event.mode, event.plan
            self.resumed = True
            self.before = {(entry["lab"], entry["step"]): entry["outcome"] for entry in event.outcomes}

    @property
    def made(self) -> list[str]:
        """The kinds of what the session has made, for each thing once: of an image and its tag, the tag."""
        return [entry.kind for entry in of_their_own(self.appeared)]

    def steps(self) -> int:
        """How many steps are planned."""
        return sum(len(lab["steps"]) for lab in self.plan)

    def passed(self, lab: str) -> int:
        """How many steps of the lab have passed so far."""
        outcomes = {**self.before, **{place: end.outcome for place, end in self.ended.items()}}
        return sum(outcome == Outcome.PASSED for (where, _), outcome in outcomes.items() if where == lab)

    def not_passed(self) -> list[StepEnded]:
        """The steps that ended otherwise than PASSED, those that were reached."""
        return [end for end in self.ended.values() if end.outcome is not Outcome.PASSED]

    def not_reached(self) -> int:
        """How many planned steps no run of the session has come to, or settled."""
        known = {*self.ended, *self.before}
        return sum((lab["id"], step["id"]) not in known for lab in self.plan for step in lab["steps"])

    def passed_over(self) -> bool:
        """Whether all that is still to do lies before what was done last: the learner went on behind it."""
        places = [(lab["id"], step["id"]) for lab in self.plan for step in lab["steps"]]
        done = [place for place, end in self.ended.items() if end.outcome is not Outcome.NOT_RUN]
        open_ = [at for at, place in enumerate(places) if place not in done and place not in self.before]
        return bool(self.resumed and done and open_) and done[-1] in places and open_[-1] < places.index(done[-1])

    def covers(self, course: Course) -> bool:
        """Whether the plan is the whole course, but perhaps for optional labs."""
        labs = [lab for lab in course.labs if not lab.optional] or course.labs
        return bool(labs) and all(self._has(lab) for lab in labs)

    def begins(self, course: Course) -> bool:
        """Whether the plan has the whole of the course's first lab."""
        return any(self._has(lab) for lab in course.labs[:1])

    def _has(self, lab: Lab) -> bool:
        steps = [step.id for step in lab.steps]
        return any(
            planned["id"] == lab.id and [step["id"] for step in planned["steps"]] == steps for planned in self.plan
        )

    def is_last(self, lab: str, step: str) -> bool:
        """Whether the plan ends with this step."""
        return (
            bool(self.plan)
            and self.plan[-1]["id"] == lab
            and bool(self.plan[-1]["steps"] and self.plan[-1]["steps"][-1]["id"] == step)
        )
