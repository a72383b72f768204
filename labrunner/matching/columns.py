"""Text for a terminal of 80 columns: widths, cutting, and a mark under one place. Knows nothing of matching."""

import unicodedata

__all__ = ["COLUMNS", "cut", "marked", "quoted", "visible", "width"]

COLUMNS = 80
_ZERO = frozenset(("Mn", "Me", "Cf"))


def width(text: str) -> int:
    """Columns that `text` takes on a terminal: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(_cell(mark) for mark in text)


def _cell(mark: str) -> int:
    if mark.isascii():
        return 1
    if unicodedata.category(mark) in _ZERO:
        return 0
    return 2 if unicodedata.east_asian_width(mark) in "WF" else 1


def visible(text: str) -> str:
    """`text` with control characters written out, so that a line stays a line."""
    if text.isprintable():
        return text
    return "".join(mark if mark.isprintable() or _is_joiner(mark) else _spelt(mark) for mark in text)


def _is_joiner(mark: str) -> bool:
    return unicodedata.category(mark) in _ZERO and unicodedata.combining(mark) > 0


def _spelt(mark: str) -> str:
    return mark.encode("unicode_escape", "replace").decode("ascii")


def cut(text: str, columns: int = COLUMNS) -> str:
    """`text` on one line of at most `columns`, with `…` where it was cut."""
    text = visible(text[: 4 * columns]) + ("…" if len(text) > 4 * columns else "")
    if width(text) <= columns:
        return text
    used, kept = 0, 0
    for mark in text:
        used += _cell(mark)
        if used > columns - 1:
            break
        kept += 1
    return text[:kept] + "…"


def marked(text: str, at: int, *, indent: str = "  ", note: str = "") -> tuple[str, ...]:
    """`text` and, below it, a `^` under its character `at`; a long line is shown around that place."""
    room = COLUMNS - width(indent)
    begin = 0
    if width(text[: at + 1]) > room - 10:
        begin = max(0, at - room // 3)
    before = visible(text[begin:at])
    lead = "…" if begin else ""
    shown = cut(lead + before + visible(text[at : at + 2 * room]), room)
    place = width(lead + before)
    lines = [indent + shown]
    if place + 2 + width(note) <= room:
        lines.append(f"{indent}{' ' * place}^ {note}".rstrip())
    else:
        lines.append(f"{indent}{' ' * min(place, room - 1)}^")
        if note:
            lines.append(indent + cut(note, room))
    return tuple(lines)


def quoted(text: str, columns: int = 60) -> str:
    """`text` in quotes, cut to `columns`."""
    return f'"{cut(text, columns - 2)}"'
