"""What manifests are called: the tags of every repository."""

import sqlite3
from collections.abc import Iterator

from labrunner.emulator.state.artifacts import Tag
from labrunner.emulator.state.lists import page
from labrunner.emulator.store import Store

__all__ = ["Tags"]

_TABLES = (
    (
        "CREATE TABLE IF NOT EXISTS tags (registry TEXT, repository TEXT, name TEXT, digest TEXT, created REAL,"
        " updated REAL, attributes INTEGER, PRIMARY KEY (registry, repository, name)) WITHOUT ROWID"
    ),
    "CREATE INDEX IF NOT EXISTS tags_digest ON tags (registry, repository, digest)",
)


class Tags:
    """One for all registries; registry: a registry's id. What may be done with a tag is `Locks`' business."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.define(*_TABLES)

    def find(self, registry: str, repository: str, name: str) -> Tag | None:
        """One tag."""
        row = self._store.row(
            "SELECT * FROM tags WHERE registry = ? AND repository = ? AND name = ?", registry.lower(), repository, name
        )
        return Tag.of(row) if row else None

    def listed(
        self, registry: str, repository: str, *, last: str = "", count: int = -1, order: str = "", digest: str = ""
    ) -> list[Tag]:
        """Those that may be listed, after `last`. order: of ORDERS. digest: only those of that manifest."""
        more = ("AND digest = ?", (digest,)) if digest else ("", ())
        key = (registry.lower(), repository)
        rows = page(self._store, "tags", "name", key, more=more, last=last, count=count, order=order)
        return [Tag.of(row) for row in rows]

    def of(self, registry: str, repository: str, digest: str) -> list[Tag]:
        """All tags of a manifest, also those that are not listed."""
        return self._sorted("repository = ? AND digest = ?", registry, repository, digest)

    def within(self, registry: str, repository: str) -> list[Tag]:
        """All tags of a repository, also those that are not listed."""
        return self._sorted("repository = ?", registry, repository)

    def names(self) -> Iterator[tuple[str, str, Tag]]:
        """Every tag there is, behind its registry and repository."""
        for row in self._store.rows("SELECT * FROM tags"):
            yield row["registry"], row["repository"], Tag.of(row)

    def point(self, registry: str, repository: str, name: str, digest: str, *, now: float) -> None:
        """Let the name stand for a manifest."""
        before = self.find(registry, repository, name)
        with self._store.write() as db:
            if before is None:
                values = (registry.lower(), repository, name, digest, now, now)
                db.execute("INSERT INTO tags VALUES (?, ?, ?, ?, ?, ?, 15)", values)
            elif before.digest != digest:
                db.execute(
                    "UPDATE tags SET digest = ?, updated = ? WHERE registry = ? AND repository = ? AND name = ?",
                    (digest, now, registry.lower(), repository, name),
                )

    def age(self, registry: str, repository: str, name: str, moment: float) -> None:
        """Let it look as if it was made at that moment, and not changed since."""
        with self._store.write() as db:
            db.execute(
                "UPDATE tags SET created = ?1, updated = ?1 WHERE registry = ?2 AND repository = ?3 AND name = ?4",
                (moment, registry.lower(), repository, name),
            )

    def remove(self, registry: str, repository: str, name: str) -> None:
        """Remove one."""
        with self._store.write() as db:
            db.execute(
                "DELETE FROM tags WHERE registry = ? AND repository = ? AND name = ?",
                (registry.lower(), repository, name),
            )

    def release(self, registry: str, repository: str, digest: str) -> None:
        """The manifest is gone, and its names with it."""
        with self._store.write() as db:
            db.execute(
                "DELETE FROM tags WHERE registry = ? AND repository = ? AND digest = ?",
                (registry.lower(), repository, digest),
            )

    def forget(self, registry: str) -> None:
        """The registry is gone."""
        with self._store.write() as db:
            db.execute("DELETE FROM tags WHERE registry = ?", (registry.lower(),))

    def _sorted(self, where: str, registry: str, *values: str) -> list[Tag]:
        query = f"SELECT * FROM tags WHERE registry = ? AND {where} ORDER BY name"  # noqa: S608 - our own text
        rows: list[sqlite3.Row] = self._store.rows(query, registry.lower(), *values)
        return [Tag.of(row) for row in rows]
