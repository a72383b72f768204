"""Which sessions were held in a sandbox, newest last: what a later run looks for the one to go on with.

What each of them has done is in its transcript alone. The file is written whole, or not at all.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

__all__ = ["Progress", "ProgressError"]

FORMAT = 1


class ProgressError(Exception):
    """The file could not be read, and was kept aside; the message says where. It is told once."""


class Progress:
    """The sessions of one course in one sandbox. path: the file, which need not exist."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def sessions(self) -> list[str]:
        """Their ids, newest first. Raises ProgressError for a file that nobody can read."""
        try:
            record = json.loads(self._path.read_text(encoding="utf-8"))
            return [str(name) for name in reversed(_sessions(record))]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            aside = set_aside(self._path)
            raise ProgressError(
                f"the progress in {self._path} cannot be read ({error}); it is kept as {aside}"
            ) from error

    def add(self, session: str) -> None:
        """Remember one more. Raises OSError."""
        known = [name for name in self._known() if name != session]
        self._write([*known, session])

    def drop(self, session: str) -> None:
        """Nobody goes on with that one. Raises OSError."""
        self._write([name for name in self._known() if name != session])

    def _known(self) -> Iterator[str]:
        try:
            yield from reversed(self.sessions())
        except ProgressError:
            return

    def _write(self, sessions: list[str]) -> None:
        write_whole(self._path, json.dumps({"format": FORMAT, "sessions": sessions}))


def _sessions(record: Mapping[str, object]) -> list[object]:
    if record["format"] != FORMAT:
        raise ValueError(f"its format is {record['format']}, not {FORMAT}")
    sessions = record["sessions"]
    if not isinstance(sessions, list):
        raise TypeError("its sessions are no list")
    return sessions


def write_whole(path: Path, text: str) -> None:
    """Replace the file, mode 0600: whoever reads sees the old text or the new one. Raises OSError."""
    new = path.with_name(f"{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    new.replace(path)


def set_aside(path: Path) -> Path:
    """Rename a file that cannot be read to a name that is free; nothing is lost."""
    for number in range(1, 1000):
        aside = path.with_name(f"{path.name}.unreadable-{number}")
        if not aside.exists():
            break
    path.rename(aside)
    return aside
