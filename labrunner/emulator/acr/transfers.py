"""Blobs over HTTP (distribution spec 1.1, "Pulling blobs", "Pushing blobs"), streamed between socket and disk."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from urllib.parse import quote

import aiohttp
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from labrunner.emulator.acr.errors import answer, blob_unknown, digest_invalid, standard_headers, unauthorized
from labrunner.emulator.acr.names import is_name
from labrunner.emulator.acr.rights import admitted, grants_of, registry_of
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call
from labrunner.emulator.state.digests import is_digest
from labrunner.emulator.state.registries import Registry
from labrunner.emulator.state.uploads import Upload, UploadBusy

__all__ = ["begin_upload", "cancel_upload", "delete_blob", "get_blob", "patch_upload", "put_upload", "upload_status"]

_PIECE = 1 << 20
_RANGE = re.compile(r"bytes=(?P<first>\d*)-(?P<last>\d*)")
_CONTENT_RANGE = re.compile(r"(?:bytes[ =])?(?P<first>\d{1,18})-(?P<last>\d{1,18})(?:/(?:\d+|\*))?")


async def get_blob(call: Call) -> web.StreamResponse:
    """A blob, or the part of it that `Range` names (RFC 9110, 14); its headers for HEAD."""
    registry, name, digest = registry_of(call), call.params["name"], call.params["digest"]
    if not is_digest(digest):
        raise digest_invalid("that is no digest of a supported algorithm")
    size = call.world.images.links.size(registry.id, name, digest)
    if size is None:
        raise blob_unknown()
    call.world.images.readable(registry.id, name)
    headers = {
        **standard_headers(),
        "Accept-Ranges": "bytes",
        "Content-Type": "application/octet-stream",
        "Docker-Content-Digest": digest,
        "ETag": f'"{digest}"',
        "Cache-Control": "max-age=31536000",
    }
    first, last, status = 0, size - 1, 200
    if call.request.method == "GET" and (wanted := _wanted_range(call.header("Range"), size)) is not None:
        first, last = wanted
        if first > last:
            raise Refusal(
                416, "RANGE_INVALID", "invalid content range", headers={"Content-Range": f"bytes */{size}"}
            )  # guess: the code
        status, headers["Content-Range"] = 206, f"bytes {first}-{last}/{size}"
    headers["Content-Length"] = str(last - first + 1)
    response = web.StreamResponse(status=status, headers=headers)
    if call.request.method == "HEAD":
        await response.prepare(call.request)
        return response
    try:
        descriptor = os.open(call.world.blobs.path(digest), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise blob_unknown() from error
    try:
        await response.prepare(call.request)
        await _send(response, descriptor, first, last + 1)
    finally:
        os.close(descriptor)
    await response.write_eof()
    return response


async def delete_blob(call: Call) -> web.StreamResponse:
    """Let the repository no longer have a blob."""
    digest = call.params["digest"]
    if not is_digest(digest):
        raise digest_invalid("that is no digest of a supported algorithm")
    if not call.world.images.delete_blob(registry_of(call).id, call.params["name"], digest):
        raise blob_unknown()
    return answer(status=202, headers={"Docker-Content-Digest": digest})


async def begin_upload(call: Call) -> web.StreamResponse:
    """Begin an upload; or take the whole blob at once (`digest`); or take it from another repository (`mount`)."""
    registry, name = registry_of(call), call.params["name"]
    mount, source = call.query.get("mount", ""), call.query.get("from", "")
    if mount and _mounted(call, registry, name, mount, source):
        return _made(name, mount)
    digest = call.query.get("digest", "")
    if digest and not is_digest(digest):
        raise digest_invalid("that is no digest of a supported algorithm")
    algorithm = digest.partition(":")[0] or call.query.get("digest-algorithm", "sha256")
    if algorithm not in {"sha256", "sha512"}:
        raise Refusal(400, "UNSUPPORTED", "the digest algorithm is not supported", detail={"algorithm": algorithm[:50]})
    call.world.images.links.tidy()
    upload = call.world.blobs.begin(_owner(registry, name), algorithm=algorithm)
    if not digest or mount:
        return _going_on(name, upload)
    try:
        await _receive(call, upload)
    except BaseException:
        call.world.blobs.discard(upload)  # nobody was told of it: nobody can go on with it
        raise
    return await _finish(call, registry, upload, digest)


async def patch_upload(call: Call) -> web.StreamResponse:
    """The next part: with Content-Range (chunked), or what comes until the end (streamed, as Docker does)."""
    upload = _upload(call)
    _check_place(call, upload)
    await _receive(call, upload)
    return _going_on(call.params["name"], upload)


async def put_upload(call: Call) -> web.StreamResponse:
    """The last part, which may be empty, and the digest of the whole."""
    upload = _upload(call)
    digest = call.query.get("digest", "")
    if not is_digest(digest):
        raise digest_invalid("the digest is missing, or is none of a supported algorithm")
    _check_place(call, upload)
    await _receive(call, upload)
    return await _finish(call, registry_of(call), upload, digest)


async def upload_status(call: Call) -> web.StreamResponse:
    """How far an upload has come."""
    return _going_on(call.params["name"], _upload(call), status=204)


async def cancel_upload(call: Call) -> web.StreamResponse:
    """End an upload."""
    upload = _upload(call)
    _hold(upload)
    call.world.blobs.discard(upload)
    return answer(status=204)


def _owner(registry: Registry, name: str) -> str:
    return f"{registry.uid}/{name}"


def _upload(call: Call) -> Upload:
    found = call.world.blobs.upload(_owner(registry_of(call), call.params["name"]), call.params["upload"])
    if found is None:
        raise Refusal(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
    return found


def _hold(upload: Upload) -> None:
    try:
        upload.hold()
    except UploadBusy as busy:
        # Guess: the status. The specification knows one writer only.
        raise Refusal(409, "BLOB_UPLOAD_INVALID", "another request is writing to this blob upload") from busy


def _mounted(call: Call, registry: Registry, name: str, digest: str, source: str) -> bool:
    """A mount that is not possible, or not allowed, becomes an upload (distribution spec, "Mounting a blob")."""
    if not is_digest(digest) or not is_name(source):
        return False
    links = call.world.images.links
    if links.size(registry.id, source, digest) is None:
        return False
    grant = admitted(call, ("pull", "push"))
    if not grant.allows("repository", source, "pull"):
        if "pull" not in grants_of(call.world, registry, grant.principal):
            return False
        wanted = [("repository", name, "pull"), ("repository", name, "push"), ("repository", source, "pull")]
        raise unauthorized(registry.login_server, wanted, error="insufficient_scope")
    try:
        call.world.images.readable(registry.id, source)
    except Refusal:
        return False
    links.add(registry.id, name, digest)
    return True


def _check_place(call: Call, upload: Upload) -> None:
    """Refuse a part that does not begin where the upload ends, or is not as long as it says."""
    said = call.header("Content-Range")
    if not said:
        return
    found = _CONTENT_RANGE.fullmatch(said.strip())
    if found is None or int(found["last"]) < int(found["first"]):
        raise Refusal(400, "BLOB_UPLOAD_INVALID", "blob upload invalid", detail={"reason": "Content-Range"})
    first, last = int(found["first"]), int(found["last"])
    if first != upload.size:
        headers = _upload_headers(call.params["name"], upload)
        raise Refusal(416, "RANGE_INVALID", "invalid content range", headers=headers)
    length = call.request.content_length
    if length is not None and length != last - first + 1:
        raise Refusal(400, "SIZE_INVALID", "provided length did not match content length")


async def _receive(call: Call, upload: Upload) -> None:
    """Append the request's body. While one piece is hashed and written in a thread, the next one is read."""
    limit = call.world.blobs.limit
    if upload.size + (call.request.content_length or 0) > limit:
        raise _too_large(limit)
    _hold(upload)
    writing: asyncio.Future[None] | None = None
    loop = asyncio.get_running_loop()
    descriptor = -1
    try:
        descriptor = upload.open()
        async for piece in _pieces(call, room=limit - upload.size):
            if writing is not None:
                await writing
            writing = loop.run_in_executor(None, upload.append, descriptor, piece)
        if writing is not None:
            await writing
    except ConnectionError:
        raise
    except OSError as error:
        raise Refusal(507, "UNKNOWN", f"the local Azure cannot write the blob: {error.strerror}") from error
    finally:
        if writing is not None and not writing.done():
            await asyncio.wait([writing])
        if descriptor >= 0:
            os.close(descriptor)
        upload.release()


