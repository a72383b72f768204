"""Who holds a sandbox. A lock of the kernel's (flock): it goes with its holder, however that ends."""

import fcntl
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from labrunner.sandbox.errors import SandboxBusy

__all__ = ["Holder", "Lock"]

_LOOKING_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """what: a command line for people (`labrunner run lab-2`). since: seconds since 1970."""

    what: str
    pid: int
    since: float

    def __str__(self) -> str:
        start = time.strftime("%H:%M", time.localtime(self.since))
        return f"`{self.what}` (pid {self.pid}, since {start})"


class Lock:
    """Holds the file's lock until `release`, or as a context. Raises SandboxBusy when somebody else does."""

    def __init__(self, path: str, *, what: str, busy: str, remedy: str, wait_seconds: float = 0.0) -> None:
        """busy: what a second one is told; the holder is added to it."""
        self._path = path
        # Whoever only looks who holds it has the lock for a moment.
        deadline = time.monotonic() + max(wait_seconds, _LOOKING_SECONDS)
        while (descriptor := _take(path)) is None:
            if time.monotonic() >= deadline:
                holder = Lock.holder(path)
                raise SandboxBusy(f"{busy} by {holder}" if holder else busy, remedy)
            time.sleep(0.01)
        self._descriptor = descriptor
        text = json.dumps({"what": what, "pid": os.getpid(), "since": time.time()}).encode()
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Idempotent."""
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1

    @staticmethod
    def holder(path: str) -> Holder | None:
        """Who holds it now, if anybody; nobody that this user may know of."""
        try:
            descriptor = _take(path, create=False)
        except PermissionError:
            return None
        if descriptor is not None:
            os.close(descriptor)
            return None
        try:
            return Holder(**json.loads(Path(path).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None  # nobody, or it is being written this moment


def _take(path: str, *, create: bool = True) -> int | None:
    """A descriptor with the lock; None when it is held (or, without `create`, when there is no such file)."""
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0) | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            if create:
                Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                continue
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):  # noqa: PTH116
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except FileNotFoundError:
            pass
        os.close(descriptor)  # the file was removed by the one before us: take the new one
