"""How much of the learner's terminal a line of output takes."""

from dataclasses import dataclass

from labrunner.ui.lines import width_of

__all__ = ["Room"]


@dataclass(frozen=True, slots=True)
class Room:
    """A terminal of `columns`, whose lines begin with `indent`."""

    columns: int
    indent: str

    def rows_of(self, line: str) -> int:
        """Rows that a line which has ended takes."""
        return max(1, -(-width_of(self.indent + line.expandtabs()) // self.columns))

    def fits(self, text: str) -> bool:
        """Whether it is in one row, the cursor behind it."""
        return width_of(self.indent + text) < self.columns

    def back(self, text: str) -> str:
        """What moves the cursor from behind the text to its begin."""
        columns = width_of(text)
        return f"\x1b[{columns}D" if columns else ""

    def cut(self, text: str) -> str:
        """As much of the text as one row shows."""
        room = self.columns - len(self.indent) - 1
        while width_of(text) > room:
            text = text[: len(text) - max(1, (width_of(text) - room) // 2)]
        return text
