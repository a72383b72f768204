"""The pseudo-terminal that a shell lives on: its modes, its size, its bytes, its foreground process group.

Output processing (OPOST) is off: the kernel's newline translation makes short lines sixteen times slower.
Everything else is what a program finds on an ordinary terminal.
"""

import contextlib
import errno
import fcntl
import os
import signal
import struct
import termios
from typing import Protocol

__all__ = ["BATCH_BYTES", "Screen", "Terminal", "taken_back"]

BATCH_BYTES = 64 * 1024
_TYPED_BYTES = 4096
"""As many as the kernel keeps of what was typed."""


class Screen(Protocol):
    """What a shell needs of its terminal. See `Terminal`; `shell.far` has another one."""

    @property
    def master(self) -> int:
        """Readable when there is output."""

    @property
    def device(self) -> int:
        """The device number of the terminal, as `tty_nr` of a process has it."""

    def restore(self) -> None:
        """Undo what programs did to it."""

    def be_ordinary(self, columns: int, lines: int) -> None:
        """Of that size until `restore`."""

    def is_whole(self, number: int) -> bool:
        """Whether all output of the command that has reported under that number is here to be read."""

    def read(self) -> bytes:
        """What has arrived; never waits."""

    def write(self, data: bytes) -> int:
        """Type; how much was taken."""

    def type_unseen(self, line: bytes) -> None:
        """Type a line without echo."""

    def take_back(self) -> bytes:
        """What was typed and not read; nobody gets it any more."""

    def foreground(self) -> int | None:
        """The foreground process group, if there is one."""

    def signal_foreground(self, number: int) -> bool:
        """Signal it; False if there is none."""

    def close(self) -> None:
        """Hang up."""


class Terminal:
    """A pty pair. `master` is non-blocking; `slave` is for the shell's descriptors and for flushing its input."""

    __slots__ = ("_buffer", "_modes", "_size", "master", "slave")

    def __init__(self, *, columns: int, lines: int) -> None:
        self.master, self.slave = os.openpty()
        self._buffer = memoryview(bytearray(BATCH_BYTES))
        os.set_blocking(self.master, False)
        modes = termios.tcgetattr(self.slave)
        modes[1] &= ~termios.OPOST
        modes[0] |= getattr(termios, "IUTF8", 0o040000)
        termios.tcsetattr(self.slave, termios.TCSANOW, modes)
        self._modes = termios.tcgetattr(self.slave)
        self._size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, self._size)

    @property
    def device(self) -> int:
        """The device number of the slave, as `tty_nr` of a process whose controlling terminal it is."""
        return os.fstat(self.slave).st_rdev

    def restore(self) -> None:
        """Undo what programs did to modes (`stty raw`) and size."""
        if termios.tcgetattr(self.slave) != self._modes:
            termios.tcsetattr(self.slave, termios.TCSANOW, self._modes)
        if fcntl.ioctl(self.slave, termios.TIOCGWINSZ, bytes(8)) != self._size:
            fcntl.ioctl(self.slave, termios.TIOCSWINSZ, self._size)

    def be_ordinary(self, columns: int, lines: int) -> None:
        """Until `restore`: that size, and newlines translated as on any terminal, for whoever draws on all of it."""
        modes = termios.tcgetattr(self.slave)
        modes[1] |= termios.OPOST | termios.ONLCR
        termios.tcsetattr(self.slave, termios.TCSANOW, modes)
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def is_whole(self, number: int) -> bool:  # noqa: ARG002
        """Whether all output of the command that has reported under that number is here to be read: always."""
        return True

    def read(self) -> bytes:
        """What has arrived, up to about BATCH_BYTES; empty if there is nothing. Never waits.

        The kernel hands over what is still on its way before it says EAGAIN, so an empty answer after the
        shell's report means that the command's output is complete.
        """
        buffer = self._buffer
        size = 0
        try:
            while size < BATCH_BYTES:
                got = os.readv(self.master, [buffer[size:]])
                if not got:
                    break
                size += got
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno != errno.EIO:  # every slave descriptor is closed
                raise
        return bytes(buffer[:size])

    def write(self, data: bytes) -> int:
        """Type `data`; returns how much was taken (0 when the line discipline's buffer is full)."""
        try:
            return os.write(self.master, data)
        except BlockingIOError:
            return 0

    def type_unseen(self, line: bytes) -> None:
        """Type a line without echo. `restore` turns echo on again, once the line has been read."""
        modes = termios.tcgetattr(self.slave)
        modes[3] &= ~(termios.ECHO | termios.ECHONL)
        modes[3] |= termios.ICANON
        termios.tcsetattr(self.slave, termios.TCSAFLUSH, modes)
        self.write(line)

    def take_back(self) -> bytes:
        """What was typed and not read; nobody gets it any more."""
        return taken_back(self.slave)

    def foreground(self) -> int | None:
        """The foreground process group, as seen from here also when it lives in another PID namespace.

        None when there is none. A dead shell's group reads 0, and signalling group 0 would hit ourselves.
        """
        try:
            group = os.tcgetpgrp(self.master)
        except OSError:
            return None
        return group if group > 1 and group != os.getpgrp() else None

    def signal_foreground(self, number: int) -> bool:
        """Signal the foreground process group, and wake it if it is stopped. False if there is none.

        Only for a live shell: a group that no process of the session is in may belong to somebody else.
        """
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
        """Hang up: the kernel signals the session that still has this terminal."""
        for descriptor in (self.master, self.slave):
            with contextlib.suppress(OSError):
                os.close(descriptor)


def taken_back(descriptor: int) -> bytes:
    """What was typed at a terminal and nobody has read, a line without its end too; nothing of it is left there.

    Empty where there is no terminal any more. Never waits.
    """
    taken = b""
    with contextlib.suppress(termios.error, OSError):
        saved = termios.tcgetattr(descriptor)
        mode = termios.tcgetattr(descriptor)
        mode[3] &= ~termios.ICANON  # else only whole lines could be read
        mode[6][termios.VMIN] = mode[6][termios.VTIME] = 0
        termios.tcsetattr(descriptor, termios.TCSANOW, mode)
        try:
            while len(taken) < _TYPED_BYTES and (some := os.read(descriptor, _TYPED_BYTES)):
                taken += some
        finally:
            termios.tcsetattr(descriptor, termios.TCSAFLUSH, saved)
    return taken
