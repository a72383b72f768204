"""The real shell: one bash on a pty. See `channel` for how it is talked to, `running` for one command's course."""

import contextlib
import re
import select
import time
from collections.abc import Callable, Mapping
from signal import SIGINT, SIGKILL, SIGTERM
from typing import TypeVar

from labrunner.shell.capture import Capture
from labrunner.shell.channel import Channel, Report
from labrunner.shell.interrupts import Interrupts
from labrunner.shell.ladder import DEFAULT_GRACE, Grace
from labrunner.shell.process import Process
from labrunner.shell.protocol import Completed, End, ShellError, ShellSpec
from labrunner.shell.running import Entrance, Ports, Running
from labrunner.shell.snapshot import Parts, Start, State, came_back, has_functions, parts, piecewise
from labrunner.shell.terminal import Terminal

__all__ = ["ANSWER_SECONDS", "START_SECONDS", "BashShell", "check_name"]

START_SECONDS = 15.0
"""How long a new bash may take until it reports."""
ANSWER_SECONDS = 10.0
"""How long an idle bash may take for an answer about itself."""
SETTLE_SECONDS = 0.25
"""How long an idle bash may take for an answer, until an interrupt frees it of a line half read."""
REOPEN_SECONDS = 2.0
"""How long bash may take to read our lines again, until it is given up."""
_POLL = 0.001
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_T = TypeVar("_T")
_LATE_READS = 16  # of output between commands: a background job may write for ever


def check_name(name: str) -> None:
    """Raise ValueError for what is not the name of a shell variable."""
    if _NAME.match(name) is None:
        raise ValueError(f"not the name of a shell variable: {name!r}")


