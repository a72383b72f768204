"""One command from its first line to its report: output, keyboard, deadlines, signals."""

import contextlib
import errno
import os
import select
import signal
import time
from collections.abc import Callable, Mapping
from math import inf
from typing import NamedTuple, Protocol

from labrunner.shell.capture import Capture
from labrunner.shell.channel import Channel, Report
from labrunner.shell.interrupts import Interrupts
from labrunner.shell.ladder import Grace, Ladder
from labrunner.shell.process import Process
from labrunner.shell.protocol import End
from labrunner.shell.terminal import Screen

__all__ = ["INTERRUPT_WINDOW", "Entrance", "Ports", "Running"]

INTERRUPT_WINDOW = 3.0
"""A command that ends within so many seconds after a Ctrl-C has ended because of it."""
INSISTING = 3
"""A command must end after so many Ctrl-C with nothing typed between, each within the window of the one before."""
TICK = 0.25
"""Seconds between two looks at whether bash is still the one we started, and not idle."""
_LATE_BYTES = 1024 * 1024  # of output taken after the report: a background job may write for ever
_KEYBOARD_BYTES = 4096
_SWEEP = 0.01
_PAUSE = 0.001
_OUTPUT_SECONDS = 5.0  # of output that comes by another way than the report
_CTRL_C = b"\x03"


class Entrance(Protocol):
    """Another shell that a command leads into, in the same terminal: then the command counts as done."""

    @property
    def fileno(self) -> int:
        """Readable when there may be news."""

    def is_open(self) -> bool:
        """Whether the other shell is there."""

    def leave(self) -> None:
        """Have the other shell end. Never waits."""


class Ports(NamedTuple):
    """What a shell is reached by. `poll` has all but the keyboard registered."""

    terminal: Screen
    channel: Channel
    process: Process
    interrupts: Interrupts
    poll: select.poll


