"""Faults as values: how they are asked for, when they end, what waits for them."""

import asyncio
import math

import pytest

from labrunner.emulator.faults import NAMES, FaultError, Faults
from tests.unit.emulator.still import Still


@pytest.fixture
def clock():
    return Still()


@pytest.fixture
def faults(clock):
    return Faults(clock)


def test_each_has_what_is_usual(faults):
    assert {name: _parameters(faults.put({"name": name})) for name in NAMES} == {
        "latency": {"services": ("arm", "graph", "acr", "entra", "runlogs"), "delay": 5.0},
        "throttled": {"services": ("arm", "graph", "acr"), "retry_after": 5},
        "server-error": {"services": ("arm", "graph", "acr", "entra", "runlogs"), "status": 503},
        "expired-tokens": {},
        "role-delay": {"delay": 60.0},
        "list-lag": {"delay": 30.0},
        "proxy-down": {},
        "lower-tier": {"sku": "Standard"},
        "fewer-roles": {"roles": ("Role Based Access Control Administrator",)},
    }


def _parameters(fault):
    assert fault.until is None
    told = fault.json()
    return {name: value for name, value in told.items() if name not in ("name", "since", "until")}


def test_it_lasts_as_long_as_it_says_by_the_emulators_clock(faults, clock):
    assert not faults
    fault = faults.put({"name": "throttled", "seconds": 30})
    assert faults.active("throttled") is fault
    assert faults.left(fault) == 30
    clock.offset = 29.9
    assert faults.all() == [fault]
    clock.offset = 30.0
    assert faults.active("throttled") is None
    assert faults.all() == []
    assert not faults, "it costs nothing any more"


def test_it_is_cleared_by_its_name_or_with_all(faults):
    for name in ("throttled", "latency", "role-delay"):
        assert faults.left(faults.put({"name": name})) == math.inf
    assert faults.clear("latency") == ["latency"]
    assert faults.clear("latency") == []
    assert faults.clear() == ["throttled", "role-delay"]
    assert not faults


def test_those_that_a_step_wanted_end_together_and_no_other(faults):
    mine = faults.put({"name": "latency", "delay": 9})
    meant = faults.put({"name": "throttled", "tiers": ["Basic"], "registry": "reg", "step": True})
    assert meant.json() | {"since": 0} == {
        "name": "throttled",
        "since": 0,
        "until": None,
        "services": ("arm", "graph", "acr"),
        "retry_after": 5,
        "registry": "reg",
        "tiers": ("Basic",),
        "step": True,
    }
    assert faults.clear(of_step=True) == ["throttled"]
    assert faults.all() == [mine]
    assert faults.clear(of_step=True) == []


def test_it_is_about_one_registry_or_about_all(faults):
    one = faults.put({"name": "latency", "registry": "Reg"})
    assert [one.concerns(name) for name in ("reg", "other", "")] == [True, False, False]
    assert faults.put({"name": "latency"}).concerns("reg")


def test_setting_it_again_is_another_one(faults):
    faults.put({"name": "throttled", "retry_after": 7})
    assert faults.put({"name": "throttled"}).retry_after == 5
    assert len(faults.all()) == 1


