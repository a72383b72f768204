"""The arm kinds of registries and webhooks ask Resource Manager, and say what is there."""

import pytest

from labrunner.model import Outcome
from tests.findings import failed, passed
from tests.unit.checks.cloud import Registry

HOOK = {"registry": "myregistry", "name": "mypushhook"}


@pytest.fixture
def registry(azure):
    """`myregistry`, with the webhook `mypushhook`."""
    azure.registries["myregistry"] = Registry(
        sku="Standard",
        properties={"adminUserEnabled": True, "dataEndpointEnabled": False},
        webhooks={"mypushhook": {"status": "enabled", "actions": ["push"]}},
    )
    return azure.registries["myregistry"]


def test_registry(azure, registry):
    ask = {"registry": "myregistry"}
    there = "The registry `myregistry` is there, as it should be."
    assert passed(azure.ask("arm.registry", **ask)) == there
    right = {"sku": "standard", "admin_enabled": True, "data_endpoint_enabled": False}
    assert passed(azure.ask("arm.registry", **ask, **right)) == there
    assert failed(azure.ask("arm.registry", **ask, sku="Premium", admin_enabled=False, data_endpoint_enabled=True)) == (
        "The SKU of the registry `myregistry` is Standard, not Premium. "
        "The admin user of the registry `myregistry` is enabled, not disabled. "
        "The dedicated data endpoint of the registry `myregistry` is disabled, not enabled."
    )


def test_registry_among_pages(azure):
    azure.page = 3
    azure.registries.update({f"registry{number}": Registry() for number in range(10)})
    assert passed(azure.ask("arm.registry", registry="registry9"))


def test_webhook(azure, registry):
    assert passed(azure.ask("arm.webhook", **HOOK)) == "The registry `myregistry` has the webhook `mypushhook`."
    assert passed(azure.ask("arm.webhook", **HOOK, actions=["push"], enabled=True))
    assert failed(azure.ask("arm.webhook", **HOOK, actions=["push", "delete"], enabled=False)) == (
        "The webhook `mypushhook` is for `push`, not for `delete`. "
        "The webhook `mypushhook` of the registry `myregistry` is enabled, not disabled."
    )
    registry.webhooks["mypushhook"] = {"status": "disabled", "actions": ["delete", "push"]}
    assert passed(azure.ask("arm.webhook", **HOOK, actions=["push"], enabled=False))
    assert failed(azure.ask("arm.webhook", **HOOK, enabled=True)).endswith("is disabled, not enabled.")
    assert failed(azure.ask("arm.webhook", registry="myregistry", name="another")) == (
        "The registry `myregistry` has no webhook `another`; it has `mypushhook`."
    )
    assert failed(azure.ask("arm.webhook", registry="otherregistry", name="another")) == (
        "The registry `otherregistry` has no webhook `another`; it has none at all."
    )


def test_webhook_event(azure, registry):
    ask = {**HOOK, "action": "push", "repository": "mywebapi"}
    assert failed(azure.ask("arm.webhook-event", **ask)) == (
        "The webhook `mypushhook` recorded no push of `mywebapi`; it recorded nothing at all."
    )
    registry.events["mypushhook"] = [("push", "mywebapi", "1.0.0"), ("delete", "mywebapi", ""), ("ping", "", "")]
    assert passed(azure.ask("arm.webhook-event", **ask)) == "The webhook `mypushhook` recorded push of `mywebapi`."
    assert passed(azure.ask("arm.webhook-event", **ask, tag="1.0.0"))
    assert passed(azure.ask("arm.webhook-event", **{**ask, "action": "delete"}))
    assert failed(azure.ask("arm.webhook-event", **ask, tag="latest")) == (
        "The webhook `mypushhook` recorded no push of `mywebapi:latest`; "
        "it recorded push of `mywebapi:1.0.0`, delete of `mywebapi`, ping."
    )
    assert failed(azure.ask("arm.webhook-event", **{**ask, "repository": "api"})).startswith(
        "The webhook `mypushhook` recorded no push of `api`; "
    )


def test_events_are_read_page_by_page_and_a_long_list_is_cut(azure, registry):
    azure.page = 2
    registry.events["mypushhook"] = [("push", "mywebapi", f"v{number}") for number in range(9)]
    ask = {**HOOK, "action": "push", "repository": "mywebapi"}
    assert passed(azure.ask("arm.webhook-event", **ask, tag="v8"))
    assert failed(azure.ask("arm.webhook-event", **ask, tag="v9")).endswith("`mywebapi:v3` and 5 more.")


def test_a_page_elsewhere_gets_no_token(azure, registry, monkeypatch):
    paged = azure.paged

    def elsewhere(ask, name, items, **more):
        answer = paged(ask, name, items, **more)
        answer.document["nextLink"] = "https://management.azure.com.example.com/next"
        return answer

    azure.paged = elsewhere
    result = azure.ask("arm.registry", registry="myregistry")
    assert (result.outcome, result.bug) == (Outcome.ERROR, False)
    assert result.message.startswith("Azure points to a page that is not its own")
