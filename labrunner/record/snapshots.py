"""The last snapshot of each host's shell, in the session's folder: what a later run gives a new shell.

They hold the values of variables, secrets too: mode 0600, and gone when the session is over.
"""

import os
from pathlib import Path

__all__ = ["Snapshots"]


class Snapshots:
    """Snapshots in the folder `folder` (0700). Raises OSError."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._kept: dict[str, bytes] = {}

    def keep(self, host: str, snapshot: bytes) -> None:
        """Replace the host's, whole or not at all; nothing is written when it is the same, or empty: a shell that
        cannot say how it is (a session on another machine has it) was last as it is kept."""
        if not snapshot or self._kept.get(host) == snapshot:
            return
        path = self._path(host)
        new = path.with_suffix(".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            written = 0
            while written < len(snapshot):
                written += os.write(descriptor, snapshot[written:])
        finally:
            os.close(descriptor)
        new.replace(path)
        self._kept[host] = snapshot

    def load(self, host: str) -> bytes | None:
        """The host's last one, None if there is none."""
        try:
            return self._path(host).read_bytes()
        except FileNotFoundError:
            return None

    def forget(self) -> None:
        """Remove them all. Idempotent."""
        self._kept.clear()
        for path in self._folder.glob("shell-*"):
            path.unlink(missing_ok=True)

    def _path(self, host: str) -> Path:
        return self._folder / f"shell-{host}.bash"
