"""A shell on another machine, at the other end of an ssh session that runs in the learner's own shell.

The session is a real one, typed or run as `ssh user@host` in the shell that is here (`near`), and its output is that
of ssh in the terminal of that shell. What differs from any other session: the bash over there reads our start file
(the `door`, see `sandbox.remote_ssh`), so it has the same side channel as the one here (`channel`), in a directory
that both machines see. What it writes arrives later than what it reports, hence the marks in its output.

Process ids are the ones this side sees; the other machine's processes are among them.
"""

import contextlib
import errno
import fcntl
import os
import re
import select
import signal
import struct
import termios
from dataclasses import replace
from pathlib import Path
from typing import Unpack

from labrunner.shell.bash import BashShell, check_name
from labrunner.shell.channel import MARKS, Channel, Report
from labrunner.shell.process import Process
from labrunner.shell.protocol import Completed, End, ShellError, ShellSpec, Terms
from labrunner.shell.running import Ports
from labrunner.shell.terminal import Screen, taken_back

__all__ = ["FarShell"]

_CONNECT_SECONDS = 20.0
_PART_OF_MARK = re.compile(rb"\x1b(?:\](?:5(?:3(?:7(?:9(?:;[0-9]*)?)?)?)?)?)?\Z")
_NOBODYS = os.makedev(0xFFF, 0xFFFFF)
_FOREGROUND = 5  # field of /proc/PID/stat after the command's name, see proc(5)
_FIRST = 1
_LOOKS = 100
_LEAVES = ("exit", "logout")
_SSH_FAILED = 255  # ssh(1)


class _FarTerminal:
    """The terminal over there: its modes and size by its own device, its bytes by way of ssh in the terminal here."""

    def __init__(self, near: Screen, leader: int) -> None:
        """leader: the bash over there. Raises OSError."""
        self._near = near
        self._leader = leader
        self._slave = _terminal_of(leader)
        self._modes = termios.tcgetattr(self._slave)
        self._size = fcntl.ioctl(self._slave, termios.TIOCGWINSZ, bytes(8))
        self._rest = b""
        self._marked = _FIRST

    @property
    def master(self) -> int:
        """Readable when there is output."""
        return self._near.master

    @property
    def device(self) -> int:
        """No terminal's: numbers of another machine's terminals say nothing here."""
        return _NOBODYS

    def restore(self) -> None:
        """Undo what programs did to modes and size."""
        with contextlib.suppress(termios.error, OSError):  # hung up
            if termios.tcgetattr(self._slave) != self._modes:
                termios.tcsetattr(self._slave, termios.TCSANOW, self._modes)
            fcntl.ioctl(self._slave, termios.TIOCSWINSZ, self._size)

    def be_ordinary(self, columns: int, lines: int) -> None:
        """Until `restore`: that size, and newlines translated as on any terminal."""
        with contextlib.suppress(termios.error, OSError):
            modes = termios.tcgetattr(self._slave)
            modes[1] |= termios.OPOST | termios.ONLCR
            termios.tcsetattr(self._slave, termios.TCSANOW, modes)
            fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def is_whole(self, number: int) -> bool:
        """Whether the mark of that command has arrived."""
        return self._marked >= number

    def read(self) -> bytes:
        """What has arrived, without marks; never waits."""
        data = self._rest + self._near.read()
        for mark in MARKS.finditer(data):
            self._marked = max(self._marked, int(mark[1]))
        data = MARKS.sub(b"", data)
        part = _PART_OF_MARK.search(data)
        self._rest = part[0] if part else b""
        return data[: len(data) - len(self._rest)]

    def write(self, data: bytes) -> int:
        """Type; how much was taken."""
        return self._near.write(data)

    def type_unseen(self, line: bytes) -> None:
        """Type a line without echo. `restore` turns echo on again."""
        modes = termios.tcgetattr(self._slave)
        modes[3] &= ~(termios.ECHO | termios.ECHONL)
        modes[3] |= termios.ICANON
        termios.tcsetattr(self._slave, termios.TCSAFLUSH, modes)
        self.write(line)

    def take_back(self) -> bytes:
        """What was typed and not read, there and here."""
        return taken_back(self._slave) + self._near.take_back()

    def foreground(self) -> int | None:
        """The foreground process group over there."""
        try:
            text = Path(f"/proc/{self._leader}/stat").read_bytes()
        except OSError:
            return None
        group = int(text.rpartition(b") ")[2].split()[_FOREGROUND])
        return group if group > 1 else None

    def signal_foreground(self, number: int) -> bool:
        """Signal it, and wake it if it is stopped; False if there is none."""
        group = self.foreground()
        if group is None:
            return False
        try:
            os.killpg(group, number)
            if number != signal.SIGKILL:
                os.killpg(group, signal.SIGCONT)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def close(self) -> None:
        """Let go of it. Idempotent."""
        if self._slave >= 0:
            os.close(self._slave)
            self._slave = -1


