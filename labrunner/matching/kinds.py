"""The types behind placeholders: each reads one value at a position, by hand, in bounded time.

The rule for every type: from its position take the longest run of the type's characters, then decide whether
that run is a value. Nothing is tried again with a shorter run, so `{int}` never matches a part of a number.
After `{*}` and at the start of a search a value begins only where a run begins, never inside one.
The regular expressions here are fixed, never made from a pattern; each is of bounded length but for `{word}`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

__all__ = ["KINDS", "Kind"]

_WORDS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = "0123456789"
_ANY_HEX = frozenset("0123456789abcdefABCDEF")

_DIGIT_RUN = re.compile(r"[0-9]{0,64}")
_SIZE_RUN = re.compile(r"[0-9A-Za-z.]{0,24}")
_HOST_RUN = re.compile(r"[0-9A-Za-z.\-]{0,256}")
_WORD_RUN = re.compile(r"\S*")

_SIZE_UNITS = frozenset(("B", "kB", "KB", "MB", "GB", "TB", "PB", "KiB", "MiB", "GiB", "TiB", "PiB"))
_TIME_UNITS = ("second", "minute", "hour", "day", "week", "month", "year")
_FIXED_TIMES = ("Less than a second ago", "About a minute ago", "About an hour ago")
_REGISTRY_DOMAINS = (".azurecr.io", ".azurecr.cn", ".azurecr.us")
_GUID_SHAPE = (8, 13, 18, 23)


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of placeholder.

    noun: its name in a text for people. says: what fits it.
    read(text, at): where the value that begins at `at` ends, or -1.
    begins: finds places where a value may begin. takes: characters that cannot directly follow a value.
    """

    name: str
    noun: str
    says: str
    read: Callable[[str, int], int] = field(repr=False)
    begins: re.Pattern[str] = field(repr=False)
    takes: str = field(repr=False)


def _run(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _shape(fixed: str) -> Callable[[str, int], int]:
    """Reads a value that one fixed expression of bounded length describes."""
    match = re.compile(fixed).match

    def read(text: str, at: int) -> int:
        found = match(text, at)
        return found.end() if found else -1

    return read


def _server(text: str, at: int) -> int:
    end = _run(_HOST_RUN, text, at)
    while end > at and text[end - 1] in ".-":  # a host name ends in neither: a full stop of the sentence
        end -= 1
    host = text[at:end]
    if not host.endswith(_REGISTRY_DOMAINS) or len(host) > 253:
        return -1
    name = host[: host.rindex(".azurecr.")]
    labels = name.split(".")
    fits = all(
        label and label[0] != "-" and label[-1] != "-" and label.isascii() and label == label.lower()
        for label in labels
    )
    return end if fits else -1


def _ago(text: str, at: int) -> int:
    for words in _FIXED_TIMES:
        if text.startswith(words, at):
            return at + len(words)
    number = _run(_DIGIT_RUN, text, at)
    if not 0 < number - at <= 6 or not text.startswith(" ", number):
        return -1
    for unit in _TIME_UNITS:
        if text.startswith(unit, number + 1):
            many = text[at:number] != "1"
            rest = "s ago" if many else " ago"
            end = number + 1 + len(unit)
            return end + len(rest) if text.startswith(rest, end) else -1
    return -1


def _size(text: str, at: int) -> int:
    end = _run(_SIZE_RUN, text, at)
    while end > at and text[end - 1] == ".":
        end -= 1
    value = text[at:end]
    number = value.rstrip("BkKMGTPi")
    whole, dot, part = number.partition(".")
    fits = _is_number(whole) and (not dot or _is_number(part)) and value[len(number) :] in _SIZE_UNITS
    return end if fits else -1


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _iso(text: str, at: int) -> int:
    shape = text[at : at + 19]
    if len(shape) < 19 or shape[10] != "T" or not _is_date(shape[:10].replace("-", ""), shape[4] + shape[7], "--"):
        return -1
    if not _is_time(shape[11:].replace(":", ""), shape[13] + shape[16], "::"):
        return -1
    end = at + 19
    if text.startswith(".", end):
        fraction = _run(_DIGIT_RUN, text, end + 1)
        if fraction == end + 1:
            return -1
        end = fraction
    end = _offset(text, end)
    return end if end >= 0 and _ends_here(text, end, _WORDS) else -1


def _ends_here(text: str, end: int, more: str) -> bool:
    """Whether no further character of `more` follows."""
    return end == len(text) or text[end] not in more


def _offset(text: str, at: int) -> int:
    if text.startswith(("Z", "z"), at):
        return at + 1
    if text[at : at + 1] not in ("+", "-"):
        return -1
    hours, rest = text[at + 1 : at + 3], at + 3
    if text.startswith(":", rest):
        rest += 1
    minutes = text[rest : rest + 2]
    fits = len(hours) == 2 and len(minutes) == 2 and _is_number(hours + minutes) and hours < "24" and minutes < "60"
    return rest + 2 if fits else -1


def _is_date(digits: str, marks: str, wanted: str) -> bool:
    if marks != wanted or len(digits) != 8 or not _is_number(digits):
        return False
    year, month, day = int(digits[:4]), int(digits[4:6]), int(digits[6:])
    if not 1 <= month <= 12 or year == 0:
        return False
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    longest = 30 if month in (4, 6, 9, 11) else 31 if month != 2 else 28 + leap
    return 1 <= day <= longest


def _is_time(digits: str, marks: str, wanted: str) -> bool:
    if marks != wanted or len(digits) != 6 or not _is_number(digits):
        return False
    return digits[:2] < "24" and digits[2:4] < "60" and digits[4:] < "61"  # 60: a leap second


def _guid(text: str, at: int) -> int:
    end = at + 36
    value = text[at:end]
    if len(value) < 36 or any(value[place] != "-" for place in _GUID_SHAPE):
        return -1
    digits = value.replace("-", "")
    whole = len(digits) == 32 and _ANY_HEX.issuperset(digits) and _ends_here(text, end, _WORDS)
    return end if whole else -1


def _stamp(text: str, at: int) -> int:
    end = at + 15
    value = text[at:end]
    if len(value) < 15 or value[8] != "-" or not _ends_here(text, end, _DIGITS):
        return -1
    return end if _is_date(value[:8], "", "") and _is_time(value[9:], "", "") else -1


def _word(text: str, at: int) -> int:
    end = _run(_WORD_RUN, text, at)
    return end if end > at else -1


_HEX_BEGINS = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]")
_NUMBER_BEGINS = re.compile(r"(?<![0-9])[0-9]")

