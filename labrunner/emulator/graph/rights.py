"""Who may ask Graph: the user and the operator; service principals have no rights in it."""

from labrunner.emulator.access import GRAPH_AUDIENCES, bearer_token
from labrunner.emulator.graph.problems import denied
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call
from labrunner.emulator.tokens import TokenProblem

__all__ = ["admit", "directory_rights"]

_MESSAGES = {
    # as Graph words them; sources: public issues and documents that quote its 401 answers
    "expired": "Lifetime validation failed, the token is expired.",  # ThomasKur/M365Documentation 58
    "forged": "Signature is invalid.",  # wazuh/wazuh-documentation 7620
    "audience": "Access token validation failure. Invalid audience.",
}
_NO_JWT = "CompactToken parsing failed with error code: 80049217"  # Earlybyte/aad_oauth 102: a token without a dot


async def admit(call: Call) -> None:
    """Set the call's principal from its token. Raises Refusal (401)."""
    token = bearer_token(call)
    if not token:
        raise Refusal(401, "InvalidAuthenticationToken", "Access token is empty.")
    try:
        claims = call.world.tokens.verify(token, audience=GRAPH_AUDIENCES)
    except TokenProblem as problem:
        words = _MESSAGES[problem.kind] if "." in token else _NO_JWT
        raise Refusal(401, "InvalidAuthenticationToken", words) from problem
    principal = call.world.directory.principal(str(claims.get("oid", "")))
    if principal is None:
        raise Refusal(
            401, "Authorization_IdentityNotFound", "The identity of the calling application could not be established."
        )
    call.principal = principal


def directory_rights(call: Call) -> str:
    """The object id of who asks, if they may read and change the directory. Raises Refusal (403)."""
    assert call.principal is not None
    if call.principal.kind not in {"user", "operator"}:
        raise denied()
    return call.principal.object_id
