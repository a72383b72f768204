"""The time as the local Azure sees it."""

import time
from datetime import UTC, datetime

__all__ = ["Clock", "iso"]


class Clock:
    """The system's clock, shifted by `offset` seconds, so that what is due in days can be seen to happen today."""

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset

    def now(self) -> float:
        """Seconds since 1970, UTC."""
        return time.time() + self.offset


def iso(moment: float, *, digits: int = 7) -> str:
    """A moment as Azure writes it: `2026-01-28T10:30:00.1234567Z`; digits: how many of a second's fraction."""
    whole, fraction = divmod(round(moment * 10**digits), 10**digits)
    text = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction:0{digits}d}Z" if digits else f"{text}Z"
