"""Patterns: text with typed placeholders, `{digest}`, `{server}`, `{*}` ...; `{{` and `}}` are braces.

A pattern is cut at its stars into segments. Each segment is placed at its leftmost fit and never moved again.
That is exact: a value's end depends only on its run (see `kinds`), so a later start never ends earlier. Time is
linear in the text for a given pattern. `{*}` never crosses a line. `@{NAME}`, a course variable that is not filled
in, stands for itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from labrunner.matching.kinds import KINDS, Kind

__all__ = ["Pattern", "PatternError", "compile_pattern", "escape", "like"]

Piece = str | Kind
Segment = tuple[Piece, ...]


class PatternError(ValueError):
    """A pattern is not well formed. `offset` counts characters from the start of the pattern's text."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern. `text` is as written; `fixed` the only text it matches, if it has no placeholder.

    key: the longest literal piece; a line without it cannot match. head: what a line begins with, up to a star.
    plain, end: what comes after stars, and last after a star, where that is literal text alone.
    """

    text: str
    segments: tuple[Segment, ...]
    open_start: bool
    open_end: bool
    fixed: str | None
    key: str
    head: tuple[tuple[str, Callable[[str, int], int] | None], ...] = field(default=(), repr=False, compare=False)
    plain: tuple[str, ...] | None = field(default=None, repr=False, compare=False)
    end: str = field(default="", repr=False, compare=False)

    @property
    def in_words(self) -> str:
        """The text for people: each placeholder as its noun, `<a digest>`, a star as `…`, a brace as it is."""
        segments = ["".join(map(_in_words, segment)) for segment in self.segments]
        whole = ([""] * self.open_start) + segments + [""] * (self.open_end and bool(segments))
        return "…" if whole == [""] else "…".join(whole)

    @property
    def asks_nothing(self) -> bool:
        """Whether every line matches (nothing but stars and white space)."""
        return all(isinstance(piece, str) and not piece.strip() for segment in self.segments for piece in segment)

    def matches(self, line: str) -> bool:
        """Whether the whole of `line` fits."""
        if self.fixed is not None:
            return line == self.fixed
        at = 0
        for literal, read in self.head:
            if read is not None:
                at = read(line, at)
                if at < 0:
                    return False
            elif line.startswith(literal, at):
                at += len(literal)
            else:
                return False
        if self.plain is None or "\n" in line:
            return self._goes_on(line, at)
        for literal in self.plain:
            at = line.find(literal, at)
            if at < 0:
                return False
            at += len(literal)
        return self.open_end or (line.endswith(self.end, at) if self.end else at == len(line))

    def _goes_on(self, line: str, at: int) -> bool:
        """Whether what follows an anchored first segment, which ended at `at`, fits the rest of `line`."""
        segments = self.segments
        first = 0 if self.open_start else 1
        last = len(segments) - (not self.open_end)
        if first > last:
            return at == len(line)
        limit = _line_end(line, at)
        for segment in segments[first:last]:
            at = _seek(segment, line, at, limit)[1]
            if at < 0:
                return False
        if last == len(segments):
            return limit == len(line)
        return _ends(segments[last], line, at, limit)

    def find(self, text: str, start: int = 0) -> tuple[int, int] | None:
        """The first place (start, end) in `text`, within one line, where the pattern fits; None if there is none."""
        if not self.segments:
            return (start, start)
        if self.fixed is not None:
            place = text.find(self.fixed, start)
            return None if place < 0 else (place, place + len(self.fixed))
        while start <= len(text):
            if self.key:  # only lines that hold the longest literal are looked at
                place = text.find(self.key, start)
                if place < 0:
                    return None
                start = max(start, text.rfind("\n", 0, place) + 1)
                limit = _line_end(text, place)
            else:
                limit = _line_end(text, start)
            begin, at = _seek(self.segments[0], text, start, limit)
            for segment in self.segments[1:]:
                if at < 0:
                    break
                at = _seek(segment, text, at, limit)[1]
            if at >= 0:
                return (begin, at)
            start = limit + 1
        return None

    def reach(self, line: str) -> tuple[int, str]:
        """Where `line` parts from the pattern: (offset in line, what was expected there, for people)."""
        at = 0
        for number, segment in enumerate(self.segments):
            if number or self.open_start:
                _, end = _seek(segment, line, at, len(line))
                if end < 0:
                    return (at, f"from here on, {_describe(segment[0])}")
                at = end
            else:
                stop, piece = _follow(segment, line)
                if piece is not None:
                    return (stop, piece)
                at = stop
        return (at, "the end of the line")


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _candidate(segment: Segment, text: str, at: int, limit: int) -> int:
    """The next place from `at` where the segment may begin, or -1."""
    head = segment[0]
    if isinstance(head, str):
        return text.find(head, at, limit)
    found = head.begins.search(text, at, limit)
    return found.start() if found else -1


def _seek(segment: Segment, text: str, at: int, limit: int) -> tuple[int, int]:
    """The leftmost (start, end) of the segment within text[at:limit]; (-1, -1) if it does not occur."""
    if len(segment) == 1 and isinstance(segment[0], str):
        at = text.find(segment[0], at, limit)
        return (at, at + len(segment[0])) if at >= 0 else (-1, -1)
    steady = _Runs()
    while (at := _candidate(segment, text, at, limit)) >= 0:
        end = steady.place(segment, text, at)
        if 0 <= end <= limit:
            return (at, end)
        at = max(at + 1, steady.hopeless)
    return (-1, -1)


def _ends(segment: Segment, text: str, at: int, limit: int) -> bool:
    """Whether the segment fits at the very end of `text`, beginning in text[at:limit]."""
    if len(segment) == 1 and isinstance(segment[0], str):
        begin = len(text) - len(segment[0])
        return at <= begin <= limit and text.endswith(segment[0])
    steady = _Runs()
    while at <= limit and (at := _candidate(segment, text, at, len(text))) >= 0:
        if at <= limit and steady.place(segment, text, at) == len(text):
            return True
        at = max(at + 1, steady.hopeless)
    return False


class _Runs:
    """Places one segment at rising positions, remembering where long runs end: each is walked once.

    hopeless: starts before it fail like the last one did, for their first `{word}` ends where that one's did.
    """

    __slots__ = ("_ends", "hopeless")

    def __init__(self) -> None:
        self._ends: dict[int, int] = {}
        self.hopeless = 0

    def place(self, segment: Segment, text: str, at: int) -> int:
        for number, piece in enumerate(segment):
            if isinstance(piece, str):
                if not text.startswith(piece, at):
                    return -1
                at += len(piece)
            elif piece.name == "word" and number:  # the one type without a longest length
                if at >= len(text) or text[at].isspace():
                    return -1
                end = self._ends.get(number, -1)
                if end <= at:
                    end = piece.read(text, at)
                    self._ends[number] = end
                if number == 1:  # after a literal
                    self.hopeless = end + 1 - len(str(segment[0]))
                at = end
            else:
                at = piece.read(text, at)
                if at < 0:
                    return -1
        return at


def _follow(segment: Segment, line: str) -> tuple[int, str | None]:
    at = 0
    for piece in segment:
        if isinstance(piece, str):
            if not line.startswith(piece, at):
                same = next((i for i, mark in enumerate(piece) if line[at + i : at + i + 1] != mark), len(piece))
                return (at + same, _describe(piece[same:]))
            at += len(piece)
        else:
            end = piece.read(line, at)
            if end < 0:
                return (at, _describe(piece))
            at = end
    return (at, None)


def _describe(piece: Piece) -> str:
    return f"`{piece}`" if isinstance(piece, str) else f"{piece.noun}: {piece.says}"


def _in_words(piece: Piece) -> str:
    return piece if isinstance(piece, str) else f"<{piece.noun}>"


def compile_pattern(text: str) -> Pattern:
    """The pattern of `text`. Raises PatternError for unknown, unbalanced or impossible placeholders."""
    pieces = _pieces(text)
    _refuse_impossible(pieces)
    segments: list[list[Piece]] = [[]]
    for piece, _ in pieces:
        if piece is None:
            segments.append([])
        elif isinstance(piece, str) and segments[-1] and isinstance(segments[-1][-1], str):
            segments[-1][-1] += piece
        else:
            segments[-1].append(piece)
    stars = len(segments) > 1
    literals = [piece for segment in segments for piece in segment if isinstance(piece, str)]
    only_text = not stars and all(isinstance(piece, str) for piece, _ in pieces)
    plain = [segment[0] for segment in segments[1:] if len(segment) == 1 and isinstance(segment[0], str)]
    end = plain.pop() if plain and segments[-1] else ""
    return Pattern(
        text=text,
        segments=tuple(tuple(segment) for segment in segments if segment),
        open_start=stars and not segments[0],
        open_end=stars and not segments[-1],
        fixed="".join(literals) if only_text else None,
        key=max(literals, key=len, default=""),
        head=tuple((piece, None) if isinstance(piece, str) else ("", piece.read) for piece in segments[0]),
        plain=tuple(plain) if len(plain) + bool(end) == sum(map(bool, segments[1:])) else None,
        end=end,
    )


def _pieces(text: str) -> list[tuple[Piece | None, int]]:
    """Literal texts, kinds and stars (None), each with its offset."""
    pieces: list[tuple[Piece | None, int]] = []
    at = 0
    while at < len(text):
        mark = text[at]
        if mark in "{}" and text.startswith(mark * 2, at):
            pieces.append((mark, at))
            at += 2
        elif mark == "}":
            raise PatternError("a lone `}`; write `}}` for a brace", at)
        elif mark == "{":
            end = text.find("}", at)
            if end < 0:
                raise PatternError("this `{` is never closed; write `{{` for a brace", at)
            pieces.append((_placeholder(text[at + 1 : end], at), at))
            at = end + 1
        elif mark == "@" and (end := _variable(text, at)) >= 0:
            pieces.append((text[at:end], at))
            at = end
        else:
            end = next((i for i in range(at + 1, len(text)) if text[i] in "{}@"), len(text))
            pieces.append((text[at:end], at))
            at = end
    return pieces


def _variable(text: str, at: int) -> int:
    """The end of a course variable `@{NAME}` that begins at `at`, or -1."""
    if not text.startswith("@{", at):
        return -1
    end = text.find("}", at)
    name = text[at + 2 : end] if end >= 0 else ""
    named = name[:1].isalpha() and name.isascii() and name == name.upper() and name.replace("_", "").isalnum()
    return end + 1 if named else -1


def _placeholder(name: str, offset: int) -> Kind | None:
    if name == "*":
        return None
    if name in KINDS:
        return KINDS[name]
    from difflib import get_close_matches  # only on the way to an error

    near = get_close_matches(name.lower(), KINDS, n=1)
    advice = f"did you mean {{{near[0]}}}?" if near else f"known: {', '.join((*sorted(KINDS), '*'))};"
    raise PatternError(f"unknown placeholder {{{name[:40]}}}; {advice} write `{{{{` for a brace", offset)


def _refuse_impossible(pieces: list[tuple[Piece | None, int]]) -> None:
    """A value takes its whole run: what directly follows it and belongs to the run could never be met."""
    for (piece, offset), (following, _) in pairwise(pieces):
        if not isinstance(piece, Kind) or following is None:
            continue
        name = f"{{{piece.name}}}"
        if isinstance(following, Kind):
            raise PatternError(f"{name} directly before {{{following.name}}}: put text between the two", offset)
        head = following[0]
        if head in piece.takes or (piece.name == "word" and not head.isspace()):
            raise PatternError(
                f"{name} takes all it can, so `{head}` directly after it never matches; use {{*}}", offset
            )


def escape(text: str) -> str:
    """`text` as a pattern that matches just this text."""
    return text.replace("{", "{{").replace("}", "}}")


def like(pattern: str, text: str) -> bool:
    """Whether the whole of `text` fits `pattern`. Raises PatternError."""
    return compile_pattern(pattern).matches(text)
