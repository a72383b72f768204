"""The screen model: pyte, kept to text. Apart from `screen`, so that only output that needs it loads pyte."""

import re
from collections.abc import Mapping
from typing import Any

import pyte
import pyte.modes

__all__ = ["ModelScreen", "feed"]

_CONTROL_SEQUENCE = re.compile(r"\x1b\[([0-?]*)([ -/]*)([@-~])?|[\x80-\x9f]")
_NUMBERS = re.compile(r"[0-9;]*")
_TAKES = dict.fromkeys("@ABCDEFGJKLMPX`ade", 1) | dict.fromkeys("Hfr", 2)
"""How many numbers pyte's methods take, by the last character of the sequence (ECMA-48); they raise for more."""
_MOST = {"J": 3, "K": 2}


class ModelScreen(pyte.Screen):  # deriving is its way of extension
    """A screen that keeps every line that scrolls away, and erases without writing blanks in all columns."""

    def __init__(self, columns: int, lines: int) -> None:
        self._gone: list[str] = []
        super().__init__(columns, lines)
        self.set_mode(pyte.modes.LNM)  # the shell's terminal does not translate newlines

    def index(self) -> None:
        """Go one line down; the top line is kept when it leaves."""
        top, bottom = self.margins or (0, self.lines - 1)
        if self.cursor.y == bottom and top == 0:
            self._gone.append(_row(self.buffer[0]))
        super().index()

    def erase_in_line(self, how: int = 0, private: bool = False) -> None:  # noqa: FBT001, FBT002 - pyte's signature
        """Erase from the cursor to the end (0), from the start to the cursor (1), or all of the line (2)."""
        line = self.buffer[self.cursor.y]
        if how == 2:
            line.clear()
        elif how == 0:
            for column in [column for column in line if column >= self.cursor.x]:
                del line[column]
        else:
            super().erase_in_line(how, private)

    def take_gone(self, least: int) -> list[str]:
        """The lines that have scrolled away, if there are so many; they are none of `rows` any more."""
        if len(self._gone) < least:
            return []
        taken, self._gone = self._gone, []
        return taken

    @property
    def is_at_end(self) -> bool:
        """Whether nothing stands below the cursor."""
        return not any(_row(self.buffer[number]) for number in range(self.cursor.y + 1, self.lines))

    def rows(self) -> list[str]:
        """All lines down to the cursor or the last that is not empty, without trailing blanks."""
        shown = [_row(self.buffer[number]) for number in range(self.lines)]
        last = max([self.cursor.y, *(number for number, row in enumerate(shown) if row)])
        return [*self._gone, *shown[: last + 1]]


def feed(screen: ModelScreen, text: str) -> None:
    """Show `text`, which may hold anything."""
    pyte.Stream(screen).feed(_CONTROL_SEQUENCE.sub(_fit, text))


def _fit(sequence: re.Match[str]) -> str:
    """The sequence as pyte can take it; nothing for one that means nothing to it."""
    arguments, between, final = sequence.groups()
    if between or final not in _TAKES or not _NUMBERS.fullmatch(arguments):
        return ""
    numbers = arguments.split(";")[: _TAKES[final]]
    if int(numbers[0][-5:] or 0) > _MOST.get(final, 99999):
        return ""
    return f"\x1b[{';'.join(numbers)}{final}"


def _row(line: Mapping[int, Any]) -> str:
    if not line:
        return ""
    # Only what was written is stored; the rest of the row is blank.
    return "".join([line[column].data if column in line else " " for column in range(max(line) + 1)]).rstrip(" ")
