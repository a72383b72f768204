"""A line that is being written, as a terminal edits it."""

__all__ = ["EditedLine"]

_FARTHEST = 1000
_TAB = 8


class EditedLine:
    """Its text, one cell for each character, and where in it the next one goes (`at`)."""

    __slots__ = ("_cells", "at")

    def __init__(self) -> None:
        self._cells: list[str] = []
        self.at = 0

    def __bool__(self) -> bool:
        """Whether there is anything in it."""
        return bool(self._cells)

    @property
    def text(self) -> str:
        """What it says."""
        return "".join(self._cells)

    @property
    def is_at_end(self) -> bool:
        """Whether the next character goes behind all others."""
        return self.at == len(self._cells)

    def begin(self, text: str = "") -> None:
        """Begin anew, with that text; it goes on behind it."""
        self._cells, self.at = list(text), len(text)

    def append(self, text: str) -> None:
        """Put text behind all that there is, and go on there."""
        self._cells.extend(text)
        self.at = len(self._cells)

    def put(self, text: str) -> None:
        """Put text where it goes, over what is there."""
        self._fill()
        self._cells[self.at : self.at + len(text)] = list(text)
        self.at += len(text)

    def control(self, control: str) -> None:
        """Follow a control character; those that move to no other place in a line are passed over."""
        if control == "\r":
            self.at = 0
        elif control == "\b":
            self.at = max(0, self.at - 1)
        elif control == "\t":
            self.put(" " * (_TAB - self.at % _TAB))

    def edit(self, final: str, number: int) -> None:
        """Follow a control sequence by its final byte and its first number, 0 for none: it erases, makes room, or
        moves in the line. Others are passed over."""
        if final == "K" and number == 1:
            self._cells[: self.at] = [" "] * self.at
        elif final in "JK":
            del self._cells[0 if number == 2 else self.at :]
        elif final == "P":
            del self._cells[self.at : self.at + max(1, number)]
        elif final == "@":
            self._cells[self.at : self.at] = [" "] * max(1, number)
        elif final in "CDG`":
            step = max(1, number)
            target = {"C": self.at + step, "D": self.at - step}.get(final, step - 1)
            self.at = max(0, min(target, _FARTHEST))
            self._fill()

    def _fill(self) -> None:
        self._cells.extend(" " * (self.at - len(self._cells)))
