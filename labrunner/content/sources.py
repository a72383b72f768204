"""What a file of a course says and where: typed values beside the places of their parts."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from labrunner.content.nodes import Node, Sequence
from labrunner.content.shapes import Path
from labrunner.model import Diagnostic

__all__ = ["Source"]


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was read. `places` and `damaged` are the Reader's."""

    file: str
    text: str = ""
    places: Mapping[Path, Node] = field(default_factory=dict)
    damaged: AbstractSet[Path] = frozenset()

    def has(self, path: Path) -> bool:
        """Whether the file says something usable there."""
        return path in self.places and path not in self.damaged

    def wrote(self, path: Path) -> bool:
        """Whether the file says anything there, usable or not."""
        return path in self.places

    def lacks(self, path: Path) -> bool:
        """Whether nothing is written there, or an empty list."""
        node = self.places.get(path)
        return node is None or (isinstance(node, Sequence) and not node.items)

    def problem(self, path: Path, message: str, *, piece: str = "") -> Diagnostic:
        """A diagnostic at that value (or what holds it); `piece` is the part of a text to point at."""
        while path and path not in self.places:
            path = path[:-1]
        node = self.places.get(path)
        if node is None:
            return Diagnostic(self.file, 1, 1, message)
        line, column = self._of_piece(node, piece) if piece else (node.line, node.column)
        return Diagnostic(self.file, line, column, message)

    def _of_piece(self, node: Node, piece: str) -> tuple[int, int]:
        """Where `piece` is first written at or after the start of the node; the node itself if it is not."""
        lines = self.text.split("\n")
        for number in range(node.line, min(len(lines), node.line + 200) + 1):
            found = lines[number - 1].find(piece, node.column - 1 if number == node.line else 0)
            if found >= 0:
                return number, found + 1
        return node.line, node.column
