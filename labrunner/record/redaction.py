"""Keeps secrets out of everything that is written or shown: by value, and by the shapes that secrets come in.

By value: whatever was handed to `Redactor.add`, raw, in base64 (also inside a longer base64 text, such as
`user:password`), escaped for JSON and for URLs, and each of these wrapped into lines (`wrapping`). By shape: JWTs,
docker's `auth` and `identitytoken`, bearer tokens, `--password X` and `-p X` of a login, private keys in PEM,
`Password=X;` and values after known keys (`shapes`).
`redact` is the stream fed once, so that a text is redacted alike however it is cut into chunks.
"""

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

from labrunner.record.shapes import LOOK_BACK, SHAPES, Found, Shape, is_hinted, lowered, windows
from labrunner.record.wrapping import COLUMNS, HEAD, Forms, Lines

__all__ = ["MARK", "SHORTEST", "RedactedStream", "Redactor"]

MARK = "[redacted]"
SHORTEST = 4
"""Values of fewer characters are not redacted: `no` or `123` would blacken most of an output and hide nothing."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Known:
    """What is looked for: every form of the values; and those of them that are found also when a tool wrapped them."""

    forms: Forms = field(default_factory=Forms)
    wrapped: Forms = field(default_factory=Forms)

    def plus(self, values: Iterable[str]) -> "_Known":
        """These too, in every writing."""
        new = [form for value in values for form in _forms(value)]
        # a short one that is not base64 may be a word, or two at a line's end
        may_wrap = (form for form, is_base64 in new if is_base64 or (len(form) >= COLUMNS and len(form.split()) == 1))
        return _Known(self.forms.plus(form for form, _ in new), self.wrapped.plus(may_wrap))

    def occurrences(self, text: str, start: int = 0) -> tuple[list[Span], int]:
        """Where forms are in the text; of those that begin at one place, the longest. And where the first begins that
        goes over the end of a line and that the text may end in the middle of: its length if there is none."""
        if not self.forms.groups:
            return [], len(text)
        spans, hold, lines = [], len(text), Lines(text)
        wrapped = self.wrapped.groups
        places = list(lines.heads(self.wrapped, start))
        for head, forms in self.forms.groups.items():
            at = text.find(head, start)
            while at >= 0:
                end = next((at + len(form) for form in forms if text.startswith(form, at)), None)
                if end is not None:
                    spans.append((at, end))
                if head in wrapped:
                    places.append((at, head))
                at = text.find(head, at + 1)
        for at, head in places:
            end, goes_on = lines.follow(at, wrapped[head]) if head else (None, True)
            if end is not None:
                spans.append((at, end))
            if goes_on:
                hold = min(hold, at)
        return spans, hold

    def partial(self, text: str, start: int) -> int:
        """Where the first form begins that the text may end in the middle of; its length if there is none."""
        hold = len(text)
        for at in range(max(start, hold - HEAD + 1), hold):
            if text[at:] in self.forms.begun:
                hold = at
                break
        for head, forms in self.forms.groups.items():
            at = text.find(head, max(start, len(text) - len(forms[0]) + 1), hold + len(head))
            while 0 <= at < hold:
                rest = text[at:]
                if any(len(form) > len(rest) and form.startswith(rest) for form in forms):
                    hold = at
                    break
                at = text.find(head, at + 1, hold + len(head))
        return hold


class Redactor:
    """Knows a run's secrets. Values may be added at any time, and hold for all text that comes after.

    source: asked for further values before each text; it must be cheap, and must not raise.
    """

    def __init__(self, source: Callable[[], Iterable[str]] = tuple) -> None:
        self._source = source
        self._known = _Known()

    def add(self, value: str) -> None:
        """Redact `value` from now on; of several lines, each too. Values shorter than SHORTEST are ignored."""
        self._add([value])

    @property
    def forms(self) -> tuple[str, ...]:
        """Every text that is redacted by value, longest first."""
        forms = (form for group in self._now_known().forms.groups.values() for form in group)
        return tuple(sorted(forms, key=len, reverse=True))

    def redact(self, text: str) -> str:
        """`text` without secrets, each replaced by MARK."""
        if self._is_clean(text):
            return text
        stream = self.stream()
        return stream.feed(text) + stream.finish()

    def redact_values(self, text: str) -> str:
        """`text` without the values that were added, shapes aside: for texts of the course itself."""
        if not self._now_known().occurrences(text)[0]:
            return text
        stream = RedactedStream(self._now_known, ())
        return stream.feed(text) + stream.finish()

    def stream(self) -> "RedactedStream":
        """A new stream of text, redacted as it comes."""
        return RedactedStream(self._now_known, SHAPES)

    def _add(self, values: Iterable[str]) -> None:
        parts: dict[str, None] = {}
        for value in values:
            whole = value.strip("\r\n")
            parts |= dict.fromkeys(part for part in (whole, *whole.splitlines()) if len(part.strip()) >= SHORTEST)
        if parts:
            self._known = self._known.plus(parts)

    def _now_known(self) -> _Known:
        self._add(self._source())
        return self._known

    def _is_clean(self, text: str) -> bool:
        if self._now_known().occurrences(text)[0]:
            return False
        low = lowered(text)
        return not is_hinted(low) or not any(windows(low, 0, SHAPES))


def _forms(value: str) -> Iterator[tuple[str, bool]]:
    """`value` in every writing that is looked for, each of at least SHORTEST characters, and whether it is base64."""
    data = value.encode("utf-8", "surrogateescape")
    texts = [value]
    for ascii_only in (True, False):
        escaped = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        go = escaped.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")  # as Go's encoder does
        texts += [escaped, escaped.replace("/", "\\/"), go]
    if "\n" in value:
        texts.append(value.replace("\r\n", "\n").replace("\n", "\r\n"))  # as a terminal gets it
    for escaped in (quote(data, safe=""), quote(data, safe="/"), quote_plus(data), quote(data, safe="!*'()~")):
        texts += [escaped, _lower_escapes(escaped)]
    coded = [text for skipped in range(3) for text in _base64(data, skipped)]
    writings = [*((text, False) for text in texts), *((text, True) for text in coded)]
    return (writing for writing in writings if len(writing[0]) >= SHORTEST)


def _lower_escapes(escaped: str) -> str:
    first, *rest = escaped.split("%")
    return first + "".join(f"%{part[:2].lower()}{part[2:]}" for part in rest)


def _base64(data: bytes, skipped: int) -> list[str]:
    """What base64 of a longer text holds of `data`, which begins `skipped` bytes into a group of three."""
    text = base64.b64encode(bytes(skipped) + data).decode("ascii")
    whole = (skipped + len(data)) * 8 // 6  # characters that `data` alone decides
    text = text[(0, 2, 3)[skipped] : whole]
    return [text, text.replace("+", "-").replace("/", "_")]


class RedactedStream:
    """Redacts text that comes in chunks. What might be the begin of a secret is held back, and no more than that:
    at most the longest form of a value with the line breaks in it, or what decides a shape (some 70 characters)."""

    def __init__(self, known: Callable[[], _Known], shapes: tuple[Shape, ...]) -> None:
        self._known = known
        self._shapes = shapes
        self._text = ""  # what is undecided, after some decided text to look back on
        self._at = 0  # where the undecided text begins; all before it has been given out
        self._spans: list[Span] = []  # decided secrets that reach beyond _at
        self._open: list[tuple[Shape, int]] = []  # shapes whose value goes on, and where to go on reading it
        self._marked = False  # the last text given out was MARK

    def feed(self, text: str) -> str:
        """What can be shown after this chunk."""
        return self._advance(text, final=False)

    def finish(self) -> str:
        """What was still held back. The stream is as new afterwards."""
        shown = self._advance("", final=True)
        self._text, self._at, self._marked = "", 0, False
        self._spans, self._open = [], []
        return shown

    def _advance(self, chunk: str, *, final: bool) -> str:
        text = self._text + chunk
        known = self._known()
        occurrences, broken = known.occurrences(text, self._at)
        spans = [*self._spans, *occurrences]
        hold = len(text) if final else min(broken, known.partial(text, self._at))
        still_open: list[tuple[Shape, int]] = []
        for shape, resume in self._open:
            end, goes_on = shape.value_end(text, resume, final=final)
            spans.append((resume, end))
            if goes_on:
                still_open.append((shape, end))
                hold = min(hold, end)
        found = list(self._found(text, final=final))
        spans += [(each.begin, each.end) for _, each in found if not each.undecided]
        hold = min(
            (hold, *(each.end if each.goes_on else each.begin for _, each in found if each.undecided or each.goes_on))
        )
        if not final:
            hold = min((hold, *(shape.ends_in_part(text, self._at) for shape in self._shapes)))
        # what begins in the held text is found again
        still_open += [(shape, each.end) for shape, each in found if each.goes_on and each.begin < hold]
        return self._give(text, spans, still_open, hold)

    def _found(self, text: str, *, final: bool) -> Iterator[tuple[Shape, Found]]:
        for shape, around in windows(lowered(text), self._at, self._shapes) if self._shapes else ():
            for found in shape.find(text, self._at, around, final=final):
                yield shape, found

    def _give(self, text: str, spans: list[Span], still_open: list[tuple[Shape, int]], hold: int) -> str:
        shown: list[str] = []
        at = self._at
        for begin, end in _merged(spans):
            if begin >= hold:
                break
            if begin > at:
                shown.append(text[at:begin])
                self._marked = False
            if not self._marked:
                shown.append(MARK)
                self._marked = True
            at = max(at, min(end, hold))
        if at < hold:
            shown.append(text[at:hold])
            self._marked = False
        drop = max(0, hold - LOOK_BACK)
        self._text, self._at = text[drop:], hold - drop
        self._spans = [(max(begin, hold) - drop, end - drop) for begin, end in _merged(spans) if end > hold]
        self._open = list(dict.fromkeys((shape, resume - drop) for shape, resume in still_open))
        return "".join(shown)


def _merged(spans: list[Span]) -> list[Span]:
    """Spans in order, those that overlap or touch as one."""
    merged: list[Span] = []
    for begin, end in sorted(span for span in spans if span[0] < span[1]):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged
