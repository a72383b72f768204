"""Who asks: the bearer token of a request, as the principal that Entra issued it to."""

from collections.abc import Iterable
from datetime import UTC, datetime

from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call
from labrunner.emulator.state.principals import Principal
from labrunner.emulator.tokens import TokenProblem

__all__ = ["ARM_AUDIENCES", "GRAPH_AUDIENCES", "REGISTRY_AUDIENCES", "bearer", "bearer_token", "principal_of"]

ARM_AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net")
GRAPH_AUDIENCES = ("https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000")
REGISTRY_AUDIENCES = (*ARM_AUDIENCES, "https://containerregistry.azure.net")
"""What the token exchange of a registry accepts (azure-containerregistry's `audience`, az's ARM token)."""


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
        raise _refusal(problem, call.world.clock.machine()) from problem
    principal = call.world.directory.principal(str(claims.get("oid", "")))
    if principal is None:
        raise Refusal(401, "InvalidAuthenticationToken", "The access token's principal no longer exists.")
    return principal


def _refusal(problem: TokenProblem, now: float) -> Refusal:
    """Azure Resource Manager's words, as public issues quote them: microsoft/foundry-dev-tools 461 (expired),
    Azure/azure-powershell 27882 (invalid), Azure-Samples/active-directory-dotnetcore-daemon-v2 145 (audience)."""
    match problem.kind:
        case "expired":
            code = "ExpiredAuthenticationToken"
            message = (
                f"The access token expiry UTC time '{_moment(problem.expires)}' is earlier than current UTC time "
                f"'{_moment(now)}'."
            )
        case "audience":
            code = "InvalidAuthenticationTokenAudience"
            message = (
                f"The access token has been obtained for wrong audience or resource '{problem.audience}'. It should "
                "exactly match with one of the allowed audiences 'https://management.core.windows.net/',"
                "'https://management.core.windows.net','https://management.azure.com/','https://management.azure.com'."
            )
        case _:
            code, message = "InvalidAuthenticationToken", "The access token is invalid."
    return Refusal(401, code, message)


def _moment(seconds: float) -> str:
    """A moment as these words write it: `6/15/2026 8:22:51 AM`."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment.month}/{moment.day}/{moment.year} {moment.hour % 12 or 12}:{moment:%M:%S %p}"
