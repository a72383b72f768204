"""Tasks that are due: when a timer's time has come, and that its task then really runs, once."""

import asyncio
import base64
from datetime import UTC, datetime

import pytest

from labrunner.emulator.agent.schedule import Schedule
from labrunner.emulator.clock import Clock
from labrunner.emulator.state.cron import Cron
from labrunner.emulator.world import open_world

DAY = 86400.0
HOUR = 3600.0


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


class Stopped(Clock):
    """Stands still where it is put."""

    def now(self):
        return self.offset


@pytest.fixture
def world(tmp_path):
    made = open_world(tmp_path / "state", Stopped(at("2026-11-23 10:00:00")))
    yield made
    made.close()


@pytest.fixture
def registry(world):
    return world.registries.ensure(
        group="labs", name="labacr12345", location="eastus", sku="Premium", subscription=world.resources.subscription
    )


def put(
    world, registry, schedule="0 2 * * *", *, name="cleanup", status="Enabled", command="acr purge --untagged-only"
):
    text = f"version: v1.1.0\nsteps: \n  - cmd: {command}\n    disableWorkingDirectoryOverride: true\n"
    step = {"type": "EncodedTask", "encodedTaskContent": base64.b64encode(text.encode()).decode()}
    timers = [{"name": "t1", "schedule": schedule, "status": status}]
    return world.tasks.put(
        registry.id,
        name,
        location="eastus",
        properties={"step": step, "trigger": {"timerTriggers": timers}},
        tags={},
        by=world.directory.signed_in_user(),
    )


def ran(world, registry):
    return [(run.task, run.timer[1], run.status) for run in world.runs.of(registry.id)]


@pytest.mark.parametrize(
    ("schedule", "moment", "last"),
    [
        ("0 2 * * *", "2026-11-23 10:00:00", "2026-11-23 02:00:00"),
        ("0 2 * * *", "2026-11-23 02:00:00", "2026-11-23 02:00:00"),
        ("0 2 * * *", "2026-11-23 01:59:59", "2026-11-22 02:00:00"),
        ("*/15 * * * *", "2026-11-23 10:14:59", "2026-11-23 10:00:00"),
        ("30 23 1 1 *", "2026-11-23 10:00:00", "2026-01-01 23:30:00"),
        ("0 12 29 2 *", "2026-11-23 10:00:00", "2024-02-29 12:00:00"),
        ("0 0 * * Mon", "2026-11-22 10:00:00", "2026-11-16 00:00:00"),
    ],
)
def test_the_last_time(schedule, moment, last):
    cron = Cron.of(schedule)
    assert cron.last(at(moment)) == at(last)
    assert cron.after(at(last) - 1) == at(last)


def test_there_may_have_been_no_last_time():
    assert Cron.of("0 0 31 2 *").last(at("2026-11-23 10:00:00")) is None


def test_a_task_that_was_just_made_is_not_due(world, registry):
    put(world, registry)
    assert Schedule(world).run_due() == []
    assert world.timers.next(world.clock.now()) == at("2026-11-24 02:00:00")


def test_a_task_runs_once_when_its_time_has_come(world, registry):
    put(world, registry)
    schedule = Schedule(world)
    world.clock.offset = at("2026-11-24 01:59:59")
    assert schedule.run_due() == []
    world.clock.offset = at("2026-11-24 02:00:00")
    (run,) = schedule.run_due()
    assert (run.task, run.kind, run.timer, run.status) == (
        "cleanup",
        "AutoRun",
        ("t1", at("2026-11-24 02:00:00")),
        "Succeeded",
    )
    assert run.modified_by == world.directory.signed_in_user().name
    assert schedule.run_due() == []
    assert world.timers.next(world.clock.now()) == at("2026-11-25 02:00:00")


def test_a_jump_over_many_times_is_one_run_for_the_last_of_them(world, registry):
    put(world, registry)
    Schedule(world)  # it listens to the clock
    world.clock.move(world.clock.offset + 30 * DAY)
    assert ran(world, registry) == [("cleanup", at("2026-12-23 02:00:00"), "Succeeded")]
    world.clock.move(world.clock.offset + HOUR)
    assert len(ran(world, registry)) == 1


def test_what_came_due_while_nothing_ran_runs_at_the_start_and_not_again(tmp_path):
    world = open_world(tmp_path / "again", Stopped(at("2026-11-23 10:00:00")))
    registry = world.registries.ensure(
        group="labs", name="labacr12345", location="eastus", sku="Premium", subscription=world.resources.subscription
    )
    put(world, registry)
    world.close()
    for count in (1, 0):
        world = open_world(tmp_path / "again", Stopped(at("2026-11-26 10:00:00")))
        try:
            assert len(Schedule(world).run_due()) == count
        finally:
            world.close()


def test_a_clock_that_was_put_back_does_not_stop_the_timers(world, registry):
    put(world, registry)
    schedule = Schedule(world)
    world.clock.move(world.clock.offset + 30 * DAY)
    world.clock.move(at("2026-11-23 12:00:00"))
    assert len(ran(world, registry)) == 1
    world.clock.move(at("2026-11-24 03:00:00"))
    assert ran(world, registry)[0] == ("cleanup", at("2026-11-24 02:00:00"), "Succeeded")
    assert schedule.run_due() == []


def test_disabled_timers_and_tasks_do_not_run(world, registry):
    put(world, registry, status="Disabled")
    Schedule(world)
    world.clock.move(world.clock.offset + 2 * DAY)
    assert ran(world, registry) == []
    assert world.timers.next(world.clock.now()) is None
    put(world, registry)  # enabled now: what would have been due before is not
    world.clock.move(world.clock.offset + HOUR)
    assert ran(world, registry) == []
    world.clock.move(world.clock.offset + DAY)
    assert len(ran(world, registry)) == 1


def test_a_task_that_is_gone_runs_no_more(world, registry):
    task = put(world, registry)
    Schedule(world)
    world.clock.move(world.clock.offset + DAY)
    world.tasks.delete(task)
    world.clock.move(world.clock.offset + DAY)
    assert len(ran(world, registry)) == 1


def test_every_task_runs_even_if_one_cannot(world, registry):
    put(world, registry, name="other-command", command="bash -c true")
    put(world, registry, name="purge-it")
    Schedule(world)
    world.clock.move(world.clock.offset + DAY)
    assert {(task, status) for task, _, status in ran(world, registry)} == {
        ("other-command", "Failed"),
        ("purge-it", "Succeeded"),
    }


def test_it_wakes_by_itself_when_a_task_comes_due(tmp_path):
    """By the real clock, shifted to shortly before the task's time."""

    async def scenario():
        world = open_world(tmp_path / "live", Clock())
        world.clock.offset = at("2026-11-24 01:59:59.500") - world.clock.now()
        registry = world.registries.ensure(
            group="l", name="labacr12345", location="eastus", sku="Basic", subscription=world.resources.subscription
        )
        schedule = Schedule(world)
        schedule.start()
        try:
            await asyncio.sleep(0)  # it waits now, for nothing
            put(world, registry)
            async with asyncio.timeout(10):
                while not ran(world, registry):
                    await asyncio.sleep(0.02)
            return ran(world, registry)
        finally:
            await schedule.close()
            world.close()

    assert asyncio.run(scenario()) == [("cleanup", at("2026-11-24 02:00:00"), "Succeeded")]
