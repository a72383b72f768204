from collections.abc import Iterator
from pathlib import Path

import pytest

from labrunner.emulator.clock import Clock
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.state.directory import Principal
from labrunner.emulator.state.roles import Roles, is_within
from labrunner.emulator.store import Store

SUBSCRIPTION = "/subscriptions/3a2b1c00-0000-4000-8000-000000000001"
GROUP = f"{SUBSCRIPTION}/resourceGroups/labs"
REGISTRY = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/progressacr1"
PREFIX = "Microsoft.ContainerRegistry/registries"
WHO = Principal(object_id="p", kind="service-principal", name="builder", app_id="a")


@pytest.fixture
def roles(tmp_path: Path) -> Iterator[Roles]:
    store = Store(tmp_path / "state.sqlite")
    yield Roles(store, Clock())
    store.close()


def give(roles: Roles, name: str, scope: str = REGISTRY) -> str:
    role = roles.role_named(name)
    assert role is not None, name
    return roles.assign(WHO.object_id, role.id, scope).name


PULL, PUSH, DELETE = f"{PREFIX}/pull/read", f"{PREFIX}/push/write", f"{PREFIX}/artifacts/delete"
READ, WRITE = f"{PREFIX}/read", f"{PREFIX}/write"
ASSIGN = "Microsoft.Authorization/roleAssignments/write"
LOOK = "Microsoft.Authorization/roleAssignments/read"


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("Owner", {PULL, PUSH, DELETE, READ, WRITE, ASSIGN, LOOK}),
        ("Contributor", {PULL, PUSH, DELETE, READ, WRITE, LOOK}),
        ("Reader", {PULL, READ, LOOK}),
        ("User Access Administrator", {PULL, READ, ASSIGN, LOOK}),
        ("Role Based Access Control Administrator", {PULL, READ, ASSIGN, LOOK}),
        ("AcrPull", {PULL}),
        ("AcrPush", {PULL, PUSH}),
        ("AcrDelete", {DELETE}),
        ("AcrImageSigner", set()),
        ("Container Registry Contributor and Data Access Configuration Administrator", {READ, WRITE, LOOK}),
        ("Container Registry Repository Contributor", set()),
    ],
)
def test_what_a_role_allows(roles: Roles, role: str, allowed: set[str]):
    give(roles, role)
    asked = {PULL, PUSH, DELETE, READ, WRITE, ASSIGN, LOOK}
    assert {action for action in asked if roles.allowed(WHO, action, REGISTRY)} == allowed
    assert {action for action in asked if roles.allowed(WHO, action.upper(), REGISTRY.upper())} == allowed


def test_actions_and_data_actions_are_two_things(roles: Roles):
    give(roles, "Container Registry Repository Reader")
    content = f"{PREFIX}/repositories/content/read"
    assert roles.allowed(WHO, content, REGISTRY, data=True)
    assert not roles.allowed(WHO, content, REGISTRY)
    give(roles, "Owner")
    assert not roles.allowed(WHO, f"{PREFIX}/repositories/content/write", REGISTRY, data=True)


def test_scopes_inherit_downwards_only(roles: Roles):
    give(roles, "AcrPull", GROUP)
    assert roles.allowed(WHO, PULL, REGISTRY)
    assert roles.allowed(WHO, PULL, GROUP.lower())
    assert not roles.allowed(WHO, PULL, SUBSCRIPTION)
    assert not roles.allowed(WHO, PULL, REGISTRY.replace("/labs/", "/labs2/"))


def test_a_scope_ends_at_a_slash():
    assert is_within("/a/b", "/A")
    assert is_within("/a/", "/a")
    assert is_within("/a", "/")
    assert not is_within("/ab", "/a")
    assert not is_within("/a", "/a/b")


def test_not_actions_of_one_role_take_nothing_from_another(roles: Roles):
    give(roles, "Contributor")
    assert not roles.allowed(WHO, ASSIGN, REGISTRY)
    give(roles, "User Access Administrator")
    assert roles.allowed(WHO, ASSIGN, REGISTRY)