class Running:
    """A command that was handed to bash. After `wait`, `report` is what bash said, None if bash is gone.

    cause: LIMIT or TIMEOUT once our ladder has started, INTERRUPTED after a Ctrl-C, else None.
    successor: the environment of the shell that took bash's place and waits, if that is so.
    entered: whether the command has led into `entrance`, and goes on.
    """

    __slots__ = (
        "_astray",
        "_capture",
        "_channel",
        "_deadline",
        "_entrance",
        "_expiry",
        "_grace",
        "_interrupted",
        "_interrupts",
        "_keyboard",
        "_keys",
        "_look_at",
        "_lost",
        "_number",
        "_on_output",
        "_poll",
        "_pressed",
        "_process",
        "_seen",
        "_signalled",
        "_terminal",
        "_typed",
        "cause",
        "dead",
        "entered",
        "ladder",
        "report",
        "successor",
    )

    def __init__(  # noqa: PLR0913
        self,
        ports: Ports,
        *,
        number: int,
        capture: Capture,
        grace: Grace,
        timeout: float,
        limit: float | None,
        on_output: Callable[[bytes], None] | None,
        keyboard: int | None,
        keys: Callable[[bytes], bytes] | None = None,
        entrance: Entrance | None = None,
    ) -> None:
        self._keys = keys
        self._entrance = entrance
        self.entered = False
        self._terminal, self._channel, self._process, self._interrupts, self._poll = ports
        self._number = number
        self._capture = capture
        self._on_output = on_output
        self._keyboard = keyboard
        self._typed = b""
        self._seen = 0
        self._signalled: set[int] = set()
        self._grace = grace
        self._interrupted = -inf
        self._pressed = 0
        now = time.monotonic()
        self._look_at = now + TICK
        self._lost = 0
        self._astray = False
        self._deadline = now + timeout
        self._expiry = End.TIMEOUT
        if limit is not None and limit < timeout:
            self._deadline = now + limit
            self._expiry = End.LIMIT
        self.ladder = Ladder(grace=grace)
        self.cause: End | None = None
        self.dead = False
        self.report: Report | None = None
        self.successor: Mapping[str, str] | None = None

    def wait(self) -> None:
        """Return when bash has reported, is gone, or cannot be ended. The output is in the capture then."""
        if self._keyboard is not None:
            self._poll.register(self._keyboard, select.POLLIN)
        if self._entrance is not None:
            self._poll.register(self._entrance.fileno, select.POLLIN)
        try:
            while not (self.report or self.dead or self.successor or self.ladder.failed or self.entered):
                try:
                    self._turn()
                except KeyboardInterrupt:  # where the program has a SIGINT handler of its own
                    self._interrupts.count += 1
        finally:
            if self._keyboard is not None:
                self._poll.unregister(self._keyboard)
            if self._entrance is not None:
                self._poll.unregister(self._entrance.fileno)
        self._finish()

    @property
    def was_interrupted(self) -> bool:
        """Whether a signal of ours or a Ctrl-C may have hit bash too."""
        return bool(self.ladder.sent) or self._interrupted > -inf or self._lost > 0

    def _turn(self) -> None:
        if self._interrupts.count > self._seen:
            self._on_interrupt()
        patience = self._pace()
        events = self._poll.poll(patience)
        if not events or time.monotonic() >= self._look_at:
            self._look()
        for descriptor, _ in events:
            if descriptor == self._terminal.master:
                self._take()
            elif descriptor == self._channel.fileno:
                self.report = self._channel.report(self._number)
            elif descriptor == self._process.pidfd:
                self.report = self.report or self._channel.report(self._number)  # may have come just before
                self.dead = True
            elif descriptor == self._interrupts.fileno:
                self._interrupts.clear()
            elif descriptor == self._keyboard:
                self._type()
            elif self._entrance is not None and descriptor == self._entrance.fileno:
                self.entered = self._entrance.is_open()

    def _pace(self) -> float:
        """Do what is due; milliseconds until something will be."""
        now = time.monotonic()
        if now >= self._deadline:
            self._deadline = inf
            self.cause = self._expiry
            self.ladder.start(now)
        if now >= self.ladder.due and (number := self.ladder.climb(now)) is not None:
            self._signal(number)
        again = inf
        if self.ladder.interrupts:
            # A loop of short programs: the one that was to get INT had ended by itself, and bash went on.
            again = now + self._grace.again
            if self._is_new_foreground():
                self._signal(signal.SIGINT)
        if self._typed:
            self._pass_on()
        wait = min(self._deadline, self.ladder.due, self._look_at, again) - now
        return max(0.0, wait) * 1000

    def _take(self) -> int:
        data = self._terminal.read()
        if data:
            self._capture.add(data)
            if self._on_output is not None:
                self._on_output(data)
        return len(data)

    def _signal(self, number: int) -> None:
        # A dead shell's terminal may have no foreground group, or one that is not ours.
        if self._process.exit_status is not None:
            return
        group = self._terminal.foreground()
        if group is not None:
            self._signalled.add(group)
        self._terminal.signal_foreground(number)
        self._process.wake()
        # The signal may have hit bash between the command's end and its report, and taken the report.
        self._channel.ask_report(self._number)

    def _is_new_foreground(self) -> bool:
        group = self._terminal.foreground()
        return group not in (None, self._process.leader) and group not in self._signalled

    def _sweep(self) -> None:
        """End what a command leaves in its process group when only the group's first process died of our signal."""
        deadline = time.monotonic() + self._grace.terminate
        while remaining := self._process.remains(self._signalled):
            if time.monotonic() > deadline:
                self.ladder.add_kill()
                for pid in remaining:
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, signal.SIGKILL)
                if time.monotonic() > deadline + self._grace.kill:
                    return
            self._take()
            time.sleep(_SWEEP)

    def _on_interrupt(self) -> None:
        """The first Ctrl-C goes to the command; after the second it must end."""
        self._seen = self._interrupts.count
        now = time.monotonic()
        if self._seen > 1:
            self.ladder.start(now)
        elif self.cause is None:
            self._interrupted = now
            self._astray = self._process.has_foreground()
            self._signal(self.ladder.interrupt())

    def _look(self) -> None:
        """Was bash replaced? Does it sit at its prompt, and the report is lost?"""
        self._look_at = time.monotonic() + TICK
        self.successor = self._process.idle_successor()
        if self._astray and not self._process.has_foreground():
            # The interrupt hit bash, or its child before it became the program: bash forgets it, and the program
            # has never seen it.
            self._astray = False
            self._signal(self.ladder.interrupt())
            return
        idle = self._process.is_asleep() and self._channel.is_read()
        # While a command runs, bash's input is the terminal.
        if not idle or self.successor is not None or not self._channel.is_input_of(self._process.leader):
            return
        self._lost += 1
        if self._lost > 1:
            self._process.interrupt()
        self._channel.ask_report(self._number)

    def _type(self) -> None:
        if self._keyboard is None:
            return
        try:
            data = os.read(self._keyboard, _KEYBOARD_BYTES)
        except OSError as error:
            if error.errno != errno.EIO:  # a terminal that was closed
                raise
            data = b""
        if data and self._keys is not None:
            data = self._keys(data)
            if not data:
                return
        if _CTRL_C in data:
            self._on_ctrl_c(data)
        elif data:
            self._pressed = 0
        self._typed += data
        if not data or len(self._typed) > 16 * _KEYBOARD_BYTES:
            # At its end, or the command does not read: no more of it.
            self._poll.unregister(self._keyboard)
            self._keyboard = None
        self._pass_on()

    def _on_ctrl_c(self, data: bytes) -> None:
        now = time.monotonic()
        alone = not data.strip(_CTRL_C) and now - self._interrupted < INTERRUPT_WINDOW
        self._pressed = self._pressed * alone + data.count(_CTRL_C)
        self._interrupted = now
        self._astray = self._process.has_foreground()
        if self._pressed >= INSISTING and self.cause is None:
            self.cause = End.INTERRUPTED
            self.ladder.start(now)

    def _pass_on(self) -> None:
        self._typed = self._typed[self._terminal.write(self._typed) :]

    def _finish(self) -> None:
        if self.report is not None and self._signalled and self.cause is not None:
            self._sweep()
        if self.report is not None:
            self._await_output()
        late = 0
        while late < _LATE_BYTES and (size := self._take()):
            late += size
        # A key may have been meant for the program, which went on; a signal was meant for us.
        if self.cause is None and (self._seen or time.monotonic() - self._interrupted < INTERRUPT_WINDOW):
            self.cause = End.INTERRUPTED

    def _await_output(self) -> None:
        """Until the terminal has brought what the command wrote before its report."""
        deadline = time.monotonic() + _OUTPUT_SECONDS
        while not self._terminal.is_whole(self._number) and time.monotonic() < deadline:
            if not self._take():
                time.sleep(_PAUSE)
