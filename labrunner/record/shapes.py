"""The shapes that secrets come in: a fixed head, then a value that runs to a known end.

Each shape reads text that may go on later: what it cannot decide yet it says so, and a value that reaches the end of
the text can be read on from there. A value that is only a reference (`$NAME`, `${NAME}`, `$(command)`) is no secret.
All expressions here are fixed and bounded, or one run of a class.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["LOOK_BACK", "SHAPES", "Found", "Shape", "is_hinted", "lowered", "windows"]

LOOK_BACK = 1024
"""Characters of decided text before a value that may be looked at: as many as a stream keeps."""

_LONGEST_HEAD = 120
_REFERENCE = re.compile(r"""["']?\$(?:[({]|[A-Z_][A-Z0-9_]{0,63}+(?![A-Za-z0-9_]))""")
_MAY_BE_REFERENCE = re.compile(r"""["']?(?:\$(?:[A-Z_][A-Z0-9_]{0,63}+)?)?\Z""")


@dataclass(frozen=True, slots=True)
class Found:
    """A secret in the text, from begin to end.

    undecided: it may be one; more text is needed from `begin` on. goes_on: it reached the end of the text.
    """

    begin: int
    end: int = 0
    undecided: bool = False
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape. hints, mark: every head has one of the hints, in any case, and the mark. head: up to the value.
    value: a run of it.

    least: characters that the value has at least. escapes: a backslash in the value takes the next character along.
    closing: the text that ends the value; then `value` is not asked. after: a word that must stand earlier in the same
    command. partial: the begin of a head that is itself part of the secret, at the end of a text.
    """

    name: str
    hints: tuple[str, ...]
    head: re.Pattern[str] = field(repr=False)
    value: re.Pattern[str] = field(repr=False)
    mark: str = ""
    least: int = 1
    escapes: bool = False
    closing: str = ""
    after: str = ""
    partial: re.Pattern[str] | None = field(default=None, repr=False)

    def ends_in_part(self, text: str, start: int) -> int:
        """Where a head that is itself secret may have begun at the end of the text; its length if none has."""
        part = self.partial.search(text, max(start, len(text) - 2)) if self.partial else None
        return part.start() if part else len(text)

    def find(self, text: str, start: int, windows: list[tuple[int, int]], *, final: bool) -> Iterator[Found]:
        """Every secret of this shape that begins at `start` or later; its head may stand before that."""
        last = -1
        for head in self._heads(text, windows):
            begin = head.start() if self.partial else head.end()
            if begin < start or head.end() < last:  # decided before; or inside a value, which ends where that one does
                continue
            if self.after and not _comes_after(text, head.start(), self.after):
                continue
            found = self._judge(text, begin, head.end(), final=final)
            if found is not None:
                last = max(last, found.end)
                yield found

    def _heads(self, text: str, windows: list[tuple[int, int]]) -> Iterator[re.Match[str]]:
        """The heads in `windows`, in order. Only there is the text searched."""
        for begin, end in windows:
            at = begin
            while (head := self.head.search(text, at, end + _LONGEST_HEAD)) is not None and head.end() <= end:
                at = head.start() + 1
                yield head

    def _judge(self, text: str, begin: int, value: int, *, final: bool) -> Found | None:
        if not final and _MAY_BE_REFERENCE.match(text, value):
            return Found(begin, undecided=True)
        if _REFERENCE.match(text, value):
            return None
        end, goes_on = self.value_end(text, value, final=final)
        if end - value < self.least:
            return Found(begin, undecided=True) if goes_on else None
        return Found(begin, end, goes_on=goes_on)

    def value_end(self, text: str, at: int, *, final: bool) -> tuple[int, bool]:
        """Where the value that is read from `at` on ends, and whether it may go on in text to come."""
        if self.closing:
            return _closed(text, at, self.closing, final=final)
        run = self.value.match(text, at)
        end = run.end() if run else at
        cut = self.escapes and end == len(text) - 1 and text[end] == "\\"
        if final:
            return (len(text) if cut else end), False
        return end, cut or end == len(text)


def _closed(text: str, at: int, closing: str, *, final: bool) -> tuple[int, bool]:
    end = text.find(closing, at)
    if end >= 0:
        return end, False
    if final:
        return len(text), False
    for kept in range(min(len(closing) - 1, len(text) - at), 0, -1):
        if text.endswith(closing[:kept]):
            return len(text) - kept, True
    return len(text), True


def _comes_after(text: str, at: int, word: str) -> bool:
    """Whether `word` stands before `at` in the same command of a line."""
    before = text[max(0, at - LOOK_BACK // 2) : at]
    for end in "\n;|&":
        before = before[before.rfind(end) + 1 :]
    return word in before.split()


_JSON_KEYS = (
    "auth",
    "identitytoken",
    "registrytoken",
    "password",
    "password2",
    "secret",
    "secretText",
    "clientSecret",
    "client_secret",
    "accessToken",
    "access_token",
    "refreshToken",
    "refresh_token",
    "id_token",
    "accountKey",
)
_PAIR_KEYS = (
    "password",
    "passwd",
    "pwd",
    "accountkey",
    "sharedaccesskey",
    "client_secret",
    "client_assertion",
    "refresh_token",
    "access_token",
)
_PAIR_HINTS = ("assw", "pwd", "ountkey", "ccesskey", "secret", "assertion", "token")
_PAIR = f"(?i:(?:{'|'.join(_PAIR_KEYS)})=)"  # compiled for ASCII alone
# "WARNING! Using --password via the CLI is insecure": docker's own words, which the student is to read
_OPTION = r"(?<!\S)(?<!Using )--(?:password|client-secret|client_secret)[ =]"
_OPTION_HINTS = ("assw", "secret")
_PEM = re.compile("-----BEGIN (?:(?:RSA|EC|DSA|OPENSSH|ENCRYPTED) )?PRIVATE KEY-----")

_BARE = re.compile(r"[^\s;|&]*+")
_SINGLE = re.compile(r"[^'\n]*+")
_DOUBLE = re.compile(r'(?:[^"\\\n]|\\[^\n])*+')
_JWT_START = r"(?:(?<![0-9A-Za-z_\-])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{2}))"

SHAPES = (
    Shape(
        "jwt",
        ("eyj",),
        re.compile(_JWT_START + "eyJ"),
        re.compile(r"[0-9A-Za-z_.\-]*+"),
        least=10,
        partial=re.compile(_JWT_START + r"ey?\Z"),
    ),
    Shape(
        "json",
        ("auth", "token", "assw", "secret", "ountkey"),
        re.compile(rf'"(?:{"|".join(_JSON_KEYS)})\\?"\s{{0,8}}+:\s{{0,8}}+\\?"'),
        _DOUBLE,
        mark='"',
        escapes=True,
    ),
    Shape(
        "az password",
        ("assw",),
        re.compile(r'"name":\s{0,8}+"password2?",\s{0,24}+"value":\s{0,8}+"'),
        _DOUBLE,
        mark='"',
        escapes=True,
    ),
    Shape("bearer", ("bearer ",), re.compile(r"\b[Bb]earer {1,8}+"), re.compile(r"[0-9A-Za-z._~+/=\-]*+"), least=16),
    Shape(
        "basic",
        ("uthorization:",),
        re.compile(r"[Aa]uthorization: {0,8}+[Bb]asic {1,8}+"),
        re.compile("[0-9A-Za-z+/=]*+"),
    ),
    Shape("option", _OPTION_HINTS, re.compile(_OPTION + "(?![\"'])"), _BARE, mark="--"),
    Shape("option '", _OPTION_HINTS, re.compile(_OPTION + "'"), _SINGLE, mark="--"),
    Shape('option "', _OPTION_HINTS, re.compile(_OPTION + '"'), _DOUBLE, escapes=True, mark="--"),
    Shape("login", (" -p",), re.compile("(?<= )-p[ =]?(?![\"' =])"), _BARE, after="login", mark="login"),
    Shape("login '", (" -p",), re.compile("(?<= )-p[ =]?'"), _SINGLE, after="login", mark="login"),
    Shape('login "', (" -p",), re.compile('(?<= )-p[ =]?"'), _DOUBLE, after="login", escapes=True, mark="login"),
    Shape("pair", _PAIR_HINTS, re.compile(_PAIR, re.ASCII), re.compile(r"[^\s;&\"'`]*+"), mark="="),
    Shape("pair '", _PAIR_HINTS, re.compile(_PAIR + "'", re.ASCII), _SINGLE, mark="="),
    Shape('pair "', _PAIR_HINTS, re.compile(_PAIR + '"', re.ASCII), _DOUBLE, escapes=True, mark="="),
    Shape("private key", ("private key-",), _PEM, re.compile(""), closing="-----END"),
)


_HINTS = tuple(dict.fromkeys(hint for shape in SHAPES for hint in shape.hints))


def is_hinted(low: str) -> bool:
    """Whether a lowered text has any of the hints. Nearly every text has none, and is done with here."""
    for hint in _HINTS:  # noqa: SIM110 - half the time of `any`, for each text of a run
        if hint in low:
            return True
    return False


def lowered(text: str) -> str:
    """`text` in lower case, every character in its place."""
    low = text.lower()
    return low if len(low) == len(text) else text.replace("\u0130", "i").lower()  # the one letter that grows


def windows(low: str, start: int, shapes: tuple[Shape, ...]) -> Iterator[tuple[Shape, list[tuple[int, int]]]]:
    """Where each shape's heads can be in a lowered text, from a head's length before `start` on; empty ones left out.

    Each hint is sought once. Places near each other make one window.
    """
    start = max(0, start - _LONGEST_HEAD)
    places: dict[str, list[int]] = {}
    for shape in shapes:
        if shape.mark not in low:
            continue
        for hint in shape.hints:
            if hint not in places:
                places[hint] = list(_places(low, hint, start))
        around = _around([place for hint in shape.hints for place in places[hint]])
        if around:
            yield shape, around


def _places(low: str, hint: str, start: int) -> Iterator[int]:
    at = low.find(hint, start)
    while at >= 0:
        yield at
        at = low.find(hint, at + 1)


def _around(places: list[int]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for place in sorted(places):
        begin, end = max(0, place - _LONGEST_HEAD), place + _LONGEST_HEAD
        if merged and begin <= merged[-1][1]:
            begin = merged.pop()[0]
        merged.append((begin, end))
    return merged
