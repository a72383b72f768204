"""Which blobs a repository may show: a blob that lies on the disk is nobody's business until a repository has it."""

from labrunner.emulator.clock import Clock
from labrunner.emulator.state.blobs import Blobs
from labrunner.emulator.store import Store

__all__ = ["Links"]

_TABLES = (
    (
        "CREATE TABLE IF NOT EXISTS links (registry TEXT, repository TEXT, digest TEXT, size INTEGER, touched REAL,"
        " PRIMARY KEY (registry, repository, digest)) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE IF NOT EXISTS needs (registry TEXT, repository TEXT, manifest TEXT, blob TEXT,"
        " PRIMARY KEY (registry, repository, manifest, blob)) WITHOUT ROWID"
    ),
)
_KEPT_SECONDS = 24 * 3600.0
"""A blob that no manifest needs stays this long after somebody last asked for it: a push may be on its way."""
_SWEEP_SECONDS = 3600.0


class Links:
    """One for all registries; registry: a registry's id."""

    def __init__(self, store: Store, blobs: Blobs, clock: Clock) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._swept = clock.now()
        store.define(*_TABLES)

    def add(self, registry: str, repository: str, digest: str) -> None:
        """Let the repository show a blob that is there. Raises ValueError if it is not."""
        size = self._blobs.size(digest)
        if size is None:
            raise ValueError(f"no such blob: {digest}")
        with self._store.write() as db:
            db.execute(
                "INSERT OR REPLACE INTO links VALUES (?, ?, ?, ?, ?)",
                (registry.lower(), repository, digest, size, self._clock.now()),
            )

    def size(self, registry: str, repository: str, digest: str) -> int | None:
        """Of a blob that the repository shows, in bytes; None if it shows none. Counts as having been asked for."""
        key = (registry.lower(), repository, digest)
        row = self._store.row(
            "SELECT size, touched FROM links WHERE registry = ? AND repository = ? AND digest = ?", *key
        )
        if row is None or self._blobs.size(digest) is None:
            return None
        now = self._clock.now()
        if not 0 <= now - row["touched"] < _KEPT_SECONDS / 24:
            with self._store.write() as db:
                db.execute(
                    "UPDATE links SET touched = ? WHERE registry = ? AND repository = ? AND digest = ?", (now, *key)
                )
        return int(row["size"])

    def remove(self, registry: str, repository: str, digest: str) -> bool:
        """Let the repository no longer show a blob; whether it did."""
        with self._store.write() as db:
            found = db.execute(
                "DELETE FROM links WHERE registry = ? AND repository = ? AND digest = ?",
                (registry.lower(), repository, digest),
            )
        return found.rowcount > 0

    def need(self, registry: str, repository: str, manifest: str, blob: str) -> None:
        """A manifest names the blob: it stays."""
        with self._store.write() as db:
            db.execute(
                "INSERT OR IGNORE INTO needs VALUES (?, ?, ?, ?)", (registry.lower(), repository, manifest, blob)
            )

    def release(self, registry: str, repository: str, manifest: str) -> None:
        """The manifest is gone."""
        with self._store.write() as db:
            db.execute(
                "DELETE FROM needs WHERE registry = ? AND repository = ? AND manifest = ?",
                (registry.lower(), repository, manifest),
            )

    def forget(self, registry: str) -> None:
        """The registry is gone."""
        with self._store.write() as db:
            db.execute("DELETE FROM links WHERE registry = ?", (registry.lower(),))
            db.execute("DELETE FROM needs WHERE registry = ?", (registry.lower(),))

    def bytes(self, registry: str) -> int:
        """What the registry's blobs take; one that several repositories show counts once."""
        row = self._store.row(
            "SELECT coalesce(sum(size), 0) AS bytes FROM (SELECT DISTINCT digest, size FROM links WHERE registry = ?)",
            registry.lower(),
        )
        return int(row["bytes"]) if row else 0

    def tidy(self) -> None:
        """Sweep, if it is time to."""
        now = self._clock.now()
        if not 0 <= now - self._swept < _SWEEP_SECONDS:
            self._swept = now
            self.sweep(file_before=now - self._clock.offset - _KEPT_SECONDS)  # files know no offset

    def sweep(self, *, file_before: float) -> None:
        """Forget the blobs that no manifest needs and nobody asked for lately, and remove the files that no repository
        shows. file_before: see `Blobs.sweep`. Not inside a transaction: files do not roll back."""
        with self._store.write() as db:
            db.execute(
                "DELETE FROM links WHERE touched < ? AND NOT EXISTS (SELECT 1 FROM needs WHERE needs.registry ="
                " links.registry AND needs.repository = links.repository AND needs.blob = links.digest)",
                (self._clock.now() - _KEPT_SECONDS,),
            )
        wanted = {row["digest"] for row in self._store.rows("SELECT DISTINCT digest FROM links")}
        self._blobs.sweep(wanted, before=file_before)
