"""What names a content: media type, digest and size (OCI image specification, descriptor.md)."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Descriptor", "DescriptorError", "digest_of", "is_digest"]

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")


class DescriptorError(ValueError):
    """It is no descriptor."""


@dataclass(frozen=True, slots=True)
class Descriptor:
    """size: in bytes. annotations and artifact_type: no part of what is named."""

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    artifact_type: str = ""

    @classmethod
    def of(cls, content: bytes, media_type: str) -> "Descriptor":
        """The one of that content."""
        return cls(media_type, digest_of(content), len(content))

    @classmethod
    def read(cls, value: object) -> "Descriptor":
        """From JSON. Raises DescriptorError."""
        if not isinstance(value, dict):
            raise DescriptorError("it is no object")
        media_type, digest, size = value.get("mediaType"), value.get("digest"), value.get("size")
        notes, kind = value.get("annotations") or {}, value.get("artifactType") or ""
        if not isinstance(media_type, str) or not media_type:
            raise DescriptorError("it has no mediaType")
        if not isinstance(digest, str) or not is_digest(digest):
            raise DescriptorError("it has no digest")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise DescriptorError("it has no size")
        is_text = isinstance(notes, dict) and all(isinstance(text, str) for text in notes.values())
        if not is_text or not isinstance(kind, str):
            raise DescriptorError("its annotations are not texts")
        return cls(media_type, digest, size, dict(notes), kind)

    def names_the_same(self, other: "Descriptor") -> bool:
        """Whether both name the same content as the same thing."""
        return (self.media_type, self.digest, self.size) == (other.media_type, other.digest, other.size)

    def fits(self, content: bytes) -> bool:
        """Whether that is the content."""
        return len(content) == self.size and digest_of(content, self.digest.partition(":")[0]) == self.digest

    def json(self) -> dict[str, Any]:
        """As it is written, what is empty left out."""
        more = {"annotations": dict(self.annotations), "artifactType": self.artifact_type}
        return {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": self.size,
            **{name: value for name, value in more.items() if value},
        }


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    """The digest of that content."""
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def is_digest(text: str) -> bool:
    """Whether it is one, of an algorithm that is known here."""
    return _DIGEST.fullmatch(text) is not None
