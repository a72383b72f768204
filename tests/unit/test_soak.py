"""What a soak calls right and wrong."""

import pytest

from soak.verdict import problems, repeated


def started(number: int) -> dict:
    return {"event": "command-started", "lab": "l", "step": "s", "number": number, "run": f"c{number}"}


def ended(number: int, outcome: str = "passed") -> dict:
    return {**started(number), "event": "command-ended", "outcome": outcome}


def resumed(start: int, *, interrupted: bool) -> dict:
    return {"event": "step-resumed", "lab": "l", "step": "s", "start": start, "interrupted": interrupted}


@pytest.mark.parametrize(
    ("records", "found"),
    [
        ([started(0), ended(0), started(1), ended(1)], []),
        ([started(0), resumed(0, interrupted=True), started(0), ended(0)], []),
        ([started(0), ended(0, "failed"), started(0), ended(0)], []),
        ([started(0), ended(0), resumed(1, interrupted=False), started(0)], ["l/s command 0: c0"]),
        ([started(0), resumed(1, interrupted=True), started(0)], ["l/s command 0: c0"]),
        ([started(0), started(0)], ["l/s command 0: c0"]),
    ],
)
def test_what_is_run_twice_unasked_is_found(records, found):
    assert repeated(records) == found


def report(outcome: str = "passed", command: str = "passed") -> dict:
    commands = [{"number": 0, "ref": None, "outcome": command}]
    steps = [{"id": "s", "outcome": outcome, "reason": "why", "commands": commands}]
    return {
        "totals": {"passed": int(outcome == "passed"), "failed": int(outcome != "passed")},
        "labs": [{"id": "l", "steps": steps}],
    }


def test_a_report_is_right_only_when_all_of_it_is():
    assert problems(report(), steps=1, commands=1) == []
    assert problems(report("failed"), steps=1, commands=1)[1:] == ["l/s: failed: why"]
    assert problems(report(command="failed"), steps=1, commands=1) == ["0 of 1 commands passed, not 1 of 1"]
    assert problems(report(), steps=2, commands=1)
    assert problems(report(), steps=1, commands=2)
