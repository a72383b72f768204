"""A run that ends at any moment goes on at the right place: nothing done twice unasked, nothing lost."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from labrunner.engine.outcomes import ExitStatus
from labrunner.engine.policy import Move, Point
from labrunner.model import Check, Cleanup, Command, Expectation, File, Option, Setup, Step
from labrunner.record.book import Book
from labrunner.record.events import CommandEnded, CommandStarted, LedgerEntry, SessionResumed, StepResumed, WentTo
from labrunner.record.transcript import Transcript, utc_clock
from tests.unit.engine.conftest import Bench, Learner


class Killed(BaseException):
    """What ends a run like a kill: at once."""


class Dying(Learner):
    """An unattended learner whose run is killed when the event of that number has been written."""

    at: int = 0

    def show(self, event):
        super().show(event)
        if not event.transient and sum(not known.transient for known in self.events) == self.at:
            raise Killed

    def decide(self, moment):
        if moment.point is Point.INTERRUPTED:
            self.moments.append(moment)
            return moment.moves[0]
        return super().decide(moment)


def there(name: str, **more) -> Check:
    return Check(kind="file.exists", args={"path": name}, within=0.0, **more)


def did(number: int) -> str:
    return f"echo {number} >> log"


STEPS = (
    Step(
        id="one",
        title="One",
        text="",
        setup=(Setup(run="touch ready"),),
        commands=(
            Command(run=f'{did(1)}; NAME="two words"; names=(a "b c"); export E=1', carries=True),
            Command(
                run=f'{did(2)}; f() {{ echo "$NAME"; }}; alias show=f; set -o noclobber; umask 027; mkdir -p d; cd d'
            ),
            Command(
                run='test "$NAME" = "two words" && ' + did(3).replace("log", "../log") + " && touch ../three", ref="r3"
            ),
        ),
        checks=(there("three", after="r3"), there("ready")),
    ),
    Step(
        id="two",
        title="Two",
        text="",
        files=(File(path="file", text="x", ref="f"),),
        options=tuple(
            Option(
                id=name,
                title=name,
                commands=(Command(run=f"{did(number)} # {name}".replace("log", "../log"), ref=name),),
            )
            for number, name in ((4, "a"), (5, "b"))
        ),
        commands=(),
        checks=(there("file", after="f"), there("log")),
    ),
    Step(
        id="three",
        title="Three",
        text="",
        commands=(
            Command(
                run='test "$(show)|${names[1]}|$(umask)|${PWD##*/}" = "two words|b c|0027|d" && '
                + did(6).replace("log", "../log")
            ),
        ),
        checks=(there("log"),),
    ),
)


def dying(at: int) -> Dying:
    learner = Dying(mode="unattended")
    learner.at = at
    return learner


def kill(bench: Bench, at: int) -> bool:
    """Run until the event `at`, and leave the transcript as a kill there would; False when the run ends before."""
    try:
        bench(*STEPS, learner=dying(at))
    except Killed:
        (path,) = bench.folder.glob("*/transcript.jsonl")
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:at]))
        return True
    return False


@pytest.mark.parametrize("at", range(1, 40))
def test_wherever_a_run_is_killed_the_next_goes_on(bench, at):
    if not kill(bench, at):
        assert at > 30, "the run has more events than that"
        return
    done = [
        json.loads(line)["run"]
        for line in next(bench.folder.glob("*/transcript.jsonl")).read_text().splitlines()
        if json.loads(line)["event"] == "command-ended"
    ]
    learner = dying(-1)
    ran = bench(*STEPS, learner=learner, resume=True)
    assert ran.status is ExitStatus.PASSED, (ran.steps, ran.ended)
    assert ran.report["totals"]["passed"] == 3
    assert [len(step["commands"]) for step in ran.report["labs"][0]["steps"]] == [3, 3, 1]
    assert all(
        command["outcome"] == "passed" for step in ran.report["labs"][0]["steps"] for command in step["commands"]
    )
    assert not set(done) & set(ran.started), "what has ended is not run again"
    asked = [moment.text for moment in learner.moments if moment.point is Point.INTERRUPTED]
    log = (bench.work / "log").read_text().split()
    assert sorted(set(log)) == ["1", "2", "3", "4", "5", "6"]
    assert len(log) - len(set(log)) <= len(asked) <= 1, "twice at most what was asked about"


def test_a_run_may_be_killed_again_and_again(bench):
    kills, ran = 0, None
    while ran is None:
        try:
            ran = bench(*STEPS, learner=dying(3 + kills), resume=kills > 0)
        except Killed:
            kills += 1
            assert kills < 40
    assert kills > 3
    assert ran.report["totals"]["passed"] == 3
    assert ran.status is ExitStatus.PASSED


def interrupted(bench: Bench, step: Step) -> None:
    """A run that was killed while the step's first command ran."""
    learner = Dying(mode="guided")
    learner.at = 4
    with pytest.raises(Killed):
        bench(step, learner=learner)
    (path,) = bench.folder.glob("*/transcript.jsonl")
    lines = path.read_text().splitlines(keepends=True)[:4]
    assert json.loads(lines[-1])["event"] == "command-started"
    path.write_text("".join(lines))


