"""A learner's way through a step, on a real bash."""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from labrunner.checking.api import TargetError
from labrunner.engine.carry import Carried, needed
from labrunner.engine.outcomes import ExitStatus
from labrunner.engine.policy import Move, Point
from labrunner.model import (
    Arrangement,
    Check,
    Command,
    Expectation,
    Fault,
    File,
    Hint,
    Lab,
    Mistake,
    Option,
    Outcome,
    Seed,
    SeededManifest,
    Setup,
)
from labrunner.record.book import Book
from labrunner.record.events import (
    CarriedOver,
    CheckEnded,
    CheckWaiting,
    CommandEnded,
    HintShown,
    MistakeRecognised,
    OutputArrived,
    Prepared,
    ShellRestarted,
    StepEnded,
    StepStarted,
)
from labrunner.shell.protocol import ShellError
from tests.unit.engine.conftest import Learner
from tests.unit.engine.steps import step, there
from tests.waiting import wait_for

SEED = Seed(registry="reg", repository="a", manifests=(SeededManifest(from_="a:1", tags=("2",), days=3.0),))


def test_a_step_passes_because_the_state_is_right(bench):
    ran = bench(step("touch a", checks=(there("a"),)))
    assert ran.status is ExitStatus.PASSED
    assert ran.steps == [("passed", None)]
    assert [check.message for check in ran.of(CheckEnded)] == ["`a` is there."]


def test_a_step_fails_because_the_state_is_wrong_though_the_command_ended_well(bench):
    ran = bench(step("true", checks=(there("a"),)))
    assert ran.status is ExitStatus.FAILED
    assert ran.steps == [("failed", "There is no file `a`.")]


def test_a_command_that_fails_ends_the_attempt_and_says_why(bench):
    ran = bench(step("(exit 3)", "touch a", checks=(there("a"),)), step("touch b", name="next", checks=(there("b"),)))
    assert ran.status is ExitStatus.FAILED
    assert [outcome for outcome, _ in ran.steps] == ["failed", "passed"]
    assert "exit status 3" in ran.steps[0][1]
    assert ran.started == ["(exit 3)", "touch b"]
    assert not ran.report["labs"][0]["steps"][0]["checks"]


def test_output_that_is_not_as_expected_fails_with_both(bench):
    ran = bench(step(Command(run="echo one", expect=Expectation(exact="two"))))
    (ended,) = ran.ended
    assert (ended.outcome, ended.expected, ended.actual) == (Outcome.FAILED, "two", "one")
    assert all(len(line) <= 80 for line in ended.explanation)


def test_a_retry_starts_from_the_command_that_failed(bench):
    learner = Learner({Point.FAILED: [Move.RETRY, Move.RETRY]})

    def mend_before_the_second_retry(_moment):
        if sum(moment.point is Point.FAILED for moment in learner.moments) == 2:
            (bench.work / "ready").touch()

    learner.before = mend_before_the_second_retry
    ran = bench(step("echo x >> first", "test -e ready", "touch done", checks=(there("done"),)), learner=learner)
    assert ran.status is ExitStatus.PASSED
    assert (bench.work / "first").read_text() == "x\n"
    assert ran.started == ["echo x >> first", "test -e ready", "test -e ready", "test -e ready", "touch done"]
    assert ran.step_end.attempts == 3
    assert [moment.text for moment in learner.moments if moment.point is Point.FAILED] == ["test -e ready"] * 2
    # the report tells how it ended: one entry for each command, the last of it
    assert [command["outcome"] for command in ran.report["labs"][0]["steps"][0]["commands"]] == ["passed"] * 3


def test_a_restart_begins_with_setup_and_first_command(bench):
    learner = Learner({Point.FAILED: [Move.RESTART]})
    ran = bench(
        step("echo x >> first", "test $(wc -l < first) = 2", setup=(Setup(run="echo s >> setup"),)), learner=learner
    )
    assert ran.status is ExitStatus.PASSED
    assert (bench.work / "first").read_text() == "x\nx\n"
    assert (bench.work / "setup").read_text() == "s\ns\n"
    assert [start.attempt for start in ran.of(StepStarted)] == [1, 2]


def test_a_check_after_a_command_is_asked_then_and_stops_the_rest(bench):
    checks = (there("a", after="r1"), there("b"))
    commands = (Command(run="touch a", ref="r1"), Command(run="rm a; touch b", ref="r2"))
    ran = bench(step(*commands, checks=checks))
    assert ran.status is ExitStatus.PASSED
    assert [(end.number, end.after) for end in ran.of(CheckEnded)] == [(0, "r1"), (1, None)]
    ran = bench(step(*commands, checks=(there("z", after="r1"), there("b"))))
    assert ran.started == ["touch a"]
    assert ran.steps == [("failed", "There is no file `z`.")]


