"""What a manifest says: the four forms that a registry takes (OCI image spec 1.1, Docker manifest v2 schema 2)."""

import json
from dataclasses import dataclass, field
from typing import Any

from labrunner.emulator.refusal import Refusal
from labrunner.emulator.state.digests import is_digest

__all__ = [
    "DOCKER_IMAGE",
    "DOCKER_LIST",
    "MEDIA_TYPES",
    "OCI_INDEX",
    "Content",
    "Descriptor",
    "read_manifest",
    "read_platform",
]

DOCKER_IMAGE = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
_OCI_IMAGE = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
_INDEXES = (DOCKER_LIST, OCI_INDEX)
MEDIA_TYPES = (DOCKER_IMAGE, DOCKER_LIST, _OCI_IMAGE, OCI_INDEX)

_NOT_DISTRIBUTED = (
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """Content that a manifest names. elsewhere: it need not be in the registry. platform: of an index's entry."""

    digest: str
    size: int
    media_type: str
    elsewhere: bool = False
    platform: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A manifest, read. config and layers of an image, manifests of an index. artifact_type: as the referrers list
    shows it (distribution spec, "Listing Referrers")."""

    media_type: str
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    manifests: tuple[Descriptor, ...]
    subject: Descriptor | None
    artifact_type: str
    annotations: dict[str, str]

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """The blobs that have to be there."""
        named = (*((self.config,) if self.config else ()), *self.layers)
        return tuple(blob for blob in named if not blob.elsewhere)


def read_manifest(body: bytes, content_type: str) -> Content:
    """Read a manifest that was sent with that Content-Type. Raises Refusal (400 MANIFEST_INVALID)."""
    sent = content_type.partition(";")[0].strip().lower()
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _invalid(f"the manifest is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise _invalid("the manifest is not a JSON object")
    media_type = value.get("mediaType", sent)
    if not isinstance(media_type, str) or media_type not in MEDIA_TYPES:
        raise _invalid(f"the media type {str(media_type)[:200]!r} is not supported")
    if sent and sent != media_type:
        raise _invalid(f"the manifest is a {media_type}, and was sent as {sent[:200]!r}")
    if value.get("schemaVersion") != 2:
        raise _invalid("schemaVersion is not 2")
    is_index = media_type in _INDEXES
    # Ambiguous manifests (CVE-2021-41190): what is one form must not carry the other's members.
    for name in ("config", "layers") if is_index else ("manifests",):
        if name in value:
            raise _invalid(f"a {media_type} must not have {name!r}")
    config = None if is_index else _descriptor(value.get("config"), "config")
    return Content(
        media_type=media_type,
        config=config,
        layers=() if is_index else _descriptors(value, "layers"),
        manifests=_descriptors(value, "manifests") if is_index else (),
        subject=_descriptor(value["subject"], "subject") if value.get("subject") is not None else None,
        artifact_type=_artifact_type(value, config),
        annotations=_annotations(value),
    )


def read_platform(config: bytes) -> dict[str, str]:
    """`os` and `architecture` of an image's configuration; nothing of what is none."""
    try:
        found = json.loads(config)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: value for name in ("os", "architecture") if isinstance(value := found.get(name), str)}


def _artifact_type(value: dict[str, Any], config: Descriptor | None) -> str:
    declared = value.get("artifactType", "")
    if not isinstance(declared, str):
        raise _invalid("artifactType is not a text")
    return declared or (config.media_type if config else "")


def _annotations(value: dict[str, Any]) -> dict[str, str]:
    found = value.get("annotations")
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise _invalid("annotations are not texts by name")
    return found


def _descriptors(value: dict[str, Any], name: str) -> tuple[Descriptor, ...]:
    found = value.get(name)
    if found is None:
        found = []
    if not isinstance(found, list):
        raise _invalid(f"{name} is not a list")
    return tuple(_descriptor(entry, f"{name}[{number}]") for number, entry in enumerate(found))


def _descriptor(value: object, where: str) -> Descriptor:
    if not isinstance(value, dict):
        raise _invalid(f"{where} is missing, or no descriptor")
    digest, size, media_type = value.get("digest"), value.get("size"), value.get("mediaType", "")
    if not isinstance(digest, str) or not is_digest(digest):
        raise _invalid(f"{where} has no digest that is supported")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 1 << 63:
        raise _invalid(f"{where} has no size")
    if not isinstance(media_type, str):
        raise _invalid(f"{where} has a mediaType that is no text")
    platform = value.get("platform")
    return Descriptor(
        digest=digest,
        size=size,
        media_type=media_type,
        elsewhere=bool(value.get("urls")) or media_type in _NOT_DISTRIBUTED,
        platform=platform if isinstance(platform, dict) else {},
    )


def _invalid(why: str) -> Refusal:
    return Refusal(400, "MANIFEST_INVALID", "manifest invalid", detail={"description": why})
