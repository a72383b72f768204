"""Application registrations."""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from labrunner.emulator.graph import secrets
from labrunner.emulator.graph.answers import app_id_of, body, entity, listing, nothing
from labrunner.emulator.graph.problems import bad_request, not_found, unsupported
from labrunner.emulator.graph.rights import directory_rights
from labrunner.emulator.graph.shapes import APPLICATION_DEFAULTS, APPLICATION_PROPERTIES, application, user
from labrunner.emulator.routing import Call
from labrunner.emulator.state.directory import Application

__all__ = ["add_password", "create", "delete", "get", "index", "owners", "remove_password", "update"]

_ONE = "applications/$entity"
_NAME_LIMIT = 256
_SIZE_LIMIT = 64 << 10


async def index(call: Call) -> web.StreamResponse:
    """List applications."""
    directory_rights(call)
    directory = call.world.directory
    rows = (application(directory, found) for found in directory.applications())
    return listing(call, rows, context="applications", kind="application", properties=APPLICATION_PROPERTIES)


async def create(call: Call) -> web.StreamResponse:
    """Create an application."""
    owner = directory_rights(call)
    sent = await body(call)
    name = sent.pop("displayName", None)
    if name is None:
        raise bad_request("A value is required for property 'displayName' of resource 'Application'.")
    made = call.world.directory.add_application(_name(name), owner=owner, properties=_said(call, sent, {}))
    row = application(call.world.directory, made)
    kind = "Microsoft.DirectoryServices.Application"
    return entity(call, row, context=_ONE, status=201, headers=_location(call, made.object_id, kind))


async def get(call: Call) -> web.StreamResponse:
    """Get an application."""
    directory_rights(call)
    return entity(call, application(call.world.directory, _found(call)), context=_ONE)


async def update(call: Call) -> web.StreamResponse:
    """Update an application."""
    directory_rights(call)
    found, sent = _found(call), await body(call)
    name = _name(sent.pop("displayName", found.name))
    call.world.directory.update_application(found, name=name, properties=_said(call, sent, found.properties, found))
    return nothing()


async def delete(call: Call) -> web.StreamResponse:
    """Delete an application, and with it its service principal."""
    directory_rights(call)
    call.world.directory.remove_application(_found(call))
    return nothing()


async def owners(call: Call) -> web.StreamResponse:
    """List an application's owners: who created it."""
    directory_rights(call)
    found, directory = _found(call), call.world.directory
    student = directory.user()
    row = {"@odata.type": "#microsoft.graph.user", **user(student)}
    rows = [row] if found.owner == student.object_id else []
    return listing(call, rows, context="directoryObjects", kind="directoryObject", properties={"id": False})


async def add_password(call: Call) -> web.StreamResponse:
    """Add a secret to an application."""
    directory_rights(call)
    return await secrets.add(call, _found(call))


async def remove_password(call: Call) -> web.StreamResponse:
    """Remove a secret of an application."""
    directory_rights(call)
    return await secrets.remove(call, _found(call))


def _found(call: Call) -> Application:
    """By object id, or by the alternate key `(appId='...')`."""
    directory, app_id, object_id = call.world.directory, app_id_of(call), call.params.get("id", "")
    found = directory.application_by_app_id(app_id) if app_id else directory.application(object_id)
    if found is None:
        raise not_found(app_id or object_id)
    return found


def _name(value: Any) -> str:  # noqa: ANN401 - JSON
    if not isinstance(value, str) or not 0 < len(value) <= _NAME_LIMIT:
        raise bad_request("Invalid value specified for property 'displayName' of resource 'Application'.")
    return value


def _said(
    call: Call, sent: Mapping[str, Any], before: Mapping[str, Any], this: Application | None = None
) -> dict[str, Any]:
    """What is said of an application after `sent` was; parts of a complex property that are not sent stay."""
    said = dict(before)
    for name, value in sent.items():
        if name in {"keyCredentials", "passwordCredentials"}:
            if value:
                raise unsupported(f"'{name}' when an application is made or changed: add secrets with addPassword")
            continue
        if name not in APPLICATION_DEFAULTS:
            raise bad_request(f"Invalid property '{name[:100]}'.")
        default = APPLICATION_DEFAULTS[name]
        if value is None and default is not None:
            said.pop(name, None)
            continue
        if not _fits(value, default):
            raise bad_request(f"Invalid value specified for property '{name}' of resource 'Application'.")
        said[name] = {**default, **said.get(name, {}), **value} if isinstance(default, dict) else value
    if len(json.dumps(said)) > _SIZE_LIMIT:
        raise bad_request("The application is larger than the directory allows.")  # guess
    _unique_uris(call, said.get("identifierUris", []), this)
    return said


def _fits(value: Any, default: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether a value is of the kind that the property has; a complex one's parts are looked at the same way."""
    if isinstance(default, dict):
        return isinstance(value, dict) and all(
            name in default and (part is None or _fits(part, default[name])) for name, part in value.items()
        )
    if isinstance(default, list):
        return isinstance(value, list)
    if default is None:
        return value is None or isinstance(value, str | bool | int | dict)
    return isinstance(value, type(default))


def _unique_uris(call: Call, uris: list[Any], this: Application | None) -> None:
    for found in call.world.directory.applications():
        if this is not None and found.object_id == this.object_id:
            continue
        for uri in set(found.properties.get("identifierUris", [])) & {uri for uri in uris if isinstance(uri, str)}:
            raise bad_request(
                f"Another object with the same value for property identifierUris already exists: {uri}"
            )  # guess at the wording


def _location(call: Call, object_id: str, kind: str) -> dict[str, str]:
    base = f"https://graph.microsoft.com/v2/{call.world.directory.tenant}/directoryObjects"
    return {"Location": f"{base}/{object_id}/{kind}"}
