"""A registry's images as `acr purge` sees and changes them."""

from labrunner.emulator.state.artifacts import Manifest, Tag
from labrunner.emulator.state.registries import Registry
from labrunner.emulator.world import World

__all__ = ["RegistryContents"]

_ACTOR = _USER_AGENT = "acr-cli"
"""Guess: how the agent's requests name themselves in webhook events."""
_UNLOCKED = {"deleteEnabled": True, "writeEnabled": True}


class RegistryContents:
    """purge.command.Contents on the images of one registry. The run's identity is the registry's own: it may do all."""

    def __init__(self, world: World, registry: Registry) -> None:
        self._world = world
        self._registry = registry

    @property
    def login_server(self) -> str:
        """The registry's host name."""
        return self._registry.login_server

    def repositories(self) -> list[str]:
        """All that are listed, by name."""
        return [found.name for found in self._world.images.repositories(self._registry.id)]

    def tags(self, repository: str) -> list[Tag]:
        """All that are listed, the latest update first."""
        return self._world.images.tags(self._registry.id, repository, order="timedesc")

    def manifests(self, repository: str) -> list[Manifest]:
        """All that are listed, by digest."""
        return self._world.images.manifests(self._registry.id, repository)

    def read(self, repository: str, digest: str) -> bytes | None:
        """A manifest's bytes."""
        return self._world.images.content(self._registry.id, repository, digest)

    def untag(self, repository: str, tag: str) -> bool:
        """Remove a tag and nothing else; whether it was there. Raises Refusal (405)."""
        return self._world.images.untag(self._registry.id, repository, tag) is not None

    def delete(self, repository: str, digest: str) -> bool:
        """Remove a manifest and what refers to it, telling the webhooks; whether it was there. Raises Refusal (405)."""
        with self._world.store.write():
            gone = self._world.images.delete_manifest(self._registry.id, repository, digest)
            for manifest in gone:
                self._world.webhooks.record(
                    self._registry.id,
                    action="delete",
                    repository=repository,
                    tag="",
                    digest=manifest.digest,
                    media_type=manifest.media_type,
                    size=manifest.size,
                    actor=_ACTOR,
                    user_agent=_USER_AGENT,
                )
        return bool(gone)

    def unlock_tag(self, repository: str, tag: str) -> None:
        """Let a tag be written and deleted."""
        self._world.images.change(self._registry.id, repository, _UNLOCKED, tag=tag)

    def unlock_manifest(self, repository: str, digest: str) -> None:
        """Let a manifest be written and deleted."""
        self._world.images.change(self._registry.id, repository, _UNLOCKED, digest=digest)
