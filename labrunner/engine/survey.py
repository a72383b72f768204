"""Conducts a step without running anything of it: only its checks are asked."""

from collections.abc import Iterable

from labrunner.engine.outcomes import StepResult
from labrunner.engine.states import State
from labrunner.engine.step import StepRun, machine_error
from labrunner.model import Check, Option, Outcome
from labrunner.shell.protocol import ShellError
from labrunner.targets.protocol import TargetError

__all__ = ["survey"]

_STATES = {Outcome.PASSED: State.PASSED, Outcome.FAILED: State.FAILED, Outcome.ERROR: State.ERROR}


def survey(run: StepRun) -> StepResult:
    """Ask the checks of the step that last, once (nothing is under way that could still change).

    Of options, that one is asked which the learner has taken: the one whose checks pass, else all. A failure is
    said to be whose it is.
    """
    run.begin()
    run.go(State.CHECKING)
    try:
        if run.step.options:
            run.settle_on(_taken(run))
        result = run.judge(run.ask(_lasting(run.checks), once=True))
    except (TargetError, ShellError) as error:
        result = machine_error(error)
    run.go(_STATES[result.outcome])
    return result


def _taken(run: StepRun) -> tuple[Option, ...]:
    ask = run.session.target.checker().ask
    for option in run.step.options:
        lasting = _lasting(option.checks)
        if lasting and all(result.outcome is Outcome.PASSED for result in ask(lasting, once=True)):
            return (option,)
    return run.step.options


def _lasting(checks: Iterable[Check]) -> list[Check]:
    return [check for check in checks if check.lasts]
