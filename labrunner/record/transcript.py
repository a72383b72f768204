"""The append-only record of a session: one JSON object a line, written before anybody is shown the event.

Every line is handed to the operating system at once, so a crash of ours loses at most the command that was
running. Mode 0600, in the session's own folder (0700).
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from labrunner.record.events import Event, as_record

__all__ = ["Transcript", "TranscriptError", "read", "utc_clock"]

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


class TranscriptError(Exception):
    """The transcript cannot be written or read; the message names the file."""


def utc_clock(nanoseconds: Callable[[], int] = time.time_ns) -> Callable[[], str]:
    """A clock for `Transcript`, to the millisecond. `nanoseconds`: since 1970.

    Events come in bursts: the text of a second is made once, in a third of the time that `datetime` takes.
    """
    second, text = -1, ""

    def now() -> str:
        nonlocal second, text
        whole, rest = divmod(nanoseconds(), 1_000_000_000)
        if whole != second:
            second, text = whole, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
        return f"{text}.{rest // 1_000_000:03}+00:00"

    return now


class Transcript:
    """Writes events to a file: a new one, or (`going_on`) behind those that are there.

    Raises TranscriptError when the file cannot be made or written.
    """

    def __init__(self, path: str, *, now: Callable[[], str], going_on: bool = False) -> None:
        """`now` gives the time of an event, ISO 8601 in UTC."""
        self.path = path
        self._now = now
        try:
            Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            how = os.O_RDWR if going_on else os.O_WRONLY | os.O_CREAT | os.O_EXCL
            self._fd = os.open(path, how | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            what = "open" if going_on else "make"
            raise TranscriptError(f"cannot {what} the transcript {path}: {error.strerror}") from error
        if going_on:
            _cut_torn_line(self._fd)

    def write(self, event: Event) -> None:
        """Append the event. Transient events are not written."""
        if event.transient:
            return
        line = _encode(as_record(event, self._now())).encode("utf-8", "backslashreplace") + b"\n"
        try:
            while line:
                line = line[os.write(self._fd, line) :]
        except OSError as error:
            raise TranscriptError(f"cannot write the transcript {self.path}: {error.strerror}") from error

    def close(self) -> None:
        """Put everything on the disk and close. Idempotent. Raises TranscriptError."""
        if self._fd >= 0:
            descriptor, self._fd = self._fd, -1
            try:
                os.fsync(descriptor)
            except OSError as error:
                raise TranscriptError(f"cannot write the transcript {self.path}: {error.strerror}") from error
            finally:
                os.close(descriptor)


def _cut_torn_line(descriptor: int) -> None:
    """Drop what a crash, or a full disk, has left of a last line."""
    end = os.fstat(descriptor).st_size
    at = end
    while at > 0:
        start = max(0, at - 65536)
        newline = os.pread(descriptor, at - start, start).rfind(b"\n")
        if newline >= 0:
            at = start + newline + 1
            break
        at = start
    if at < end:
        os.ftruncate(descriptor, at)


def read(path: str) -> Iterator[dict[str, Any]]:
    """The events of a transcript as JSON objects. A last line cut short by a crash is left out.

    Raises TranscriptError naming the line for anything else that is not an event.
    """
    try:
        with Path(path).open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    record = json.loads(line)
                except ValueError as error:
                    if not line.endswith("\n"):
                        return
                    raise TranscriptError(f"{path}:{number}: not a JSON line") from error
                if not isinstance(record, dict) or "event" not in record:
                    raise TranscriptError(f"{path}:{number}: not an event of a transcript")
                yield record
    except (OSError, UnicodeDecodeError) as error:
        raise TranscriptError(f"cannot read the transcript {path}: {error}") from error
