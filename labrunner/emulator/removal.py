"""Removing things from outside: each by its id, only while its name still means that id, and never what else is there.

Nobody is asked for rights, no webhook hears of it, and what Azure would take along with a thing has to be listed too.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from labrunner.emulator.arm.removal import remove_registry
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.state.principals import Application, ServicePrincipal
from labrunner.emulator.state.registries import Registry
from labrunner.emulator.state.roles import is_within

if TYPE_CHECKING:
    from labrunner.emulator.world import World

__all__ = ["Thing", "read_things", "remove"]

Thing = tuple[str, str, str]
"""(kind, name, id), as `World.inventory` has it."""


def read_things(value: Any) -> list[Thing]:  # noqa: ANN401 - JSON
    """What somebody asks to remove. Raises ValueError for what is no list of things."""
    match value:
        case [*rows] if all(isinstance(row, list) and [type(part) for part in row] == [str, str, str] for row in rows):
            return [(kind, name, identity) for kind, name, identity in rows]
    raise ValueError("cannot be understood: things to remove are [[kind, name, id], ...]")


def remove(world: "World", things: Sequence[Thing]) -> list[str]:
    """For each thing, in the order given: "" when it is gone, else one sentence that says why it stays.

    Things are taken in the order in which they can go; each in a transaction of its own.
    """
    told: dict[Thing, str] = {}
    for kind, take in _TAKERS.items():
        waiting = list(dict.fromkeys(thing for thing in things if thing[0] == kind))
        while waiting:  # manifests refer to each other: as long as one goes, another may be free to
            there = [thing for thing in world.inventory() if thing[0] == kind]
            told |= {thing: _removed(world, thing, there, take) for thing in waiting}
            left = [thing for thing in waiting if told[thing]]
            waiting = left if len(left) < len(waiting) else []
    return [told.get(thing, f"The local Azure knows nothing of the kind {thing[0]}.") for thing in things]


def _removed(world: "World", thing: Thing, there: Sequence[Thing], take: "_Take") -> str:
    kind, name, identity = thing
    if thing not in there:
        if kind not in _CONTENT and (called := [other[1] for other in there if other[2] == identity]):
            return f"It is called {called[0]} by now."
        another = kind not in _SHARED and any(other[1] == name for other in there)
        return "That name means another one by now, which is left alone." if another else ""
    try:
        with world.store.write():
            return take(world, name, identity)
    except Refusal as refusal:
        if refusal.status == 405:  # see `state.artifacts.locked`
            return "It or its repository is locked: `az acr repository update --delete-enabled true` unlocks."
        return refusal.message


def _role_assignment(world: "World", _name: str, identity: str) -> str:
    found = world.roles.assignment(identity)
    if found is not None:
        world.roles.remove(found)
    return ""


def _client_secret(world: "World", _name: str, identity: str) -> str:
    directory = world.directory
    holders: list[Application | ServicePrincipal] = [*directory.applications(), *directory.service_principals()]
    any(directory.remove_secret(holder, identity) for holder in holders)
    return ""


def _service_principal(world: "World", _name: str, identity: str) -> str:
    directory = world.directory
    found = directory.service_principal(identity)
    if found is None:
        return ""
    if directory.secrets(found):
        return "It has a secret that is not among these, which would go with it."
    directory.remove_service_principal(found)
    return ""


def _application(world: "World", _name: str, identity: str) -> str:
    directory = world.directory
    found = directory.application(identity)
    if found is None:
        return ""
    if directory.service_principal_by_app_id(found.app_id) is not None:
        return "Its service principal is not among these, and would go with it."
    if directory.secrets(found):
        return "It has a secret that is not among these, which would go with it."
    directory.remove_application(found)
    return ""


def _webhook(world: "World", name: str, identity: str) -> str:
    registry = _registry_of(world, name)
    for webhook in world.webhooks.of(registry):
        if webhook.uid == identity:
            world.webhooks.delete(webhook)
    return ""


def _task(world: "World", _name: str, identity: str) -> str:
    for task in world.tasks.all():
        if task.uid == identity:
            world.tasks.delete(task)
    return ""


def _trust(world: "World", name: str, _identity: str) -> str:
    world.trust.delete(_registry_of(world, name).id, name.partition("/")[2])
    return ""


def _tag(world: "World", name: str, _identity: str) -> str:
    repository, _, tag = name.partition("/")[2].rpartition(":")
    world.images.untag(_registry_of(world, name).id, repository, tag)
    return ""


def _manifest(world: "World", name: str, identity: str) -> str:
    images, registry, repository = world.images, _registry_of(world, name).id, name.partition("/")[2]
    found = images.manifest(registry, repository, identity)
    if found is None:
        return ""
    if found.tags:
        return f"The tag {found.tags[0]} names it."
    digests = {
        other
        for kind, where, other in images.inventory()
        if kind == "repository-manifest" and where == name and other != identity
    }
    for digest in sorted(digests):  # an index that lists it, or what has it as its subject
        if identity.encode() in (images.content(registry, repository, digest) or b""):
            return f"The manifest {digest} refers to it."
    images.delete_manifest(registry, repository, identity)
    return ""


def _registry(world: "World", name: str, identity: str) -> str:
    registry = _registry_of(world, name)
    assert registry.uid == identity, "the inventory tells registries by uid"
    inside = [thing for thing in world.inventory() if thing[1].lower().startswith(f"{name.lower()}/")]
    if inside:
        return f"{_called(inside[0])} is in it, and would go with it."
    granted = _granted_in(world, registry.id)
    if not granted:
        remove_registry(world, registry)
    return granted


def _group(world: "World", name: str, _identity: str) -> str:
    for registry in world.registries.all(group=name):
        return f"The registry {registry.name} is in it, and would go with it."
    granted = _granted_in(world, world.resources.group_scope(name))
    if not granted:
        world.resources.delete_group(name)
    return granted


def _granted_in(world: "World", scope: str) -> str:
    held = any(is_within(assignment.scope, scope) for assignment in world.roles.assignments())
    return "A role assignment in it is not among these, and would go with it." if held else ""


def _registry_of(world: "World", name: str) -> Registry:
    registry = world.registries.find(name.partition("/")[0])
    assert registry is not None, f"{name} is in the inventory"
    return registry


def _called(thing: Thing) -> str:
    kind, name, _ = thing
    return f"The {kind.replace('repository-', '')} {name.partition('/')[2]}"


_CONTENT = frozenset({"repository-tag", "repository-manifest"})
"""Kinds whose ids are digests: several names may have one."""
_SHARED = frozenset({"application", "service-principal", "client-secret", "repository-manifest"})
"""Kinds of which several may have one name."""

_Take = Callable[["World", str, str], str]
_TAKERS: dict[str, _Take] = {
    "role-assignment": _role_assignment,
    "client-secret": _client_secret,
    "service-principal": _service_principal,
    "application": _application,
    "webhook": _webhook,
    "task": _task,
    "trust-data": _trust,
    "repository-tag": _tag,
    "repository-manifest": _manifest,
    "registry": _registry,
    "resource-group": _group,
}
"""By kind, in the order in which they can go. Each removes what the inventory has just shown, or says why not."""
