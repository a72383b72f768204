"""Going on with a session that was left: what of it still fits the course as it is today."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from labrunner.engine.carry import Carried
from labrunner.engine.outcomes import StepResult
from labrunner.engine.plan import Plan, PlannedLab
from labrunner.engine.session import Session
from labrunner.model import Course, Outcome
from labrunner.record.left import Left, LeftStep
from labrunner.shell.protocol import Shell, ShellError
from labrunner.targets.protocol import TargetError

__all__ = ["Resumption", "restore_shell"]

_HOST = "local"  # the only one whose shell is kept


@dataclass(frozen=True, slots=True)
class Resumption:
    """A session that goes on. shell: "back", "partly" or "new", as `restore_shell` said."""

    left: Left
    shell: str = field(default="new")

    def outcomes(self, plan: Plan) -> tuple[dict[str, str], ...]:
        """What is settled, for the transcript."""
        return tuple(
            {"lab": lab.lab.id, "step": step.id, "outcome": str(outcome)}
            for lab in plan.labs
            for step in lab.steps
            if (outcome := self.left.outcome((lab.lab.id, step.id))) is not None
        )

    def settled(self, lab: PlannedLab) -> list[StepResult]:
        """The results of the lab's steps that need not be done again."""
        found = (self.left.outcome((lab.lab.id, step.id)) for step in lab.steps)
        return [StepResult(outcome) for outcome in found if outcome is not None]

    def remaining(self, plan: Plan) -> Plan:
        """What is still to be done; from where the learner wants to go on, if that was said."""
        position = self.left.position
        places = [(lab.lab.id, step.id) for lab in plan.labs for step in lab.steps]
        first = places.index(position) if position in places else 0
        wanted = {place for place in places[first:] if self.left.outcome(place) is None or place == position}
        labs = (
            PlannedLab(lab.lab, tuple(step for step in lab.steps if (lab.lab.id, step.id) in wanted))
            for lab in plan.labs
        )
        return Plan(tuple(lab for lab in labs if lab.steps))

    def has_begun(self, lab: str) -> bool:
        """Whether a step of the lab has begun, so that what the lab starts from is there."""
        return any(place[0] == lab for place in self.left.steps)

    def step(self, lab: str, step: str) -> LeftStep | None:
        """What is left of a step that began and is not settled; None for one that starts from the beginning."""
        place = (lab, step)
        found = self.left.steps.get(place)
        anew = place == self.left.position and not self.left.midway
        if found is None or self.left.outcome(place) is not None or anew:
            return None
        return found if found.done or found.stopped is not None else None


def restore_shell(session: Session, course: Course, left: Left, carried: Sequence[Carried]) -> str:
    """Give the learner's new shell what the old one had: "back", "partly" or "new" (it is not kept, or there is none).

    What it holds of secrets is known afterwards, so that it is not shown. In a shell that is not wholly back, the
    course's commands that carry are run again.
    """
    try:
        snapshot = session.snapshots.load(_HOST) if session.snapshots else None
        if snapshot is None:
            had_one = any(step.done or step.stopped is not None for step in left.steps.values())
            return "new" if had_one else "back"
        shell = session.target.shell(_HOST)
        whole = shell.restore(snapshot)
        _learn_secrets(session, course, shell)
    except (OSError, TargetError, ShellError):
        return "new"  # the first command says what is wrong with the machine
    if not whole:
        return "partly"
    reached = _reached(course, left)
    session.seen[_HOST] = {entry.place for entry in carried if entry.host == _HOST and entry.place < reached}
    return "back"


def _learn_secrets(session: Session, course: Course, shell: Shell) -> None:
    commands = (command for lab in course.labs for step in lab.steps for command in step.all_commands())
    for name in {name for command in commands for name in command.secrets}:
        session.redactor.add(shell.variable(name) or "")


def _reached(course: Course, left: Left) -> tuple[int, int, int]:
    """How far the old shell had come: the place behind the last command that ended."""
    for lab_number, lab in enumerate(course.labs, 1):
        for number, step in enumerate(lab.steps, 1):
            if (lab.id, step.id) == left.last:
                found = left.steps[lab.id, step.id]
                passed = found.outcome is Outcome.PASSED
                return lab_number, number, 1_000_000 if passed else max(found.done, default=-1) + 1
    return 0, 0, 0
