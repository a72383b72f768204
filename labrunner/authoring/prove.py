"""Proves that a step's checks can fail: the truth in "a step passes because the state is right".

For a step that changes something: every check fails before it (asked once), passes after it, passes when the
step is run again, and the cleanup restores what was there. For a step that only reads: under its planted wrong
state every check and every expectation about output fails. A check that passes where it must fail is vacuous,
and is named with its place in the lab file.
"""

from dataclasses import dataclass, field

from labrunner.checking.api import CheckResult, TargetError
from labrunner.engine.outcomes import Blame, StepResult
from labrunner.engine.preparation import set_up, set_up_step
from labrunner.engine.states import State
from labrunner.engine.step import StepRun, machine_error
from labrunner.engine.walk import attempt
from labrunner.model import Command, Outcome
from labrunner.record.events import Proved
from labrunner.record.ledger import Inventory, differences
from labrunner.shell.protocol import ShellError

__all__ = ["Prover"]

NAMED_DIFFERENCES = 4


class _Unproven(Exception):  # noqa: N818 - ends one step's proof, reported as its result
    """Nothing further can be proven of this step; the reason is recorded."""


@dataclass(slots=True)
class Prover:
    """Conducts steps for `labrunner prove`; one for a run. It resets the target: use one of its own."""

    _arrived: tuple[str, int] | None = None
    """The lab, and the number of the step in it, that the target's state now leads to."""
    _problems: list[str] = field(default_factory=list)
    _bug: bool = False
    """A check of the step has a defect."""

    def __call__(self, run: StepRun) -> StepResult:
        """Prove one step. A StepResult that is FAILED names what is not proven."""
        self._problems = []
        self._bug = False
        run.choose()
        try:
            self._arrive(run)
            if run.step.reads_only:
                self._reading(run)
            else:
                self._changing(run)
        except _Unproven:
            self._arrived = None
        except (TargetError, ShellError) as error:
            self._arrived = None
            return machine_error(error)
        if self._bug:
            return StepResult(Outcome.ERROR, "; ".join(self._problems), Blame.BUG)
        return StepResult(Outcome.FAILED, "; ".join(self._problems)) if self._problems else StepResult(Outcome.PASSED)

    def _arrive(self, run: StepRun) -> None:
        """Bring the target to where the step starts: a fresh one on which the lab's earlier steps were done."""
        if self._arrived == (run.lab.id, run.number):
            return
        run.session.target.reset()
        run.session.seen.clear()
        problem = set_up(run, run.lab.setup)
        if problem:
            self._fail(run, "before", problem.reason)
        for number, step in enumerate(run.lab.steps[: run.number - 1], 1):
            earlier = StepRun(
                run.session,
                run.lab,
                step,
                number=number,
                lab_number=run.lab_number,
                carried=run.carried,
                foreign=run.foreign,
            )
            earlier.choose()
            result = attempt(earlier)
            _need_target(result)
            if result.outcome is not Outcome.PASSED:
                self._fail(run, "before", f"the earlier step {run.lab.name}/{step.id} does not pass: {result.reason}")

    def _set_up(self, run: StepRun) -> Inventory:
        """What is there when the step's setup has been done."""
        problem = set_up_step(run)
        if problem:
            self._fail(run, "before", problem.reason)
        return run.session.target.inventory()

    def _changing(self, run: StepRun) -> None:
        before = self._set_up(run)
        self._must_fail(run, "before")
        self._must_pass(run, "after")
        self._must_pass(run, "again")
        self._must_restore(run, before)
        self._must_pass(run, "")
        self._arrived = (run.lab.id, run.number + 1)

    def _reading(self, run: StepRun) -> None:
        before = self._set_up(run)
        self._must_pass(run, "after")
        self._must_pass(run, "again")
        changes = differences(before, run.session.target.inventory())
        self._tell(run, "cleanup", not changes, _changed(changes) or "the step changed nothing")
        self._arrived = None
        if run.step.wrong is None:
            self._fail(run, "wrong-state", "the step names no wrong state")
            return
        message = run.clean_up([run.step.wrong])
        if message:
            self._fail(run, "wrong-state", f"the wrong state could not be planted: {message}")
        self._must_fail(run, "wrong-state")
        self._expectations_must_fail(run)

    def _must_fail(self, run: StepRun, phase: str) -> None:
        if not run.checks and not run.step.reads_only:
            self._fail(run, phase, "the step has no check")
        results = run.ask(run.checks, once=True, quiet=True)
        _need_target(run.judge(results))
        for result in results:
            if result.outcome is Outcome.PASSED:
                where = "under the planted wrong state" if phase == "wrong-state" else "before the step"
                message = f"passes {where} already, so it proves nothing: {result.message}"
            else:
                message = result.message
            self._tell(run, phase, result.outcome is Outcome.FAILED, message, result)

    def _must_pass(self, run: StepRun, phase: str) -> None:
        """Run the step as a learner does. An empty phase is only on the way to the next step."""
        if run.state is not State.READY:
            run.go(State.READY)
        run.answers.clear()
        result = attempt(run)
        for answer in run.answers.values() if phase else ():
            self._tell(run, phase, answer.outcome is Outcome.PASSED, answer.message, answer)
        if result.outcome is not Outcome.PASSED:
            _need_target(result)
            self._fail(run, phase or "again", f"the step does not pass: {result.reason}")

    def _must_restore(self, run: StepRun, before: Inventory) -> None:
        for _ in ("once", "again when there is nothing to clean up"):
            message = run.clean_up(run.step.cleanup)
            if message:
                self._tell(run, "cleanup", ok=False, message=f"the cleanup failed: {message}")
                return
        changes = differences(before, run.session.target.inventory())
        lost = [change for change in changes if change.startswith(tuple(f"- {kind} " for kind in run.step.loses))]
        if run.step.loses and not lost:
            self._tell(run, "cleanup", ok=False, message="the step names what it `loses`, and nothing of it is gone")
            return
        changes = [change for change in changes if change not in lost]
        restored = "restores what was there before" + (
            f", but for what cannot come back: {', '.join(lost)}" if lost else ""
        )
        self._tell(run, "cleanup", not changes, _changed(changes) or restored)

    def _expectations_must_fail(self, run: StepRun) -> None:
        for action in run.actions:
            if not isinstance(action.item, Command):
                continue
            result = run.do(action)
            if not action.item.expect.reads_output and action.item.expect.exit == 0:
                continue
            failed = result.outcome is Outcome.FAILED
            message = result.reason if failed else "its expectation holds under the planted wrong state too"
            self._tell(run, "wrong-state", failed, f"`{action.item.run}`: {message}", at=action.item.at)

    def _tell(
        self,
        run: StepRun,
        phase: str,
        ok: bool,  # noqa: FBT001 - reads as the table of phase and verdict that it is
        message: str,
        result: CheckResult | None = None,
        *,
        at: str = "",
    ) -> None:
        self._bug = self._bug or (result is not None and result.bug)
        check = result.check if result else None
        place = check.at if check else at or run.step.at
        message = run.session.redactor.redact(message)
        run.session.emit(
            Proved(
                lab=run.lab.id,
                step=run.step.id,
                check=check.kind if check else None,
                at=place,
                phase=phase,
                ok=ok,
                message=message,
            )
        )
        if not ok:
            self._problems.append(f"{check.kind} ({place}) {message}" if check else f"{message} ({place})")

    def _fail(self, run: StepRun, phase: str, message: str) -> None:
        self._tell(run, phase, ok=False, message=message)
        raise _Unproven


def _need_target(result: StepResult) -> None:
    """Nothing is proven or disproven by a machine that is not well. Raises TargetError."""
    if result.blame is Blame.TARGET:
        raise TargetError(result.reason)


def _changed(changes: list[str]) -> str:
    if not changes:
        return ""
    more = len(changes) - NAMED_DIFFERENCES
    named = ", ".join(changes[:NAMED_DIFFERENCES]) + (f" and {more} more" if more > 0 else "")
    return f"what is there differs from before: {named}"
