"""When what is broken on purpose begins and ends."""

import pytest

from labrunner.emulator import faults as azure
from labrunner.sandbox import faults
from labrunner.sandbox.outages import Act, Outages


class Machine:
    """Outages by a clock that stands still, and what they did."""

    def __init__(self):
        self.now = 100.0
        self.did = []
        self.refuses = False
        acts = {name: Act(begin=self._act("begin", name), end=self._act("end", name)) for name in ("one", "two")}
        self.outages = Outages(acts, now=lambda: self.now)

    def _act(self, what, name):
        def act():
            self.did.append((what, name))
            if self.refuses and what == "begin":
                raise OSError("it cannot be broken")

        return act

    def report(self):
        return self.outages.report()


@pytest.fixture
def machine():
    return Machine()


def test_it_ends_when_its_time_is_over_and_not_before(machine):
    machine.outages.put("one", 30.0)
    machine.now += 29.0
    machine.outages.end_due()
    assert machine.did == [("begin", "one")]
    assert machine.outages.next_end() == 1.0
    assert machine.report() == {"set": [{"name": "one", "left": 1.0}], "ended": {}}
    assert "one" in machine.outages
    machine.now += 1.0
    machine.outages.end_due()
    machine.now += 5.0
    assert machine.did == [("begin", "one"), ("end", "one")]
    assert machine.outages.next_end() is None
    assert machine.report() == {"set": [], "ended": {"one": 5.0}}


def test_without_a_time_it_stays_until_it_is_cleared(machine):
    machine.outages.put("two", None)
    machine.now += 1e6
    machine.outages.end_due()
    assert machine.outages.next_end() is None
    assert machine.report()["set"] == [{"name": "two", "left": None}]
    assert machine.outages.clear("one") == []
    assert machine.outages.clear("two") == ["two"]
    assert machine.did == [("begin", "two"), ("end", "two")]


def test_set_again_it_goes_on_with_the_new_time(machine):
    machine.outages.put("one", 5.0)
    machine.now += 4.0
    machine.outages.put("one", 10.0)
    machine.now += 4.0
    machine.outages.end_due()
    assert machine.did == [("begin", "one")]
    assert machine.report()["set"] == [{"name": "one", "left": 6.0}]


def test_all_are_cleared_at_once(machine):
    machine.outages.put("one", 5.0)
    machine.outages.put("two", None)
    assert machine.outages.clear() == ["one", "two"]
    assert machine.report() == {"set": [], "ended": {"one": 0.0, "two": 0.0}}


def test_what_cannot_be_broken_is_whole(machine):
    machine.refuses = True
    with pytest.raises(OSError, match="it cannot be broken"):
        machine.outages.put("one", 5.0)
    assert machine.did == [("begin", "one"), ("end", "one")]
    assert machine.report() == {"set": [], "ended": {}}
    with pytest.raises(ValueError, match="there is no outage 'three'"):
        machine.outages.put("three", None)


def test_every_fault_of_the_local_azure_can_be_set_by_its_name():
    assert set(azure.NAMES) < set(faults.NAMES)
    assert set(faults.NAMES) - set(azure.NAMES) == {"engine-down", "disk-full"}