async def _pieces(call: Call, *, room: int) -> AsyncIterator[list[bytes]]:
    """The request's body in pieces of about a megabyte. Raises Refusal when there is more than `room` bytes of it, and
    ConnectionResetError when it ends too early."""
    parts: list[bytes] = []
    length = 0
    try:
        async for part in call.request.content.iter_any():
            parts.append(part)
            length += len(part)
            room -= len(part)
            if room < 0:
                raise _too_large(call.world.blobs.limit)
            if length >= _PIECE:
                yield parts
                parts, length = [], 0
    except (aiohttp.ClientError, HttpProcessingError) as error:
        raise ConnectionResetError("the client went away within a blob") from error
    if parts:
        yield parts


async def _finish(call: Call, registry: Registry, upload: Upload, digest: str) -> web.StreamResponse:
    _hold(upload)
    blobs, name = call.world.blobs, call.params["name"]
    loop = asyncio.get_running_loop()
    try:
        found = await loop.run_in_executor(None, upload.seal, digest.partition(":")[0])
        if found == digest:
            await loop.run_in_executor(None, blobs.keep, upload, digest)
    finally:
        upload.release()
    if found != digest:
        blobs.discard(upload)  # as distribution does
        raise digest_invalid("the content has another digest")
    call.world.images.links.add(registry.id, name, digest)
    return _made(name, digest)


