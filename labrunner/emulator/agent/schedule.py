"""Runs tasks when their timers are due."""

import asyncio
import logging
from typing import TYPE_CHECKING

from labrunner.emulator.agent.work import execute
from labrunner.emulator.state.principals import Principal
from labrunner.emulator.state.runs import Run, RunRequest
from labrunner.emulator.state.tasks import Task
from labrunner.emulator.state.timers import Due

if TYPE_CHECKING:
    from labrunner.emulator.world import World

__all__ = ["Schedule"]

_LONGEST_SECONDS = 60.0
"""The machine's own clock may be put, too, and nobody tells."""
_LOG = logging.getLogger(__name__)


class Schedule:
    """Looks when the next timer is due, when a task has changed and when the clock was moved.

    A timer that came due several times at once, in a jump of the clock or while nothing ran, runs its task once, for
    the last of these times. Guess: that Azure does so; that a timer's run is an AutoRun, and its author the task's.
    """

    def __init__(self, world: "World") -> None:
        self._world = world
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe = (world.clock.subscribe(self._moved), world.tasks.subscribe(self._wake.set))

    def start(self) -> None:
        """Begin, with what came due meanwhile."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Stop."""
        for end in self._unsubscribe:
            end()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def run_due(self) -> list[Run]:
        """Run what is due now; the runs as they ended."""
        world = self._world
        with world.store.write():
            # Together: a timer that was taken has its run, whatever happens next.
            queued = [(due, self._queued(due)) for due in world.timers.take(world.clock.now())]
        done = []
        for due, run in queued:
            registry = world.registries.by_id(due.task.registry)
            assert registry is not None, "a task goes with its registry"
            _LOG.info("task %s is due, timer %s: run %s", due.task.id, due.timer, run.name)
            try:
                done.append(execute(world, registry, run))
            except Exception:  # noqa: BLE001 - a defect with one must not keep the others
                _LOG.exception("run %s", run.id)  # it has ended as Error; the others, and the clock, go on
        return done

    def _queued(self, due: Due) -> Run:
        task = due.task
        request = RunRequest(
            kind="AutoRun",
            step=task.step,
            platform=dict(task.properties.get("platform") or {}),
            task=task.name,
            timer=(due.timer, due.at),
        )
        return self._world.runs.queue(task.registry, request, by=_author(task))

    async def _run(self) -> None:
        while True:
            self.run_due()
            self._wake.clear()
            now = self._world.clock.now()
            due = self._world.timers.next(now)
            wait = _LONGEST_SECONDS if due is None else min(max(due - now, 0.0), _LONGEST_SECONDS)
            try:
                await asyncio.wait_for(self._wake.wait(), wait)
            except TimeoutError:
                continue

    def _moved(self) -> None:
        self.run_due()
        self._wake.set()


def _author(task: Task) -> Principal:
    """Who made the task."""
    made = task.authorship
    kind = "user" if made.created_by_type == "User" else "service-principal"
    return Principal(object_id="", kind=kind, name=made.created_by, app_id="" if kind == "user" else made.created_by)
