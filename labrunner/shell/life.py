"""The life of a shell: one bash after another on one terminal. Started, found alive, asked about itself, ended.

Who it is for a command, and what it is asked to run, is in `bash`.
"""

import select
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from labrunner.shell.capture import Capture
from labrunner.shell.channel import Channel, Report
from labrunner.shell.interrupts import Interrupts
from labrunner.shell.process import Process
from labrunner.shell.protocol import ShellError, ShellSpec
from labrunner.shell.running import Entrance, Ports
from labrunner.shell.snapshot import Start, State
from labrunner.shell.terminal import Terminal

__all__ = ["ANSWER_SECONDS", "START_SECONDS", "Life", "wait_for"]

START_SECONDS = 15.0
"""How long a new bash may take until it reports."""
ANSWER_SECONDS = 10.0
"""How long an idle bash may take for an answer about itself."""
REOPEN_SECONDS = 2.0
"""How long bash may take to read our lines again, until it is given up."""
_POLL = 0.001
_T = TypeVar("_T")


class Life:
    """Of a shell that starts when it is first wanted.

    status, flags, cwd, last: what bash reported last, and the number of that report. first: what a new bash was like.
    env: what the next one starts with.
    """

    def __init__(self, spec: ShellSpec) -> None:
        self.ports: Ports | None = None
        self.status = 0
        self.flags = ""
        self.cwd = spec.cwd
        self.last = 0
        self.first: Start | None = None
        self.is_over = False
        self._spec = spec
        self._env: Mapping[str, str] = spec.env
        self._revives = True
        self._within: tuple[Entrance, int] | None = None  # another shell in our terminal, and what led there
        self._number = 0

    @classmethod
    def elsewhere(cls, spec: ShellSpec, ports: Ports, report: Report) -> "Life":
        """Of a bash that runs already, on a terminal that is not here, and has made this report; when it ends, no other
        one is started. Raises ShellError."""
        made = cls(spec)
        made._revives = False
        made.ports = ports
        made._number = report.number
        made.keep(report)
        made.first = Start(made.dump(ports) or State(), made.cwd)
        return made

    @property
    def is_away(self) -> bool:
        """Whether another shell has the terminal."""
        return self._within is not None

    def number(self) -> int:
        """The next one, for something that bash is asked."""
        self._number += 1
        return self._number

    def lead_into(self, entrance: Entrance, number: int) -> None:
        """The command of that number has led into another shell."""
        self._within = (entrance, number)

    def came_back(self) -> int | None:
        """The exit status of the command that led into another shell, once that has ended; None before."""
        if self._within is None or self.ports is None:
            return self.status
        report = self.ports.channel.report(self._within[1])
        if report is None:
            return None if self.ports.process.exit_status is None else 255
        self._within = None
        self.keep(report)
        return report.status

    def keep(self, report: Report) -> None:
        """Take note of what bash is like now."""
        self.status = report.status
        self.flags = report.flags
        self.last = report.number
        if report.cwd.startswith("/"):
            self.cwd = report.cwd

    def succeed(self, env: Mapping[str, str]) -> None:
        """A bash with that environment has taken the place of ours: the next one is as that was."""
        self._env = env
        self.cwd = env.get("PWD", self.cwd)

    def ready(self) -> tuple[Ports, bool]:
        """A shell that is alive, and whether it had to be started anew."""
        if self.is_over:
            raise ShellError("this shell is closed")
        if self.ports is None:
            return self._start(), False
        if self._within is not None:
            self._come_back(self.ports)
        if self.ports.process.exit_status is None and self._reaches_input(self.ports):
            return self.ports, False
        ports = self.restart()
        if self.is_over:
            raise ShellError("this shell has ended")
        return ports, True

    def restart(self) -> Ports:
        """A new bash on the same terminal, where the old one was, or as near as there is a directory."""
        ports = self.ports
        assert ports is not None
        self.end_bash()
        if not self._revives:
            self.is_over = True
            return ports
        assert isinstance(ports.terminal, Terminal)
        try:
            self.ports = self._spawn(
                ports.terminal, ports.channel, ports.interrupts, directories=(self.cwd, self._spec.cwd, "/")
            )
        except BaseException:
            self.is_over = True
            ports.terminal.close()
            ports.channel.close()
            ports.interrupts.close()
            raise
        return self.ports

    def end_bash(self) -> None:
        """End the session of a shell that is gone, or of no more use; the next command starts another."""
        ports = self.ports
        if ports is not None:
            ports.process.end()

    def dump(self, ports: Ports) -> State | None:
        """What bash dumps after the last report; None if it was kept from that. Raises ShellError if it dies then."""
        number = self.last
        dumped = ports.channel.has_dumped(number)
        if dumped is None:
            dumped = wait_for(ports, lambda: ports.channel.has_dumped(number), seconds=ANSWER_SECONDS)
        if dumped:
            return ports.channel.state(number)
        return None

    def close(self) -> None:
        """End the shell and all that is still in its session. Idempotent."""
        if self.is_over:
            return
        self.is_over = True
        ports, self.ports = self.ports, None
        if ports is None:
            return
        try:
            ports.process.end()
        finally:
            ports.terminal.close()
            ports.channel.close()
            ports.interrupts.close()

    def _come_back(self, ports: Ports) -> None:
        """End the shell that has our terminal, and wait for the command that led there."""
        if self._within is None or self.came_back() is not None:
            return
        self._within[0].leave()
        try:
            wait_for(ports, self.came_back, seconds=ANSWER_SECONDS)
        except ShellError:
            self.end_bash()  # the next command starts another
        self._within = None

    def _start(self) -> Ports:
        terminal = Terminal(columns=self._spec.columns, lines=self._spec.lines)
        try:
            channel = Channel(self._spec.run_dir)
        except ShellError:
            terminal.close()
            raise
        interrupts = Interrupts()
        try:
            ports = self._spawn(terminal, channel, interrupts, directories=(self._spec.cwd,))
        except BaseException:
            terminal.close()
            channel.close()
            interrupts.close()
            raise
        self.ports = ports
        return ports

    def _spawn(
        self, terminal: Terminal, channel: Channel, interrupts: Interrupts, *, directories: tuple[str, ...]
    ) -> Ports:
        channel.forget()
        terminal.restore()
        number = self.number()
        start_file = channel.write_start(directories, number=number)
        process = Process(prefix=self._spec.prefix, start_file=start_file, env=self._env, terminal=terminal)
        poll = select.poll()
        for descriptor in (terminal.master, channel.fileno, process.pidfd, interrupts.fileno):
            poll.register(descriptor, select.POLLIN)
        ports = Ports(terminal, channel, process, interrupts, poll)
        try:
            report = wait_for(ports, lambda: channel.report(number), seconds=START_SECONDS)
            if report.status != 0:
                raise ShellError(  # noqa: TRY301 - what follows is the cleaning up for this too
                    f"the shell cannot enter its working directory {self._spec.cwd}; is it there?"
                )
            process.adopt()
            self.keep(report)
            if self.first is None:
                self.first = Start(self.dump(ports) or State(), self.cwd)
        except BaseException:
            process.end()
            raise
        return ports

    def _reaches_input(self, ports: Ports) -> bool:
        """Whether bash takes our lines. If a command took them away, it reads the terminal: they come back there."""
        leader = ports.process.leader
        if ports.channel.is_input_of(leader):
            return True
        ports.terminal.type_unseen(ports.channel.reopening())
        deadline = time.monotonic() + REOPEN_SECONDS
        while not ports.channel.is_input_of(leader):
            if time.monotonic() > deadline or ports.process.exit_status is not None:
                return False
            time.sleep(_POLL)
        return True


def wait_for(ports: Ports, answer: Callable[[], _T | None], *, seconds: float) -> _T:
    """What `answer` finds on the channel. Raises ShellError when bash dies or does not answer in time."""
    deadline = time.monotonic() + seconds
    printed = Capture(head=2000, tail=2000)
    while True:
        found = answer()
        if found is not None:
            return found
        wait = deadline - time.monotonic()
        if wait <= 0:
            raise ShellError(f"the shell did not answer for {seconds:.0f} s")
        for descriptor, _ in ports.poll.poll(wait * 1000):
            if descriptor == ports.terminal.master:
                printed.add(ports.terminal.read())
            elif descriptor == ports.interrupts.fileno:
                ports.interrupts.clear()
        if ports.process.exit_status is not None and (found := answer()) is None:
            said = printed.output() + ports.terminal.read()
            raise ShellError(
                f"the shell ended with status {ports.process.exit_status} instead of answering"
                f": {said.decode('utf-8', 'replace').strip()}".rstrip(": ")
            )
