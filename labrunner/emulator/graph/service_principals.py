"""Service principals: applications as somebody who can be given rights."""

from aiohttp import web

from labrunner.emulator.graph import secrets
from labrunner.emulator.graph.answers import app_id_of, body, entity, listing, nothing
from labrunner.emulator.graph.problems import bad_request, not_found
from labrunner.emulator.graph.rights import directory_rights
from labrunner.emulator.graph.shapes import SERVICE_PRINCIPAL_PROPERTIES, service_principal
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call
from labrunner.emulator.state.directory import ServicePrincipal

__all__ = ["add_password", "create", "delete", "get", "index", "remove_password"]

_ONE = "servicePrincipals/$entity"


async def index(call: Call) -> web.StreamResponse:
    """List service principals."""
    directory_rights(call)
    directory = call.world.directory
    rows = (service_principal(directory, found) for found in directory.service_principals())
    return listing(
        call, rows, context="servicePrincipals", kind="servicePrincipal", properties=SERVICE_PRINCIPAL_PROPERTIES
    )


async def create(call: Call) -> web.StreamResponse:
    """Make an application of this tenant a service principal."""
    directory_rights(call)
    sent, directory = await body(call), call.world.directory
    app_id, enabled, tags = sent.pop("appId", None), sent.pop("accountEnabled", True), sent.pop("tags", [])
    if sent:
        raise bad_request(f"Invalid property '{next(iter(sent))[:100]}'.")
    if not isinstance(app_id, str):
        raise bad_request("A value is required for property 'appId' of resource 'ServicePrincipal'.")
    if enabled is not True or not (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)):
        raise bad_request(
            "Invalid value specified for property 'accountEnabled' or 'tags' of resource 'ServicePrincipal'."
        )
    found = directory.application_by_app_id(app_id)
    if found is None:
        text = f"The appId '{app_id}' of the service principal does not reference a valid application object."
        detail = [{"code": "NoBackingApplicationObject", "message": text, "target": "appId"}]
        raise Refusal(400, "Request_BadRequest", text, detail=detail)
    if directory.service_principal_by_app_id(app_id) is not None:
        raise Refusal(
            409,
            "Request_MultipleObjectsWithSameKeyValue",
            "The service principal cannot be created, updated, or restored because the service principal name "
            f"{app_id} is already in use.",
        )
    made = directory.add_service_principal(found, properties={"tags": tags})
    location = f"https://graph.microsoft.com/v2/{directory.tenant}/directoryObjects/{made.object_id}"
    return entity(
        call,
        service_principal(directory, made),
        context=_ONE,
        status=201,
        headers={"Location": f"{location}/Microsoft.DirectoryServices.ServicePrincipal"},
    )


async def get(call: Call) -> web.StreamResponse:
    """Get a service principal."""
    directory_rights(call)
    return entity(call, service_principal(call.world.directory, _found(call)), context=_ONE)


async def delete(call: Call) -> web.StreamResponse:
    """Delete a service principal; role assignments to it stay, with a principal that nobody knows."""
    directory_rights(call)
    call.world.directory.remove_service_principal(_found(call))
    return nothing()


async def add_password(call: Call) -> web.StreamResponse:
    """Add a secret to a service principal."""
    directory_rights(call)
    return await secrets.add(call, _found(call))


async def remove_password(call: Call) -> web.StreamResponse:
    """Remove a secret of a service principal."""
    directory_rights(call)
    return await secrets.remove(call, _found(call))


def _found(call: Call) -> ServicePrincipal:
    directory, app_id, object_id = call.world.directory, app_id_of(call), call.params.get("id", "")
    found = (
        directory.service_principal_by_app_id(app_id)
        if app_id
        else directory.service_principal(call.params.get("id", ""))
    )
    if found is None:
        raise not_found(app_id or object_id)
    return found
