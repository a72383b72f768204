"""Says what a machine lacks before anything is started on it.

`look` gathers facts, `problems` judges them; each problem says what it is `about`, so that `labrunner doctor`
(sandbox.fitness) can tell in the same words what is there and what is not. Runs under the system's own Python before
anything is installed, and must be readable by old versions of it (3.7), so that those can be told what they lack.
Standard library only.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from typing import Iterable, Mapping, NamedTuple, Sequence  # noqa: UP035 - an old Python must be able to read this

__all__ = ["Machine", "Problem", "dotted", "explain", "look", "problems", "shortages"]

PYTHON = (3, 11)
KERNEL = (5, 12)
GIGABYTE = 1000**3
INSTALL_BYTES = 2 * GIGABYTE
RUN_BYTES = GIGABYTE // 2
MEMORY_BYTES = GIGABYTE // 2
"""Engine, containerd, local Azure and shells were seen to take 0.2 GB; the rest is for `az`, checks and containers."""
ARCHITECTURES = ("x86_64", "aarch64")
PACKAGE_CLIENT = ("apt-get", "apt-config", "dpkg", "dpkg-deb")
PROGRAMS = ("bash", "mount", "nsenter", "setpriv", "umount", "unshare")
CAP_NET_ADMIN = 1 << 12
CAP_SYS_ADMIN = 1 << 21


class Problem(NamedTuple):
    """Something that the machine lacks, and what to do about it. about: one word for what it was looked for."""

    what: str
    remedy: str
    about: str = ""


class Machine(NamedTuple):
    """The facts about a machine that decide whether labs run on it.

    capabilities: the effective set as a bit mask. free: folder -> bytes that may be written where it lies; -1 where
    nothing can be written. missing: names of programs that were not found. namespaces: why none can be made, or "".
    memory: bytes that programs may still take; -1 where nobody says.
    """

    system: str = "Linux"
    architecture: str = "x86_64"
    kernel: str = "6.1.0"
    python: tuple[int, ...] = PYTHON
    has_venv: bool = True
    user: int = 0
    capabilities: int = CAP_SYS_ADMIN | CAP_NET_ADMIN
    free: Mapping[str, int] = {}
    missing: Sequence[str] = ()
    namespaces: str = ""
    has_terminals: bool = True
    has_cgroups: bool = True
    memory: int = -1


def look(folders: Iterable[str]) -> Machine:
    """The facts about this machine. `folders` are those that will be written; they need not exist yet."""
    missing = tuple(name for name in (*PACKAGE_CLIENT, *PROGRAMS) if shutil.which(name) is None)
    root = os.geteuid() == 0
    return Machine(
        system=platform.system(),
        architecture=platform.machine(),
        kernel=platform.release(),
        python=tuple(sys.version_info[:2]),
        has_venv=all(importlib.util.find_spec(name) is not None for name in ("venv", "ensurepip")),
        user=os.geteuid(),
        capabilities=_capabilities(),
        free={folder: _free(folder) for folder in folders},
        missing=missing,
        namespaces=_try_namespaces() if root and "unshare" not in missing else "",
        has_terminals=_has_terminals(),
        has_cgroups=_has_cgroups(),
        memory=_memory(),
    )


def problems(machine: Machine, *, engine: bool = True, install: bool = True) -> list[Problem]:
    """Everything that stands in the way. `engine`: labs are to be run. `install`: something is still to be fetched."""
    found = _base_problems(machine)
    found += _disk_problems(machine, INSTALL_BYTES if install else RUN_BYTES)
    if install:
        found += _install_problems(machine, engine=engine)
    if engine and machine.system == "Linux":
        found += _engine_problems(machine)
    return found


def shortages(machine: Machine) -> list[Problem]:
    """What nothing is refused for, as it may be another at any moment, but what labs are likely to fail by."""
    if not 0 <= machine.memory < MEMORY_BYTES:
        return []
    what = f"{machine.memory / GIGABYTE:.1f} GB of memory are free; the sandbox needs {MEMORY_BYTES / GIGABYTE:g} GB."
    return [Problem(what, "End other programs, or give this machine more memory.", "memory")]


def explain(found: Sequence[Problem]) -> str:
    """The problems as text for a person, each with what to do."""
    lines = ["This machine lacks something that labrunner needs. Nothing was started or changed."]
    for problem in found:
        lines += ["", f"  - {problem.what}", f"    {problem.remedy}"]
    return "\n".join(lines) + "\n"


def _base_problems(machine: Machine) -> list[Problem]:
    found = []
    if machine.system != "Linux":
        what = f"labrunner's sandbox needs Linux; this is {machine.system or 'an unknown system'}."
        remedy = "Use a Linux machine: a virtual machine with Debian 12 does."
        found.append(Problem(what, remedy, "system"))
    elif machine.architecture not in ARCHITECTURES:
        what = f"This processor ({machine.architecture}) is not supported: {' and '.join(ARCHITECTURES)} are."
        found.append(Problem(what, "Use another machine.", "system"))
    if machine.python < PYTHON:
        what = f"Python {dotted(PYTHON)} or later is needed; python3 is {dotted(machine.python)}."
        remedy = "Use a newer system (Debian 12, Ubuntu 24.04), or put a newer python3 on PATH."
        found.append(Problem(what, remedy, "python"))
    return found


def _disk_problems(machine: Machine, needed: int) -> list[Problem]:
    found = []
    for folder, free in machine.free.items():
        if free < 0:
            remedy = "Make it writable, or choose another place."
            found.append(Problem(f"{folder} cannot be written.", remedy, "disk"))
        elif free < needed:
            what = (
                f"{needed / GIGABYTE:g} GB of disk are needed where {folder} lies; {free / GIGABYTE:.1f} GB are free."
            )
            remedy = "Free some space, or set XDG_CACHE_HOME and XDG_STATE_HOME to a larger disk."
            found.append(Problem(what, remedy, "disk"))
    return found


def _install_problems(machine: Machine, *, engine: bool) -> list[Problem]:
    found = []
    if not machine.has_venv:
        what = "Python cannot make a virtual environment here: its modules venv and ensurepip are not both installed."
        found.append(Problem(what, "Run as root: apt-get install python3-venv", "venv"))
    client = [name for name in PACKAGE_CLIENT if name in machine.missing]
    if engine and client:
        what = f"There is no package client to fetch the Docker Engine with: {', '.join(client)} not found."
        remedy = "Use Debian or a system made from it, where apt-get and dpkg are."
        found.append(Problem(what, remedy, "packages"))
    return found


def _engine_problems(machine: Machine) -> list[Problem]:
    found = []
    programs = [name for name in PROGRAMS if name in machine.missing]
    if programs:
        remedy = "Run as root: apt-get install bash mount util-linux"
        found.append(Problem(f"Programs are missing: {', '.join(programs)}.", remedy, "programs"))
    if machine.user != 0:
        what = "You are not root: a sandbox has its own network, mounts and Docker Engine, which only root can make."
        remedy = "Run the same command as root, for example with `sudo` in front."
        found.append(Problem(what, remedy, "root"))
    else:
        found += _privilege_problems(machine)
    if _version(machine.kernel) < KERNEL:
        what = f"Linux {dotted(KERNEL)} or later is needed (for mount_setattr); this is {machine.kernel}."
        found.append(Problem(what, "Use a newer kernel: Debian 12 has 6.1.", "kernel"))
    if not machine.has_terminals:
        what = "No pseudo-terminal can be opened, and a lab's shell runs in one."
        remedy = "Mount one: mount -t devpts -o ptmxmode=0666 devpts /dev/pts"
        found.append(Problem(what, remedy, "terminals"))
    if not machine.has_cgroups:
        what = "There are no control groups (/proc/self/cgroup is empty), and the Docker Engine needs them."
        remedy = "In a chroot, mount /proc. Otherwise use a kernel with control groups: Debian's has them."
        found.append(Problem(what, remedy, "control-groups"))
    return found


def _privilege_problems(machine: Machine) -> list[Problem]:
    wanted = (("CAP_SYS_ADMIN", CAP_SYS_ADMIN), ("CAP_NET_ADMIN", CAP_NET_ADMIN))
    lacking = [name for name, bit in wanted if not machine.capabilities & bit]
    remedy = "In a container, start it with --privileged; better: use a virtual machine."
    if lacking:
        what = f"You are root, but without {' and '.join(lacking)}: this looks like a container."
        return [Problem(what, remedy, "root")]
    if machine.namespaces:
        what = f"No private network, mounts and processes can be made here: {machine.namespaces}"
        return [Problem(what, remedy, "root")]
    return []


def dotted(version: Sequence[int]) -> str:
    """As people write it."""
    return ".".join(str(number) for number in version)


def _version(release: str) -> tuple[int, ...]:
    match = re.match(r"(\d+)\.(\d+)", release)
    return (int(match.group(1)), int(match.group(2))) if match else KERNEL


def _capabilities() -> int:
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:  # noqa: PTH123
            for line in status:
                if line.startswith("CapEff:"):
                    return int(line.split()[1], 16)
    except (OSError, ValueError):
        return 0
    return 0


def _free(folder: str) -> int:
    """Bytes free where the folder lies, or would lie; -1 where it cannot be made or written."""
    folder = os.path.abspath(folder)  # noqa: PTH100
    while not os.path.isdir(folder) and folder != "/":  # noqa: PTH112
        folder = os.path.dirname(folder)  # noqa: PTH120
    if not os.access(folder, os.W_OK | os.X_OK):
        return -1
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def _memory() -> int:
    """Bytes that are available, on the machine and below a container's limit; -1 where the kernel says nothing."""
    found = [free for free in (_meminfo(), _below_limit()) if free >= 0]
    return min(found) if found else -1


