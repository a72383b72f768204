"""Users, and things of any kind by their ids."""

from collections.abc import Iterator
from typing import Any

from aiohttp import web

from labrunner.emulator.graph.answers import CONTEXT, body, entity, listing
from labrunner.emulator.graph.problems import bad_request, not_found
from labrunner.emulator.graph.rights import directory_rights
from labrunner.emulator.graph.shapes import USER_PROPERTIES, application, service_principal, user
from labrunner.emulator.routing import Call, json_response

__all__ = ["by_ids", "get", "me", "owned", "user_get", "users"]

_MOST = 1000
_TYPES = ("user", "application", "servicePrincipal")


async def me(call: Call) -> web.StreamResponse:
    """The user who signed in."""
    assert call.principal is not None
    if call.principal.kind != "user":
        raise bad_request("/me request is only valid with delegated authentication flow.", code="BadRequest")
    return entity(call, user(call.world.directory.user()), context="users/$entity")


async def owned(call: Call) -> web.StreamResponse:
    """What the user who signed in owns."""
    assert call.principal is not None
    if call.principal.kind != "user":
        raise bad_request("/me request is only valid with delegated authentication flow.", code="BadRequest")
    owner = call.principal.object_id
    directory = call.world.directory
    mine = {found.app_id for found in directory.applications() if found.owner == owner}
    rows = [row for row in _everything(call) if row.get("appId") in mine]
    return listing(call, rows, context="directoryObjects", kind="directoryObject", properties={"id": False})


async def users(call: Call) -> web.StreamResponse:
    """List users."""
    directory_rights(call)
    rows = [user(call.world.directory.user())]
    return listing(call, rows, context="users", kind="user", properties=USER_PROPERTIES)


async def user_get(call: Call) -> web.StreamResponse:
    """A user, by object id or principal name."""
    directory_rights(call)
    found = call.world.directory.user()
    if call.params["id"].lower() not in {found.object_id, found.name.lower()}:
        raise not_found(call.params["id"])
    return entity(call, user(found), context="users/$entity")


async def get(call: Call) -> web.StreamResponse:
    """Anything, by its object id."""
    directory_rights(call)
    for row in _everything(call):
        if row["id"] == call.params["id"].lower():
            return entity(call, row, context="directoryObjects/$entity")
    raise not_found(call.params["id"])


async def by_ids(call: Call) -> web.StreamResponse:
    """Those of many ids that are somebody's; the others are left out without a word, as Graph does."""
    directory_rights(call)
    sent = await body(call)
    ids, types = sent.get("ids"), sent.get("types") or ["directoryObject"]
    for name, value in (("ids", ids), ("types", types)):
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise bad_request(f"Invalid value specified for property '{name}' of resource 'DirectoryObject'.")
    assert isinstance(ids, list)
    if len(ids) > _MOST:
        raise bad_request(f"The number of ids exceeds the limit of {_MOST}.")  # guess at the wording
    wanted = {object_id.lower() for object_id in ids}
    kinds = _TYPES if "directoryObject" in types else tuple(types)
    rows = [row for row in _everything(call) if row["id"] in wanted and row["@odata.type"].rpartition(".")[2] in kinds]
    return json_response({"@odata.context": f"{CONTEXT}directoryObjects", "value": rows})


def _everything(call: Call) -> Iterator[dict[str, Any]]:
    directory = call.world.directory
    yield {"@odata.type": "#microsoft.graph.user", **user(directory.user())}
    for found in directory.applications():
        yield {"@odata.type": "#microsoft.graph.application", **application(directory, found)}
    for principal in directory.service_principals():
        yield {"@odata.type": "#microsoft.graph.servicePrincipal", **service_principal(directory, principal)}
