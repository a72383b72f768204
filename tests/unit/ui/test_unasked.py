"""`check` says of each step how many of its checks are about what does not last, and thus are not asked."""

import io

import pytest

from labrunner.model import Check, Course, Lab, Option, Outcome, Step
from labrunner.record import events
from labrunner.ui.plain import Plain


def checks(lasting, passing):
    return tuple(Check(kind="a.b", args={}, lasts=lasts) for lasts in [True] * lasting + [False] * passing)


def said(step, *, taken=(), mode="check", outcome=Outcome.PASSED):
    course = Course(id="c", title="C", labs=(Lab(id="l", name="lab-1", title="L", steps=(step,)),))
    plan = ({"id": "l", "title": "L", "steps": [{"id": "s", "title": "S"}]},)
    about = {"course": "c", "course_title": "C", "course_digest": "", "target": "sandbox", "started": ""}
    out = io.StringIO()
    plain = Plain(out, env={}, course=course)
    for event in (
        events.SessionStarted(session="1", mode=mode, plan=plan, **about),
        events.StepStarted(lab="l", step="s", title="S", attempt=1, number=1, count=1),
        events.OptionsTaken(lab="l", step="s", options=taken),
        events.StepEnded(lab="l", step="s", outcome=outcome, seconds=1.0, attempts=1, hints=0),
    ):
        plain.show(event)
    return out.getvalue()


def step(lasting, passing, **more):
    return Step(id="s", title="S", text="", checks=checks(lasting, passing), **more)


@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.FAILED])
def test_what_is_not_asked_is_counted_before_the_verdict(outcome):
    text = said(step(1, 3), outcome=outcome)
    assert "\n    (3 checks hold only during the run, so they are not asked now.)\n  " in text
    assert "\n    (1 check holds only during the run, so it is not asked now.)\n  " in said(step(0, 1))


@pytest.mark.parametrize(
    ("mode", "outcome", "wanted"),
    [
        ("check", Outcome.PASSED, step(2, 0)),
        ("unattended", Outcome.PASSED, step(1, 1)),
        ("check", Outcome.ERROR, step(1, 1)),
    ],
)
def test_where_all_are_asked_or_none_could_be_nothing_is_said(mode, outcome, wanted):
    assert "not asked" not in said(wanted, mode=mode, outcome=outcome)


def test_of_options_those_count_that_were_taken():
    options = (Option(id="a", title="A", checks=checks(1, 2)), Option(id="b", title="B", checks=checks(1, 4)))
    assert "(3 checks hold" in said(step(1, 1, options=options), taken=("a",))
    assert "(7 checks hold" in said(step(1, 1, options=options), taken=("a", "b"))
