"""A full disk, said in words: whose, how full, and what to free."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from labrunner.sandbox.control import request
from labrunner.sandbox.errors import SandboxBusy, SandboxError
from labrunner.sandbox.layout import Layout
from labrunner.sandbox.running import until_words

__all__ = ["shortage", "told"]

_FULL = (errno.ENOSPC, errno.EDQUOT)
_LEAST_BYTES = 2 << 20
"""With less the engine's and the local Azure's databases cannot be written safely."""


def shortage(place: Layout) -> SandboxError | None:
    """What to say when the disk that holds the sandbox is full, or is on purpose; None while there is room."""
    with suppress(SandboxError):
        reply = request(place.control, "status")
        if reply is not None and "disk-full" in reply.outages:
            until, remedy = until_words(place.name, "disk-full", reply.outages["disk-full"])
            return SandboxError(f"the disk of sandbox '{place.name}' is full on purpose{until}", remedy)
    folder = place.folder
    while not os.path.exists(folder):  # noqa: PTH110
        folder = os.path.dirname(folder)  # noqa: PTH120
    with suppress(OSError):
        about = os.statvfs(folder)
        free = about.f_bfree * about.f_frsize
        if free < _LEAST_BYTES:
            return _full(place, f"{free / 1e6:.1f} MB of {about.f_blocks * about.f_frsize / 1e6:.0f} MB are free")
        if about.f_files and not about.f_ffree:
            return _full(place, "no more files can be made on it")
    return None


@contextmanager
def told(place: Layout) -> Iterator[None]:
    """What goes wrong inside because the disk is full, said so; any other OSError as SandboxError too."""
    try:
        yield
    except SandboxBusy:
        raise
    except SandboxError as error:
        raise shortage(place) or error from error.__cause__
    except OSError as error:
        if error.errno in _FULL:
            raise shortage(place) or _full(place, str(error.strerror)) from error
        raise SandboxError(
            f"sandbox '{place.name}' cannot use {error.filename or place.folder}: {error.strerror or error}",
            "See `labrunner doctor`.",
        ) from error


def _full(place: Layout, how: str) -> SandboxError:
    option = "" if place.name == "default" else f" --sandbox {place.name}"
    return SandboxError(
        f"the disk that holds sandbox '{place.name}' is full: {how} ({place.folder})",
        f"Delete files on that disk (in the sandbox: `docker system prune`), then `labrunner sandbox up{option}`:"
        f" nothing of it is lost. Or give it up, and its space back: `labrunner sandbox down{option}`.",
    )
