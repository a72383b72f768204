"""Webhooks of registries."""

from typing import Any

from aiohttp import web

from labrunner.emulator.arm.requests import (
    REGISTRY,
    answer,
    asker,
    existing_registry,
    not_found,
    object_in,
    tags_in,
    text_in,
)
from labrunner.emulator.arm.shapes import event_json, webhook_json
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call, Operation
from labrunner.emulator.state.registries import Registry
from labrunner.emulator.state.resources import checked_location
from labrunner.emulator.state.webhooks import Webhook

__all__ = ["OPERATIONS"]


def _registry(call: Call, action: str) -> Registry:
    name = call.params.get("webhook", "")
    return existing_registry(call, f"webhooks/{action}", below=f"/webhooks/{name}" if name else "")


def _existing(call: Call, action: str) -> tuple[Registry, Webhook]:
    registry = _registry(call, action)
    webhook = call.world.webhooks.get(registry, call.params["webhook"])
    if webhook is None:
        raise not_found(
            call, f"Microsoft.ContainerRegistry/registries/{registry.name}/webhooks/{call.params['webhook']}"
        )
    return registry, webhook


async def list_webhooks(call: Call) -> web.StreamResponse:
    """A registry's webhooks."""
    registry = _registry(call, "read")
    return answer(call, {"value": [webhook_json(call, webhook) for webhook in call.world.webhooks.of(registry)]})


async def get_webhook(call: Call) -> web.StreamResponse:
    """One webhook."""
    _, webhook = _existing(call, "read")
    return answer(call, webhook_json(call, webhook))


def _texts(properties: dict[str, Any], key: str) -> dict[str, str]:
    headers = object_in(properties, key)
    return {name: text_in(headers, name) for name in headers}


def _actions(properties: dict[str, Any], default: tuple[str, ...] = ()) -> tuple[str, ...]:
    actions = properties.get("actions")
    if actions is None:
        return default
    if not isinstance(actions, list) or not all(isinstance(action, str) for action in actions):
        raise Refusal(400, "InvalidRequestContent", "The request content is invalid: 'actions' is no list of strings.")
    return tuple(actions)


async def put_webhook(call: Call) -> web.StreamResponse:
    """Create a webhook, or replace its settings."""
    registry = _registry(call, "write")
    body = await call.json()
    properties = object_in(body, "properties")
    location = text_in(body, "location")
    if not location:
        raise Refusal(400, "LocationRequired", "The location property is required for this definition.")
    webhook = call.world.webhooks.put(
        registry,
        name=call.params["webhook"],
        location=checked_location(location),
        actions=_actions(properties),
        service_uri=text_in(properties, "serviceUri"),
        headers=_texts(properties, "customHeaders"),
        status=text_in(properties, "status", "enabled"),
        scope=text_in(properties, "scope"),
        tags=tags_in(body),
        by=asker(call),
    )
    return answer(call, webhook_json(call, webhook))


async def patch_webhook(call: Call) -> web.StreamResponse:
    """Change what is given."""
    registry, there = _existing(call, "write")
    body = await call.json()
    properties = object_in(body, "properties")
    tags = tags_in(body)
    webhook = call.world.webhooks.put(
        registry,
        name=there.name,
        location=there.location,
        actions=_actions(properties, there.actions),
        service_uri=text_in(properties, "serviceUri", there.service_uri),
        headers=there.headers if properties.get("customHeaders") is None else _texts(properties, "customHeaders"),
        status=text_in(properties, "status", there.status),
        scope=text_in(properties, "scope", there.scope),
        tags=there.tags if tags is None else tags,
        by=asker(call),
    )
    return answer(call, webhook_json(call, webhook))


async def delete_webhook(call: Call) -> web.StreamResponse:
    """Remove a webhook; 204 if there is none (source: Resource Manager's rules for DELETE)."""
    registry = _registry(call, "delete")
    webhook = call.world.webhooks.get(registry, call.params["webhook"])
    if webhook is None:
        return answer(call, status=204)
    call.world.webhooks.delete(webhook)
    return answer(call)


async def ping_webhook(call: Call) -> web.StreamResponse:
    """Send an event of action `ping`."""
    _, webhook = _existing(call, "ping/action")
    return answer(call, {"id": call.world.webhooks.ping(webhook)})


async def get_callback_config(call: Call) -> web.StreamResponse:
    """Where a webhook sends to, and with which headers."""
    _, webhook = _existing(call, "getCallbackConfig/action")
    found: dict[str, Any] = {"serviceUri": webhook.service_uri}
    if webhook.headers:
        found["customHeaders"] = dict(webhook.headers)
    return answer(call, found)


async def list_events(call: Call) -> web.StreamResponse:
    """What a webhook was told of, the newest first."""
    _, webhook = _existing(call, "listEvents/action")
    return answer(call, {"value": [event_json(event) for event in call.world.webhooks.events(webhook)]})


_WEBHOOK = f"{REGISTRY}/webhooks/{{webhook}}"
_RECORDED = "azure-cli recording (acr webhook)"
OPERATIONS = (
    Operation(
        name="Webhooks_List",
        method="GET",
        path=f"{REGISTRY}/webhooks",
        handler=list_webhooks,
        source=_RECORDED,
    ),
    Operation(
        name="Webhooks_Get",
        method="GET",
        path=_WEBHOOK,
        handler=get_webhook,
        source=_RECORDED,
    ),
    Operation(
        name="Webhooks_Create",
        method="PUT",
        path=_WEBHOOK,
        handler=put_webhook,
        source=f"{_RECORDED}; words for wrong settings and for too many webhooks are a guess",
    ),
    Operation(
        name="Webhooks_Update",
        method="PATCH",
        path=_WEBHOOK,
        handler=patch_webhook,
        source=f"{_RECORDED}; as Webhooks_Create",
    ),
    Operation(
        name="Webhooks_Delete",
        method="DELETE",
        path=_WEBHOOK,
        handler=delete_webhook,
        source=_RECORDED,
        differs="done at once (200)",
    ),
    Operation(
        name="Webhooks_Ping",
        method="POST",
        path=f"{_WEBHOOK}/ping",
        handler=ping_webhook,
        source=_RECORDED,
        differs="as Webhooks_ListEvents",
    ),
    Operation(
        name="Webhooks_GetCallbackConfig",
        method="POST",
        path=f"{_WEBHOOK}/getCallbackConfig",
        handler=get_callback_config,
        source=_RECORDED,
    ),
    Operation(
        name="Webhooks_ListEvents",
        method="POST",
        path=f"{_WEBHOOK}/listEvents",
        handler=list_events,
        source="azure-cli recording (test_acr_create_webhook: a ping); Microsoft's reference of webhook payloads "
        "(push, delete); guess: the order of events, and that one under way has no response",
        differs="events are delivered once, and to loopback addresses over http only; for others, and when nobody "
        "answers, the response says that nothing was delivered, with an empty status code; the last 1000 are kept",
    ),
)
