"""What the learner saw: raw terminal output to text. Pure; knows nothing of shells.

Three ways, the first that will do. Text without control sequences is only decoded. Lines that overwrite themselves
(carriage return, backspace, erase) are worked out one by one. From the first sequence that moves the cursor to another
line on, a screen model runs (pyte), on as much of the end as it can do in reasonable time.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from labrunner.shell.capture import HEAD_BYTES

if TYPE_CHECKING:
    from labrunner.shell.model_screen import ModelScreen

__all__ = ["MODEL_CHARACTERS", "MODEL_COLUMNS", "SCREEN_LINES", "Growing", "rendered"]

MODEL_CHARACTERS = 256 * 1024
"""How much of the end of an output the screen model is given; it does about a million characters a second."""
MODEL_COLUMNS = 1000
"""The widest line that the screen model does not wrap."""
EDITED_COLUMNS = 10_000
"""Editing within a line (insert, delete, erase to its start) is applied to lines up to this length."""
SCREEN_LINES = 50
"""The height of the screen: a cursor can reach so many lines back."""

# NUL, shifts and the like print nothing. Kept: \b \t \n \v \f \r ESC, and the bell, which may end a title.
_SILENT = bytes(code for code in (*range(0x20), 0x7F) if code not in b"\a\b\t\n\v\f\r\x1b")
_ALTERNATE = re.compile(r"\x1b\[\?(?:1049|1047|47)([hl])")
# Colours, modes, titles, character sets, requests: no effect on where text stands. See ECMA-48 and xterm's ctlseqs.
_INVISIBLE = re.compile(
    r"\x1b(?:"
    r"\[[0-9;:]*m"
    r"|\[[<=>?][0-9;:]*[A-Za-z]"
    r"|\[[0-9;:]*(?:[hlnqct]|[!\"$ ][a-z])"
    r"|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?"
    r"|[()*+#%][0-9A-Za-z@]"
    r"|[=>~\\NOn|}]"
    r")"
)
_NOT_SHOWN = dict.fromkeys([*_SILENT, *b"\a"]) | dict.fromkeys(b"\v\f", "\n")
_BATCH = 64 * 1024
_BREAK = re.compile("[\n\r\x1b]")
_WITHIN_LINE = re.compile(r"\x1b\[([0-9]*)([CDGKPX@`a])|[\r\b]")
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[^\[])?")


def rendered(output: bytes, columns: int = 200, dropped: int = 0) -> str:
    """The text that a terminal would show after `output`, with all lines that scrolled away.

    Lines are never wrapped; `columns` is the least width of the model screen. White space at the ends of lines is kept
    where nothing was overwritten. With `dropped` bytes missing after the capture's head, a line says so there.
    """
    if dropped > 0 and len(output) > HEAD_BYTES:
        head = output[:HEAD_BYTES]
        head = head[: head.rfind(b"\n") + 1] or head
        tail = output[HEAD_BYTES:]
        tail = tail[tail.find(b"\n") + 1 :]
        missing = dropped + len(output) - len(head) - len(tail)
        first = _shown(head, columns)
        return f"{first}{'' if first.endswith(chr(10)) else chr(10)}[{missing} bytes left out]\n{_shown(tail, columns)}"
    return _shown(output, columns)


def _shown(output: bytes, columns: int) -> str:
    if b"\r\n" in output:
        output = output.replace(b"\r\n", b"\n")
    text = output.translate(None, _SILENT).decode("utf-8", "replace")
    for feed in "\v\f":
        if feed in text:
            text = text.replace(feed, "\n")
    moves = "\x1b" in text
    if moves:
        text = _INVISIBLE.sub("", _without_alternate(text))
    if "\a" in text:
        text = text.replace("\a", "")
    if moves:
        if "\r\n" in text:  # as in `\r`, colour off, `\n`
            text = text.replace("\r\n", "\n")
        if "\x1b" in text:
            return _moved(text, columns)
    return _overwritten(text)


def _without_alternate(text: str) -> str:
    """Leave out what was shown on the alternate screen (`less`, `watch`) and has gone with it."""
    if "\x1b[?" not in text:
        return text
    parts = []
    start = 0
    entered = None
    for match in _ALTERNATE.finditer(text):
        if match[1] == "h" and entered is None:
            entered = match.start()
        elif match[1] == "l" and entered is not None:
            parts.append(text[start:entered])
            start = match.end()
            entered = None
    parts.append(text[start:])
    return "".join(parts)


def _overwritten(text: str) -> str:
    if "\r" not in text and "\b" not in text and "\x1b" not in text:
        return text
    return "\n".join([_line(line) for line in text.split("\n")])


def _line(line: str) -> str:
    """One line with its own carriage returns, backspaces and erasures applied. Linear in its length."""
    if "\b" not in line and "\x1b" not in line:
        if "\r" not in line:
            return line
        # The last text is on top; of those below, what reaches further to the right is still seen.
        *below, seen = line.split("\r")
        for text in reversed(below):
            if len(text) > len(seen):
                seen += text[len(seen) :]
        return seen.rstrip(" ")
    cells: list[str] = []
    at = 0
    start = 0
    for match in _WITHIN_LINE.finditer(line):
        at = _put(cells, at, line[start : match.start()])
        at = _move(cells, at, match)
        start = match.end()
    _put(cells, at, line[start:])
    return _SEQUENCE.sub("", "".join(cells)).rstrip(" ")


def _put(cells: list[str], at: int, text: str) -> int:
    if text:
        if at > len(cells):
            cells.extend(" " * (at - len(cells)))
        cells[at : at + len(text)] = text
    return at + len(text)


def _move(cells: list[str], at: int, match: re.Match[str]) -> int:
    """Apply one movement or erasure; returns the new column."""
    kind = match[2]
    if kind is None:
        return 0 if match[0] == "\r" else max(0, at - 1)
    # A column beyond this is no terminal's, and would only cost memory.
    number = min(int(match[1][-5:] or 0), 4096)
    count = max(1, number)
    if kind in "Ca":
        return at + count
    if kind == "D":
        return max(0, at - count)
    if kind in "G`":
        return count - 1
    if kind == "K" and number == 0:
        del cells[at:]
    elif len(cells) > EDITED_COLUMNS:
        return at
    elif kind == "K":
        end = len(cells) if number != 1 else min(at + 1, len(cells))
        cells[:end] = " " * end if end < len(cells) else ""
    elif kind == "X":
        end = min(at + count, len(cells))
        if end > at:
            cells[at:end] = " " * (end - at)
    elif kind == "P":
        del cells[at : at + count]
    elif at < len(cells):  # @
        cells[at:at] = " " * count
    return at


def _moved(text: str, columns: int) -> str:
    """Model only the part that movements to another line can reach; a screen's height around them."""
    first, last = _vertical(text)
    if first < 0:
        return _overwritten(text)
    start = first
    for _ in range(SCREEN_LINES + 1):
        start = text.rfind("\n", 0, start)
        if start < 0:
            break
    start += 1
    # So many lines after the last movement, the cursor is on the bottom line again.
    end = last
    for _ in range(SCREEN_LINES + 1):
        end = text.find("\n", end) + 1
        if end <= 0:
            end = len(text)
            break
    begin = max(start, end - MODEL_CHARACTERS)
    note = ""
    if begin > start:
        begin = min(at for at in (text.find("\n", begin), text.find("\x1b", begin), end) if at >= 0)
        note = f"[{begin - start} characters of screen updates left out]\n"
    return f"{_overwritten(text[:start])}{note}{_modelled(text[begin:end], columns)}{_overwritten(text[end:])}"


