"""What a step starts from: a state that commands bring about, or one that only a local Azure can be given."""

from dataclasses import dataclass

from labrunner.model.check import Check

__all__ = ["Arrangement", "Fault", "Seed", "SeededManifest", "Setup"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeededManifest:
    """A manifest that a repository has, as if it had been pushed so many days ago.

    from_: REPOSITORY:TAG of the same registry, whose manifest it is. index_of: such names, whose manifests are the
    children of an index that it is. tags: what it is called, each taken from what was called so before.
    """

    from_: str = ""
    index_of: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    days: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """What a repository of the sandbox's local Azure has from the past, which no Azure lets anybody make: manifests,
    in the order of their pushes."""

    registry: str
    repository: str
    manifests: tuple[SeededManifest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """A registry of the sandbox's local Azure as a step wants to find it.

    registry: its name. sku: made with it where it is missing; "": it must be there. role_assignment_mode: "rbac" or
    "rbac-abac", as `az` calls them; "": as it is. roles: those that the signed-in user has at the registry itself, and
    no other.
    """

    registry: str
    sku: str = ""
    role_assignment_mode: str = ""
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What the sandbox's local Azure does badly for the length of one step (`emulator.faults` says what of each is).

    registry: the only one that it is about. delay: seconds. tiers: of the registries whose writes it spoils. sku: the
    tier that a registry has. roles: all that the user has at the subscription.
    """

    name: str
    registry: str = ""
    delay: float = 0.0
    tiers: tuple[str, ...] = ()
    sku: str = ""
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Brings about a state that a step starts from: by `run`, quietly in a shell of its own, or else by `seed`, by
    `arrange`, or by a `fault` that ends when the step is left.

    unless: a check that says the state is there already. asks_again: it must say so when this has been done; not where
    it only says that nothing has to be done.
    """

    run: str = ""
    seed: Seed | None = None
    arrange: Arrangement | None = None
    fault: Fault | None = None
    says: str = ""
    unless: Check | None = None
    asks_again: bool = True
    host: str = "local"
    timeout: float = 60.0