def test_a_retry_after_such_a_check_runs_again_what_had_not_been_checked_before(bench):
    learner = Learner({Point.FAILED: [Move.RETRY]})
    ran = bench(
        step(
            Command(run="echo x >> first", ref="f"),
            "echo y >> second",
            Command(run="echo z >> third; test $(wc -l < third) = 1 || touch a", ref="r"),
            checks=(there("first", after="f"), there("a", after="r")),
        ),
        learner=learner,
    )
    assert ran.status is ExitStatus.PASSED
    assert (bench.work / "first").read_text() == "x\n"
    assert (bench.work / "second").read_text() == "y\ny\n"
    assert (bench.work / "third").read_text() == "z\nz\n"


def test_a_check_waits_for_what_comes_later(bench):
    learner = Learner()
    ran = bench(step("(sleep 0.2; touch a) >/dev/null 2>&1 &", checks=(there("a", within=10.0),)), learner=learner)
    assert ran.status is ExitStatus.PASSED
    assert "There is no file `a`." in {event.message for event in ran.of(CheckWaiting)}
    assert "check-waiting" not in ran.transcript


def test_hints_come_one_by_one_until_there_are_none(bench):
    learner = Learner({Point.COMMAND: [Move.HINT, Move.HINT, Move.RUN]})
    ran = bench(step("true", hints=(Hint(text="one"), Hint(text="two"))), learner=learner)
    assert [(hint.number, hint.count, hint.text) for hint in ran.of(HintShown)] == [(1, 2, "one"), (2, 2, "two")]
    asked = [moment for moment in learner.moments if moment.point is Point.COMMAND]
    assert [Move.HINT in moment.moves for moment in asked] == [True, True, False]
    assert [moment.hints_shown for moment in asked] == [0, 1, 2]
    assert ran.report["labs"][0]["steps"][0]["hints"] == 2


@pytest.mark.parametrize("point", [Point.STEP, Point.COMMAND, Point.FAILED])
def test_a_step_can_be_skipped_at_every_fork(bench, point):
    learner = Learner({point: [Move.SKIP]})
    ran = bench(step("false"), step("true", name="next"), learner=learner)
    assert ran.status is ExitStatus.FAILED
    assert [outcome for outcome, _ in ran.steps] == ["skipped", "passed"]


@pytest.mark.parametrize(
    ("point", "outcome", "reason"),
    [
        (Point.STEP, "not_run", None),
        (Point.COMMAND, "not_run", "left before its end"),
        (Point.FAILED, "failed", "Expected exit status 0; came exit status 1."),
    ],
)
def test_quitting_ends_the_run_and_tells_how_far_the_step_came(bench, point, outcome, reason):
    ran = bench(step("false"), step("touch next", name="next"), learner=Learner({point: [Move.QUIT]}))
    assert ran.status is ExitStatus.FAILED
    assert ran.steps == [(outcome, reason), ("not_run", None)]
    assert not (bench.work / "next").exists()
    assert len(ran.of(StepStarted)) == len(ran.of(StepEnded))


def test_what_came_as_a_sentence_is_told_with_one_full_stop(bench):
    expect = Expectation(lines="It is so.\n...")
    command = Command(run="printf 'Do that instead.\\nNow.\\n'", expect=expect)
    ran = bench(step(command), learner=Learner({Point.FAILED: [Move.QUIT]}))
    assert ran.steps == [("failed", "Expected It is so.; came Do that instead.")]


def test_what_is_said_of_another_host_names_it(bench):
    ran = bench(step("true", checks=(there("here"), there("gone", host="far"), there("gone"))))
    assert [event.message.startswith("On far: ") for event in ran.of(CheckEnded)] == [False, True, False]


def test_so_does_what_is_said_while_it_is_waited_for(bench):
    ran = bench(step("true", checks=(there("gone", host="far", within=0.2),)))
    waited = {event.message for event in ran.of(CheckWaiting)}
    assert waited == {"On far: There is no file `gone`."}


def test_quitting_after_an_error_is_still_the_machines(bench):
    ran = bench(step("true", checks=(Check(kind="t.gone"),)), learner=Learner({Point.FAILED: [Move.QUIT]}))
    assert ran.status is ExitStatus.TARGET
    assert ran.report["totals"]["error"] == 1


