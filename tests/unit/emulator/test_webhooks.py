"""Webhooks and their events."""

import pytest

from labrunner.emulator.refusal import Refusal
from labrunner.emulator.state.webhooks import LIMITS


def registry(world, name="labacr123", sku="Basic"):
    subscription = world.resources.subscription
    return world.registries.ensure(group="labs", name=name, location="eastus", sku=sku, subscription=subscription)


def hook(world, name="hook1", **more):
    settings = {"location": "eastus", "actions": ["push"], "service_uri": "http://127.0.0.1/x", **more}
    return world.webhooks.put(registry(world), name=name, **settings)


def tell(world, tag="1.0", *, repository="web", action="push"):
    world.webhooks.record(
        registry(world).id,
        action=action,
        repository=repository,
        tag=tag,
        digest="sha256:0",
        media_type="m/t",
        size=7,
        actor="who",
        user_agent="docker/1",
    )


def tags(world, webhook):
    return [event.request["content"]["target"].get("tag") for event in world.webhooks.events(webhook)]


def test_events_are_told_newest_first_and_waiting_ones_oldest_first(world):
    made = hook(world)
    for tag in ("1", "2", "3"):
        tell(world, tag)
    assert tags(world, made) == ["3", "2", "1"]
    assert [event.request["content"]["target"]["tag"] for event in world.webhooks.pending()] == ["1", "2", "3"]
    first = world.webhooks.pending()[0]
    world.webhooks.answered(first.id, {"statusCode": "200"})
    assert len(world.webhooks.pending()) == 2
    assert world.webhooks.events(made)[-1].response == {"statusCode": "200"}


def test_an_event_is_as_microsoft_describes_it(world):
    made = hook(world, actions=["push", "delete"], headers={"X-Own": "yes"})
    tell(world)
    tell(world, "", action="delete")
    deleted, pushed = (event.request for event in world.webhooks.events(made))
    target = {"mediaType": "m/t", "digest": "sha256:0", "repository": "web", "size": 7, "length": 7, "tag": "1.0"}
    assert pushed["content"]["target"] == target
    assert "tag" not in deleted["content"]["target"]
    assert (pushed["content"]["request"]["method"], deleted["content"]["request"]["method"]) == ("PUT", "DELETE")
    assert (pushed["headers"]["X-Own"], pushed["requestUri"]) == ("yes", "http://127.0.0.1/x")


@pytest.mark.parametrize(
    ("scope", "repository", "tag", "told"),
    [
        ("", "any/thing", "x", True),
        ("web:*", "web", "x", True),
        ("web:*", "web2", "x", False),
        ("web", "web", "latest", True),
        ("web", "web", "1.0", False),
        ("web:1.0", "web", "1.0", True),
        ("web:1.0", "web", "2.0", False),
        ("we*:*", "web", "x", True),
        ("we*:*", "lab/web", "x", False),
    ],
)
def test_scopes(world, scope, repository, tag, told):
    made = hook(world, scope=scope)
    tell(world, tag, repository=repository)
    assert bool(world.webhooks.events(made)) is told


def test_who_is_not_told(world):
    disabled, other = hook(world, status="disabled"), hook(world, "hook2", actions=["delete"])
    tell(world)
    assert (tags(world, disabled), tags(world, other)) == ([], [])
    event = world.webhooks.ping(disabled)
    assert [one.id for one in world.webhooks.events(disabled)] == [event]


def test_only_the_last_thousand_events_are_kept(world):
    made = hook(world)
    with world.store.write():
        for number in range(1003):
            tell(world, str(number))
    kept = tags(world, made)
    assert (len(kept), kept[0], kept[-1]) == (1000, "1002", "3")


@pytest.mark.parametrize("sku", ["Basic", "Standard"])
def test_a_sku_has_so_many(world, sku):
    made = registry(world, sku=sku)
    for number in range(LIMITS[sku]):
        hook(world, f"hook{number}")
    with pytest.raises(Refusal) as raised:
        hook(world, "hookmore")
    assert (raised.value.status, raised.value.code) == (409, "QuotaExceeded")
    assert hook(world, "HOOK0", status="disabled").name == "hook0"
    assert len(world.webhooks.of(made)) == LIMITS[sku]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "four"},
        {"name": "with-dash"},
        {"name": "a" * 51},
        {"actions": []},
        {"actions": ["sing"]},
        {"status": "asleep"},
        {"service_uri": ""},
        {"service_uri": "ftp://x"},
        {"service_uri": "http://"},
    ],
)
def test_wrong_settings(world, wrong):
    with pytest.raises(Refusal) as raised:
        hook(world, **{"name": "hook1", **wrong})
    assert raised.value.status == 400
    assert world.webhooks.of(registry(world)) == []


def test_a_webhook_and_its_events_go_together(world):
    made = hook(world)
    tell(world)
    assert list(world.webhooks.inventory()) == [("webhook", "labacr123/hook1", made.uid)]
    world.webhooks.forget(registry(world).id)
    assert world.webhooks.pending() == []
    assert hook(world).uid != made.uid
    assert tags(world, hook(world)) == []


def test_subscribers_hear_of_events_until_they_leave(world):
    heard = []
    leave = world.webhooks.subscribe(lambda: heard.append(1))
    made = hook(world)
    world.webhooks.ping(made)
    leave()
    world.webhooks.ping(made)
    assert heard == [1]
