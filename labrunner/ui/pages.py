"""What there is to read, a screenful at a time, so that nothing scrolls away before it could be read."""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from labrunner.ui.keys import ENTER, HELP, Key, explain, prompt_of
from labrunner.ui.own import MARK, put_off
from labrunner.ui.screen import Screen
from labrunner.ui.stream import is_terminal
from labrunner.ui.terminal import Keyboard
from labrunner.ui.texts import not_a_choice

__all__ = ["Pages", "reading"]

_READ_ON = Key(ENTER, "read on", "shows the next page.")
KEYS = (_READ_ON, Key("q", "quit", "stops here; a later run goes on from this place."))
ASIDE_KEYS = (_READ_ON, Key("q", "enough", "goes back, without the rest of this text."))
QUESTION_ROWS = 3
"""Rows kept free at the end: an empty line and the question that follows."""

_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\r")


class Pages:
    """Draws texts on `screen` and stops where the terminal is full. A plain terminal is never stopped: screen
    readers and files have no height.

    `more` is asked first about an answer where the text pauses: whether it was one that shows something. `named`
    gives the keys for that which a text that was shown names.
    `quit` is set when the learner wants to quit instead of reading on; from then on nothing more is drawn.
    """

    def __init__(self, screen: Screen, keys: Keyboard) -> None:
        self._screen = screen
        self._keys = keys
        self._used = 0  # rows since the learner was last asked something
        self._open = False
        self.quit = False
        self.more: Callable[[str], bool] = lambda _: False
        self.named: Callable[[str], Sequence[Key]] = lambda _: ()

    def turn(self) -> None:
        """The learner has answered, or something else was shown: what comes starts a new page."""
        self._used = 0

    @contextmanager
    def reading(self, *, aside: bool = False) -> Iterator[None]:
        """Draw what the body draws, page by page. aside: who has read enough goes back to the question."""
        if self._screen.plain or self._open:
            yield
            return
        self._screen.end_status()
        self._open = True
        self._screen.sink.hold()
        try:
            yield
        finally:
            self._open = False
            text = self._screen.sink.release()
            self._show(text.split("\n"), aside=aside)

    def _show(self, lines: list[str], *, aside: bool) -> None:
        if lines and not lines[-1]:
            lines.pop()
        shown = ""
        while lines and not self.quit:
            rows = self._screen.rows
            heights = [self._height(line) for line in lines]
            if self._used + sum(heights) + QUESTION_ROWS <= rows:
                self._write(lines)
                self._used += sum(heights)
                return
            room = rows - self._used - 2
            if self._used and room < rows // 2:
                if not self._pause(shown, erased=2, aside=aside):
                    return
                continue
            count = _fitting(lines, heights, max(3, room))
            self._write(lines[:count])
            shown += "\n".join(lines[:count])
            lines = lines[count:]
            at_gap = bool(lines) and not lines[0].strip()
            while lines and not lines[0].strip():
                lines.pop(0)
            if lines and not self._pause(shown, erased=1 if at_gap else 2, aside=aside):
                return

    def _write(self, lines: list[str]) -> None:
        self._screen.sink.write("".join(f"{line}\n" for line in lines))

    def _pause(self, shown: str, *, erased: int, aside: bool) -> bool:
        """Ask whether to read on, then take the question away: with `erased` 1 an empty line stays."""
        keys = ASIDE_KEYS if aside else (KEYS[0], *self.named(shown), *KEYS[1:])
        prompt = prompt_of(keys, self._screen.columns)
        self._screen.gap()
        answer = self._keys.line(prompt)
        told = False
        while answer is not None and answer.strip().lower() not in {"", "q", "quit"}:
            told = True
            self._reply(answer.strip(), keys, aside=aside)
            if self.quit:
                return False
            answer = self._keys.line(prompt)
        self._used = 0
        if answer is None or answer.strip():
            self.quit = not aside or answer is None
            return False
        if not told and len(prompt) + len(answer) < self._screen.columns:
            self._screen.sink.write(f"\x1b[{erased}A\r\x1b[J")
        return True

    def _reply(self, answer: str, keys: tuple[Key, ...], *, aside: bool) -> None:
        """Do what an answer asks for that leaves the reader where they are, or say that it is none."""
        self._used = 0  # the answer began a new page
        if answer.startswith(MARK) or (" " in answer and not aside):  # of several words: a command
            self._screen.line(put_off(self._keys, answer))
        elif answer == HELP:
            explain(self._screen, keys)
        elif aside or not self.more(answer.lower()):
            self._screen.line(not_a_choice(answer, HELP), raw=True)
        self._screen.gap()
        self._used = 0

    def _height(self, line: str) -> int:
        from rich.cells import cell_len

        return max(1, -(-cell_len(_ESCAPE.sub("", line)) // self._screen.columns))


@contextmanager
def reading(screen: Screen) -> Iterator[None]:
    """A text outside of a run: page by page where there are a screen and a keyboard, else as it stands."""
    if not is_terminal(sys.stdin):
        yield
        return
    with Pages(screen, Keyboard(sys.stdin, screen.sink)).reading(aside=True):
        yield


def _fitting(lines: list[str], heights: list[int], room: int) -> int:
    """How many lines make a page of `room` rows: up to the last gap in its second half, or as many as fit."""
    count, used = 0, 0
    while count < len(lines) and used + heights[count] <= room:
        used += heights[count]
        count += 1
    count = max(1, count)
    for at in range(min(count, len(lines) - 1), count // 2, -1):
        if not lines[at].strip():
            return at
    return count
