"""The programs that a supervisor holds beside each other. Standard library only, and little of it."""

import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

__all__ = ["LISTENER", "Service", "bind_beside"]

LISTENER = 9
"""The descriptor under which a program finds the socket that was bound for it."""


@dataclass(slots=True, kw_only=True)
class Service:
    """One program. line: makes its argument list, and what it needs to find, at each start. log: gets its output.

    listener: makes a bound socket that the program gets as LISTENER. began: when it was last started, on the monotonic
    clock: the other one may jump. end: how it ended, in words; empty while it runs.
    """

    line: Callable[[], list[str]]
    env: Mapping[str, str]
    log: str
    listener: Callable[[], socket.socket] | None = None
    pid: int = 0
    began: float = 0.0
    end: str = ""

    def start(self) -> None:
        """Start it unless it runs. Raises OSError."""
        if self.pid:
            return
        line = self.line()
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        listener = self.listener() if self.listener else None
        actions: list[tuple[Any, ...]] = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, log, 1),
            (os.POSIX_SPAWN_DUP2, log, 2),
        ]
        if listener is not None:
            actions.append((os.POSIX_SPAWN_DUP2, listener.fileno(), LISTENER))
        try:
            self.pid = os.posix_spawn(
                line[0],
                line,
                dict(self.env),
                file_actions=actions,
                setpgroup=0,
                setsigmask=[],
                setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGCHLD],
            )
        finally:
            os.close(log)
            if listener is not None:
                listener.close()  # the program's alone: when that ends, nobody is kept waiting
        self.began = time.monotonic()
        self.end = ""

    def note_end(self, status: int) -> None:
        """It ended with that wait status."""
        self.pid = 0
        code = os.waitstatus_to_exitcode(status)
        how = f"ended by signal {-code}" if code < 0 else f"ended with status {code}"
        self.end = f"{how} at {time.strftime('%H:%M:%S')}"

    def stop(self) -> None:
        """Ask it to end."""
        if self.pid:
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it, hung or not."""
        if self.pid:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def report(self) -> dict[str, Any]:
        """How it is, for the control socket. pid: as it is seen inside. seconds: since it was last started."""
        seconds = time.monotonic() - self.began if self.began else 0.0
        return {"running": bool(self.pid), "pid": self.pid, "seconds": seconds, "end": self.end}


def bind_beside(folder: int, name: str) -> socket.socket:
    """A unix socket (0600) of that name in an open folder, which may be one that no path leads to any more."""
    path = f"/proc/self/fd/{folder}/{name}"
    if os.path.lexists(path):
        os.unlink(path)  # noqa: PTH108 - no path that means anything to others
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    kept = os.umask(0o177)
    try:
        listener.bind(path)
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(kept)
    return listener
