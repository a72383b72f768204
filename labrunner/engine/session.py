"""What one run shares: the target, who decides, where events go, what must not be shown."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from labrunner.engine.policy import Policy
from labrunner.model import Problem
from labrunner.record.events import Event
from labrunner.record.redaction import Redactor
from labrunner.record.snapshots import Snapshots
from labrunner.record.transcript import Transcript
from labrunner.targets.protocol import Target

__all__ = ["Session"]


@dataclass(slots=True, kw_only=True)
class Session:
    """One learner's run on one target.

    values: course and target variables, filled in before anything is shown. course_path: the folder of the
    course, for the files that a learner is given. problems: those that the course knows, filled in. snapshots: keeps
    the shell as it is after each command; None where nobody goes on with the session. seen: for each host, the
    places (lab, step, command) of commands that `carry` and have run in the shell that is there now. inside: for each
    host, the id of the lab whose commands the shell had last.
    """

    id: str
    target: Target
    policy: Policy
    transcript: Transcript
    redactor: Redactor
    values: Mapping[str, str]
    course_path: str = ""
    problems: tuple[Problem, ...] = ()
    snapshots: Snapshots | None = None
    clock: Callable[[], float] = time.monotonic
    seen: dict[str, set[tuple[int, int, int]]] = field(default_factory=dict)
    inside: dict[str, str] = field(default_factory=dict)

    def emit(self, event: Event) -> None:
        """Write the event down, then show it."""
        self.transcript.write(event)
        self.policy.show(event)
