"""One SQLite file for everything that the local Azure knows. Survives a kill: every write is one transaction."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Store"]


class Store:
    """Used from one thread. Each part of the state defines its own tables, and no other part reads them."""

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("PRAGMA foreign_keys=ON")
        self._nested = 0
        self._committed: list[Callable[[], None]] = []

    def define(self, *statements: str) -> None:
        """Create tables and indexes: statements with IF NOT EXISTS."""
        with self.write() as db:
            for statement in statements:
                db.execute(statement)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it happens, or nothing. An inner one is part of the outer one.

        Never await inside of it: the connection is shared by all requests.
        """
        if self._nested:
            yield self._db
            return
        self._db.execute("BEGIN IMMEDIATE")
        self._nested = 1
        try:
            yield self._db
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # a full disk may have ended it, or not let it end
                self._db.execute("ROLLBACK")
            raise
        finally:
            self._nested = 0
        for tell in self._committed:
            tell()

    def committed(self, tell: Callable[[], None]) -> None:
        """Have `tell` called after each transaction that happened. It must not raise."""
        self._committed.append(tell)

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self._db.execute(query, values).fetchall()

    def row(self, query: str, *values: object) -> sqlite3.Row | None:
        """The first row of a query, if there is one."""
        found: sqlite3.Row | None = self._db.execute(query, values).fetchone()
        return found

    def empty(self) -> None:
        """Forget everything; the tables stay."""
        with self.write() as db:
            db.execute("PRAGMA defer_foreign_keys=ON")
            for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%'"):
                db.execute(f'DELETE FROM "{name}"')  # noqa: S608 - our own tables

    def close(self) -> None:
        """Idempotent."""
        self._db.close()
