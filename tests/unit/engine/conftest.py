"""The engine on a real bash in a throw-away folder, with a learner whose answers are written down beforehand."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from labrunner.authoring.prove import Prover
from labrunner.engine.outcomes import ExitStatus
from labrunner.engine.plan import select
from labrunner.engine.policy import Decision, Moment, Move, Own, Point
from labrunner.engine.runner import Conduct, Runner
from labrunner.engine.session import Session
from labrunner.engine.walk import walk
from labrunner.model import Course, Lab, Option, Problem, Step, Variable
from labrunner.record.book import Book
from labrunner.record.events import CommandEnded, CommandStarted, Event, StepEnded
from labrunner.record.left import read_left
from labrunner.record.redaction import Redactor
from labrunner.record.snapshots import Snapshots
from labrunner.record.transcript import Transcript, read, utc_clock
from labrunner.report.build import build
from labrunner.targets.local import LocalTarget

CHECKS = str(Path(__file__).parents[3] / "checks")
OWN_CHECKS = """
from labrunner.checking.api import TargetError, check, failed, passed

@check("t.bug")
def bug(ask):
    return 1 / 0

@check("t.gone")
def gone(ask):
    raise TargetError("The thing does not answer", "Start it.")
"""


@dataclass
class Learner:
    """A Policy that gives the answers of `script`, a list for each fork; the first offered move when it is empty."""

    script: dict[Point, list[Decision]] = field(default_factory=dict)
    choice: str = ""
    mode: str = "guided"
    live: bool = False
    keyboard: int | None = None
    events: list[Event] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    before: Callable[[Moment], None] = lambda moment: None
    typed: bytes = b""

    def take_back(self, typed: bytes) -> None:
        self.typed += typed

    def show(self, event: Event) -> None:
        self.events.append(event)

    def decide(self, moment: Moment) -> Decision:
        self.moments.append(moment)
        self.before(moment)
        answers = self.script.get(moment.point)
        if answers:
            move = answers.pop(0)
            assert move in moment.moves or move is Move.NEXT or isinstance(move, Own), (move, moment.moves)
            return move
        return Move.NEXT if moment.point is Point.FAILED else moment.moves[0]

    def choose(self, step: Step, options: tuple[Option, ...]) -> tuple[Option, ...]:
        return tuple(option for option in options if self.choice in ("", option.id))


@dataclass
class Ran:
    """What a run gave."""

    status: ExitStatus
    events: list[Event]
    report: dict[str, Any]
    transcript: str

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if type(event) is kind]

    @property
    def steps(self) -> list[tuple[str, str | None]]:
        """(outcome, reason) of each step in the report."""
        return [(step["outcome"], step["reason"]) for lab in self.report["labs"] for step in lab["steps"]]

    @property
    def started(self) -> list[str]:
        """The commands and files, in the order of their start."""
        return [event.run for event in self.of(CommandStarted)]

    @property
    def ended(self) -> list[Any]:
        return self.of(CommandEnded)

    @property
    def step_end(self) -> Any:
        """How the last step ended."""
        return self.of(StepEnded)[-1]


class LosingTarget(LocalTarget):
    """One whose shell can be lost, as with a run that is killed."""

    def lose_shell(self) -> None:
        if self._shell is not None:
            self._shell.close()
            self._shell = None


class Bench:
    """bench(step, ...) runs steps as one lab and returns what came of it; `target` and `work` are there before."""

    def __init__(self, folder: Path) -> None:
        (folder / "checks").mkdir()
        (folder / "checks" / "own.py").write_text(OWN_CHECKS)
        self.folder = folder
        self._runs = 0
        course = Course(id="c", title="C", path=str(folder))
        self.target = LosingTarget(course, env={"PATH": "/usr/bin:/bin"}, folders=(CHECKS, str(folder / "checks")))
        self.work = Path(self.target.work)
        self.redactor = Redactor()
        self.book: Book | None = None

    def __call__(
        self,
        *steps: Step,
        learner: Learner | None = None,
        conduct: Conduct = walk,
        only: str = "",
        variables: tuple[Variable, ...] = (),
        values: dict[str, str] | None = None,
        earlier: Lab | None = None,
        resume: bool = False,
        problems: tuple[Problem, ...] = (),
        **lab: Any,
    ) -> Ran:
        """resume: go on with what the last run has left, in a new shell."""
        this = Lab(id="l", name="lab-1", title="L", steps=steps, **lab)
        course = Course(id="c", title="C", variables=variables, labs=(earlier, this) if earlier else (this,))
        learner = learner or Learner(mode="unattended")
        self._runs += not resume
        path = f"{self.folder}/{self._runs}/transcript.jsonl"
        left = read_left(read(path)) if resume else None
        if resume:
            self.target.lose_shell()
        transcript = Transcript(path, now=utc_clock(), going_on=resume)
        session = Session(
            id=f"s{self._runs}",
            target=self.target,
            policy=learner,
            transcript=transcript,
            redactor=self.redactor,
            values=values or {},
            course_path=str(self.folder),
            problems=problems,
            snapshots=Snapshots(f"{self.folder}/{self._runs}"),
        )
        plan = select(course, [f"lab-1/{only}"] if only else ["lab-1"])
        try:
            status = Runner(session=session, course=course, plan=plan, conduct=conduct, left=left, book=self.book).run()
        finally:
            transcript.close()
        text = Path(transcript.path).read_text()
        return Ran(status, learner.events, build(read(transcript.path)), text)

    def prove(self, *steps: Step, **more: Any) -> Ran:
        """The same with `prove`."""
        return self(*steps, conduct=Prover(), learner=Learner(mode="prove"), **more)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A bench of the test's own."""
    made = Bench(tmp_path)
    with closing(made.target):
        yield made
