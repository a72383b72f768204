"""Subscriptions, tenants, regions and resource providers."""

from typing import Any

from aiohttp import web

from labrunner.emulator.arm.requests import SUBSCRIPTION, answer, asker, require, subscription_scope
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call, Operation
from labrunner.emulator.state.resources import LOCATIONS
from labrunner.emulator.state.roles import is_within
from labrunner.emulator.trouble import note_waiting

__all__ = ["OPERATIONS"]

_VERSIONS = ["2026-03-01-preview", "2025-11-01", "2025-04-01", "2023-07-01", "2022-12-01", "2021-09-01", "2019-05-01"]
_PROVIDERS = {
    "Microsoft.Authorization": ("roleAssignments", "roleDefinitions"),
    "Microsoft.ContainerRegistry": ("registries", "registries/webhooks", "checkNameAvailability", "operations"),
    "Microsoft.Resources": ("resourceGroups", "subscriptions", "tags", "tenants"),
}


def _knows_subscription(call: Call) -> bool:
    """Azure shows a subscription to who holds any role in it, however far below."""
    who, scope = asker(call), call.world.resources.subscription_scope
    if who.kind == "operator":
        return True
    roles = call.world.roles
    there = [
        held for held in roles.held_by(who.object_id) if is_within(held.scope, scope) or is_within(scope, held.scope)
    ]
    waiting = roles.waiting(who.object_id) if there else []
    if there and len(waiting) >= len(there) and all(held in waiting for held in there):
        note_waiting(call.world, there[-1])
        return False
    return bool(there)


def _subscription_json(call: Call) -> dict[str, Any]:
    resources = call.world.resources
    return {
        "id": resources.subscription_scope,
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": resources.subscription,
        "tenantId": call.world.directory.tenant,
        "displayName": resources.subscription_name,
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    }


async def list_subscriptions(call: Call) -> web.StreamResponse:
    """The subscriptions that who asks has any role in."""
    found = [_subscription_json(call)] if _knows_subscription(call) else []
    return answer(call, {"value": found, "count": {"type": "Total", "value": len(found)}})


async def get_subscription(call: Call) -> web.StreamResponse:
    """One subscription."""
    scope = subscription_scope(call)
    if not _knows_subscription(call):
        require(call, "Microsoft.Resources/subscriptions/read", scope)
    return answer(call, _subscription_json(call))


async def list_tenants(call: Call) -> web.StreamResponse:
    """The one tenant."""
    directory = call.world.directory
    tenant = {
        "id": f"/tenants/{directory.tenant}",
        "tenantId": directory.tenant,
        "countryCode": "US",
        "displayName": directory.domain.partition(".")[0],
        "domains": [directory.domain],
        "tenantCategory": "Home",
        "defaultDomain": directory.domain,
        "tenantType": "AAD",
    }
    return answer(call, {"value": [tenant]})


async def list_locations(call: Call) -> web.StreamResponse:
    """The regions."""
    scope = subscription_scope(call)
    require(call, "Microsoft.Resources/subscriptions/locations/read", scope)
    regions = [
        {
            "id": f"{scope}/locations/{name}",
            "name": name,
            "type": "Region",
            "displayName": display,
            "regionalDisplayName": display,
            "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
        }
        for name, display in LOCATIONS.items()
    ]
    return answer(call, {"value": regions})


def _provider_json(scope: str, namespace: str) -> dict[str, Any]:
    return {
        "id": f"{scope}/providers/{namespace}",
        "namespace": namespace,
        "resourceTypes": [
            {
                "resourceType": name,
                "locations": list(LOCATIONS.values()) if namespace == "Microsoft.ContainerRegistry" else [],
                "apiVersions": _VERSIONS if namespace == "Microsoft.ContainerRegistry" else ["2022-12-01"],
                "capabilities": "None",
            }
            for name in _PROVIDERS[namespace]
        ],
        "registrationState": "Registered",
        "registrationPolicy": "RegistrationRequired",
    }


def _namespace(call: Call) -> str:
    wanted = call.params["namespace"]
    for namespace in _PROVIDERS:
        if namespace.lower() == wanted.lower():
            return namespace
    raise Refusal(404, "InvalidResourceNamespace", f"The resource namespace '{wanted}' is invalid.")


async def list_providers(call: Call) -> web.StreamResponse:
    """The resource providers that there are."""
    scope = subscription_scope(call)
    require(call, "Microsoft.Resources/subscriptions/providers/read", scope)
    return answer(call, {"value": [_provider_json(scope, namespace) for namespace in _PROVIDERS]})


async def get_provider(call: Call) -> web.StreamResponse:
    """One resource provider."""
    scope = subscription_scope(call)
    require(call, "Microsoft.Resources/subscriptions/providers/read", scope)
    return answer(call, _provider_json(scope, _namespace(call)))


async def register_provider(call: Call) -> web.StreamResponse:
    """Registers nothing: all are."""
    scope, namespace = subscription_scope(call), _namespace(call)
    require(call, f"{namespace}/register/action", scope)
    return answer(call, _provider_json(scope, namespace))


_REST = "Microsoft's REST reference"
OPERATIONS = (
    Operation(
        name="Subscriptions_List",
        method="GET",
        path="/subscriptions",
        handler=list_subscriptions,
        source=f"{_REST} (resources 2022-12-01)",
    ),
    Operation(
        name="Subscriptions_Get",
        method="GET",
        path=SUBSCRIPTION,
        handler=get_subscription,
        source=f"{_REST} (resources 2022-12-01)",
    ),
    Operation(
        name="Tenants_List",
        method="GET",
        path="/tenants",
        handler=list_tenants,
        source=f"{_REST} (resources 2022-12-01)",
    ),
    Operation(
        name="Subscriptions_ListLocations",
        method="GET",
        path=f"{SUBSCRIPTION}/locations",
        handler=list_locations,
        source=f"{_REST} (resources 2022-12-01)",
        differs="regions that have registries; no geography, pairs or availability zones",
    ),
    Operation(
        name="Providers_List",
        method="GET",
        path=f"{SUBSCRIPTION}/providers",
        handler=list_providers,
        source=f"{_REST}, azure-cli recording (providers)",
        differs="three providers, with the resource types that are here",
    ),
    Operation(
        name="Providers_Get",
        method="GET",
        path=f"{SUBSCRIPTION}/providers/{{namespace}}",
        handler=get_provider,
        source=f"{_REST}, azure-cli recording (providers)",
        differs="the resource types that are here; no authorizations",
    ),
    Operation(
        name="Providers_Register",
        method="POST",
        path=f"{SUBSCRIPTION}/providers/{{namespace}}/register",
        handler=register_provider,
        source=f"{_REST}, azure-cli recording (providers)",
        differs="all are registered",
    ),
)
