"""Parts of the test files for processes that run side by side, each of which reads its own files alone."""

from pathlib import Path


class Part:
    """The `number`-th of `of` parts: pytest passes over the test files of the others, before it reads them.

    Each file goes to the part that has had least until then, by size: about the same time for each, and every file in
    exactly one of them, as all see the same files in the same order.
    """

    def __init__(self, number: int, of: int) -> None:
        if not 1 <= number <= of:
            raise ValueError(f"part {number} of {of}: there is no such part")
        self._mine = number - 1
        self._sizes = [0] * of

    @classmethod
    def read(cls, text: str) -> "Part":
        """From K/N. Raises ValueError."""
        number, _, of = text.partition("/")
        return cls(int(number), int(of))

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """True for what the others have."""
        if not collection_path.match("test_*.py"):
            return None
        least = self._sizes.index(min(self._sizes))
        self._sizes[least] += collection_path.stat().st_size
        return None if least == self._mine else True
