"""What goes when a registry goes."""

from typing import TYPE_CHECKING

from labrunner.emulator.state.registries import Registry

if TYPE_CHECKING:
    from labrunner.emulator.world import World

__all__ = ["remove_registry"]


def remove_registry(world: "World", registry: Registry) -> None:
    """Remove a registry with its images, trust data and webhooks, and what was granted in it: all of it or nothing."""
    with world.store.write():
        world.images.forget(registry.id)
        world.trust.forget(registry.id)
        world.webhooks.forget(registry.id)
        world.tasks.forget(registry.id)
        world.runs.forget(registry.id)
        world.roles.forget(registry.id)
        world.registries.delete(registry)
