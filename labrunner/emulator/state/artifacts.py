"""What a registry holds, as values: repositories, manifests, tags, and the attributes that lock them."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from labrunner.emulator.refusal import Refusal

__all__ = ["ATTRIBUTES", "Attributes", "Manifest", "Referrer", "Repository", "Tag", "locked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """What may be done ("Lock a container image in an Azure container registry").

    delete: be deleted. write: be written, and deleted. read: be pulled. listed: be shown in lists.
    """

    delete: bool = True
    write: bool = True
    read: bool = True
    listed: bool = True

    @property
    def mask(self) -> int:
        """As it is stored."""
        return sum(bit for bit, (name, _) in ATTRIBUTES.items() if getattr(self, name))

    def changed(self, wanted: Mapping[str, bool]) -> "Attributes":
        """With other values; wanted: by Azure's names (`deleteEnabled`)."""
        values = {name: wanted.get(azure, getattr(self, name)) for name, azure in ATTRIBUTES.values()}
        return Attributes(**values)

    @staticmethod
    def of(mask: int) -> "Attributes":
        """From what is stored."""
        return Attributes(**{name: bool(mask & bit) for bit, (name, _) in ATTRIBUTES.items()})


ATTRIBUTES = {
    1: ("delete", "deleteEnabled"),
    2: ("write", "writeEnabled"),
    4: ("read", "readEnabled"),
    8: ("listed", "listEnabled"),
}
"""bit: (our name, Azure's name), in the order in which Azure writes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """created, updated: seconds since 1970, as everywhere below."""

    name: str
    created: float
    updated: float
    manifests: int
    tags: int
    attributes: Attributes

    @staticmethod
    def of(row: sqlite3.Row) -> "Repository":
        """From what is stored."""
        return Repository(
            name=row["name"],
            created=row["created"],
            updated=row["updated"],
            manifests=row["manifests"],
            tags=row["tags"],
            attributes=Attributes.of(row["attributes"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """image_size: of what it stands for, in bytes; size: of itself. tags: those that name it, in order."""

    digest: str
    media_type: str
    size: int
    image_size: int
    created: float
    updated: float
    os: str
    architecture: str
    config_media_type: str
    artifact_type: str
    tags: tuple[str, ...]
    attributes: Attributes

    @staticmethod
    def of(row: sqlite3.Row, tags: tuple[str, ...]) -> "Manifest":
        """From what is stored."""
        return Manifest(
            digest=row["digest"],
            media_type=row["media_type"],
            size=row["size"],
            image_size=row["image_size"],
            created=row["created"],
            updated=row["updated"],
            os=row["os"],
            architecture=row["architecture"],
            config_media_type=row["config_media_type"],
            artifact_type=row["artifact_type"],
            tags=tags,
            attributes=Attributes.of(row["attributes"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A name of a manifest."""

    name: str
    digest: str
    created: float
    updated: float
    attributes: Attributes

    @staticmethod
    def of(row: sqlite3.Row) -> "Tag":
        """From what is stored."""
        return Tag(
            name=row["name"],
            digest=row["digest"],
            created=row["created"],
            updated=row["updated"],
            attributes=Attributes.of(row["attributes"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Referrer:
    """A manifest whose subject is another one (distribution spec, "Listing Referrers")."""

    digest: str
    media_type: str
    size: int
    artifact_type: str
    annotations: dict[str, str]


def locked() -> Refusal:
    """Azure's answer to what an attribute forbids (Azure/acr-cli issue 70, Azure/azure-sdk-for-net issue 22827)."""
    return Refusal(
        405,
        "REGISTRY_DISALLOWED_OPERATION",
        "The operation is disallowed on this registry, repository or image. View troubleshooting steps at "
        "https://aka.ms/acr/faq/#why-does-my-pull-or-push-request-fail-with-disallowed-operation",
        detail={},
    )
