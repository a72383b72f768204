"""How long ago: days and a Go duration (`2d3h6m`)."""

import re
from collections.abc import Callable
from decimal import Decimal

from labrunner.emulator.purge.problem import PurgeProblem

__all__ = ["LONGEST", "ago_seconds"]

_YEARS = 150
_LONGEST_DAYS = _YEARS * 365
LONGEST = _LONGEST_DAYS * 86400.0
"""No duration is longer, in seconds."""

_DAYS = re.compile(r"\s*(?P<days>[+-]?[0-9]+)(?:d(?P<rest>\S*))?")
_PART = re.compile(r"(?P<number>[0-9]*\.?[0-9]*)(?P<unit>[^0-9.]*)")
_UNITS = {"ns": "1e-9", "us": "1e-6", "µs": "1e-6", "μs": "1e-6", "ms": "1e-3", "s": "1", "m": "60", "h": "3600"}
_INT64_NANOSECONDS = Decimal(2**63 - 1) / 10**9
_WARNING = f"Warning: ago value exceeds maximum duration of {_YEARS} years, capping to {_YEARS} years"


class _InvalidDuration(Exception):  # noqa: N818 - an answer
    """Go's "invalid duration", which acr takes for a duration that is too long."""


def ago_seconds(text: str, say: Callable[[str], None]) -> float:
    """The seconds that a value of --ago stands for; may be negative. say: is told of a value that is cut.

    As acr reads it, oddities included: text with a "d" in it whose beginning is no number counts as no time at all.
    Raises PurgeProblem for an unknown or missing unit.
    """
    days, rest = _split(text)
    capped = days > _LONGEST_DAYS
    if capped:
        days = _LONGEST_DAYS
        say(_WARNING)
    seconds = days * 86400.0
    if not rest:
        return seconds
    try:
        more = _go_duration(rest)
    except _InvalidDuration:
        if capped:
            return seconds
        more = LONGEST
        say(_WARNING)
    if more > LONGEST:
        more = LONGEST
        if not capped:
            say(_WARNING)
    return min(seconds + more, LONGEST)


def _split(text: str) -> tuple[int, str]:
    if "d" not in text:
        words = text.split()
        if not words:
            raise PurgeProblem("EOF")
        return 0, words[0]
    found = _DAYS.match(text)
    return (int(found["days"]), found["rest"] or "") if found else (0, "")


def _go_duration(text: str) -> float:
    """Go's time.ParseDuration, in seconds."""
    sign, left = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if left == "0":
        return 0.0
    if not left:
        raise _InvalidDuration
    total = Decimal(0)
    while left:
        found = _PART.match(left)
        assert found is not None
        number, unit = found["number"], found["unit"]
        if number.strip(".") == "":
            raise _InvalidDuration
        if not unit:
            raise PurgeProblem(f'time: missing unit in duration "{text}"')
        if unit not in _UNITS:
            raise PurgeProblem(f'time: unknown unit "{unit}" in duration "{text}"')
        total += Decimal(number) * Decimal(_UNITS[unit])
        if total > _INT64_NANOSECONDS:
            raise _InvalidDuration
        left = left[found.end() :]
    return sign * float(total)
