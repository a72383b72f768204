"""Stand-in images: what a course declares, as a docker-archive made here. No pull, no builder.

A base layer (a static busybox, its names, users, /tmp) is shared by all; one layer holds the course's files. Layers are
deterministic, so an image's id changes only with its content and with the day that it says it was made on.
Format: Docker Image Specification v1.2.
"""

import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from labrunner.model import Image
from labrunner.sandbox.engine import NAME_LABEL
from labrunner.sandbox.errors import SandboxError

__all__ = ["CONTENT_LABEL", "STAND_IN_LABEL", "Layer", "StandIn", "archive", "base_layer", "files_layer", "stand_in"]

STAND_IN_LABEL = "labrunner.stand-in"
CONTENT_LABEL = "labrunner.content"
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "ppc64le": "ppc64le", "s390x": "s390x"}
_FOLDERS = ("bin", "etc", "root", "sbin", "usr", "usr/bin", "usr/sbin", "var", "var/log")
_USERS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
}


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer's tar file, and its sha256."""

    data: bytes
    digest: str


@dataclass(frozen=True, slots=True)
class StandIn:
    """An image ready to be loaded: its names, what identifies its content, its configuration and layers."""

    names: tuple[str, ...]
    content: str
    config: bytes
    layers: tuple[Layer, ...]


def base_layer(busybox: str) -> Layer:
    """The layer that all share. busybox: a static binary of this machine's architecture. Raises SandboxError."""
    try:
        binary = Path(busybox).read_bytes()
        names = subprocess.run([busybox, "--list-full"], capture_output=True, check=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxError(f"the stand-in images need a static busybox: {error}", "Run `make setup` again.") from error
    entries = [(_folder(name), b"") for name in _FOLDERS]
    entries += [(_folder("tmp", mode=0o1777), b""), (_file("bin/busybox", mode=0o755), binary)]
    entries += [(_file(name), text.encode()) for name, text in _USERS.items()]
    for name in sorted({line for line in names.decode("ascii").split() if line != "bin/busybox"}):
        if PurePosixPath(name).parent.as_posix() in _FOLDERS:
            link = tarfile.TarInfo(name)
            link.type, link.linkname, link.mode = tarfile.SYMTYPE, "/bin/busybox", 0o777
            entries.append((link, b""))
    return _layer(entries)


def files_layer(files: Mapping[str, bytes], folders: Iterable[str] = ()) -> Layer:
    """A layer of files (path in the image -> content); what starts with `#!` can be run."""
    wanted = {path.strip("/") for path in folders} - {""}
    for path in [*files, *folders]:
        wanted |= {str(parent) for parent in PurePosixPath(path.strip("/")).parents if str(parent) != "."}
    entries = [(_folder(name), b"") for name in sorted(wanted)]
    for path, content in sorted(files.items()):
        entries.append((_file(path.strip("/"), mode=0o755 if content.startswith(b"#!") else 0o644), content))
    return _layer(entries)


def stand_in(
    image: Image, *, base: Layer, files: Mapping[str, bytes], sandbox: str, machine: str, day: datetime
) -> StandIn:
    """An image of the course. files: path in the image -> content; day: what it says it was made on."""
    layer = files_layer(files, folders=[image.workdir, *image.volumes])
    settings = _settings(image)
    about = json.dumps([settings, image.says, base.digest, layer.digest], sort_keys=True)
    content = hashlib.sha256(about.encode()).hexdigest()
    labels = {STAND_IN_LABEL: image.says, NAME_LABEL: sandbox, CONTENT_LABEL: content}
    created = day.astimezone(UTC).strftime("%Y-%m-%dT00:00:00Z")
    config = {
        "architecture": _ARCHITECTURES.get(machine, machine),
        "os": "linux",
        "created": created,
        "config": {**settings, "Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{part.digest}" for part in (base, layer)]},
        "history": [
            {"created": created, "created_by": "labrunner: busybox"},
            {"created": created, "created_by": f"labrunner: {image.says}"},
        ],
    }
    return StandIn(image.names, content, json.dumps(config, sort_keys=True).encode(), (base, layer))


def archive(images: Sequence[StandIn]) -> bytes:
    """A docker-archive of them all, shared layers once."""
    manifest = []
    contents: dict[str, bytes] = {}
    for image in images:
        config = f"{hashlib.sha256(image.config).hexdigest()}.json"
        contents[config] = image.config
        layers = []
        for layer in image.layers:
            contents[f"{layer.digest}/layer.tar"] = layer.data
            layers.append(f"{layer.digest}/layer.tar")
        manifest.append({"Config": config, "RepoTags": list(image.names), "Layers": layers})
    contents["manifest.json"] = json.dumps(manifest).encode()
    return _tar([(_file(name), content) for name, content in contents.items()])


def _settings(image: Image) -> dict[str, Any]:
    env = [f"{name}={value}" for name, value in image.env.items()]
    settings: dict[str, Any] = {
        "Env": env if "PATH" in image.env else [_PATH, *env],
        "WorkingDir": image.workdir,
        "Entrypoint": list(image.entrypoint) or None,
        "Cmd": None if image.entrypoint else ["/bin/sh"],
    }
    if image.ports:
        settings["ExposedPorts"] = {port if "/" in port else f"{port}/tcp": {} for port in image.ports}
    if image.volumes:
        settings["Volumes"] = {volume: {} for volume in image.volumes}
    return settings


def _folder(name: str, *, mode: int = 0o755) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    return entry


def _file(name: str, *, mode: int = 0o644) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode = mode
    return entry


def _tar(entries: Iterable[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as file:
        for entry, content in entries:
            entry.size = len(content)
            file.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _layer(entries: Iterable[tuple[tarfile.TarInfo, bytes]]) -> Layer:
    data = _tar(entries)
    return Layer(data, hashlib.sha256(data).hexdigest())
