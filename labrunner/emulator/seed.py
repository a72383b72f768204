"""What a course wants to find in the local Azure, made where it is missing."""

from typing import TYPE_CHECKING, Any

from labrunner.emulator.refusal import Refusal

if TYPE_CHECKING:
    from labrunner.emulator.state.registries import Registry
    from labrunner.emulator.world import World

__all__ = ["SeedError", "apply", "arrange"]

_MODES = {"rbac": "LegacyRegistryPermissions", "rbac-abac": "AbacRepositoryPermissions"}
"""As `az acr create --role-assignment-mode` calls them."""


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


def arrange(world: "World", wanted: object) -> str:
    """Have a registry, made where it is missing, and the roles that the user has at it: "", or one sentence why not.

    wanted: {"name", "resource_group", "location", "sku": "" for one that must be there, "role_assignment_mode": "",
    "roles": those that the user has at the registry itself, given now, and no other; None: as they are}. Raises
    SeedError.
    """
    try:
        name, sku, roles = wanted["name"], wanted["sku"], wanted["roles"]  # type: ignore[index]
        place = {"group": wanted["resource_group"], "location": wanted["location"]}  # type: ignore[index]
        mode = wanted["role_assignment_mode"]  # type: ignore[index]
        definitions = None if roles is None else [(role, world.roles.role_named(role)) for role in roles]
    except (KeyError, TypeError, AttributeError) as error:
        raise SeedError(f"the registry cannot be understood: {error!r}") from error
    unknown = [role for role, known in definitions or () if known is None]
    if unknown or mode not in ("", *_MODES):
        raise SeedError(f"there is no role {unknown[0]!r}" if unknown else f"there is no role assignment mode {mode!r}")
    try:
        with world.store.write():
            if sku:
                world.resources.ensure_group(place["group"], place["location"])
                world.registries.ensure(name=name, sku=sku, subscription=world.resources.subscription, **place)
            registry = world.registries.find(name)
            if registry is None:
                return f"there is no registry `{name}`"
            if mode:
                properties = {**registry.properties, "roleAssignmentMode": _MODES[mode]}
                world.registries.change(registry, properties=properties)
            if definitions is not None:
                _give(world, registry, [known.id for _, known in definitions if known is not None])
    except Refusal as error:
        return str(error)
    return ""


def _give(world: "World", registry: "Registry", roles: list[str]) -> None:
    """Let the user have these at the registry, given now, and no other."""
    user = world.directory.signed_in_user().object_id
    there = set()
    for held in world.roles.kept_by(user):
        if held.scope.lower() != registry.id.lower():
            continue
        if held.role in roles:
            world.roles.renew(held)
            there.add(held.role)
        else:
            world.roles.remove(held)
    for role in dict.fromkeys(roles):
        if role not in there:
            world.roles.assign(user, role, registry.id, by=user)