def test_a_check_that_cannot_ask_is_an_error_with_what_to_do(bench):
    ran = bench(step("true", checks=(Check(kind="t.gone"),)), step("touch next", name="next"))
    assert ran.status is ExitStatus.TARGET
    assert [outcome for outcome, _ in ran.steps] == ["error", "not_run"]
    assert "The thing does not answer" in ran.steps[0][1]
    assert "Start it." in ran.steps[0][1]


def test_a_bug_in_a_check_is_ours_and_never_the_learners(bench):
    ran = bench(step("true", checks=(Check(kind="t.bug"),)), step("true", name="next"))
    assert ran.status is ExitStatus.BUG
    assert [outcome for outcome, _ in ran.steps] == ["error", "passed"]
    assert "ZeroDivisionError" in ran.steps[0][1]


def test_a_failure_on_a_machine_that_is_not_well_is_the_machines(bench, monkeypatch):
    def gone(_self):
        raise TargetError("the engine is gone", "Start it.")

    monkeypatch.setattr(type(bench.target), "health", gone)
    mistake = Mistake(when=("no such",), text="never told")
    ran = bench(step("echo no such; false", mistakes=(mistake,)))
    assert ran.status is ExitStatus.TARGET
    assert ran.steps == [("error", "the engine is gone. What to do: Start it.")]
    assert ran.of(MistakeRecognised) == []


def test_a_shell_that_cannot_be_had_is_the_machines(bench, monkeypatch):
    def no_shell(_self, _host):
        raise ShellError("there is no bash")

    monkeypatch.setattr(type(bench.target), "shell", no_shell)
    ran = bench(step("true"))
    assert ran.status is ExitStatus.TARGET
    assert ran.steps == [("error", "there is no bash")]


def test_a_setup_that_fails_is_an_error_and_runs_nothing(bench):
    ran = bench(step("touch a", setup=(Setup(run="echo no disk >&2; exit 1"),)))
    assert ran.status is ExitStatus.TARGET
    assert ran.steps == [("error", "the setup of this step failed: no disk")]
    assert ran.started == []


def test_a_setup_that_does_not_bring_about_its_state_is_an_error_and_runs_nothing(bench):
    setup = Setup(run="touch another", says="The file is there.", unless=there("made"))
    ran = bench(step("touch a", setup=(setup,)))
    assert ran.status is ExitStatus.TARGET
    reason = (
        "the setup of this step failed: it was done, but its state (The file is there) is not there, asks"
        " `file.exists`: There is no file `made`. What to do: Run the step again: nothing of it was begun. If it"
        " stays, tell the author of the course: the setup of lab-1/s and its `unless` do not agree."
    )
    assert ran.steps == [("error", reason)]
    assert ran.started == []
    assert ran.of(Prepared) == []


def test_a_setup_whose_state_takes_its_time_is_waited_for(bench):
    setup = Setup(run="(sleep 0.2; touch made) > out 2>&1 &", says="It is there.", unless=there("made", within=5.0))
    ran = bench(step("touch a", setup=(setup,)))
    assert ran.steps == [("passed", None)]
    assert len(ran.of(Prepared)) == 1


def test_a_seed_that_does_not_bring_about_its_state_is_an_error(bench, monkeypatch):
    monkeypatch.setattr(bench.target, "seed", lambda seed: "")
    ran = bench(step("touch a", setup=(Setup(seed=SEED, unless=there("made")),)))
    assert ran.status is ExitStatus.TARGET
    assert "its state is not there, asks `file.exists`: There is no file `made`." in ran.steps[0][1]


def test_a_setup_that_is_only_needed_sometimes_is_not_asked_for_its_state(bench):
    setup = Setup(run="touch another", says="It begins anew.", unless=there("made"), asks_again=False)
    ran = bench(step("touch a", setup=(setup,)))
    assert ran.steps == [("passed", None)]
    assert [told.text for told in ran.of(Prepared)] == ["It begins anew."]


def test_a_machine_that_is_ill_is_to_blame_for_a_setups_state(bench, monkeypatch):
    cause = TargetError("The registry was down.", "Start it.")
    monkeypatch.setattr(type(bench.target), "trouble", lambda _self, *, late=False: cause)
    ran = bench(step("touch a", setup=(Setup(run="true", unless=there("made")),)))
    assert ran.steps == [("error", "The registry was down. What to do: Start it.")]


