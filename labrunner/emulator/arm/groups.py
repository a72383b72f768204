"""Resource groups."""

from aiohttp import web

from labrunner.emulator.arm.filters import conditions, invalid
from labrunner.emulator.arm.removal import remove_registry
from labrunner.emulator.arm.requests import (
    GROUP,
    SUBSCRIPTION,
    accepted,
    answer,
    existing_group,
    may,
    require,
    subscription_scope,
    tags_in,
    text_in,
)
from labrunner.emulator.arm.shapes import group_json
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call, Operation
from labrunner.emulator.state.resources import Group

__all__ = ["OPERATIONS"]

_ACTION = "Microsoft.Resources/subscriptions/resourceGroups"


async def list_groups(call: Call) -> web.StreamResponse:
    """The groups that who asks may read."""
    subscription_scope(call)
    resources = call.world.resources
    text = call.query.get("$filter", "")
    found = [
        group
        for group in resources.groups()
        if may(call, f"{_ACTION}/read", resources.group_scope(group.name)) and _has_tags(group, text)
    ]
    return answer(call, {"value": [group_json(call, group) for group in found]})


def _has_tags(group: Group, text: str) -> bool:
    """Whether a group is what a `tagName eq 'n' and tagValue eq 'v'` asks for; no other filter is known."""
    wanted = {condition.name: condition.value for condition in conditions(text) if condition.operator == "eq"}
    if len(wanted) != len(conditions(text)) or not set(wanted) <= {"tagname", "tagvalue"}:
        raise invalid(text)
    if "tagname" not in wanted:
        if wanted:
            raise invalid(text)
        return True
    tags = {name.lower(): value for name, value in group.tags.items()}
    name = wanted["tagname"].lower()
    return name in tags and wanted.get("tagvalue", tags[name]) == tags[name]


async def get_group(call: Call) -> web.StreamResponse:
    """One group."""
    return answer(call, group_json(call, existing_group(call, f"{_ACTION}/read")))


async def check_group(call: Call) -> web.StreamResponse:
    """Whether the group is there: 204, or 404 without words."""
    scope = subscription_scope(call)
    require(call, f"{_ACTION}/read", f"{scope}/resourceGroups/{call.params['group']}")
    there = call.world.resources.group(call.params["group"]) is not None
    return answer(call, status=204 if there else 404)


async def put_group(call: Call) -> web.StreamResponse:
    """Create a group, or replace its tags."""
    scope = subscription_scope(call)
    name = call.params["group"]
    require(call, f"{_ACTION}/write", f"{scope}/resourceGroups/{name}")
    body = await call.json()
    location = text_in(body, "location")
    if not location:
        raise Refusal(400, "LocationRequired", "The location property is required for this definition.")
    there = call.world.resources.group(name)
    group = call.world.resources.put_group(
        name, location, tags=tags_in(body), managed_by=text_in(body, "managedBy") or None
    )
    return answer(call, group_json(call, group), status=201 if there is None else 200)


async def patch_group(call: Call) -> web.StreamResponse:
    """Replace a group's tags."""
    group = existing_group(call, f"{_ACTION}/write")
    tags = tags_in(await call.json())
    if tags is not None:
        group = call.world.resources.tag_group(group.name, tags)
    return answer(call, group_json(call, group))


async def delete_group(call: Call) -> web.StreamResponse:
    """Remove a group with all that is in it: at once, but told as Azure does, as an operation to ask about."""
    group = existing_group(call, f"{_ACTION}/delete")
    world = call.world
    with world.store.write():
        for registry in world.registries.all(group=group.name):
            remove_registry(world, registry)
        world.roles.forget(world.resources.group_scope(group.name))
        world.resources.delete_group(group.name)
        operation = world.resources.begin_operation()
    return accepted(call, f"{world.resources.subscription_scope}/operationresults/{operation}")


async def operation_result(call: Call) -> web.StreamResponse:
    """How a deletion went: it is done."""
    subscription_scope(call)
    if not call.world.resources.operation_known(call.params["operation"]):
        raise Refusal(404, "OperationNotFound", f"The operation '{call.params['operation']}' could not be found.")
    return answer(call)


_SOURCE = "azure-cli recordings (resource), Microsoft's REST reference"
OPERATIONS = (
    Operation(
        name="ResourceGroups_List",
        method="GET",
        path=f"{SUBSCRIPTION}/resourceGroups",
        handler=list_groups,
        source=_SOURCE,
        differs="$filter knows tagName and tagValue",
    ),
    Operation(
        name="ResourceGroups_Get",
        method="GET",
        path=GROUP,
        handler=get_group,
        source=_SOURCE,
    ),
    Operation(
        name="ResourceGroups_CheckExistence",
        method="HEAD",
        path=GROUP,
        handler=check_group,
        source=_SOURCE,
    ),
    Operation(
        name="ResourceGroups_CreateOrUpdate",
        method="PUT",
        path=GROUP,
        handler=put_group,
        source=f"{_SOURCE}; words for a wrong name are a guess",
    ),
    Operation(
        name="ResourceGroups_Update",
        method="PATCH",
        path=GROUP,
        handler=patch_group,
        source=_SOURCE,
        differs="changes tags only",
    ),
    Operation(
        name="ResourceGroups_Delete",
        method="DELETE",
        path=GROUP,
        handler=delete_group,
        source=_SOURCE,
        differs="everything is gone when 202 is answered; what was granted in the group is taken away",
    ),
    Operation(
        name="OperationResults_Get",
        method="GET",
        path=f"{SUBSCRIPTION}/operationresults/{{operation}}",
        handler=operation_result,
        source="azure-cli recordings (resource); words for an unknown operation are a guess",
    ),
    Operation(
        name="Registries_OperationResults",
        method="GET",
        path=f"{SUBSCRIPTION}/providers/Microsoft.ContainerRegistry/locations/{{location}}/operationResults/{{operation}}",
        handler=operation_result,
        source="azure-cli recordings (acr delete); words for an unknown operation are a guess",
    ),
)
