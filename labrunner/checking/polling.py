"""Asks one check until it passes or its time is over, and turns whatever happens into a CheckResult.

Three ends that must not be mixed up: the state is wrong (FAILED), the target cannot be asked (ERROR), the check is
broken (ERROR, `bug`). A TargetError ends the asking at once: an engine that is gone does not come back by waiting, and
a check that can be early (a port that does not answer yet) returns a failed Finding instead.
"""

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from labrunner.checking.api import CheckResult, Context, Finding, TargetError
from labrunner.checking.registry import CheckFileError, Registry, UnknownKindError
from labrunner.model import Check, Outcome

__all__ = ["Clock", "ask_check", "poll"]

FIRST_PAUSE = 0.05
FACTOR = 1.6
LONGEST_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as it passes, in seconds."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def poll(
    question: Callable[[], Finding],
    *,
    within: float,
    clock: Clock,
    on_wait: Callable[[str], None],
) -> Finding:
    """Ask at once, then after 50 ms and ever longer pauses (1 s at most), the last time exactly at the deadline.

    The deadline counts from the first question. `within` 0 asks once. Exceptions of the question pass through.
    """
    deadline = clock.now() + within
    pause = FIRST_PAUSE
    is_last = within <= 0
    while True:
        finding = question()
        remaining = deadline - clock.now()
        if finding.ok or is_last or remaining <= 0:
            return finding
        on_wait(finding.message)
        is_last = pause >= remaining
        clock.sleep(min(pause, remaining))
        pause = min(pause * FACTOR, LONGEST_PAUSE)


def ask_check(
    check: Check,
    *,
    registry: Registry,
    context: Context,
    clock: Clock,
    once: bool = False,
    on_wait: Callable[[str], None] = lambda _: None,
) -> CheckResult:
    """Ask `check` and say how that ended. Raises nothing that is about the target or the check."""
    asked = 0
    began = clock.now()

    def question() -> Finding:
        nonlocal asked
        asked += 1
        finding = answer(context, **check.args)
        if not isinstance(finding, Finding):
            raise TypeError(f"it returned {type(finding).__name__}, not a Finding")
        return finding

    def result(outcome: Outcome, message: str, **more: Any) -> CheckResult:  # noqa: ANN401
        seconds = clock.now() - began
        return CheckResult(check=check, outcome=outcome, message=message, seconds=seconds, asked=asked, **more)

    try:
        answer = registry.function(check.kind)
        began = clock.now()  # loading a library is not the learner's time
        finding = poll(question, within=0 if once else check.within, clock=clock, on_wait=on_wait)
    except TargetError as error:
        return result(Outcome.ERROR, _target_message(error), evidence={"remedy": error.remedy})
    except (CheckFileError, UnknownKindError) as error:
        return result(Outcome.ERROR, str(error), bug=True)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a defect of a check is its result, never ours
        message = f"The check {check.kind} is broken: {type(error).__name__}: {error}"
        return result(Outcome.ERROR, message, bug=True, evidence={"traceback": traceback.format_exc()})
    return result(Outcome.PASSED if finding.ok else Outcome.FAILED, finding.message)


def _target_message(error: TargetError) -> str:
    text = f"{str(error).rstrip('.')}."
    return f"{text} What to do: {error.remedy.rstrip('.')}." if error.remedy else text
