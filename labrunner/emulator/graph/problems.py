"""What Microsoft Graph answers when it says no, in its words.

Sources: Microsoft Learn, "Microsoft Graph error responses" (the body); Azure/azure-cli's role recordings
(Authorization_RequestDenied and the whole shape of an error); sentences as public issues and documents quote them.
"""

import uuid

from aiohttp import web

from labrunner.emulator.clock import iso
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call, json_response

__all__ = ["bad_request", "denied", "not_found", "render", "unsupported"]

_CHALLENGE = (
    'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", '
    'client_id="00000003-0000-0000-c000-000000000000"'
)
"""Of a 401. Source: microsoft/Microsoft365DSC issue 4427, which quotes an answer with its headers."""


def bad_request(message: str, *, code: str = "Request_BadRequest") -> Refusal:
    """400: what was sent does not fit."""
    return Refusal(400, code, message)


def not_found(object_id: str) -> Refusal:
    """404."""
    return Refusal(
        404,
        "Request_ResourceNotFound",
        f"Resource '{object_id}' does not exist or one of its queried reference-property objects are not present.",
    )


def denied() -> Refusal:
    """403: as to a service principal that nobody gave rights in Graph."""
    return Refusal(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


def unsupported(what: str) -> Refusal:
    """501, in our own words: Graph would do it."""
    return Refusal(501, "NotImplemented", f"labrunner's local Microsoft Graph does not have {what}.")


def _client_request_id(call: Call) -> str:
    """What the client calls its request, if that can be said again in a header."""
    asked = call.header("client-request-id") or call.header("x-ms-client-request-id")
    return asked if len(asked) <= 128 and asked.isascii() and asked.isprintable() else ""


def render(refusal: Refusal, call: Call) -> web.Response:
    """An error in Graph's shape."""
    request, client = str(uuid.uuid4()), _client_request_id(call)
    moment = iso(call.world.clock.now(), digits=0).removesuffix("Z")
    inner = {"date": moment, "request-id": request, "client-request-id": client or request}
    error = {"code": refusal.code, "message": refusal.message}
    if refusal.detail is not None:
        error["details"] = refusal.detail
    headers = {"request-id": request, "client-request-id": client or request, "Cache-Control": "no-cache"}
    if refusal.status == 401:
        headers["WWW-Authenticate"] = _CHALLENGE
    return json_response(
        {"error": {**error, "innerError": inner}}, status=refusal.status, headers={**headers, **refusal.headers}
    )
