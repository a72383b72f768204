"""Manifests, tags, referrers and the catalogue over HTTP (distribution spec 1.1)."""

from collections.abc import Sequence
from urllib.parse import quote

from aiohttp import web

from labrunner.emulator.acr.errors import answer, digest_invalid, manifest_unknown, standard_headers
from labrunner.emulator.acr.lists import listed, require_listed
from labrunner.emulator.acr.names import is_tag, page_size
from labrunner.emulator.acr.rights import registry_of
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call
from labrunner.emulator.state.artifacts import Manifest
from labrunner.emulator.state.digests import digest_of, is_digest

__all__ = [
    "base",
    "catalog",
    "delete_manifest",
    "get_manifest",
    "list_tags",
    "next_link",
    "put_manifest",
    "record_deleted",
    "referrers",
]

_LARGEST = 4 << 20
_INDEX = "application/vnd.oci.image.index.v1+json"
_REFUSED_WITHOUT_ACCEPT = {
    # distribution's words; that Azure refuses too is a guess. Docker's own forms are served whatever is accepted.
    "application/vnd.oci.image.manifest.v1+json": (
        "OCI manifest found, but accept header does not support OCI manifests"
    ),
    _INDEX: "OCI index found, but accept header does not support OCI indexes",
}


async def base(_call: Call) -> web.StreamResponse:
    """That this is a registry."""
    return answer({})


async def get_manifest(call: Call) -> web.StreamResponse:
    """A manifest, byte for byte as it was pushed; its headers for HEAD."""
    registry, name, reference = registry_of(call), call.params["name"], call.params["reference"]
    manifest, tag = _find(call, reference)
    call.world.images.readable(registry.id, name, manifest.digest, tag)
    refused = _REFUSED_WITHOUT_ACCEPT.get(manifest.media_type)
    if refused and not _accepts(call.header("Accept"), manifest.media_type):
        raise Refusal(404, "MANIFEST_UNKNOWN", refused)
    body = call.world.images.content(registry.id, name, manifest.digest) or b""
    headers = {
        **standard_headers(),
        "Content-Type": manifest.media_type,
        "Docker-Content-Digest": manifest.digest,
        "ETag": f'"{manifest.digest}"',
    }
    if call.request.method == "HEAD":
        response = web.StreamResponse(headers={**headers, "Content-Length": str(len(body))})
        await response.prepare(call.request)
        return response
    return web.Response(body=body, headers=headers)


async def put_manifest(call: Call) -> web.StreamResponse:
    """Take a manifest in, under a tag or under its digest."""
    registry, name, reference = registry_of(call), call.params["name"], call.params["reference"]
    is_by_digest = is_digest(reference)
    if not is_by_digest and not is_tag(reference):
        code, said = ("DIGEST_INVALID", "invalid digest") if ":" in reference else ("TAG_INVALID", "invalid tag")
        raise Refusal(400, code, said, detail={"reference": reference[:300]})
    try:
        body = await call.body(limit=_LARGEST)
    except Refusal as refusal:
        if refusal.status != 413:
            raise
        raise Refusal(413, "SIZE_INVALID", "the manifest is too large", detail={"limit": _LARGEST}) from refusal
    algorithm = reference.partition(":")[0] if is_by_digest else "sha256"
    if is_by_digest and digest_of(body, algorithm) != reference:
        raise digest_invalid("the manifest has another digest")
    tag = "" if is_by_digest else reference
    pushed = call.world.images.push(registry.id, name, body, call.header("Content-Type"), tag=tag, algorithm=algorithm)
    call.world.webhooks.record(
        registry.id,
        action="push",
        repository=name,
        tag=tag,
        digest=pushed.digest,
        media_type=pushed.media_type,
        size=pushed.size,
        actor=call.principal.name if call.principal else "",
        user_agent=call.header("User-Agent"),
    )
    headers = {"Location": f"/v2/{quote(name)}/manifests/{pushed.digest}", "Docker-Content-Digest": pushed.digest}
    if pushed.subject:
        headers["OCI-Subject"] = pushed.subject
    return answer(status=201, headers=headers)


