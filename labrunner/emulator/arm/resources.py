"""All resources in one list, and the tags of any of them."""

from collections.abc import Iterator, Mapping
from typing import Any

from aiohttp import web

from labrunner.emulator.arm.filters import conditions, keeps
from labrunner.emulator.arm.requests import (
    GROUP,
    SUBSCRIPTION,
    answer,
    asker,
    existing_group,
    may,
    object_in,
    require,
    subscription_scope,
    tags_in,
    text_in,
)
from labrunner.emulator.arm.shapes import resource_json, webhook_resource_json
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call, Operation

__all__ = ["OPERATIONS"]


def _resources(call: Call) -> Iterator[dict[str, Any]]:
    for registry in call.world.registries.all():
        if may(call, "Microsoft.ContainerRegistry/registries/read", registry.id):
            yield resource_json(call, registry)
        for webhook in call.world.webhooks.of(registry):
            if may(call, "Microsoft.ContainerRegistry/registries/webhooks/read", webhook.id):
                yield webhook_resource_json(call, registry, webhook)


def _values(resource: Mapping[str, Any]) -> dict[str, str]:
    """What a filter can ask of a resource."""
    tags = resource["tags"]
    return {
        "name": resource["name"],
        "resourcetype": resource["type"],
        "resourcegroup": resource["id"].split("/")[4],
        "location": resource["location"],
        "id": resource["id"],
        "tagname": "\n".join(tags),
        "tagvalue": "\n".join(tags.values()),
    }


def _kept(call: Call) -> list[dict[str, Any]]:
    text = call.query.get("$filter", "")
    wanted = conditions(text)
    tagged = {condition.name: condition.value for condition in wanted if condition.name in {"tagname", "tagvalue"}}
    plain = [condition for condition in wanted if condition.name not in tagged]
    for condition in wanted:  # a filter that nobody knows is refused, whatever there is to be filtered
        keeps(
            condition,
            dict.fromkeys(("name", "resourcetype", "resourcegroup", "location", "id", *tagged), ""),
            filter_text=text,
        )
    found = []
    for resource in _resources(call):
        values = _values(resource)
        tags = {name.lower(): value for name, value in resource["tags"].items()}
        name = tagged.get("tagname", "").lower()
        if tagged and (name not in tags or tagged.get("tagvalue", tags[name]) != tags[name]):
            continue
        if all(keeps(condition, values, filter_text=text) for condition in plain):
            found.append(resource)
    top = call.query.get("$top", "")
    return found[: int(top)] if top.isdigit() else found


async def list_resources(call: Call) -> web.StreamResponse:
    """The subscription's resources that who asks may read."""
    subscription_scope(call)
    return answer(call, {"value": _kept(call)})


async def list_group_resources(call: Call) -> web.StreamResponse:
    """A group's resources."""
    group = existing_group(call, "Microsoft.Resources/subscriptions/resourceGroups/read")
    inside = [found for found in _kept(call) if found["id"].split("/")[4].lower() == group.name.lower()]
    return answer(call, {"value": inside})


def _tagged(call: Call, action: str) -> tuple[str, dict[str, str]]:
    """The resource or group that the path names, with its tags. Raises Refusal."""
    scope = f"/{call.params['scope']}"
    require(call, f"Microsoft.Resources/tags/{action}", scope)
    registry = call.world.registries.by_id(scope)
    if registry is not None:
        return registry.id, dict(registry.tags)
    prefix = f"{call.world.resources.subscription_scope}/resourcegroups/".lower()
    group = call.world.resources.group(scope[len(prefix) :]) if scope.lower().startswith(prefix) else None
    if group is None:
        raise Refusal(404, "ResourceNotFound", f"The resource '{scope}' was not found, or has no tags here.")
    return call.world.resources.group_scope(group.name), dict(group.tags)


def _tag(call: Call, scope: str, tags: Mapping[str, str]) -> web.Response:
    registry = call.world.registries.by_id(scope)
    if registry is not None:
        call.world.registries.change(registry, tags=tags, by=asker(call))
    else:
        call.world.resources.tag_group(scope.rpartition("/")[2], tags)
    return _tags_answer(call, scope, tags)


def _tags_answer(call: Call, scope: str, tags: Mapping[str, str]) -> web.Response:
    return answer(
        call,
        {
            "id": f"{scope}/providers/Microsoft.Resources/tags/default",
            "name": "default",
            "type": "Microsoft.Resources/tags",
            "properties": {"tags": dict(tags)},
        },
    )


async def get_tags(call: Call) -> web.StreamResponse:
    """The tags of a resource or group."""
    scope, tags = _tagged(call, "read")
    return _tags_answer(call, scope, tags)


async def put_tags(call: Call) -> web.StreamResponse:
    """Replace them."""
    scope, _ = _tagged(call, "write")
    return _tag(call, scope, tags_in(object_in(await call.json(), "properties")) or {})


async def patch_tags(call: Call) -> web.StreamResponse:
    """Merge, replace or delete some of them."""
    scope, tags = _tagged(call, "write")
    body = await call.json()
    given = tags_in(object_in(body, "properties")) or {}
    match text_in(body, "operation").lower():
        case "merge":
            tags |= given
        case "replace":
            tags = given
        case "delete":
            tags = {name: value for name, value in tags.items() if given.get(name) != value}
        case other:
            raise Refusal(400, "InvalidTagsOperation", f"The operation '{other}' is none of Merge, Replace, Delete.")
    return _tag(call, scope, tags)


async def delete_tags(call: Call) -> web.StreamResponse:
    """Remove all of them."""
    scope, _ = _tagged(call, "delete")
    _tag(call, scope, {})
    return answer(call)


_TAGS = "/{scope:path}/providers/Microsoft.Resources/tags/default"
_REST = "Microsoft's REST reference (resources)"
OPERATIONS = (
    Operation(
        name="Resources_List",
        method="GET",
        path=f"{SUBSCRIPTION}/resources",
        handler=list_resources,
        source="azure-cli recordings (acr): the prelude of every command without -g",
        differs="$filter: conditions joined by `and`; words of its refusal are a guess; $expand is ignored",
    ),
    Operation(
        name="Resources_ListByResourceGroup",
        method="GET",
        path=f"{GROUP}/resources",
        handler=list_group_resources,
        source=_REST,
        differs="as Resources_List",
    ),
    Operation(
        name="Tags_GetAtScope",
        method="GET",
        path=_TAGS,
        handler=get_tags,
        source=_REST,
        differs="groups and registries; words for another scope are a guess",
    ),
    Operation(
        name="Tags_CreateOrUpdateAtScope",
        method="PUT",
        path=_TAGS,
        handler=put_tags,
        source=_REST,
        differs="as Tags_GetAtScope",
    ),
    Operation(
        name="Tags_UpdateAtScope",
        method="PATCH",
        path=_TAGS,
        handler=patch_tags,
        source=_REST,
        differs="as Tags_GetAtScope",
    ),
    Operation(
        name="Tags_DeleteAtScope",
        method="DELETE",
        path=_TAGS,
        handler=delete_tags,
        source=_REST,
        differs="as Tags_GetAtScope",
    ),
)