def _too_large(limit: int) -> Refusal:
    return Refusal(413, "SIZE_INVALID", "the blob is too large", detail={"limit": limit})


def _upload_headers(name: str, upload: Upload) -> dict[str, str]:
    return {
        "Location": f"/v2/{quote(name)}/blobs/uploads/{upload.id}",
        "Docker-Upload-Uuid": upload.id,
        "Range": f"0-{max(upload.size - 1, 0)}",  # recorded: 0-0 for an empty one
    }


def _going_on(name: str, upload: Upload, *, status: int = 202) -> web.Response:
    return answer(status=status, headers=_upload_headers(name, upload))


def _made(name: str, digest: str) -> web.Response:
    location = f"/v2/{quote(name)}/blobs/{digest}"
    return answer(status=201, headers={"Location": location, "Docker-Content-Digest": digest})


def _wanted_range(text: str, size: int) -> tuple[int, int] | None:
    """First and last byte; first > last if that cannot be satisfied; None for everything (also several ranges)."""
    found = _RANGE.fullmatch(text.strip())
    if found is None or len(text) > 60 or not (found["first"] or found["last"]):
        return None
    if not found["first"]:
        return (max(0, size - int(found["last"])), size - 1) if int(found["last"]) and size else (1, 0)
    first, last = int(found["first"]), int(found["last"] or size - 1)
    if found["last"] and last < first:
        return None  # RFC 9110, 14.1.1: invalid, to be ignored
    return (first, min(last, size - 1)) if first < size else (1, 0)


async def _send(response: web.StreamResponse, descriptor: int, at: int, end: int) -> None:
    loop = asyncio.get_running_loop()
    while at < end:
        part = await loop.run_in_executor(None, os.pread, descriptor, min(_PIECE, end - at), at)
        if not part:
            raise ConnectionResetError("the blob's file is shorter than it was")
        await response.write(part)
        at += len(part)
