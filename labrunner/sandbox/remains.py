"""What a dead engine leaves running and mounted in its machine, removed: the next one starts as after a boot.

Otherwise it would find a containerd that may hang, ask containers to end that nobody waits for, and wait for them.
Runs in the supervisor. Standard library only.
"""

import contextlib
import os
import shutil
import signal
import time
from pathlib import Path

from labrunner.sandbox import kernel
from labrunner.sandbox.cgroups import kill_group

__all__ = ["clear_engine"]

_RUN = "/run/docker"
_PROGRAMS = ("dockerd", "containerd", "docker-proxy", "runc")  # and what begins like them: containerd-shim-runc-v2
_PATIENCE_SECONDS = 3.0


def clear_engine(data: str, group: str, *, spared: int = 0) -> None:
    """End containers and all of the engine's programs, take off its mounts, forget what it had in memory.

    data: its folder, group: its containers' control group. spared: the process of a machine in this one, with an engine
    of its own.
    """
    _end_programs(_machine_of(spared) if spared else "")  # first: nobody may start anew what ends
    kill_group("/sys/fs/cgroup", group)
    for point in _mounted_below(data, _RUN):
        kernel.detach(point)
    shutil.rmtree(_RUN, ignore_errors=True)
    Path("/run/docker.pid").unlink(missing_ok=True)


def _machine_of(pid: int | str) -> str:
    """What names the machine of a process: its host name's namespace."""
    try:
        return os.readlink(f"/proc/{pid}/ns/uts")  # noqa: PTH115
    except OSError:
        return "gone"


def _end_programs(spared: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while pids := [int(entry) for entry in _processes() if _is_program(entry) and _machine_of(entry) != spared]:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return
        time.sleep(0.01)


def _processes() -> list[str]:
    return [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _is_program(pid: str) -> bool:
    """By the file that it runs, which a dead or dying process has no more."""
    try:
        path = os.readlink(f"/proc/{pid}/exe")  # noqa: PTH115 - for each process that there is
    except OSError:
        return False
    # runc runs from a copy of itself: /memfd:runc_cloned:/proc/self/exe (deleted)
    return path.rpartition("/")[2].startswith(_PROGRAMS) or "runc_cloned" in path


def _mounted_below(*folders: str) -> list[str]:
    """Mount points in these folders, the last one mounted first."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    points = [line.split(" ")[4].encode().decode("unicode_escape") for line in lines]
    return [point for point in reversed(points) if any(point.startswith(f"{folder}/") for folder in folders)]