_ALL = (
    Kind(
        "digest",
        "a digest",
        "sha256: and 64 hex digits",
        _shape(r"sha256:[0-9a-f]{64}(?![0-9A-Za-z])"),
        re.compile(r"(?<![0-9A-Za-z])sha256:"),
        _WORDS,
    ),
    Kind("layer", "a layer's id", "12 hex digits", _shape(r"[0-9a-f]{12}(?![0-9A-Za-z])"), _HEX_BEGINS, _WORDS),
    Kind("id", "an id", "12 hex digits", _shape(r"[0-9a-f]{12}(?![0-9A-Za-z])"), _HEX_BEGINS, _WORDS),
    Kind(
        "server",
        "a registry",
        "a registry's host name (name.azurecr.io)",
        _server,
        re.compile(r"(?<![0-9A-Za-z.\-])[0-9a-z]"),
        _WORDS,
    ),
    Kind("ago", "a time ago", "a time like `10 minutes ago`", _ago, re.compile(r"(?<![0-9A-Za-z])[0-9LA]"), ""),
    Kind("size", "a size", "a size like 1.98MB", _size, re.compile(r"(?<![0-9A-Za-z.])[0-9]"), _WORDS),
    Kind("int", "a number", "a whole number", _shape(r"[0-9]{1,64}+(?![0-9])"), _NUMBER_BEGINS, _DIGITS),
    Kind("iso", "a time", "a time like 2026-01-31T09:30:00Z", _iso, re.compile(r"(?<![0-9A-Za-z])[0-9]"), _WORDS),
    Kind("guid", "a GUID", "a GUID", _guid, re.compile(r"(?<![0-9A-Za-z])[0-9a-fA-F]"), _WORDS),
    Kind("word", "a word", "text without a space", _word, re.compile(r"(?<!\S)\S"), ""),
    Kind("stamp", "a date and time", "a date and time like 20260131-093000", _stamp, _NUMBER_BEGINS, _DIGITS),
    Kind("sha", "a commit", "7 to 40 hex digits", _shape(r"[0-9a-f]{7,40}+(?![0-9A-Za-z])"), _HEX_BEGINS, _WORDS),
)

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _ALL}
