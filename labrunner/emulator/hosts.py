"""Keeps a hosts file (hosts(5)) true, for programs that look names up themselves and ask no proxy."""

import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path

__all__ = ["Hosts"]

_LOG = logging.getLogger(__name__)


class Hosts:
    """The lines of one address in a hosts file. What the file says of other addresses stays as it is."""

    def __init__(self, path: Path, address: str, names: Callable[[], Iterable[str]]) -> None:
        """names: what the address is called, asked at each `write` and `follow`."""
        self._path = path
        self._address = address
        self._names = names
        self._written: tuple[str, ...] | None = None

    def write(self) -> None:
        """Bring the file up to date, making it if need be. Raises OSError.

        In place: the file may be mounted somewhere, which another file of its name would not be.
        """
        names = tuple(self._names())
        with os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), "r+b") as file:
            kept = [line for line in file.read().splitlines() if line.split()[:1] != [self._address.encode()]]
            added = [f"{self._address}\t{name}".encode() for name in names]
            file.seek(0)
            file.write(b"".join(line + b"\n" for line in (*kept, *added)))
            file.truncate()
        self._written = names

    def follow(self) -> None:
        """Write if the names are others than those written last. What cannot be written is logged, and tried again."""
        if tuple(self._names()) == self._written:
            return
        try:
            self.write()
        except OSError as error:
            _LOG.warning("%s cannot be written: %s", self._path, error.strerror)
