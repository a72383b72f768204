"""Where a learner is who has said where to go on: read from what was written down, whatever came in between."""

import pytest

from labrunner.model import Outcome
from labrunner.record.left import Left, read_left

NOW = "2026-01-01T00:00:00+00:00"
PLAN = [{"id": "l", "title": "L", "steps": [{"id": step, "title": step} for step in "abcd"]}]


def started(mode="guided", name="session-started"):
    return {
        "event": name,
        "mode": mode,
        "plan": PLAN,
        "session": "s",
        "course": "c",
        "target": "t",
        "started": NOW,
        "selectors": ["lab-1"],
    }


def goes_on(mode="guided"):
    return started(mode, "session-resumed")


def at(event, step, **more):
    return {"event": event, "lab": "l", "step": step, **more}


def goto(step):
    return at("went-to", step)


def begins(step):
    return at("step-started", step, attempt=1)


def resumes(step):
    return at("step-resumed", step)


def ran(step, number=0):
    return at("command-ended", step, number=number, run="true", outcome="passed", end="exited")


def ends(step, outcome="passed"):
    return at("step-ended", step, outcome=outcome, attempts=1)


def does(*steps):
    return [event for step in steps for event in (begins(step), ends(step))]


def fold(*events) -> Left:
    flat = [one for event in events for one in (event if isinstance(event, list) else [event])]
    return read_left([{**event, "time": NOW} for event in flat])


def place(*events):
    """The step at which the run goes on; whether at its beginning."""
    left = fold(started(), *events)
    where = left.position or next((place for place in left.plan if left.outcome(place) is None), None)
    assert (where is None) is left.is_complete
    return where and (where[1], "midway" if left.position and left.midway else "anew")


LEFT = "not_run"


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], ("a", "anew")),
        ([goto("c")], ("c", "anew")),
        ([goto("c"), goes_on(), begins("c")], ("c", "midway")),  # a closed terminal
        ([goto("c"), goes_on(), begins("c"), ran("c"), ends("c", LEFT)], ("c", "midway")),  # q
        ([goto("c"), goes_on(), begins("c"), ran("c"), ends("c", LEFT), goes_on(), resumes("c")], ("c", "midway")),
        ([goto("c"), goes_on(), does("c")], ("d", "midway")),
        ([goto("c"), goes_on(), does("c"), begins("d"), ends("d", LEFT)], ("d", "midway")),
        ([goto("c"), goes_on(), begins("c"), ends("c", "failed")], ("c", "midway")),
        ([goto("c"), goes_on(), does("c", "d")], ("a", "anew")),  # what was passed over
        ([goto("c"), goes_on(), does("c", "d"), goes_on(), does("a"), begins("b")], ("b", "midway")),
        ([does("a", "b", "c", "d"), goto("b"), goes_on(), begins("b")], ("b", "midway")),
        ([does("a", "b", "c", "d"), goto("b"), goes_on(), does("b")], None),
        ([does("a", "b", "c"), goto("b"), goes_on(), does("b")], ("d", "midway")),
        ([goto("c"), goto("b")], ("b", "anew")),
        ([goto("c"), goes_on(), begins("c"), ends("c", LEFT), goto("c")], ("c", "anew")),
    ],
)
def test_the_place_stays_until_the_learner_moves_on(events, expected):
    assert place(*events) == expected


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([goto("b"), ends("b", "skipped")], ("c", "midway")),  # by `skip`, or `s` before it begins
        ([does("a", "b"), goto("b"), ends("b", "skipped")], ("c", "midway")),
        ([goto("b"), ends("d", "skipped")], ("b", "anew")),
        ([goto("b"), goes_on(), begins("b"), ends("c", "skipped"), ends("b")], ("d", "midway")),
        ([goto("c"), goes_on("solve"), begins("a"), ends("a")], ("c", "anew")),  # solved by itself
        ([goto("c"), goes_on("solve"), begins("c"), ends("c")], ("d", "midway")),
        ([goto("c"), goes_on(), does("c"), at("step-reset", "c")], ("c", "midway")),
        ([does("a"), goto("c"), goes_on(), begins("c"), at("step-reset", "a"), at("step-reset", "b")], ("a", "midway")),
        ([does("a"), goto("c"), at("step-reset", "d")], ("c", "anew")),
    ],
)
def test_other_commands_and_the_place(events, expected):
    assert place(*events) == expected


def test_unattended_it_moves_on_behind_what_failed():
    went = [goto("b"), goes_on("unattended"), *does("b"), begins("c"), ends("c", "failed")]
    assert place(*went) == ("c", "midway")
    left = fold(started(), *went, *does("d"), {"event": "session-ended", "totals": {}})
    assert left.position is None
    assert left.outcome(("l", "c")) is Outcome.FAILED
    assert left.outcome(("l", "a")) is None
