"""What all requests to Azure Resource Manager have in common: who asks, what it needs, how answers and errors look."""

import re
import uuid
from collections.abc import Mapping

from aiohttp import web

from labrunner.emulator.access import ARM_AUDIENCES, bearer
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call, json_response
from labrunner.emulator.state.directory import Principal
from labrunner.emulator.state.registries import Registry
from labrunner.emulator.state.resources import Group
from labrunner.emulator.trouble import note_waiting

__all__ = [
    "GROUP",
    "HOST",
    "REGISTRY",
    "SUBSCRIPTION",
    "accepted",
    "admit",
    "answer",
    "asker",
    "existing_group",
    "existing_registry",
    "group_there",
    "may",
    "not_found",
    "object_in",
    "registry_id",
    "render",
    "require",
    "subscription_scope",
    "tags_in",
    "text_in",
]

HOST = "management.azure.com"
SUBSCRIPTION = "/subscriptions/{subscription}"
GROUP = f"{SUBSCRIPTION}/resourceGroups/{{group}}"
REGISTRY = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/{{registry}}"

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_POLL_MILLISECONDS = "100"


async def admit(call: Call) -> None:
    """Ask for an api-version and a token, as every request needs both. Raises Refusal."""
    if not call.query.get("api-version", "").strip():
        raise Refusal(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    call.principal = bearer(call, ARM_AUDIENCES)


def render(refusal: Refusal, call: Call) -> web.Response:
    """An error as Resource Manager writes it."""
    error: dict[str, object] = {"code": refusal.code, "message": refusal.message}
    if refusal.detail is not None:
        error["details"] = refusal.detail
    headers = {**_headers(call), "x-ms-failure-cause": "gateway", **refusal.headers}
    if refusal.status == 401:
        tenant = call.world.directory.tenant
        headers.setdefault(
            "WWW-Authenticate",
            f'Bearer authorization_uri="https://login.microsoftonline.com/{tenant}", error="invalid_token", '
            f'error_description="{refusal.message}"',
        )
    return json_response({"error": error}, status=refusal.status, headers=headers)


def answer(
    call: Call, value: object = None, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """An answer; without a body if there is no value."""
    all_headers = {**_headers(call), **(headers or {})}
    if value is None:
        return web.Response(status=status, headers=all_headers)
    return json_response(value, status=status, headers=all_headers)


def accepted(call: Call, path: str, value: object = None) -> web.Response:
    """202: done later. path: where to ask whether it is done."""
    version = call.query.get("api-version", "")
    headers = {
        "Location": f"https://{HOST}{path}?api-version={version}",
        # Azure tells its clients to wait for seconds, or nothing, and then they wait for 30.
        "x-ms-retry-after-ms": _POLL_MILLISECONDS,
    }
    return answer(call, value, status=202, headers=headers)


def asker(call: Call) -> Principal:
    """Who asks."""
    assert call.principal is not None, "only admitted requests come here"
    return call.principal


def may(call: Call, action: str, scope: str) -> bool:
    """Whether who asks may do that there."""
    roles, who = call.world.roles, asker(call)
    if roles.allowed(who, action, scope):
        return True
    awaited = roles.awaited(who, action, scope)
    if awaited is not None:
        note_waiting(call.world, awaited)
    return False


def require(call: Call, action: str, scope: str) -> None:
    """Go on only if who asks may do that there. Raises Refusal (403)."""
    if not may(call, action, scope):
        principal = asker(call)
        raise Refusal(
            403,
            "AuthorizationFailed",
            f"The client '{principal.app_id or principal.name}' with object id '{principal.object_id}' does not have "
            f"authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. If access was "
            "recently granted, please refresh your credentials.",
        )


def subscription_scope(call: Call) -> str:
    """The subscription that the path names. Raises Refusal for any but the one there is."""
    named = call.params["subscription"]
    if not _GUID.fullmatch(named):
        raise Refusal(
            400,
            "InvalidSubscriptionId",
            f"The provided subscription identifier '{named}' is malformed or invalid.",
        )
    if named.lower() != call.world.resources.subscription.lower():
        raise Refusal(404, "SubscriptionNotFound", f"The subscription '{named}' could not be found.")
    return call.world.resources.subscription_scope


def existing_group(call: Call, action: str) -> Group:
    """The resource group that the path names, if who asks may do that with it. Raises Refusal."""
    subscription_scope(call)
    require(call, action, call.world.resources.group_scope(call.params["group"]))
    return group_there(call)


def group_there(call: Call) -> Group:
    """The resource group that the path names. Raises Refusal (404)."""
    group = call.world.resources.group(call.params["group"])
    if group is None:
        raise Refusal(404, "ResourceGroupNotFound", f"Resource group '{call.params['group']}' could not be found.")
    return group


def registry_id(call: Call) -> str:
    """The resource id of the registry that the path names, whether it is there or not."""
    return (
        f"{call.world.resources.group_scope(call.params['group'])}/providers/Microsoft.ContainerRegistry/registries/"
        f"{call.params['registry']}"
    )


def existing_registry(call: Call, action: str, *, below: str = "") -> Registry:
    """The registry that the path names, if who asks may do that with it.

    action: what follows `Microsoft.ContainerRegistry/registries`. below: where under it. Raises Refusal (403, 404).
    """
    subscription_scope(call)
    require(call, f"Microsoft.ContainerRegistry/registries/{action}", f"{registry_id(call)}{below}")
    group_there(call)
    found = call.world.registries.get(call.params["subscription"], call.params["group"], call.params["registry"])
    if found is None:
        raise not_found(call, f"Microsoft.ContainerRegistry/registries/{call.params['registry']}")
    return found


def not_found(call: Call, resource: str) -> Refusal:
    """The refusal for a resource that is not there. resource: its type and name."""
    return Refusal(
        404,
        "ResourceNotFound",
        f"The Resource '{resource}' under resource group '{call.params['group']}' was not found. For more details "
        "please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def object_in(body: Mapping[str, object], key: str) -> dict[str, object]:
    """An object in a request's body, {} if it is absent. Raises Refusal (400)."""
    value = body.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refusal(400, "InvalidRequestContent", f"The request content is invalid: '{key}' is not an object.")
    return value


def text_in(body: Mapping[str, object], key: str, default: str = "") -> str:
    """A text in a request's body. Raises Refusal (400)."""
    value = body.get(key)
    if value is None:
        return default
    if not isinstance(value, str):
        raise Refusal(400, "InvalidRequestContent", f"The request content is invalid: '{key}' is not a string.")
    return value


def tags_in(body: Mapping[str, object], key: str = "tags") -> dict[str, str] | None:
    """Tags in a request's body, None if it says nothing of them. Raises Refusal (400)."""
    if body.get(key) is None:
        return None
    tags = object_in(body, key)
    # Limits: Microsoft's page on tags (50 of them, names of 512 characters, values of 256).
    if len(tags) > 50 or any(not 0 < len(name) <= 512 or len(str(value)) > 256 for name, value in tags.items()):
        raise Refusal(
            400,
            "InvalidTags",
            "A resource has at most 50 tags, with names of 1 to 512 and values of at most 256 characters.",
        )
    return {name: text_in(tags, name) for name in tags}


def _headers(call: Call) -> dict[str, str]:
    request = str(uuid.uuid4())
    headers = {
        "Cache-Control": "no-cache",
        "Pragma": "no-cache",
        "Expires": "-1",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
        "x-ms-request-id": request,
        "x-ms-correlation-request-id": request,
        "x-ms-routing-request-id": f"LOCAL:{request}",
    }
    client = call.header("x-ms-client-request-id")
    if re.fullmatch(r"[A-Za-z0-9-]{1,64}", client):
        headers["x-ms-client-request-id"] = client
    return headers