class BashShell:
    """A `Shell` on this machine, or in a sandbox that `spec.prefix` enters. Starts with the first command.

    Output that background jobs write between two commands is passed to the next one's `on_output`, and is not
    part of its `output`. Not for use from two threads at once.
    """

    def __init__(self, spec: ShellSpec, *, grace: Grace = DEFAULT_GRACE) -> None:
        self._spec = spec
        self._revives = True
        self._within: tuple[Entrance, int] | None = None  # another shell in our terminal, and what led there
        self._kept = b""  # our state meanwhile
        self._grace = grace
        self._env: Mapping[str, str] = spec.env
        self._cwd = spec.cwd
        self._ports: Ports | None = None
        self._number = 0
        self._status = 0
        self._flags = ""
        self._dumps = False  # after each command, once somebody has asked
        self._last = 0  # the number of the last report
        self._first: Start | None = None
        self._closed = False

    @classmethod
    def elsewhere(cls, spec: ShellSpec, ports: Ports, report: Report) -> "BashShell":
        """A bash that runs already, on a terminal that is not here, and has made this report; when it ends, no other
        one is started. Raises ShellError."""
        made = cls(spec)
        made._revives = False
        made._ports = ports
        made._number = report.number
        made._keep(report)
        made._first = Start(made._await_dump(ports) or State(), made._cwd)
        return made

    @property
    def ports(self) -> Ports | None:
        """What it is reached by, for a shell that has its terminal for a while; None: it does not run."""
        return self._ports

    @property
    def is_lost(self) -> bool:
        """Whether it has ended, and no other one is started."""
        return self._closed

    def came_back(self) -> int | None:
        """The exit status of the command that led into another shell, once that has ended; None before."""
        if self._within is None or self._ports is None:
            return self._status
        report = self._ports.channel.report(self._within[1])
        if report is None:
            return None if self._ports.process.exit_status is None else 255
        self._within = None
        self._keep(report)
        return report.status

    def run(
        self,
        text: str,
        *,
        timeout: float = 60.0,
        limit: float | None = None,
        on_output: Callable[[bytes], None] | None = None,
        keyboard: int | None = None,
        keys: Callable[[bytes], bytes] | None = None,
        size: tuple[int, int] | None = None,
        entrance: Entrance | None = None,
    ) -> Completed:
        """Run `text` to its end (see `protocol.Shell`).

        entrance: another shell that it may lead into: then it counts as done, with status 0, and this shell is left
        alone until the other one has ended. Whoever gives it a command before ends the other one.

        A first Ctrl-C (SIGINT to us) goes to the command; after a second the command is ended and
        KeyboardInterrupt raised. Raises ShellError, and ValueError for a NUL in the text.
        """
        if "\0" in text:
            raise ValueError("a command cannot contain a NUL character")
        began = time.monotonic()
        if entrance is not None and self._dumps:
            self._kept = self.snapshot()
        ports, restarted = self._ready()
        with ports.interrupts:
            self._prepare(ports, on_output)
            if size is not None:
                ports.terminal.be_ordinary(*size)
            self._number += 1
            ports.channel.run(
                text.encode("utf-8", "surrogateescape"),
                number=self._number,
                prefix=self._state_of_before(),
                dump=self._dumps,
            )
            capture = Capture()
            running = Running(
                ports,
                number=self._number,
                capture=capture,
                grace=self._grace,
                timeout=timeout,
                limit=limit,
                on_output=on_output,
                keyboard=keyboard,
                keys=keys,
                entrance=entrance,
            )
            try:
                running.wait()
            except BaseException:
                # Something of the caller's broke in; the command may still be running.
                self._end_process()
                raise
            if keyboard is not None:
                ports.terminal.forget_input()
            if running.entered and entrance is not None:
                self._within = (entrance, self._number)
            status, end = (0, End.EXITED) if self._within is not None else self._settle(running)
            if ports.interrupts.count > 1:
                raise KeyboardInterrupt
        return Completed(
            exit_status=status,
            end=end,
            output=capture.output(),
            dropped=capture.dropped,
            seconds=time.monotonic() - began,
            ladder=running.ladder.sent,
            restarted=restarted or (running.report is None and self._within is None),
        )

    def variable(self, name: str) -> str | None:
        """The value of a shell variable, None if unset. Raises ValueError for what is no name, ShellError."""
        check_name(name)
        ports, _ = self._ready()
        self._number += 1
        number = self._number
        ports.channel.ask_variable(name, number=number)
        value = self._await(ports, lambda: ports.channel.value(number), seconds=ANSWER_SECONDS)[0]
        return value[1:].decode("utf-8", "surrogateescape") if value else None

    def snapshot(self) -> bytes:
        """The shell's state (see `protocol.Shell`). From the second call on, bash has it ready. Raises ShellError."""
        self._dumps = True
        if self._within is not None and self.came_back() is None:
            return self._kept
        ports = self._ports
        state = None
        if ports is not None:
            with contextlib.suppress(ShellError):  # died over it
                state = self._await_dump(ports)
        state = state or self._ask_dump()
        assert self._first is not None  # a shell has started by now
        return self._first.snapshot(state, self._cwd)

    def restore(self, snapshot: bytes) -> bool:
        """Make a new shell what the snapshot says (see `protocol.Shell`). Raises ShellError."""
        wanted = parts(snapshot)
        if wanted is None:
            return False
        self._ready()
        state = self._become(wanted)
        if state is not None and not has_functions(wanted, state):
            # One that cannot be read takes with it those that follow; aliases are in the way of a second attempt.
            self._restart()
            self._become(piecewise(wanted))
            return False
        return state is not None and came_back(wanted, state, self._cwd)

    def close(self) -> None:
        """End the shell and all that is still in its session. Idempotent."""
        if self._closed:
            return
        self._closed = True
        ports, self._ports = self._ports, None
        if ports is None:
            return
        try:
            ports.process.end()
        finally:
            ports.terminal.close()
            ports.channel.close()
            ports.interrupts.close()

    def _ask_dump(self) -> State:
        """The state that bash did not dump by itself: after an interrupt or an error in its line, or not yet asked."""
        ports, _ = self._ready()
        self._number += 1
        self._last = self._number
        ports.channel.ask_dump(self._number)
        state = self._await_dump(ports)
        if state is None:
            raise ShellError(f"bash cannot write its state to {ports.channel.directory}; is the disk full?")
        return state

    def _await_dump(self, ports: Ports) -> State | None:
        """What bash dumps after the last report; None if it was kept from that. Raises ShellError if it dies then."""
        number = self._last
        dumped = ports.channel.has_dumped(number)
        if dumped is None:
            dumped = self._await(ports, lambda: ports.channel.has_dumped(number), seconds=ANSWER_SECONDS)
        if dumped:
            return ports.channel.state(number)
        return None

    def _become(self, wanted: Parts) -> State | None:
        """What a new shell is after it has sourced these; None when it did not live through that, or does not say."""
        ports = self._ports
        assert ports is not None
        self._number += 1
        number = self._number
        try:
            ports.channel.ask_restore(wanted, number)
            self._keep(self._await(ports, lambda: ports.channel.report(number), seconds=START_SECONDS))
        except ShellError:
            if ports.process.exit_status is None:
                raise
            self._restart()
            return None
        finally:
            ports.channel.forget_restore()
        return self._await_dump(ports)

    def _ready(self) -> tuple[Ports, bool]:
        """A shell that is alive, and whether it had to be started anew."""
        if self._closed:
            raise ShellError("this shell is closed")
        if self._ports is None:
            return self._start(), False
        if self._within is not None:
            self._come_back(self._ports)
        if self._ports.process.exit_status is None and self._reaches_input(self._ports):
            return self._ports, False
        ports = self._restart()
        if self._closed:
            raise ShellError("this shell has ended")
        return ports, True

    def _come_back(self, ports: Ports) -> None:
        """End the shell that has our terminal, and wait for the command that led there."""
        if self._within is None or self.came_back() is not None:
            return
        self._within[0].leave()
        try:
            self._await(ports, self.came_back, seconds=ANSWER_SECONDS)
        except ShellError:
            self._end_process()  # the next command starts another
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
        self._ports = ports
        return ports

    def _restart(self) -> Ports:
        """A new bash on the same terminal, where the old one was, or as near as there is a directory."""
        ports = self._ports
        assert ports is not None
        self._end_process()
        if not self._revives:
            self._closed = True
            return ports
        assert isinstance(ports.terminal, Terminal)
        try:
            self._ports = self._spawn(
                ports.terminal, ports.channel, ports.interrupts, directories=(self._cwd, self._spec.cwd, "/")
            )
        except BaseException:
            self._closed = True
            ports.terminal.close()
            ports.channel.close()
            ports.interrupts.close()
            raise
        return self._ports

    def _spawn(
        self, terminal: Terminal, channel: Channel, interrupts: Interrupts, *, directories: tuple[str, ...]
    ) -> Ports:
        channel.forget()
        terminal.restore()
        self._number += 1
        number = self._number
        start_file = channel.write_start(directories, number=number)
        process = Process(prefix=self._spec.prefix, start_file=start_file, env=self._env, terminal=terminal)
        poll = select.poll()
        for descriptor in (terminal.master, channel.fileno, process.pidfd, interrupts.fileno):
            poll.register(descriptor, select.POLLIN)
        ports = Ports(terminal, channel, process, interrupts, poll)
        try:
            report = self._await(ports, lambda: channel.report(number), seconds=START_SECONDS)
            if report.status != 0:
                raise ShellError(  # noqa: TRY301 - what follows is the cleaning up for this too
                    f"the shell cannot enter its working directory {self._spec.cwd}; is it there?"
                )
            process.adopt()
            self._keep(report)
            if self._first is None:
                self._first = Start(self._await_dump(ports) or State(), self._cwd)
        except BaseException:
            process.end()
            raise
        return ports

    def _end_process(self) -> None:
        """End the session of a shell that is gone, or of no more use; the next command starts another."""
        ports = self._ports
        if ports is not None:
            ports.process.end()

    def _prepare(self, ports: Ports, on_output: Callable[[bytes], None] | None) -> None:
        ports.terminal.restore()
        for _ in range(_LATE_READS):
            late = ports.terminal.read()
            if not late:
                break
            if on_output is not None:
                on_output(late)

    def _state_of_before(self) -> str:
        """What must precede the command, so that it finds what the one before left: `$?`, and tracing."""
        if "x" in self._flags:
            return "set -x;"
        # Under `set -e` a failing subshell would end the shell.
        if self._status and "e" not in self._flags:
            return f"(exit {self._status});"
        return ""

    def _settle(self, running: Running) -> tuple[int | None, End]:
        """The exit status and the end; whatever came, a shell is ready afterwards."""
        report = running.report
        if report is not None:
            self._keep(report)
            if running.was_interrupted:
                self._settle_interrupts()
            return report.status, running.cause or End.EXITED
        assert self._ports is not None
        status = self._ports.process.exit_status if running.dead else None
        if running.successor is not None:
            self._env = running.successor
            self._cwd = running.successor.get("PWD", self._cwd)
            status = 0
        self._restart()
        if running.cause in (End.LIMIT, End.TIMEOUT):
            return None, running.cause
        return status, End.SHELL_EXITED

    def _settle_interrupts(self) -> None:
        """Let bash notice an interrupt that it still has to, before that costs the next command."""
        ports = self._ports
        assert ports is not None
        self._number += 1
        number = self._number
        for number_sent in (SIGINT, SIGINT, SIGTERM, SIGKILL, SIGKILL):
            ports.channel.ask_report(number)
            try:
                self._await(ports, lambda: ports.channel.report(number), seconds=SETTLE_SECONDS)
            except ShellError:
                if ports.process.exit_status is not None:
                    return  # the next command starts another
                # An interrupt just when bash starts a program can leave that one running, and bash waiting for it.
                if ports.process.has_foreground():
                    ports.process.interrupt()
                else:
                    ports.terminal.signal_foreground(number_sent)
            else:
                return
        self._end_process()

    def _keep(self, report: Report) -> None:
        self._status = report.status
        self._flags = report.flags
        self._last = report.number
        if report.cwd.startswith("/"):
            self._cwd = report.cwd

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

    def _await(self, ports: Ports, answer: Callable[[], _T | None], *, seconds: float) -> _T:
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
