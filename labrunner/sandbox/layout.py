"""Where a sandbox's things are. No I/O but resolving links, and looking at the root folder."""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labrunner.places import run_dir, sandbox_dir
from labrunner.sandbox.errors import SandboxError

__all__ = ["FORMAT", "Layout", "check_name", "layout"]

FORMAT = 3
"""Of what a sandbox keeps and of how its supervisor is spoken to. 1: before the number was written down.
2: before there was a remote host."""

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,18}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where a sandbox's things are. folder: all that it keeps. run: sockets and locks. id: one per folder, for ever."""

    name: str
    folder: str
    run: str
    id: str

    @property
    def home(self) -> str:
        """HOME inside, at the same path on this machine."""
        return f"{self.folder}/home"

    @property
    def work(self) -> str:
        """The work folder inside, at the same path on this machine."""
        return f"{self.folder}/work"

    @property
    def tmp(self) -> str:
        """What is /tmp inside."""
        return f"{self.folder}/tmp"  # noqa: S108 - no shared folder, its name only

    @property
    def shell_dir(self) -> str:
        """A folder (0700) that both sides see at this path, for the files that a shell is handed."""
        return f"{self.run}/shell"

    @property
    def bin(self) -> str:
        """Programs made for this sandbox, first on PATH inside; read-only there."""
        return f"{self.folder}/bin"

    @property
    def hosts(self) -> str:
        """What is /etc/hosts inside, read-only there; the local Azure writes to this path."""
        return f"{self.folder}/hosts"

    @property
    def azure(self) -> str:
        """All that the local Azure keeps."""
        return f"{self.folder}/azure"

    @property
    def authorities(self) -> str:
        """The certificate authority that programs inside trust (PEM): the local Azure's alone.

        Nobody else can be reached. With the public ones beside it az, which reads the file for each connection, takes
        1.1 s instead of 0.7 s to list repositories.
        """
        return f"{self.azure}/tls/ca.pem"

    @property
    def azure_control(self) -> str:
        """The local Azure's control socket, seen outside only."""
        return f"{self.run}/azure"

    @property
    def remote(self) -> str:
        """All that the remote host keeps."""
        return f"{self.folder}/remote"

    @property
    def remote_control(self) -> str:
        """The remote host's control socket, seen outside only."""
        return f"{self.run}/remote"

    @property
    def remote_engine(self) -> str:
        """The remote host's Docker Engine, at a path that is the same there, here and in the sandbox."""
        return f"{self.shell_dir}/remote-docker"

    @property
    def remote_door(self) -> str:
        """What the next terminal session on the remote host starts with (`sandbox.remote_ssh`)."""
        return f"{self.shell_dir}/remote-door"

    @property
    def config(self) -> str:
        """What the supervisor was started with."""
        return f"{self.folder}/config.json"

    @property
    def control(self) -> str:
        """The control socket."""
        return f"{self.run}/control"

    @property
    def group(self) -> str:
        """The control group of its containers."""
        return f"labrunner-{self.name}-{self.id}"


def check_name(name: str) -> str:
    """The name, if it is one. Raises SandboxError."""
    if not _NAME.fullmatch(name):
        raise SandboxError(
            f"{name!r} is no name for a sandbox",
            "Use 1 to 20 small letters, digits and inner hyphens, such as `team-2`.",
        )
    return name


def layout(name: str, env: Mapping[str, str]) -> Layout:
    """Where that sandbox's things are, whether it exists or not."""
    folder = os.path.realpath(sandbox_dir(env, check_name(name)))
    return Layout(name=name, folder=folder, run=run_dir(name), id=_identity(folder))


def _identity(folder: str) -> str:
    """Tells it from a sandbox in a folder of the same path in another root: control groups may be seen from both."""
    root = Path("/").stat()
    return hashlib.sha256(f"{folder}\0{root.st_dev}:{root.st_ino}".encode()).hexdigest()[:8]
