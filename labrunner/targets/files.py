"""The files of a target: written into its work folder, and listed for the ledger."""

import base64
import hashlib
import json
import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from labrunner.checking.api import TargetError
from labrunner.record.ledger import Entry

__all__ = ["file_entries", "file_identity", "git_refs", "write_inside"]

_FOLDER = "folder"
"""The id of every folder: a folder is its name, and is only ever removed when it is empty."""

_MOST_FILES = 5000
_HASHED_BYTES = 8 << 20
_NOISE = frozenset({".bash_history", ".lesshst", ".python_history"})
_GIT_KEPT = ("HEAD", "refs")


def write_inside(folder: str, path: str, content: bytes, mode: int) -> None:
    """Write `content` to `path` below `folder`, wherever links lead. Raises TargetError."""
    top = os.path.realpath(folder)
    real = os.path.realpath(os.path.join(top, path))  # noqa: PTH118
    if not real.startswith(f"{top}/"):
        raise TargetError(f"{path} is outside of the work folder", "Run `labrunner lint` on the course.")
    try:
        Path(real).parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(real, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(descriptor, mode)
    except OSError as error:
        raise TargetError(f"{path} cannot be written in the work folder: {error.strerror}") from error


def file_entries(folder: str, label: str, *, home: bool = False, skipped: Collection[str] = ()) -> Iterator[Entry]:
    """The files below `folder`, named `label/...`, by content, and the folders. Of git's own only where branches are.

    home: it is a HOME, where each program may have a folder with a dot, which is not told; what is in it is. skipped:
    names of folders in `folder` that are left out. Large files are told apart by size and time instead; beyond 5,000
    files and folders the rest is one entry.
    """
    count = 0
    for path in _paths(folder, skipped):
        if count >= _MOST_FILES:
            yield Entry("file", f"{label}/...", "more")
            return
        name = os.path.relpath(path, folder)
        with suppress(OSError):  # gone since it was listed
            if not Path(path).is_dir() or Path(path).is_symlink():
                yield Entry("file", f"{label}/{name}", file_identity(path))
                count += 1
            elif not (home and name.startswith(".") and "/" not in name):
                yield Entry("folder", f"{label}/{name}", _FOLDER)
                count += 1


def git_refs(folder: str) -> Iterator[str]:
    """The files of a `.git` folder that say where branches are, as `file_entries` lists them; paths in it."""
    for kept in _GIT_KEPT:
        if Path(folder, kept).is_file():
            yield kept
        for top, _, files in os.walk(f"{folder}/{kept}"):
            yield from (os.path.relpath(f"{top}/{name}", folder) for name in files)


def _paths(folder: str, skipped: Collection[str]) -> Iterator[str]:
    for top, folders, files in os.walk(folder):
        if top == folder:
            folders[:] = [name for name in folders if name not in skipped]
        relative = Path(top).relative_to(folder).parts
        if ".git" in relative:
            inner = relative[relative.index(".git") + 1 :]
            if not inner:
                folders[:] = [name for name in folders if name in _GIT_KEPT]
                files = [name for name in files if name in _GIT_KEPT]  # noqa: PLW2901
        folders.sort()
        told = [name for name in folders if ".git" not in relative or Path(top, name).is_symlink()]
        for name in sorted([*files, *told]):
            if name not in _NOISE:
                yield f"{top}/{name}"


def file_identity(path: str) -> str:
    """What a file or link is, whatever its name: its content mostly. Raises OSError."""
    if Path(path).is_symlink():
        return f"link:{Path(path).readlink()}"
    if path.endswith("/.docker/config.json"):
        return _logins(path)
    about = os.stat(path)  # noqa: PTH116
    if about.st_size > _HASHED_BYTES or not Path(path).is_file():
        return f"large:{about.st_size}:{about.st_mtime_ns}"
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _logins(path: str) -> str:
    """Docker's configuration by who is logged in where: a new login of the same user has another token, no more."""
    content = Path(path).read_bytes()
    try:
        config = json.loads(content)
        for server, entry in config.get("auths", {}).items():
            config["auths"][server] = base64.b64decode(entry.get("auth") or "").partition(b":")[0].hex()
        content = json.dumps(config, sort_keys=True).encode()
    except (ValueError, AttributeError, TypeError):
        pass  # no configuration that docker could read: by its bytes
    return hashlib.sha256(content).hexdigest()
