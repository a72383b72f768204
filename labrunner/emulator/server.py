"""The local Azure as one running thing: its services behind their host names, and the listeners in front of them."""

import asyncio
import errno
import logging
import ssl
import time
from collections.abc import Sequence
from pathlib import Path
from weakref import WeakSet

from aiohttp import web

from labrunner.emulator.agent.schedule import Schedule
from labrunner.emulator.arm.deliveries import Deliveries
from labrunner.emulator.certificates import Authority
from labrunner.emulator.damage import Damaged, said
from labrunner.emulator.overload import failing, is_throttled, throttled
from labrunner.emulator.proxy import serve_proxy
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call, Router, Service
from labrunner.emulator.trouble import SLOW_SECONDS
from labrunner.emulator.world import World

__all__ = ["DOMAINS", "Server", "public_authorities", "services"]

DOMAINS = (
    "management.azure.com",
    "login.microsoftonline.com",
    "graph.microsoft.com",
    "azurecr.io",
    "blob.core.windows.net",
)
"""What the certificate authority may sign for."""

_SMALL = 64 << 10
_LOG = logging.getLogger(__name__)


def services() -> tuple[Service, ...]:
    """All that there are."""
    from labrunner.emulator import acr, arm, entra, graph, runlogs

    return (arm.SERVICE, entra.SERVICE, graph.SERVICE, acr.SERVICE, runlogs.SERVICE)


def public_authorities() -> bytes:
    """The authorities that the client libraries trust anyway (PEM)."""
    import certifi

    return Path(certifi.where()).read_bytes()


