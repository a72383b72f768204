"""What Azure tells of repositories beyond the specification: /acr/v1 (Microsoft's REST reference "Container Registry";
shapes as recorded by azure-sdk-for-js and -python)."""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

from aiohttp import web

from labrunner.emulator.acr.errors import answer, name_unknown, tag_unknown
from labrunner.emulator.acr.lists import listed, require_listed
from labrunner.emulator.acr.manifests import next_link, record_deleted
from labrunner.emulator.acr.names import page_size
from labrunner.emulator.acr.rights import registry_of
from labrunner.emulator.clock import iso
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call
from labrunner.emulator.state.artifacts import ATTRIBUTES, Attributes, Manifest, Repository, Tag
from labrunner.emulator.state.lists import ORDERS
from labrunner.emulator.state.manifests import read_manifest
from labrunner.emulator.trust.serving import Place, signed_tags

__all__ = [
    "delete_repository",
    "delete_tag",
    "get_manifest",
    "get_repository",
    "get_tag",
    "list_manifests",
    "list_tags",
    "patch_manifest",
    "patch_repository",
    "patch_tag",
]


async def get_repository(call: Call) -> web.StreamResponse:
    """A repository's properties."""
    return answer(_repository(call))


async def patch_repository(call: Call) -> web.StreamResponse:
    """Set a repository's attributes."""
    wanted = await _attributes(call)
    _repository(call)
    call.world.images.change(registry_of(call).id, call.params["name"], wanted)
    return answer(_repository(call))


async def delete_repository(call: Call) -> web.StreamResponse:
    """Remove a repository with all that is in it."""
    name = call.params["name"]
    gone = call.world.images.delete_repository(registry_of(call).id, name)
    if gone is None:
        raise name_unknown(name)
    record_deleted(call, name, gone)
    found = {
        "manifestsDeleted": [manifest.digest for manifest in gone],
        "tagsDeleted": [tag for manifest in gone for tag in manifest.tags],
    }
    return answer(found, status=202)


async def list_tags(call: Call) -> web.StreamResponse:
    """A repository's tags with their properties."""
    registry, name = registry_of(call), call.params["name"]
    size, last, order = _page(call)
    images, digest = call.world.images, call.query.get("digest", "")
    found = listed(
        call,
        f"{name}'s tags",
        lambda: images.tags(registry.id, name, last=last, count=size + 1, order=order, digest=digest),
    )
    shown = found[:size]
    path, names = f"/acr/v1/{quote(name, safe='')}/_tags", [tag.name for tag in shown]
    headers = next_link(path, names, more=len(found) > size, size=size, order=order)
    signed = _signed(call)
    return answer({**_of(call), "tags": [_tag(tag, signed) for tag in shown]}, headers=headers)


async def get_tag(call: Call) -> web.StreamResponse:
    """A tag's properties."""
    return answer(_one_tag(call))


async def patch_tag(call: Call) -> web.StreamResponse:
    """Set a tag's attributes."""
    wanted = await _attributes(call)
    _one_tag(call)
    call.world.images.change(registry_of(call).id, call.params["name"], wanted, tag=call.params["tag"])
    return answer(_one_tag(call))


async def delete_tag(call: Call) -> web.StreamResponse:
    """Remove a tag, and nothing else."""
    if call.world.images.untag(registry_of(call).id, call.params["name"], call.params["tag"]) is None:
        raise tag_unknown()
    return answer(status=202)


async def list_manifests(call: Call) -> web.StreamResponse:
    """A repository's manifests with their properties, the untagged ones too."""
    registry, name = registry_of(call), call.params["name"]
    size, last, order = _page(call)
    images = call.world.images
    found = listed(
        call,
        f"{name}'s manifests",
        lambda: images.manifests(registry.id, name, last=last, count=size + 1, order=order),
    )
    shown = found[:size]
    path, names = f"/acr/v1/{quote(name, safe='')}/_manifests", [manifest.digest for manifest in shown]
    headers = next_link(path, names, more=len(found) > size, size=size, order=order)
    return answer({**_of(call), "manifests": [_manifest(manifest) for manifest in shown]}, headers=headers)


async def get_manifest(call: Call) -> web.StreamResponse:
    """A manifest's properties."""
    return answer(_one_manifest(call, references=True))


async def patch_manifest(call: Call) -> web.StreamResponse:
    """Set a manifest's attributes."""
    wanted = await _attributes(call)
    _one_manifest(call)
    call.world.images.change(registry_of(call).id, call.params["name"], wanted, digest=call.params["digest"])
    return answer(_one_manifest(call))


