"""Digests (OCI image spec, descriptor.md): how content is named by what it is."""

import hashlib
import re
from typing import Protocol

__all__ = ["Hasher", "digest_of", "hasher", "is_digest"]

_LENGTHS = {"sha256": 64, "sha512": 128}
_FORM = re.compile(r"(?P<algorithm>sha256|sha512):(?P<hex>[0-9a-f]+)")


class Hasher(Protocol):
    """What hashlib's objects do."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take more content in."""

    def hexdigest(self) -> str:
        """What it is so far."""


def is_digest(text: str) -> bool:
    """Whether it is a digest of an algorithm that the specification registers (sha256, sha512)."""
    found = _FORM.fullmatch(text)
    return found is not None and len(found["hex"]) == _LENGTHS[found["algorithm"]]


def hasher(algorithm: str = "sha256") -> Hasher:
    """A new one. Raises ValueError for an algorithm that is not registered."""
    if algorithm not in _LENGTHS:
        raise ValueError(f"no digest algorithm: {algorithm!r}")
    return hashlib.new(algorithm)


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    """The content's digest."""
    state = hasher(algorithm)
    state.update(content)
    return f"{algorithm}:{state.hexdigest()}"
