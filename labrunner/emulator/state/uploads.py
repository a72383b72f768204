"""A blob on its way in: a file that grows, and its digest as it grows."""

import os
from pathlib import Path

from labrunner.emulator.state.digests import Hasher, hasher

__all__ = ["Upload", "UploadBusy"]

_READ = 1 << 20


class UploadBusy(Exception):  # noqa: N818 - an answer about an upload
    """Another request is writing to this upload."""


class Upload:
    """One upload session. Everything in it is the file: after a restart, the session goes on where the file ends.

    `append` and `seal` block; they may run in another thread, one at a time (`hold`).
    """

    def __init__(self, identity: str, path: Path, *, algorithm: str = "sha256") -> None:
        self.id = identity
        self.path = path
        self.algorithm = algorithm
        self.size = path.stat().st_size
        # Of what another process received, the digest is computed when it is needed.
        self._hash: Hasher | None = None if self.size else hasher(algorithm)
        self._held = False

    def hold(self) -> None:
        """Begin to write. Raises UploadBusy."""
        if self._held:
            raise UploadBusy(self.id)
        self._held = True

    def release(self) -> None:
        """End it."""
        self._held = False

    def append(self, descriptor: int, parts: list[bytes]) -> None:
        """Write the parts to the file's end (descriptor: of `open`). Raises OSError; the file is then as before."""
        before = self.size
        state, self._hash = self._hash, None  # until the file has it, the digest is not known
        try:
            for part in parts:
                _write_all(descriptor, part)
                self.size += len(part)
                if state is not None:
                    state.update(part)
        except OSError:
            os.ftruncate(descriptor, before)
            self.size = before
            raise
        self._hash = state

    def open(self) -> int:
        """A descriptor that writes to the file's end; the caller closes it. Raises OSError."""
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)

    def seal(self, algorithm: str) -> str:
        """Bring everything to the disk; the content's digest. Raises OSError."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
            if self._hash is None or algorithm != self.algorithm:
                self.algorithm, self._hash = algorithm, _hash_of(descriptor, algorithm)
        finally:
            os.close(descriptor)
        return f"{algorithm}:{self._hash.hexdigest()}"


def _write_all(descriptor: int, part: bytes) -> None:
    written = os.write(descriptor, part)
    while written < len(part):
        written += os.write(descriptor, memoryview(part)[written:])


def _hash_of(descriptor: int, algorithm: str) -> Hasher:
    state = hasher(algorithm)
    at = 0
    while data := os.pread(descriptor, _READ, at):
        state.update(data)
        at += len(data)
    return state
