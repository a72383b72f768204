"""The trust server that every registry has under its own name (Notary v1, as Docker Content Trust asks it): metadata,
uploads of it, and the keys that the registry signs with. Routes and codes: notary-server's (`server/server.go`)."""

import re
from datetime import UTC, datetime
from email.message import Message

import aiohttp
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from labrunner.emulator.acr.errors import answer, standard_headers
from labrunner.emulator.acr.names import is_name
from labrunner.emulator.acr.rights import registry_of
from labrunner.emulator.routing import Call
from labrunner.emulator.trust.errors import (
    invalid_gun,
    invalid_role,
    malformed_upload,
    no_filename,
    not_enabled,
    not_found,
)
from labrunner.emulator.trust.metadata import BASE_ROLES, is_delegation
from labrunner.emulator.trust.serving import SERVED_ROLES, Place, current, rotated_key, served_key
from labrunner.emulator.trust.updates import update

__all__ = ["delete_metadata", "get_key", "get_metadata", "post_metadata", "rotate_key"]

_FILE = re.compile(r"(?:(?P<version>\d{1,10})\.)?(?P<role>[-a-z0-9_/]+)(?:\.(?P<digest>[0-9a-fA-F]{64}))?")
_LONGEST_UPLOAD = 8 << 20
_MOST_PARTS = 100


async def get_metadata(call: Call) -> web.StreamResponse:
    """A role's file: the newest (`root.json`), one by its SHA-256 (`root.0a1b...json`) or version (`1.root.json`)."""
    place = _place(call)
    asked = _FILE.fullmatch(call.params["file"])
    if place is None or asked is None or (asked["version"] and asked["digest"]) or not _is_role(asked["role"]):
        raise not_found()
    trust, key = call.world.trust, (place.registry.id, place.repository, asked["role"])
    if asked["digest"]:
        found = trust.by_digest(*key, asked["digest"])
    elif asked["version"]:
        found = trust.by_version(*key, int(asked["version"]))
    else:
        found = current(place, asked["role"])
    if found is None:
        raise not_found()
    lasting = asked["digest"] or asked["version"]
    headers = {
        **standard_headers(),
        "Content-Type": "application/json; charset=utf-8",
        "Cache-Control": "public, max-age=2592000" if lasting else "max-age=0, no-cache, no-store",
        "Last-Modified": datetime.fromtimestamp(found.stored, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"),
    }
    return web.Response(body=found.body, headers=headers)


async def post_metadata(call: Call) -> web.StreamResponse:
    """New files of one or more roles: all of them are taken, or none."""
    place = _signed_place(call)
    try:
        body = await call.body(limit=_LONGEST_UPLOAD)
    except (aiohttp.ClientError, HttpProcessingError) as error:
        raise ConnectionResetError("the client went away within an upload") from error
    update(place, _parts(call.header("Content-Type"), body))
    return answer(status=200)


async def delete_metadata(call: Call) -> web.StreamResponse:
    """Remove all trust data of a repository; its images stay. Idempotent."""
    place = _signed_place(call)
    call.world.trust.delete(place.registry.id, place.repository)
    return answer(status=200)


async def get_key(call: Call) -> web.StreamResponse:
    """The public half of the key that the registry signs a role with."""
    return answer(served_key(_signed_place(call), _served_role(call)).json())


async def rotate_key(call: Call) -> web.StreamResponse:
    """The public half of a new key, which signs as soon as a root names it."""
    return answer(rotated_key(_signed_place(call), _served_role(call)).json())


def _place(call: Call) -> Place | None:
    """What is asked about; None for what is no repository of this registry. Raises Refusal."""
    registry = registry_of(call)
    if not registry.trusts_content:
        raise not_enabled()
    host, _, repository = call.params["name"].partition("/")
    if host != registry.login_server or not is_name(repository):
        return None
    return Place(world=call.world, registry=registry, repository=repository)


def _signed_place(call: Call) -> Place:
    place = _place(call)
    if place is None:
        raise invalid_gun(f"{registry_of(call).login_server}/")
    return place


def _is_role(name: str) -> bool:
    return name in BASE_ROLES or is_delegation(name)


def _served_role(call: Call) -> str:
    role = call.params["role"]
    if role not in SERVED_ROLES:
        raise invalid_role(role)
    return role


def _parts(content_type: str, body: bytes) -> dict[str, bytes]:
    """The files of a multipart/form-data body (RFC 7578), by role. Raises Refusal."""
    kind = Message()
    kind["Content-Type"] = content_type
    boundary = kind.get_boundary()
    if kind.get_content_type() != "multipart/form-data" or not boundary:
        raise malformed_upload()
    line = b"\r\n--" + boundary.encode("utf-8", "replace")
    _, *pieces = (b"\r\n" + body).split(line)
    if not pieces or len(pieces) > _MOST_PARTS or pieces.pop().strip() != b"--":
        raise malformed_upload()  # no form, too many parts, or cut off; Docker, signing the same again, sends no part
    found: dict[str, bytes] = {}
    for piece in pieces:
        head, gap, content = piece.partition(b"\r\n\r\n")
        if not gap or not head.startswith(b"\r\n"):
            raise malformed_upload()
        role = _role_of(head)
        if role in found:
            raise malformed_upload()
        found[role] = content
    return found


def _role_of(head: bytes) -> str:
    named = Message()
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition":
            named["Content-Disposition"] = value.strip()
    role = str(named.get_param("filename", "", header="content-disposition") or "").removesuffix(".json")
    if not role:
        raise no_filename()
    if not _is_role(role) or role == "timestamp":  # nobody but the registry signs timestamps
        raise invalid_role(role)
    return role
