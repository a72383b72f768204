"""How much of the learner's terminal a line of output takes."""

from dataclasses import dataclass

__all__ = ["Room"]


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


@dataclass(frozen=True, slots=True)
class Room:
    """A terminal of `columns`, whose lines begin with `indent`."""

    columns: int
    indent: str

    def rows_of(self, line: str) -> int:
        """Rows that a line which has ended takes."""
        return max(1, -(-_width(self.indent + line.expandtabs()) // self.columns))

    def fits(self, text: str) -> bool:
        """Whether it is in one row, the cursor behind it."""
        return _width(self.indent + text) < self.columns

    def back(self, text: str) -> str:
        """What moves the cursor from behind the text to its begin."""
        columns = _width(text)
        return f"\x1b[{columns}D" if columns else ""

    def cut(self, text: str) -> str:
        """As much of the text as one row shows."""
        room = self.columns - len(self.indent) - 1
        while _width(text) > room:
            text = text[: len(text) - max(1, (_width(text) - room) // 2)]
        return text
