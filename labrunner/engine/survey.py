"""Conducts a step without running anything of it: only its checks are asked."""

from labrunner.engine.outcomes import StepResult
from labrunner.engine.states import State
from labrunner.engine.step import StepRun, machine_error
from labrunner.model import Outcome
from labrunner.shell.protocol import ShellError
from labrunner.targets.protocol import TargetError

__all__ = ["survey"]

_STATES = {Outcome.PASSED: State.PASSED, Outcome.FAILED: State.FAILED, Outcome.ERROR: State.ERROR}


def survey(run: StepRun) -> StepResult:
    """Ask every check of the step once (nothing is under way that could still change), and say whose a failure is."""
    run.choose()
    run.begin()
    run.go(State.CHECKING)
    try:
        result = run.judge(run.ask(run.checks, once=True))
    except (TargetError, ShellError) as error:
        result = machine_error(error)
    run.go(_STATES[result.outcome])
    return result
