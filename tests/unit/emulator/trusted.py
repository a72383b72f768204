"""A repository with trust data, in a registry that trusts content."""

from copy import copy
from typing import Any

from labrunner.emulator.trust.serving import SERVED_ROLES, Place, served_key
from labrunner.emulator.trust.updates import update
from labrunner.emulator.world import World
from tests.unit.emulator.signed import Key, Publisher, signed

RELEASES = "targets/releases"


class Repository:
    """One with its publisher, who has delegated `targets/releases` to alice after `publish`."""

    def __init__(self, world: World, name: str = "app", *, registry: str = "progress") -> None:
        self.world = world
        made = world.registries.ensure(
            group="labs",
            name=registry,
            location="eastus",
            sku="Premium",
            subscription=world.resources.subscription,
        )
        policies = {**made.properties["policies"], "trustPolicy": {"type": "Notary", "status": "enabled"}}
        made = world.registries.change(made, properties={**made.properties, "policies": policies})
        self.place = Place(world=world, registry=made, repository=name)
        self.publisher = Publisher(self.place.gun, {role: served_key(self.place, role).json() for role in SERVED_ROLES})

    def within(self, world: World) -> "Repository":
        """The same, after a restart."""
        found = Repository.__new__(Repository)
        found.world, found.publisher = world, self.publisher
        found.place = Place(world=world, registry=self.place.registry, repository=self.place.repository)
        return found

    def copied(self) -> "Repository":
        """The same, with a publisher whose keys can be changed."""
        found = self.within(self.world)
        found.publisher = copy(self.publisher)
        found.publisher.served = dict(self.publisher.served)
        return found

    @property
    def signers(self) -> dict[str, Key]:
        return {RELEASES: self.publisher.alice}

    def released(self, version: int = 1, *tags: str, by: Key | None = None, **more: Any) -> bytes:
        """Metadata of `targets/releases`."""
        return signed(self.publisher.targets_content(version, *tags, **more), by or self.publisher.alice)

    def publish(self) -> "Repository":
        """Versions: root 1; targets 2, with v1; targets/releases 1, with released; snapshot and timestamp 2."""
        self.upload(root=self.publisher.root(), targets=self.publisher.targets(1, "v0"))
        targets = self.publisher.targets(2, "v1", signers=self.signers)
        self.upload(**{"targets": targets, RELEASES: self.released(1, "released")})
        return self

    def upload(self, **parts: bytes) -> None:
        update(self.place, parts)

    def body(self, role: str) -> bytes:
        return self.world.trust.current(self.place.registry.id, self.place.repository)[role].body

    def everything(self) -> list[tuple[Any, ...]]:
        """All that is stored of it."""
        key = (self.place.registry.id.lower(), self.place.repository)
        return [
            tuple(row)
            for table in ("trust_data", "trust_metadata", "trust_keys")
            for row in self.world.store.rows(f"SELECT * FROM {table} WHERE registry = ? AND repository = ?", *key)
        ]
