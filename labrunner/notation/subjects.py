"""Names of signers as a trust policy writes them: `C=US, ST=WA, O=example` (RFC 4514; trust-store-trust-policy)."""

import re
from collections.abc import Iterator, Mapping

from cryptography import x509

__all__ = ["SubjectError", "is_part_of", "parse_subject", "subject_parts"]

_NEEDED = ("C", "ST", "O")
_PAIR = re.compile(r"\\(?:([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*")


class SubjectError(ValueError):
    """It is no name that a trust policy may have."""


def parse_subject(text: str) -> dict[str, str]:
    """Attribute -> value, `S` as `ST`. Raises SubjectError."""
    if "=#" in text:
        raise SubjectError("values in hex (`=#`) are not supported")
    found: dict[str, str] = {}
    for part in _split(text, ","):
        if len(list(_split(part, "+"))) > 1:
            raise SubjectError("a part with several attributes (`+`) is not supported")
        kind, equals, value = part.partition("=")
        kind = "ST" if kind.strip().upper() == "S" else kind.strip().upper()
        if not equals or not _TYPE.fullmatch(kind):
            raise SubjectError(f"`{part.strip()}` is no attribute with a value")
        if kind in found:
            raise SubjectError(f"it has {kind} twice")
        found[kind] = _unescaped(value)
    missing = [kind for kind in _NEEDED if not found.get(kind)]
    if missing:
        raise SubjectError(f"it has no {' and no '.join(missing)}; C, ST and O are needed")
    return found


def subject_parts(name: x509.Name) -> dict[str, str]:
    """A certificate's subject, in the same form. Raises SubjectError for one that no policy could name."""
    return parse_subject(name.rfc4514_string())


def is_part_of(wanted: Mapping[str, str], found: Mapping[str, str]) -> bool:
    """Whether all that is wanted is found so."""
    return all(found.get(kind) == value for kind, value in wanted.items())


def _split(text: str, mark: str) -> Iterator[str]:
    """At each mark that no backslash takes for itself."""
    start, place = 0, 0
    while place < len(text):
        if text[place] == "\\":
            place += 2
            continue
        if text[place] == mark:
            yield text[start:place]
            start = place + 1
        place += 1
    yield text[start:]


def _unescaped(value: str) -> str:
    value = value.lstrip()
    while value.endswith(" ") and not value.endswith("\\ "):
        value = value[:-1]
    parts: list[bytes] = []
    end = 0
    for pair in _PAIR.finditer(value):
        parts += [value[end : pair.start()].encode(), bytes.fromhex(pair[1]) if pair[1] else pair[2].encode()]
        end = pair.end()
    parts.append(value[end:].encode())
    try:
        return b"".join(parts).decode()
    except UnicodeDecodeError as error:
        raise SubjectError("a value is not in UTF-8") from error