def test_who_holds_nothing_may_nothing_and_the_operator_everything(roles: Roles):
    assert not roles.allowed(WHO, PULL, REGISTRY)
    operator = Principal(object_id="o", kind="operator", name="operator")
    assert roles.allowed(operator, ASSIGN, "/")


def test_an_admin_user_may_do_what_it_likes_with_images_of_its_own_registry(roles: Roles):
    admin = Principal(object_id="", kind="admin", name="progressacr1", registry=REGISTRY)
    assert all(roles.allowed(admin, action, REGISTRY) for action in (PULL, PUSH, DELETE))
    assert not roles.allowed(admin, READ, REGISTRY)
    assert not roles.allowed(admin, PULL, REGISTRY + "2")
    assert not roles.allowed(admin, PULL, GROUP)


def test_the_owner_is_founded_once(roles: Roles):
    roles.found(owner="me", scope=SUBSCRIPTION)
    roles.found(owner="me", scope=SUBSCRIPTION)
    (held,) = roles.assignments()
    assert (held.principal, held.scope, held.created_by) == ("me", SUBSCRIPTION, "me")
    assert roles.allowed(Principal(object_id="me", kind="user", name="x"), ASSIGN, REGISTRY)
    assert list(roles.inventory()) == [("role-assignment", f"Owner of me at {SUBSCRIPTION}", held.name)]


def test_the_same_role_at_the_same_scope_is_refused_with_the_one_there_is(roles: Roles):
    there = give(roles, "AcrPull")
    with pytest.raises(Refusal) as raised:
        give(roles, "acrpull", REGISTRY.upper())
    assert (raised.value.status, raised.value.code) == (409, "RoleAssignmentExists")
    assert raised.value.message.endswith(f"The ID of the conflicting role assignment is {there.replace('-', '')}.")
    give(roles, "AcrPush")
    give(roles, "AcrPull", GROUP)
    assert len(roles.assignments()) == 3


def test_an_assignment_stays_with_its_principal_and_scope(roles: Roles):
    name = give(roles, "AcrPull")
    role = roles.role_named("AcrPush")
    assert role is not None
    for principal, scope in (("other", REGISTRY), (WHO.object_id, GROUP)):
        with pytest.raises(Refusal) as raised:
            roles.assign(principal, role.id, scope, name=name)
        assert raised.value.code == "RoleAssignmentUpdateNotPermitted"
    assert roles.assign(WHO.object_id, role.id, REGISTRY, name=name).role == role.id
    assert len(roles.assignments()) == 1


def test_a_role_is_taken_away(roles: Roles):
    name = give(roles, "AcrPull")
    found = roles.assignment(name.upper())
    assert found is not None
    roles.remove(found)
    assert roles.assignment(name) is None
    assert not roles.allowed(WHO, PULL, REGISTRY)


def test_what_was_given_at_a_scope_goes_with_it(roles: Roles):
    give(roles, "AcrPull")
    kept = give(roles, "AcrPull", GROUP)
    roles.forget(REGISTRY.lower())
    assert [held.name for held in roles.assignments()] == [kept]
    roles.forget(GROUP)
    assert roles.assignments() == []


def test_the_built_in_roles_are_themselves(roles: Roles):
    definitions = roles.definitions()
    assert len({role.id for role in definitions}) == len({role.name for role in definitions}) == len(definitions)
    for name, guid in (
        ("Owner", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"),
        ("Contributor", "b24988ac-6180-42a0-ab88-20f7382dd24c"),
        ("Reader", "acdd72a7-3385-48ef-bd42-f606fba81ae7"),
        ("AcrPull", "7f951dda-4ed3-4680-a7ca-43fe172d538d"),
        ("AcrPush", "8311e382-0749-4cb8-b61a-304f252e45ec"),
        ("AcrDelete", "c2f4ef07-c644-48eb-af81-4b1b4947fb11"),
        ("AcrImageSigner", "6cef56e8-d556-48e5-a04f-b8e64114680f"),
    ):
        role = roles.role_named(name.lower())
        assert role is not None
        assert (role.id, role.name) == (guid, name)
        assert roles.role(guid.upper()) == role
