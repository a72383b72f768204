"""Commands of the learner's own: at every fork, in the real shell, with no trace in the step."""

import json
from dataclasses import replace

import pytest

from labrunner.engine.outcomes import ExitStatus
from labrunner.engine.policy import Move, Own, Point
from labrunner.model import Command, File, Lab, Setup
from labrunner.record.events import (
    CarriedOver,
    OutputArrived,
    OwnCommandEnded,
    OwnCommandStarted,
    ShellRestarted,
)
from labrunner.record.left import read_left
from labrunner.shell.protocol import End, ShellError
from tests.unit.engine.conftest import Learner
from tests.unit.engine.steps import step, there
from tests.unit.engine.test_resume import Dying, Killed


def entries(ran):
    """The step in the report, without times."""
    (only,) = ran.report["labs"][0]["steps"]
    return [
        (only["outcome"], only["attempts"], only["reason"]),
        [(command["number"], command["run"], command["outcome"]) for command in only["commands"]],
    ]


def test_it_runs_before_a_step_before_a_command_and_after_a_failure(bench):
    learner = Learner(
        {
            Point.STEP: [Own("echo at the step"), Move.RUN],
            Point.COMMAND: [Own('echo "A is $A"'), Move.RUN, Own('echo "A is $A"'), Move.RUN, Move.RUN],
            Point.FAILED: [Own("touch ready; (exit 3)"), Move.RETRY],
        }
    )
    ran = bench(step("A=1", "test -e ready"), learner=learner)
    assert ran.status is ExitStatus.PASSED
    tried = ran.of(OwnCommandEnded)
    assert [(own.output.strip(), own.exit_status, own.reason) for own in tried] == [
        ("at the step", 0, None),
        ("A is", 0, None),
        ("A is 1", 0, None),
        ("", 3, None),
    ]
    assert [own.run for own in ran.of(OwnCommandStarted)] == [own.run for own in tried]
    assert entries(ran) == [("passed", 2, None), [(0, "A=1", "passed"), (1, "test -e ready", "passed")]]


def test_the_fork_comes_again_as_it_was(bench):
    learner = Learner({Point.COMMAND: [Own("true"), Own("false"), Move.RUN]})
    bench(step("touch a", checks=(there("a"),)), learner=learner)
    first, second, third = (moment for moment in learner.moments if moment.point is Point.COMMAND)
    assert first == second == third


def test_what_failed_can_be_taken_for_done_once_its_work_is_there(bench):
    made = replace(there("a"), after="r")
    learner = Learner({Point.FAILED: [Own("true"), Own("touch a"), Move.DONE]})
    ran = bench(step(Command(run="false", ref="r"), "touch b", checks=(made, there("b"))), learner=learner)
    before, after_other, after = (moment.moves for moment in learner.moments if moment.point is Point.FAILED)
    assert before == after_other == after[1:]
    assert after[0] is Move.DONE
    assert ran.status is ExitStatus.PASSED
    assert [(event.run, event.outcome, event.end) for event in ran.ended] == [
        ("false", "failed", "exited"),
        ("false", "passed", "found-done"),
        ("touch b", "passed", "exited"),
    ]


@pytest.mark.parametrize(
    ("failing", "own"),
    [
        (Command(run="false", ref="other"), "touch a"),  # no check asks about its work
        (Command(run="export A=$(cat a)", ref="r"), "touch a"),  # what it was to leave is in the shell
        (Command(run="false", ref="r"), "touch b"),
    ],
)
def test_what_failed_is_not_done_where_nothing_says_so(bench, failing, own):
    learner = Learner({Point.FAILED: [Own(own), Move.SKIP]})
    bench(step(failing, checks=(replace(there("a"), after="r"),)), learner=learner)
    assert not [moment for moment in learner.moments if Move.DONE in moment.moves]


def test_what_it_does_in_the_shell_stays(bench):
    learner = Learner({Point.COMMAND: [Own("B='two words'; mkdir sub; cd sub"), Move.RUN]})
    ran = bench(step('test "$B" = "two words" && touch ../a', checks=(there("a"),)), learner=learner)
    assert ran.status is ExitStatus.PASSED


def test_it_knows_what_earlier_steps_have_set_though_the_shell_is_new(bench):
    earlier = Lab(
        id="e", name="lab-0", title="E", steps=(step(Command(run="NAME=value", carries=True), name="before"),)
    )
    learner = Learner({Point.STEP: [Own("echo $NAME"), Move.RUN]})
    ran = bench(step("true"), learner=learner, earlier=earlier)
    assert [own.output.strip() for own in ran.of(OwnCommandEnded)] == ["value"]
    assert [event.runs for event in ran.of(CarriedOver)] == [("NAME=value",)]


def test_one_that_ends_the_shell_says_so_and_the_settings_come_back(bench):
    learner = Learner({Point.COMMAND: [Move.RUN, Own("exit 7"), Own("echo $NAME"), Move.RUN]})
    ran = bench(step(Command(run="NAME=value", carries=True), 'test "$NAME" = value'), learner=learner)
    assert ran.status is ExitStatus.PASSED
    ended, after = ran.of(OwnCommandEnded)
    assert (ended.end, ended.exit_status, after.output.strip()) == (End.SHELL_EXITED, 7, "value")
    kinds = [type(event) for event in ran.events]
    assert kinds.index(ShellRestarted) < kinds.index(OwnCommandEnded)


def test_its_output_is_live_and_without_secrets(bench):
    bench.redactor.add("s3cr3t-value")
    learner = Learner({Point.COMMAND: [Own("echo s3cr3t-value and more"), Move.RUN]}, live=True)
    ran = bench(step("true"), learner=learner)
    assert "and more" in "".join(event.data for event in ran.of(OutputArrived))
    (ended,) = ran.of(OwnCommandEnded)
    assert "and more" in ended.output
    assert "s3cr3t" not in ran.transcript
    assert not any("s3cr3t" in repr(event) for event in ran.events)


