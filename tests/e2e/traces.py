"""Everything of this machine that a sandbox could have touched, as values that can be compared."""

import os
import socket
import subprocess
from pathlib import Path
from typing import Any

FOLDERS = ("/run/docker", "/etc/docker", "/var/lib/docker", "/run/containerd", "/var/lib/containerd")
FILES = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/passwd", "/proc/sys/net/ipv4/ip_forward")


def picture(home: Path, *, name: str, iptables_save: str) -> dict[str, Any]:
    """What the machine is like. `home`: the user's, whose state folder is left out. `name`: the sandbox, since others
    may come and go meanwhile."""
    return {
        "iptables-save": _rules(iptables_save),
        "ip link": sorted(path.name for path in Path("/sys/class/net").iterdir()),
        "ip netns": below("/run/netns"),
        "findmnt": sorted(
            # what the kernel numbers anew (ids, peers) aside
            line.split(" ", 2)[2]
            for line in Path("/proc/self/mountinfo").read_text().splitlines()
        ),
        "cgroups": below("/sys/fs/cgroup", name),
        "run": below("/run", name),
        "folders": {folder: below(folder) for folder in FOLDERS},
        "files": {path: Path(path).read_bytes() for path in FILES if Path(path).exists()},
        "socket": Path("/var/run/docker.sock").exists(),
        "hostname": socket.gethostname(),
        "home": {
            str(path.relative_to(home)): (path.stat().st_mode, path.read_bytes() if path.is_file() else b"")
            for path in sorted(home.rglob("*"))
            if path.relative_to(home).parts[0] != "state"
        },
    }


def below(folder: str, text: str = "") -> list[str] | None:
    """The paths below a folder whose names hold the text; None: there is no such folder.

    No glob: those of other sandboxes go while it looks, which pathlib's would take for an error.
    """
    if not Path(folder).is_dir():
        return None
    walk = os.walk(folder)
    return sorted(f"{place}/{name}" for place, folders, files in walk for name in (*folders, *files) if text in name)


def processes(text: str) -> list[str]:
    """The command lines of living processes that hold the text."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if text in words and state != "Z":
            found.append(words)
    return found


def _rules(program: str) -> list[str]:
    try:
        said = subprocess.run([program], capture_output=True, text=True, check=False, timeout=20)
    except OSError as error:
        return [str(error)]
    return [line for line in (said.stdout + said.stderr).splitlines() if not line.startswith("#")]
