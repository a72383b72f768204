"""Control groups: mounted afresh inside, and the sandbox's own group removed. Standard library only.

A chroot may have no /sys/fs/cgroup at all, hence the mounts; a group that was left by a crash is found by its name,
hence one name per sandbox.
"""

import contextlib
import errno
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from labrunner.sandbox.kernel import NODEV, NOEXEC, NOSUID, mount

__all__ = ["Hierarchy", "hierarchies", "kill_group", "mount_hierarchies", "remove_group"]

_PATIENCE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """One hierarchy: the folder it is mounted in ("" for the only one), its file system and mount options."""

    folder: str
    kind: str
    options: str = ""


def hierarchies(text: str) -> list[Hierarchy]:
    """The hierarchies that the text of /proc/self/cgroup names (cgroups(7))."""
    old, unified = [], False
    for line in text.splitlines():
        number, controllers, _ = line.split(":", 2)
        if number == "0":
            unified = True
        elif controllers.startswith("name="):
            old.append(Hierarchy(controllers.removeprefix("name="), "cgroup", f"none,{controllers}"))
        elif controllers:
            old.append(Hierarchy(controllers, "cgroup", controllers))
    if not unified:
        return old
    return [*old, Hierarchy("unified" if old else "", "cgroup2")]


def mount_hierarchies(base: str, found: list[Hierarchy]) -> None:
    """Mount them below `base`, a mount point or folder of nobody else. Raises OSError."""
    flags = NOSUID | NODEV | NOEXEC
    if [item.folder for item in found] == [""]:
        mount("cgroup2", base, "cgroup2", flags=flags)
        return
    mount("tmpfs", base, "tmpfs", flags=flags, options="mode=755,size=1m")
    for item in found:
        folder = Path(base, item.folder)
        folder.mkdir()
        try:
            mount(item.kind, str(folder), item.kind, flags=flags, options=item.options)
        except OSError:
            folder.rmdir()  # one that this machine gives to nobody; the engine says so if it needs it
            continue
        for alias in item.folder.split(",") if "," in item.folder else ():
            Path(base, alias).symlink_to(item.folder)


def kill_group(base: str, group: str) -> None:
    """Kill every process of the group and of those below it, also frozen ones (`docker pause`), and wait for their end.

    Those that do not end in a few seconds stay: removing their group says so.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    tops = {*Path(base).glob(f"*/{group}"), Path(base, group)}
    while True:
        # os.walk, no glob: groups go while they are looked at
        folders = [Path(folder) for top in tops for folder, _, _ in os.walk(top)]
        for name, text in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
            for state in (folder / name for folder in folders if (folder / name).exists()):
                with contextlib.suppress(OSError):
                    state.write_text(text, encoding="ascii")
        pids = {pid for folder in folders for pid in _members(folder / "cgroup.procs")}
        # 0: a process that this process id namespace does not see
        for pid in pids - {0}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not pids - {0} or time.monotonic() > deadline:
            return
        time.sleep(0.01)


def _members(path: Path) -> list[int]:
    try:
        return [int(pid) for pid in path.read_text(encoding="ascii").split()]
    except OSError:
        return []


def remove_group(base: str, group: str) -> None:
    """Remove the group and all below it, from every hierarchy under `base`. Raises OSError while it is in use."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    for top in {*Path(base).glob(f"*/{group}"), Path(base, group)}:
        if not top.parent.is_symlink():
            _remove(str(top), deadline)


def _remove(top: str, deadline: float) -> None:
    for folder, _, _ in os.walk(top, topdown=False):
        while True:
            with contextlib.suppress(FileNotFoundError):
                try:
                    Path(folder).rmdir()
                except OSError as error:
                    # The last process of a group may be dead and still be counted for a moment.
                    if error.errno != errno.EBUSY or time.monotonic() > deadline:
                        raise
                    time.sleep(0.01)
                    continue
            break
