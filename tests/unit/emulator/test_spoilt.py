"""What faults do to roles and to tokens."""

import pytest

from labrunner.emulator.faults import Faults
from labrunner.emulator.issued import Issued
from labrunner.emulator.state.principals import Principal
from labrunner.emulator.state.roles import Roles
from labrunner.emulator.store import Store
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
def store(tmp_path):
    made = Store(tmp_path / "state.sqlite")
    yield made
    made.close()


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
