"""What a supervisor breaks of its own machine on purpose, until when, and since when it has been mended.

Faults of the local Azure are the local Azure's own (`emulator.faults`). Standard library only, and little of it.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Act", "Outages"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """How an outage comes and goes. Both raise OSError; to end what has not begun is harmless."""

    begin: Callable[[], None]
    end: Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Outage:
    began: float
    until: float | None


class Outages:
    """Those that are set now, one of a name. Gone with the supervisor, as what they broke is."""

    def __init__(self, acts: Mapping[str, Act], *, now: Callable[[], float] = time.monotonic) -> None:
        """now: seconds on a clock that does not jump."""
        self._acts = acts
        self._now = now
        self._set: dict[str, _Outage] = {}
        self._ended: dict[str, float] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._set

    def put(self, name: str, seconds: float | None) -> None:
        """Have it begin, or go on, for so long (None: until it is cleared). Raises ValueError, OSError."""
        if name not in self._acts:
            raise ValueError(f"there is no outage {name!r}")
        now = self._now()
        known = self._set.get(name)
        self._set[name] = _Outage(known.began if known else now, None if seconds is None else now + seconds)
        if known is None:
            try:
                self._acts[name].begin()
            except OSError:
                del self._set[name]
                self._acts[name].end()
                raise

    def clear(self, name: str = "") -> list[str]:
        """End that one, or all; the names of those that there were. Raises OSError."""
        gone = [known for known in list(self._set) if name in ("", known)]
        for each in gone:
            del self._set[each]  # first: what it holds back is started by its end
            self._ended[each] = self._now()
            self._acts[each].end()
        return gone

    def end_due(self) -> None:
        """End those whose time is over. Raises OSError."""
        for name, outage in list(self._set.items()):
            if outage.until is not None and outage.until <= self._now():
                self.clear(name)

    def next_end(self) -> float | None:
        """Seconds until one ends by itself; None: none does."""
        ends = [outage.until for outage in self._set.values() if outage.until is not None]
        return max(0.0, min(ends) - self._now()) if ends else None

    def report(self) -> dict[str, Any]:
        """Those that are set, and the seconds left (None: until it is cleared); the seconds since others ended."""
        now = self._now()
        return {
            "set": [
                {"name": name, "left": None if one.until is None else max(0.0, one.until - now)}
                for name, one in self._set.items()
            ],
            "ended": {name: now - moment for name, moment in self._ended.items() if name not in self._set},
        }
