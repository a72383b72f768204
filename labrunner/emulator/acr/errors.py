"""How a registry refuses (distribution spec, "Error Codes"), in the words that Azure's uses where they are known."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call, json_response

__all__ = [
    "answer",
    "blob_unknown",
    "digest_invalid",
    "manifest_unknown",
    "name_unknown",
    "render",
    "standard_headers",
    "tag_unknown",
    "unauthorized",
]

_UNAUTHORIZED = "authentication required, visit https://aka.ms/acr/authorization for more information."


def standard_headers() -> dict[str, str]:
    """What every answer carries (recordings of azure-sdk-for-js and -python). az shows the correlation id in errors."""
    return {
        "Docker-Distribution-Api-Version": "registry/2.0",
        "X-Content-Type-Options": "nosniff",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "X-Ms-Correlation-Request-Id": str(uuid.uuid4()),
        "Access-Control-Expose-Headers": ("Docker-Content-Digest, WWW-Authenticate, Link, X-Ms-Correlation-Request-Id"),
    }


def answer(
    value: object = None,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    content_type: str = "application/json",
) -> web.Response:
    """An answer with the standard headers: JSON, or no body."""
    combined = {**standard_headers(), **(headers or {})}
    if value is None:
        return web.Response(status=status, headers=combined)
    return json_response(value, status=status, headers=combined, content_type=content_type)


def render(refusal: Refusal, call: Call) -> web.Response:
    """A refusal as a registry says it."""
    error: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
    if refusal.detail is not None or refusal.status == 401:  # recorded: null where there is nothing to say
        error["detail"] = refusal.detail
    if call.request.method == "HEAD":
        return answer(status=refusal.status, headers=refusal.headers)
    return answer({"errors": [error]}, status=refusal.status, headers=refusal.headers)


def unauthorized(
    host: str, wanted: Sequence[tuple[str, str, str]], *, error: str = "", message: str = _UNAUTHORIZED
) -> Refusal:
    """401 with the challenge that tells where to get which token (recorded). wanted: (type, name, action).
    error: "insufficient_scope" when the token does not suffice, "invalid_token" when it is none of ours (a guess)."""
    challenge = f'Bearer realm="https://{host}/oauth2/token",service="{host}"'
    scopes: dict[str, list[str]] = {}
    for kind, name, action in wanted:
        scopes.setdefault(f"{kind}:{name}", []).append(action)
    if scopes:
        challenge += ',scope="' + " ".join(f"{what}:{','.join(actions)}" for what, actions in scopes.items()) + '"'
    if error:
        challenge += f',error="{error}"'
    detail = [{"Type": kind, "Name": name, "Action": action} for kind, name, action in wanted]
    return Refusal(401, "UNAUTHORIZED", message, detail=detail or None, headers={"WWW-Authenticate": challenge})


def name_unknown(name: str) -> Refusal:
    """No such repository (recorded)."""
    return Refusal(404, "NAME_UNKNOWN", "repository name not known to registry", detail={"name": name})


def tag_unknown() -> Refusal:
    """No such tag, of /acr/v1 (recorded)."""
    return Refusal(404, "TAG_UNKNOWN", "the specified tag does not exist")


def manifest_unknown(reference: str, *, is_tag: bool) -> Refusal:
    """No such manifest, of /v2 (recorded for digests; for tags as Docker's users report it)."""
    said = f'manifest tagged by "{reference}" is not found' if is_tag else f"manifest {reference} is not found"
    return Refusal(404, "MANIFEST_UNKNOWN", said)


def blob_unknown() -> Refusal:
    """No such blob (recorded)."""
    return Refusal(404, "BLOB_UNKNOWN", "blob unknown to registry")


def digest_invalid(why: str) -> Refusal:
    """A digest that is none, or is another than the content's. Words: distribution's; Azure's are a guess."""
    return Refusal(400, "DIGEST_INVALID", "provided digest did not match uploaded content", detail={"reason": why})
