"""Who may do what."""

import pytest

from labrunner.emulator.clock import Clock
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.state import roles as module
from labrunner.emulator.state.built_in_roles import Role
from labrunner.emulator.state.principals import Principal
from labrunner.emulator.state.roles import Roles, is_within
from labrunner.emulator.store import Store

S = "/subscriptions/11111111-1111-1111-1111-111111111111"
G = f"{S}/resourceGroups/labs"
R = f"{G}/providers/Microsoft.ContainerRegistry/registries/labacr1"
ACR = "Microsoft.ContainerRegistry/registries"
PULL, PUSH, DELETE, WRITE = f"{ACR}/pull/read", f"{ACR}/push/write", f"{ACR}/artifacts/delete", f"{ACR}/write"
ASSIGN = "Microsoft.Authorization/roleAssignments/write"
WHO = Principal(object_id="oid", kind="service-principal", name="who", app_id="app")


@pytest.fixture
def roles(tmp_path):
    store = Store(tmp_path / "state.sqlite")
    yield Roles(store, Clock())
    store.close()


def give(roles, role, scope, **more):
    return roles.assign("oid", roles.role_named(role).id, scope, **more)


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("AcrPull", [PULL], [PUSH, DELETE, WRITE, f"{ACR}/read"]),
        ("AcrPush", [PULL, PUSH], [DELETE, WRITE]),
        ("AcrDelete", [DELETE], [PULL, PUSH, WRITE]),
        ("Reader", [f"{ACR}/read", "a.b/c/read"], [WRITE, f"{ACR}/listCredentials/action"]),
        ("Contributor", [WRITE, PULL, PUSH, DELETE], [ASSIGN, "Microsoft.Authorization/x/Delete"]),
        ("Owner", [WRITE, PULL, ASSIGN, "anything/at/all"], []),
    ],
)
def test_roles_allow_what_azure_says(roles, role, may, may_not):
    give(roles, role, R)
    assert [action for action in may if not roles.allowed(WHO, action, R)] == []
    assert [action for action in may_not if roles.allowed(WHO, action, R)] == []
    assert not roles.allowed(WHO, PULL, R, data=True)


@pytest.mark.parametrize(
    ("pattern", "action", "matches"),
    [
        ("*", PULL, True),
        ("*/read", PULL, True),
        ("*/read", f"{PULL}er", False),
        ("A.b/*/write", "a.B/c/d/WRITE", True),
        ("A.b/c/write", "AxB/c/write", False),
        ("a/*/b/*/c", "a/1/b/2/c", True),
        ("a/*/b/*/c", "a/1/c", False),
        ("a/b", "a/b/c", False),
    ],
)
def test_wildcards(roles, monkeypatch, pattern, action, matches):
    role = Role(id="r", name="R", description="", actions=(pattern,))
    monkeypatch.setattr(module, "BUILT_IN", (role,))
    give(roles, "R", S)
    assert roles.allowed(WHO, action, R) is matches


def test_not_actions_take_away_in_their_role_only(roles):
    give(roles, "Contributor", S)
    assert not roles.allowed(WHO, ASSIGN, S)
    give(roles, "Owner", G)
    assert roles.allowed(WHO, ASSIGN, R)
    assert not roles.allowed(WHO, ASSIGN, S)


def test_rights_are_inherited_downwards_only(roles):
    give(roles, "AcrPull", G)
    for scope, may in ((R, True), (R.upper(), True), (G, True), (f"{R}/webhooks/a", True), (S, False)):
        assert roles.allowed(WHO, PULL, scope) is may, scope
    assert not roles.allowed(WHO, PULL, f"{G}2")
    assert not roles.allowed(WHO, PULL, f"{S}/resourceGroups/lab")


def test_scopes_end_at_slashes():
    assert is_within(R, "/")
    assert is_within(R, R + "/")
    assert not is_within(G + "-more", G)
    assert not is_within(G, R)


def test_the_operator_may_everything_and_an_admin_user_only_images_of_its_registry(roles):
    operator, admin = (
        Principal(object_id="op", kind="operator", name="checks"),
        Principal(object_id="", kind="admin", name="labacr1", registry=R),
    )
    assert roles.allowed(operator, "any/thing", "/")
    assert all(roles.allowed(admin, action, R) for action in (PULL, PUSH, DELETE))
    assert not any(roles.allowed(admin, action, R) for action in (WRITE, f"{ACR}/read", ASSIGN))
    assert not roles.allowed(admin, PULL, f"{R}2")
    assert not roles.allowed(Principal(object_id="nobody", kind="user", name="nobody"), PULL, R)


def test_a_role_is_given_once(roles):
    first = give(roles, "AcrPull", R)
    with pytest.raises(Refusal) as raised:
        give(roles, "AcrPull", R.upper())
    assert (raised.value.status, raised.value.code) == (409, "RoleAssignmentExists")
    assert first.name.replace("-", "") in raised.value.message
    again = give(roles, "AcrPull", R, name=first.name, description="again")
    assert (again.created, again.description) == (first.created, "again")
    with pytest.raises(Refusal) as raised:
        give(roles, "AcrPull", G, name=first.name)
    assert raised.value.code == "RoleAssignmentUpdateNotPermitted"


def test_what_is_gone_takes_its_assignments_along(roles):
    give(roles, "AcrPull", R)
    give(roles, "AcrPush", f"{R}2")
    kept = give(roles, "AcrPull", S)
    roles.forget(R)
    assert len(roles.assignments()) == 2
    roles.forget(G)
    assert roles.assignments() == [kept]
    assert kept.id == f"{S}/providers/Microsoft.Authorization/roleAssignments/{kept.name}"
    assert list(roles.inventory()) == [("role-assignment", f"AcrPull of oid at {S}", kept.name)]
    roles.remove(kept)
    assert not roles.allowed(WHO, PULL, R)


def test_the_owner_is_found_once(roles):
    roles.found(owner="oid", scope=S)
    roles.found(owner="oid", scope=S)
    (held,) = roles.held_by("oid")
    assert (held.scope, held.created_by) == (S, "oid")