async def delete_manifest(call: Call) -> web.StreamResponse:
    """Remove a manifest with all its tags, or only a tag (distribution spec, "Deleting tags")."""
    registry, name, reference = registry_of(call), call.params["name"], call.params["reference"]
    images = call.world.images
    if is_digest(reference):
        gone = images.delete_manifest(registry.id, name, reference)
        if not gone:
            raise manifest_unknown(reference, is_tag=False)
        record_deleted(call, name, gone)
    elif images.untag(registry.id, name, reference) is None:
        raise manifest_unknown(reference, is_tag=True)
    return answer(status=202)


def record_deleted(call: Call, name: str, gone: Sequence[Manifest]) -> None:
    """Tell the webhooks. Microsoft: removing a tag only tells nobody."""
    for manifest in gone:
        call.world.webhooks.record(
            registry_of(call).id,
            action="delete",
            repository=name,
            tag="",
            digest=manifest.digest,
            media_type=manifest.media_type,
            size=manifest.size,
            actor=call.principal.name if call.principal else "",
            user_agent=call.header("User-Agent"),
        )


async def referrers(call: Call) -> web.StreamResponse:
    """What refers to a digest, as an index; none is an empty one."""
    registry, digest = registry_of(call), call.params["digest"]
    if not is_digest(digest):
        raise digest_invalid("that is no digest of a supported algorithm")
    wanted = call.query.get("artifactType", "")
    entries = []
    for found in call.world.images.referrers(registry.id, call.params["name"], digest, artifact_type=wanted):
        entry: dict[str, object] = {"mediaType": found.media_type, "digest": found.digest, "size": found.size}
        if found.artifact_type:
            entry["artifactType"] = found.artifact_type
        if found.annotations:
            entry["annotations"] = found.annotations
        entries.append(entry)
    return web.Response(
        body=answer({"schemaVersion": 2, "mediaType": _INDEX, "manifests": entries}).body,
        headers={
            **standard_headers(),
            "Content-Type": _INDEX,
            **({"OCI-Filters-Applied": "artifactType"} if wanted else {}),
        },
    )


async def list_tags(call: Call) -> web.StreamResponse:
    """The names of a repository's tags."""
    registry, name = registry_of(call), call.params["name"]
    require_listed(call, name)
    size, last, images = page_size(call.query.get("n")), call.query.get("last", ""), call.world.images
    found = listed(
        call,
        f"{name}'s tags",
        lambda: [tag.name for tag in images.tags(registry.id, name, last=last, count=size + 1)],
    )
    names = found[:size]
    headers = next_link(f"/v2/{quote(name)}/tags/list", names, more=len(found) > size, size=size)
    return answer({"name": name, "tags": names}, headers=headers)


async def catalog(call: Call) -> web.StreamResponse:
    """The names of the repositories, of /v2 and of /acr/v1."""
    registry = registry_of(call)
    size, last, images = page_size(call.query.get("n")), call.query.get("last", ""), call.world.images
    found = listed(
        call,
        "repositories",
        lambda: [repository.name for repository in images.repositories(registry.id, last=last, count=size + 1)],
    )
    names = found[:size]
    path = call.request.rel_url.raw_path.rstrip("/")
    return answer({"repositories": names}, headers=next_link(path, names, more=len(found) > size, size=size, order=""))


def next_link(path: str, names: Sequence[str], *, more: bool, size: int, order: str | None = None) -> dict[str, str]:
    """The Link header of a page that is not the last one (recorded: last, n, orderby, in that order)."""
    if not more or not names:
        return {}
    tail = "" if order is None else f"&orderby={order}"
    return {"Link": f'<{path}?last={quote(names[-1], safe="")}&n={size}{tail}>; rel="next"'}


def _find(call: Call, reference: str) -> tuple[Manifest, str]:
    """The manifest, and the tag that it was asked by."""
    registry, name, images = registry_of(call), call.params["name"], call.world.images
    tag = "" if is_digest(reference) else reference
    named = images.tag(registry.id, name, tag) if tag else None
    digest = named.digest if named else "" if tag else reference
    manifest = images.manifest(registry.id, name, digest) if digest else None
    if manifest is None:
        raise manifest_unknown(reference[:300], is_tag=bool(tag))
    return manifest, tag


def _accepts(header: str, media_type: str) -> bool:
    """Whether an Accept header (RFC 9110, 12.5.1; all of them joined) takes that type. None takes everything."""
    wanted = [part.partition(";")[0].strip().lower() for part in header.split(",") if part.strip()]
    return not wanted or any(part in {"*/*", "application/*", media_type} for part in wanted)