def test_a_setup_is_left_out_when_its_state_is_there(bench):
    setup = Setup(run="echo x >> made", unless=there("made"))
    bench(step("true", name="one", setup=(setup,)), step("true", name="two", setup=(setup,)))
    assert (bench.work / "made").read_text() == "x\n"


def test_what_a_setup_brings_about_is_told_when_it_was_missing(bench):
    made = Setup(run="echo x >> made", says="The file is there.", unless=there("made"))
    always = Setup(run="true", says="The port is free.")
    ran = bench(step("true", name="one", setup=(always, made)), step("true", name="two", setup=(always, made)))
    (told,) = ran.of(Prepared)
    assert (told.step, told.text) == ("one", "The file is there.")
    assert 0 < told.seconds < 10
    names = [event.name for event in ran.events]
    assert names.index("step-started") < names.index("prepared") < names.index("command-started")


def test_a_setup_seeds_what_is_not_there_and_tells_it(bench, monkeypatch):
    seeded = []

    def seed(wanted):
        seeded.append(wanted)
        (bench.work / "made").touch()
        return ""

    monkeypatch.setattr(bench.target, "seed", seed)
    made = Setup(seed=SEED, says="There are old tags.", unless=there("made"))
    steps = (step("true", name="one", setup=(made,)), step("true", name="two", setup=(made,)))
    ran = bench(*steps)
    assert ran.status is ExitStatus.PASSED
    assert seeded == [SEED]
    assert [(told.step, told.text) for told in ran.of(Prepared)] == [("one", "There are old tags.")]


def test_a_seed_that_cannot_be_had_is_an_error_and_runs_nothing(bench, monkeypatch):
    monkeypatch.setattr(bench.target, "seed", lambda seed: f"`{seed.repository}` has no tag `1`")
    ran = bench(step("touch a", setup=(Setup(seed=SEED),)))
    assert ran.status is ExitStatus.TARGET
    assert ran.steps == [("error", "the setup of this step failed: `a` has no tag `1`")]
    assert ran.started == []


class Spoilt:
    """What a target was made to do badly, in order: a fault's name, or "mended"."""

    def __init__(self, bench, monkeypatch):
        self.told = []
        monkeypatch.setattr(bench.target, "spoil", lambda fault: self.told.append(fault.name))
        monkeypatch.setattr(bench.target, "mend", lambda: self.told.append("mended"))


FAULTY = (Setup(fault=Fault(name="latency", registry="reg", delay=0.4)),)


@pytest.mark.parametrize(
    ("command", "script", "told"),
    [
        ("true", {}, ["mended", "latency", "mended"]),
        ("false", {}, ["mended", "latency", "mended"]),
        ("true", {Point.COMMAND: [Move.SKIP]}, ["mended", "latency", "mended"]),
        ("true", {Point.COMMAND: [Move.QUIT]}, ["mended", "latency"]),
        ("false", {Point.FAILED: [Move.RETRY]}, ["mended", "latency", "mended"]),
        ("false", {Point.FAILED: [Move.RESTART]}, ["mended", "latency", "mended", "latency", "mended"]),
    ],
    ids=["passed", "failed", "skipped", "quit", "retried", "begun again"],
)
def test_a_fault_lasts_until_the_step_is_left_for_good(bench, monkeypatch, command, script, told):
    spoilt = Spoilt(bench, monkeypatch)
    bench(
        step("true", command, setup=FAULTY),
        learner=Learner(script={point: list(moves) for point, moves in script.items()}),
    )
    assert spoilt.told == told


def test_a_fault_is_there_still_when_the_learner_comes_back(bench, monkeypatch):
    spoilt = Spoilt(bench, monkeypatch)
    faulty = step("true", "echo two", name="one", setup=FAULTY)
    bench(faulty, learner=Learner(script={Point.COMMAND: [Move.RUN, Move.QUIT]}))
    assert spoilt.told == ["mended", "latency"]
    ran = bench(faulty, learner=Learner(), resume=True)
    assert ran.started == ["echo two"]
    assert spoilt.told == ["mended", "latency", "mended"]


def test_a_fault_on_a_target_without_a_local_azure_is_an_error_with_a_remedy(bench):
    ran = bench(step("touch a", setup=FAULTY))
    assert ran.status is ExitStatus.TARGET
    assert "the fault `latency` can only be had in the sandbox's local Azure" in ran.steps[0][1]
    assert ran.started == []


