"""What every run has, whatever its steps do: events in order, a whole transcript, no secrets, the things it made."""

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from labrunner.checking.api import TargetError
from labrunner.engine.outcomes import ExitStatus
from labrunner.engine.survey import survey
from labrunner.model import Check, Command, Expectation, Hint, Mistake, Option, Requirement, Setup, Step, Variable
from labrunner.record.events import CheckEnded, LabEnded, LedgerEntry, OptionsTaken, SessionEnded, SessionStarted
from tests.unit.engine.conftest import Learner

SECRET = "hunter22-is-long"


def step(run: str = "true", name: str = "s", **more) -> Step:
    return Step(id=name, title=name, text="", commands=(Command(run=run),), **more)


def test_each_event_is_in_the_transcript_before_it_is_shown(bench):
    shown: list[str] = []

    class Watching(Learner):
        def show(self, event):
            super().show(event)
            if not event.transient:
                (path,) = bench.folder.glob("*/transcript.jsonl")
                written = [json.loads(line)["event"] for line in path.read_text().splitlines()]
                shown.append(event.name)
                assert written == shown

    ran = bench(step("touch a", checks=(Check(kind="file.exists", args={"path": "a"}),)), learner=Watching())
    assert ran.status is ExitStatus.PASSED
    assert shown == [
        *("session-started", "lab-started", "step-started", "command-started", "command-ended", "check-ended"),
        *("step-ended", "lab-ended", "appeared", "session-ended"),
    ]


def test_the_transcript_is_for_its_owner_alone(bench):
    bench(step())
    (path,) = bench.folder.glob("*/transcript.jsonl")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_the_plan_and_the_totals(bench):
    ran = bench(step(name="one"), step("false", name="two"), step(name="three"))
    (start,), (end,) = ran.of(SessionStarted), ran.of(SessionEnded)
    assert [entry["id"] for entry in start.plan[0]["steps"]] == ["one", "two", "three"]
    assert start.tools["bash"]
    assert end.totals == {"passed": 2, "failed": 1, "error": 0, "skipped": 0, "not_run": 0}
    assert end.totals == ran.report["totals"]
    assert end.status == ran.status == 1
    assert [lab.outcome for lab in ran.of(LabEnded)] == ["failed"]


def test_after_the_target_is_gone_nothing_more_is_tried(bench):
    ran = bench(step(checks=(Check(kind="t.gone"),), name="one"), step("touch next", name="two"))
    assert ran.report["totals"] == {"passed": 0, "failed": 0, "error": 1, "skipped": 0, "not_run": 1}
    assert [lab.outcome for lab in ran.of(LabEnded)] == ["error"]
    assert not (bench.work / "next").exists()


def test_a_target_that_is_gone_from_the_start_is_an_error_of_the_first_step(bench):
    bench.target.close()
    ran = bench(step(), step(name="two"))
    assert ran.status is ExitStatus.TARGET
    assert [outcome for outcome, _ in ran.steps] == ["error", "not_run"]
    assert "Start the run again." in ran.steps[0][1]


def test_a_lab_whose_needs_the_target_has_not(bench):
    ran = bench(step("touch a"), needs=("docker-engine", "moon"))
    assert ran.status is ExitStatus.TARGET
    assert ran.steps == [("error", "lab-1 needs docker-engine, moon, which this target does not have.")]
    assert not (bench.work / "a").exists()


def test_a_lab_that_lacks_what_it_requires_is_skipped_and_says_what_to_do_instead(bench):
    requirement = Requirement(check=Check(kind="file.exists", args={"path": "program"}), says="Take the lab `other`.")
    ran = bench(step("touch a", name="one"), step(name="two"), setup=(Setup(run="touch b"),), requires=(requirement,))
    assert ran.status is ExitStatus.FAILED
    assert ran.steps == [("skipped", "There is no file `program`. Take the lab `other`.")] * 2
    assert not {"a", "b"} & {path.name for path in bench.work.iterdir()}
    far = replace(requirement, check=replace(requirement.check, host="far"))
    assert bench(step("true"), requires=(far,)).steps[0][1].startswith("On far: There is no file")
    (bench.work / "program").touch()
    assert bench(step("touch a"), requires=(requirement,)).status is ExitStatus.PASSED


def test_what_cannot_be_asked_about_a_requirement_is_no_reason_to_skip(bench):
    ran = bench(step(checks=(Check(kind="t.gone"),)), requires=(Requirement(check=Check(kind="t.gone"), says="No."),))
    assert [outcome for outcome, _ in ran.steps] == ["error"]


def test_the_labs_setup_runs_once_before_the_first_step(bench):
    bench(step(name="one"), step(name="two"), setup=(Setup(run="echo x >> setup"),))
    assert (bench.work / "setup").read_text() == "x\n"


def test_a_labs_setup_that_fails_is_told_by_the_first_step(bench):
    ran = bench(step("touch a"), setup=(Setup(run="echo full >&2; false"),))
    assert ran.status is ExitStatus.TARGET
    assert ran.steps == [("error", "the setup of this step failed: full")]
    assert not (bench.work / "a").exists()


def test_what_appeared_is_told_by_what_it_is(bench):
    (bench.work / "old").write_text("1")
    (bench.work / "same").write_text("1")
    ran = bench(step("echo 2 > old; echo 3 > new"))
    assert {(entry.kind, entry.thing) for entry in ran.of(LedgerEntry)} == {("file", "work/old"), ("file", "work/new")}