def test_only_the_services_that_are_named(faults):
    faults.put({"name": "server-error", "services": ["acr", "arm"], "status": 500})
    assert faults.active("server-error", "acr")
    assert faults.active("server-error", "graph") is None
    assert faults.all()[0].json()["services"] == ("arm", "acr")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({}, "there is no fault None; there are: latency, throttled"),
        ({"name": "flood"}, "there is no fault 'flood'"),
        ({"name": ["latency"]}, "there is no fault"),
        ([], 'an object with a "name"'),
        ({"name": "latency", "delay": -1}, "delay is a number of seconds from 0 to 86400, not -1"),
        ({"name": "latency", "delay": math.nan}, "delay is a number of seconds"),
        ({"name": "latency", "seconds": True}, "seconds is a number of seconds"),
        ({"name": "throttled", "retry_after": 0}, "retry_after is a number of seconds from 1"),
        (
            {"name": "throttled", "delay": 3},
            "the fault throttled has no 'delay'; it has: seconds, services, retry_after, registry, tiers",
        ),
        ({"name": "role-delay", "services": ["arm"]}, "the fault role-delay has no 'services'; it has: seconds, delay"),
        ({"name": "latency", "services": []}, "services is a list of arm, graph"),
        ({"name": "latency", "services": "arm"}, "services is a list of arm, graph"),
        ({"name": "latency", "services": ["mail"]}, "services is a list of arm, graph"),
        ({"name": "server-error", "status": 501}, "status is one of 500, 502, 503, 504, not 501"),
        ({"name": "throttled", "tiers": ["Free"]}, "tiers can be Basic, Standard, Premium, not 'Free'"),
        ({"name": "throttled", "tiers": "Basic"}, "tiers needs text, not 'Basic'"),
        ({"name": "lower-tier", "sku": "Free"}, "sku can be Basic, Standard, Premium, not 'Free'"),
        ({"name": "latency", "registry": 1}, "registry needs text, not [1]"),
        ({"name": "fewer-roles", "roles": [""]}, "roles needs text"),
    ],
)
def test_what_is_no_fault_is_refused_in_words(faults, wanted, said):
    with pytest.raises(FaultError) as caught:
        faults.put(wanted)
    assert said in str(caught.value)
    assert not faults


def test_a_name_that_no_fault_has_cannot_be_cleared(faults):
    with pytest.raises(FaultError, match="there is no fault 'flood'"):
        faults.clear("flood")


def test_what_is_made_meanwhile_is_due_later_and_at_the_end_at_the_latest(faults, clock):
    now = clock.now()
    assert faults.due("role-delay", now) == now
    faults.put({"name": "role-delay", "delay": 60, "seconds": 90})
    assert faults.due("role-delay", now - 1) == now - 1, "what was made before is as it was"
    assert faults.due("role-delay", now) == now + 60
    assert faults.due("role-delay", now + 40) == now + 90
    faults.clear()
    assert faults.due("role-delay", now) == now


def test_who_listens_hears_of_the_beginning_and_of_both_ends(faults, clock):
    heard = []
    faults.subscribe(lambda name: heard.append((name, faults.active(name) is not None)))
    faults.put({"name": "latency", "seconds": 5})
    clock.offset = 5
    faults.all()
    faults.put({"name": "proxy-down"})
    faults.clear()
    assert heard == [("latency", True), ("latency", False), ("proxy-down", True), ("proxy-down", False)]


def hold(faults, then, *, mark=2.0):
    """Seconds that a request was held, if `then` happens as soon as it waits; and how often its mark was passed."""
    fault = faults.active("latency")
    marks = []

    async def wait():
        held = asyncio.ensure_future(faults.hold(fault, mark=mark, tell=lambda: marks.append(1)))
        await asyncio.sleep(0)
        assert not held.done()
        then()
        return await asyncio.wait_for(held, 5)

    return asyncio.run(wait()), len(marks)


def test_a_request_is_held_by_the_emulators_clock(faults, clock):
    faults.put({"name": "latency", "delay": 60})

    def later():
        clock.offset += 60
        faults.wake()

    assert hold(faults, later) == (60.0, 1)


@pytest.mark.parametrize(
    "end", [lambda faults: faults.clear(), lambda faults: faults.put({"name": "latency", "delay": 1})]
)
def test_a_request_is_let_go_when_its_fault_is_gone(faults, end):
    faults.put({"name": "latency", "delay": 60})
    assert hold(faults, lambda: end(faults)) == (0.0, 0)


def test_a_request_is_let_go_when_its_fault_runs_out(faults, clock):
    faults.put({"name": "latency", "delay": 60, "seconds": 10})

    def later():
        clock.offset += 10
        faults.wake()

    assert hold(faults, later) == (10.0, 1)