def test_an_arrangement_is_seeded(bench, monkeypatch):
    seeded = []
    monkeypatch.setattr(bench.target, "seed", lambda wanted: seeded.append(wanted) or "")
    wanted = Arrangement(registry="reg", roles=("AcrPush",))
    ran = bench(step("true", setup=(Setup(arrange=wanted),)))
    assert ran.status is ExitStatus.PASSED
    assert seeded == [wanted]


def test_a_seed_on_a_target_without_a_local_azure_is_an_error_with_a_remedy(bench):
    ran = bench(step("touch a", setup=(Setup(seed=SEED),)))
    assert ran.status is ExitStatus.TARGET
    ((outcome, reason),) = ran.steps
    assert outcome == "error"
    assert "can only be made in the sandbox's local Azure" in reason
    assert "--target sandbox" in reason
    assert ran.started == []


def test_the_shell_is_one_for_all_commands(bench):
    ran = bench(step("cd /", "x=1; set -u", name="one"), step('test "$PWD $x" = "/ 1"', name="two"))
    assert ran.status is ExitStatus.PASSED


def test_what_is_carried_is_set_again_in_a_shell_that_has_not_seen_it(bench):
    carrying = step(Command(run="NAME=value", carries=True), "echo x >> counted", name="one")
    using = step('test "$NAME" = value', name="two")
    ran = bench(carrying, using, only="two")
    assert ran.status is ExitStatus.PASSED
    assert [event.runs for event in ran.of(CarriedOver)] == [("NAME=value",)]
    assert not (bench.work / "counted").exists()


def test_what_an_earlier_lab_carries_is_set_in_a_lab_that_starts_by_itself(bench):
    before = step(Command(run="NAME=first", carries=True), Command(run="NAME=value", carries=True), name="before")
    ran = bench(
        step('test "$NAME" = value', Command(run="NAME=mine", carries=True), name="one"),
        step('test "$NAME" = mine', name="two"),
        earlier=Lab(id="e", name="lab-0", title="E", steps=(before,)),
    )
    assert ran.status is ExitStatus.PASSED, ran.ended
    assert [event.runs for event in ran.of(CarriedOver)] == [("NAME=first", "NAME=value")]


def test_what_the_command_sets_itself_is_not_carried_before_it_nor_after_it(bench):
    names = (Command(run="NAME=first", carries=True), Command(run='FULL="$NAME.example"', carries=True))
    head = 'NAME="mine"\nFULL="$NAME.other"\necho done'
    ran = bench(
        step(head, 'test "$NAME $FULL $VERSION" = "mine mine.other 1"', name="one"),
        earlier=Lab(
            id="e",
            name="lab-0",
            title="E",
            steps=(step(*names, Command(run="VERSION=1", carries=True), name="before"),),
        ),
    )
    assert ran.status is ExitStatus.PASSED, ran.ended
    assert [event.runs for event in ran.of(CarriedOver)] == [("VERSION=1",)]


@pytest.mark.parametrize(
    ("run", "carried"),
    [
        ("NAME=mine", ("NAME=first", 'FULL="$NAME.example"')),  # FULL needs it
        ('FULL="other"', ("NAME=first",)),
        ("FULL=$FULL.example", ("NAME=first", 'FULL="$NAME.example"')),
        ("if false; then FULL=1; fi", ("NAME=first", 'FULL="$NAME.example"')),
        ("NAME=mine true; FULL=1 true", ("NAME=first", 'FULL="$NAME.example"')),
        ("export NAME=$(echo mine) \nFULL=\\\n'other'", ()),
    ],
)
def test_what_is_carried_is_what_is_used_before_it_is_set(run, carried):
    missing = [Carried((1, 1, 0), "local", "NAME=first"), Carried((1, 1, 1), "local", 'FULL="$NAME.example"')]
    assert tuple(entry.run for entry in needed(missing, run)) == carried


def test_what_is_carried_is_set_again_after_exit(bench):
    ran = bench(
        step(
            Command(run="NAME=value", carries=True),
            Command(run="OTHER=1"),
            Command(run="exit 4", expect=Expectation(exit=4)),
            'test "$NAME" = value',
            'test -z "$OTHER"',
            'test "$NAME" = value',
        )
    )
    assert ran.status is ExitStatus.PASSED, ran.ended
    assert len(ran.of(ShellRestarted)) == 1
    assert [event.runs for event in ran.of(CarriedOver)] == [("NAME=value",)]


