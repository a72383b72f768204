"""The plain presenter: colour, closed pipes, encodings, cost."""

import contextlib
import io
import os
import time
from typing import Any

import pytest

from labrunner.model import Outcome
from labrunner.record import events
from labrunner.ui.plain import Plain
from tests.happened import command_ended


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def trivial(count: int) -> list[events.Event]:
    happened: list[events.Event] = []
    for number in range(count):
        step = f"step-{number}"
        happened += [
            events.StepStarted(lab="l", step=step, title="T", attempt=1, number=number, count=count),
            events.CommandStarted(lab="l", step=step, ref=None, run="true", host="local"),
            ran("", step=step),
            events.StepEnded(lab="l", step=step, outcome=Outcome.PASSED, seconds=0.0, attempts=1, hints=0),
        ]
    return happened


def ran(output: str, *, status: int | None = 0, **more: Any) -> events.CommandEnded:
    return command_ended(output=output, exit_status=status, seconds=2.0, **more)


def shown(*happened: events.Event, stream: io.StringIO | None = None, env: dict[str, str] | None = None) -> str:
    out = stream or io.StringIO()
    plain = Plain(out, env=env or {})
    for event in happened:
        plain.show(event)
    plain.flush()
    return out.getvalue()


FAILED = events.CheckEnded(
    lab="l", step="s", number=0, kind="a.b", after=None, outcome=Outcome.FAILED, message="no", seconds=0.1
)


@pytest.mark.parametrize(
    ("env", "colored"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
)
def test_colour_only_where_it_is_wanted(env: dict[str, str], *, colored: bool) -> None:
    assert ("\x1b[31mFAILED\x1b[0m" in shown(FAILED, stream=Terminal(), env=env)) is colored
    assert "\x1b" not in shown(FAILED, env=env)


@pytest.mark.parametrize("size", [1, 1_000_000])
def test_a_closed_pipe_does_not_raise(size: int) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w", encoding="utf-8")
    plain = Plain(stream, env={})
    for event in [ran("x" * size), *trivial(20)]:
        plain.show(event)
    with contextlib.suppress(BrokenPipeError):  # what the stream itself still holds
        stream.close()


def test_a_closed_stream_does_not_raise() -> None:
    out = io.StringIO()
    plain = Plain(out, env={})
    out.close()
    for event in trivial(2):
        plain.show(event)


def test_output_that_the_stream_cannot_say_is_replaced() -> None:
    raw = io.BytesIO()
    plain = Plain(io.TextIOWrapper(raw, encoding="ascii"), env={})
    plain.show(ran("caf\u00e9 \u2026\n"))
    plain.show(trivial(1)[-1])
    assert b"caf? ...\n" in raw.getvalue()


def test_output_obeys_no_terminal() -> None:
    text = shown(ran("a\x1b[2Jb\x1b]0;t\x07c\x08\x9bd\te\n"))
    assert text == "      abcd\te\n"


def test_text_is_handed_on_before_a_command_runs() -> None:
    out = io.StringIO()
    plain = Plain(out, env={})
    plain.show(events.CommandStarted(lab="l", step="s", ref=None, run="sleep 60", host="build"))
    assert out.getvalue() == "    build $ sleep 60\n"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (ran("", end="limit", status=None), "stopped after 2.0 s. That is fine."),
        (ran("", end="timeout", status=None, outcome=Outcome.FAILED), "FAILED  (2.0 s) It took too long"),
        (ran("", end="interrupted", status=None, outcome=Outcome.FAILED), "stopped from the keyboard"),
        (ran("", status=3), "It fails, as it should (exit status 3)."),
        (ran("", status=3, outcome=Outcome.FAILED), "FAILED  (2.0 s) Exit status 3."),
        (ran("", status=None, outcome=Outcome.FAILED), "without an exit status"),
    ],
)
def test_how_a_command_ended(event: events.CommandEnded, expected: str) -> None:
    assert expected in " ".join(shown(event).split()).replace("FAILED (", "FAILED  (")


def test_explanations_of_80_columns_stay_within_80() -> None:
    wide = "e" * 80
    text = shown(ran("", outcome=Outcome.FAILED, status=1, explanation=("head", wide, "x")))
    assert f"\n{wide}\nx\n" in text
    assert "\n        x\n" in shown(ran("", outcome=Outcome.FAILED, status=1, explanation=("head", "x")))


def test_own_words_fold_at_80() -> None:
    message = "word " * 100
    check = events.CheckEnded(
        lab="l", step="s", number=0, kind="a.b", after=None, outcome=Outcome.FAILED, message=message, seconds=0.1
    )
    assert max(map(len, shown(check).splitlines())) <= 80


def test_a_file_is_not_shown_as_a_command() -> None:
    event = events.CommandStarted(lab="l", step="s", ref="F1", run="FROM x\n", host="local", file="Dockerfile")
    assert shown(event) == "    Write the file Dockerfile\n"


def test_an_event_costs_little() -> None:
    happened = trivial(1000)
    with open(os.devnull, "w", encoding="utf-8") as out:  # noqa: PTH123
        plain = Plain(out, env={})
        began = time.process_time()
        for event in happened:
            plain.show(event)
        spent = time.process_time() - began
    assert spent / len(happened) < 30e-6


SCRIPT = "\n".join(["cat > tool.sh <<'END'", *(f"echo {number}" for number in range(40)), "END", "TOOL=1", "OTHER=2"])


def test_what_is_set_again_is_told_in_short() -> None:
    event = events.CarriedOver(lab="l", step="s", runs=("A=1", SCRIPT))
    assert shown(event) == "    (set again in a new shell: A=1; TOOL; OTHER)\n"


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("unattended", "1 lab, 2 steps, in the sandbox. It runs by itself and asks nothing."),
        ("check", "1 lab, 2 steps, in the sandbox. Only a look at what is there: no command runs."),
    ],
)
def test_what_it_does_is_told_in_plain_words(mode: str, said: str) -> None:
    begun = events.SessionStarted(
        session="1",
        mode=mode,
        course="c",
        course_title="C",
        course_digest="",
        target="sandbox",
        started="",
        plan=({"id": "l", "title": "L", "steps": [{"id": "s", "title": "S"}, {"id": "t", "title": "T"}]},),
    )
    assert shown(begun) == f"C\n{said}\n"