class _Door:
    """Waits for the bash over there: the Entrance of the command that leads to it."""

    def __init__(self, channel: Channel) -> None:
        self._channel: Channel | None = channel
        self.report: Report | None = None

    @property
    def fileno(self) -> int:
        """Readable when it reports."""
        return self._channel.fileno if self._channel else -1

    def is_open(self) -> bool:
        """Whether it has reported."""
        if self._channel is not None:
            self.report = self.report or self._channel.report(_FIRST)
        return self.report is not None

    def leave(self) -> None:
        """Have it end."""
        if self._channel is not None:
            with contextlib.suppress(ShellError):
                self._channel.ask_end()

    def close(self) -> None:
        """Nothing is said to it any more. Idempotent."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()


class FarShell:
    """A `Shell` at the other end of an ssh session in `near`.

    A session that a command opens (`enter`) is gone on with; where there is none, `connect`, a command for `near` that
    asks nobody, opens one. spec: run_dir is one that both machines see, cwd the other one's; prefix and env are not
    used. door: the file that names the start file for the bash over there.
    """

    def __init__(self, near: BashShell, spec: ShellSpec, *, door: str, connect: str) -> None:
        self._near = near
        self._spec = spec
        self._door = door
        self._connect = connect
        self._shell: BashShell | None = None
        self._terminal: _FarTerminal | None = None
        self._way: _Door | None = None
        self._kept = b""
        self._begun = False

    def enter(self, text: str, **terms: Unpack[Terms]) -> Completed:
        """Run `text` in `near`: done when it has led here, and otherwise at its end (see `protocol.Shell.run`)."""
        self._leave()
        channel = Channel(self._spec.run_dir, marks=True)
        door = _Door(channel)
        try:
            start = channel.write_start((self._spec.cwd, "/"), number=_FIRST)
            Path(self._door).write_text(start, encoding="utf-8")
            completed = self._near.run(text, entrance=door, **terms)
            if door.report is not None:
                self._adopt(channel, door.report, start)
                self._way = door
        finally:
            Path(self._door).unlink(missing_ok=True)
            if self._shell is None:
                door.leave()
                door.close()
        return completed

    def run(self, text: str, **terms: Unpack[Terms]) -> Completed:
        """Run `text` there (see `protocol.Shell`). One that ends the session has the status of ssh; `exit` alone, which
        only hands on that of the command before, has 0 unless ssh itself failed."""
        shell, is_new = self._ready()
        completed = shell.run(text, **terms)
        if shell.is_lost:
            self._forget()
            ended = End.EXITED if completed.end is End.SHELL_EXITED else completed.end
            status = completed.exit_status
            if text.strip() in _LEAVES and status != _SSH_FAILED:
                status = 0
            completed = replace(completed, end=ended, exit_status=status, left=True)
        return replace(completed, restarted=is_new)

    def variable(self, name: str) -> str | None:
        """The value of a shell variable there; None if unset, or if no session is open. Raises as `BashShell`."""
        check_name(name)
        return self._shell.variable(name) if self._is_open() and self._shell is not None else None

    def snapshot(self) -> bytes:
        """The state of the shell there, or of the last one (see `protocol.Shell`)."""
        if self._is_open() and self._shell is not None:
            self._kept = self._shell.snapshot()
        return self._kept

    def restore(self, snapshot: bytes) -> bool:
        """Open a session that is what the snapshot says (see `protocol.Shell`)."""
        return self._ready()[0].restore(snapshot)

    def close(self) -> None:
        """End the session. Idempotent."""
        self._leave()

    def _ready(self) -> tuple[BashShell, bool]:
        """The shell there, and whether a new session had to be opened in place of an earlier one."""
        if self._is_open() and self._shell is not None:
            return self._shell, False
        self._forget()
        again = self._begun
        completed = self.enter(self._connect, timeout=_CONNECT_SECONDS)
        if self._shell is None:
            said = completed.output.decode("utf-8", "replace").strip()
            raise ShellError(f"the ssh session cannot be opened: {said or f'status {completed.exit_status}'}")
        return self._shell, again

    def _is_open(self) -> bool:
        return self._shell is not None and not self._shell.is_lost and self._near.came_back() is None

    def _adopt(self, channel: Channel, report: Report, start: str) -> None:
        ports = self._near.ports
        assert ports is not None
        leader = _leader_of(start)
        try:
            self._terminal = terminal = _FarTerminal(ports.terminal, leader)
        except OSError as error:
            raise ShellError(f"the terminal of the ssh session cannot be reached: {error.strerror}") from error
        ended = os.dup(ports.channel.fileno)
        process = Process.elsewhere(leader, terminal=terminal, pidfd=ended, ended=self._near.came_back)
        poll = select.poll()
        for descriptor in (terminal.master, channel.fileno, ended, ports.interrupts.fileno):
            poll.register(descriptor, select.POLLIN)
        self._shell = BashShell.elsewhere(self._spec, Ports(terminal, channel, process, ports.interrupts, poll), report)
        self._begun = True

    def _leave(self) -> None:
        """End the session, if one is open."""
        shell = self._shell
        if shell is not None and not shell.is_lost and shell.ports is not None:
            with contextlib.suppress(ShellError):
                shell.ports.process.end()
        self._forget()

    def _forget(self) -> None:
        self._shell = None
        if self._way is not None:
            self._way.close()
            self._way = None
        if self._terminal is not None:
            self._terminal.close()
            self._terminal = None


def _terminal_of(leader: int) -> int:
    """A descriptor of its terminal, from any of its own: which of them lead there changes while it reports. Raises
    OSError."""
    for _ in range(_LOOKS):
        for entry in sorted(os.listdir(f"/proc/{leader}/fd"), key=int, reverse=True):  # noqa: PTH208
            path = f"/proc/{leader}/fd/{entry}"
            with contextlib.suppress(FileNotFoundError):
                if os.readlink(path).startswith("/dev/pts/"):  # noqa: PTH115
                    found = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
                    if os.isatty(found):
                        return found
                    os.close(found)
    raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))


def _leader_of(start: str) -> int:
    """The bash that has read that start file. Raises ShellError."""
    words = f"--rcfile\0{start}\0".encode()
    for entry in os.listdir("/proc"):  # noqa: PTH208 - of all processes
        if entry.isdigit():
            with contextlib.suppress(OSError):
                line = Path(f"/proc/{entry}/cmdline").read_bytes()
                if words in line and line.startswith(b"bash\0"):
                    return int(entry)
    raise ShellError("the shell at the other end of the ssh session is gone")
