"""Everything that the local Azure knows, in one value that every handler is given."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labrunner.emulator.clock import Clock
from labrunner.emulator.damage import BLOBS, DATABASE, Damaged
from labrunner.emulator.faults import Faults
from labrunner.emulator.issued import Issued
from labrunner.emulator.state.blobs import Blobs
from labrunner.emulator.state.directory import Directory
from labrunner.emulator.state.history import History
from labrunner.emulator.state.images import Images
from labrunner.emulator.state.registries import Registries
from labrunner.emulator.state.resources import Resources
from labrunner.emulator.state.roles import Roles
from labrunner.emulator.state.runs import Runs
from labrunner.emulator.state.sign_ins import SignIns
from labrunner.emulator.state.tasks import Tasks
from labrunner.emulator.state.timers import Timers
from labrunner.emulator.state.trust import Trust
from labrunner.emulator.state.webhooks import Webhooks
from labrunner.emulator.store import Store
from labrunner.emulator.tokens import Tokens
from labrunner.emulator.trouble import Trouble

__all__ = ["World", "open_world"]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The state, by what it is about. One object each, for as long as the program runs."""

    store: Store
    clock: Clock
    faults: Faults
    trouble: Trouble
    issued: Issued
    tokens: Tokens
    directory: Directory
    sign_ins: SignIns
    resources: Resources
    roles: Roles
    registries: Registries
    webhooks: Webhooks
    blobs: Blobs
    images: Images
    trust: Trust
    history: History
    tasks: Tasks
    timers: Timers
    runs: Runs

    def found(self) -> None:
        """Have what every Azure has: a tenant, a signed-in user, a subscription that this user owns. Idempotent."""
        self.tokens.load()
        self.directory.found()
        self.resources.found()
        self.roles.found(owner=self.directory.signed_in_user().object_id, scope=self.resources.subscription_scope)
        self.runs.found()

    def reset(self) -> None:
        """As new: nothing is left of what was made, uploaded, issued or spoilt."""
        self.faults.clear()
        self.trouble.forget()
        self.store.empty()
        self.sign_ins.forget()
        self.blobs.empty()
        self.found()

    def inventory(self) -> Iterator[tuple[str, str, str]]:
        """(kind, name, immutable id) of everything that somebody can make or remove."""
        holders = (self.directory, self.resources, self.roles, self.registries, self.webhooks)
        for part in (*holders, self.images, self.trust, self.tasks):
            yield from part.inventory()

    def close(self) -> None:
        """Let go of the files."""
        self.store.close()


def open_world(folder: Path, clock: Clock) -> World:
    """The state that a folder (mode 0700, made if need be) holds. Raises Damaged."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = folder / DATABASE
    if (folder / BLOBS).exists() and not (database.exists() and database.stat().st_size):
        raise Damaged(f"{database}: it is {'empty' if database.exists() else 'gone'}")
    store = Store(database)
    faults, trouble = Faults(clock), Trouble(clock)
    issued = Issued(store, now=clock.machine)
    tokens = Tokens(store, issued, now=clock.machine, faults=faults, expired=trouble.note_expired)
    blobs = Blobs(folder / BLOBS)
    tasks = Tasks(store, clock)
    world = World(
        store=store,
        clock=clock,
        faults=faults,
        trouble=trouble,
        issued=issued,
        tokens=tokens,
        directory=Directory(store, issued, clock),
        sign_ins=SignIns(issued, clock),
        resources=Resources(store, clock),
        roles=Roles(store, clock, faults),
        registries=Registries(store, issued, clock, faults),
        webhooks=Webhooks(store, clock),
        blobs=blobs,
        images=Images(store, blobs, clock),
        trust=Trust(store, clock),
        history=History(store, clock, faults),
        tasks=tasks,
        timers=Timers(store, tasks),
        runs=Runs(store, clock),
    )
    world.found()
    return world
