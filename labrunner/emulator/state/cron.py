"""When a task is due: cron expressions of five fields, in UTC."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

__all__ = ["Cron", "CronProblem"]

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("day of week", 0, 6))
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMES = {
    "month": {name: at + 1 for at, name in enumerate(_MONTHS)},
    "day of week": dict(zip(_WEEKDAYS, range(7), strict=True)),
}
_PART = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>[0-9]{1,4}))?")
_HORIZON_DAYS = 366 * 8
"""29 February comes at least every eight years."""


class CronProblem(ValueError):  # noqa: N818 - an answer
    """What is wrong with an expression."""


@dataclass(frozen=True, slots=True)
class Cron:
    """The values that each field may have.

    Source: Microsoft, "Run an ACR task on a defined schedule": NCrontab's syntax, five fields, UTC. Guess: where both
    days are restricted, both have to fit.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    @staticmethod
    def of(text: str) -> "Cron":
        """Read an expression. Raises CronProblem."""
        words = text.split()
        if len(words) != len(_FIELDS):
            raise CronProblem(f"'{text}' has {len(words)} fields instead of {len(_FIELDS)}")
        return Cron(*(_values(word, *field) for word, field in zip(words, _FIELDS, strict=True)))

    def after(self, moment: float) -> float | None:
        """The first time after a moment, both in seconds since 1970; None if it never comes."""
        start = datetime.fromtimestamp(moment, UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        for number in range(_HORIZON_DAYS):
            day = (start + timedelta(days=number)).date()
            if day.month not in self.months or day.day not in self.days or day.isoweekday() % 7 not in self.weekdays:
                continue
            first = (start.hour, start.minute) if number == 0 else (0, 0)
            due = ((hour, minute) for hour in sorted(self.hours) for minute in sorted(self.minutes))
            found = next((time for time in due if time >= first), None)
            if found is not None:
                return datetime(day.year, day.month, day.day, *found, tzinfo=UTC).timestamp()
        return None

    def last(self, moment: float) -> float | None:
        """The last time that is not after a moment, both in seconds since 1970; None if there was none."""
        end = datetime.fromtimestamp(moment, UTC)
        for number in range(_HORIZON_DAYS):
            day = (end - timedelta(days=number)).date()
            if day.month not in self.months or day.day not in self.days or day.isoweekday() % 7 not in self.weekdays:
                continue
            latest = (end.hour, end.minute) if number == 0 else (23, 59)
            times = ((hour, minute) for hour in sorted(self.hours)[::-1] for minute in sorted(self.minutes)[::-1])
            found = next((time for time in times if time <= latest), None)
            if found is not None:
                return datetime(day.year, day.month, day.day, *found, tzinfo=UTC).timestamp()
        return None


def _values(word: str, name: str, lowest: int, highest: int) -> frozenset[int]:
    found: set[int] = set()
    for part in word.split(","):
        match = _PART.fullmatch(part)
        step = int(match["step"] or 1) if match else 0
        if match is None or step < 1 or (match["first"] == "*" and match["last"]):
            raise CronProblem(f"'{part}' is no {name}")
        if match["first"] == "*":
            first, last = lowest, highest
        else:
            first = _number(match["first"], name, lowest, highest)
            last = _number(match["last"], name, lowest, highest) if match["last"] else first
            if match["step"] and not match["last"]:
                last = highest
        if last < first:
            raise CronProblem(f"'{part}' is no range of {name}s")
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _number(word: str, name: str, lowest: int, highest: int) -> int:
    named = _NAMES.get(name, {}).get(word[:3].lower())
    if named is not None and word.isalpha():
        return named
    if not re.fullmatch(r"[0-9]{1,4}", word) or not lowest <= int(word) <= highest:
        raise CronProblem(f"'{word}' is no {name} ({lowest} to {highest})")
    return int(word)
