"""Conducts a step the way a learner takes it: setup, commands one by one, checks, and again after a failure.

Guided and unattended runs are this one function; what differs is the policy that decides.
"""

import re
from contextlib import suppress

from labrunner.checking.api import TargetError
from labrunner.engine.command import CommandResult
from labrunner.engine.outcomes import Quit, StepResult
from labrunner.engine.own import try_out
from labrunner.engine.policy import Moment, Move, Own, Point
from labrunner.engine.preparation import set_up_step
from labrunner.engine.recognition import tell_mistake, tell_problem
from labrunner.engine.states import State
from labrunner.engine.step import Action, StepRun, machine_error
from labrunner.model import Command, Outcome
from labrunner.shell.protocol import ShellError

__all__ = ["attempt", "walk"]

_FORWARD = (Move.RUN, Move.HINT, Move.SKIP, Move.QUIT)
_AFTER_FAILURE = (Move.RETRY, Move.RESTART, Move.HINT, Move.SKIP, Move.QUIT)
_SETS = re.compile(
    r"\s*(?:[A-Za-z_]\w*\+?=|(?:export|declare|typeset|readonly|local|cd|pushd|popd|source|\.|alias|set|shopt|umask|read)\s)"
)
"""Commands that leave something in the shell itself, which is lost with it."""
_STATES = {Outcome.PASSED: State.PASSED, Outcome.FAILED: State.FAILED, Outcome.ERROR: State.ERROR}


class _Skipped(Exception):  # noqa: N818 - the learner's wish
    """The learner skips the step."""


def walk(run: StepRun) -> StepResult:
    """Take the step to its end. Raises Quit and Interrupted."""
    try:
        start, go_on = _begin(run)
        while True:
            result = attempt(run, start=start, go_on=go_on)
            go_on = False
            if result.outcome is Outcome.PASSED:
                return _left(run, result)
            move = _decide(run, Point.FAILED, _AFTER_FAILURE, action=_failed(run), result=result)
            if move is Move.NEXT:
                return _left(run, result)
            run.go(State.READY)
            start = 0 if move is Move.RESTART else run.failed_at
            if move is Move.DONE and (action := _failed(run)):
                run.count_as_done(action)
                start, go_on = action.number + 1, True
    except _Skipped:
        run.go(State.SKIPPED)
        return _left(run, StepResult(Outcome.SKIPPED, "skipped by the learner"))


def _failed(run: StepRun) -> Action | None:
    """What a retry begins with."""
    return next((action for action in run.actions[run.failed_at :] if not run.leaves_out(action)), None)


def _left(run: StepRun, result: StepResult) -> StepResult:
    """What the step wanted to go wrong goes well again. Not when the learner quits: the next run goes on in it."""
    with suppress(TargetError):  # the next step, or the end of the run, says what is wrong with the machine
        run.session.target.mend()
    return result


def _begin(run: StepRun) -> tuple[int, bool]:
    """The action to start with, and whether it goes on what an earlier run has begun.

    A command that was interrupted is not run again but by a decision: the policy's, who is told whether what checks
    ask about it is there already.
    """
    if run.left is None or (start := run.resume()) is None:
        _decide(run, Point.STEP, _FORWARD)
        run.choose()
        return 0, False
    if not run.left.uncertain:
        return start, True
    action = run.actions[start]
    moves = (Move.DONE, Move.RUN) if _is_there(run, action) else (Move.RUN, Move.DONE)
    move = _decide(run, Point.INTERRUPTED, (*moves, Move.RESTART, Move.SKIP, Move.QUIT), action=action)
    if move is Move.RESTART:
        return 0, False
    if move is Move.DONE:
        run.count_as_done(action)
        return start + 1, True
    return start, True


def _is_there(run: StepRun, action: Action) -> bool:
    """Whether the checks named after the action pass, and it could not have left anything in the shell."""
    checks = [check for check in run.checks if check.after is not None and check.after == action.item.ref]
    if not checks or _SETS.match(action.command.run):
        return False
    return all(result.outcome is Outcome.PASSED for result in run.ask(checks, once=True, quiet=True))