def _meminfo() -> int:
    total = 0
    try:
        with open("/proc/meminfo", encoding="ascii") as file:  # noqa: PTH123
            for line in file:
                if line.startswith(("MemAvailable:", "SwapFree:")):
                    total += int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        return -1
    return total


def _below_limit() -> int:
    """What the control group at the root of this view leaves (cgroup v2): in a container, its own limit.

    File pages do not count: the kernel gives them up (Documentation/admin-guide/cgroup-v2.rst, memory.stat `file`).
    """
    group = "/sys/fs/cgroup/memory."
    try:
        with open(f"{group}max", encoding="ascii") as limit, open(f"{group}current", encoding="ascii") as current:  # noqa: PTH123
            free = int(limit.read()) - int(current.read())
        with open(f"{group}stat", encoding="ascii") as stat:  # noqa: PTH123
            pages = [int(line.split()[1]) for line in stat if line.startswith("file ")]
    except (OSError, ValueError, IndexError):  # no group of that kind, or no limit: "max"
        return -1
    return max(0, free + sum(pages))


def _has_cgroups() -> bool:
    # the sandbox mounts them itself: it is enough that the kernel has them
    try:
        with open("/proc/self/cgroup", encoding="ascii") as file:  # noqa: PTH123
            return bool(file.read().strip())
    except OSError:
        return False


def _has_terminals() -> bool:
    try:
        ends = os.openpty()
    except OSError:
        return False
    for end in ends:
        os.close(end)
    return True


def _try_namespaces() -> str:
    """Make namespaces as a sandbox does, for the length of a `true`. Returns why that failed."""
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--propagation", "unchanged", "true"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    return done.stderr.decode(errors="replace").strip() or f"unshare ended with status {done.returncode}"
