"""JSON as Notary v1 signs it: one text for each value (docker/go's `canonical/json`, which both sides use)."""

import json
from typing import Any

__all__ = ["decode", "encode"]

_LARGEST = 1 << 53
"""Beyond it, what reads numbers as floating point (Go) would sign another one than was written."""


def decode(data: bytes) -> Any:  # noqa: ANN401 - JSON
    """The value of a JSON text. Raises ValueError for what is none, and for what others could read otherwise: a key
    given twice, a number that is no whole one, half a surrogate."""
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=_whole,
            parse_float=_refuse,
            parse_constant=_refuse,
        )
        encode(value)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return value


def encode(value: object) -> bytes:
    """The canonical text: keys sorted, no space, nothing escaped but quotes and backslashes."""
    return _text(value).encode("utf-8")


def _text(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case list():
            return "[" + ",".join(_text(item) for item in value) + "]"
        case dict():
            return "{" + ",".join(f"{_text(key)}:{_text(value[key])}" for key in sorted(value)) + "}"
    raise ValueError(f"{type(value).__name__} has no canonical form")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _whole(text: str) -> int:
    value = int(text) if len(text) <= 20 else _LARGEST + 1
    if abs(value) > _LARGEST:
        raise ValueError("a number is too large")
    return value


def _refuse(text: str) -> object:
    raise ValueError(f"{text[:20]} is no whole number")
