"""What a repository has from the past: manifests with their tags, as old as is wanted, made in one transaction.

No Azure would let anybody make that. The content is what the registry has already: a manifest is taken over from
another of its repositories, as a cross-repository mount takes blobs over (distribution spec, "Mounting a blob from
another repository"), and an index is made of such manifests.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labrunner.emulator.acr.names import is_name, is_tag
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.state.artifacts import Manifest
from labrunner.emulator.state.manifests import DOCKER_IMAGE, DOCKER_LIST, OCI_INDEX, read_manifest

if TYPE_CHECKING:
    from labrunner.emulator.world import World

__all__ = ["PastError", "bring_about"]

_DAY = 86400.0
_LONGEST_DAYS = 3650
_APART = 0.001
"""Seconds between two manifests that are pushed one after the other."""


class PastError(ValueError):
    """What is wanted cannot be understood."""


class _Missing(Exception):  # noqa: N818 - told, not a fault
    """What was to be taken over is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """A manifest to be had. sources: one to take over, or the children of an index; (repository, tag) each."""

    sources: tuple[tuple[str, str], ...]
    is_index: bool
    tags: tuple[str, ...]
    days: float


def bring_about(world: "World", wanted: object) -> str:
    """Have it, all of it or nothing: "", or one sentence why it cannot be had. Webhooks are told nothing.

    wanted: {"registry", "repository", "manifests": [{"from": "REPOSITORY:TAG" or "index_of": [such, ...],
    "tags": [...], "days": 0}]}, in order, as if they were pushed one after the other. days: how long ago; a manifest
    that is there already is at least as old afterwards. What locks forbid is not done. Raises PastError.
    """
    try:
        name, repository = str(wanted["registry"]), str(wanted["repository"])  # type: ignore[index]
        manifests = [_read(entry) for entry in wanted["manifests"]]  # type: ignore[index]
    except (KeyError, TypeError, AttributeError) as error:
        raise PastError(f"what a repository shall have cannot be understood: {error!r}") from error
    if not is_name(repository):
        raise PastError(f"no repository can be called {repository!r}")
    registry = world.registries.find(name)
    if registry is None:
        return f"there is no registry `{name}`"
    try:
        with world.store.write():
            _Past(world, registry.id, registry.name, repository).have(manifests)
    except (_Missing, Refusal) as error:
        return str(error)
    return ""


class _Past:
    """One repository of a registry, inside one transaction."""

    def __init__(self, world: "World", registry: str, name: str, repository: str) -> None:
        self._images = world.images
        self._now = world.clock.now()
        self._registry = registry
        self._name = name
        self._repository = repository

    def have(self, manifests: list[_Wanted]) -> None:
        """In that order, the last one now. Raises _Missing and Refusal."""
        for left, wanted in zip(reversed(range(len(manifests))), manifests, strict=True):
            self._have(wanted, self._now - wanted.days * _DAY - left * _APART)

    def _have(self, wanted: _Wanted, moment: float) -> None:
        taken = [self._take(repository, self._digest(repository, tag), moment) for repository, tag in wanted.sources]
        if wanted.is_index:
            body, media_type = _index(taken)
            digest = self._push(body, media_type, moment)
        else:
            (first,) = taken
            digest, media_type = first.digest, first.media_type
            body = self._images.content(self._registry, self._repository, digest) or b""
        for tag in wanted.tags:
            self._push(body, media_type, moment, tag=tag)
        self._images.age(self._registry, self._repository, dict.fromkeys((*wanted.tags, digest), moment))

    def _digest(self, repository: str, name: str) -> str:
        if self._images.repository(self._registry, repository) is None:
            raise _Missing(f"the registry `{self._name}` has no repository `{repository}`")
        tag = self._images.tag(self._registry, repository, name)
        if tag is None:
            raise _Missing(f"`{repository}` in the registry `{self._name}` has no tag `{name}`")
        return tag.digest

    def _take(self, source: str, digest: str, moment: float) -> Manifest:
        """The manifest of that digest with all that it needs, also in this repository from now on."""
        images = self._images
        found, body = images.manifest(self._registry, source, digest), images.content(self._registry, source, digest)
        if found is None or body is None:
            raise _Missing(f"`{source}` in the registry `{self._name}` has no manifest {digest}")
        if source == self._repository or images.manifest(self._registry, self._repository, digest) is not None:
            return found
        content = read_manifest(body, found.media_type)
        for child in content.manifests:
            self._take(source, child.digest, moment)
        for blob in content.blobs:
            if images.links.size(self._registry, source, blob.digest) is None:
                raise _Missing(f"`{source}` in the registry `{self._name}` has no blob {blob.digest}")
            images.links.add(self._registry, self._repository, blob.digest)
        self._push(body, found.media_type, moment, algorithm=digest.partition(":")[0])
        return found

    def _push(self, body: bytes, media_type: str, moment: float, *, tag: str = "", algorithm: str = "sha256") -> str:
        """Its digest."""
        images, here = self._images, (self._registry, self._repository)
        digest = images.push(*here, body, media_type, tag=tag, algorithm=algorithm).digest
        images.age(*here, {digest: moment})
        return digest


def _index(children: list[Manifest]) -> tuple[bytes, str]:
    """An index of these and its media type: Docker's list for Docker's images (what `docker manifest push` sends)."""
    is_docker = all(child.media_type == DOCKER_IMAGE for child in children)
    media_type = DOCKER_LIST if is_docker else OCI_INDEX
    value = {"schemaVersion": 2, "mediaType": media_type, "manifests": [_entry(child) for child in children]}
    return json.dumps(value, indent=3).encode(), media_type


def _entry(child: Manifest) -> dict[str, Any]:
    platform = {"architecture": child.architecture, "os": child.os} if child.architecture and child.os else None
    entry = {"mediaType": child.media_type, "size": child.size, "digest": child.digest}
    return entry if platform is None else {**entry, "platform": platform}


def _read(entry: dict[str, Any]) -> _Wanted:
    """Raises PastError, KeyError, TypeError, AttributeError."""
    children, days, tags = entry.get("index_of") or [], entry.get("days", 0), tuple(_texts(entry.get("tags") or []))
    if bool(children) == bool(entry.get("from")):
        raise PastError("a manifest is taken over, or an index: it needs `from` or `index_of`, not both")
    if isinstance(days, bool) or not isinstance(days, int | float) or not 0 <= days <= _LONGEST_DAYS:
        raise PastError(f"a manifest cannot be {days!r} days old: give a number from 0 to {_LONGEST_DAYS}")
    wrong = [tag for tag in tags if not is_tag(tag)]
    if wrong:
        raise PastError(f"no tag can be called {wrong[0]!r}")
    sources = tuple(_source(text) for text in _texts(children or [entry["from"]]))
    return _Wanted(sources=sources, is_index=bool(children), tags=tags, days=float(days))


def _texts(values: object) -> Iterator[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise PastError(f"a list of texts is needed, not {values!r}")
    yield from values


def _source(text: str) -> tuple[str, str]:
    repository, _, tag = text.partition(":")
    if not is_name(repository) or not is_tag(tag):
        raise PastError(f"{text!r} names no image of the registry: write REPOSITORY:TAG")
    return repository, tag
