"""A disk that is full, for the sandbox alone: what is there can be read, and nothing more can be written.

Over the folders where the engine, the local Azure and the learner write lies an overlay whose upper side is a small
file system without room: whoever writes gets ENOSPC from the kernel. Nothing is written to this machine's disk.
Processes that are in a folder when it is covered would go on below the cover; the work folder, where shells are, is
made read-only instead, for everybody at once, and what they get there is EROFS. So is a folder in which something is
mounted, which a cover would hide. Runs in the supervisor's mount
namespace. Standard library only.
"""

import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from labrunner.sandbox import kernel
from labrunner.sandbox.kernel import NODEV, RDONLY

__all__ = ["Fullness", "engine_places", "kept_places"]

_FULL = "/run/full"
_INODES = 256
_BYTES = 64 << 10
_ENGINE_PARTS = ("tmp", "image", "volumes", "overlay2/l", "vfs/dir")


def engine_places(data: str) -> list[str]:
    """Where an engine writes what is new: downloads, images and their names, volumes, layers.

    A new layer of overlay2 begins with a link in `l` (moby, daemon/graphdriver/overlay2). Below these nothing is
    mounted while a container runs; what containers that run write in their own file systems and logs is elsewhere.
    """
    return [f"{data}/{part}" for part in _ENGINE_PARTS]


def kept_places(data: str) -> list[str]:
    """Where an engine removes things when a container goes, which needs no room."""
    return [f"{data}/image/{driver}/layerdb/mounts" for driver in ("overlay2", "vfs")]


class Fullness:
    """covered: folders, refused by ENOSPC; but not those in them that are `kept`. closed: folders where processes may
    be, refused by EROFS."""

    def __init__(
        self, covered: Sequence[str], closed: Sequence[str], *, kept: Sequence[str] = (), room: str = _FULL
    ) -> None:
        """room: a folder of the sandbox's own, in memory, that may be made and removed."""
        self._covered = covered
        self._closed = closed
        self._kept = kept
        self._room = room
        self._over: list[str] = []
        self._read_only: list[str] = []
        self._devices: set[int] = set()
        """Of covers, also those that were taken off while somebody was in them."""

    def begin(self) -> None:
        """No room from now on. Raises OSError (a kernel without overlay file systems: ENODEV)."""
        Path(self._room).mkdir(mode=0o700, exist_ok=True)
        kernel.mount("tmpfs", self._room, "tmpfs", flags=NODEV, options=f"size={_BYTES},nr_inodes={_INODES},mode=700")
        kept = [(path, kernel.clone_tree(path)) for path in self._kept if Path(path).is_dir()]
        try:
            points = _mount_points()
            for number, place in enumerate(path for path in self._covered if Path(path).is_dir()):
                if any(point.startswith(f"{place}/") for point in points):
                    self._close(place)
                else:
                    self._cover(place, number)
            for place, tree in kept:
                kernel.attach_tree(tree, place)
                self._over.append(place)
        finally:
            for _, tree in kept:
                os.close(tree)
        self._fill()
        for place in self._closed:
            self._close(place)

    def end(self) -> None:
        """Room again. Harmless when there was."""
        while self._read_only:
            descriptor = os.open(self._read_only.pop(), os.O_PATH | os.O_CLOEXEC)
            try:
                kernel.set_attributes(descriptor, remove=RDONLY, recursive=False)
            finally:
                os.close(descriptor)
        while self._over:
            kernel.detach(self._over.pop())
        if kernel.detach(self._room):
            Path(self._room).rmdir()

    def lingers(self) -> bool:
        """Whether a process still is in a folder that it entered while that was covered: for it there is no room."""
        if not self._devices:
            return False
        found = set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError):
                    found.add(os.stat(f"/proc/{entry.name}/cwd").st_dev)  # noqa: PTH116 - of the mount, not of the path
        if not self._over:
            self._devices &= found
        return bool(self._devices & found)

    def _cover(self, place: str, number: int) -> None:
        upper, work = (f"{self._room}/{number}-{part}" for part in ("upper", "work"))
        mode = Path(place).stat().st_mode & 0o7777
        for folder in (upper, work):
            Path(folder).mkdir()
        Path(upper).chmod(mode)
        lower = os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)  # a path would need its commas escaped
        try:
            options = f"lowerdir=/proc/self/fd/{lower},upperdir={upper},workdir={work}"
            kernel.mount("overlay", place, "overlay", flags=NODEV, options=options)
        finally:
            os.close(lower)
        self._over.append(place)
        self._devices.add(Path(place).stat().st_dev)

    def _fill(self) -> None:
        with suppress(OSError), open(f"{self._room}/ballast", "wb", buffering=0) as file:  # noqa: PTH123
            while True:
                file.write(bytes(4096))
        for number in range(_INODES):
            try:
                Path(self._room, str(number)).touch()
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                return

    def _close(self, place: str) -> None:
        descriptor = os.open(place, os.O_PATH | os.O_CLOEXEC)
        try:
            kernel.set_attributes(descriptor, add=RDONLY, recursive=False)
            self._read_only.append(place)
        except OSError as error:
            if error.errno != errno.EBUSY:  # a program has a file open there that it writes to: it goes on
                raise
        finally:
            os.close(descriptor)


def _mount_points() -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return [line.split(" ")[4].encode().decode("unicode_escape") for line in lines]
