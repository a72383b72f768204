"""Which timers of tasks are due, by the local Azure's clock."""

from collections.abc import Iterator
from dataclasses import dataclass

from labrunner.emulator.state.cron import Cron
from labrunner.emulator.state.tasks import Task, Tasks
from labrunner.emulator.store import Store

__all__ = ["Due", "Timers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A timer of a task whose time has come. at: when that was, seconds since 1970."""

    task: Task
    timer: str
    at: float


class Timers:
    """How far each timer was looked after. One that was changed is looked after from then on."""

    def __init__(self, store: Store, tasks: Tasks) -> None:
        self._store = store
        self._tasks = tasks
        store.define(
            """CREATE TABLE IF NOT EXISTS task_timers (
                   task TEXT NOT NULL REFERENCES tasks (uid) ON DELETE CASCADE, name TEXT NOT NULL,
                   until REAL NOT NULL, PRIMARY KEY (task, name))"""
        )

    def take(self, now: float) -> list[Due]:
        """Those that came due since they were last taken: each once, however often its time has come meanwhile.

        They are not due again, also after a restart: what is to come of them belongs into the same transaction.
        """
        found = []
        with self._store.write():
            for task, timer, cron, since in self._all():
                last = cron.last(now)
                if last is not None and last > since:
                    found.append(Due(task=task, timer=timer, at=last))
                    self._looked_after(task, timer, now)
                elif since > now:
                    self._looked_after(task, timer, now)  # the clock was put back
        return found

    def next(self, now: float) -> float | None:
        """When the next one comes due; None when there is none."""
        times = [cron.after(min(since, now)) for _, _, cron, since in self._all()]
        return min((time for time in times if time is not None), default=None)

    def _all(self) -> Iterator[tuple[Task, str, Cron, float]]:
        """Each enabled timer, and until when it was looked after."""
        rows = self._store.rows("SELECT * FROM task_timers")
        known = {(row["task"], row["name"]): float(row["until"]) for row in rows}
        for task in self._tasks.all():
            for name, schedule in task.timers.items():
                yield task, name, Cron.of(schedule), known.get((task.uid, name), task.authorship.modified)

    def _looked_after(self, task: Task, timer: str, until: float) -> None:
        with self._store.write() as db:
            db.execute("INSERT OR REPLACE INTO task_timers VALUES (?, ?, ?)", (task.uid, timer, until))
