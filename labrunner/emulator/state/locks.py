"""What may be done with repositories, manifests and tags: the attributes that lock them."""

from collections.abc import Iterable, Mapping

from labrunner.emulator.state.artifacts import Attributes, locked
from labrunner.emulator.store import Store

__all__ = ["Locks", "require"]


class Locks:
    """The column `attributes` of the tables of `Images` and `Tags`. registry: a registry's id.

    A digest or a tag says that a manifest or a tag is meant; else it is the repository.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def attributes(self, registry: str, repository: str, *, digest: str = "", tag: str = "") -> Attributes | None:
        """What may be done with it; None if it is not there."""
        table, where, values = _place(registry, repository, digest, tag)
        row = self._store.row(f"SELECT attributes FROM {table} WHERE {where}", *values)  # noqa: S608 - our own names
        return None if row is None else Attributes.of(row["attributes"])

    def change(
        self, registry: str, repository: str, wanted: Mapping[str, bool], *, digest: str = "", tag: str = ""
    ) -> bool:
        """Set attributes (Azure's names); whether it is there."""
        table, where, values = _place(registry, repository, digest, tag)
        with self._store.write() as db:
            found = self.attributes(registry, repository, digest=digest, tag=tag)
            if found is None:
                return False
            mask = found.changed(wanted).mask
            db.execute(f"UPDATE {table} SET attributes = ? WHERE {where}", (mask, *values))  # noqa: S608 - our own names
        return True

    def require(self, registry: str, repository: str, *names: str, digest: str = "", tag: str = "") -> None:
        """Raises Refusal (405) if it is there and does not have all these attributes."""
        found = self.attributes(registry, repository, digest=digest, tag=tag)
        require([found] if found else [], *names)


def require(rights: Iterable[Attributes], *names: str) -> None:
    """Raises Refusal (405) unless all of them have all these attributes."""
    if not all(getattr(found, name) for found in rights for name in names):
        raise locked()


def _place(registry: str, repository: str, digest: str, tag: str) -> tuple[str, str, tuple[str, ...]]:
    """Table, condition and its values."""
    if tag:
        return "tags", "registry = ? AND repository = ? AND name = ?", (registry.lower(), repository, tag)
    if digest:
        return "manifests", "registry = ? AND repository = ? AND digest = ?", (registry.lower(), repository, digest)
    return "repositories", "registry = ? AND name = ?", (registry.lower(), repository)
