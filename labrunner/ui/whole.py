"""The output of a command of the learner's own, which may take the whole terminal: an editor, a pager, a monitor."""

import re

from labrunner.ui.live import LiveOutput
from labrunner.ui.stream import Sink
from labrunner.ui.terminal import ProgramKeys

__all__ = ["WholeOutput"]

_ENTER = re.compile(r"\x1b\[\?(?:47|1047|1049|1)h")
_LEAVE = re.compile(r"\x1b\[\?(?:47|1047|1049)l")
_KEYS = "\x1b[?1h"
"""The cursor keys for a program: one that draws on the screen as it is, such as top, begins with that."""
_KEYS_BACK = re.compile(r"\x1b\[\?1l")
_UNFINISHED = re.compile(r"\x1b(?:\[(?:\?\d{0,4})?)?\Z")
_OPEN, _CLOSE = "\x1b[?1049h", "\x1b[?1049l"
_CALM = "\x1b[?1l\x1b>\x1b[?25h\x1b[0m\x1b[?2004l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l"
"""Undoes what such programs set, for those that are ended before they do: keys, cursor, colours, paste, mouse."""


class WholeOutput:
    """As `lines`, but what a program draws on the whole terminal gets there untouched, and is gone after it."""

    def __init__(self, sink: Sink, lines: LiveOutput, keys: ProgramKeys) -> None:
        self._sink = sink
        self._lines = lines
        self._keys = keys
        self._held = ""  # the start of a sequence whose end has not arrived
        self._leave: re.Pattern[str] | None = None  # what ends the drawing that is under way
        self._drew = False

    @property
    def left_out(self) -> int:
        """How many lines were not shown, at its end."""
        return self._lines.left_out

    @property
    def is_at_rest(self) -> bool:
        """As that of the lines; never while a program draws."""
        return self._leave is None and not self._held and self._lines.is_at_rest

    def feed(self, data: str) -> None:
        """Show the next piece of output."""
        data, self._held = self._held + data, ""
        unfinished = _UNFINISHED.search(data)
        if unfinished:
            self._held, data = unfinished[0], data[: unfinished.start()]
        while data:
            found = (self._leave or _ENTER).search(data)
            before = data[: found.start()] if found else data
            if self._leave:
                self._sink.write(before)
            else:
                self._lines.feed(before)
            if found is None:
                return
            data = data[found.end() :]
            if self._leave:
                self._close()
            else:
                self._open(found[0])

    def finish(self, output: str) -> None:
        """The command has ended; `output` is what it left on its screen."""
        if self._leave:
            self._close()
        self._lines.finish("" if self._drew else output)

    def _open(self, sequence: str) -> None:
        self._drew = True
        self._sink.flush()
        self._keys.raw_output(on=True)  # newlines are the program's
        self._sink.write(_OPEN)
        if sequence == _KEYS:
            self._sink.write(_KEYS)
        self._leave = _KEYS_BACK if sequence == _KEYS else _LEAVE

    def _close(self) -> None:
        self._leave = None
        self._sink.write(_CALM + _CLOSE)
        self._sink.flush()
        self._keys.raw_output(on=False)