@pytest.mark.parametrize(
    ("move", "started", "exit_status"),
    [(Move.RUN, ["touch a"], [0]), (Move.DONE, [], [None]), (Move.RESTART, ["touch a"], [0])],
)
def test_the_learner_decides_about_a_command_that_was_interrupted(bench, move, started, exit_status):
    step = Step(id="s", title="S", text="", commands=(Command(run="touch a"),))
    interrupted(bench, step)
    learner = Learner({Point.INTERRUPTED: [move]})
    ran = bench(step, learner=learner, resume=True)
    (moment,) = [moment for moment in learner.moments if moment.point is Point.INTERRUPTED]
    assert moment.text == "touch a"
    assert ran.started == started
    assert [event.exit_status for event in ran.ended] == exit_status
    assert ran.status is ExitStatus.PASSED


@pytest.mark.parametrize(
    ("run", "made", "usual"),
    [("touch a", True, Move.DONE), ("touch a", False, Move.RUN), ("A=$(touch a)", True, Move.RUN)],
)
def test_the_usual_answer_is_done_when_the_checks_say_so(bench, run, made, usual):
    step = Step(id="s", title="S", text="", commands=(Command(run=run, ref="r"),), checks=(there("a", after="r"),))
    interrupted(bench, step)
    if made:
        (bench.work / "a").touch()
    else:
        (bench.work / "a").unlink(missing_ok=True)
    learner = Learner()
    bench(step, learner=learner, resume=True)
    (moment,) = [moment for moment in learner.moments if moment.point is Point.INTERRUPTED]
    assert moment.moves[0] is usual


def test_a_step_that_has_changed_begins_again_and_what_has_passed_stays(bench):
    first = Step(id="a", title="A", text="", commands=(Command(run="echo a >> log"),))
    second = Step(id="b", title="B", text="", commands=(Command(run="echo b >> log"), Command(run="false")))
    bench(first, second, learner=Learner({Point.FAILED: [Move.QUIT]}))
    changed = replace(second, commands=(Command(run="echo c >> log"), Command(run="true")))
    added = Step(id="new", title="New", text="", commands=(Command(run="echo new >> log"),))
    ran = bench(first, added, changed, resume=True)
    assert ran.status is ExitStatus.PASSED
    assert (bench.work / "log").read_text().split() == ["a", "b", "new", "c"]
    assert [step["id"] for step in ran.report["labs"][0]["steps"]] == ["a", "new", "b"]


def test_what_failed_is_taken_up_where_it_failed(bench):
    step = Step(id="s", title="S", text="", commands=(Command(run="echo 1 >> log"), Command(run="test -e there")))
    bench(step, learner=Learner({Point.FAILED: [Move.QUIT]}))
    (bench.work / "there").touch()
    learner = Learner()
    ran = bench(step, learner=learner, resume=True)
    assert ran.status is ExitStatus.PASSED
    assert ran.started == ["test -e there"]
    assert [event.start for event in ran.of(StepResumed)] == [1]
    assert Point.INTERRUPTED not in [moment.point for moment in learner.moments]


def test_checks_that_were_not_asked_are_asked(bench):
    step = Step(
        id="s",
        title="S",
        text="",
        commands=(Command(run="true", ref="r"), Command(run="true")),
        checks=(there("a", after="r"),),
    )
    bench(step, learner=Learner({Point.FAILED: [Move.QUIT]}))
    ran = bench(step, learner=Learner({Point.FAILED: [Move.QUIT]}), resume=True)
    assert ran.steps == [("failed", "There is no file `a`.")]
    (bench.work / "a").touch()
    ran = bench(step, resume=True)
    assert ran.status is ExitStatus.PASSED
    assert ran.started == ["true"]


def test_the_learner_can_go_elsewhere(bench):
    steps = tuple(Step(id=name, title=name, text="", commands=(Command(run=f"echo {name} >> log"),)) for name in "abc")
    bench(*steps, learner=Learner({Point.STEP: [Move.RUN, Move.QUIT]}))
    (path,) = bench.folder.glob("*/transcript.jsonl")
    transcript = Transcript(str(path), now=utc_clock(), going_on=True)
    transcript.write(WentTo(lab="l", step="c"))
    transcript.close()
    ran = bench(*steps, learner=Learner(), resume=True)
    assert ran.started == ["echo c >> log"]
    assert ran.status is ExitStatus.FAILED, "b is still to be done"
    ran = bench(*steps, learner=Learner(), resume=True)
    assert ran.started == ["echo b >> log"]
    assert ran.status is ExitStatus.PASSED


