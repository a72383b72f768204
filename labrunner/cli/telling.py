"""What a command tells the person at it, beside its data."""

import os
import re
import sys
from textwrap import fill
from typing import TextIO

from labrunner.ui.program import as_typed, known_program

__all__ = ["tell"]


def tell(text: str, stream: TextIO | None = None, *, hanging: str = "") -> None:
    """Write lines to `stream` (stderr when none is given). On a terminal they are folded between words.

    What stands in backticks stays on one line: it is to be copied, and has labrunner as this user starts it. A line's
    indentation is that of its folded rest; where there is one, with `hanging` behind it.
    """
    to = stream or sys.stderr
    text = as_typed(text, known_program(os.environ))
    if to.isatty():
        from labrunner.ui.stream import columns_of

        width = columns_of(to, os.environ)
        text = "\n".join(_folded(line, width, hanging) for line in text.split("\n"))
    to.write(f"{text}\n")


def _folded(line: str, width: int, hanging: str) -> str:
    indent = line[: len(line) - len(line.lstrip(" "))]
    indent += hanging if indent else ""
    whole = re.sub("`[^`]*`", lambda code: code[0].replace(" ", "\xa0"), line)
    folded = fill(whole, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return folded.replace("\xa0", " ")
