"""An output that moves over its lines: what its screen has, and when it can be shown for good."""

import re
from collections.abc import Sequence

from labrunner.shell.screen import SCREEN_LINES, Growing

__all__ = ["Moving", "is_question"]

_QUESTION = re.compile(r'(?:(?<!")[:?]|\?\s*[\[(][^\[\]()]*[\])]:?) \Z')
_LOOKED_AT = 200
_SHOWS_NOTHING = frozenset("\x00\x07")
LINES_HELD = 1000


def is_question(line: str) -> bool:
    """Whether a line that has not ended looks like a question: `Passphrase: `, `Sure? `, `Go on? [y/N] `."""
    return _QUESTION.search(line[-_LOOKED_AT:]) is not None


class Moving:
    """Begins with the first movement. lines, line, at: what stands there before it (see `Growing`).

    It is told of each piece twice: by its parts as they are taken (`put`, `control`, `edit`, `move`), and whole.
    """

    def __init__(self, lines: Sequence[str], line: str, at: int) -> None:
        self.status = line
        """The latest text: what stands for all of it as long as it moves."""
        self._screen = Growing(lines, line, at)
        self._ends = 0  # line ends since it has moved
        self._line: str | None = None  # the line being written; None: not plainly, or not to its end

    @property
    def is_over(self) -> bool:
        """Whether it has gone on so far below where it has moved that it can be taken for plain again."""
        return self._ends > SCREEN_LINES

    def put(self, text: str) -> None:
        """It writes text."""
        self.status = text
        if self._line is not None:
            self._line += text

    def control(self, control: str) -> None:
        """It writes a control character."""
        if control == "\n":
            self._line = ""
            self._ends += 1
        elif control not in _SHOWS_NOTHING:
            self._line = None

    def edit(self) -> None:
        """It edits its line."""
        self._line = None

    def move(self) -> None:
        """It moves to another line."""
        self._line = None
        self._ends = 0

    def feed(self, data: str) -> None:
        """The next piece, all of it."""
        self._screen.feed(data)

    def rows(self) -> list[str]:
        """The lines of its screen, and those before; the last one may not have ended."""
        return self._screen.rows()

    def scrolled_away(self) -> list[str]:
        """Take lines that it cannot reach any more, if there are many."""
        return self._screen.scrolled_away(LINES_HELD)

    def question(self) -> str:
        """The question that it rests on: a line of text at its very end, written since it has moved; or nothing."""
        line = self._line
        if not line or not is_question(line):
            return ""
        return line if self._screen.is_at_end() and self.rows()[-1] == line.expandtabs().rstrip() else ""
