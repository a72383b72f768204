"""`prove` finds what proves nothing, and names it with its place."""

from labrunner.checking.api import TargetError
from labrunner.engine.outcomes import ExitStatus
from labrunner.model import Check, Cleanup, Command, Expectation, Setup, Step, WrongState
from labrunner.record.events import Proved


def there(path: str, at: str = "lab.yaml:9:5", **more) -> Check:
    more.setdefault("within", 0.0)
    return Check(kind="file.exists", args={"path": path}, at=at, **more)


def making(name: str = "a", checks: tuple[Check, ...] | None = None, cleanup: str | None = None, **more) -> Step:
    more.setdefault("commands", (Command(run=f"touch {name}"),))
    text = f"rm -f {name}" if cleanup is None else cleanup
    return Step(
        id=f"make-{name}",
        title="",
        text="",
        at="lab.yaml:3:5",
        checks=(there(name),) if checks is None else checks,
        cleanup=(Cleanup(run=text),) if text else (),
        **more,
    )


def reading(checks: tuple[Check, ...], expect: Expectation, wrong: str = "echo other > a") -> Step:
    return Step(
        id="read",
        title="",
        text="",
        at="lab.yaml:3:5",
        reads_only=True,
        setup=(Setup(run="test -e a || echo right > a"),),
        commands=(Command(run="cat a", expect=expect, at="lab.yaml:7:5"),),
        checks=checks,
        wrong=WrongState(run=wrong, says="The file says something else."),
    )


def refused(ran):
    """(check, place, phase, message) of what does not hold."""
    return [(event.check, event.at, event.phase, event.message) for event in ran.of(Proved) if not event.ok]


def test_a_good_step_is_proven_with_evidence_for_each_phase(bench):
    ran = bench.prove(making())
    assert ran.status is ExitStatus.PASSED, ran.steps
    assert [(event.phase, event.check, event.ok) for event in ran.of(Proved)] == [
        ("before", "file.exists", True),
        ("after", "file.exists", True),
        ("again", "file.exists", True),
        ("cleanup", None, True),
    ]
    assert ran.of(Proved)[0].message == "There is no file `a`."


def test_a_check_that_is_always_true_is_named_with_its_place(bench):
    always = Check(kind="command.result", args={"run": "true"}, at="lab.yaml:12:9")
    ran = bench.prove(making(checks=(there("a"), always)))
    assert ran.status is ExitStatus.FAILED
    ((check, place, phase, message),) = refused(ran)
    assert (check, place, phase) == ("command.result", "lab.yaml:12:9", "before")
    assert "passes before the step already, so it proves nothing" in message
    assert "command.result (lab.yaml:12:9) passes before" in ran.steps[0][1]


def test_a_check_of_the_setups_state_is_named_with_its_place(bench):
    setup = (Setup(run="touch base"),)
    base = there("base", at="lab.yaml:13:9")
    ran = bench.prove(making(checks=(base, there("a")), cleanup="rm -f a", setup=setup))
    assert ran.status is ExitStatus.FAILED
    assert [(check, place, phase) for check, place, phase, _ in refused(ran)] == [
        ("file.exists", "lab.yaml:13:9", "before")
    ]


def test_both_at_once(bench):
    always = Check(kind="command.result", args={"run": "true"}, at="lab.yaml:12:9")
    ran = bench.prove(making(checks=(always, there("base", at="lab.yaml:13:9")), setup=(Setup(run="touch base"),)))
    assert [place for _, place, phase, _ in refused(ran) if phase == "before"] == ["lab.yaml:12:9", "lab.yaml:13:9"]


def test_a_check_that_does_not_pass_after_the_step(bench):
    ran = bench.prove(making(checks=(there("b"),)))
    assert ran.status is ExitStatus.FAILED
    assert ("file.exists", "lab.yaml:9:5", "after", "There is no file `b`.") in refused(ran)


