"""The keyboard on a real pty: whose keys, and that the terminal is given back."""

import io
import os
import pty
import select
import termios
from collections.abc import Iterator

import pytest

from labrunner.ui.stream import Sink
from labrunner.ui.terminal import Keyboard, ProgramKeys


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    master, slave = pty.openpty()
    yield master, slave
    os.close(master)
    os.close(slave)


def read(descriptor: int) -> bytes:
    assert select.select([descriptor], [], [], 5)[0], "nothing came"
    return os.read(descriptor, 1024)


def test_each_key_is_a_byte_while_a_program_runs(terminal: tuple[int, int]) -> None:
    master, slave = terminal
    before = termios.tcgetattr(slave)
    with ProgramKeys(slave):
        os.write(master, b"\x03")
        assert read(slave) == b"\x03"
        os.write(master, b"\r")
        assert read(slave) == b"\r"
        os.write(master, b"\x04x\x1a")
        assert read(slave) == b"\x04x\x1a"
        os.write(slave, b"line\n")
        assert read(master) == b"line\r\n"  # no echo of the keys, and line ends are still made
    assert termios.tcgetattr(slave) == before


def test_the_terminal_is_restored_after_an_exception(terminal: tuple[int, int]) -> None:
    _, slave = terminal
    before = termios.tcgetattr(slave)
    keys = ProgramKeys(slave)

    def fail() -> None:
        with keys, keys:
            assert termios.tcgetattr(slave) != before
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert termios.tcgetattr(slave) == before
    keys.__exit__()
    assert termios.tcgetattr(slave) == before


def test_what_is_no_terminal_is_left_alone() -> None:
    reading, writing = os.pipe()
    with ProgramKeys(reading), ProgramKeys(None):
        pass
    os.close(reading)
    os.close(writing)


def test_what_was_typed_before_a_question_is_not_its_answer(terminal: tuple[int, int]) -> None:
    master, slave = terminal
    out = io.StringIO()
    with os.fdopen(os.dup(slave), encoding="utf-8") as stream:
        keys = Keyboard(stream, Sink(out))
        os.write(master, b"too early\n")
        assert select.select([slave], [], [], 5)[0]

        class Answering(Sink):
            def flush(self) -> None:
                os.write(master, b"answer\n")

        keys = Keyboard(stream, Answering(out))
        assert keys.line("? ") == "answer"


def test_end_of_input_is_no_answer(terminal: tuple[int, int]) -> None:
    master, slave = terminal

    class Leaving(Sink):
        def flush(self) -> None:
            os.write(master, b"\x04")

    with os.fdopen(os.dup(slave), encoding="utf-8") as stream:
        keys = Keyboard(stream, Leaving(io.StringIO()))
        assert keys.line("? ") is None
        assert keys.line("? ") is None  # and the next question is asked again


def test_a_secret_is_not_echoed(terminal: tuple[int, int]) -> None:
    master, slave = terminal

    class Answering(Sink):
        def flush(self) -> None:
            os.write(master, b"hunter2\n")

    before = termios.tcgetattr(slave)
    with os.fdopen(os.dup(slave), encoding="utf-8") as stream:
        assert Keyboard(stream, Answering(io.StringIO())).line("? ", secret=True) == "hunter2"
    assert termios.tcgetattr(slave) == before
    assert not select.select([master], [], [], 0)[0] or b"hunter2" not in os.read(master, 1024)


def test_bytes_that_are_no_text_are_an_answer_that_nobody_knows() -> None:
    stream = io.TextIOWrapper(io.BytesIO(b"\xff\xfe\n"), encoding="utf-8")
    assert Keyboard(stream, Sink(io.StringIO())).line("? ") == "?"


def test_a_closed_input_is_no_answer() -> None:
    stream = io.StringIO("x")
    keys = Keyboard(stream, Sink(io.StringIO()))
    stream.close()
    assert keys.line("? ") is None


def test_ctrl_c_while_the_question_is_written_is_no_answer() -> None:
    class Interrupting(Sink):
        def flush(self) -> None:
            raise KeyboardInterrupt

    assert Keyboard(io.StringIO("x\n"), Interrupting(io.StringIO())).line("? ") is None
