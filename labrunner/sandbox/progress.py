"""Shows how far a set-up is: one updating line per phase on a terminal, a plain line now and then without one.

Standard library only, and no word of what is being set up.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TextIO

__all__ = ["Meter", "Progress"]

_EVERY_SECONDS = 3.0
_REDRAW_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a phase is: `done` of `total` in `unit`; a total of 0 means that it is not known. With the unit "%" it
    is 100."""

    phase: str
    done: float = 0
    total: float = 0
    unit: str = ""

    def __str__(self) -> str:
        if self.unit == "%":
            return f"{self.phase}: {self.done:g} %"
        if self.total:
            return f"{self.phase}: {self.done:g} of {self.total:g} {self.unit}".rstrip()
        return f"{self.phase}: {self.done:g} {self.unit}".rstrip() if self.done else self.phase


class Meter:
    """Writes progress to `out`. A phase ends when the next begins, or with the meter."""

    def __init__(
        self, out: TextIO = sys.stderr, *, clock: Callable[[], float] = time.monotonic, width: int = 79
    ) -> None:
        self._out = out
        self._clock = clock
        self._width = width
        self._live = out.isatty()
        self._last: Progress | None = None
        self._began = 0.0
        self._wrote = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self.end()
        else:
            self._break_line()

    def show(self, progress: Progress) -> None:
        """The newest state of a phase."""
        now = self._clock()
        if self._last is None or self._last.phase != progress.phase:
            self.end()
            self._began = now
            self._write(progress, now)
        elif now - self._wrote >= (_REDRAW_SECONDS if self._live else _EVERY_SECONDS):
            self._write(progress, now)
        self._last = progress

    def end(self) -> None:
        """The phase is done: its last state is written."""
        if self._last is None:
            return
        seconds = self._clock() - self._began
        text = f"  {self._last} - done in {seconds:.0f} s"
        self._out.write(f"\r\033[K{text[: self._width]}\n" if self._live else f"{text}\n")
        self._out.flush()
        self._last = None

    def _break_line(self) -> None:
        """The phase was cut short: leave what it showed, on a line of its own."""
        if self._last is not None and self._live:
            self._out.write("\n")
            self._out.flush()
        self._last = None

    def _write(self, progress: Progress, now: float) -> None:
        text = f"  {progress} ({now - self._began:.0f} s)"
        self._out.write(f"\r\033[K{text[: self._width]}" if self._live else f"{text}\n")
        self._out.flush()
        self._wrote = now
