"""Joins the person's terminal with one of its own for a program inside.

The person's terminal cannot be handed over: a process of another PID namespace cannot control its jobs, and a new
session would take it away from the person's own shell.
"""

import errno
import fcntl
import os
import select
import signal
import subprocess
import termios
import tty
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

__all__ = ["relay"]

_SIZE_BYTES = 8
_LOOK_MILLISECONDS = 200


def relay(line: Sequence[str], *, env: Mapping[str, str], terminal: int = 0, screen: int = 1) -> int:
    """Run `line` on a new terminal, joined with `terminal` (keys) and `screen`, to its end; its exit status.

    The program gets the new terminal as its standard streams and has to take control of it (`setsid --ctty`).
    Raises OSError.
    """
    master, slave = os.openpty()
    try:
        try:
            termios.tcsetattr(slave, termios.TCSANOW, termios.tcgetattr(terminal))
            _copy_size(terminal, master)
            process = subprocess.Popen(
                list(line), stdin=slave, stdout=slave, stderr=slave, env=dict(env), cwd="/", start_new_session=True
            )
        finally:
            os.close(slave)
        with _raw(terminal), _sized(terminal, master):
            _copy(master, terminal, screen, process)
    finally:
        os.close(master)
    status = process.wait()
    return status if status >= 0 else 128 - status


def _copy(master: int, keys: int, screen: int, process: "subprocess.Popen[bytes]") -> None:
    """Until nobody has the other side of `master` open, or only what the ended program left in the background."""
    wanted = select.poll()
    wanted.register(master, select.POLLIN)
    wanted.register(keys, select.POLLIN)
    while True:
        ready = wanted.poll(_LOOK_MILLISECONDS)
        if not ready and process.poll() is not None:
            return
        for descriptor, _ in ready:
            data = _read(descriptor)
            if not data:  # the program has ended; or the person's terminal is gone, then closing `master` ends it
                return
            _write(screen if descriptor == master else master, data)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return b""


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


@contextmanager
def _raw(terminal: int) -> Iterator[None]:
    kept = termios.tcgetattr(terminal)
    tty.setraw(terminal, termios.TCSADRAIN)  # what was typed ahead is kept
    try:
        yield
    finally:
        with suppress(termios.error):  # it may be gone
            termios.tcsetattr(terminal, termios.TCSADRAIN, kept)


@contextmanager
def _sized(terminal: int, master: int) -> Iterator[None]:
    def follow(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a signal handler
        _copy_size(terminal, master)

    kept = signal.signal(signal.SIGWINCH, follow)
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, kept)


def _copy_size(source: int, target: int) -> None:
    with suppress(OSError):
        fcntl.ioctl(target, termios.TIOCSWINSZ, fcntl.ioctl(source, termios.TIOCGWINSZ, bytes(_SIZE_BYTES)))
