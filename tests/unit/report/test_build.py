from typing import Any

from labrunner.model import Outcome
from labrunner.record.events import (
    CheckEnded,
    CommandEnded,
    Event,
    SessionEnded,
    SessionStarted,
    StepEnded,
    StepStarted,
    as_record,
)
from labrunner.report.build import build

PLAN = (
    {
        "id": "l",
        "title": "L",
        "steps": [{"id": "s", "ref": ["L2.S2"], "title": "S"}, {"id": "t", "ref": [], "title": "T"}],
    },
)
START = SessionStarted(
    session="1", mode="unattended", course="c", course_title="C", course_digest="d", target="sandbox",
    started="2026-11-23T10:00:00+00:00", tools={"docker": "20.10.24"}, plan=PLAN,
)  # fmt: skip
BEGIN = StepStarted(lab="l", step="s", title="S", attempt=1, number=1, count=2)


def command(number: int, outcome: Outcome, status: int = 0) -> CommandEnded:
    return CommandEnded(
        lab="l", step="s", number=number, ref=f"L2.S2.C{number}", run=f"run {number}", exit_status=status,
        end="exited", outcome=outcome, seconds=0.1, output="out",
    )  # fmt: skip


def check(outcome: Outcome) -> CheckEnded:
    return CheckEnded(lab="l", step="s", number=0, kind="a.b", after=None, outcome=outcome, message="m", seconds=0.1)


def end(outcome: Outcome, reason: str | None = None) -> StepEnded:
    return StepEnded(lab="l", step="s", outcome=outcome, seconds=2.0, attempts=1, hints=0, reason=reason)


def report(*events: Event) -> dict[str, Any]:
    return build(as_record(event, "") for event in (START, *events))


def test_a_step_with_its_commands_and_checks() -> None:
    built = report(BEGIN, command(0, Outcome.PASSED), check(Outcome.PASSED), end(Outcome.PASSED))
    first = built["labs"][0]["steps"][0]
    assert first["commands"] == [
        {"number": 0, "ref": "L2.S2.C0", "run": "run 0", "exit_status": 0, "outcome": "passed", "seconds": 0.1,
         "expected": None, "actual": None}
    ]  # fmt: skip
    assert first["checks"] == [
        {"number": 0, "kind": "a.b", "after": None, "outcome": "passed", "message": "m", "seconds": 0.1}
    ]
    assert first["reason"] is None
    assert built["tools"] == {"docker": "20.10.24"}


def test_what_never_ran_is_there_and_keeps_the_lab_from_passing() -> None:
    built = report(BEGIN, end(Outcome.PASSED), SessionEnded(seconds=3.0, status=1))
    assert built["labs"][0]["steps"][1]["outcome"] == "not_run"
    assert built["labs"][0]["outcome"] == "not_run"
    assert built["totals"] == {"passed": 1, "failed": 0, "error": 0, "skipped": 0, "not_run": 1}
    assert built["seconds"] == 3.0


def test_a_retry_replaces_what_failed_and_keeps_the_rest() -> None:
    built = report(
        BEGIN, command(0, Outcome.PASSED), command(1, Outcome.FAILED, 1), command(1, Outcome.PASSED),
        command(2, Outcome.PASSED), end(Outcome.PASSED),
    )  # fmt: skip
    outcomes = [(entry["number"], entry["outcome"]) for entry in built["labs"][0]["steps"][0]["commands"]]
    assert outcomes == [(0, "passed"), (1, "passed"), (2, "passed")]


def test_a_restart_forgets_the_attempt_before() -> None:
    built = report(BEGIN, command(0, Outcome.PASSED), command(1, Outcome.FAILED), BEGIN, command(0, Outcome.PASSED))
    assert len(built["labs"][0]["steps"][0]["commands"]) == 1


def test_a_lab_is_named_by_its_gravest_step() -> None:
    assert report(BEGIN, end(Outcome.ERROR, "gone"))["labs"][0]["outcome"] == "error"