@pytest.mark.parametrize("way", ["value", "variable", "in-base64"])
def test_a_secret_is_in_no_file_and_in_no_event(bench, way):
    text = {"value": SECRET, "variable": "$TOKEN", "in-base64": "$(printf %s $TOKEN | base64)"}[way]
    commands = (
        Command(run="TOKEN=$(cat token)", secrets=("TOKEN",)),
        Command(run=f"echo before {text} after", expect=Expectation(exact="other")),
    )
    (bench.work / "token").write_text(SECRET)
    if way == "value":
        bench.redactor.add(SECRET)
    failing = Check(kind="command.result", args={"run": "echo it says $(cat token); false"}, within=0.0)
    ran = bench(
        Step(id="s", title="s", text="", commands=commands, hints=(Hint(text=f"It is {SECRET}."),)),
        Step(id="t", title="t", text="", checks=(failing,), commands=(Command(run="true"),)),
        learner=Learner(live=True),
    )
    assert ran.status is ExitStatus.FAILED
    assert "before [redacted]" in ran.transcript
    assert "it says [redacted]" in ran.transcript
    for shown in (ran.transcript, json.dumps(ran.report), repr(ran.events)):
        assert SECRET not in shown
        assert "aHVudGVyMjItaXMtbG9uZ" not in shown


def test_a_courses_own_texts_keep_its_secret_values(bench):
    """Those that were filled in: hints, slips, expectations, values derived from it."""
    from labrunner.engine.policy import Move, Point

    bench.redactor.add(SECRET)
    ran = bench(
        Step(
            id="s",
            title="s",
            text="",
            commands=(Command(run="echo no", expect=Expectation(exact=f"the {SECRET}")),),
            hints=(Hint(text=f"Type {SECRET}."),),
            mistakes=(Mistake(when=("no",), text=f"It was {SECRET}."),),
        ),
        learner=Learner({Point.COMMAND: [Move.HINT]}),
        variables=(Variable(name="PASSWORD", secret=True), Variable(name="URL", value="@{PASSWORD}@x")),
        values={"PASSWORD": SECRET, "URL": f"{SECRET}@x"},
    )
    assert ran.status is ExitStatus.FAILED
    (start,) = ran.of(SessionStarted)
    assert dict(start.values) == {"URL": "[redacted]@x"}
    assert "Type [redacted]." in ran.transcript
    assert "It was [redacted]." in ran.transcript
    assert SECRET not in ran.transcript


def test_check_asks_and_runs_nothing(bench):
    (bench.work / "a").touch()
    exists = [Check(kind="file.exists", args={"path": name}, within=60.0) for name in ("a", "b")]
    first = step("touch ran", name="one", checks=(exists[0],), setup=(Setup(run="touch ran"),))
    began = time.monotonic()
    ran = bench(first, step("touch ran", name="two", checks=(exists[1],)), conduct=survey)
    assert time.monotonic() - began < 30, "it waits for what nobody is making"
    assert ran.status is ExitStatus.FAILED
    assert ran.steps == [("passed", None), ("failed", "There is no file `b`.")]
    assert ran.started == []
    assert not (bench.work / "ran").exists()


def test_check_leaves_out_what_does_not_last(bench):
    checks = tuple(Check(kind="file.exists", args={"path": name}, lasts=name == "a") for name in ("a", "b"))
    (bench.work / "a").touch()
    ran = bench(step(checks=checks), conduct=survey)
    assert ran.steps == [("passed", None)]
    assert [event.number for event in ran.of(CheckEnded)] == [0]


@pytest.mark.parametrize(
    ("there", "result", "asked"),
    [
        ({"all", "a"}, ("passed", None), 2),
        ({"all", "b"}, ("passed", None), 2),
        ({"all"}, ("failed", "There is no file `a`."), 3),
        ({"a", "b"}, ("failed", "There is no file `all`."), 2),
    ],
)
def test_check_asks_the_option_that_was_taken(bench, there, result, asked):
    for name in there:
        (bench.work / name).touch()
    exists = {name: Check(kind="file.exists", args={"path": name}) for name in ("all", "a", "b")}
    options = tuple(Option(id=name, title=name, checks=(exists[name],)) for name in ("a", "b"))
    ran = bench(step(checks=(exists["all"],), options=options), conduct=survey)
    assert ran.steps == [result]
    assert len(ran.of(CheckEnded)) == asked
    assert [len(event.options) for event in ran.of(OptionsTaken)] == [asked - 1]


def test_check_tells_a_machine_that_is_not_well_from_a_wrong_state(bench, monkeypatch):
    def gone(_self):
        raise TargetError("the engine is gone", "Start it.")

    monkeypatch.setattr(type(bench.target), "health", gone)
    missing = Check(kind="file.exists", args={"path": "a"})
    ran = bench(step(checks=(missing,)), conduct=survey)
    assert ran.status is ExitStatus.TARGET
    assert ran.steps == [("error", "the engine is gone. What to do: Start it.")]


def test_check_names_a_bug_as_ours(bench):
    ran = bench(step(checks=(Check(kind="t.bug"),)), conduct=survey)
    assert ran.status is ExitStatus.BUG


def test_no_descriptor_is_left_open(bench):
    bench(step())
    before = len(list(Path("/proc/self/fd").iterdir()))
    bench(step())
    assert len(list(Path("/proc/self/fd").iterdir())) == before
