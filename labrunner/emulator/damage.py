"""What is damaged of a state folder, told to whoever starts the local Azure. Standard library only."""

import shutil
from pathlib import Path

__all__ = ["BLOBS", "DATABASE", "STATUS", "Damaged", "discard", "said", "told"]

STATUS = 6
"""The exit status of a local Azure that ended because its state is damaged; the last line of its output is `told`."""

DATABASE = "state.sqlite"
BLOBS = "blobs"
_SAID = "the state of the local Azure is damaged: "


class Damaged(Exception):  # noqa: N818 - a finding about a file
    """A file of the state folder cannot be used as it is, nor be mended. The text says which, and what is wrong."""


def said(error: Damaged) -> str:
    """The line that a local Azure ends with."""
    return f"{_SAID}{error}"


def told(output: str) -> str:
    """Which file is damaged and how, from what a local Azure wrote; "" if it says nothing of it."""
    lines = [line for line in output.splitlines() if line.startswith(_SAID)]
    return lines[-1].removeprefix(_SAID) if lines else ""


def discard(folder: Path) -> None:
    """Remove what a local Azure that does not run knows: the next one begins with nothing. Its authority stays, so
    that who trusts it can go on. Raises OSError."""
    for path in folder.glob(f"{DATABASE}*"):
        path.unlink()
    if (folder / BLOBS).exists():
        shutil.rmtree(folder / BLOBS)
