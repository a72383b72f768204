"""What registries held a while ago, remembered while lists lag behind.

While a `list-lag` is set, triggers (of this connection, gone with it) keep each row of the tables that lists are made
from as it was before it changed. Looking back lays tables of that time over the true ones while one question is asked.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from labrunner.emulator.clock import Clock
from labrunner.emulator.faults import Faults
from labrunner.emulator.store import Store

__all__ = ["History"]

_T = TypeVar("_T")

_NAME = "list-lag"
_KEYS = {
    "repositories": ("registry", "name"),
    "tags": ("registry", "repository", "name"),
    "manifests": ("registry", "repository", "digest"),
}


class History:
    """Nothing is kept, and nothing costs, while no such fault is set."""

    def __init__(self, store: Store, clock: Clock, faults: Faults) -> None:
        self._store = store
        self._clock = clock
        self._faults = faults
        self._kept = False
        faults.subscribe(self._follow)

    def asked(self, question: Callable[[], _T]) -> tuple[_T, bool]:
        """What the lists answer to a question to the images, and whether it is another answer than the true one.

        question: asks the store, does not change it, and awaits nothing.
        """
        fault = self._faults.active(_NAME) if self._faults else None
        true = question()
        if fault is None:
            return true, False
        with self._as_of(self._clock.now() - fault.delay):
            shown = question()
        return shown, shown != true

    def settles_in(self) -> float:
        """Seconds until the lists are as everything is now; 0 when they are."""
        fault = self._faults.active(_NAME)
        if fault is None:
            return 0.0
        now, latest = self._clock.now(), 0.0
        for table in _KEYS:
            row = self._store.row(f"SELECT max(past_until) AS latest FROM temp.past_{table}")  # noqa: S608 - our own names
            latest = max(latest, (row["latest"] if row else None) or 0.0)
        return max(0.0, min(latest + fault.delay - now, self._faults.left(fault)))

    def _follow(self, name: str) -> None:
        if name != _NAME:
            return
        fault = self._faults.active(_NAME)
        with self._store.write() as db:
            for table in _KEYS if self._kept else ():
                _forget(db, table)
            if fault is not None:
                db.create_function("emulator_now", 0, self._clock.now)
                for table, key in _KEYS.items():
                    _remember(db, table, key, fault.delay)
        self._kept = fault is not None

    @contextmanager
    def _as_of(self, moment: float) -> Iterator[None]:
        """Have the names of the tables mean what they held at a moment."""
        with self._store.write() as db:
            for table, key in _KEYS.items():
                db.execute(f"CREATE TEMP TABLE {table} AS {_then(db, table, key)}", {"moment": moment})
            try:
                yield
            finally:
                for table in _KEYS:
                    db.execute(f"DROP TABLE temp.{table}")


def _columns(db: sqlite3.Connection, table: str) -> list[str]:
    return [str(row["name"]) for row in db.execute(f"PRAGMA main.table_info({table})")]


def _remember(db: sqlite3.Connection, table: str, key: tuple[str, ...], delay: float) -> None:
    """Keep what changes from now on, for `delay` seconds: the row as it was until then, or that there was none."""
    columns, past = _columns(db, table), f"past_{table}"
    db.execute(f"CREATE TEMP TABLE {past} AS SELECT *, 0.0 AS past_until, 0 AS past_there FROM main.{table} WHERE 0")  # noqa: S608 - our own names
    db.execute(f"CREATE INDEX temp.{past}_key ON {past} ({', '.join(key)})")
    for event, side, there in (("INSERT", "NEW", 0), ("UPDATE", "OLD", 1), ("DELETE", "OLD", 1)):
        values = ", ".join(f"{side}.{column}" for column in columns)
        db.execute(
            f"CREATE TEMP TRIGGER {past}_{event.lower()} AFTER {event} ON main.{table} BEGIN"  # noqa: S608 - our own names
            f" DELETE FROM {past} WHERE past_until <= emulator_now() - {float(delay)};"
            f" INSERT INTO {past} VALUES ({values}, emulator_now(), {there}); END"
        )


def _forget(db: sqlite3.Connection, table: str) -> None:
    for event in ("insert", "update", "delete"):
        db.execute(f"DROP TRIGGER temp.past_{table}_{event}")
    db.execute(f"DROP TABLE temp.past_{table}")


def _then(db: sqlite3.Connection, table: str, key: tuple[str, ...]) -> str:
    """The rows of a moment: those that have not changed since, and of the others what they were until they did."""
    columns = ", ".join(_columns(db, table))
    same = " AND ".join(f"later.{column} = one.{column}" for column in key)
    changed = f"FROM temp.past_{table} later WHERE {same} AND later.past_until > :moment"
    return (
        f"SELECT {columns} FROM main.{table} one WHERE NOT EXISTS (SELECT 1 {changed}) UNION ALL "  # noqa: S608 - our own names
        f"SELECT {columns} FROM temp.past_{table} one WHERE past_there AND rowid = (SELECT min(later.rowid) {changed})"
    )
