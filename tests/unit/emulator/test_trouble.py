"""What went amiss, as it is remembered."""

import pytest

from labrunner.emulator.clock import Clock
from labrunner.emulator.trouble import Trouble, settling
from labrunner.emulator.world import open_world
from tests.unit.emulator.still import Still


@pytest.fixture
def clock():
    return Still()


@pytest.fixture
def trouble(clock):
    return Trouble(clock)


def test_nothing_is_told_of_what_went_well(trouble):
    assert trouble.since() == []


def test_each_kind_is_counted_since_a_number_and_the_latest_speaks(trouble, clock):
    trouble.note("throttled", "one")
    seen = trouble.seq
    assert [entry["count"] for entry in trouble.since()] == [1]
    assert trouble.since(seen) == []
    clock.offset = 4
    trouble.note("slow", "a")
    trouble.note("throttled", "two")
    trouble.note("throttled", "three")
    assert trouble.since(seen) == [
        {"kind": "throttled", "count": 2, "text": "three", "last": clock.now()},
        {"kind": "slow", "count": 1, "text": "a", "last": clock.now()},
    ]
    assert trouble.since()[0]["count"] == 3
    trouble.forget()
    assert trouble.since() == []
    assert trouble.seq > seen


def test_a_flood_of_one_kind_takes_no_memory_and_hides_no_other(trouble):
    trouble.note("role-not-spread", "a role")
    for number in range(10_000):
        trouble.note("throttled", str(number))
    first, second = trouble.since()
    assert (first["kind"], first["count"], first["text"]) == ("throttled", 256, "9999")
    assert second["kind"] == "role-not-spread"


def test_numbers_go_on_after_a_restart_and_a_foreign_one_hides_nothing(trouble, clock):
    trouble.note("slow", "a")
    clock.offset = 1
    again = Trouble(clock)
    assert again.seq > trouble.seq
    again.note("slow", "b")
    assert [entry["text"] for entry in again.since(trouble.seq)] == ["b"]
    assert [entry["text"] for entry in again.since(10**15)] == ["b"]


def test_a_kind_that_there_is_not_is_a_defect(trouble):
    with pytest.raises(KeyError):
        trouble.note("flood", "x")


def test_nothing_settles_where_nothing_is_amiss(tmp_path):
    world = open_world(tmp_path / "azure", Clock())
    try:
        assert settling(world) == []
        world.faults.put({"name": "role-delay"})
        world.faults.put({"name": "list-lag"})
        assert settling(world) == [], "a fault that did nothing yet"
    finally:
        world.close()
