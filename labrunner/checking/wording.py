"""For the authors of checks: values of JSON documents by path, and values in messages.

A path is keys and list positions joined by dots (`auths.registry.example.io.auth`, `items.0.name`); a key that holds
dots itself is found too.
"""

import json
import re
from collections.abc import Iterable

__all__ = ["MISSING", "cut", "has_text", "listed", "look_up", "shown"]

MISSING = object()
"""What `look_up` gives when the path leads nowhere."""

_SECRET = re.compile(r"pass|pwd|secret|token|auth|credential|connection|(?:^|[^a-z])key", re.IGNORECASE)
LONGEST = 120


def look_up(document: object, path: str) -> object:
    """The value at `path`, or MISSING. The whole document for an empty path."""
    if not path:
        return document
    parts = path.split(".")
    if isinstance(document, dict):
        for count in range(len(parts), 0, -1):
            key = ".".join(parts[:count])
            if key in document:
                found = look_up(document[key], ".".join(parts[count:]))
                if found is not MISSING:
                    return found
    elif isinstance(document, list) and parts[0].isascii() and parts[0].isdigit() and int(parts[0]) < len(document):
        return look_up(document[int(parts[0])], ".".join(parts[1:]))
    return MISSING


def has_text(value: object, text: str) -> bool:
    """Whether a JSON value is what `text` writes: a text itself, else as JSON (`true`, `8080`, `null`, `["a"]`)."""
    if isinstance(value, str):
        return value == text
    try:
        meant = json.loads(text)
    except ValueError:
        return False
    return type(meant) is type(value) and bool(meant == value)


def shown(name: str, value: object) -> str:
    """The value for a message; hidden when its name sounds like a secret's."""
    if _SECRET.search(name):
        return "another value (not shown)"
    return f"`{cut(value if isinstance(value, str) else json.dumps(value))}`"


def cut(text: str) -> str:
    """The text on one line, its middle left out where it is long."""
    line = " ".join(text.split())
    half = (LONGEST - 3) // 2
    return line if len(line) <= LONGEST else f"{line[:half]}...{line[-half:]}"


def listed(names: Iterable[str], *, last: str = "and") -> str:
    """Names in backticks: `a`, `b` and `c`."""
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} {last} {quoted[-1]}" if quoted else ""
