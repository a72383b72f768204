"""What faults do to roles, to tokens and to the tiers of registries."""

import pytest

from labrunner.emulator.faults import Faults
from labrunner.emulator.issued import Issued
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.state.principals import Principal
from labrunner.emulator.state.roles import Roles
from labrunner.emulator.tokens import TokenProblem, Tokens
from tests.unit.emulator.still import Still

R = "/subscriptions/s/resourceGroups/labs/providers/Microsoft.ContainerRegistry/registries/labacr1"
PULL, PUSH = (f"Microsoft.ContainerRegistry/registries/{action}" for action in ("pull/read", "push/write"))
WHO = Principal(object_id="oid", kind="service-principal", name="who", app_id="app")


@pytest.fixture
def clock():
    return Still()


@pytest.fixture
def faults(clock):
    return Faults(clock)


@pytest.fixture
def roles(store, clock, faults):
    return Roles(store, clock, faults)


def give(roles, role, scope=R, **more):
    return roles.assign("oid", roles.role_named(role).id, scope, **more)


def test_a_role_given_meanwhile_has_its_effect_later(roles, clock, faults):
    give(roles, "AcrPull")
    clock.offset = 1
    faults.put({"name": "role-delay"})
    given = give(roles, "AcrPush")
    assert roles.allowed(WHO, PULL, R), "given before"
    assert not roles.allowed(WHO, PUSH, R)
    assert roles.awaited(WHO, PUSH, R) == given
    assert roles.awaited(WHO, PUSH, "/subscriptions/other") is None
    assert roles.awaited(WHO, "Microsoft.ContainerRegistry/registries/delete", R) is None
    assert roles.waiting() == roles.waiting("oid") == [given]
    assert roles.waiting("other") == []
    clock.offset = 60.9
    assert not roles.allowed(WHO, PUSH, R)
    clock.offset = 61
    assert roles.allowed(WHO, PUSH, R)
    assert roles.awaited(WHO, PUSH, R) is None
    assert roles.waiting() == []


def test_changing_an_assignment_does_not_make_it_new(roles, clock, faults):
    given = give(roles, "AcrPush")
    clock.offset = 1
    faults.put({"name": "role-delay"})
    give(roles, "AcrPush", name=given.name, description="of the build")
    assert roles.allowed(WHO, PUSH, R)


def test_a_clock_that_is_set_back_takes_no_role_away(roles, clock, faults):
    clock.offset = 60
    give(roles, "AcrPush")
    clock.offset = 0
    faults.put({"name": "throttled"})
    assert roles.allowed(WHO, PUSH, R)


@pytest.mark.parametrize("end", ["cleared", "over"])
def test_when_it_ends_roles_have_their_effect(roles, clock, faults, end):
    faults.put({"name": "role-delay", "seconds": 10})
    given = give(roles, "AcrPush")
    assert roles.effective(given) == clock.now() + 10
    if end == "over":
        clock.offset = 10
    else:
        faults.clear("role-delay")
    assert roles.allowed(WHO, PUSH, R)
    assert roles.waiting() == []


class Verifier:
    def __init__(self, store, clock, faults):
        self.refused = []
        self.tokens = Tokens(
            store, Issued(store, now=clock.now), now=clock.now, faults=faults, expired=self.refused.append
        )

    def issue(self):
        return self.tokens.issue({"aud": "https://management.azure.com/"}, seconds=3600)

    def expired(self, token):
        """Since when it is, None if it is not."""
        try:
            self.tokens.verify(token, audience="https://management.azure.com")
        except TokenProblem as problem:
            return problem.expires if problem.kind == "expired" else problem.kind
        return None


@pytest.fixture
def verifier(store, clock, faults):
    return Verifier(store, clock, faults)