def test_a_step_that_cannot_be_run_again(bench):
    ran = bench.prove(making(commands=(Command(run="mkdir a"),), cleanup="rmdir a 2>/dev/null; true"))
    assert ran.status is ExitStatus.FAILED
    assert refused(ran)[-1][2] == "again"
    assert "the step does not pass" in refused(ran)[-1][3]


def test_a_cleanup_that_restores_too_little_or_too_much(bench):
    ran = bench.prove(making(cleanup="true"))
    assert refused(ran) == [
        (None, "lab.yaml:3:5", "cleanup", "what is there differs from before: + file work/a"),
    ]
    ran = bench.prove(making("b", setup=(Setup(run="echo x > mine"),), cleanup="rm -f b mine"))
    assert [entry[3] for entry in refused(ran)] == ["what is there differs from before: - file work/mine"]
    ran = bench.prove(making("c", setup=(Setup(run="test -e mine || echo x > mine"),), cleanup="rm -f c; echo > mine"))
    assert [entry[3] for entry in refused(ran)] == ["what is there differs from before: ~ file work/mine"]


def test_a_cleanup_that_is_missing(bench):
    ran = bench.prove(making(cleanup=""))
    assert refused(ran)[0][2] == "cleanup"


def test_a_cleanup_that_fails_when_there_is_nothing_to_undo(bench):
    ran = bench.prove(making(cleanup="rm a"))
    ((_, _, phase, message),) = refused(ran)
    assert phase == "cleanup"
    assert "the cleanup failed" in message
    assert "No such file" in message


def test_a_step_without_checks_proves_nothing(bench):
    ran = bench.prove(making(checks=()))
    assert refused(ran) == [(None, "lab.yaml:3:5", "before", "the step has no check")]


RIGHT = Check(kind="file.exists", args={"path": "a", "contains": "right"}, at="lab.yaml:9:5", within=0.0)


def test_a_step_that_only_reads_is_proven_under_its_wrong_state(bench):
    ran = bench.prove(reading((RIGHT,), Expectation(exact="right")))
    assert ran.status is ExitStatus.PASSED, ran.steps
    assert [event.phase for event in ran.of(Proved)] == ["after", "again", "cleanup", "wrong-state", "wrong-state"]
    assert "Expected right; came other." in ran.of(Proved)[-1].message


def test_a_step_that_only_reads_may_be_proven_by_its_expectation_alone(bench):
    ran = bench.prove(reading((), Expectation(exact="right")))
    assert ran.status is ExitStatus.PASSED, ran.steps
    assert [(event.check, event.phase) for event in ran.of(Proved)] == [(None, "cleanup"), (None, "wrong-state")]


def test_a_check_and_an_expectation_that_hold_in_the_wrong_state_too(bench):
    ran = bench.prove(reading((there("a"),), Expectation(lacks=("nothing",))))
    assert ran.status is ExitStatus.FAILED
    assert [(check, place, phase) for check, place, phase, _ in refused(ran)] == [
        ("file.exists", "lab.yaml:9:5", "wrong-state"),
        (None, "lab.yaml:7:5", "wrong-state"),
    ]
    assert refused(ran)[0][3].startswith("passes under the planted wrong state already")
    assert "its expectation holds under the planted wrong state too" in refused(ran)[1][3]


def test_a_step_that_says_it_only_reads_and_does_not(bench):
    step = reading((RIGHT,), Expectation(contains=("right",)))
    step = Step(
        **{name: getattr(step, name) for name in step.__dataclass_fields__ if name != "commands"},
        commands=(Command(run="echo x >> log; cat a", expect=Expectation(contains=("right",)), at="lab.yaml:7:5"),),
    )
    ran = bench.prove(step)
    assert (None, "lab.yaml:3:5", "cleanup", "what is there differs from before: + file work/log") in refused(ran)


