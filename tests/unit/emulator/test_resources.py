"""The subscription and its groups."""

import pytest

from labrunner.emulator.clock import Clock
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.state.resources import Resources
from labrunner.emulator.store import Store


@pytest.fixture
def resources(tmp_path):
    store = Store(tmp_path / "state.sqlite")
    made = Resources(store, Clock())
    made.found()
    yield made
    store.close()


def test_the_subscription_is_kept(resources):
    before = resources.subscription
    resources.found()
    assert resources.subscription == before
    assert resources.subscription_scope == f"/subscriptions/{before}"
    assert resources.subscription_name == "labrunner sandbox"


def test_a_group_ignores_case_and_keeps_its_name(resources):
    made = resources.ensure_group("Labs", "East US")
    assert (made.name, made.location) == ("Labs", "eastus")
    assert resources.ensure_group("LABS", "westus") == resources.group("labs") == made
    assert resources.put_group("labs", "eastus", tags={"a": "b"}).uid == made.uid
    assert resources.group("Labs").tags == {"a": "b"}
    with pytest.raises(Refusal) as raised:
        resources.put_group("labs", "westus")
    assert (raised.value.status, raised.value.code) == (409, "InvalidResourceGroupLocation")
    resources.delete_group("LABS")
    assert resources.groups() == []
    assert resources.ensure_group("Labs", "eastus").uid != made.uid


@pytest.mark.parametrize("name", ["a", "a" * 90, "(a)_-.b", "größe"])
def test_names_that_groups_may_have(resources, name):
    assert resources.put_group(name, "eastus").name == name


@pytest.mark.parametrize("name", ["", "a" * 91, "a.", "a b", "a/b", "a%", "\0"])
def test_names_that_groups_may_not_have(resources, name):
    with pytest.raises(Refusal) as raised:
        resources.put_group(name, "eastus")
    assert (raised.value.status, raised.value.code) == (400, "InvalidResourceGroup")


def test_a_region_that_there_is_not(resources):
    with pytest.raises(Refusal) as raised:
        resources.put_group("labs", "Atlantis")
    assert raised.value.code == "LocationNotAvailableForResourceGroup"
    assert resources.group("labs") is None


def test_long_operations_are_known_by_their_id(resources):
    assert resources.operation_known(resources.begin_operation())
    assert not resources.operation_known("none")
