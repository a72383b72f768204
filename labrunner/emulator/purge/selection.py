"""What a purge takes: which tags of a repository, and which manifests that no tag names."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from labrunner.emulator.state.artifacts import Attributes, Manifest, Tag

__all__ = ["manifests_to_delete", "tags_to_delete"]

_OCI_INDEX = "application/vnd.oci.image.index.v1+json"
_DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
_INDEXES = (_OCI_INDEX, _DOCKER_LIST)
_MAY_REFER = (
    "application/vnd.oci.image.manifest.v1+json",
    _OCI_INDEX,
    "application/vnd.oci.artifact.manifest.v1+json",
)
"""The kinds of manifest that may have a subject."""

Read = Callable[[str], bytes | None]
"""A manifest's bytes by its digest."""


def tags_to_delete(
    tags: Sequence[Tag], matching: Collection[str], *, before: float, keep: int, include_locked: bool
) -> list[Tag]:
    """The tags that go. tags: the latest first. before: seconds since 1970. keep: how many of those stay."""
    doomed = [
        tag
        for tag in tags
        if tag.name in matching and tag.updated < before and (include_locked or not is_locked(tag.attributes))
    ]
    return doomed[max(keep, 0) :]


def manifests_to_delete(
    manifests: Sequence[Manifest],
    read: Read,
    *,
    before: float,
    keep: int,
    include_locked: bool,
    tags_gone: Mapping[str, int] | None = None,
) -> list[Manifest]:
    """The manifests that go: no tag names them, nor an index that stays, and they have no subject.

    tags_gone: how many tags of each a dry run would have deleted; else, a manifest with a tag stays. As in acr, a
    locked manifest is passed over before anybody looks whether it is an index: being locked saves no child of it.
    """
    spared: set[str] = set()
    candidates: list[Manifest] = []
    for manifest in manifests:
        if not include_locked and is_locked(manifest.attributes):
            continue
        named = len(manifest.tags) > (tags_gone.get(manifest.digest, 0) if tags_gone is not None else 0)
        if named or manifest.updated > before:
            if manifest.media_type in _INDEXES:
                spared.update(_below(manifest.digest, read))
        else:
            spared.update(_saved(manifest, read))
            candidates.append(manifest)
    doomed = [manifest for manifest in candidates if manifest.digest not in spared]
    if keep <= 0:
        return doomed
    return sorted(doomed, key=lambda manifest: (-manifest.updated, manifest.digest))[keep:]


def is_locked(attributes: Attributes) -> bool:
    """Whether it must not be deleted."""
    return not (attributes.delete and attributes.write)


def _saved(manifest: Manifest, read: Read) -> Iterator[str]:
    """What stays because an untagged manifest refers to another: itself; as in acr, of an index only its children."""
    if manifest.media_type not in _MAY_REFER:
        return
    content = _members(read(manifest.digest))
    if content is None:
        yield manifest.digest
        return
    subject = content.get("subject")
    if not isinstance(subject, dict) or not subject.get("digest"):
        return
    children = list(_below(manifest.digest, read)) if manifest.media_type == _OCI_INDEX else []
    yield from children or [manifest.digest]


def _below(digest: str, read: Read) -> Iterator[str]:
    """All that an index names, and the indexes in it, and so on."""
    seen = {digest}
    queue = [digest]
    while queue:
        content = _members(read(queue.pop())) or {}
        children = content.get("manifests")
        for child in children if isinstance(children, list) else ():
            name = child.get("digest") if isinstance(child, dict) else None
            if not isinstance(name, str) or name in seen:
                continue
            seen.add(name)
            yield name
            if child.get("mediaType") in _INDEXES:
                queue.append(name)


def _members(body: bytes | None) -> dict[str, object] | None:
    if body is None:
        return None
    value = json.loads(body)
    return value if isinstance(value, dict) else {}
