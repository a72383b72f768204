"""What Azure's services say when they are asked too much, or cannot answer now."""

import math
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from labrunner.emulator.faults import Fault
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call
from labrunner.emulator.state.registries import Registry

__all__ = ["failing", "is_throttled", "throttled"]

_WRITES = ("POST", "PUT", "PATCH")


def throttled(call: Call, fault: Fault) -> Refusal:
    """429, with the seconds to wait: what the fault says, and no longer than it lasts."""
    seconds = max(1, math.ceil(min(fault.retry_after, call.world.faults.left(fault))))
    code, message = _THROTTLED[call.service.name](call, seconds)
    return Refusal(429, code, message, headers={"Retry-After": str(seconds)})


def is_throttled(call: Call, fault: Fault, registry: Registry | None) -> bool:
    """Whether the fault is about this request; registry: the one that is asked, if one is.

    Guess: a registry always says where to get a token. What users of az report (Azure/azure-cli issue 24886) is 429
    from the exchange that comes next. A limit of some tiers is that of their write operations (Microsoft's page on
    SKUs): what a push sends, and no token.
    """
    if call.operation is not None and call.operation.name == "ContainerRegistry_CheckDockerV2Support":
        return False
    if not fault.concerns(registry.name if registry else ""):
        return False
    if not fault.tiers:
        return True
    writes = call.request.method in _WRITES and call.request.rel_url.raw_path.startswith("/v2/")
    return registry is not None and registry.sku in fault.tiers and writes


def failing(call: Call, fault: Fault) -> Refusal:
    """A server error."""
    code, message = _FAILING[call.service.name](call, fault.status)
    return Refusal(fault.status, code, message)


def _arm_throttled(call: Call, seconds: int) -> tuple[str, str]:
    """Microsoft: "Troubleshoot common Azure deployment errors"; that registries' words are the same is a guess."""
    path = call.operation.path if call.operation else call.request.rel_url.raw_path
    words = [word.upper() for word in path.split("/") if word and not word.startswith("{")]
    said = (
        f"Number of requests for subscription '{call.world.resources.subscription}' and operation "
        f"'{'/'.join([call.request.method, *words])}' exceeded the backend storage limit. Please try again after "
        f"'{seconds}' seconds."
    )
    return "SubscriptionRequestsThrottled", said


def _graph_throttled(_call: Call, _seconds: int) -> tuple[str, str]:
    """As jsa2/AADAppAudit issue 9 and learn.microsoft.com's question 1138873 quote it (there with Retry-After: 5)."""
    return (
        "TooManyRequests",
        "Too many requests from Identifier:labrunner under category:aadgraph.app.tenant_small. Please try again later.",
    )


def _acr_throttled(_call: Call, _seconds: int) -> tuple[str, str]:
    """microsoft/containerregistry issue 108, which quotes docker, who shows the code in small letters. Guess: that
    the token exchange says the same."""
    address = "https://aka.ms/acr/skus#sku-feature-matrix"
    return "TOOMANYREQUESTS", f"Too many requests. Please visit {address} to view limits of all service tiers."


def _entra_throttled(_call: Call, _seconds: int) -> tuple[str, str]:
    """The number: Microsoft's list of AADSTS codes (TenantThrottlingError). Guess: the rest."""
    return "temporarily_unavailable", "AADSTS90055: There are too many incoming requests."


def _arm_failing(call: Call, status: int) -> tuple[str, str]:
    """microsoft/MLOS pull request 950, MicrosoftLearning/AZ-104 issue 542 (503). Guess: that others are alike."""
    moment = datetime.fromtimestamp(call.world.clock.now(), UTC).strftime("%Y%m%dT%H%M%SZ")
    code, said = ("InternalServerError", "Encountered internal server error.")
    if status in (503, 504):
        code, said = "ServerTimeout", "The request timed out."
    where = f"timestamp '{moment}', subscription id '{call.world.resources.subscription}', tracking id '{uuid.uuid4()}'"
    return code, f"{said} Diagnostic information: {where}, request correlation id '{uuid.uuid4()}'."


def _graph_failing(_call: Call, status: int) -> tuple[str, str]:
    """Guess: the words. Microsoft: "Microsoft Graph error responses" for what 503 means."""
    if status == 500:
        return "InternalServerError", "An internal server error occurred. The operation failed."
    return "ServiceUnavailable", "The service is temporarily unavailable. Please try again later."


def _acr_failing(_call: Call, status: int) -> tuple[str, str]:
    """As distribution says it (registry/api/errcode); that Azure says the same is a guess. Docker shows the status
    only: "received unexpected HTTP status: 503 Service Unavailable" (docker-library/python issue 829)."""
    return ("UNKNOWN", "unknown error") if status == 500 else ("UNAVAILABLE", "service unavailable")


def _entra_failing(_call: Call, _status: int) -> tuple[str, str]:
    """Azure/azure-sdk-for-python issue 14241, which quotes the whole body (503)."""
    return "temporarily_unavailable", "AADSTS90033: A transient error has occurred. Please try again."


def _storage_failing(_call: Call, status: int) -> tuple[str, str]:
    """Microsoft: "Common REST API error codes" of Azure Storage."""
    if status == 500:
        return "InternalError", "The server encountered an internal error. Please retry the request."
    return "ServerBusy", "The server is currently unable to receive requests. Please retry your request."


_Words = Callable[[Call, int], tuple[str, str]]
_THROTTLED: dict[str, _Words] = {
    "arm": _arm_throttled,
    "graph": _graph_throttled,
    "acr": _acr_throttled,
    "entra": _entra_throttled,
    "runlogs": _storage_failing,  # guess: storage says 503 when it throttles; here the status is what was asked for
}
_FAILING: dict[str, _Words] = {
    "arm": _arm_failing,
    "graph": _graph_failing,
    "acr": _acr_failing,
    "entra": _entra_failing,
    "runlogs": _storage_failing,
}
