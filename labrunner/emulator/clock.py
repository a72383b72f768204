"""The time as the local Azure sees it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

__all__ = ["Clock", "iso"]


class Clock:
    """The machine's clock, shifted by `offset` seconds, so that what is due in days can be seen to happen today.

    machine: its time, seconds since 1970. Sign-ins go by that alone, as for the clients that keep them: nobody is
    signed out because the clock was moved.
    """

    def __init__(self, offset: float = 0.0, *, machine: Callable[[], float] = time.time) -> None:
        self.offset = offset
        self.machine = machine
        self._subscribers: list[Callable[[], None]] = []

    def move(self, offset: float) -> None:
        """Shift it anew, and tell whoever waits for a time."""
        self.offset = offset
        for tell in list(self._subscribers):
            tell()

    def subscribe(self, tell: Callable[[], None]) -> Callable[[], None]:
        """Have `tell` called after each move; the result ends that. It must not raise."""
        self._subscribers.append(tell)
        return lambda: self._subscribers.remove(tell)

    def now(self) -> float:
        """Seconds since 1970, UTC."""
        return self.machine() + self.offset


def iso(moment: float, *, digits: int = 7) -> str:
    """A moment as Azure writes it: `2026-01-28T10:30:00.1234567Z`; digits: how many of a second's fraction."""
    whole, fraction = divmod(round(moment * 10**digits), 10**digits)
    text = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction:0{digits}d}Z" if digits else f"{text}Z"
