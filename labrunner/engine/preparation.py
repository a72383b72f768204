"""Brings about the state that a step starts from, by its setups or its lab's."""

from collections.abc import Sequence

from labrunner.checking.api import TargetError
from labrunner.engine.outcomes import Blame, StepResult
from labrunner.engine.step import StepRun, machine_error
from labrunner.model import Check, Outcome, Setup
from labrunner.record.events import Prepared

__all__ = ["set_up", "set_up_step"]

TIMED_OUT = 124
"""The status of a script that was ended for taking too long (`Target.script`)."""
_SETUP_FAILED = "the setup of this step failed"


def set_up_step(run: StepRun) -> StepResult | None:
    """The step's own setup, as `set_up`. What a step before has wanted to go wrong ends here at the latest: it may have
    been left in the middle."""
    run.session.target.mend()
    return set_up(run, run.step.setup)


def set_up(run: StepRun, setups: Sequence[Setup]) -> StepResult | None:
    """Bring about what the setups say; None when it is there. What was missing is told.

    Raises TargetError and ShellError.
    """
    clock = run.session.clock
    for setup in setups:
        if setup.unless is not None and _holds(run, setup.unless):
            continue
        began = clock()
        failed = _bring_about(run, setup) or _still_missing(run, setup)
        if failed:
            return failed
        if setup.unless is not None and setup.says:  # without a question it is run each time, and is no news
            _tell(run, setup.says, clock() - began)
    return None


def _bring_about(run: StepRun, setup: Setup) -> StepResult | None:
    target = run.session.target
    wanted = setup.seed or setup.arrange
    if setup.fault is not None:
        target.spoil(setup.fault)
        return None
    if wanted is not None:
        said, late = target.seed(wanted), False
    else:
        ran = target.script(setup.run, host=setup.host, timeout=setup.timeout)
        said = "" if ran.status == 0 else (ran.stderr or ran.stdout).strip() or f"status {ran.status}"
        late = ran.status == TIMED_OUT
    if not said:
        return None
    found = run.blame("", late=late)
    reason = f"{_SETUP_FAILED}: {run.session.redactor.redact(said)}"
    return found if found.blame else StepResult(Outcome.ERROR, reason, Blame.TARGET)


def _still_missing(run: StepRun, setup: Setup) -> StepResult | None:
    """Why the state is not there though the setup has done its work; None when it is. A fault is no state."""
    if setup.unless is None or not setup.asks_again or setup.fault is not None:
        return None
    (result,) = run.session.target.checker().ask([setup.unless])
    if result.outcome is Outcome.PASSED:
        return None
    found = run.blame("", late=True)
    if found.blame:
        return found
    redact = run.session.redactor.redact
    wanted = f" ({redact(setup.says.strip()).rstrip('.')})" if setup.says else ""
    return machine_error(
        TargetError(
            f"{_SETUP_FAILED}: it was done, but its state{wanted} is not there, asks"
            f" `{setup.unless.kind}`: {redact(result.message)}",
            "Run the step again: nothing of it was begun. If it stays, tell the author of the course:"
            f" the setup of {run.lab.name}/{run.step.id} and its `unless` do not agree",
        )
    )


def _tell(run: StepRun, says: str, seconds: float) -> None:
    text = run.session.redactor.redact_values(says)
    run.session.emit(Prepared(lab=run.lab.id, step=run.step.id, text=text, seconds=round(seconds, 4)))


def _holds(run: StepRun, check: Check) -> bool:
    return run.session.target.checker().ask([check], once=True)[0].outcome is Outcome.PASSED