def test_a_wrong_state_that_cannot_be_planted(bench):
    ran = bench.prove(reading((RIGHT,), Expectation(exact="right"), wrong="echo no way >&2; false"))
    assert refused(ran)[-1][2:] == ("wrong-state", "the wrong state could not be planted: no way")


def test_each_step_starts_where_the_earlier_ones_led(bench):
    using = making("b", commands=(Command(run="cp a b"),))
    for ran in (bench.prove(making("a"), using), bench.prove(making("a"), using, only="make-b")):
        assert ran.status is ExitStatus.PASSED, ran.steps


def test_an_earlier_step_that_fails_is_said(bench):
    broken = making("a", commands=(Command(run="false"),))
    ran = bench.prove(broken, making("b"), only="make-b")
    assert ran.status is ExitStatus.FAILED
    assert "/make-a does not pass" in ran.steps[0][1]


def test_what_failed_does_not_spoil_the_next_proof(bench):
    ran = bench.prove(making("a", cleanup="true"), making("b"))
    assert [outcome for outcome, _ in ran.steps] == ["failed", "passed"]


def test_a_labs_setup_that_fails_is_not_taken_for_a_proof(bench):
    ran = bench.prove(making("a"), setup=(Setup(run="test ! -e used || exit 1; touch used; rm -f used; false"),))
    assert ran.status is ExitStatus.TARGET


def test_a_target_that_is_gone_is_no_verdict_about_a_check(bench, monkeypatch):
    def gone(_self):
        raise TargetError("the engine is gone", "Start it.")

    monkeypatch.setattr(type(bench.target), "health", gone)
    ran = bench.prove(making("a"))
    assert ran.status is ExitStatus.TARGET
    assert ran.steps == [("error", "the engine is gone. What to do: Start it.")]


def test_a_check_that_cannot_ask_is_no_verdict_either(bench):
    ran = bench.prove(making("a", checks=(Check(kind="t.gone", at="lab.yaml:9:5"),)))
    assert ran.status is ExitStatus.TARGET


def test_a_bug_in_a_check_is_named_as_one(bench):
    ran = bench.prove(making("a", checks=(there("a"), Check(kind="t.bug", at="lab.yaml:12:9"))))
    assert ran.status is ExitStatus.BUG
    assert "t.bug (lab.yaml:12:9)" in ran.steps[0][1]


def test_an_expected_failure_that_comes_in_the_wrong_state_too_proves_nothing(bench):
    fails = Command(run="test -e b", expect=Expectation(exit="nonzero"), at="lab.yaml:7:5")
    wrong = WrongState(run="true", says="Nothing is wrong.")
    ran = bench.prove(Step(id="read", title="", text="", reads_only=True, commands=(fails,), wrong=wrong))
    assert [(place, phase) for _, place, phase, _ in refused(ran)] == [("lab.yaml:7:5", "wrong-state")]


def test_what_a_step_destroys_for_good_is_told_and_must_be_named(bench):
    destroying = {
        "setup": (Setup(run="touch old"),),
        "commands": (Command(run="rm -f old; touch a"),),
    }
    ran = bench.prove(making(**destroying, loses=("file",)))
    assert ran.status is ExitStatus.PASSED, ran.steps
    (told,) = [event.message for event in ran.of(Proved) if event.phase == "cleanup"]
    assert told == "restores what was there before, but for what cannot come back: - file work/old"
    ((_, _, phase, message),) = refused(bench.prove(making(**destroying, loses=("volume",))))
    assert (phase, message) == ("cleanup", "the step names what it `loses`, and nothing of it is gone")
    ((_, _, phase, message),) = refused(bench.prove(making(**destroying)))
    assert (phase, message) == ("cleanup", "what is there differs from before: - file work/old")


def test_a_step_that_loses_nothing_of_what_it_names_is_not_proven(bench):
    assert [phase for _, _, phase, _ in refused(bench.prove(making(loses=("file",))))] == ["cleanup"]
