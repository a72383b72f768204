"""Blobs on disk, each under its digest; what is on its way in lies apart until it is whole."""

import hashlib
import os
import shutil
import uuid
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from labrunner.emulator.state.digests import is_digest
from labrunner.emulator.state.uploads import Upload

__all__ = ["Blobs"]

_LIMIT = 200 << 30
"""Azure's limit of a layer (Container Registry service tiers: "Maximum image layer size 200 GiB")."""


class Blobs:
    """Content by digest. Which repository may show which blob is `Images`' business.

    A blob is renamed to its place once it is whole and on the disk: what is there is right, whenever the program ends.
    """

    def __init__(self, folder: Path, *, limit: int = _LIMIT) -> None:
        self.limit = limit
        self._folder = folder
        self._uploads: dict[str, Upload] = {}
        self._make()

    def path(self, digest: str) -> Path:
        """Where the blob of that digest is, or would be. Raises ValueError for what is no digest."""
        if not is_digest(digest):
            raise ValueError(f"no digest: {digest!r}")
        algorithm, _, name = digest.partition(":")
        return self._folder / algorithm / name[:2] / name

    def size(self, digest: str) -> int | None:
        """In bytes; None if it is not there."""
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError:
            return None

    def begin(self, owner: str, *, algorithm: str = "sha256") -> Upload:
        """A new upload. owner: whoever asks for it again must name the same. Raises OSError."""
        identity = str(uuid.uuid4())
        path = self._upload_path(owner, identity)
        path.parent.mkdir(exist_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        upload = self._uploads[identity] = Upload(identity, path, algorithm=algorithm)
        return upload

    def upload(self, owner: str, identity: str) -> Upload | None:
        """The upload that has begun, also before a restart; None if it is not known to that owner."""
        try:
            path = self._upload_path(owner, str(uuid.UUID(identity)))
        except ValueError:
            return None
        found = self._uploads.get(identity)
        if found is not None:
            return found if found.path == path else None
        if not path.is_file():
            return None
        resumed = self._uploads[identity] = Upload(identity, path)
        return resumed

    def keep(self, upload: Upload, digest: str) -> None:
        """Make a sealed upload the blob of that digest, and end it. Raises OSError."""
        path = self.path(digest)
        path.parent.mkdir(exist_ok=True)
        upload.path.replace(path)
        _sync_folder(path.parent)
        self._uploads.pop(upload.id, None)

    def discard(self, upload: Upload) -> None:
        """End an upload; its content is gone."""
        self._uploads.pop(upload.id, None)
        upload.path.unlink(missing_ok=True)

    def sweep(self, wanted: Collection[str], *, before: float) -> None:
        """Remove the blobs that nobody wants, and the uploads nobody wrote to, since `before` (file time, seconds)."""
        for algorithm in ("sha256", "sha512"):
            for path in (self._folder / algorithm).glob("*/*"):
                if f"{algorithm}:{path.name}" not in wanted and path.stat().st_mtime < before:
                    path.unlink(missing_ok=True)
        for path in (self._folder / "uploads").glob("*/*"):
            if path.stat().st_mtime < before:
                self._uploads.pop(path.name, None)
                path.unlink(missing_ok=True)

    def empty(self) -> None:
        """Remove everything."""
        self._uploads.clear()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._make()

    def _make(self) -> None:
        for name in ("", "sha256", "sha512", "uploads"):
            (self._folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)

    def _upload_path(self, owner: str, identity: str) -> Path:
        return self._folder / "uploads" / hashlib.sha256(owner.encode()).hexdigest()[:32] / identity


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # not every file system can
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
