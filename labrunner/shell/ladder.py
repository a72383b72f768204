"""Ends a command step by step: INT, then TERM, then KILL, each with a time of grace. Knows only how to send."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from signal import SIGINT, SIGKILL, SIGTERM

__all__ = ["DEFAULT_GRACE", "Grace", "Ladder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grace:
    """Seconds that a command has to end after each signal.

    kill is the time until even SIGKILL has failed, sent again every `again` seconds: what was killed may have
    left another foreground group.
    """

    interrupt: float = 3.0
    terminate: float = 2.0
    kill: float = 2.0
    again: float = 0.1


DEFAULT_GRACE = Grace()


class Ladder:
    """The signals sent so far, and when the next is due. `send` signals the command's foreground group."""

    __slots__ = ("_end", "_grace", "_send", "due", "failed", "sent")

    def __init__(self, send: Callable[[int], bool], *, grace: Grace = DEFAULT_GRACE) -> None:
        self._send = send
        self._grace = grace
        self._end = inf
        self.due = inf
        self.failed = False
        """Even SIGKILL was of no use."""
        self.sent: tuple[str, ...] = ()

    def interrupt(self) -> None:
        """Send INT, as a person does: nothing follows by itself."""
        self._send(SIGINT)
        if "INT" not in self.sent:
            self.sent = (*self.sent, "INT")

    def start(self, now: float) -> None:
        """The next signal is due now, and those after it in their time."""
        if self.due == inf:
            self.due = now

    def climb(self, now: float) -> None:
        """Send what is due at `now`."""
        if now < self.due:
            return
        if "INT" not in self.sent:
            self._step("INT", SIGINT, now + self._grace.interrupt)
        elif "TERM" not in self.sent:
            self._step("TERM", SIGTERM, now + self._grace.terminate)
        elif "KILL" not in self.sent:
            self._end = now + self._grace.kill
            self._step("KILL", SIGKILL, now + self._grace.again)
        elif now < self._end:
            self._send(SIGKILL)
            self.due = now + self._grace.again
        else:
            self.failed = True
            self.due = inf

    def add_kill(self) -> None:
        """KILL was needed for what the command left behind."""
        if "KILL" not in self.sent:
            self.sent = (*self.sent, "KILL")

    def _step(self, name: str, number: int, due: float) -> None:
        self.sent = (*self.sent, name)
        self.due = due
        self._send(number)
