"""What a command tells: folded for a terminal, as it is for everybody else."""

import fcntl
import io
import os
import pty
import struct
import termios

import pytest

from labrunner.cli.telling import tell

SENTENCE = "Nothing is under way; `labrunner goto lab-2/tag-for-acr` takes up what is not done yet."


def told(text: str, *, columns: int) -> list[str]:
    master, slave = pty.openpty()
    try:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        with os.fdopen(os.dup(slave), "w", encoding="utf-8") as terminal:
            tell(text, terminal)
        return os.read(master, 4096).decode().split("\r\n")[:-1]
    finally:
        os.close(slave)
        os.close(master)


def test_a_terminal_gets_whole_words_and_what_is_to_be_typed_on_one_line() -> None:
    lines = told(SENTENCE, columns=40)
    assert " ".join(lines) == SENTENCE
    assert all(len(line) <= 40 for line in lines)
    assert any("`labrunner goto lab-2/tag-for-acr`" in line for line in lines)


def test_lines_stay_apart_and_the_rest_of_one_is_indented_as_it_is() -> None:
    assert told("Removed:\n  - one two three four five six\n\nDone.", columns=24) == [
        "Removed:",
        "  - one two three four",
        "  five six",
        "",
        "Done.",
    ]


@pytest.mark.parametrize("text", [SENTENCE, f"{SENTENCE}\n  {SENTENCE}"])
def test_a_file_gets_it_as_it_is(text: str) -> None:
    file = io.StringIO()
    tell(text, file)
    assert file.getvalue() == f"{text}\n"
