"""Where lines of words break: at spaces; a word that no line holds breaks behind what separates its parts."""

import re
from collections.abc import Iterator

__all__ = ["broken", "folded", "width_of"]

_WORD = re.compile(r"\S+")
_PART = re.compile(r".+?(?:[/=@,;&?](?![/=@,;&?])|:(?=[0-9a-f]{32})|\Z)")
_NARROWEST = 10


def width_of(text: str) -> int:
    """The columns that a terminal shows the text in."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def broken(text: str, width: int, *, hanging: int = 0) -> list[tuple[int, int]]:
    """The lines of the text, as (start, end) in it: at most `width` columns each, `hanging` less where a line goes on.

    Its own line ends stay, and the spaces that its own lines begin with.
    """
    width = max(width, _NARROWEST + hanging)
    found: list[tuple[int, int]] = []
    start = 0
    for line in text.split("\n"):
        found += [(start + begin, start + end) for begin, end in _lines(line, width, width - hanging)]
        start += len(line) + 1
    return found


def folded(text: str, width: int, *, hanging: int = 0) -> list[str]:
    """Those lines as text; those that go on are indented by `hanging`."""
    parts = broken(text, width, hanging=hanging)
    own = {0, *(at + 1 for at, char in enumerate(text) if char == "\n")}
    return [f"{'' if start in own else ' ' * hanging}{text[start:end]}" for start, end in parts]


def _lines(line: str, width: int, less: int) -> Iterator[tuple[int, int]]:
    begin, end, room = 0, 0, width
    for start, stop in _pieces(line, less):
        if end and width_of(line[begin:stop]) > room:
            yield begin, end
            begin, room = start, less
        end = stop
    yield begin, end


def _pieces(line: str, width: int) -> Iterator[tuple[int, int]]:
    """What is not broken: words, and what is at most so wide of those that are wider."""
    for word in _WORD.finditer(line):
        if width_of(word[0]) <= width:
            yield word.span()
            continue
        for part in _PART.finditer(line, word.start(), word.end()):
            yield from _chopped(line, part.start(), part.end(), width)


def _chopped(line: str, start: int, end: int, width: int) -> Iterator[tuple[int, int]]:
    while start < end:
        stop = min(end, start + width)
        while stop > start + 1 and width_of(line[start:stop]) > width:
            stop -= 1
        yield start, stop
        start = stop
