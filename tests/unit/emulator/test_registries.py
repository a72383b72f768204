"""Registries: names, SKUs, passwords."""

import pytest

from labrunner.emulator.refusal import Refusal
from labrunner.emulator.state.principals import Principal
from labrunner.emulator.state.registries import name_problem


def make(world, name="LabAcr123", **more):
    settings = {"group": "labs", "location": "East US", "sku": "standard", **more}
    return world.registries.create(name=name, subscription=world.resources.subscription, **settings)


@pytest.mark.parametrize("name", ["abcde", "A1b2C", "a" * 50, "12345"])
def test_names_that_azure_takes(name):
    assert name_problem(name) == ""


@pytest.mark.parametrize(
    "name", ["", "abcd", "a" * 51, "lab-acr1", "lab_acr1", "lab acr1", "läbacr1", "labacr1\n", "azure"]
)
def test_names_that_azure_does_not_take(world, name):
    assert name_problem(name)
    with pytest.raises(Refusal) as raised:
        make(world, name)
    assert (raised.value.status, raised.value.code) == (400, "InvalidResourceName")
    assert world.registries.all() == []


def test_a_registry_is_found_by_all_its_names(world):
    made = make(world)
    registries, subscription = world.registries, world.resources.subscription
    assert (made.location, made.sku, made.login_server) == ("eastus", "Standard", "labacr123.azurecr.io")
    assert registries.find("LABACR123") == registries.get(subscription.upper(), "LABS", "labacr123") == made
    assert registries.by_host("LabAcr123.azurecr.io") == registries.by_id(made.id.upper()) == made
    assert registries.get(subscription, "others", "labacr123") is None
    for host in ("labacr123", "x.labacr123.azurecr.io", "labacr1234.azurecr.io", ".azurecr.io", ""):
        assert registries.by_host(host) is None
    assert registries.by_id(f"{made.id}/x") is None
    assert made.data_host == "labacr123.eastus.data.azurecr.io"


def test_a_name_is_taken_in_all_of_azure(world):
    made = make(world)
    world.resources.ensure_group("others", "eastus")
    with pytest.raises(Refusal) as raised:
        make(world, "labACR123", group="others")
    assert (raised.value.status, raised.value.code) == (409, "AlreadyInUse")
    world.registries.delete(made)
    assert make(world).uid != made.uid


@pytest.mark.parametrize(("what", "code"), [({"sku": "Gold"}, "InvalidSku"), ({"sku": ""}, "InvalidSku")])
def test_a_wrong_sku(world, what, code):
    with pytest.raises(Refusal) as raised:
        make(world, **what)
    assert raised.value.code == code


def test_network_rules_are_premiums(world):
    assert "networkRuleSet" in make(world, sku="PREMIUM").properties
    assert "networkRuleSet" not in make(world, "labacr1234", sku="Basic").properties


def test_what_is_there_stays_as_it_is(world):
    made = make(world)
    subscription = world.resources.subscription
    again = world.registries.ensure(
        group="labs", name="labacr123", location="westus", sku="Basic", subscription=subscription
    )
    assert again == made


def test_passwords(world):
    registries, made = world.registries, make(world)
    first = registries.passwords(made)
    assert list(first) == ["password", "password2"]
    assert registries.passwords(made) == first
    assert all(len(value) == 52 and value[42:46] == "+ACR" for value in first.values())
    assert set(first.values()) <= set(world.issued.all())
    assert not registries.admin_password_matches(made, made.name, first["password"])
    made = registries.change(made, admin_enabled=True)
    assert registries.admin_password_matches(made, "labacr123", first["password"])
    assert registries.admin_password_matches(made, made.name, first["password2"])
    for user, password in (("other", first["password"]), (made.name, ""), (made.name, "\ud800"), ("", "")):
        assert not registries.admin_password_matches(made, user, password)
    new = registries.renew_password(made, "password")
    assert new in world.issued.all()
    assert not registries.admin_password_matches(made, made.name, first["password"])
    assert registries.passwords(made) == {"password": new, "password2": first["password2"]}
    registries.delete(made)
    assert not registries.admin_password_matches(made, made.name, new)
    assert set(registries.passwords(make(world)).values()).isdisjoint({new, *first.values()})


def test_who_made_and_who_changed(world):
    world.clock.offset = 0.0
    made = make(world, by=Principal(object_id="1", kind="user", name="student@x"))
    changed = world.registries.change(
        made, tags={"a": "b"}, by=Principal(object_id="2", kind="service-principal", name="n", app_id="app")
    )
    author = changed.authorship
    assert (author.created_by, author.created_by_type) == ("student@x", "User")
    assert (author.modified_by, author.modified_by_type) == ("app", "Application")
    assert author.created == made.authorship.created <= author.modified
    assert list(world.registries.inventory()) == [("registry", "LabAcr123", made.uid)]
