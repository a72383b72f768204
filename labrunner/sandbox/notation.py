"""`notation` inside: the machine's own where it has one, else labrunner's stand-in, which says that it is one."""

import shlex
import shutil
from pathlib import Path

from labrunner.sandbox.control import python_line
from labrunner.sandbox.layout import Layout

__all__ = ["launcher", "offer"]

_NAME = "notation"


def launcher() -> str:
    """The text of a program that runs the stand-in, whatever Python settings its caller has."""
    return f'#!/bin/sh\nexec {shlex.join(python_line("labrunner.notation", site=True))} "$@"\n'


def offer(place: Layout, path: str) -> str | None:
    """Have a `notation` on the PATH inside, whole at any moment. path: that PATH.

    Returns where the machine's own is; None: it is the stand-in. Raises OSError.
    """
    beside = ":".join(folder for folder in path.split(":") if folder != place.bin)
    found = shutil.which(_NAME, path=beside)
    own = Path(place.bin, _NAME)
    if found:
        own.unlink(missing_ok=True)
        return found
    new = own.with_suffix(".new")
    new.write_text(launcher(), encoding="utf-8")
    new.chmod(0o755)
    new.replace(own)
    return None