def attempt(run: StepRun, *, start: int = 0, go_on: bool = False) -> StepResult:
    """Once through the step from its action `start`: PASSED, FAILED or ERROR. Raises Quit and Interrupted.

    go_on: with an attempt that an earlier run has begun.
    """
    if start == 0 and not go_on:
        run.begin()
    elif not go_on:
        run.again()
    run.go(State.RUNNING)
    try:
        result = set_up_step(run) if start == 0 and not go_on else None
        result = result or (_unasked(run, start) if go_on else None) or _actions(run, start)
    except (TargetError, ShellError) as error:
        result = machine_error(error)
    run.go(_STATES[result.outcome])
    return result


def _unasked(run: StepRun, start: int) -> StepResult | None:
    """Ask the checks of the command before, which an earlier run may not have come to; None when nothing is amiss."""
    if start == 0 or start > len(run.actions) or not (ref := run.actions[start - 1].item.ref):
        return None
    run.failed_at = start - 1
    asked = _ask(run, after=ref)
    return asked if asked and asked.outcome is not Outcome.PASSED else None


def _actions(run: StepRun, start: int) -> StepResult:
    since = start  # where what has not been checked begins: that is to be done again when a check fails
    for action in run.actions[start:]:
        if run.leaves_out(action):
            continue
        _decide(run, Point.COMMAND, _FORWARD, action=action)
        run.failed_at = action.number
        done = run.do(action)
        if done.outcome is not Outcome.PASSED:
            result = run.blame(done.reason, late=done.late)
            if result.outcome is Outcome.FAILED:
                _explain(run, done)
            return result
        asked = _ask(run, after=action.item.ref) if action.item.ref else None
        if asked is not None:
            if asked.outcome is not Outcome.PASSED:
                run.failed_at = since
                return asked
            since = action.number + 1
    run.failed_at = since if since < len(run.actions) else 0
    return _ask(run, after=None) or StepResult(Outcome.PASSED)


def _explain(run: StepRun, failed: CommandResult) -> None:
    """Tell what the failure of a command is known to be: the step knows better than the course."""
    if not tell_mistake(run, f"{failed.output}\n{failed.reason}"):
        tell_problem(run, failed.output)


def _ask(run: StepRun, *, after: str | None) -> StepResult | None:
    checks = [check for check in run.checks if check.after == after]
    if not checks:
        return None
    run.go(State.CHECKING)
    result = run.judge(run.ask(checks))
    if result.outcome is Outcome.FAILED:
        tell_mistake(run, result.reason)
    if result.outcome is Outcome.PASSED:
        run.go(State.RUNNING)
    return result


def _decide(
    run: StepRun,
    point: Point,
    moves: tuple[Move, ...],
    *,
    action: Action | None = None,
    result: StepResult | None = None,
) -> Move:
    """Ask the policy until it says something other than HINT, or a command of the learner's own.

    A command of their own may have brought about what the failed one was for; then that can be taken for done.
    """
    command: Command | None = action.command if action else None
    while True:
        offered = moves if run.hints_shown < len(run.step.hints) else tuple(m for m in moves if m is not Move.HINT)
        decision = run.session.policy.decide(
            Moment(
                point=point,
                moves=offered,
                lab=run.lab,
                step=run.step,
                command=command,
                text=command.run if command else "",
                reason=result.reason if result else "",
                outcome=result.outcome if result else None,
                hints_shown=run.hints_shown,
            )
        )
        if isinstance(decision, Own):
            try_out(run, decision, action)
            if point is Point.FAILED and result and result.outcome is Outcome.FAILED:
                moves = _AFTER_FAILURE if not action or not _is_there(run, action) else (Move.DONE, *_AFTER_FAILURE)
        elif decision is Move.QUIT:
            raise Quit(result)
        elif decision is Move.SKIP:
            raise _Skipped
        elif decision is not Move.HINT:
            return decision
        else:
            run.hint()
