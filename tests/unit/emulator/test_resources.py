from collections.abc import Iterator
from pathlib import Path

import pytest

from labrunner.emulator.clock import Clock
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.state.resources import LOCATIONS, Resources
from labrunner.emulator.store import Store
from tests.emulator.running import guid


@pytest.fixture
def resources(tmp_path: Path) -> Iterator[Resources]:
    store = Store(tmp_path / "state.sqlite")
    made = Resources(store, Clock())
    made.found()
    yield made
    store.close()


def test_a_subscription_is_founded_once(resources: Resources):
    before = resources.subscription
    resources.found()
    assert guid(before)
    assert resources.subscription == before
    assert resources.subscription_scope == f"/subscriptions/{before}"
    assert resources.subscription_name == "labrunner sandbox"


def test_nothing_is_said_of_a_subscription_before_it_is_founded(tmp_path: Path):
    store = Store(tmp_path / "state.sqlite")
    with pytest.raises(LookupError, match="found"):
        _ = Resources(store, Clock()).subscription
    store.close()


def test_groups_ignore_case_and_keep_the_name_they_were_made_with(resources: Resources):
    made = resources.ensure_group("Progress-Labs", "East US")
    assert (made.name, made.location, made.tags) == ("Progress-Labs", "eastus", {})
    assert resources.group("progress-LABS") == made
    assert resources.ensure_group("progress-labs", "westus") == made  # what is there stays
    assert [group.name for group in resources.groups()] == ["Progress-Labs"]


def test_a_group_put_again_changes_its_tags_and_nothing_else(resources: Resources):
    made = resources.put_group("one", "eastus", tags={"a": "1"})
    again = resources.put_group("ONE", "East US", tags={"b": "2"})
    assert (again.uid, again.name, again.tags) == (made.uid, "one", {"b": "2"})
    with pytest.raises(Refusal) as raised:
        resources.put_group("one", "westus")
    assert (raised.value.status, raised.value.code) == (409, "InvalidResourceGroupLocation")
    assert resources.tag_group("One", {}).tags == {}


def test_a_group_made_again_is_another_one(resources: Resources):
    first = resources.put_group("one", "eastus")
    assert list(resources.inventory()) == [("resource-group", "one", first.uid)]
    resources.delete_group("ONE")
    assert resources.group("one") is None
    assert resources.put_group("one", "eastus").uid != first.uid


@pytest.mark.parametrize("name", ["a", "ä_(x)-1.b", "x" * 90])
def test_names_that_a_group_may_have(resources: Resources, name: str):
    assert resources.put_group(name, "eastus").name == name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a b!", "these invalid characters: ' !'"),
        ("../x", "these invalid characters: '/'"),
        ("ends.", "does not end with '.'"),
        ("x" * 91, "1 to 90 characters"),
        ("", "1 to 90 characters"),
    ],
)
def test_names_that_a_group_may_not_have(resources: Resources, name: str, words: str):
    with pytest.raises(Refusal) as raised:
        resources.put_group(name, "eastus")
    assert (raised.value.status, raised.value.code) == (400, "InvalidResourceGroup")
    assert words in raised.value.message
    assert resources.groups() == []


def test_a_region_that_there_is_not(resources: Resources):
    with pytest.raises(Refusal) as raised:
        resources.put_group("one", "atlantis")
    assert raised.value.code == "LocationNotAvailableForResourceGroup"
    assert "'atlantis'" in raised.value.message
    assert "eastus," in raised.value.message


def test_every_region_is_named_as_its_display_name_says():
    assert all(display.replace(" ", "").lower() == name for name, display in LOCATIONS.items())


def test_operations_are_known_by_their_id(resources: Resources):
    operation = resources.begin_operation()
    assert resources.operation_known(operation)
    assert not resources.operation_known("0" * 32)