def test_the_place_stays_after_quit(bench):
    commands = (Command(run="echo 1 >> log"), Command(run="echo 2 >> log"))
    steps = tuple(Step(id=name, title=name, text="", commands=commands) for name in "abc")
    bench(*steps, learner=Learner({Point.STEP: [Move.QUIT]}))
    (path,) = bench.folder.glob("*/transcript.jsonl")
    transcript = Transcript(str(path), now=utc_clock(), going_on=True)
    transcript.write(WentTo(lab="l", step="b"))
    transcript.close()
    bench(*steps, learner=Learner({Point.COMMAND: [Move.RUN, Move.QUIT]}), resume=True)
    ran = bench(*steps, learner=Learner({Point.STEP: [Move.QUIT]}), resume=True)
    assert [(event.step, event.start) for event in ran.of(StepResumed)] == [("b", 1)]
    assert ran.started == ["echo 2 >> log"], "where the learner was in it, and no step before it"
    ran = bench(*steps, resume=True)
    assert [outcome for outcome, _ in ran.steps] == ["not_run", "passed", "passed"]
    ran = bench(*steps, resume=True)
    assert ran.status is ExitStatus.PASSED, "what was passed over comes at the end"


def test_a_session_that_goes_on_tells_what_it_has_made_itself(bench, tmp_path):
    bench.book = Book(str(tmp_path / "ledger.json"))
    earlier = Step(id="s", title="S", text="", commands=(Command(run="touch earlier"),))
    bench(earlier)
    steps = tuple(Step(id=name, title=name, text="", commands=(Command(run=f"touch {name}"),)) for name in "ab")
    bench(*steps, learner=Learner({Point.STEP: [Move.RUN, Move.QUIT]}))
    ran = bench(*steps, resume=True)
    assert [event.thing for event in ran.of(LedgerEntry)] == ["work/a", "work/b"]


def test_a_torn_last_line_is_no_harm(bench):
    step = Step(id="s", title="S", text="", commands=(Command(run="echo 1 >> log"), Command(run="true")))
    bench(step, learner=Learner({Point.COMMAND: [Move.RUN, Move.QUIT]}))
    (path,) = bench.folder.glob("*/transcript.jsonl")
    with path.open("a") as file:
        file.write('{"event":"command-sta')
    ran = bench(step, resume=True)
    assert ran.status is ExitStatus.PASSED
    assert (bench.work / "log").read_text() == "1\n"
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_secrets_of_the_shell_are_known_again(bench):
    step = Step(
        id="s",
        title="S",
        text="",
        commands=(
            Command(run="TOKEN=$(printf 'open-%s' sesame)", secrets=("TOKEN",)),
            Command(run='echo "$TOKEN"', expect=Expectation(contains=("redacted",))),
        ),
    )
    bench(step, learner=Learner({Point.COMMAND: [Move.RUN, Move.QUIT]}))
    bench.redactor = type(bench.redactor)()
    ran = bench(step, resume=True)
    assert ran.status is ExitStatus.PASSED, ran.ended
    assert "open-sesame" not in ran.transcript
    assert [event.shell for event in ran.of(SessionResumed)] == ["back"]


def test_without_its_snapshot_a_shell_gets_what_carries(bench):
    steps = (
        Step(id="a", title="A", text="", commands=(Command(run="X=1", carries=True),)),
        Step(id="b", title="B", text="", commands=(Command(run='test "$X" = 1'),)),
    )
    bench(*steps, learner=Learner({Point.STEP: [Move.RUN, Move.QUIT]}))
    (snapshot,) = bench.folder.glob("*/shell-local.bash")
    snapshot.unlink()
    ran = bench(*steps, resume=True)
    assert [event.shell for event in ran.of(SessionResumed)] == ["new"]
    assert ran.status is ExitStatus.PASSED


def test_what_a_killed_lab_has_made_is_in_the_ledger(bench, tmp_path):
    ledger = str(tmp_path / "ledger.json")
    bench.book = Book(ledger)
    step = Step(
        id="s",
        title="S",
        text="",
        commands=(Command(run="touch mine"), Command(run="true")),
        cleanup=(Cleanup(run="rm -f mine"),),
    )
    (bench.work / "theirs").touch()
    learner = Dying(mode="unattended")
    learner.at = 5
    with pytest.raises(Killed):
        bench(step, learner=learner)
    bench.book = Book(ledger)
    ran = bench(step, resume=True)
    assert ran.status is ExitStatus.PASSED
    assert [made.entry.name for made in Book(ledger).made] == ["work/mine"]


def test_commands_are_numbered_in_the_transcript(bench):
    ran = bench(Step(id="s", title="S", text="", commands=(Command(run="true"), Command(run="true"))))
    assert (
        [event.number for event in ran.of(CommandStarted)] == [event.number for event in ran.of(CommandEnded)] == [0, 1]
    )
    assert Path(ran.report["labs"][0]["id"]).name == "l"


def test_a_shell_in_which_nothing_was_set_is_as_it_was(bench):
    bench(*STEPS, learner=Learner(script={Point.COMMAND: [Move.QUIT]}))
    ran = bench(*STEPS, resume=True)
    assert ran.of(SessionResumed)[0].shell == "back"
