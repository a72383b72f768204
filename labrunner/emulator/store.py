"""One SQLite file for everything that the local Azure knows. Survives a kill: every write is one transaction."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from labrunner.emulator.damage import Damaged

__all__ = ["Store"]

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Store:
    """Used from one thread. Each part of the state defines its own tables, and no other part reads them.

    Every method raises Damaged when the file is no database, or a broken one, and tells whom `damaged` named.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._nested = 0
        self._committed: list[Callable[[], None]] = []
        self._damaged: list[Callable[[Damaged], None]] = []
        path.touch(mode=0o600, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._open()
        except BaseException:
            self._db.close()
            raise

    def _open(self) -> None:
        self._db.row_factory = sqlite3.Row
        with self._read():
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("PRAGMA foreign_keys=ON")
            (found,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise self._damage(" ".join(str(found).split()))

    def define(self, *statements: str) -> None:
        """Create tables and indexes: statements with IF NOT EXISTS. A table that is there must have their columns."""
        with closing(sqlite3.connect(":memory:")) as plan, self.write() as db:
            for statement in statements:
                plan.execute(statement)
                try:
                    db.execute(statement)
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:  # a full disk, a lock
                        raise
                    raise self._damage(str(error)) from error  # an index of a column that is not there
            for (table,) in plan.execute("SELECT name FROM sqlite_master WHERE type='table'"):
                missing = _columns(plan, table) - _columns(db, table)
                if missing:
                    raise self._damage(f"its table '{table}' has no '{min(missing)}'")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it happens, or nothing. An inner one is part of the outer one.

        Never await inside of it: the connection is shared by all requests.
        """
        if self._nested:
            yield self._db
            return
        with self._read():
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

    def damaged(self, tell: Callable[[Damaged], None]) -> None:
        """Have `tell` called when the file is found damaged. It must not raise."""
        self._damaged.append(tell)

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self._read():
            return self._db.execute(query, values).fetchall()

    def row(self, query: str, *values: object) -> sqlite3.Row | None:
        """The first row of a query, if there is one."""
        with self._read():
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

    @contextmanager
    def _read(self) -> Iterator[None]:
        """What SQLite finds broken in the file, as Damaged."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGE:  # the primary code
                raise
            raise self._damage(str(error)) from error

    def _damage(self, what: str) -> Damaged:
        found = Damaged(f"{self._path}: {what}")
        for tell in self._damaged:
            tell(found)
        return found


def _columns(db: sqlite3.Connection, table: str) -> set[str]:
    return {str(column) for (column,) in db.execute("SELECT name FROM pragma_table_info(?)", (table,))}