def test_nothing_is_set_again_in_a_shell_that_has_it(bench):
    ran = bench(step(Command(run="NAME=1", carries=True), "NAME=2", 'test "$NAME" = 2'), step("true", name="two"))
    assert ran.status is ExitStatus.PASSED
    assert ran.of(CarriedOver) == []


FOR_NOBODY = Command(run="SECRET=given", by="unattended")


def test_a_command_for_runs_without_anybody_is_run_there(bench):
    ran = bench(step("true", FOR_NOBODY, 'test "$SECRET" = given'))
    assert ran.status is ExitStatus.PASSED
    assert ran.started == ["true", "SECRET=given", 'test "$SECRET" = given']


def test_a_command_for_runs_without_anybody_is_left_out_for_somebody_and_in_the_report(bench):
    reader, writer = os.pipe()
    try:
        ran = bench(step("true", FOR_NOBODY, 'test -z "$SECRET"'), learner=Learner(keyboard=reader))
    finally:
        os.close(reader)
        os.close(writer)
    assert ran.status is ExitStatus.PASSED
    assert ran.started == ["true", 'test -z "$SECRET"']
    assert [entry["run"] for entry in ran.report["labs"][0]["steps"][0]["commands"]] == ran.started


@pytest.mark.parametrize(("limit", "status"), [(60, ExitStatus.PASSED), (None, ExitStatus.FAILED)])
def test_who_ends_what_would_go_on_for_ever_has_done_it(bench, limit, status):
    reader, writer = os.pipe()
    try:
        os.write(writer, b"\x03")
        ran = bench(step(Command(run="sleep 100", limit=limit)), learner=Learner(keyboard=reader))
    finally:
        os.close(reader)
        os.close(writer)
    assert ran.status is status
    assert [ended.end for ended in ran.of(CommandEnded)] == ["interrupted"]


def test_keys_that_a_command_leaves_are_the_learners_again(bench):
    reader, writer = os.pipe()
    learner = Learner(keyboard=reader)
    try:
        os.write(writer, b"docker ps\n")
        ran = bench(step("until [ -t 0 ] && read -t 0; do sleep 0.01; done", "true"), learner=learner)
    finally:
        os.close(reader)
        os.close(writer)
    assert ran.status is ExitStatus.PASSED
    assert learner.typed == b"docker ps\n"


def test_what_was_left_out_is_not_missed_when_the_run_goes_on(bench):
    reader, writer = os.pipe()
    wanted = step("echo x >> counted", FOR_NOBODY, "echo y >> counted", "echo z >> counted")
    try:
        leaving = Learner(keyboard=reader, script={Point.COMMAND: [Move.RUN, Move.RUN, Move.QUIT]})
        assert bench(wanted, learner=leaving).steps[0][0] == "not_run"
        ran = bench(wanted, learner=Learner(keyboard=reader), resume=True)
    finally:
        os.close(reader)
        os.close(writer)
    assert ran.status is ExitStatus.PASSED
    assert (bench.work / "counted").read_text() == "x\ny\nz\n"


def test_variables_of_another_lab_alone_are_taken_from_the_shell(bench):
    bench.target.shell("local").run("export LEAKED=1 KEPT=1")
    before = Lab(id="e", name="lab-0", title="E", steps=(step("export LEAKED=1"),), unset=("LEAKED",))
    ran = bench(step('test -z "${LEAKED+set}" && test "$KEPT" = 1'), earlier=before)
    assert ran.status is ExitStatus.PASSED, ran.ended
    assert ran.of(CarriedOver) == []


def test_a_labs_own_variables_stay_from_step_to_step(bench):
    ran = bench(step("export MINE=1", name="one"), step('test "$MINE" = 1', name="two"), unset=("MINE",))
    assert ran.status is ExitStatus.PASSED, ran.ended


OPTIONS = tuple(
    Option(id=name, title=name, commands=(Command(run=f"touch {name}"),), checks=(there(name),)) for name in ("a", "b")
)


@pytest.mark.parametrize(("choice", "made"), [("", {"a", "b"}), ("b", {"b"})])
def test_of_options_those_that_are_chosen_are_run_and_checked(bench, choice, made):
    ran = bench(step("touch first", options=OPTIONS), learner=Learner(choice=choice))
    assert ran.status is ExitStatus.PASSED
    assert {path.name for path in bench.work.iterdir()} == {"first"} | made
    assert len(ran.of(CheckEnded)) == len(made)


