"""Whether what is still to do was passed over, and how much of it no run has come to."""

import pytest

from labrunner.model import Outcome
from labrunner.record.events import StepEnded
from labrunner.ui.tally import Tally
from labrunner.ui.texts import not_reached
from tests.happened import session_resumed

PLAN = ({"id": "l", "title": "L", "steps": [{"id": step, "title": step} for step in "abcd"]},)


@pytest.mark.parametrize(
    ("before", "ended", "passed_over"),
    [
        ("", "cd", True),  # goto c
        ("d", "c", True),
        ("ab", "cd", False),  # all is done
        ("a", "bcd", False),
        ("", "ab", False),  # quit behind b
        ("", "c", False),  # goto c, quit behind it
        ("", "cD", False),  # in d
        ("cd", "a", False),  # b is next
        ("", "", False),
    ],
)
def test_what_was_passed_over_lies_before_what_was_done_last(before, ended, passed_over):
    """before: steps that passed in earlier runs; ended: in this one, in upper case when left before its end."""
    tally = Tally()
    outcomes = tuple({"lab": "l", "step": step, "outcome": "passed"} for step in before)
    tally.add(session_resumed(plan=PLAN, outcomes=outcomes))
    for step in ended:
        outcome = Outcome.PASSED if step.islower() else Outcome.NOT_RUN
        tally.add(StepEnded(lab="l", step=step.lower(), outcome=outcome, seconds=1.0, attempts=1, hints=0))
    assert tally.passed_over() is passed_over
    assert tally.not_reached() == 4 - len(before) - len(ended)


@pytest.mark.parametrize(
    ("steps", "mode", "said"),
    [
        (0, "guided", ""),
        (1, "guided", "1 more step is still to be done."),
        (7, "unattended", "7 more steps are still to be done."),
        (1, "check", "1 more step was not looked at."),
        (2, "check", "2 more steps were not looked at."),
    ],
)
def test_how_many_steps_were_not_come_to_is_one_line(steps, mode, said):
    assert not_reached(steps, mode) == said
