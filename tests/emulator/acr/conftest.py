"""A registry in this very process: its clock, its roles and its settings are at hand."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from labrunner.emulator import acr
from labrunner.emulator.certificates import Authority
from labrunner.emulator.clock import Clock
from labrunner.emulator.server import Server
from labrunner.emulator.state.directory import Principal
from labrunner.emulator.state.registries import Registry
from labrunner.emulator.world import World, open_world
from tests.emulator.registry import Raw, over_tls

HOST = "progressacr12345678.azurecr.io"


@dataclass(slots=True)
class Local:
    """world: to be touched through `do`, which runs in the server's thread."""

    bundle: Path
    loop: asyncio.AbstractEventLoop
    world: World = field(init=False)
    port: int = 0
    raws: list[Raw] = field(default_factory=list)
    ahead: float = 0.0
    """How far the machine's clock was moved, in seconds: tokens go by it."""

    def do(self, what: Callable[[], Any]) -> Any:
        async def call() -> Any:
            return what()

        return self.run(call())

    def run(self, what: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(10)

    @property
    def registry(self) -> Registry:
        found = self.do(lambda: self.world.registries.find("progressacr12345678"))
        assert isinstance(found, Registry)
        return found

    def raw(self, credentials: tuple[str, str] | None = None, *, host: str = HOST) -> Raw:
        found = Raw(host, over_tls(host, self.port, self.bundle), credentials)
        self.raws.append(found)
        return found

    def operator(self, *scopes: str) -> Raw:
        return self.raw(self.do(self.world.directory.operator)).use(*scopes)

    def principal(self, *roles: str) -> tuple[Principal, tuple[str, str]]:
        """A service principal with these roles in the registry, and its credentials."""
        directory, world, registry = self.world.directory, self.world, self.registry

        def make() -> tuple[Principal, tuple[str, str]]:
            application = directory.add_application("lab", owner="", properties={})
            made = directory.add_service_principal(application, properties={})
            now = world.clock.now()
            _, secret = directory.add_secret(application, name="s", starts=now, ends=now + 7200)
            for name in roles:
                role = world.roles.role_named(name)
                assert role is not None
                world.roles.assign(made.object_id, role.id, registry.id, principal_type="ServicePrincipal")
            principal = directory.principal(made.object_id)
            assert principal is not None
            return principal, (application.app_id, secret)

        found: tuple[Principal, tuple[str, str]] = self.do(make)
        return found


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"), ("azurecr.io",), public=b"")


@pytest.fixture
def local(tmp_path: Path, tls: Authority) -> Iterator[Local]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    here = Local(tls.bundle, loop)
    try:
        world = open_world(tmp_path / "azure", Clock(machine=lambda: time.time() + here.ahead))
        here.world = world
        server = here.do(lambda: Server(world, [acr.SERVICE], tls))
        try:
            here.do(lambda: _seed(world))
            here.run(server.listen(proxy=None, tls=("127.0.0.1", 0)))
            here.port = server.ports[0]
            yield here
        finally:
            for raw in here.raws:
                raw.close()
            here.run(server.close())
            here.run(loop.shutdown_default_executor())
            world.close()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def _seed(world: World) -> None:
    world.resources.ensure_group("progress-labs", "eastus")
    for name in ("progressacr12345678", "otheracr12345678"):
        registry = world.registries.ensure(
            group="progress-labs",
            name=name,
            location="eastus",
            sku="Premium",
            subscription=world.resources.subscription,
        )
        world.webhooks.ensure(
            registry, name="mypushhook", actions=["push", "delete"], service_uri="https://example.com"
        )
