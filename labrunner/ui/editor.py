"""Lines edited as in a shell, by GNU Readline: arrows, what was given before, a draft that is there to be changed."""

import os
import re
import signal
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TextIO

from labrunner.ui.stream import is_terminal

__all__ = ["Editor", "as_text", "editor_of"]

_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|.)?")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_STANDARD = (0, 1)
_CTRL_C, _CTRL_Z = "\x03", "\x1a"


class Editor:
    """Asks on the process's standard input and output, which both are one terminal.

    Bracketed paste stays off where `plain` promises that nothing but text is written: then each line that is pasted
    is an answer by itself.
    """

    def __init__(self, *, plain: bool) -> None:
        import readline

        self._readline = readline
        readline.set_auto_history(False)
        readline.parse_and_bind(f"set enable-bracketed-paste {'off' if plain else 'on'}")
        for key in ("c", "z"):  # itself, as text, and Enter
            readline.parse_and_bind(rf'"\C-{key}": "\C-v\C-{key}\C-m"')

    def line(self, prompt: str, draft: str = "") -> str:
        """One line; of a paste, several. prompt: a part of a line. draft: what stands there to begin with.

        Raises EOFError, KeyboardInterrupt, UnicodeDecodeError.
        """
        while True:
            self._readline.set_startup_hook(partial(self._readline.insert_text, draft) if draft else None)
            with _all_keys(sys.stdin.fileno()):
                line = input(prompt)
            if _CTRL_C in line:
                raise KeyboardInterrupt
            if _CTRL_Z not in line:
                return line
            draft = line.replace(_CTRL_Z, "")
            os.kill(0, signal.SIGTSTP)  # until it is continued

    def remember(self, command: str) -> None:
        """Have it come back by the arrow keys; in this process only."""
        count = self._readline.get_current_history_length()
        if command and (not count or self._readline.get_history_item(count) != command):
            self._readline.add_history(command)


def editor_of(stream: TextIO, *, plain: bool) -> Editor | None:
    """None where the stream is not this process's terminal, or this Python was built without readline."""
    if stream is not sys.stdin or not is_terminal(sys.stdin) or not is_terminal(sys.stdout):
        return None
    try:
        if (sys.stdin.fileno(), sys.stdout.fileno()) != _STANDARD:  # `input` looks at these alone
            return None
        return Editor(plain=plain)
    except (ImportError, OSError, ValueError):
        return None


@contextmanager
def _all_keys(descriptor: int) -> Iterator[None]:
    """What is typed is shown, and Ctrl-C and Ctrl-Z are keys.

    Readline, as Python calls it, sees a signal that comes just before it waits for a key at the next key only, and does
    not know that the terminal is another's after a stop.
    """
    saved = termios.tcgetattr(descriptor)
    mode = termios.tcgetattr(descriptor)
    mode[3] |= termios.ECHO
    mode[6][termios.VINTR] = mode[6][termios.VSUSP] = b"\0"
    termios.tcsetattr(descriptor, termios.TCSADRAIN, mode)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, saved)


def as_text(typed: bytes) -> str:
    """The text and the line ends of what was typed, without keys that are none."""
    text = typed.decode("utf-8", "ignore").replace("\r", "\n")
    return _CONTROL.sub("", _SEQUENCE.sub("", text))
