"""Every secret that the local Azure issues, so that whoever shows or writes texts can keep it out of them."""

from collections.abc import Callable

from labrunner.emulator.store import Store

__all__ = ["Issued"]


class Issued:
    """Secrets issued so far; subscribers hear of each new one before the answer that holds it is written.

    Kept in the store (mode 0600) with the things they open, and forgotten when they have expired.
    """

    def __init__(self, store: Store, *, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now
        self._subscribers: list[Callable[[str], None]] = []
        store.define("CREATE TABLE IF NOT EXISTS issued (value TEXT PRIMARY KEY, expires REAL) WITHOUT ROWID")

    def add(self, value: str, *, expires: float | None = None) -> str:
        """Tell of a secret; gives it back. expires: seconds since 1970 after which it opens nothing."""
        with self._store.write() as db:
            db.execute("INSERT OR REPLACE INTO issued VALUES (?, ?)", (value, expires))
        for tell in self._subscribers:
            tell(value)
        return value

    def all(self) -> list[str]:
        """Those that may still open something."""
        with self._store.write() as db:
            db.execute("DELETE FROM issued WHERE expires < ?", (self._now(),))
        return [row["value"] for row in self._store.rows("SELECT value FROM issued")]

    def subscribe(self, tell: Callable[[str], None]) -> Callable[[], None]:
        """Have `tell` called with each new secret; the result ends that. It must not raise."""
        self._subscribers.append(tell)
        return lambda: self._subscribers.remove(tell)
