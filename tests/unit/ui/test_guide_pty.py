"""The guide where keys matter: a real terminal, a real foreground process."""

import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DEADLINE = 20.0


class Learner:
    """The program on its terminal; `expect` reads on until a text has come."""

    def __init__(self, term: str) -> None:
        self.master, self._slave = pty.openpty()
        self.before = termios.tcgetattr(self._slave)
        env = {"TERM": term, "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("learner.py"))],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
            env=env,
        )
        self.text = ""
        self._read = 0

    @property
    def mode(self) -> list[object]:
        return list(termios.tcgetattr(self._slave))

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def expect(self, text: str) -> None:
        deadline = time.monotonic() + DEADLINE
        while (at := self.text.find(text, self._read)) < 0:
            left = deadline - time.monotonic()
            assert left > 0, f"{text!r} did not come after {self.text[self._read :]!r}"
            if select.select([self.master], [], [], left)[0]:
                self.text += os.read(self.master, 4096).decode(errors="replace")
        self._read = at + len(text)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(DEADLINE)
        os.close(self.master)
        os.close(self._slave)


@pytest.fixture(params=["xterm-256color", "dumb"])
def learner(request: pytest.FixtureRequest) -> Iterator[Learner]:
    program = Learner(request.param)
    try:
        yield program
    finally:
        program.close()


PROMPT = "q quit: "
UP, LEFT, DELETE = "\x1b[A", "\x1b[D", "\x1b[3~"


def test_keys_go_to_the_command_and_then_to_the_guide_again(learner: Learner) -> None:
    learner.expect(PROMPT)
    learner.type("\n")
    learner.expect("<run>")
    learner.expect("ready")
    for key, number in (("\x03", 3), ("\x04", 4), ("\x1a", 26), ("\r", 13), (".", 46)):
        learner.type(key)
        learner.expect(f"key {number}\r\n")
    learner.expect(PROMPT)
    learner.type("q\n")
    learner.expect("labrunner run")
    learner.expect("<quit>")
    assert learner.process.wait(DEADLINE) == 0
    assert learner.mode == learner.before


@pytest.mark.parametrize("key", ["\x03", "\x04", "q\n", "Quit\n"])
def test_every_way_to_quit(learner: Learner, key: str) -> None:
    learner.expect(PROMPT)
    learner.type(key)
    learner.expect("You stop here")
    learner.expect("<quit>")
    assert learner.process.wait(DEADLINE) == 0
    assert learner.mode == learner.before


def test_the_terminal_is_given_back_when_the_engine_falls_over(learner: Learner) -> None:
    learner.expect(PROMPT)
    learner.type("h\n")
    learner.expect("fell over")
    assert learner.process.wait(DEADLINE) == 1
    assert learner.mode == learner.before


def test_what_is_typed_is_answered(learner: Learner) -> None:
    learner.expect(PROMPT)
    learner.type("what\n")
    learner.expect("none of the choices")
    learner.expect(PROMPT)
    learner.type("q\n")
    learner.expect("<quit>")


def test_an_answer_is_edited(learner: Learner) -> None:
    learner.expect(PROMPT)
    learner.type(f"xq{LEFT}{LEFT}{DELETE}\n")
    learner.expect("<quit>")


def test_a_command_comes_back_to_be_changed(learner: Learner) -> None:
    learner.expect(PROMPT)
    learner.type("\n")
    learner.expect("<run>")
    learner.type(".")
    learner.expect(PROMPT)
    learner.type(f"{UP} --all\n")
    learner.expect("<Own(run='keys --all'")
    learner.type(".")
    learner.expect(PROMPT)
    learner.type(f"{UP}{UP} --none\n")
    learner.expect("<Own(run='keys --none'")
    learner.type(".")
    learner.expect(PROMPT)
    learner.type("! what --ever\n")
    learner.expect("<Own(run='what --ever'")
    learner.type(".")
    learner.expect(PROMPT)
    learner.type(f"{UP}\n")
    learner.expect("<Own(run='what --ever'")


def test_what_is_typed_is_there_after_ctrl_z(learner: Learner) -> None:
    learner.expect(PROMPT)
    learner.type("Qui\x1a")  # nobody could continue this program: it is not stopped
    learner.expect(PROMPT + "Qui")
    learner.type("t\n")
    learner.expect("<quit>")
    assert learner.process.wait(DEADLINE) == 0
    assert learner.mode == learner.before


def test_what_was_typed_while_a_command_ran_waits_for_enter(learner: Learner) -> None:
    learner.expect(PROMPT)
    learner.type("\n")
    learner.expect("ready")
    learner.type("\n\n.keys --first\n\nkeys --second\nkeys --th")
    for word in ("--first", "--second", "--third"):
        learner.expect(PROMPT)
        learner.expect(word[:4])
        learner.type("ird\n" if word == "--third" else "\n")
        learner.expect(f"<Own(run='keys {word}'")
        learner.type(".")
    learner.expect(PROMPT)
    learner.type("q\n")
    learner.expect("<quit>")


def test_a_command_where_none_runs_and_one_typed_meanwhile_wait(learner: Learner) -> None:
    learner.expect(PROMPT)
    learner.type("s\n")
    learner.expect("q quit: ")
    learner.type("! keys -A\n")
    learner.expect("No command runs here")
    learner.expect("q quit: ")
    learner.type("1\n")
    learner.expect("<busy>")
    begin = len(learner.text)
    learner.type("keys -b\n")
    learner.expect("<free>")
    assert "keys" not in learner.text[begin:].partition("<free>")[0]
    for word in ("-A", "-b"):
        learner.expect(PROMPT)
        learner.expect(f"keys {word}")
        learner.type("\n")
        learner.expect(f"<Own(run='keys {word}'")
        learner.type(".")
    learner.expect(PROMPT)
    learner.type("q\n")
    learner.expect("<quit>")
    assert learner.process.wait(DEADLINE) == 0
    assert learner.mode == learner.before


def test_lines_pasted_together_are_one_command() -> None:
    program = Learner("xterm")
    try:
        program.expect("\x1b[?2004h")
        program.expect(PROMPT)
        program.type("\x1b[200~what one\nkeys two\x1b[201~\n")
        program.expect(r"<Own(run='what one\nkeys two'")
    finally:
        program.close()


def test_a_dumb_terminal_gets_text_alone() -> None:
    program = Learner("dumb")
    try:
        program.expect(PROMPT)
        program.type("\n")
        program.expect("ready")
        program.type(".")
        program.expect(PROMPT)
        program.type("q\n")
        program.expect("<quit>")
        assert "\x1b" not in program.text
    finally:
        program.close()


def test_a_terminal_that_is_gone_ends_it() -> None:
    program = Learner("xterm")
    try:
        program.expect(PROMPT)
        os.close(program.master)
        program.master = os.open(os.devnull, os.O_RDONLY)
        assert program.process.wait(DEADLINE) is not None
    finally:
        program.close()
