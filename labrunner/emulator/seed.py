"""What a course wants to find in the local Azure, made where it is missing."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labrunner.emulator.world import World

__all__ = ["SeedError", "apply"]


class SeedError(ValueError):
    """What is wanted cannot be understood, or cannot be had."""


def apply(world: "World", wanted: dict[str, Any]) -> None:
    """Make the registries with their resource groups and webhooks. What is there stays as it is. Raises SeedError.

    wanted: {"registries": [{"name", "resource_group", "location", "sku",
                             "webhooks": [{"name", "actions", "service_uri"}]}]}
    """
    try:
        with world.store.write():
            for entry in wanted.get("registries", ()):
                world.resources.ensure_group(entry["resource_group"], entry["location"])
                registry = world.registries.ensure(
                    group=entry["resource_group"],
                    name=entry["name"],
                    location=entry["location"],
                    sku=entry["sku"],
                    subscription=world.resources.subscription,
                )
                for hook in entry.get("webhooks", ()):
                    world.webhooks.ensure(
                        registry, name=hook["name"], actions=hook["actions"], service_uri=hook["service_uri"]
                    )
    except (KeyError, TypeError, AttributeError) as error:
        raise SeedError(f"the seed cannot be understood: {error!r}") from error