def _vertical(text: str) -> tuple[int, int]:
    """Where the first sequence starts, and where the last ends, that may leave the line; -1 if there is none."""
    first = last = -1
    for match in _SEQUENCE.finditer(text):
        if _WITHIN_LINE.fullmatch(match[0]) is None and len(match[0]) > 1:
            first = match.start() if first < 0 else first
            last = match.end()
    return first, last


def _modelled(text: str, columns: int) -> str:
    from labrunner.shell.model_screen import ModelScreen, feed

    # The model pays for its width here and there, so that it is not made wider than this.
    width = max(columns, min(MODEL_COLUMNS, 1 + max(map(len, _BREAK.split(text)))))
    screen = ModelScreen(width, SCREEN_LINES)
    feed(screen, text)
    return "\n".join(screen.rows())


class Growing:
    """The screen of an output that moves and goes on: the lines of `rendered`, asked for between any two pieces.

    lines, line: what stands there before it; the cursor is in column `at` (from 0) of `line`.
    """

    def __init__(self, lines: Sequence[str] = (), line: str = "", at: int = 0) -> None:
        self._pending = [*(f"{text}\n" for text in lines), line, f"\x1b[{at + 1}G"]
        self._size = 0
        self._columns = max(MODEL_COLUMNS, 1 + max(map(len, [*lines, line])))
        self._screen: ModelScreen | None = None
        self._aside = False  # on the alternate screen

    def feed(self, text: str) -> None:
        """The next piece. It must not end within a sequence. Linear, about a million characters a second."""
        self._pending.append(text)
        self._size += len(text)
        if self._size >= _BATCH:
            self._show()

    def rows(self) -> list[str]:
        """All lines that are not taken, down to the cursor or the last that is not empty, without trailing blanks."""
        return self._show().rows()

    def is_at_end(self) -> bool:
        """Whether nothing stands below the cursor."""
        return self._show().is_at_end

    def scrolled_away(self, least: int) -> list[str]:
        """Take the lines that nothing can change any more, if there are so many."""
        return self._screen.take_gone(least) if self._screen is not None else []

    def _show(self) -> "ModelScreen":
        from labrunner.shell.model_screen import ModelScreen, feed

        if self._screen is None:
            self._screen = ModelScreen(self._columns, SCREEN_LINES)
        text = self._without_alternate("".join(self._pending)).translate(_NOT_SHOWN)
        self._pending, self._size = [], 0
        feed(self._screen, _INVISIBLE.sub("", text))
        return self._screen

    def _without_alternate(self, text: str) -> str:
        parts, start = [], 0
        for match in _ALTERNATE.finditer(text):
            if match[1] == "h" and not self._aside:
                parts.append(text[start : match.start()])
            elif match[1] == "l" and self._aside:
                start = match.end()
            self._aside = match[1] == "h"
        return "".join([*parts, "" if self._aside else text[start:]])
