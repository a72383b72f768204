import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from labrunner.emulator.clock import Clock
from labrunner.emulator.issued import Issued
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.state.directory import Principal
from labrunner.emulator.state.registries import Registries, Registry, name_problem
from labrunner.emulator.store import Store

SUBSCRIPTION = "3a2b1c00-0000-4000-8000-000000000001"
USER = Principal(object_id="u", kind="user", name="student@example.com")
ROBOT = Principal(object_id="s", kind="service-principal", name="builder", app_id="app-1")


class Azure:
    def __init__(self, path: Path) -> None:
        self.clock = Clock()
        self.store = Store(path)
        self.issued = Issued(self.store, now=self.clock.now)
        self.registries = Registries(self.store, self.issued, self.clock)

    def make(self, name: str = "progressacr1", *, sku: str = "Premium", by: Principal | None = None) -> Registry:
        return self.registries.create(
            group="labs", name=name, location="East US", sku=sku, subscription=SUBSCRIPTION, by=by
        )


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Azure]:
    made = Azure(tmp_path / "state.sqlite")
    yield made
    made.store.close()


def test_a_new_registry(azure: Azure):
    made = azure.make("ProgressAcr1", sku="premium", by=USER)
    assert made.id == (
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/labs/providers/Microsoft.ContainerRegistry"
        "/registries/ProgressAcr1"
    )
    assert (made.location, made.sku, made.login_server) == ("eastus", "Premium", "progressacr1.azurecr.io")
    assert not made.admin_enabled
    assert made.properties["policies"]["trustPolicy"] == {"type": "Notary", "status": "disabled"}
    assert made.properties["networkRuleSet"] == {"defaultAction": "Allow", "ipRules": []}
    assert "networkRuleSet" not in azure.make("another1", sku="Basic").properties


def test_it_is_found_by_name_place_id_and_hosts(azure: Azure):
    made = azure.make()
    registries = azure.registries
    assert registries.find("PROGRESSACR1") == made
    assert registries.get(SUBSCRIPTION.upper(), "LABS", "progressacr1") == made
    assert registries.get(SUBSCRIPTION, "other", "progressacr1") is None
    assert registries.get("other", "labs", "progressacr1") is None
    assert registries.by_id(made.id.upper()) == made
    assert registries.by_id(made.id.replace("/labs/", "/other/")) is None
    assert registries.by_host("ProgressAcr1.azurecr.io") == made
    for host in ("progressacr1", "x.progressacr1.azurecr.io", "progressacr1.azurecr.io.evil.com", ".azurecr.io"):
        assert registries.by_host(host) is None
    assert [found.name for found in registries.all(group="Labs")] == ["progressacr1"]
    assert registries.all(group="other") == []


def test_a_data_host_is_there_once_data_endpoints_are(azure: Azure):
    made = azure.make()
    host = "progressacr1.eastus.data.azurecr.io"
    assert azure.registries.by_data_host(host) is None
    azure.registries.change(made, properties={**made.properties, "dataEndpointEnabled": True})
    found = azure.registries.by_data_host(host)
    assert found is not None
    assert found.name == "progressacr1"
    assert azure.registries.by_data_host("progressacr1.westus.data.azurecr.io") is None


def test_what_a_course_declares_is_made_once_and_left_alone(azure: Azure):
    wanted = {"group": "labs", "name": "progressacr1", "location": "eastus", "subscription": SUBSCRIPTION}
    made = azure.registries.ensure(**wanted, sku="Basic")
    assert azure.registries.ensure(**wanted, sku="Premium") == made
    assert made.authorship.created_by == ""


def test_a_name_is_taken_in_all_of_azure(azure: Azure):
    azure.make()
    with pytest.raises(Refusal) as raised:
        azure.registries.create(
            group="other", name="PROGRESSACR1", location="westus", sku="Basic", subscription=SUBSCRIPTION
        )
    assert (raised.value.status, raised.value.code) == (409, "AlreadyInUse")
    assert "The registry DNS name progressacr1.azurecr.io is already in use." in raised.value.message