def test_files_are_written_before_the_commands_and_asked_for_like_them(bench):
    learner = Learner()
    file = File(path="conf/app.ini", text="name = x\n", mode="0600", ref="f1")
    ran = bench(
        step("cat conf/app.ini", files=(file,), checks=(there("conf/app.ini", after="f1"),)),
        learner=learner,
    )
    assert ran.status is ExitStatus.PASSED
    assert (bench.work / "conf/app.ini").read_text() == "name = x\n"
    assert (bench.work / "conf/app.ini").stat().st_mode & 0o777 == 0o600
    assert [(end.number, end.ref) for end in ran.ended] == [(0, "f1"), (1, None)]
    assert [moment.text for moment in learner.moments if moment.point is Point.COMMAND] == [
        "name = x\n",
        "cat conf/app.ini",
    ]


def test_a_file_of_the_course_is_copied_byte_by_byte(bench):
    (bench.folder / "blob").write_bytes(b"\xff\x00 bytes\n")
    ran = bench(step("true", files=(File(path="copy", source="blob"),), checks=(there("copy"),)))
    assert ran.status is ExitStatus.PASSED
    assert (bench.work / "copy").read_bytes() == b"\xff\x00 bytes\n"
    ran = bench(step("true", files=(File(path="copy", source="gone"),), checks=(there("copy"),)))
    assert ran.steps == [("error", "the course's file gone cannot be read: No such file or directory")]


def test_a_known_slip_is_told(bench):
    mistakes = (
        Mistake(when=("cannot find", "elsewhere"), text="wrong one"),
        Mistake(when=("cannot find", "thing"), text="Look again."),
        Mistake(when=("thing",), text="too late"),
    )
    ran = bench(step("echo cannot find the thing; false", mistakes=mistakes))
    assert [event.text for event in ran.of(MistakeRecognised)] == ["Look again."]


def test_a_slip_is_recognised_in_a_checks_words(bench):
    ran = bench(step("true", checks=(there("a"),), mistakes=(Mistake(when=("no file `a`",), text="Make it."),)))
    assert [event.text for event in ran.of(MistakeRecognised)] == ["Make it."]


def test_a_command_that_takes_too_long_is_ended_and_fails(bench):
    ran = bench(step(Command(run="sleep 60", timeout=0.3)))
    (ended,) = ran.ended
    assert (ended.end, ended.outcome) == ("timeout", Outcome.FAILED)
    assert "still running after 0.3 s" in ended.explanation[0]


def test_a_command_that_streams_for_ever_is_ended_and_done(bench):
    command = Command(run="while :; do echo tick; sleep 0.05; done", limit=0.4, expect=Expectation(contains=("tick",)))
    ran = bench(step(command, "true"))
    assert ran.status is ExitStatus.PASSED
    assert ran.ended[0].end == "limit"


def test_live_output_comes_whole(bench):
    """Also its end, which might have been the beginning of a secret."""
    bench.redactor.add("hunter22-is-long")
    ran = bench(step("printf 'one\\ntwo hunter22-is'"), learner=Learner(live=True))
    live = "".join(event.data for event in ran.of(OutputArrived))
    assert live.replace("\r", "") == "one\ntwo hunter22-is"


