"""What is said while a command runs and nothing comes of it."""

import io
import os
import time
from collections.abc import Iterator

import pytest

from labrunner.ui.live import MOVING
from labrunner.ui.running import OWN_MOVING, STILL_RUNNING, Running
from labrunner.ui.screen import Screen
from labrunner.ui.texts import sign_in_here
from tests.unit.ui.test_guide import FullScreen

DEADLINE = 20


class Command:
    """One that runs, with a patience of next to nothing."""

    def __init__(self, out: io.StringIO, keyboard: int | None, *, patience: float = 0.005, own: bool = False) -> None:
        self._out = out
        self.running = Running(Screen(out, env={"TERM": "xterm"}), keyboard, patience=patience)
        self.running.begin(own=own)

    @property
    def written(self) -> str:
        return self._out.getvalue()

    def until(self, text: str) -> None:
        deadline = time.monotonic() + DEADLINE
        while text not in self.written:
            assert time.monotonic() < deadline, self.written
            time.sleep(0.001)


@pytest.fixture
def keyboard() -> Iterator[int]:
    reader, writer = os.pipe()
    yield reader
    os.close(reader)
    os.close(writer)


def test_silence_is_told_and_taken_away_before_the_next_output(keyboard: int) -> None:
    command = Command(FullScreen(), keyboard)
    command.until(STILL_RUNNING)
    command.running.feed("one\r\n")
    assert command.written.endswith("\r\x1b[K  one\n")
    before = len(command.written)
    command.until("one\n\r  ")  # and again
    assert command.running.finish("one\n") is False
    assert STILL_RUNNING in command.written[before:]
    assert command.written.endswith("\r\x1b[K")


def test_what_is_ours_in_an_output_is_folded_at_words() -> None:
    out = FullScreen()
    running = Running(Screen(out, env={"TERM": "xterm", "COLUMNS": "80"}), None)
    running.begin()
    running.feed("Enter the code.\r\n")
    running.say(sign_in_here("ABCDEF123"), gap=True)
    running.feed("Signed in.\r\n")
    assert out.getvalue() == (
        "  Enter the code.\n\n"
        "  [labrunner] There is no browser here. Press Enter, and ABCDEF123 is entered\n"
        "  for you.\n"
        "  Signed in.\n"
    )


@pytest.mark.parametrize("own", [True, False])
def test_a_note_about_what_moves_is_folded_at_words(*, own: bool) -> None:
    out = io.StringIO()
    running = Running(Screen(out, env={"COLUMNS": "60"}), None)
    running.begin(own=own)
    running.feed("one\r\ntwo\x1b[1A")
    lines = out.getvalue().split("\n")
    assert all(len(line) <= 60 for line in lines)
    assert " ".join(" ".join(lines).split()).endswith(OWN_MOVING if own else MOVING)


@pytest.mark.parametrize("output", ["Password: ", "\x1b[5A", "\x1b[", "\x1b[?1049h"])
def test_nothing_is_told_where_the_output_has_the_line_or_the_screen(keyboard: int, output: str) -> None:
    command = Command(FullScreen(), keyboard, patience=60.0, own=True)
    command.running.feed(output)
    before = command.written.count(STILL_RUNNING)
    watched = command.running._silence
    assert watched is not None
    with watched.broken():
        assert command.running._tell() is False
    command.running.finish("")
    assert command.written.count(STILL_RUNNING) == before


def test_a_plain_terminal_is_told_once_in_a_line_of_its_own(keyboard: int) -> None:
    out = io.StringIO()
    command = Command(out, keyboard)
    command.until(f"[labrunner] {STILL_RUNNING}\n")
    command.running.feed("one\n")
    assert command.running._tell() is False
    command.running.finish("one\n")
    assert out.getvalue() == f"[labrunner] {STILL_RUNNING}\n  one\n"


def test_where_nobody_could_stop_it_nothing_is_told_and_no_thread_waits() -> None:
    command = Command(FullScreen(), None)
    assert command.running._silence is None
    command.running.release()
    command.running.release()
