"""Small private files that spare reading a course again. What cannot be trusted or read counts as absent.

A file is only read back if it is ours alone: owner us, mode 0600, in a folder of ours that nobody else may write.
A checksum in front of the content finds a file that was cut or damaged before anything interprets it. Light: `list`
imports it.
"""

# pathlib would cost the start-up that `list` may not spend
# ruff: noqa: PTH103, PTH108, PTH123

import os
import stat
from zlib import crc32

__all__ = ["file_name", "recall", "store"]

_FOLDER = "courses"  # private, where the cache around it need not be
_MAGIC = b"labrunner1"
_HEAD = len(_MAGIC) + 12


def file_name(folder: str, kind: str) -> str:
    """The cache file of a course. Two courses may share one: the content says whose it is."""
    return f"{kind}-{crc32(os.fsencode(folder)):08x}"


def recall(cache: str, name: str) -> bytes | None:
    """The content last stored under that name; None if there is none or it is not ours."""
    folder = f"{cache}/{_FOLDER}"
    try:
        if not _private(os.lstat(folder), stat.S_IFDIR):
            return None
        descriptor = os.open(f"{folder}/{name}", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, "rb") as stream:
            if not _private(os.fstat(descriptor), stat.S_IFREG):
                return None
            data = stream.read()
    except OSError:
        return None
    content = data[_HEAD:]
    return content if data[:_HEAD] == _head(content) else None


def store(cache: str, name: str, content: bytes) -> None:
    """Keep the content, atomically. A cache that cannot be written, or is not ours alone, is left as it is."""
    folder = f"{cache}/{_FOLDER}"
    path = f"{folder}/{name}"
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if not _private(os.lstat(folder), stat.S_IFDIR):
            return
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        return
    try:
        with open(descriptor, "wb") as stream:
            stream.write(_head(content))
            stream.write(content)
        os.rename(temporary, path)  # noqa: PTH104
    except OSError:
        try:  # noqa: SIM105 - contextlib costs start-up
            os.unlink(temporary)
        except OSError:
            pass


def _private(found: os.stat_result, kind: int) -> bool:
    return (
        stat.S_IFMT(found.st_mode) == kind and found.st_uid == os.geteuid() and not stat.S_IMODE(found.st_mode) & 0o077
    )


def _head(content: bytes) -> bytes:
    return _MAGIC + len(content).to_bytes(8, "big") + crc32(content).to_bytes(4, "big")
