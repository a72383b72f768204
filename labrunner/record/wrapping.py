r"""Finds texts that a tool has wrapped: cut into lines at a column, perhaps indented.

A line ends with a line break, or with one as JSON writes it (`\n`); a backslash may stand before it. What was wrapped
is told from lines that only happen to follow each other by their length: a text goes on in the next line when the line
ends in COLUMNS characters without a space, or when HEAD characters of what is sought were already found in it.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

__all__ = ["COLUMNS", "HEAD", "Forms", "Lines"]

COLUMNS = 16
"""Characters of the shortest line that counts as wrapped. Tools wrap at 60 to 80, less what stands before."""

HEAD = 8
"""Characters that forms are looked up by."""

_BREAK = re.compile(r"(?:(?:[\r\n]|\\(?:[\r\nrn]|\Z))[ \t]{0,80}+)++")
_LONGEST_BREAK = 100
_FULL = re.compile(rf"[^\s\\]{{{COLUMNS}}}")


@dataclass(frozen=True, slots=True)
class Forms:
    """Texts that are looked for, grouped by how they begin: hundreds of tokens that begin alike are passed over as one.

    groups: the first characters -> the forms that begin so, longest first. begun: every proper begin of a group's key.
    sizes: of the keys.
    """

    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    begun: frozenset[str] = frozenset()
    sizes: frozenset[int] = frozenset()

    def plus(self, forms: Iterable[str]) -> "Forms":
        """These too."""
        groups: dict[str, dict[str, None]] = {}
        for form in forms:
            head = form[:HEAD]
            groups.setdefault(head, dict.fromkeys(self.groups.get(head, ())))[form] = None
        if not groups:
            return self
        changed = {head: tuple(sorted(found, key=len, reverse=True)) for head, found in groups.items()}
        begun = {head[:end] for head in changed for end in range(1, len(head))}
        return Forms({**self.groups, **changed}, self.begun | begun, self.sizes | {len(head) for head in changed})


class Lines:
    """A text, as its lines: where forms are in it that go over the end of a line."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._breaks = [found.span() for found in _BREAK.finditer(text)]
        self._begins = [begin for begin, _ in self._breaks]

    def heads(self, forms: Forms, start: int) -> Iterator[tuple[int, str]]:
        """Where a form may begin, at `start` or later, of which not even the first HEAD characters are in one line; ""
        for those that the text may end in the middle of."""
        text = self._text
        for number in range(bisect_left(self._begins, start), len(self._breaks)):
            begin, end = self._breaks[number]
            if not self._is_wrapped(begin, end):
                continue
            next_break = self._begins[number + 1] if number + 1 < len(self._breaks) else len(text)
            after = text[end : min(end + HEAD - 1, next_break)]
            is_last = end + len(after) == len(text)
            for at in range(max(start, begin - HEAD + 1), begin):
                joined = text[at:begin] + after
                for size in forms.sizes:
                    if begin - at < size <= len(joined) and joined[:size] in forms.groups:
                        yield at, joined[:size]
                if is_last and joined in forms.begun:
                    yield at, ""

    def follow(self, at: int, forms: tuple[str, ...]) -> tuple[int | None, bool]:
        """Where the longest of the forms (longest first) ends that begins at `at` and goes over the end of a line; and
        whether one may that goes on in text to come."""
        text, number = self._text, bisect_left(self._begins, at)
        joined, here, found = "", at, None
        while True:
            is_last = number == len(self._breaks)
            stop = len(text) if is_last else self._begins[number]
            if here == at and (is_last or stop - at >= len(forms[0])):
                return None, False  # all in one line
            before, joined = len(joined), joined + text[here : min(stop, here + len(forms[0]))]
            if here > at:
                whole = next((form for form in forms if len(form) <= len(joined) and joined.startswith(form)), "")
                found = here + len(whole) - before if whole else found
            forms = tuple(form for form in forms if len(form) > len(joined) and form.startswith(joined))
            if not forms or is_last:
                return found, bool(forms)
            begin, end = self._breaks[number]
            is_sure = here == at and len(joined) >= HEAD and end - begin <= _LONGEST_BREAK
            if not is_sure and not self._is_wrapped(begin, end):
                return found, False
            here, number = end, number + 1

    def _is_wrapped(self, begin: int, end: int) -> bool:
        """Whether a text goes on after this break, as its line is long enough."""
        if end - begin > _LONGEST_BREAK or begin < COLUMNS:
            return False
        return _FULL.fullmatch(self._text, begin - COLUMNS, begin) is not None
