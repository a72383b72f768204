import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labrunner.emulator.clock import Clock
from labrunner.emulator.issued import Issued
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.state.registries import Registries, Registry
from labrunner.emulator.state.webhooks import Webhook, Webhooks
from labrunner.emulator.store import Store
from tests.emulator.running import guid

DIGEST = f"sha256:{'0' * 64}"
MEDIA = "application/vnd.docker.distribution.manifest.v2+json"
URI = "https://example.com/hook"


class Azure:
    def __init__(self, path: Path) -> None:
        self.clock = Clock()
        self.store = Store(path)
        self.registries = Registries(self.store, Issued(self.store, now=self.clock.now), self.clock)
        self.webhooks = Webhooks(self.store, self.clock)

    def registry(self, name: str = "progressacr1", sku: str = "Premium") -> Registry:
        return self.registries.ensure(group="labs", name=name, location="eastus", sku=sku, subscription="s")

    def hook(self, name: str = "mypushhook", **other: Any) -> Webhook:
        registry = self.registry()
        wanted = {"location": "eastus", "actions": ["push"], "service_uri": URI, **other}
        return self.webhooks.put(registry, name=name, **wanted)

    def pushed(self, repository: str = "mywebapi", tag: str = "1.0.0", action: str = "push") -> None:
        self.webhooks.record(
            self.registry().id,
            action=action,
            repository=repository,
            tag=tag,
            digest=DIGEST,
            media_type=MEDIA,
            size=528,
            actor="student@example.com",
            user_agent="docker/20.10.24",
        )

    def contents(self, hook: Webhook) -> list[Any]:
        return [event.request["content"] for event in self.webhooks.events(hook)]


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Azure]:
    made = Azure(tmp_path / "state.sqlite")
    yield made
    made.store.close()


def test_what_a_course_declares_is_made_once_and_left_alone(azure: Azure):
    made = azure.webhooks.ensure(azure.registry(), name="mypushhook", actions=["push"], service_uri=URI)
    again = azure.webhooks.ensure(azure.registry(), name="MyPushHook", actions=["delete"], service_uri="http://x/")
    assert again == made
    assert (made.id, made.status, made.scope) == (f"{azure.registry().id}/webhooks/mypushhook", "enabled", "")
    assert list(azure.webhooks.inventory()) == [("webhook", "progressacr1/mypushhook", made.uid)]


def test_a_push_as_a_webhook_is_told_of_it(azure: Azure):
    hook = azure.hook(headers={"x-course": "3.3"})
    azure.pushed()
    (event,) = azure.webhooks.events(hook)
    content = event.request["content"]
    assert content["id"] == event.id
    assert guid(content["id"])
    assert guid(content["request"]["id"])
    assert content["timestamp"].endswith("Z")
    assert content["action"] == "push"
    assert content["target"] == {
        "mediaType": MEDIA,
        "size": 528,
        "digest": DIGEST,
        "length": 528,
        "repository": "mywebapi",
        "tag": "1.0.0",
    }
    assert content["request"] == {
        "id": content["request"]["id"],
        "host": "progressacr1.azurecr.io",
        "method": "PUT",
        "useragent": "docker/20.10.24",
    }
    length = len(json.dumps(content, separators=(",", ":")))
    assert event.request["headers"] == {
        "x-course": "3.3",
        "Content-Type": "application/json; charset=utf-8",
        "Content-Length": str(length),
    }
    assert (event.request["method"], event.request["requestUri"], event.request["version"]) == ("POST", URI, "1.1")
    assert "student@example.com" not in json.dumps(event.request)


def test_a_ping_has_the_length_of_azures(azure: Azure):
    """Recorded: Content-Length 104 for a ping."""
    hook = azure.hook()
    event_id = azure.webhooks.ping(hook)
    (event,) = azure.webhooks.events(hook)
    assert (event.id, event.request["headers"]["Content-Length"]) == (event_id, "104")
    assert sorted(event.request["content"]) == ["action", "id", "timestamp"]


def test_a_deletion_names_neither_size_nor_tag(azure: Azure):
    hook = azure.hook(actions=["delete"])
    azure.pushed(tag="", action="delete")
    (content,) = azure.contents(hook)
    assert content["target"] == {"mediaType": MEDIA, "digest": DIGEST, "repository": "mywebapi"}
    assert content["request"]["method"] == "DELETE"


