"""The control socket, asked by its own client."""

import asyncio
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from labrunner.emulator.client import ControlClient, ControlError
from labrunner.emulator.clock import Clock
from labrunner.emulator.control import Control
from labrunner.emulator.world import World, open_world
from tests.unit.emulator.pushed import INDEX

DAY = 86400.0

REGISTRY = {
    "name": "progressacr12345678",
    "resource_group": "labs",
    "location": "eastus",
    "sku": "Premium",
    "webhooks": [{"name": "mypushhook", "actions": ["push"], "service_uri": "http://localhost:1/"}],
}


class Running:
    """A World with its control socket, in a thread of its own."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "control")
        self.loop = asyncio.new_event_loop()
        self._folder = folder
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._up.wait(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.world: World = open_world(self._folder / "state", Clock())
        control = Control(self.world)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(self.path)
        self.loop.run_until_complete(control.listen(listener))
        self._up.set()
        self.loop.run_forever()
        self.loop.run_until_complete(control.close())
        self.world.close()
        self.loop.close()

    def do(self, what):
        """Do it in the thread of the World; its result."""

        async def call():
            return what(self.world)

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(10)

    def close(self) -> None:
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    made = Running(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def client(running: Running) -> ControlClient:
    return ControlClient(running.path)


def test_what_is_wanted_is_made_once(client):
    client.seed({"registries": [REGISTRY]})
    first = client.inventory()
    assert {(kind, name) for kind, name, _ in first} >= {
        ("registry", "progressacr12345678"),
        ("webhook", "progressacr12345678/mypushhook"),
    }
    client.seed({"registries": [REGISTRY]})
    assert client.inventory() == first


@pytest.mark.parametrize(
    "wanted",
    [
        {"registries": [{"name": "progressacr12345678"}]},
        {"registries": 1},
        {"registries": [{**REGISTRY, "webhooks": [{}]}]},
    ],
)
def test_half_a_wish_is_refused_and_nothing_is_made(client, wanted):
    before = client.inventory()
    with pytest.raises(ControlError, match="cannot be understood"):
        client.seed(wanted)
    assert client.inventory() == before


def test_a_repository_gets_its_past_and_no_webhook_is_told(running, client):
    client.seed({"registries": [REGISTRY]})

    def push(world):
        registry = world.registries.find(REGISTRY["name"])
        body = json.dumps({"schemaVersion": 2, "mediaType": INDEX}).encode()
        return registry.id, world.images.push(registry.id, "web", body, INDEX, tag="latest").digest

    registry, digest = running.do(push)
    wanted = {"registry": REGISTRY["name"], "repository": "old"}
    assert client.seed_images({**wanted, "manifests": [{"from": "web:latest", "tags": ["1"], "days": 40}]}) == ""
    tag = running.do(lambda world: world.images.tag(registry, "old", "1"))
    assert tag.digest == digest
    assert client.status()["clock_offset"] == 0
    assert 40 * DAY <= time.time() - tag.updated < 40 * DAY + 60
    assert running.do(lambda world: world.store.rows("SELECT * FROM webhook_events")) == []
    before = client.inventory()
    said = client.seed_images({**wanted, "manifests": [{"from": "web:latest", "tags": ["2"]}, {"from": "web:9"}]})
    assert said == f"`web` in the registry `{REGISTRY['name']}` has no tag `9`"
    with pytest.raises(ControlError, match="it needs `from` or `index_of`"):
        client.seed_images({**wanted, "manifests": [{"tags": ["2"]}]})
    with pytest.raises(ControlError, match="cannot be understood"):
        client.seed_images({})
    assert client.inventory() == before


def test_a_reset_leaves_nothing_of_what_was_made(client):
    before = client.status()
    operator = client.operator()
    client.seed({"registries": [REGISTRY]})
    client.reset()
    assert not [entry for entry in client.inventory() if entry[0] in ("registry", "webhook")]
    assert client.status()["tenant"] != before["tenant"]
    assert client.operator() != operator


def test_secrets_are_heard_at_once(running, client):
    old = running.do(lambda world: world.issued.add("the-old-one"))
    feed = client.secrets()
    try:
        assert old in feed.new()
        assert feed.new() == []
        for number in range(200):
            running.do(lambda world, number=number: world.issued.add(f"secret-{number}"))
            assert feed.new() == [f"secret-{number}"], "known as soon as it was issued"
    finally:
        feed.close()


def test_of_a_local_azure_that_is_gone_nothing_new_is_heard(running, client):
    feed = client.secrets()
    feed.new()
    running.close()
    assert feed.new() == []
    feed.close()


def test_a_code_that_nobody_waits_for_cannot_be_approved(client):
    assert client.device_codes() == []
    with pytest.raises(ControlError, match="no sign-in waits for code ABC"):
        client.approve("ABC")


def test_nobody_there_is_said(tmp_path):
    with pytest.raises(ControlError, match="does not answer"):
        ControlClient(str(tmp_path / "none")).status()


def test_faults_are_set_seen_and_cleared(running, client):
    assert client.faults() == []
    made = client.set_fault("throttled", seconds=30, retry_after=9, services=["arm"])
    assert made["until"] - made["since"] == 30
    assert (made["retry_after"], made["services"]) == (9, ["arm"])
    forever = client.set_fault("proxy-down")
    assert forever["until"] is None
    assert client.faults() == [made, forever]
    assert client.clear_faults("throttled") == ["throttled"]
    assert client.clear_faults("throttled") == []
    assert client.clear_faults() == ["proxy-down"]
    assert client.faults() == []


def test_a_step_ends_its_own_faults(client):
    client.set_fault("throttled")
    client.set_fault("lower-tier", sku="Basic", step=True)
    assert client.end_step_faults() == ["lower-tier"]
    assert [fault["name"] for fault in client.faults()] == ["throttled"]


ABAC = {
    "name": "abacacr12345678",
    "resource_group": "labs",
    "location": "eastus",
    "sku": "Basic",
    "role_assignment_mode": "rbac-abac",
    "roles": ["AcrPush"],
}


def given(world):
    """(role, since) of what the user has at the registry itself."""
    registry = world.registries.find("abacacr12345678")
    held = world.roles.kept_by(world.directory.signed_in_user().object_id)
    return [(world.roles.role(one.role).name, one.created) for one in held if one.scope == registry.id]


def test_a_registry_is_arranged_with_the_users_roles_and_no_other(running, client):
    assert client.arrange(ABAC) == ""
    made = running.do(lambda world: world.registries.find("abacacr12345678"))
    assert (made.sku, made.has_abac) == ("Basic", True)
    ((role, since),) = running.do(given)
    assert role == "AcrPush"
    before = client.inventory()
    assert client.arrange({**ABAC, "sku": "Premium"}) == ""
    ((role, again),) = running.do(given)
    assert again > since, "as if it were given now"
    assert client.inventory() == before, "and the same one"
    assert running.do(lambda world: world.registries.find("abacacr12345678")).sku == "Basic", "what is there stays"
    assert client.arrange({**ABAC, "roles": ["AcrPull"], "role_assignment_mode": "rbac"}) == ""
    assert [name for name, _ in running.do(given)] == ["AcrPull"]
    assert not running.do(lambda world: world.registries.find("abacacr12345678")).has_abac


def test_what_cannot_be_arranged_is_said_and_nothing_is_made(client):
    before = client.inventory()
    assert client.arrange({**ABAC, "sku": ""}) == "there is no registry `abacacr12345678`"
    assert "registry names may" in client.arrange({**ABAC, "name": "a"}).lower()
    for wrong in ({"roles": ["Nobody"]}, {"role_assignment_mode": "abac"}, {"roles": 1}):
        with pytest.raises(ControlError, match=r"there is no role|cannot be understood"):
            client.arrange({**ABAC, **wrong})
    assert client.inventory() == before


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (
            lambda client: client.set_fault("flood"),
            "refuses: there is no fault 'flood'; there are: latency, throttled,",
        ),
        (lambda client: client.set_fault("latency", status=500), "the fault latency has no 'status'"),
        (lambda client: client.clear_faults("flood"), "there is no fault 'flood'"),
        (lambda client: client._ask("POST", "/faults/latency", {}), "a fault is set by POST /faults"),
        (lambda client: client._ask("POST", "/faults", []), 'a fault is an object with a "name"'),
        (lambda client: client._ask("GET", "/trouble?since=soon"), "refuses: invalid literal"),
        (lambda client: client.set_clock(float("inf")), 'the clock needs {"offset": seconds}'),
        (lambda client: client._ask("POST", "/clock", [60]), 'the clock needs {"offset": seconds}'),
    ],
)
def test_what_is_no_fault_is_refused_in_words(client, ask, said):
    with pytest.raises(ControlError) as caught:
        ask(client)
    assert said in str(caught.value)
    assert client.faults() == []
    assert client.status()["clock_offset"] == 0


def test_faults_end_by_the_emulators_clock(client):
    client.set_fault("throttled", seconds=3600)
    client.set_clock(3600)
    assert client.status()["clock_offset"] == 3600
    assert client.faults() == []
    client.set_clock(0)


def test_trouble_is_told_since_a_number(running, client):
    first = client.trouble()
    assert first["trouble"] == []
    running.do(lambda world: world.trouble.note("slow", "Azure was slow."))
    told = client.trouble(first["seq"])
    (entry,) = told["trouble"]
    assert (entry["kind"], entry["count"], entry["text"]) == ("slow", 1, "Azure was slow.")
    assert client.trouble(told["seq"])["trouble"] == []


def test_what_settles_by_itself_is_told_with_its_time(running, client):
    client.set_fault("role-delay", delay=50)

    def give(world):
        user, role = world.directory.signed_in_user(), world.roles.role_named("AcrPush")
        world.roles.assign(user.object_id, role.id, world.resources.subscription_scope)
        return user.name

    name = running.do(give)
    for offset in (0, 12):
        client.set_clock(offset)
        (text,) = client.trouble()["settling"]
        words = rf"The role AcrPush given to {re.escape(name)} (\d+) s ago has not spread yet: it does in (\d+) s\."
        said = re.fullmatch(words, text)
        assert said, text
        assert offset <= int(said[1]) < offset + 9
        assert 49 <= int(said[1]) + int(said[2]) <= 51
    client.set_clock(50)
    assert client.trouble()["settling"] == []
    assert client.trouble()["trouble"] == [], "nobody was refused"


def test_a_reset_ends_faults_and_forgets_trouble(running, client):
    for name in ("role-delay", "list-lag", "expired-tokens", "latency"):
        client.set_fault(name)
    running.do(lambda world: world.trouble.note("slow", "Azure was slow."))
    client.reset()
    assert client.faults() == []
    assert client.trouble()["trouble"] == []
