"""Who asks: the bearer token of a request, as the principal that Entra issued it to."""

from collections.abc import Iterable

from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call
from labrunner.emulator.state.directory import Principal
from labrunner.emulator.tokens import TokenProblem

__all__ = ["ARM_AUDIENCES", "GRAPH_AUDIENCES", "REGISTRY_AUDIENCES", "bearer", "bearer_token", "principal_of"]

ARM_AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net")
GRAPH_AUDIENCES = ("https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000")
REGISTRY_AUDIENCES = (*ARM_AUDIENCES, "https://containerregistry.azure.net")
"""What the token exchange of a registry accepts (azure-containerregistry's `audience`, az's ARM token)."""

_MESSAGES = {
    # Azure Resource Manager's words (AADSTS texts appear in its WWW-Authenticate header as well).
    "expired": ("ExpiredAuthenticationToken", "The access token has expired."),
    "forged": ("InvalidAuthenticationToken", "The access token is invalid."),
    "audience": (
        "InvalidAuthenticationTokenAudience",
        "The access token has been obtained for wrong audience or resource.",
    ),
}


def bearer_token(call: Call) -> str:
    """The token of the Authorization header; "" if there is none."""
    scheme, _, token = call.header("Authorization").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def bearer(call: Call, audiences: Iterable[str]) -> Principal:
    """The principal whose Entra token the request carries. Raises Refusal (401)."""
    token = bearer_token(call)
    if not token:
        raise Refusal(401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
    return principal_of(call, token, audiences)


def principal_of(call: Call, token: str, audiences: Iterable[str]) -> Principal:
    """The principal that an Entra token was issued to. Raises Refusal (401)."""
    try:
        claims = call.world.tokens.verify(token, audience=audiences)
    except TokenProblem as problem:
        code, message = _MESSAGES[problem.kind]
        raise Refusal(401, code, message) from problem
    principal = call.world.directory.principal(str(claims.get("oid", "")))
    if principal is None:
        raise Refusal(401, "InvalidAuthenticationToken", "The access token's principal no longer exists.")
    return principal
