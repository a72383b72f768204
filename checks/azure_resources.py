"""Checks of registries, their webhooks and what those recorded, asked of Azure Resource Manager."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labrunner.checking.api import Context, Finding, check, failed, passed
from labrunner.checking.wording import cut, listed

from .azure_session import (
    ARM,
    REGISTRIES,
    Azure,
    MissingError,
    a_repository,
    a_tag,
    azure_of,
    few,
    finding,
    server_of,
    some,
)

VERSION = {"api-version": REGISTRIES}
SKUS = ("Basic", "Standard", "Premium")
ACTIONS = ("push", "delete", "quarantine", "chart_push", "chart_delete")
RECORDED = (*ACTIONS, "ping")
EVENTS_SHOWN = 4
_NAME = re.compile(r"[A-Za-z0-9]{5,50}")


@check("arm.registry")
@finding
def registry(
    ask: Context,
    *,
    registry: str,
    sku: str = "",
    admin_enabled: bool | None = None,
    data_endpoint_enabled: bool | None = None,
) -> Finding:
    """The subscription has the registry, of a SKU, with its admin user and its data endpoint on or off."""
    server_of(registry)
    if sku:
        _one_of("sku", sku, SKUS)
    about = azure_of(ask).registry(registry)
    properties = about["properties"]
    said = [
        *_switch(f"The admin user of the registry `{registry}`", properties.get("adminUserEnabled"), admin_enabled),
        *_switch(
            f"The dedicated data endpoint of the registry `{registry}`",
            properties.get("dataEndpointEnabled"),
            data_endpoint_enabled,
        ),
    ]
    if sku and about["sku"]["name"].lower() != sku.lower():
        said.insert(0, f"The SKU of the registry `{registry}` is {about['sku']['name']}, not {sku}.")
    return failed(" ".join(said)) if said else passed(f"The registry `{registry}` is there, as it should be.")


@check("arm.webhook")
@finding
def webhook(
    ask: Context, *, registry: str, name: str, actions: list[str] | None = None, enabled: bool | None = None
) -> Finding:
    """The registry has the webhook, for all these actions (others allowed), enabled or not."""
    server_of(registry)
    wanted = [_one_of("actions", action, ACTIONS) for action in some("actions", actions)] if actions is not None else []
    properties = _webhook(azure_of(ask), registry, name)["properties"]
    found = list(properties.get("actions") or ())
    missing = [action for action in wanted if action not in found]
    is_enabled = str(properties.get("status", "")).lower() == "enabled"
    said = list(_switch(f"The webhook `{name}` of the registry `{registry}`", is_enabled, enabled))
    if missing:
        said.insert(0, f"The webhook `{name}` is for {few(found) or 'nothing'}, not for {listed(missing, last='or')}.")
    return failed(" ".join(said)) if said else passed(f"The registry `{registry}` has the webhook `{name}`.")


@check("arm.webhook-event")
@finding
def webhook_event(ask: Context, *, registry: str, name: str, action: str, repository: str, tag: str = "") -> Finding:
    """The webhook recorded that something was pushed to, or deleted from, a repository (of a tag)."""
    server_of(registry)
    wanted = _Event(_one_of("action", action, RECORDED), a_repository(repository), a_tag(tag) if tag else "")
    azure = azure_of(ask)
    identity = _webhook(azure, registry, name)["id"]
    events = [_event(each) for each in azure.all(f"{ARM}{identity}/listEvents", VERSION, post=True)]
    if any(wanted.is_met_by(each) for each in events):
        return passed(f"The webhook `{name}` recorded {wanted}.")
    others = list(dict.fromkeys(str(each) for each in events))
    more = f" and {len(others) - EVENTS_SHOWN} more" if len(others) > EVENTS_SHOWN else ""
    has = f"it recorded {', '.join(others[:EVENTS_SHOWN])}{more}" if others else "it recorded nothing at all"
    return failed(f"The webhook `{name}` recorded no {wanted}; {has}.")


# What the kinds share


@dataclass(frozen=True, slots=True)
class _Event:
    """What a webhook is told of. tag: empty for any, or none."""

    action: str
    repository: str
    tag: str

    def __str__(self) -> str:
        place = f"{self.repository}:{self.tag}" if self.tag else self.repository
        return f"{self.action} of `{place}`" if place else self.action

    def is_met_by(self, other: "_Event") -> bool:
        return (self.action, self.repository) == (other.action, other.repository) and self.tag in ("", other.tag)


def _event(record: Mapping[str, Any]) -> _Event:
    """An item of `listEvents`; a ping has no target."""
    content = (record.get("eventRequestMessage") or {}).get("content") or {}
    target = content.get("target") or {}
    return _Event(content.get("action") or "?", target.get("repository") or "", target.get("tag") or "")


def _webhook(azure: Azure, registry: str, name: str) -> dict[str, Any]:
    """The webhook of that name. Raises MissingError."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"`name` must be a webhook's name (5 to 50 letters and digits), not `{cut(name)}`")
    identity = azure.registry(registry)["id"]
    found = azure.get(f"{ARM}{identity}/webhooks/{name}", VERSION)
    if found is not None:
        return found
    names = few(each["name"] for each in azure.all(f"{ARM}{identity}/webhooks", VERSION))
    raise MissingError(
        f"The registry `{registry}` has no webhook `{name}`; {f'it has {names}' if names else 'it has none at all'}."
    )


def _switch(what: str, is_now: object, wanted: object) -> Iterator[str]:
    """The sentence for what is on and should be off, or the other way round."""
    if wanted is not None and (is_now is True) is not wanted:
        yield f"{what} is {_word(is_now)}, not {_word(wanted)}."


def _word(enabled: object) -> str:
    return "enabled" if enabled is True else "disabled"


def _one_of(argument: str, value: str, known: Sequence[str]) -> str:
    if value.lower() not in {each.lower() for each in known}:
        raise ValueError(f"`{argument}` knows {listed(known, last='or')}, not `{cut(value)}`")
    return value