def test_tokens_of_before_are_refused_and_new_ones_of_the_same_second_are_not(verifier, clock, faults):
    old = verifier.tokens.issue({"aud": "https://management.azure.com", "n": 1}, seconds=3600)
    faults.put({"name": "expired-tokens"})
    new = verifier.tokens.issue({"aud": "https://management.azure.com", "n": 2}, seconds=3600)
    since = clock.now()
    clock.offset = 5
    assert verifier.expired(old) == since
    assert verifier.refused == ["https://management.azure.com"]
    assert verifier.expired(new) is None
    faults.put({"name": "expired-tokens"})
    assert verifier.expired(new) == since + 5
    faults.clear()
    assert verifier.expired(old) is None
    assert len(verifier.refused) == 2


def test_tokens_are_good_again_when_it_is_over(verifier, clock, faults):
    old = verifier.issue()
    faults.put({"name": "expired-tokens", "seconds": 30})
    assert verifier.expired(old) is not None
    clock.offset = 30
    assert verifier.expired(old) is None
    faults.all()
    assert verifier.tokens._ended == frozenset(), "nothing is remembered"


def test_a_token_whose_own_time_is_over_is_told_too(verifier, clock):
    old = verifier.issue()
    clock.offset = 3600
    assert verifier.expired(old) == clock.now()
    assert verifier.refused == ["https://management.azure.com/"]


def test_with_fewer_roles_only_these_are_left_and_what_is_given_meanwhile(roles, clock, faults):
    owner = roles.role_named("Owner").id
    user = Principal(object_id="user", kind="user", name="user")
    roles.found(owner="user", scope="/subscriptions/s")
    roles.assign("user", roles.role_named("AcrPush").id, R)
    give(roles, "AcrPush", principal_type="ServicePrincipal")
    kept = sorted(roles.inventory())
    clock.offset = 1
    faults.put({"name": "fewer-roles"})
    assert roles.allowed(user, PULL, R), "who may give roles may read everything"
    assert not roles.allowed(user, PUSH, R)
    assert roles.allowed(user, "Microsoft.Authorization/roleAssignments/write", R)
    assert roles.allowed(WHO, PUSH, R), "others have what they had"
    (held,) = roles.held_by("user")
    assert (held.scope, roles.role(held.role).name) == ("/subscriptions/s", "Role Based Access Control Administrator")
    assert {one.name for one in roles.held_by("user")} < {one.name for one in roles.assignments()}
    roles.found(owner="user", scope="/subscriptions/s")
    assert sorted(roles.inventory()) == kept, "what is kept has not changed"
    clock.offset = 2
    (push,) = (one for one in roles.kept_by("user") if one.scope == R)
    again = roles.assign("user", push.role, R)
    assert roles.allowed(user, PUSH, R), "given meanwhile"
    with pytest.raises(Refusal, match="already exists"):
        roles.assign("user", push.role, R)
    faults.clear()
    assert [one for one in roles.kept_by("user") if one.scope == R] == [again], "in place of the first"
    assert {one.role for one in roles.held_by("user")} == {owner, push.role}
    assert len(list(roles.inventory())) == len(kept)


def test_a_registry_is_of_a_lower_tier_until_somebody_gives_it_one(world):
    def made(name):
        return world.registries.ensure(
            group="labs", name=name, location="eastus", sku="Premium", subscription=world.resources.subscription
        )

    first, second = made("first1"), made("second1")
    world.faults.put({"name": "lower-tier", "registry": "FIRST1"})
    assert [one.sku for one in world.registries.all()] == ["Standard", "Premium"]
    world.registries.change(first, tags={"a": "b"})
    world.faults.clear()
    assert world.registries.find("first1").sku == "Premium", "nothing of it is kept"
    world.faults.put({"name": "lower-tier", "registry": "first1", "sku": "Basic"})
    world.registries.change(second, sku="Standard")
    assert world.registries.find("first1").sku == "Basic", "another one was given a tier"
    world.registries.change(first, sku="Premium")
    assert [one.sku for one in world.registries.all()] == ["Premium", "Standard"]
    assert not world.faults.all()
