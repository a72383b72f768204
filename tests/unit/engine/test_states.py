import itertools

import pytest

from labrunner.engine.states import State, advance, outcome
from labrunner.model import Outcome


@pytest.mark.parametrize(
    "way",
    [
        [State.LOCKED, State.READY, State.RUNNING, State.CHECKING, State.PASSED],
        [State.READY, State.RUNNING, State.CHECKING, State.RUNNING, State.CHECKING, State.FAILED, State.READY],
        [State.READY, State.CHECKING, State.ERROR, State.SKIPPED, State.READY],
    ],
)
def test_the_ways_through_a_step(way: list[State]) -> None:
    for state, to in itertools.pairwise(way):
        assert advance(state, to) is to


@pytest.mark.parametrize(
    ("state", "to"),
    [
        (State.LOCKED, State.RUNNING),
        (State.READY, State.PASSED),
        (State.PASSED, State.FAILED),
        (State.FAILED, State.PASSED),
        (State.SKIPPED, State.PASSED),
    ],
)
def test_no_step_passes_without_running_or_checking(state: State, to: State) -> None:
    with pytest.raises(ValueError, match=f"from {state} to {to}"):
        advance(state, to)


def test_a_step_left_on_its_way_was_not_run() -> None:
    assert outcome(State.RUNNING) is outcome(State.LOCKED) is Outcome.NOT_RUN
    assert outcome(State.ERROR) is Outcome.ERROR