def programs():
    """The command lines of all that runs."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            lines.append(file.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip())
    return lines


def test_ctrl_c_in_an_unattended_run_ends_it(bench):
    mark = f"sleep 60.{os.getpid()}"

    def interrupt():
        wait_for(lambda: mark in programs())
        os.kill(os.getpid(), signal.SIGINT)

    person = threading.Thread(target=interrupt)
    person.start()
    ran = bench(step(mark), step("touch next", name="next"))
    person.join()
    assert ran.status is ExitStatus.INTERRUPTED
    assert ran.steps == [("not_run", "interrupted"), ("not_run", None)]
    assert len(ran.of(StepStarted)) == len(ran.of(StepEnded)) == 1
    assert ran.events[-1].status == 130
    bench.target.close()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_between_commands_ends_it_too(bench):
    def interrupt(moment):
        if moment.point is Point.COMMAND:
            raise KeyboardInterrupt

    ran = bench(step("touch a"), learner=Learner(before=interrupt))
    assert ran.status is ExitStatus.INTERRUPTED
    assert ran.steps == [("not_run", "interrupted")]
    assert not (bench.work / "a").exists()


@pytest.mark.parametrize("at", ["the lab's end", "the end"])
def test_ctrl_c_while_it_is_seen_what_was_made_ends_it_too(bench, monkeypatch, at):
    looks = []

    def inventory(_self):
        looks.append(1)
        if len(looks) == 2:
            signal.raise_signal(signal.SIGINT)
        return frozenset()

    monkeypatch.setattr(type(bench.target), "inventory", inventory)
    if at == "the lab's end":
        bench.book = Book(str(bench.folder / "book.json"))
    ran = bench(step("true"))
    assert ran.status is ExitStatus.INTERRUPTED
    assert ran.steps == [("passed", None)]
    assert [type(event).__name__ for event in ran.events[-2:]] == ["LabEnded", "SessionEnded"]
    assert ran.events[-1].status == 130


@pytest.mark.parametrize(
    "text", ["; ".join(["/bin/true"] * 20), "trap : INT; for n in 1 2 3 4 5 6; do /bin/true; done"]
)
def test_ctrl_c_at_any_moment_ends_it(bench, text):
    bench(step("true"))
    began = time.monotonic()
    bench(step(text))
    whole = time.monotonic() - began
    for number in range(12):
        bench(step("true"))  # a shell is there
        person = threading.Timer(whole * number / 12, os.kill, (os.getpid(), signal.SIGINT))
        try:
            person.start()
            ran = bench(step(text), step(text, name="next"))
            person.join()
        except KeyboardInterrupt:  # before its beginning, or after its end
            person.join()
        else:
            assert ran.status is ExitStatus.INTERRUPTED
            assert ran.events[-1].status == 130
            assert ran.steps[-1][0] == "not_run"


def test_what_settles_by_itself_is_waited_for(bench, monkeypatch):
    """A check that fails while the target says that it becomes true by itself is asked until it does."""
    asked = iter(["A role has not spread yet.", "A role has not spread yet."])

    def settling(_self):
        why = next(asked, "")
        if not why:
            (bench.work / "late").touch()
        return why

    monkeypatch.setattr(type(bench.target), "settling", settling)
    learner = Learner()
    ran = bench(step("true", checks=(there("a"),)), learner=learner)
    assert ran.steps == [("failed", "There is no file `a`.")], "it has settled, and is wrong"
    assert [event.message for event in learner.events if isinstance(event, CheckWaiting)] == [
        "A role has not spread yet.",
        "A role has not spread yet.",
    ]
    asked = iter(["The list lags behind."] * 3)
    (bench.work / "late").unlink()
    monkeypatch.setattr(type(bench.target), "settling", lambda self: settling(self) or "one more look")
    ran = bench(step("true", checks=(there("late"),)))
    assert ran.steps == [("passed", None)]


def test_the_targets_own_trouble_is_no_failure_of_the_learner(bench, monkeypatch):
    cause = TargetError("The registry refused a request because there were too many (429).", "Wait a little.")
    watched = []
    monkeypatch.setattr(type(bench.target), "watch", lambda _self: watched.append(1))
    monkeypatch.setattr(type(bench.target), "trouble", lambda _self, *, late=False: cause if late else None)
    ran = bench(step("echo connect: timed out; false"))
    assert ran.steps == [
        ("error", "The registry refused a request because there were too many (429). What to do: Wait a little.")
    ]
    assert watched == [1]
    ran = bench(step("echo denied; false"))
    assert ran.steps[0][0] == "failed", "nothing waited too long"


def test_what_has_settled_between_the_answer_and_the_question_is_asked_once_more(bench, monkeypatch):
    """By then nothing is settling any more, but it is known that the answer may have been too early."""

    def trouble(_self, *, late=False):
        (bench.work / "late").touch()
        return TargetError("The role had not spread yet.", "Wait.")

    monkeypatch.setattr(type(bench.target), "trouble", trouble)
    ran = bench(step("true", checks=(there("late"),)))
    assert ran.steps == [("passed", None)]
    ran = bench(step("true", checks=(there("never"),)))
    assert ran.steps == [("error", "The role had not spread yet. What to do: Wait.")]


def test_a_setup_that_fails_by_the_targets_own_trouble_says_so(bench, monkeypatch):
    cause = TargetError("The disk is full.", "Free some space.")
    monkeypatch.setattr(type(bench.target), "trouble", lambda _self, *, late=False: cause)
    ran = bench(step("true", setup=(Setup(run="echo no room >&2; false"),)))
    assert ran.steps == [("error", "The disk is full. What to do: Free some space.")]
    monkeypatch.setattr(type(bench.target), "trouble", lambda _self, *, late=False: None)
    ran = bench(step("true", setup=(Setup(run="echo no room >&2; false"),)))
    assert ran.steps == [("error", "the setup of this step failed: no room")]
