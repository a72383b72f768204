"""Small errands in mount namespaces, each a process of its own (a namespace is left by ending).

python -m labrunner.sandbox.mounts show PID PATH ...   have files of this machine seen in the sandbox of that supervisor
python -m labrunner.sandbox.mounts sweep GROUP         remove a control group and what runs in it, in new mounts
"""

import os
import sys
from pathlib import Path

from labrunner.sandbox import kernel
from labrunner.sandbox.cgroups import hierarchies, kill_group, mount_hierarchies, remove_group
from labrunner.sandbox.rootfs import graft

__all__ = ["main"]


def _sweep(group: str) -> None:
    found = hierarchies(Path("/proc/self/cgroup").read_text(encoding="ascii"))
    kernel.enter_mounts("/proc/self/ns/mnt")
    kernel.make_private("/")
    os.chdir("/")
    kernel.mount("tmpfs", "/sys", "tmpfs")
    Path("/sys/groups").mkdir()
    mount_hierarchies("/sys/groups", found)
    kill_group("/sys/groups", group)
    remove_group("/sys/groups", group)


def main(words: list[str]) -> int:
    """Run one errand. Errors go to stderr as one line."""
    try:
        if words[0] == "show":
            graft(words[2:], namespace=f"/proc/{int(words[1])}/ns/mnt")
        else:
            _sweep(words[1])
    except OSError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