def _page(call: Call) -> tuple[int, str, str]:
    """Size, where the last page ended, order. Raises Refusal, also when there is no such repository."""
    require_listed(call, call.params["name"])
    order = call.query.get("orderby", "")
    if order == "none":
        order = ""
    if order not in ORDERS:
        raise Refusal(400, "UNSUPPORTED", "The operation is unsupported.", detail={"orderby": order[:50]})  # guess
    return page_size(call.query.get("n")), call.query.get("last", ""), order


async def _attributes(call: Call) -> Mapping[str, bool]:
    """What the body sets. Quarantine is not there: what is said of it is left aside."""
    try:
        body = await call.json()
    except Refusal as refusal:
        raise _bad_request("the body is no JSON object") from refusal
    names = [azure for _, azure in ATTRIBUTES.values()]
    wanted = {name: body[name] for name in names if body.get(name) is not None}
    if not all(isinstance(value, bool) for value in wanted.values()):
        raise _bad_request(f"{', '.join(names)} are true or false")
    return wanted


def _bad_request(why: str) -> Refusal:
    """Guess: the code and the words."""
    return Refusal(400, "BAD_REQUEST", why)


def _of(call: Call) -> dict[str, Any]:
    return {"registry": registry_of(call).login_server, "imageName": call.params["name"]}


def _repository(call: Call) -> dict[str, Any]:
    name = call.params["name"]
    found = call.world.images.repository(registry_of(call).id, name)
    if found is None:
        raise name_unknown(name)
    return {
        **_of(call),
        **_times(found),
        "manifestCount": found.manifests,
        "tagCount": found.tags,
        "changeableAttributes": _changeable(found.attributes),
    }


def _one_tag(call: Call) -> dict[str, Any]:
    found = call.world.images.tag(registry_of(call).id, call.params["name"], call.params["tag"])
    if found is None:
        raise tag_unknown()
    return {**_of(call), "tag": _tag(found, _signed(call))}


def _one_manifest(call: Call, *, references: bool = False) -> dict[str, Any]:
    found = call.world.images.manifest(registry_of(call).id, call.params["name"], call.params["digest"])
    if found is None:
        raise Refusal(404, "MANIFEST_UNKNOWN", "manifest unknown")  # recorded
    named = _references(call, found) if references else []
    return {**_of(call), "manifest": {**_manifest(found), **({"references": named} if named else {})}}


def _references(call: Call, manifest: Manifest) -> list[dict[str, Any]]:
    """What an index names, in its order (recorded; in lists they are left out)."""
    body = call.world.images.content(registry_of(call).id, call.params["name"], manifest.digest) or b"{}"
    content = read_manifest(body, manifest.media_type)
    # Recorded with both keys; guess: what an entry's platform does not say is left out.
    return [
        {
            "digest": entry.digest,
            **{key: entry.platform[key] for key in ("architecture", "os") if key in entry.platform},
        }
        for entry in content.manifests
    ]


def _signed(call: Call) -> frozenset[tuple[str, str]]:
    registry = registry_of(call)
    if not registry.trusts_content:
        return frozenset()
    return signed_tags(Place(world=call.world, registry=registry, repository=call.params["name"]))


def _tag(tag: Tag, signed: Collection[tuple[str, str]]) -> dict[str, Any]:
    return {
        "name": tag.name,
        "digest": tag.digest,
        **_times(tag),
        "signed": (tag.name, tag.digest) in signed,
        "changeableAttributes": _changeable(tag.attributes),
    }


def _manifest(manifest: Manifest) -> dict[str, Any]:
    """Recorded: what is not known of a manifest is left out."""
    known = {
        "architecture": manifest.architecture,
        "os": manifest.os,
        "mediaType": manifest.media_type,
        "configMediaType": manifest.config_media_type,
        "tags": list(manifest.tags),
    }
    return {
        "digest": manifest.digest,
        "imageSize": manifest.image_size,
        **_times(manifest),
        **{name: value for name, value in known.items() if value},
        "changeableAttributes": _changeable(manifest.attributes),
    }


def _times(thing: Repository | Manifest | Tag) -> dict[str, str]:
    return {"createdTime": iso(thing.created), "lastUpdateTime": iso(thing.updated)}


def _changeable(attributes: Attributes) -> dict[str, bool]:
    return {azure: getattr(attributes, name) for name, azure in ATTRIBUTES.values()}
