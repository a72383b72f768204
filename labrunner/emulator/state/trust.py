"""Trust data of repositories (Notary v1): the metadata that was signed, and the keys that the registry signs with."""

import hashlib
import uuid
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from sqlite3 import Connection, Row

from labrunner.emulator.clock import Clock
from labrunner.emulator.store import Store

__all__ = ["HeldKey", "OldVersion", "Stored", "Trust"]

_TABLES = (
    (
        "CREATE TABLE IF NOT EXISTS trust_data (registry TEXT, repository TEXT, uid TEXT NOT NULL,"
        " PRIMARY KEY (registry, repository)) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE IF NOT EXISTS trust_metadata (registry TEXT, repository TEXT, role TEXT, version INTEGER,"
        " digest TEXT NOT NULL, body BLOB NOT NULL, stored REAL NOT NULL,"
        " PRIMARY KEY (registry, repository, role, version))"
    ),
    "CREATE INDEX IF NOT EXISTS trust_digest ON trust_metadata (registry, repository, role, digest)",
    (
        "CREATE TABLE IF NOT EXISTS trust_keys (number INTEGER PRIMARY KEY, registry TEXT NOT NULL,"
        " repository TEXT NOT NULL, role TEXT NOT NULL, key_id TEXT NOT NULL, private BLOB NOT NULL,"
        " UNIQUE (registry, repository, role, key_id))"
    ),
)


class OldVersion(Exception):  # noqa: N818 - an answer about what was sent
    """A version of that role which is as new is there already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One role's metadata, byte for byte as it was signed. digest: SHA-256, hex. stored: seconds since 1970."""

    role: str
    version: int
    digest: str
    body: bytes
    stored: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldKey:
    """A key that the registry signs with. private: the raw Ed25519 key, which nobody is ever shown."""

    key_id: str
    private: bytes = field(repr=False)


class Trust:
    """One for all registries; registry: a registry's id. What may be stored is `trust.updates`' business."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        store.define(*_TABLES)

    def current(self, registry: str, repository: str) -> dict[str, Stored]:
        """The newest metadata of each role; {} for a repository without trust data."""
        rows = self._store.rows(
            "SELECT role, max(version) AS version, digest, body, stored FROM trust_metadata"
            " WHERE registry = ? AND repository = ? GROUP BY role",
            registry.lower(),
            repository,
        )
        return {row["role"]: _stored(row) for row in rows}

    def by_digest(self, registry: str, repository: str, role: str, digest: str) -> Stored | None:
        """A role's metadata, also of an earlier version. digest: SHA-256, hex."""
        return self._one(registry, repository, role, "digest = ? ORDER BY version DESC", digest.lower())

    def by_version(self, registry: str, repository: str, role: str, version: int) -> Stored | None:
        """A role's metadata of that version."""
        return self._one(registry, repository, role, "version = ?", version)

    def add(self, registry: str, repository: str, made: Iterable[tuple[str, int, bytes]]) -> None:
        """Store new metadata, (role, version, body), all of it or nothing.

        Raises OldVersion for a version that is not newer than what is there.
        """
        key = (registry.lower(), repository)
        with self._store.write() as db:
            db.execute("INSERT OR IGNORE INTO trust_data VALUES (?, ?, ?)", (*key, str(uuid.uuid4())))
            for role, version, body in made:
                newest = db.execute(
                    "SELECT max(version) AS version FROM trust_metadata"
                    " WHERE registry = ? AND repository = ? AND role = ?",
                    (*key, role),
                ).fetchone()["version"]
                if newest is not None and newest >= version:
                    raise OldVersion
                values = (*key, role, version, hashlib.sha256(body).hexdigest(), body, self._clock.machine())
                db.execute("INSERT INTO trust_metadata VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def keys(self, registry: str, repository: str, role: str) -> list[HeldKey]:
        """The keys held for a role, the newest first."""
        rows = self._store.rows(
            "SELECT key_id, private FROM trust_keys WHERE registry = ? AND repository = ? AND role = ?"
            " ORDER BY number DESC",
            registry.lower(),
            repository,
            role,
        )
        return [HeldKey(key_id=row["key_id"], private=bytes(row["private"])) for row in rows]

    def hold(self, registry: str, repository: str, role: str, key: HeldKey) -> None:
        """Keep a new key for a role."""
        with self._store.write() as db:
            db.execute(
                "INSERT INTO trust_keys (registry, repository, role, key_id, private) VALUES (?, ?, ?, ?, ?)",
                (registry.lower(), repository, role, key.key_id, key.private),
            )

    def keep_keys(self, registry: str, repository: str, role: str, key_ids: Collection[str]) -> None:
        """Let go of a role's other keys."""
        with self._store.write() as db:
            for key in self.keys(registry, repository, role):
                if key.key_id not in key_ids:
                    db.execute(
                        "DELETE FROM trust_keys WHERE registry = ? AND repository = ? AND role = ? AND key_id = ?",
                        (registry.lower(), repository, role, key.key_id),
                    )

    def delete(self, registry: str, repository: str) -> None:
        """Forget a repository's trust data and keys. Idempotent."""
        with self._store.write() as db:
            _delete(db, "registry = ? AND repository = ?", registry.lower(), repository)

    def forget(self, registry: str) -> None:
        """The registry is gone, or its content trust was disabled."""
        with self._store.write() as db:
            _delete(db, "registry = ?", registry.lower())

    def inventory(self) -> Iterator[tuple[str, str, str]]:
        """("trust-data", REGISTRY/REPOSITORY, its own id)."""
        for row in self._store.rows("SELECT * FROM trust_data ORDER BY registry, repository"):
            yield "trust-data", f"{row['registry'].rpartition('/')[2]}/{row['repository']}", row["uid"]

    def _one(self, registry: str, repository: str, role: str, where: str, value: object) -> Stored | None:
        query = (
            "SELECT * FROM trust_metadata"  # noqa: S608 - our own text
            f" WHERE registry = ? AND repository = ? AND role = ? AND {where}"
        )
        row = self._store.row(query, registry.lower(), repository, role, value)
        return None if row is None else _stored(row)


def _delete(db: Connection, where: str, *values: str) -> None:
    for table in ("trust_data", "trust_metadata", "trust_keys"):
        db.execute(f"DELETE FROM {table} WHERE {where}", values)  # noqa: S608 - our own names


def _stored(row: Row) -> Stored:
    return Stored(
        role=row["role"],
        version=row["version"],
        digest=row["digest"],
        body=bytes(row["body"]),
        stored=row["stored"],
    )
