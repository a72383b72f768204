"""What a soak may not change of the machine: its processes, mounts, links, namespaces and control groups."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

__all__ = ["Host"]


@dataclass(frozen=True)
class Host:
    """What there is; of control groups, processes and folders what is a soak's. Others may use the machine too."""

    mounts: frozenset[str]
    links: frozenset[str]
    groups: frozenset[str]
    processes: frozenset[str]
    folders: frozenset[str]

    @classmethod
    def look(cls) -> Self:
        """Now."""
        mounts = frozenset(line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())
        shown = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=False).stdout
        links = frozenset(line.split(": ")[1] for line in shown.splitlines() if ": " in line)
        groups = frozenset(str(path) for path in Path("/sys/fs/cgroup").glob("**/labrunner-soak-*"))
        return cls(mounts, links, groups, _processes(), frozenset(map(str, Path("/run").glob("labrunner/soak-*"))))

    def differences(self, after: "Host") -> list[str]:
        """What is new, or gone."""
        found = []
        for kind in ("mounts", "links", "groups", "processes", "folders"):
            before, now = getattr(self, kind), getattr(after, kind)
            found += [f"{kind}: + {name}" for name in sorted(now - before) if kind != "processes" or "soak-" in name]
            found += [f"{kind}: - {name}" for name in sorted(before - now) if kind not in ("processes", "mounts")]
        return found


def _processes() -> frozenset[str]:
    """Command lines, those of this program left out."""
    lines = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if "soak.run" not in line:
            lines.add(line)
    return frozenset(lines)