class Server:
    """Answers for the emulated hosts, delivers what webhooks are told, and runs tasks that are due."""

    def __init__(self, world: World, parts: Sequence[Service], authority: Authority) -> None:
        self.world = world
        self._parts = [(service, Router(service)) for service in parts]
        self._context: ssl.SSLContext = authority.context()
        self._http = web.Server(self._handle, access_log=None, keepalive_timeout=60.0)
        self._servers: list[asyncio.Server] = []
        self._deliveries = Deliveries(world)
        self._schedule = Schedule(world)
        self._tunnels: WeakSet[asyncio.Transport] = WeakSet()
        self._under_way = 0
        world.faults.subscribe(self._cut)

    async def listen(self, *, proxy: tuple[str, int] | None, tls: tuple[str, int] | None) -> None:
        """Open the listeners. Raises OSError."""
        if proxy is not None:
            server = await serve_proxy(
                *proxy,
                emulated=self.emulated,
                resolves=self.resolves,
                context=self._context,
                handler=self._http,
                admits=self._admits,
            )
            self._servers.append(server)
        if tls is not None:
            loop = asyncio.get_running_loop()
            self._servers.append(await loop.create_server(self._http, *tls, ssl=self._context))
        self._deliveries.start()
        self._schedule.start()

    @property
    def ports(self) -> list[int]:
        """The ports of the listeners, in the order of `listen`'s arguments."""
        return [server.sockets[0].getsockname()[1] for server in self._servers]

    def names(self) -> list[str]:
        """The host names that there are now, as a name server would know them: services', and each registry's."""
        own = [host for service, _ in self._parts for host in service.hosts if not host.startswith("*")]
        return [*own, *(registry.login_server for registry in self.world.registries.all())]

    async def close(self) -> None:
        """Stop listening and end every connection."""
        for server in self._servers:
            server.close()
        await self._deliveries.close()
        await self._schedule.close()
        await self._http.shutdown(timeout=1.0)

    def emulated(self, host: str) -> bool:
        """Whether some service has that host name."""
        return any(service.serves(host) for service, _ in self._parts)

    def resolves(self, host: str) -> bool:
        """Whether an emulated host name is of something that there is now."""
        found = next((service for service, _ in self._parts if service.serves(host)), None)
        return found is not None and (found.resolves is None or found.resolves(self.world, host))

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        host = (request.headers.get("Host") or "").lower().partition(":")[0]
        found = next(((service, router) for service, router in self._parts if service.serves(host)), None)
        if found is None:
            return web.Response(status=421, text=f"The local Azure has no host {host!r}.\n")
        service, router = found
        call = Call(world=self.world, service=service, request=request, host=host)
        began = time.monotonic()
        self._under_way += 1
        try:
            response = await self._answer(call, router)
        finally:
            self._under_way -= 1
        self._judge(call, response, time.monotonic() - began)
        name = call.operation.name if call.operation else "-"
        _LOG.info("%s %s %s%s %s", response.status, request.method, host, request.rel_url.raw_path, name)
        return response

    async def _answer(self, call: Call, router: Router) -> web.StreamResponse:
        service, request = call.service, call.request
        try:
            found = router.find(request.method, request.rel_url.raw_path)
            if found is None:
                raise _not_implemented(call, router)  # noqa: TRY301 - rendered as what a handler raises
            call.operation, call.params = found
            if self.world.faults:
                await self._spoil(call)
            if not call.operation.open:
                await service.admit(call)
            return await call.operation.handler(call)
        except Refusal as refusal:
            return service.render(refusal, call)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Damaged as damage:
            return service.render(Refusal(500, "InternalServerError", f"{said(damage)}."), call)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                return self._defect(call)
            call.full = True
            return service.render(Refusal(500, "InternalServerError", "There is no space left on the disk."), call)
        except Exception:  # noqa: BLE001 - a defect in one operation must not take the others along
            return self._defect(call)

    def _defect(self, call: Call) -> web.StreamResponse:
        """The answer where an exception was not foreseen."""
        _LOG.exception("%s %s%s failed", call.request.method, call.host, call.request.rel_url.raw_path)
        return call.service.render(
            Refusal(500, "InternalServerError", "The local Azure has a defect here; its log says more."), call
        )

    async def _spoil(self, call: Call) -> None:
        """What the faults that are set do to a request before it is answered. Raises Refusal."""
        faults, trouble, name = self.world.faults, self.world.trouble, call.service.name
        registry = self.world.registries.by_host(call.host) if name == "acr" else None
        latency = faults.active("latency", name)
        if latency is not None and latency.concerns(registry.name if registry else ""):
            text = f"{call.service.title} let a request wait for more than {SLOW_SECONDS:g} s."
            meant = latency.step
            call.held = await faults.hold(
                latency, mark=SLOW_SECONDS, tell=lambda: None if meant else trouble.note("slow", text)
            )
        fault = faults.active("throttled", name)
        if fault is not None and is_throttled(call, fault, registry):
            call.meant = fault.step
            raise throttled(call, fault)
        fault = faults.active("server-error", name)
        if fault is not None:
            raise failing(call, fault)

    def _judge(self, call: Call, response: web.StreamResponse, seconds: float) -> None:
        """Note what was answered amiss, whoever caused it. 501 is no trouble: it stays, and says itself what it is."""
        status, title, trouble = response.status, call.service.title, self.world.trouble
        if status == 429 and call.meant:
            pass
        elif status == 429:
            wait = response.headers.get("Retry-After", "some")
            trouble.note("throttled", f"{title} refused a request because there were too many (429): wait {wait} s.")
        elif call.full:
            trouble.note("disk-full", f"{title} could not keep what it was sent: the disk is full.")
        elif status >= 500 and status != 501:
            trouble.note("server-error", f"{title} answered a request with a server error ({status}).")
        if seconds - call.held > SLOW_SECONDS and _is_small(call.request, response):
            trouble.note("slow", f"{title} took {seconds - call.held:.0f} s for an answer.")

    def _admits(self, connection: asyncio.Transport) -> bool:
        if self.world.faults and self.world.faults.active("proxy-down"):
            self._note_refused()
            return False
        self._tunnels.add(connection)
        return True

    def _cut(self, name: str) -> None:
        """A proxy that goes down takes its tunnels along."""
        if name != "proxy-down" or self.world.faults.active(name) is None:
            return
        if self._under_way:
            self._note_refused()
        for connection in list(self._tunnels):
            connection.abort()

    def _note_refused(self) -> None:
        self.world.trouble.note("refused-connection", "The proxy to Azure was down and ended a connection.")


def _is_small(request: web.BaseRequest, response: web.StreamResponse) -> bool:
    """Whether neither body is one that takes its time (a layer)."""
    length = request.content_length or 0
    return isinstance(response, web.Response) and length <= _SMALL and "Transfer-Encoding" not in request.headers


def _not_implemented(call: Call, router: Router) -> Refusal:
    path = call.request.rel_url.raw_path
    what = f"{call.request.method} {path}"
    _LOG.warning("not implemented: %s %s", call.service.name, what)
    allowed = router.methods(path)
    more = f" That path knows {', '.join(allowed)}." if allowed else ""
    return Refusal(
        501,
        "NotImplemented",
        f"labrunner's local Azure does not have the operation {what} of {call.service.title}.{more}",
    )
