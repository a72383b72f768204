"""The files of a course: their list, their stamp (has anything changed?), their digest, their bytes.

Light: `list` imports it. `__pycache__` is left out; checks are compiled from their source, so it can change nothing.
"""

# pathlib would cost the start-up that `list` may not spend
# ruff: noqa: PTH100, PTH120, PTH123, PTH208

import os
import stat

from labrunner import __version__
from labrunner.content.find import checks_folder

__all__ = [
    "LIMIT_FILES",
    "CourseFilesError",
    "LibyamlMissingError",
    "Stamp",
    "course_digest",
    "list_files",
    "read_bytes",
    "stamp",
]

LIMIT_FILES = 10_000

Stamp = list[object]
"""What a cached course depends on, comparable and storable; equal stamps mean unchanged files."""


class LibyamlMissingError(RuntimeError):
    """PyYAML came without libyaml. Its pure reader accepts other files, so that it is no replacement."""


class CourseFilesError(Exception):
    """A course's folder cannot be read. `name` is the file, relative to the course."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def list_files(folder: str) -> list[str]:
    """Every file and link below the folder, relative to it, sorted. Raises CourseFilesError."""
    found: list[str] = []
    waiting = [""]
    while waiting:
        below = waiting.pop()
        try:
            entries = list(os.scandir(f"{folder}/{below}"))
        except OSError as error:
            raise CourseFilesError(below or ".", f"the folder cannot be read: {error.strerror}") from error
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name != "__pycache__":
                    waiting.append(f"{below}{entry.name}/")
            else:
                found.append(f"{below}{entry.name}")
        if len(found) + len(waiting) > LIMIT_FILES:
            raise CourseFilesError(".", f"the course holds more than {LIMIT_FILES} files")
    found.sort()
    return found


def stamp(folder: str) -> Stamp:
    """The state of every file that the loaded course depends on. Raises CourseFilesError."""
    parts: Stamp = [__version__, folder]
    for base in (folder, checks_folder()):
        if base == folder or os.path.isdir(base):  # noqa: PTH112
            parts.append([base, [_state(base, name) for name in list_files(base)]])
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sources: list[str] = []
    for part in ("model", "content", "matching"):
        sources += sorted(f"{part}/{name}" for name in os.listdir(f"{package}/{part}") if name.endswith(".py"))
    parts.append([_state(package, name) for name in sources])
    return parts


def _state(base: str, name: str) -> list[object]:
    """Name, times and size. A link stands for itself; what it leads to inside the course is listed too."""
    try:
        found = os.lstat(f"{base}/{name}")
    except OSError:
        return [name, 0, 0, -1]
    return [name, found.st_mtime_ns, found.st_ctime_ns, found.st_size]


def course_digest(folder: str) -> str:
    """sha256 (hex) over the names and bytes of all files of the course. Raises CourseFilesError."""
    import hashlib

    whole = hashlib.sha256()
    for name in list_files(folder):
        path = f"{folder}/{name}"
        kind, content = b"file", b""
        try:
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                kind, content = b"link", os.fsencode(os.readlink(path))  # noqa: PTH115
            elif stat.S_ISREG(mode):
                with open(path, "rb") as stream:
                    content = hashlib.file_digest(stream, "sha256").digest()
            else:
                kind = b"other"
        except OSError as error:
            raise CourseFilesError(name, f"the file cannot be read: {error.strerror}") from error
        # Lengths keep names and contents apart: no two courses give the same stream.
        for part in (kind, os.fsencode(name), content):
            whole.update(len(part).to_bytes(8, "big"))
            whole.update(part)
    return whole.hexdigest()


def read_bytes(folder: str, name: str, *, limit: int) -> bytes:
    """At most limit + 1 bytes of a regular file. Raises CourseFilesError."""
    try:
        # O_NONBLOCK: opening a pipe by that name must not wait for a writer.
        descriptor = os.open(f"{folder}/{name}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise CourseFilesError(name, "this is no regular file")
            with open(descriptor, "rb", closefd=False) as stream:
                return stream.read(limit + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise CourseFilesError(name, f"the file cannot be read: {error.strerror}") from error
