"""The private Docker Engine: how it is started, and a few questions to it over its socket. Standard library only."""

import contextlib
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labrunner.sandbox import kernel
from labrunner.sandbox.errors import SandboxError

__all__ = [
    "ID_LABEL",
    "NAME_LABEL",
    "SOCKET",
    "EngineSpec",
    "arguments",
    "ask",
    "has_containerd",
    "is_ours",
    "last_lines",
    "storage_driver",
]

SOCKET = "/run/docker.sock"
"""The engine's address inside: the default one, so that nobody needs a DOCKER_HOST."""
NAME_LABEL = "labrunner.sandbox"
ID_LABEL = "labrunner.id"

_MAX_ANSWER = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSpec:
    """The engine of one sandbox. data: its folder. group: the control group of all its containers."""

    name: str
    id: str
    program: str
    proxy: str
    data: str
    group: str


def arguments(spec: EngineSpec, *, driver: str) -> list[str]:
    """The engine's argument list. Nothing is left to a default that this machine's own engine might share."""
    return [
        spec.program,
        f"--host=unix://{SOCKET}",
        f"--data-root={spec.data}",
        "--exec-root=/run/docker",
        "--pidfile=/run/docker.pid",
        "--group=root",
        f"--cgroup-parent=/{spec.group}",
        "--exec-opt=native.cgroupdriver=cgroupfs",
        f"--userland-proxy-path={spec.proxy}",
        f"--storage-driver={driver}",
        f"--label={NAME_LABEL}={spec.name}",
        f"--label={ID_LABEL}={spec.id}",
        "--shutdown-timeout=2",
    ]


def storage_driver(data: str) -> str:
    """`overlay2` where that works in the folder, else `vfs` (slow, but everywhere). The one that its data was made with
    stays: a probe that fails on a full disk must not hide every image. Raises OSError."""
    for driver in ("overlay2", "vfs"):
        if Path(data, "image", driver).is_dir():
            return driver
    probe = Path(data, "probe")
    lower, upper, work, merged = (probe / part for part in ("lower", "upper", "work", "merged"))
    for folder in (lower, upper, work, merged):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        options = f"lowerdir={lower},upperdir={upper},workdir={work}"
        kernel.mount("overlay", str(merged), "overlay", options=options)
    except OSError:
        return "vfs"
    else:
        kernel.detach(str(merged))
        return "overlay2"
    finally:
        for folder in (work / "work", work, lower, upper, merged, probe):
            with contextlib.suppress(OSError):
                folder.rmdir()


def is_ours(info: Mapping[str, Any], *, name: str, identity: str) -> bool:
    """Whether an engine's answer to `/info` is that of this very sandbox."""
    labels = info.get("Labels") or []
    return f"{NAME_LABEL}={name}" in labels and f"{ID_LABEL}={identity}" in labels


def ask(address: str, path: str, *, method: str = "GET", timeout: float = 10.0, also: tuple[int, ...] = ()) -> Any:  # noqa: ANN401 - JSON
    """The engine's JSON answer to one request (None: an empty one). also: status codes that are well beside 2xx.

    Without the SDK: this is asked while the engine starts, where 0.2 s of imports count. Raises OSError when it does
    not answer, SandboxError when it refuses.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(timeout)
        channel.connect(address)
        channel.sendall(f"{method} {path} HTTP/1.0\r\nHost: docker\r\nContent-Length: 0\r\n\r\n".encode("ascii"))
        answer = bytearray()
        while len(answer) < _MAX_ANSWER and (part := channel.recv(65536)):
            answer += part
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    if len(words) < 2:
        raise ConnectionResetError(f"no answer at {address}")
    if not words[1].startswith(b"2") and words[1].decode() not in map(str, also):
        raise SandboxError(
            f"the engine answered {words[1].decode()} to {method} {path}: {body[:300].decode(errors='replace')}"
        )
    return json.loads(body) if body.strip() else None


def has_containerd(root: str) -> bool:
    """Whether somebody listens as the engine's containerd. root: the file system inside.

    dockerd 20.10 starts it, answers without it, and does not start it again.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.setblocking(False)  # noqa: FBT003
        try:
            channel.connect(f"{root}/run/docker/containerd/containerd.sock")
        except BlockingIOError:
            return True  # many wait for it
        except OSError:
            return False
    return True


def last_lines(log: str, count: int = 5) -> str:
    """The end of a log, for a message."""
    try:
        with open(log, "rb") as file:  # noqa: PTH123
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 8192))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-count:])
