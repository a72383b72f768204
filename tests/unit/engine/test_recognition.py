"""What a failure is known to be: a slip of the step comes first, then the problems that the course knows."""

import json

import pytest

from labrunner.engine.policy import Move, Own, Point
from labrunner.model import Check, Command, Expectation, Mistake, Problem, Step
from labrunner.record.events import (
    CommandEnded,
    MistakeRecognised,
    OwnCommandEnded,
    ProblemRecognised,
)
from tests.unit.engine.conftest import Learner

SECRET = "hunter2-hunter2"


def problem(name: str, *when: str, **more: str) -> Problem:
    return Problem(id=name, when=when, cause=f"{name} happens.", fix=f"Mend {name}.", source="Tried", **more)


DENIED_HERE = problem("denied-here", "denied", "here", see="lab-1/s")
DENIED = problem("denied", "denied")
PROBLEMS = (DENIED_HERE, DENIED)


def step(*commands: str | Command, **more) -> Step:
    made = tuple(command if isinstance(command, Command) else Command(run=command) for command in commands)
    return Step(id="s", title="S", text="", commands=made, **more)


def told(ran) -> list[str]:
    return [event.problem for event in ran.of(ProblemRecognised)]


def reported(ran) -> list[str]:
    (only,) = ran.report["labs"][0]["steps"]
    return only["problems"]


def test_the_first_problem_whose_pieces_are_all_in_the_output_is_told_after_the_command(bench):
    ran = bench(step("echo access denied; echo and that here; false"), problems=PROBLEMS)
    assert ran.of(ProblemRecognised) == [
        ProblemRecognised(
            lab="l",
            step="s",
            problem="denied-here",
            cause="denied-here happens.",
            fix="Mend denied-here.",
            see="lab-1/s",
        )
    ]
    kinds = [type(event) for event in ran.events]
    assert kinds.index(ProblemRecognised) > kinds.index(CommandEnded)
    assert ran.step_end.outcome == "failed"


def test_one_of_whose_pieces_a_part_is_missing_is_not_told(bench):
    assert told(bench(step("echo denied; false"), problems=PROBLEMS)) == ["denied"]
    assert told(bench(step("echo here; false"), problems=PROBLEMS)) == []


def test_it_is_kept_in_the_transcript_and_in_the_report(bench):
    ran = bench(step("echo denied; false"), problems=PROBLEMS)
    (record,) = [
        entry for entry in map(json.loads, ran.transcript.splitlines()) if entry["event"].startswith("problem")
    ]
    assert (record["event"], record["step"], record["problem"]) == ("problem-recognised", "s", "denied")
    assert (record["cause"], record["fix"]) == ("denied happens.", "Mend denied.")
    assert reported(ran) == ["denied"]
    assert reported(bench(step("true"), problems=PROBLEMS)) == []


def test_a_mistake_of_the_step_comes_before_the_course(bench):
    mistakes = (Mistake(when=("denied",), text="A slip."),)
    ran = bench(step("echo denied here; false", mistakes=mistakes), problems=PROBLEMS)
    assert [event.text for event in ran.of(MistakeRecognised)] == ["A slip."]
    assert told(ran) == []


def test_a_mistake_that_does_not_show_leaves_it_to_the_course(bench):
    mistakes = (Mistake(when=("another",), text="A slip."),)
    ran = bench(step("echo denied; false", mistakes=mistakes), problems=PROBLEMS)
    assert ran.of(MistakeRecognised) == []
    assert told(ran) == ["denied"]


def test_an_expectation_that_is_not_met_is_a_failure_too(bench):
    wrong = Command(run="echo denied", expect=Expectation(contains=("allowed",)))
    assert told(bench(step(wrong), problems=PROBLEMS)) == ["denied"]


@pytest.mark.parametrize(
    "command",
    [Command(run="echo denied"), Command(run="echo denied; false", expect=Expectation(exit="nonzero"))],
    ids=["passes", "fails as it should"],
)
def test_nothing_is_told_of_a_command_that_does_what_it_should(bench, command):
    ran = bench(step(command), problems=PROBLEMS)
    assert ran.step_end.outcome == "passed"
    assert told(ran) == []


def test_what_a_check_says_is_no_output(bench):
    check = Check(kind="file.exists", args={"path": "denied"}, within=0.0)
    ran = bench(step("true", checks=(check,)), problems=PROBLEMS)
    assert ran.step_end.outcome == "failed"
    assert told(ran) == []


def test_an_attempt_from_the_start_forgets_none_of_them(bench):
    learner = Learner({Point.FAILED: [Move.RESTART]})
    ran = bench(step("echo denied; test -e again || { touch again; false; }"), learner=learner, problems=PROBLEMS)
    assert ran.step_end.outcome == "passed"
    assert reported(ran) == ["denied"]


def test_a_command_of_the_learners_own_that_fails_is_told_of_and_judged_by_nobody(bench):
    mistakes = (Mistake(when=("denied",), text="Of the step's commands alone."),)
    learner = Learner({Point.STEP: [Own("echo denied here; (exit 3)"), Own("echo denied"), Own("(exit 4)")]})
    ran = bench(step("true", mistakes=mistakes), learner=learner, problems=PROBLEMS)
    assert [event.exit_status for event in ran.of(OwnCommandEnded)] == [3, 0, 4]
    assert told(ran) == ["denied-here"]
    assert ran.of(MistakeRecognised) == []
    kinds = [type(event) for event in ran.events]
    assert kinds.index(ProblemRecognised) == kinds.index(OwnCommandEnded) + 1
    assert ran.step_end.outcome == "passed"


def test_no_secret_gets_out_by_it(bench):
    bench.redactor.add(SECRET)
    leaky = Problem(id="leaky", when=("denied",), cause=f"It was {SECRET}.", fix=f"Not {SECRET}.", source="Tried")
    ran = bench(step("echo denied; false"), problems=(leaky,))
    assert told(ran) == ["leaky"]
    assert SECRET not in ran.transcript
    assert SECRET not in str(ran.events)
