"""The one run loop. What is done with a step is the `conduct` that a mode brings along; who decides is its policy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from labrunner.checking.api import TargetError
from labrunner.engine.carry import carrying
from labrunner.engine.outcomes import Blame, ExitStatus, Interrupted, Quit, StepResult, exit_status
from labrunner.engine.plan import Plan, PlannedLab
from labrunner.engine.preparation import set_up
from labrunner.engine.resumption import Resumption, restore_shell
from labrunner.engine.session import Session
from labrunner.engine.step import StepRun, machine_error, said_on
from labrunner.model import Course, Lab, Outcome
from labrunner.record.book import Book
from labrunner.record.events import LabEnded, LabStarted, LedgerEntry, SessionEnded, SessionResumed, SessionStarted
from labrunner.record.ledger import Inventory, appeared
from labrunner.record.left import Left
from labrunner.record.tally import lab_outcome, totals
from labrunner.shell.protocol import ShellError

__all__ = ["Conduct", "Runner"]

Conduct = Callable[[StepRun], StepResult]


@dataclass(slots=True, kw_only=True)
class Runner:
    """Runs a plan. `conduct` takes each step to its end (engine.walk, engine.survey, authoring.prove).

    left: what the session has left, to go on with it. book: where it is written down what labs make.
    """

    session: Session
    course: Course
    plan: Plan
    conduct: Conduct
    selectors: tuple[str, ...] = ()
    left: Left | None = None
    book: Book | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _results: list[StepResult] = field(default_factory=list)
    _interrupted: bool = False
    _before: Inventory | None = None
    _inventory: Inventory | None = None
    """The latest; None when the target could not say."""
    _seen: set[str] = field(default_factory=set)
    """What of the target was needed when it was looked at."""
    _resumption: Resumption | None = None

    def run(self) -> ExitStatus:
        """Run the plan to its end, or to where it cannot go on. Every start has its end in the transcript."""
        began = self.session.clock()
        plan = self._start()
        try:
            for planned in plan.labs:
                if not self._lab(planned):
                    break
        except Quit:
            pass
        except (Interrupted, KeyboardInterrupt):
            self._interrupted = True
        try:
            self._tell_what_appeared()
        except KeyboardInterrupt:  # the next run's beginning looks again
            self._interrupted = True
        return self._end(began)

    def _start(self) -> Plan:
        """Say what is to be done, and give what of it is still to do."""
        tools: Mapping[str, str] = {}
        for planned in self.plan.labs[:1]:
            self._foresee(planned)
            self._seen.update(planned.lab.needs)
        try:
            tools = self.session.target.tools()
            self._inventory = self.session.target.inventory()
        except TargetError:
            pass  # the first step says it, with its remedy
        self._before = self._inventory
        if self.left is not None:
            return self._resume(self.left, tools)
        self.session.emit(
            SessionStarted(
                session=self.session.id,
                mode=self.session.policy.mode,
                course=self.course.id,
                course_title=self.course.title,
                course_digest=self.course.digest,
                target=self.session.target.name,
                started=self.now().isoformat(timespec="seconds"),
                tools=tools,
                values=self._shown_values(),
                selectors=self.selectors,
                plan=self.plan.outline(),
            )
        )
        return self.plan

    def _resume(self, left: Left, tools: Mapping[str, str]) -> Plan:
        shell = restore_shell(self.session, self.course, left, carrying(self.course))
        self._resumption = resumption = Resumption(left)
        self.session.emit(
            SessionResumed(
                session=self.session.id,
                mode=self.session.policy.mode,
                course=self.course.id,
                course_title=self.course.title,
                course_digest=self.course.digest,
                target=self.session.target.name,
                resumed=self.now().isoformat(timespec="seconds"),
                shell=shell,
                tools=tools,
                plan=self.plan.outline(),
                outcomes=resumption.outcomes(self.plan),
            )
        )
        remaining = resumption.remaining(self.plan)
        again = {(lab.lab.id, step.id) for lab in remaining.labs for step in lab.steps}
        for planned in self.plan.labs:
            done = tuple(step for step in planned.steps if (planned.lab.id, step.id) not in again)
            self._results += resumption.settled(PlannedLab(planned.lab, done))
        return remaining

    def _shown_values(self) -> dict[str, str]:
        secret = {variable.name for variable in self.course.variables if variable.secret}
        redact = self.session.redactor.redact_values  # a value may be derived from a secret one
        return {name: redact(value) for name, value in self.session.values.items() if name not in secret}

    def _lab(self, planned: PlannedLab) -> bool:
        """One lab; False when the target is at fault and nothing more can be run."""
        lab, began = planned.lab, self.session.clock()
        self.session.emit(LabStarted(lab=lab.id, title=lab.title))
        self._foresee(planned)
        self._open_stretch(lab)
        before = len(self._results)
        numbers = {step.id: number for number, step in enumerate(lab.steps, 1)}
        lab_number = 1 + next(at for at, known in enumerate(self.course.labs) if known.id == lab.id)
        carried = carrying(self.course)
        foreign = tuple(name for other in self.course.labs if other.id != lab.id for name in other.unset)
        missing = self._missing(lab)
        try:
            for step in planned.steps:
                run = StepRun(
                    self.session,
                    lab,
                    step,
                    number=numbers[step.id],
                    lab_number=lab_number,
                    carried=carried,
                    foreign=foreign,
                    left=self._resumption.step(lab.id, step.id) if self._resumption else None,
                )
                result = self._step(run, first=len(self._results) == before, missing=missing)
                if result.blame is Blame.TARGET:
                    return False
            return True
        finally:
            try:
                self._close_stretch()
            finally:
                outcomes = [result.outcome for result in self._results[before:]]
                outcomes += [Outcome.NOT_RUN] * (len(planned.steps) - len(outcomes))
                self.session.emit(
                    LabEnded(
                        lab=lab.id,
                        outcome=Outcome(lab_outcome(outcomes)),
                        seconds=round(self.session.clock() - began, 4),
                    )
                )

    def _foresee(self, planned: PlannedLab) -> None:
        """Give the target the time until the first step, and until each thing is used."""
        lab, steps = planned.lab, planned.steps
        setups = [*lab.setup, *(setup for step in steps for setup in step.setup)]
        checks = [
            *(one.check for one in lab.requires),
            *(setup.unless for setup in setups if setup.unless is not None),
            *(check for step in steps for check in step.all_checks()),
        ]
        self.session.target.foresee(lab.needs, checks)

    def _missing(self, lab: Lab) -> StepResult | None:
        """Why no step of the lab can be taken; None if nothing that it requires is missing."""
        if not lab.requires or set(lab.needs) - self.session.target.capabilities:
            return None
        try:
            results = self.session.target.checker().ask([one.check for one in lab.requires], once=True)
        except (TargetError, ShellError):
            return None  # the first step says it
        for requirement, result in zip(lab.requires, results, strict=True):
            if result.outcome is Outcome.FAILED:
                said = said_on(requirement.check.host, result.message)
                return StepResult(Outcome.SKIPPED, f"{said} {requirement.says.strip()}")
        return None

    def _step(self, run: StepRun, *, first: bool, missing: StepResult | None) -> StepResult:
        problem = missing or (self._prepare(run) if first else None)
        if problem:
            run.begin()
        try:
            result = problem or self.conduct(run)
        except (Quit, Interrupted, KeyboardInterrupt) as stop:
            if run.attempts:
                known = stop.result if isinstance(stop, Quit) else None
                reason = "left before its end" if isinstance(stop, Quit) else "interrupted"
                self._results.append(run.end(known or StepResult(Outcome.NOT_RUN, reason)))
            raise
        self._results.append(run.end(result))
        return result

    def _prepare(self, run: StepRun) -> StepResult | None:
        missing = sorted(set(run.lab.needs) - self.session.target.capabilities)
        if missing:
            return machine_error(
                TargetError(f"{run.lab.name} needs {', '.join(missing)}, which this target does not have.")
            )
        try:
            begun = self._resumption is not None and self._resumption.has_begun(run.lab.id)
            if begun or not run.lab.setup:
                return None
            self.session.target.watch()
            return set_up(run, run.lab.setup)
        except (TargetError, ShellError) as error:
            return machine_error(error)

    def _open_stretch(self, lab: Lab) -> None:
        if self.book is None:
            return
        if not self._seen.issuperset(lab.needs):  # what it needs may have things of an earlier time
            known = self._inventory
            self._look()
            self._inventory = self._inventory or known
        self._seen.update(lab.needs)
        if self._inventory is not None:
            self.book.begin(lab.id, self._inventory, session=self.session.id)

    def _close_stretch(self) -> None:
        """What the lab has made is written down. Where the target cannot say, the next run's beginning will."""
        if self.book is None:
            return
        self._look()
        if self._inventory is not None:
            self.book.end(self._inventory)

    def _look(self) -> None:
        try:
            self._inventory = self.session.target.inventory()
        except TargetError:
            self._inventory = None

    def _tell_what_appeared(self) -> None:
        """What this session has made, in earlier runs of it too, and nothing that others have made."""
        if self.book is None:
            self._look()
        if self._before is None or self._inventory is None:
            return
        made = set(appeared(self._before, self._inventory))
        if self.book is not None:
            made = {made.entry for made in self.book.made if made.session == self.session.id} & self._inventory
        for entry in sorted(made):
            self.session.emit(LedgerEntry(kind=entry.kind, thing=entry.name, id=entry.id))

    def _end(self, began: float) -> ExitStatus:
        status = exit_status(self._all_results(), interrupted=self._interrupted)
        self.session.emit(
            SessionEnded(
                seconds=round((self.left.seconds if self.left else 0.0) + self.session.clock() - began, 3),
                status=int(status),
                totals=totals(str(result.outcome) for result in self._all_results()),
            )
        )
        return status

    def _all_results(self) -> list[StepResult]:
        planned = sum(len(lab.steps) for lab in self.plan.labs)
        return [*self._results, *[StepResult(Outcome.NOT_RUN)] * (planned - len(self._results))]
