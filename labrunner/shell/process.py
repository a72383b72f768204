"""The bash process: starting it as leader of a terminal session of its own, and ending that session.

The session and the controlling terminal are taken by `setsid --ctty` as the last link before bash, also when
the links before it enter another PID namespace: a terminal taken outside would break job control inside. Process
ids here are the ones this side sees.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Self

from labrunner.shell.protocol import ShellError
from labrunner.shell.terminal import Screen, Terminal

__all__ = ["HANGUP_GRACE", "KILL_GRACE", "Process"]

HANGUP_GRACE = 1.0
"""Seconds that a session has to end itself after SIGHUP."""
KILL_GRACE = 5.0
"""Seconds until processes that were killed must be gone."""
_POLL = 0.005

# Waits for bash and passes its status on, from a session that the keyboard of our own terminal does not reach.
# Not `setsid --wait`: that writes to the learner's terminal when bash is killed.
# The parentheses: dash redirects a plain command in itself, and would say "Killed" there too.
_WAIT = 'exec 2>/dev/null; ("$@" 2>&1); exit $?'
# A process started in the background ignores SIGINT, and would hand that on to all that the learner starts.
_DEFAULT_SIGNALS = ("env", "--default-signal=HUP,INT,QUIT,TERM")
_BASH = ("setsid", "--ctty", "bash", "--noprofile", "--noediting")
_SHELLS = frozenset({"ash", "bash", "dash", "ksh", "mksh", "sh", "zsh"})

# Fields of /proc/PID/stat after the command's name, see proc(5).
_STATE, _GROUP, _SESSION, _TTY, _START_TIME, _START_STACK = 0, 2, 3, 4, 19, 25


def _stat(pid: int) -> list[bytes] | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - scanned for every process
            return file.read().rpartition(b") ")[2].split()
    except OSError:
        return None


class _Elsewhere:
    """In place of the process that waits for bash, where another one does."""

    __slots__ = ("pid", "poll")

    def __init__(self, ended: Callable[[], int | None]) -> None:
        self.pid = 0
        self.poll = ended


class Process:
    """One running bash. `adopt` must follow once it has reported: until then its id is not known."""

    __slots__ = ("_image", "_popen", "_start_time", "_terminal", "leader", "pidfd")

    def __init__(self, *, prefix: Sequence[str], start_file: str, env: Mapping[str, str], terminal: Terminal) -> None:
        """Start bash. Raises ShellError."""
        self._terminal: Screen = terminal
        self.leader = 0
        self._start_time = b""
        self._image = b""
        try:
            self._popen: subprocess.Popen[bytes] | _Elsewhere = subprocess.Popen(
                ["/bin/sh", "-c", _WAIT, "sh", *_DEFAULT_SIGNALS, *prefix, *_BASH, "--rcfile", start_file, "-i"],
                stdin=terminal.slave,
                stdout=terminal.slave,
                stderr=terminal.slave,
                env=dict(env),
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise ShellError(f"cannot start a shell: {error}") from error
        self.pidfd = os.pidfd_open(self._popen.pid)

    @classmethod
    def elsewhere(cls, leader: int, *, terminal: Screen, pidfd: int, ended: Callable[[], int | None]) -> Self:
        """A bash that somebody else has started, on a terminal that is not here.

        pidfd: a descriptor of its own that is readable once it is gone. ended: its status, None while it runs. Raises
        ShellError.
        """
        stat = _stat(leader)
        if stat is None:
            raise ShellError("the shell ended as soon as it had started")
        made = cls.__new__(cls)
        made._terminal = terminal  # noqa: SLF001 - its own
        made._popen = _Elsewhere(ended)  # noqa: SLF001
        made.leader, made._start_time, made._image = leader, stat[_START_TIME], stat[_START_STACK]  # noqa: SLF001
        made.pidfd = pidfd
        return made

    def adopt(self) -> None:
        """Learn bash's id: at its start it is itself the terminal's foreground. Raises ShellError."""
        self.leader = self._terminal.foreground() or 0
        stat = _stat(self.leader) if self.leader else None
        if stat is None:
            raise ShellError("the shell has no terminal of its own; is `setsid` of util-linux the one on PATH?")
        self._start_time = stat[_START_TIME]
        self._image = stat[_START_STACK]

    @property
    def exit_status(self) -> int | None:
        """Bash's exit status (128 + n when signal n killed it), None while it runs."""
        return self._popen.poll()

    def is_asleep(self) -> bool:
        """Whether bash itself has the terminal and waits."""
        stat = _stat(self.leader)
        return stat is not None and stat[_STATE] == b"S" and self._terminal.foreground() == self.leader

    def has_foreground(self) -> bool:
        """Whether the terminal's foreground is bash itself, or a child of it that has not become a program yet."""
        group = self._terminal.foreground()
        if group is None or group == self.leader:
            return True
        stat = _stat(group)
        return stat is not None and stat[_START_STACK] == self._image

    def interrupt(self) -> None:
        """SIGINT to bash alone: an idle one forgets a line half read."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self.leader, signal.SIGINT)

    def idle_successor(self) -> Mapping[str, str] | None:
        """If bash was replaced (`exec bash`) by a shell that waits for somebody to type: that one's environment."""
        stat = _stat(self.leader)
        if stat is None or stat[_START_STACK] == self._image or stat[_STATE] != b"S":
            return None
        if self._terminal.foreground() != self.leader or not self._is_typed_at():
            return None
        try:
            with open(f"/proc/{self.leader}/environ", "rb") as file:  # noqa: PTH123
                pairs = file.read().decode("utf-8", "surrogateescape").split("\0")
        except OSError:
            return None
        return dict(pair.partition("=")[::2] for pair in pairs if "=" in pair)

    def _is_typed_at(self) -> bool:
        try:
            with open(f"/proc/{self.leader}/cmdline", "rb") as file:  # noqa: PTH123
                name, *arguments = file.read().decode("utf-8", "replace").rstrip("\0").split("\0")
            with open(f"/proc/{self.leader}/task/{self.leader}/children", "rb") as file:  # noqa: PTH123
                busy = file.read().strip()
        except OSError:
            return False
        is_shell = name.lstrip("-").rpartition("/")[2] in _SHELLS
        is_script = any(not item.startswith(("-", "+")) or item in {"-c", "-lc", "-ic"} for item in arguments)
        return is_shell and not is_script and not busy

    def remains(self, groups: Collection[int]) -> list[int]:
        """The processes of bash's session that are in one of these process groups."""
        wanted = {b"%d" % group for group in groups if group != self.leader}
        if not wanted:
            return []
        return [pid for pid in self._members() if (stat := _stat(pid)) and stat[_GROUP] in wanted]

    def wake(self) -> None:
        """Continue what was stopped: bash itself (`kill -STOP $$`), and the links that stop along with it."""
        for send, target in ((os.killpg, self._popen.pid), (os.kill, self.leader)):
            if target:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    send(target, signal.SIGCONT)

    def end(self) -> None:
        """End bash and all that is still in its session: SIGHUP, then SIGKILL. Idempotent.

        Raises ShellError for processes that cannot be ended.
        """
        if self.pidfd < 0:
            return
        try:
            self._signal_members(signal.SIGHUP)
            self.wake()
            if not self._gone_within(HANGUP_GRACE):
                self._kill()
        finally:
            os.close(self.pidfd)
            self.pidfd = -1

    def _kill(self) -> None:
        deadline = time.monotonic() + KILL_GRACE
        while True:
            with contextlib.suppress(ProcessLookupError):
                if self._popen.pid and not self._members():
                    os.killpg(self._popen.pid, signal.SIGKILL)
            self._signal_members(signal.SIGKILL)
            if self._gone_within(0.1):
                return
            if time.monotonic() > deadline:
                names = ", ".join(str(pid) for pid in self._members()) or str(self._popen.pid)
                raise ShellError(f"processes of the shell cannot be ended: {names}; end them, then start again")

    def _gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self._popen.poll() is None or self._members():
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL)
        return True

    def _signal_members(self, number: int) -> None:
        for pid in self._members():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
                if number == signal.SIGHUP:
                    os.kill(pid, signal.SIGCONT)

    def _members(self) -> list[int]:
        """Live processes of bash's session or on its terminal."""
        leader = self.leader
        if leader:
            stat = _stat(leader)
            if stat is not None and stat[_START_TIME] != self._start_time:
                leader = 0  # the id is another process's now: no session of that number is ours
        session = b"%d" % leader
        device = self._terminal.device
        # tty_nr holds the minor number in bits 31-20 and 7-0, the major in 15-8.
        major, minor = os.major(device), os.minor(device)
        terminal = b"%d" % ((minor & 0xFF) | (major << 8) | ((minor & ~0xFF) << 12))
        found = []
        with os.scandir("/proc") as entries:
            for entry in entries:
                if not entry.name.isdigit():
                    continue
                stat = _stat(int(entry.name))
                if stat is None or stat[_STATE] in (b"Z", b"X"):
                    continue
                if stat[_TTY] == terminal or (leader and stat[_SESSION] == session):
                    found.append(int(entry.name))
        return found
