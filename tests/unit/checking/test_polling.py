"""When questions are asked, and what each end is called."""

from dataclasses import dataclass, field

import pytest

from labrunner.checking.api import Finding, failed, passed
from labrunner.checking.polling import Clock, ask_check, poll
from labrunner.checking.registry import Registry
from labrunner.model import Check, Outcome


@dataclass
class Time:
    """A clock that moves by sleeping only."""

    now: float = 100.0
    asked: list[float] = field(default_factory=list)

    def clock(self) -> Clock:
        return Clock(now=lambda: self.now, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    def question(self, passes_at: float = 1e9, cost: float = 0.0):
        def ask() -> Finding:
            self.asked.append(round(self.now - 100, 6))
            answer = passed("there") if self.now >= 100 + passes_at else failed("not yet")
            self.now += cost
            return answer

        return ask


def test_the_first_question_is_asked_at_once():
    time = Time()
    assert poll(time.question(0), within=5, clock=time.clock(), on_wait=lambda _: None).ok
    assert time.asked == [0]


def test_pauses_grow_to_a_second_and_the_last_question_is_at_the_deadline():
    time = Time()
    waits: list[str] = []
    finding = poll(time.question(), within=5, clock=time.clock(), on_wait=waits.append)
    assert not finding.ok
    pauses = [round(b - a, 6) for a, b in zip(time.asked, time.asked[1:], strict=False)]
    assert pauses[:3] == [0.05, 0.08, 0.128]
    assert max(pauses) == 1.0
    assert time.asked[-1] == 5.0
    assert waits == ["not yet"] * (len(time.asked) - 1)


def test_a_clock_that_wakes_a_little_early_gives_no_extra_question():
    time = Time()
    clock = Clock(now=lambda: time.now, sleep=lambda seconds: time.sleep(seconds * 0.999))
    poll(time.question(), within=0.05, clock=clock, on_wait=lambda _: None)
    assert len(time.asked) == 2


def test_a_state_that_is_right_only_at_the_deadline_passes():
    time = Time()
    assert poll(time.question(5.0), within=5, clock=time.clock(), on_wait=lambda _: None).ok


def test_within_0_asks_once_and_waits_for_nothing():
    time = Time()
    assert not poll(time.question(), within=0, clock=time.clock(), on_wait=lambda _: pytest.fail("waited")).ok
    assert time.asked == [0]


def test_a_slow_question_is_not_asked_again_after_the_deadline():
    time = Time()
    poll(time.question(cost=3.0), within=5, clock=time.clock(), on_wait=lambda _: None)
    assert time.asked == [0, 3.05]


KINDS = """
from labrunner.checking.api import TargetError, check, failed, passed

@check("t.right")
def right(ask, *, name: str): return passed(f"{name} is there.")

@check("t.wrong")
def wrong(ask): return failed("It is not there.")

@check("t.gone")
def gone(ask): raise TargetError("The engine is gone", "labrunner sandbox up")

@check("t.bug")
def bug(ask): return {}["x"]

@check("t.exit")
def exit_(ask): raise SystemExit(3)

@check("t.none")
def none(ask): return True
"""


def ask(tmp_path, kind, time=None, once=False, **args):
    time = time or Time()
    (tmp_path / "kinds.py").write_text(KINDS)
    check = Check(kind=kind, args=args, within=2.0)
    return ask_check(check, registry=Registry([str(tmp_path)]), context=None, clock=time.clock(), once=once)


def test_right_is_passed_with_its_message(tmp_path):
    result = ask(tmp_path, "t.right", name="x")
    assert (result.outcome, result.message, result.asked, result.bug) == (Outcome.PASSED, "x is there.", 1, False)


def test_wrong_is_failed_after_its_time(tmp_path):
    result = ask(tmp_path, "t.wrong")
    assert (result.outcome, result.message) == (Outcome.FAILED, "It is not there.")
    assert result.seconds == pytest.approx(2.0)
    assert result.asked > 3


def test_once_asks_once(tmp_path):
    assert ask(tmp_path, "t.wrong", once=True).asked == 1


def test_a_target_that_is_gone_is_an_error_at_once_with_what_to_do(tmp_path):
    result = ask(tmp_path, "t.gone")
    assert (result.outcome, result.asked, result.bug) == (Outcome.ERROR, 1, False)
    assert result.message == "The engine is gone. What to do: labrunner sandbox up."


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("t.bug", "The check t.bug is broken: KeyError: 'x'"),
        ("t.exit", "The check t.exit is broken: SystemExit: 3"),
        ("t.none", "The check t.none is broken: TypeError: it returned bool, not a Finding"),
        ("t.right", "The check t.right is broken: TypeError: right() missing 1 required keyword-only argument: 'name'"),
    ],
)
def test_a_defect_of_the_check_is_an_error_and_never_failed(tmp_path, kind, says):
    result = ask(tmp_path, kind)
    assert (result.outcome, result.bug, result.message) == (Outcome.ERROR, True, says)
    assert "Traceback" in result.evidence["traceback"]


def test_an_unknown_kind_is_a_defect_too(tmp_path):
    result = ask(tmp_path, "no.such")
    assert (result.outcome, result.bug, result.asked) == (Outcome.ERROR, True, 0)
    assert "no check kind `no.such`" in result.message
