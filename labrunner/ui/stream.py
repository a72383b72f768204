"""A text stream that a presenter may write to whatever happens: a closed pipe ends the writing, not the run."""

import os
from collections.abc import Mapping
from typing import TextIO

from labrunner.ui.texts import ascii_only

__all__ = ["Sink", "columns_of", "is_terminal", "rows_of", "wants_color"]


def is_terminal(stream: TextIO) -> bool:
    """Whether the stream is a terminal; a closed one is not."""
    try:
        return stream.isatty()
    except ValueError:
        return False


def columns_of(stream: TextIO, env: Mapping[str, str], *, default: int = 80) -> int:
    """The width of the terminal behind the stream, now; else COLUMNS, else the default. At least 20."""
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        columns = 0
    if columns <= 0:
        text = env.get("COLUMNS", "")
        columns = int(text) if text.isdecimal() and int(text) > 0 else default
    return max(20, columns)


def rows_of(stream: TextIO, env: Mapping[str, str], *, default: int = 24) -> int:
    """The height of the terminal behind the stream, now; else LINES, else the default."""
    try:
        rows = os.get_terminal_size(stream.fileno()).lines
    except (OSError, ValueError):
        rows = 0
    if rows <= 0:
        text = env.get("LINES", "")
        rows = int(text) if text.isdecimal() and int(text) > 0 else default
    return rows


def wants_color(stream: TextIO, env: Mapping[str, str]) -> bool:
    """Colour only on a terminal that has it, and not against NO_COLOR (https://no-color.org)."""
    return is_terminal(stream) and not env.get("NO_COLOR") and env.get("TERM", "dumb") not in {"dumb", "unknown"}


class Sink:
    """Writes text; what the stream's encoding cannot say is replaced, a stream that is gone is left alone."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._held: list[str] | None = None
        self.gone = False

    def hold(self) -> None:
        """Keep what is written from now on, until `release`."""
        self._held = []

    def release(self) -> str:
        """What was held back; from now on text is written again."""
        held, self._held = self._held or [], None
        return "".join(held)

    def write(self, text: str) -> None:
        """Write. Never raises for a closed or broken stream."""
        if self._held is not None:
            self._held.append(text)
            return
        if self.gone or not text:
            return
        try:
            try:
                self._stream.write(text)
            except UnicodeEncodeError:
                self._stream.write(ascii_only(text, self._stream.encoding or "ascii"))
        except (OSError, ValueError):
            self.gone = True

    def flush(self) -> None:
        """Flush. Never raises for a closed or broken stream."""
        if self.gone:
            return
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self.gone = True
