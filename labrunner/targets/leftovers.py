"""Removing files and folders of a target that a session has left, while they are still what they were."""

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from labrunner.record.ledger import Entry
from labrunner.targets.files import file_identity, git_refs

__all__ = ["KINDS", "remove_file_entries"]

KINDS = frozenset({"file", "folder"})


def remove_file_entries(folder: str, label: str, entries: Sequence[Entry]) -> dict[Entry, str]:
    """Remove those entries of `files.file_entries(folder, label)`: "" = gone, else a sentence that says why not.

    A folder goes when it is empty then. A git repository's own folder goes whole when it is among the entries and all
    its branches are, as they were; else git's own files stay.
    """
    ours = [entry for entry in entries if entry.name.startswith(f"{label}/")]
    told: dict[Entry, str] = {}
    deepest_first = sorted(ours, key=lambda entry: (entry.kind == "folder", -entry.name.count("/"), entry.name))
    for entry in (entry for entry in ours if entry.kind == "folder" and _is_git(entry)):
        told[entry] = _remove_repository(folder, label, entry, ours)
    for entry in deepest_first:
        if entry not in told:
            told[entry] = _remove(folder, entry.name.removeprefix(f"{label}/"), entry)
    return told


def _is_git(entry: Entry) -> bool:
    return entry.name.endswith("/.git")


def _remove(folder: str, path: str, entry: Entry) -> str:
    parts = path.split("/")
    if entry.id == "more":
        return "There were too many files to tell them apart."
    try:
        with _parent(folder, parts) as parent:
            if entry.kind == "folder":
                os.rmdir(parts[-1], dir_fd=parent)
            elif file_identity(f"{folder}/{path}") != entry.id:
                return "It has been changed since, and is left alone."
            elif why := _needed_by_git(folder, parts):
                return why
            else:
                os.unlink(parts[-1], dir_fd=parent)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return _said(error)
    return ""


def _said(error: OSError) -> str:
    if error.errno == errno.ENOTEMPTY:
        return "Something else is in it."
    if error.errno in (errno.ENOTDIR, errno.ELOOP):
        return "Where it was, a folder is none any more, and what is there is left alone."
    return f"It cannot be removed: {error.strerror}."


def _needed_by_git(folder: str, parts: Sequence[str]) -> str:
    if ".git" not in parts[:-1]:
        return ""
    top = "/".join([folder, *parts[: parts.index(".git") + 1]])
    inner = "/".join(parts[parts.index(".git") + 1 :])
    if not inner.startswith("refs/"):
        return "It belongs to a git repository that stays."
    with suppress(OSError):
        if Path(top, "HEAD").read_text(encoding="utf-8").strip() == f"ref: {inner}":
            return "It is the branch of a git repository that is checked out there."
    return ""


def _remove_repository(folder: str, label: str, entry: Entry, ours: Sequence[Entry]) -> str:
    """A `.git` folder that came with the session, if all that can be reached in it did."""
    path = entry.name.removeprefix(f"{label}/")
    inside = {one for one in ours if one.name.startswith(f"{entry.name}/")}
    try:
        with _parent(folder, path.split("/")) as parent:
            if not Path(folder, path).is_dir():
                return ""
            now = {
                Entry("file", f"{entry.name}/{name}", file_identity(f"{folder}/{path}/{name}"))
                for name in git_refs(f"{folder}/{path}")
            }
            if not now <= inside:
                return "The git repository in it has been changed since, and is left alone."
            shutil.rmtree(path.rpartition("/")[2], dir_fd=parent)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return _said(error)
    return ""


@contextmanager
def _parent(folder: str, parts: Sequence[str]) -> Iterator[int]:
    """The folder that the path ends in, opened without following a link on the way. Raises OSError."""
    if any(part in ("", ".", "..") for part in parts):
        raise OSError(errno.EINVAL, "it is no path of this target", "/".join(parts))
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    at = os.open(folder, flags & ~os.O_NOFOLLOW)
    try:
        for part in parts[:-1]:
            inner = os.open(part, flags, dir_fd=at)
            os.close(at)
            at = inner
        yield at
    finally:
        os.close(at)
