"""Ends a command step by step: INT, then TERM, then KILL, each with a time of grace. Says when; others send."""

from dataclasses import dataclass
from math import inf
from signal import SIGINT, SIGKILL, SIGTERM

__all__ = ["DEFAULT_GRACE", "Grace", "Ladder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grace:
    """Seconds that a command has to end after each signal.

    kill is the time until even SIGKILL has failed. What was interrupted or killed may have left another
    foreground group: that is looked for every `again` seconds.
    """

    interrupt: float = 3.0
    terminate: float = 2.0
    kill: float = 2.0
    again: float = 0.1


DEFAULT_GRACE = Grace()


class Ladder:
    """The signals so far, and when the next is due. They are for the command's foreground process group."""

    __slots__ = ("_end", "_grace", "due", "failed", "sent")

    def __init__(self, *, grace: Grace = DEFAULT_GRACE) -> None:
        self._grace = grace
        self._end = inf
        self.due = inf
        self.failed = False
        """Even SIGKILL was of no use."""
        self.sent: tuple[str, ...] = ()

    def interrupt(self) -> int:
        """INT, as a person sends it: nothing follows by itself."""
        if "INT" not in self.sent:
            self.sent = (*self.sent, "INT")
        return SIGINT

    @property
    def interrupts(self) -> bool:
        """INT was the last signal, and others will follow."""
        return self.due < inf and self.sent == ("INT",)

    def start(self, now: float) -> None:
        """The next signal is due now, and those after it in their time."""
        if self.due == inf:
            self.due = now

    def climb(self, now: float) -> int | None:
        """The signal that is to be sent at `now`, if any."""
        if now < self.due:
            return None
        if "INT" not in self.sent:
            return self._step("INT", SIGINT, now + self._grace.interrupt)
        if "TERM" not in self.sent:
            return self._step("TERM", SIGTERM, now + self._grace.terminate)
        if "KILL" not in self.sent:
            self._end = now + self._grace.kill
            return self._step("KILL", SIGKILL, now + self._grace.again)
        if now < self._end:
            self.due = now + self._grace.again
            return SIGKILL
        self.failed = True
        self.due = inf
        return None

    def add_kill(self) -> None:
        """KILL was needed for what the command left behind."""
        if "KILL" not in self.sent:
            self.sent = (*self.sent, "KILL")

    def _step(self, name: str, number: int, due: float) -> int:
        self.sent = (*self.sent, name)
        self.due = due
        return number