def test_a_webhook_is_told_of_what_it_wants_while_it_is_enabled(azure: Azure):
    pushes, deletions = azure.hook("pushes"), azure.hook("deletions", actions=["delete"])
    disabled = azure.hook("disabled", status="disabled")
    other = azure.webhooks.ensure(azure.registry("another1"), name="pushes", actions=["push"], service_uri=URI)
    azure.pushed()
    assert [len(azure.webhooks.events(hook)) for hook in (pushes, deletions, disabled, other)] == [1, 0, 0, 0]


@pytest.mark.parametrize(
    ("scope", "told"),
    [
        ("", {"foo:bar", "foo:latest", "foo/x:bar", "foobar:bar"}),
        ("foo:*", {"foo:bar", "foo:latest"}),
        ("foo:bar", {"foo:bar"}),
        ("foo", {"foo:latest"}),
        ("foo*:*", {"foo:bar", "foo:latest", "foo/x:bar", "foobar:bar"}),
        ("foo/*:bar", {"foo/x:bar"}),
        ("other:*", set()),
    ],
)
def test_scopes(azure: Azure, scope: str, told: set[str]):
    hook = azure.hook(scope=scope)
    for image in ("foo:bar", "foo:latest", "foo/x:bar", "foobar:bar"):
        azure.pushed(*image.split(":"))
    targets = [content["target"] for content in azure.contents(hook)]
    assert {f"{target['repository']}:{target['tag']}" for target in targets} == told


def test_the_newest_event_comes_first_and_the_oldest_go(azure: Azure):
    hook = azure.hook()
    with azure.store.write():
        for number in range(1005):
            azure.pushed(tag=str(number))
    kept = [content["target"]["tag"] for content in azure.contents(hook)]
    assert (kept[0], kept[-1], len(kept)) == ("1004", "5", 1000)


def test_events_wait_until_somebody_says_how_it_went(azure: Azure):
    woken: list[int] = []
    stop = azure.webhooks.subscribe(lambda: woken.append(1))
    hook = azure.hook()
    azure.pushed()
    first, second = azure.webhooks.ping(hook), azure.webhooks.ping(hook)
    assert len(woken) == 3
    assert [event.id for event in azure.webhooks.pending()][1:] == [first, second]
    azure.webhooks.answered(first, {"statusCode": "200"})
    assert first not in {event.id for event in azure.webhooks.pending()}
    assert {event.id: event.response for event in azure.webhooks.events(hook)}[first] == {"statusCode": "200"}
    stop()
    azure.pushed()
    assert len(woken) == 3


def test_what_is_rolled_back_is_told_to_nobody(azure: Azure):
    hook = azure.hook()

    def fail() -> None:
        with azure.store.write():
            azure.pushed()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert azure.webhooks.events(hook) == azure.webhooks.pending() == []


@pytest.mark.parametrize(("sku", "limit"), [("Basic", 2), ("Standard", 10)])
def test_a_sku_has_so_many_webhooks(azure: Azure, sku: str, limit: int):
    registry = azure.registry("small", sku)
    for number in range(limit):
        azure.webhooks.ensure(registry, name=f"hook{number:02}", actions=["push"], service_uri=URI)
    with pytest.raises(Refusal) as raised:
        azure.webhooks.ensure(registry, name="onemore", actions=["push"], service_uri=URI)
    assert (raised.value.status, raised.value.code) == (409, "QuotaExceeded")
    assert azure.webhooks.put(
        registry, name="hook00", location="eastus", actions=["delete"], service_uri=URI
    ).actions == ("delete",)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": "four"}, "5 to 50"),
        ({"name": "with-dash"}, "alphanumeric"),
        ({"actions": []}, "actions must be some of"),
        ({"actions": ["pull"]}, "actions must be some of"),
        ({"status": "on"}, "'enabled' or 'disabled'"),
        ({"service_uri": "ftp://example.com"}, "http or https"),
        ({"service_uri": ""}, "http or https"),
    ],
)
def test_settings_that_a_webhook_may_not_have(azure: Azure, wrong: dict[str, Any], words: str):
    with pytest.raises(Refusal, match=words) as raised:
        azure.hook(**{"name": "mypushhook", **wrong})
    assert raised.value.status == 400
    assert azure.webhooks.of(azure.registry()) == []


def test_a_webhook_goes_with_its_events_and_with_its_registry(azure: Azure):
    hook, kept = azure.hook("first"), azure.hook("second")
    azure.pushed()
    azure.webhooks.delete(hook)
    assert azure.webhooks.get(azure.registry(), "first") is None
    assert azure.webhooks.events(hook) == []
    assert len(azure.webhooks.events(kept)) == 1
    azure.webhooks.forget(azure.registry().id.upper())
    assert azure.webhooks.of(azure.registry()) == []
    assert azure.webhooks.pending() == []
