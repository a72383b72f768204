"""Paths that a course names: they stay inside the course, or inside the learner's work folder."""

# one habit with the rest of the loading, which may not spend pathlib's start-up
# ruff: noqa: PTH116

import os
import stat

__all__ = ["outside_work", "unusable"]


def unusable(folder: str, name: str) -> str | None:
    """Why `name` is no file of the course in `folder` (a real path); None if it is one."""
    reason = _climbs(name)
    if reason is not None:
        return f"leaves the course: {reason}"
    real = os.path.realpath(f"{folder}/{name}")
    if not real.startswith(f"{folder}/"):
        return "leaves the course: it is a link to somewhere else"
    try:
        mode = os.stat(real).st_mode
    except OSError:
        return "does not exist in the course"
    return None if stat.S_ISREG(mode) else "is no regular file"


def outside_work(name: str) -> str | None:
    """Why a path of the learner's does not stay inside the work folder; None if it does."""
    reason = _climbs(name)
    return f"leaves the work folder: {reason}" if reason is not None else None


def _climbs(name: str) -> str | None:
    parts = name.split("/")
    if name.startswith("/"):
        return "it must be relative"
    if name.startswith("~"):
        return "'~' is not expanded"
    if ".." in parts:
        return "'..' is not allowed"
    if "\\" in name:
        return "it must be written with '/'"
    return "it names no file" if parts[-1] in {"", "."} else None
