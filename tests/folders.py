"""Empty folders for tests, and few of them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Folders:
    """Empty folders. One that was left as it was found serves again: a new one costs more than many a test. Numbered,
    as `mktemp` lists those that there are on each call."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._made: dict[Path, os.stat_result] = {}
        self._returned: list[Path] = []

    @contextmanager
    def one(self) -> Iterator[Path]:
        folder = self._unused() or self._new()
        yield folder
        self._returned.append(folder)

    def _unused(self) -> Path | None:
        """Looked for when the next is wanted: when one is returned, what a test has patched may still be in place."""
        while self._returned:
            folder = self._returned.pop()
            try:
                # type and mode, inode, device, links, owner, group
                if folder.lstat()[:6] == self._made[folder][:6] and not any(folder.iterdir()):
                    return folder
            except OSError:
                continue
        return None

    def _new(self) -> Path:
        folder = self._base / str(len(self._made))
        folder.mkdir(mode=0o700)
        self._made[folder] = folder.lstat()
        return folder
