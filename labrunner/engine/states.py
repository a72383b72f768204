"""The states of a step, in one table.

A step starts LOCKED (steps before it are not done), becomes READY when its turn comes, and RUNNING while its
setup and commands run. Checks are asked in CHECKING; a check may be asked after a named command, so the step can
go back to RUNNING. It ends PASSED, FAILED or ERROR; FAILED and ERROR are READY again on a retry, and any step
that is READY, RUNNING, FAILED or ERROR may be SKIPPED. Nothing leaves PASSED or SKIPPED but a restart.
"""

from collections.abc import Mapping
from enum import StrEnum

from labrunner.model import Outcome

__all__ = ["State", "advance", "outcome"]


class State(StrEnum):
    """Where a step is."""

    LOCKED = "locked"
    READY = "ready"
    RUNNING = "running"
    CHECKING = "checking"
    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"


_ENDS = (State.PASSED, State.FAILED, State.ERROR)

_NEXT: Mapping[State, frozenset[State]] = {
    State.LOCKED: frozenset({State.READY}),
    State.READY: frozenset({State.RUNNING, State.CHECKING, State.SKIPPED}),
    State.RUNNING: frozenset({State.RUNNING, State.CHECKING, State.SKIPPED, *_ENDS}),
    State.CHECKING: frozenset({State.RUNNING, State.CHECKING, *_ENDS}),
    State.PASSED: frozenset({State.READY}),
    State.FAILED: frozenset({State.READY, State.SKIPPED}),
    State.ERROR: frozenset({State.READY, State.SKIPPED}),
    State.SKIPPED: frozenset({State.READY}),
}

_OUTCOMES: Mapping[State, Outcome] = {
    State.PASSED: Outcome.PASSED,
    State.FAILED: Outcome.FAILED,
    State.ERROR: Outcome.ERROR,
    State.SKIPPED: Outcome.SKIPPED,
}


def advance(state: State, to: State) -> State:
    """`to`, if a step may go there from `state`. Raises ValueError otherwise: that is a defect of the engine."""
    if to not in _NEXT[state]:
        raise ValueError(f"a step cannot go from {state} to {to}")
    return to


def outcome(state: State) -> Outcome:
    """What the report says of a step left in that state."""
    return _OUTCOMES.get(state, Outcome.NOT_RUN)