def test_a_password_that_is_typed_is_not_written_down(bench):
    learner = Learner({Point.COMMAND: [Own("true docker login -u me --password hunter2hunter2"), Move.RUN]})
    ran = bench(step("true"), learner=learner)
    assert "docker login" in ran.transcript
    assert "hunter2" not in ran.transcript


def test_what_it_puts_into_a_variable_that_the_step_calls_secret_is_not_shown_later(bench):
    learner = Learner({Point.COMMAND: [Own("PASS=opensesame1"), Own("echo it is $PASS"), Move.RUN]})
    ran = bench(step(Command(run="true", secrets=("PASS",))), learner=learner)
    assert ran.of(OwnCommandEnded)[1].output.startswith("it is ")
    assert "opensesame1" not in ran.of(OwnCommandEnded)[1].output


def test_a_file_that_is_not_written_yet(bench):
    learner = Learner({Point.COMMAND: [Own("ls"), Move.RUN, Own("cat file"), Move.RUN]})
    ran = bench(step("true", files=(File(path="file", text="content\n"),)), learner=learner)
    assert [own.output.strip() for own in ran.of(OwnCommandEnded)] == ["", "content"]


def test_a_step_without_commands(bench):
    learner = Learner({Point.STEP: [Own("touch a"), Move.RUN]})
    assert bench(step(checks=(there("a"),)), learner=learner).status is ExitStatus.PASSED


def test_it_sees_the_size_of_the_learners_terminal_and_only_it(bench):
    learner = Learner({Point.COMMAND: [Own("stty size", (91, 33)), Own("stty size"), Move.RUN]})
    ran = bench(step("stty size > size"), learner=learner)
    assert [own.output.strip() for own in ran.of(OwnCommandEnded)] == ["33 91", "50 200"]
    assert (bench.work / "size").read_text() == "50 200\n"


def test_a_machine_at_fault_is_told_and_the_fork_comes_again(bench, monkeypatch):
    learner = Learner({Point.STEP: [Own("echo one"), Move.RUN]})
    shell = bench.target.shell

    def broken(host):
        monkeypatch.setattr(bench.target, "shell", shell)
        raise ShellError("the shell did not answer for 10 s")

    monkeypatch.setattr(bench.target, "shell", broken)
    ran = bench(step("true"), learner=learner)
    (ended,) = ran.of(OwnCommandEnded)
    assert (ended.end, ended.exit_status, ended.reason) == ("error", None, "the shell did not answer for 10 s")
    assert ran.status is ExitStatus.PASSED


def test_what_it_set_is_there_after_a_resume_and_nothing_is_counted_twice(bench):
    learner = Learner({Point.COMMAND: [Move.RUN, Own("MINE=(a 'b c')"), Move.QUIT]})
    steps = (step("echo 1 >> log", 'test "${MINE[1]}" = "b c" && echo 2 >> log', checks=(there("log"),)),)
    bench(*steps, learner=learner)
    again = Learner({Point.COMMAND: [Own('echo "${MINE[1]}"'), Move.RUN]})
    ran = bench(*steps, learner=again, resume=True)
    assert ran.status is ExitStatus.PASSED
    assert [own.output.strip() for own in ran.of(OwnCommandEnded)] == ["b c"]
    assert (bench.work / "log").read_text() == "1\n2\n"
    assert entries(ran)[1] == [
        (0, "echo 1 >> log", "passed"),
        (1, steps[0].commands[1].run, "passed"),
    ]


@pytest.mark.parametrize("name", ["own-command-started", "own-command-ended"])
def test_a_run_that_is_killed_around_it_goes_on_at_the_same_fork(bench, name):
    class Dies(Dying):
        def show(self, event):
            Learner.show(self, event)
            if event.name == name:
                raise Killed

    steps = (step("echo 1 >> log", "echo 2 >> log", setup=(Setup(run="echo s >> log"),)),)
    with pytest.raises(Killed):
        bench(*steps, learner=Dies({Point.COMMAND: [Move.RUN, Own("echo own >> log")]}))
    again = Learner()
    ran = bench(*steps, learner=again, resume=True)
    assert ran.status is ExitStatus.PASSED
    assert Point.INTERRUPTED not in [moment.point for moment in again.moments]
    did = (bench.work / "log").read_text().split()
    assert [line for line in did if line != "own"] == ["s", "1", "2"]


def test_it_can_be_tried_where_a_command_was_interrupted(bench):
    class Dies(Dying):
        def show(self, event):
            Learner.show(self, event)
            if event.name == "command-started":
                raise Killed

    with pytest.raises(Killed):
        bench(step("echo 1 >> log"), learner=Dies())
    again = Learner({Point.INTERRUPTED: [Own("ls"), Move.RUN]})
    ran = bench(step("echo 1 >> log"), learner=again, resume=True)
    assert ran.status is ExitStatus.PASSED
    assert [moment.point for moment in again.moments][:2] == [Point.INTERRUPTED, Point.INTERRUPTED]
    assert len(ran.of(OwnCommandEnded)) == 1


def test_one_alone_before_a_step_does_not_begin_it(bench):
    learner = Learner({Point.STEP: [Own("true"), Move.QUIT]})
    ran = bench(step("true"), learner=learner)
    assert entries(ran) == [("not_run", 0, None), []]
    records = [json.loads(line) for line in ran.transcript.splitlines()]
    assert "own-command-ended" in [record["event"] for record in records]
    assert read_left(records).steps == {}
    assert bench(step("true"), learner=Learner(), resume=True).status is ExitStatus.PASSED
