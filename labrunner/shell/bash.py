"""The real shell: one bash on a pty, given commands, asked for its state.

See `life` for how a bash comes and goes, `channel` for how it is talked to, `running` for one command's course.
"""

import contextlib
import re
import time
from collections.abc import Callable
from signal import SIGINT, SIGKILL, SIGTERM

from labrunner.shell.capture import Capture
from labrunner.shell.channel import Report
from labrunner.shell.ladder import DEFAULT_GRACE, Grace
from labrunner.shell.life import ANSWER_SECONDS, START_SECONDS, Life, wait_for
from labrunner.shell.protocol import Completed, End, ShellError, ShellSpec
from labrunner.shell.running import Entrance, Ports, Running
from labrunner.shell.snapshot import Parts, State, came_back, has_functions, parts, piecewise

__all__ = ["BashShell", "check_name"]

SETTLE_SECONDS = 0.25
"""How long an idle bash may take for an answer, until an interrupt frees it of a line half read."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
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
        self._life = Life(spec)
        self._grace = grace
        self._dumps = False  # after each command, once somebody has asked
        self._kept = b""  # our state while another shell has the terminal

    @classmethod
    def elsewhere(cls, spec: ShellSpec, ports: Ports, report: Report) -> "BashShell":
        """See `Life.elsewhere`."""
        made = cls(spec)
        made._life = Life.elsewhere(spec, ports, report)
        return made

    @property
    def ports(self) -> Ports | None:
        """What it is reached by, for a shell that has its terminal for a while; None: it does not run."""
        return self._life.ports

    @property
    def is_lost(self) -> bool:
        """Whether it has ended, and no other one is started."""
        return self._life.is_over

    def came_back(self) -> int | None:
        """The exit status of the command that led into another shell, once that has ended; None before."""
        return self._life.came_back()

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

        A first Ctrl-C (SIGINT to us) goes to the command, and when it ends that is End.INTERRUPTED; after a second the
        command is ended and KeyboardInterrupt raised. So it is after a first that cannot be told by the end: it came
        when the command was over, had run out of time, or took the shell with it. Raises ShellError, and ValueError
        for a NUL in the text.
        """
        if "\0" in text:
            raise ValueError("a command cannot contain a NUL character")
        began = time.monotonic()
        if entrance is not None and self._dumps:
            self._kept = self.snapshot()
        ports, restarted = self._life.ready()
        with ports.interrupts:
            self._prepare(ports, on_output)
            if size is not None:
                ports.terminal.be_ordinary(*size)
            number = self._life.number()
            ports.channel.run(
                text.encode("utf-8", "surrogateescape"),
                number=number,
                prefix=self._state_of_before(),
                dump=self._dumps,
            )
            capture = Capture()
            running = Running(
                ports,
                number=number,
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
                self._life.end_bash()
                raise
            unread = b"" if keyboard is None else ports.terminal.take_back()
            if running.entered and entrance is not None:
                self._life.lead_into(entrance, number)
            is_away = self._life.is_away
            status, end = (0, End.EXITED) if is_away else self._settle(running)
        count = ports.interrupts.count  # what comes from now on is raised by itself
        if count > 1 or (count and end is not End.INTERRUPTED):
            raise KeyboardInterrupt
        return Completed(
            exit_status=status,
            end=end,
            output=capture.output(),
            dropped=capture.dropped,
            seconds=time.monotonic() - began,
            ladder=running.ladder.sent,
            restarted=restarted or (running.report is None and not is_away),
            unread=unread,
        )

    def variable(self, name: str) -> str | None:
        """The value of a shell variable, None if unset. Raises ValueError for what is no name, ShellError."""
        check_name(name)
        ports, _ = self._life.ready()
        number = self._life.number()
        ports.channel.ask_variable(name, number=number)
        value = wait_for(ports, lambda: ports.channel.value(number), seconds=ANSWER_SECONDS)[0]
        return value[1:].decode("utf-8", "surrogateescape") if value else None

    def snapshot(self) -> bytes:
        """The shell's state (see `protocol.Shell`). From the second call on, bash has it ready. Raises ShellError."""
        self._dumps = True
        if self._life.is_away and self.came_back() is None:
            return self._kept
        life = self._life
        state = None
        if life.ports is not None:
            with contextlib.suppress(ShellError):  # died over it
                state = life.dump(life.ports)
        state = state or self._ask_dump()
        assert life.first is not None  # a shell has started by now
        return life.first.snapshot(state, life.cwd)

    def restore(self, snapshot: bytes) -> bool:
        """Make a new shell what the snapshot says (see `protocol.Shell`). Raises ShellError."""
        wanted = parts(snapshot)
        if wanted is None:
            return False
        self._life.ready()
        state = self._become(wanted)
        if state is not None and not has_functions(wanted, state):
            # One that cannot be read takes with it those that follow; aliases are in the way of a second attempt.
            self._life.restart()
            self._become(piecewise(wanted))
            return False
        return state is not None and came_back(wanted, state, self._life.cwd)

    def close(self) -> None:
        """End the shell and all that is still in its session. Idempotent."""
        self._life.close()

    def _ask_dump(self) -> State:
        """The state that bash did not dump by itself: after an interrupt or an error in its line, or not yet asked."""
        ports, _ = self._life.ready()
        self._life.last = self._life.number()
        ports.channel.ask_dump(self._life.last)
        state = self._life.dump(ports)
        if state is None:
            raise ShellError(f"bash cannot write its state to {ports.channel.directory}; is the disk full?")
        return state

    def _become(self, wanted: Parts) -> State | None:
        """What a new shell is after it has sourced these; None when it did not live through that, or does not say."""
        ports = self._life.ports
        assert ports is not None
        number = self._life.number()
        try:
            ports.channel.ask_restore(wanted, number)
            self._life.keep(wait_for(ports, lambda: ports.channel.report(number), seconds=START_SECONDS))
        except ShellError:
            if ports.process.exit_status is None:
                raise
            self._life.restart()
            return None
        finally:
            ports.channel.forget_restore()
        return self._life.dump(ports)

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
        if "x" in self._life.flags:
            return "set -x;"
        # Under `set -e` a failing subshell would end the shell.
        if self._life.status and "e" not in self._life.flags:
            return f"(exit {self._life.status});"
        return ""

    def _settle(self, running: Running) -> tuple[int | None, End]:
        """The exit status and the end; whatever came, a shell is ready afterwards."""
        report = running.report
        if report is not None:
            self._life.keep(report)
            if running.was_interrupted:
                self._settle_interrupts()
            return report.status, running.cause or End.EXITED
        assert self._life.ports is not None
        status = self._life.ports.process.exit_status if running.dead else None
        if running.successor is not None:
            self._life.succeed(running.successor)
            status = 0
        self._life.restart()
        if running.cause in (End.LIMIT, End.TIMEOUT):
            return None, running.cause
        return status, End.SHELL_EXITED

    def _settle_interrupts(self) -> None:
        """Let bash notice an interrupt that it still has to, before that costs the next command."""
        ports = self._life.ports
        assert ports is not None
        number = self._life.number()
        for number_sent in (SIGINT, SIGINT, SIGTERM, SIGKILL, SIGKILL):
            ports.channel.ask_report(number)
            try:
                wait_for(ports, lambda: ports.channel.report(number), seconds=SETTLE_SECONDS)
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
        self._life.end_bash()
