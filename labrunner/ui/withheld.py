"""The lines of a long output that are not shown as they come: the last ones are, at its end."""

from collections import deque

from labrunner.shell.screen import SCREEN_LINES
from labrunner.ui.texts import Window

__all__ = ["Withheld"]


class Withheld:
    """Counts the lines, and remembers as many of the last as the window shows or a screen can move to."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._last: deque[str] = deque(maxlen=max(window.tail + window.spare, SCREEN_LINES))
        self.count = 0

    def __bool__(self) -> bool:
        """Whether a line is remembered."""
        return bool(self._last)

    @property
    def latest(self) -> str:
        """The last line; "" if there is none."""
        return self._last[-1] if self._last else ""

    def add(self, line: str) -> None:
        """One more."""
        self.count += 1
        self._last.append(line)

    def take_last(self) -> tuple[int, list[str]]:
        """What is to be shown now that no more come, and how many lines before that are left out. Then it is empty."""
        window = self._window
        left_out = self.count - window.tail if self.count > window.tail + window.spare else 0
        last = list(self._last)[-(window.tail if left_out else self.count) :]
        self._last.clear()
        self.count = 0
        return left_out, last

    def take_remembered(self) -> list[str]:
        """All that is remembered. `count` then is that of the lines before, of which nothing is known."""
        remembered = list(self._last)
        self._last.clear()
        self.count -= len(remembered)
        return remembered