@pytest.mark.parametrize("name", ["abcde", "A1b2C", "x" * 50])
def test_names_that_a_registry_may_have(name: str):
    assert name_problem(name) == ""


@pytest.mark.parametrize("name", ["", "abcd", "x" * 51, "with-dash", "with.dot", "ümlaut", "../../x", "a b c d"])
def test_names_that_a_registry_may_not_have(azure: Azure, name: str):
    assert "between 5 and 50 characters" in name_problem(name)
    with pytest.raises(Refusal) as raised:
        azure.make(name)
    assert (raised.value.status, raised.value.code) == (400, "InvalidResourceName")
    assert azure.registries.all() == []


def test_a_reserved_name_and_a_sku_that_there_is_not(azure: Azure):
    assert "reserved" in name_problem("Microsoft")
    with pytest.raises(Refusal, match="'Gold' is not supported"):
        azure.make(sku="Gold")


def test_a_change_keeps_what_it_does_not_name_and_says_by_whom_it_was(azure: Azure):
    made = azure.make(by=USER)
    azure.clock.offset = 60.0
    changed = azure.registries.change(made, sku="standard", tags={"a": "b"}, by=ROBOT)
    assert (changed.uid, changed.sku, changed.tags, changed.properties) == (
        made.uid,
        "Standard",
        {"a": "b"},
        made.properties,
    )
    before, after = made.authorship, changed.authorship
    assert (after.created_by, after.created_by_type, after.created) == ("student@example.com", "User", before.created)
    assert (after.modified_by, after.modified_by_type) == ("app-1", "Application")
    assert after.modified >= before.modified + 60.0


def test_passwords_are_two_are_kept_and_are_told_of(azure: Azure):
    made = azure.make()
    told: list[str] = []
    azure.issued.subscribe(told.append)
    passwords = azure.registries.passwords(made)
    assert list(passwords) == ["password", "password2"]
    assert len(set(passwords.values())) == 2
    assert all(re.fullmatch(r"[A-Za-z0-9]{42}\+ACR[A-Za-z0-9]{6}", value) for value in passwords.values())
    assert azure.registries.passwords(made) == passwords
    assert sorted(told) == sorted(passwords.values())


def test_the_admin_user_may_come_in_while_it_is_enabled(azure: Azure):
    made = azure.make()
    registries = azure.registries
    first, second = registries.passwords(made).values()
    assert not registries.admin_password_matches(made, "progressacr1", first)
    made = registries.change(made, admin_enabled=True)
    assert registries.admin_password_matches(made, "progressacr1", first)
    assert registries.admin_password_matches(made, "ProgressACR1", second)
    for user, password in (("other", first), ("progressacr1", "x"), ("progressacr1", ""), ("progressacr1", "\udcff")):
        assert not registries.admin_password_matches(made, user, password)
    renewed = registries.renew_password(made, "password")
    assert not registries.admin_password_matches(made, "progressacr1", first)
    assert registries.admin_password_matches(made, "progressacr1", renewed)
    assert registries.admin_password_matches(made, "progressacr1", second)
    registries.change(made, admin_enabled=False)
    assert not registries.admin_password_matches(made, "progressacr1", renewed)


def test_a_registry_made_again_is_another_one_with_other_passwords(azure: Azure):
    first = azure.make()
    passwords = azure.registries.passwords(first)
    assert list(azure.registries.inventory()) == [("registry", "progressacr1", first.uid)]
    azure.registries.delete(first)
    assert azure.registries.find("progressacr1") is None
    assert azure.store.rows("SELECT * FROM registry_passwords") == []
    second = azure.make()
    assert (second.id, second.uid == first.uid) == (first.id, False)
    assert not set(azure.registries.passwords(second).values()) & set(passwords.values())
