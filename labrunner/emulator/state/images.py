"""What was pushed: the repositories and manifests of every registry."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from labrunner.emulator.clock import Clock
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.state.artifacts import Manifest, Referrer, Repository, Tag
from labrunner.emulator.state.blobs import Blobs
from labrunner.emulator.state.digests import digest_of, is_digest
from labrunner.emulator.state.links import Links
from labrunner.emulator.state.lists import page
from labrunner.emulator.state.locks import Locks, require
from labrunner.emulator.state.manifests import Content, read_manifest, read_platform
from labrunner.emulator.state.tags import Tags
from labrunner.emulator.store import Store

__all__ = ["Images", "Pushed"]

_TABLES = (
    (
        "CREATE TABLE IF NOT EXISTS repositories (registry TEXT, name TEXT, created REAL, updated REAL,"
        " attributes INTEGER, PRIMARY KEY (registry, name)) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE IF NOT EXISTS manifests (registry TEXT, repository TEXT, digest TEXT, media_type TEXT, body BLOB,"
        " size INTEGER, image_size INTEGER, created REAL, updated REAL, os TEXT, architecture TEXT,"
        " config_media_type TEXT, artifact_type TEXT, subject TEXT, annotations TEXT, attributes INTEGER,"
        " PRIMARY KEY (registry, repository, digest))"
    ),
    "CREATE INDEX IF NOT EXISTS manifests_subject ON manifests (registry, repository, subject)",
)
_CONFIG_LIMIT = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """A manifest that is in now. subject: the digest of its subject, if it has one."""

    digest: str
    media_type: str
    size: int
    subject: str


class Images:
    """One for all registries; registry: a registry's id. What attributes forbid raises Refusal (405)."""

    def __init__(self, store: Store, blobs: Blobs, clock: Clock) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self.links = Links(store, blobs, clock)
        self._tags = Tags(store)
        self._locks = Locks(store)
        store.define(*_TABLES)

    # Pushing

    def push(
        self,
        registry: str,
        repository: str,
        body: bytes,
        content_type: str,
        *,
        tag: str = "",
        algorithm: str = "sha256",
    ) -> Pushed:
        """Take a manifest in, and call it `tag` if one is given. algorithm: of the digest that it is kept under. Raises
        Refusal (400 MANIFEST_INVALID, 404 MANIFEST_BLOB_UNKNOWN, 405)."""
        content = read_manifest(body, content_type)
        digest, key, now = digest_of(body, algorithm), (registry.lower(), repository), self._clock.now()
        with self._store.write() as db:
            self._locks.require(registry, repository, "write")
            if tag:
                self._locks.require(registry, repository, "write", tag=tag)
            self._require_content(key, content)
            db.execute("INSERT OR IGNORE INTO repositories VALUES (?, ?, ?, ?, 15)", (*key, now, now))
            db.execute("UPDATE repositories SET updated = ? WHERE registry = ? AND name = ?", (now, *key))
            db.execute(
                "INSERT OR IGNORE INTO manifests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 15)",
                (*key, digest, *self._described(key, content, body, now)),
            )
            for blob in content.blobs:
                self.links.need(*key, digest, blob.digest)
            if tag:
                self._tags.point(registry, repository, tag, digest, now=now)
        subject = content.subject.digest if content.subject else ""
        return Pushed(digest=digest, media_type=content.media_type, size=len(body), subject=subject)

    def _require_content(self, key: tuple[str, str], content: Content) -> None:
        missing = [blob.digest for blob in content.blobs if self.links.size(*key, blob.digest) is None]
        missing += [child.digest for child in content.manifests if self._body(key, child.digest) is None]
        if missing:
            # Guess: the status. distribution, which Azure's registry grew from, says 404 for this code.
            raise Refusal(404, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", detail={"digest": min(missing)})

    def _described(self, key: tuple[str, str], content: Content, body: bytes, now: float) -> Sequence[object]:
        config = content.config
        platform = self._platform(config.digest, config.size) if config and not config.elsewhere else {}
        # Recorded: a pushed image counts its layers only. Guess: an index counts what its entries count.
        image_size = sum(layer.size for layer in content.layers)
        for child in content.manifests:
            row = self._manifest_row(key, child.digest)
            image_size += row["image_size"] if row else 0
        return (
            content.media_type,
            body,
            len(body),
            image_size,
            now,
            now,
            platform.get("os", ""),
            platform.get("architecture", ""),
            config.media_type if config else "",
            content.artifact_type,
            content.subject.digest if content.subject else "",
            json.dumps(content.annotations),
        )

    def _platform(self, digest: str, size: int) -> dict[str, str]:
        """What an image's configuration says it is for; nothing when it is no such configuration."""
        try:
            return read_platform(self._blobs.path(digest).read_bytes()) if size <= _CONFIG_LIMIT else {}
        except OSError:
            return {}

    # Asking

    def repository(self, registry: str, name: str) -> Repository | None:
        """One repository; None if nothing was pushed there."""
        rows = self._repositories("registry = ? AND name = ?", registry.lower(), name)
        return Repository.of(rows[0]) if rows else None

    def repositories(self, registry: str, *, last: str = "", count: int = -1) -> list[Repository]:
        """Those that may be listed, by name, after `last`; count: at most so many."""
        rows = self._repositories(
            "registry = ? AND name > ? AND attributes & 8 ORDER BY name LIMIT ?", registry.lower(), last, count
        )
        return [Repository.of(row) for row in rows]

    def _repositories(self, where: str, *values: object) -> list[sqlite3.Row]:
        return self._store.rows(
            "SELECT *, (SELECT count(*) FROM manifests m WHERE m.registry = r.registry AND m.repository = r.name)"  # noqa: S608 - our own text
            " AS manifests, (SELECT count(*) FROM tags t WHERE t.registry = r.registry AND t.repository = r.name)"
            f" AS tags FROM repositories r WHERE {where}",
            *values,
        )

    def tag(self, registry: str, repository: str, name: str) -> Tag | None:
        """One tag."""
        return self._tags.find(registry, repository, name)

    def tags(
        self, registry: str, repository: str, *, last: str = "", count: int = -1, order: str = "", digest: str = ""
    ) -> list[Tag]:
        """See `Tags.listed`."""
        return self._tags.listed(registry, repository, last=last, count=count, order=order, digest=digest)

    def manifest(self, registry: str, repository: str, digest: str) -> Manifest | None:
        """One manifest."""
        row = self._manifest_row((registry.lower(), repository), digest)
        return Manifest.of(row, self._tags_of(row)) if row else None

    def manifests(
        self, registry: str, repository: str, *, last: str = "", count: int = -1, order: str = ""
    ) -> list[Manifest]:
        """Those that may be listed, after `last`. order: of ORDERS."""
        key = (registry.lower(), repository)
        rows = page(self._store, "manifests", "digest", key, last=last, count=count, order=order)
        return [Manifest.of(row, self._tags_of(row)) for row in rows]

    def content(self, registry: str, repository: str, digest: str) -> bytes | None:
        """A manifest's bytes, as they were pushed."""
        return self._body((registry.lower(), repository), digest)

    def referrers(self, registry: str, repository: str, digest: str, *, artifact_type: str = "") -> list[Referrer]:
        """The manifests whose subject that digest is; artifact_type: only those of that type."""
        rows = self._store.rows(
            "SELECT * FROM manifests WHERE registry = ? AND repository = ? AND subject = ? ORDER BY created, digest",
            registry.lower(),
            repository,
            digest,
        )
        return [
            Referrer(
                digest=row["digest"],
                media_type=row["media_type"],
                size=row["size"],
                artifact_type=row["artifact_type"],
                annotations=json.loads(row["annotations"]),
            )
            for row in rows
            if not artifact_type or row["artifact_type"] == artifact_type
        ]

    def readable(self, registry: str, repository: str, digest: str = "", tag: str = "") -> None:
        """Raises Refusal (405) if an attribute of the repository, the manifest or the tag forbids to pull."""
        self._locks.require(registry, repository, "read")
        if digest:
            self._locks.require(registry, repository, "read", digest=digest)
        if tag:
            self._locks.require(registry, repository, "read", tag=tag)

    # Changing

    def change(
        self, registry: str, repository: str, wanted: Mapping[str, bool], *, digest: str = "", tag: str = ""
    ) -> bool:
        """See `Locks.change`."""
        return self._locks.change(registry, repository, wanted, digest=digest, tag=tag)

    def age(self, registry: str, repository: str, moments: Mapping[str, float]) -> list[str]:
        """Let tags and manifests (by digest) look as if they were made at these moments; those that are not there.

        What a tag names, and the repository, are at least as old then, and so is a manifest that has older tags. Locks
        do not matter: nothing is changed.
        """
        key, unknown = (registry.lower(), repository), list[str]()
        with self._store.write() as db:
            for name, moment in moments.items():
                tag = None if is_digest(name) else self.tag(registry, repository, name)
                digest = name if tag is None else tag.digest
                if self._manifest_row(key, digest) is None:
                    unknown.append(name)
                    continue
                if tag is not None:
                    self._tags.age(registry, repository, name, moment)
                db.execute(
                    "UPDATE manifests SET created = min(created, ?1), updated = min(updated, ?1)"
                    " WHERE registry = ?2 AND repository = ?3 AND digest = ?4",
                    (moment, *key, digest),
                )
                db.execute(
                    "UPDATE repositories SET created = min(created, ?) WHERE registry = ? AND name = ?", (moment, *key)
                )
        return unknown

    def delete_blob(self, registry: str, repository: str, digest: str) -> bool:
        """Let the repository no longer show a blob; whether it did."""
        with self._store.write():
            self._locks.require(registry, repository, "delete", "write")
            return self.links.remove(registry, repository, digest)

    def untag(self, registry: str, repository: str, name: str) -> Tag | None:
        """Remove a tag, and nothing else; what it was, None if there was none.

        The manifest's times stay, as they do when it gets a tag. Source: azure-sdk-for-js's recordings of May 2021, in
        which a tag is hours younger than its manifest's lastUpdateTime, made anew after each test that deletes it.
        """
        key, now = (registry.lower(), repository), self._clock.now()
        with self._store.write() as db:
            tag = self.tag(registry, repository, name)
            if tag is None:
                return None
            self._locks.require(registry, repository, "delete", "write")
            require([tag.attributes], "delete", "write")
            self._tags.remove(registry, repository, name)
            db.execute("UPDATE repositories SET updated = ? WHERE registry = ? AND name = ?", (now, *key))
        return tag

    def delete_manifest(self, registry: str, repository: str, digest: str) -> list[Manifest]:
        """Remove a manifest with its tags, and what refers to it (as Azure does with a subject's referrers); what they
        were, itself first. Nothing happens when one of them is locked. Empty if there is none."""
        with self._store.write() as db:
            first = self.manifest(registry, repository, digest)
            if first is None:
                return []
            self._locks.require(registry, repository, "delete", "write")
            doomed = {digest: first}
            queue = [digest]
            while queue:
                for referrer in self.referrers(registry, repository, queue.pop()):
                    found = self.manifest(registry, repository, referrer.digest)
                    if found is not None and found.digest not in doomed:
                        doomed[found.digest] = found
                        queue.append(found.digest)
            for manifest in doomed.values():
                tags = self._tags.of(registry, repository, manifest.digest)
                require([manifest.attributes, *(tag.attributes for tag in tags)], "delete", "write")
                self._remove(db, (registry.lower(), repository), manifest.digest)
            self._settle(db, (registry.lower(), repository))
        return list(doomed.values())

    def delete_repository(self, registry: str, name: str) -> list[Manifest] | None:
        """Remove a repository with all that is in it; the manifests that were. None if there is none."""
        key = (registry.lower(), name)
        with self._store.write() as db:
            found = self.repository(registry, name)
            if found is None:
                return None
            rows = self._store.rows("SELECT * FROM manifests WHERE registry = ? AND repository = ?", *key)
            manifests = [Manifest.of(row, self._tags_of(row)) for row in rows]
            require([found.attributes, *(one.attributes for one in manifests)], "delete", "write")
            require([tag.attributes for tag in self._tags.within(registry, name)], "delete", "write")
            for manifest in manifests:
                self._remove(db, key, manifest.digest)
            self._settle(db, key)
        return manifests

    def forget(self, registry: str) -> None:
        """The registry is gone, and with it all that it held."""
        with self._store.write() as db:
            self.links.forget(registry)
            self._tags.forget(registry)
            for table in ("repositories", "manifests"):
                db.execute(f"DELETE FROM {table} WHERE registry = ?", (registry.lower(),))  # noqa: S608 - our own names

    # For others

    def usage_bytes(self, registry: str) -> int:
        """What the registry's content takes; a layer that several images share counts once."""
        row = self._store.row(
            "SELECT coalesce(sum(size), 0) AS bytes FROM (SELECT DISTINCT digest, size FROM manifests WHERE registry"
            " = ?)",
            registry.lower(),
        )
        return self.links.bytes(registry) + (int(row["bytes"]) if row else 0)

    def inventory(self) -> Iterator[tuple[str, str, str]]:
        """(kind, name, immutable id) of what was pushed: tags and manifests."""
        for registry, repository, tag in self._tags.names():
            yield "repository-tag", f"{_short(registry)}/{repository}:{tag.name}", tag.digest
        for row in self._store.rows("SELECT registry, repository, digest FROM manifests"):
            yield "repository-manifest", f"{_short(row['registry'])}/{row['repository']}", row["digest"]

    # Inside

    def _manifest_row(self, key: tuple[str, str], digest: str) -> sqlite3.Row | None:
        return self._store.row(
            "SELECT * FROM manifests WHERE registry = ? AND repository = ? AND digest = ?", *key, digest
        )

    def _body(self, key: tuple[str, str], digest: str) -> bytes | None:
        row = self._manifest_row(key, digest)
        return bytes(row["body"]) if row else None

    def _tags_of(self, row: sqlite3.Row) -> tuple[str, ...]:
        return tuple(tag.name for tag in self._tags.of(row["registry"], row["repository"], row["digest"]))

    def _remove(self, db: sqlite3.Connection, key: tuple[str, str], digest: str) -> None:
        self.links.release(*key, digest)
        self._tags.release(*key, digest)
        db.execute("DELETE FROM manifests WHERE registry = ? AND repository = ? AND digest = ?", (*key, digest))

    def _settle(self, db: sqlite3.Connection, key: tuple[str, str]) -> None:
        """A repository in which nothing is left is none."""
        db.execute("UPDATE repositories SET updated = ? WHERE registry = ? AND name = ?", (self._clock.now(), *key))
        db.execute(
            "DELETE FROM repositories WHERE registry = ?1 AND name = ?2 AND NOT EXISTS"
            " (SELECT 1 FROM manifests WHERE registry = ?1 AND repository = ?2)",
            key,
        )


def _short(registry: str) -> str:
    return registry.rpartition("/")[2]
