"""The control socket: what the sandbox, and nobody inside a lab, asks of the local Azure. HTTP on a unix socket.

GET  /status                    {"pid", "started", "tenant", "subscription", "user", "clock_offset"}
GET  /operator                  {"client_id", "client_secret"}: the identity that checks ask with
POST /seed                      make what a course declares, where it is missing
POST /seed/registry             have a registry, and the user's roles at it (`seed.arrange`): {"refused": "" or why}
POST /seed/images               have in a repository what it has from the past (`past`): {"refused": "" or why}
POST /reset                     as new
GET  /secrets                   a stream, one JSON text per line: all secrets that were issued, then each new one
GET  /inventory                 [[kind, name, id], ...]
POST /remove                    of such a list, what its names still mean: ["" or why it stays, ...] in its order
GET  /device-codes              {"pending": [user code, ...]}
POST /device-codes/CODE/approve the sandbox's user signs in with that code
POST /clock                     {"offset": seconds}: how far the emulator's clock is ahead of the machine's. What is due
                                by then has run when this is answered
GET  /faults                    {"faults": [fault, ...]}: those that are set now
POST /faults                    {"name", "seconds": how long, or null, ...}: set one (`faults`); the fault
DELETE /faults[/NAME]           end one, or all: {"cleared": [name, ...]}
DELETE /faults?of=step          end those that a step of a lab wanted
GET  /trouble?since=SEQ         {"seq", "trouble": [{"kind", "count", "text", "last"}, ...], "settling": [text, ...]}:
                                what was answered amiss after number SEQ, the latest kind first (`trouble`); the number
                                to ask with next time; what will become true by itself. last: by the emulator's clock
"""

import asyncio
import json
import os
import socket
import struct
from typing import TYPE_CHECKING, Any

from aiohttp import web

from labrunner.emulator.past import bring_about
from labrunner.emulator.removal import read_things, remove
from labrunner.emulator.seed import SeedError, apply, arrange
from labrunner.emulator.trouble import settling

if TYPE_CHECKING:
    from labrunner.emulator.world import World

__all__ = ["Control"]

_FARTHEST = 10 * 365 * 24 * 3600.0


class Control:
    """Answers on the control socket, and only the user who runs this program."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._started = world.clock.now()
        self._runner: web.ServerRunner | None = None

    async def listen(self, listener: socket.socket) -> None:
        """Serve on a bound unix socket."""
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.5)
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()

    async def close(self) -> None:
        """Idempotent."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:  # noqa: PLR0911, PLR0912 - one for each
        if not _is_peer_ours(request):
            return _json({"error": "the control socket answers its own user only"}, 403)
        try:
            match (request.method, *request.path.strip("/").split("/")):
                case ("GET", "status"):
                    return _json(self._status())
                case ("GET", "operator"):
                    identity, secret = self._world.directory.operator()
                    return _json({"client_id": identity, "client_secret": secret})
                case ("POST", "seed"):
                    apply(self._world, json.loads(await request.read()))
                    return _json({})
                case ("POST", "seed", "registry"):
                    return _json({"refused": arrange(self._world, json.loads(await request.read()))})
                case ("POST", "seed", "images"):
                    return _json({"refused": bring_about(self._world, json.loads(await request.read()))})
                case ("POST", "reset"):
                    self._world.reset()
                    return _json({})
                case ("GET", "secrets"):
                    return await self._secrets(request)
                case ("GET", "inventory"):
                    return _json(sorted(self._world.inventory()))
                case ("POST", "remove"):
                    return _json(remove(self._world, read_things(json.loads(await request.read()))))
                case ("GET", "device-codes"):
                    return _json({"pending": self._world.sign_ins.pending()})
                case ("POST", "device-codes", code, "approve"):
                    user = self._world.directory.signed_in_user()
                    known = self._world.sign_ins.approve(code, user)
                    return _json({} if known else {"error": f"no sign-in waits for code {code}"}, 200 if known else 404)
                case ("POST", "clock"):
                    return _json(self._move_clock(json.loads(await request.read())))
                case ("GET" | "POST" | "DELETE", "faults", *name) if len(name) <= 1:
                    of_step = request.query.get("of") == "step"
                    return _json(self._faults(request.method, "".join(name), await request.read(), of_step=of_step))
                case ("GET", "trouble"):
                    return _json(self._trouble(int(request.query.get("since", "0"))))
        except (SeedError, ValueError) as error:
            return _json({"error": str(error)}, 400)
        return _json({"error": f"unknown: {request.method} {request.path}"}, 404)

    def _status(self) -> dict[str, Any]:
        world = self._world
        return {
            "pid": os.getpid(),
            "started": self._started,
            "tenant": world.directory.tenant,
            "subscription": world.resources.subscription,
            "user": world.directory.signed_in_user().name,
            "clock_offset": world.clock.offset,
        }

    def _move_clock(self, wanted: object) -> dict[str, Any]:
        offset = wanted.get("offset") if isinstance(wanted, dict) else None
        if isinstance(offset, bool) or not isinstance(offset, int | float) or not abs(offset) <= _FARTHEST:
            raise ValueError(f'the clock needs {{"offset": seconds}}, at most {_FARTHEST:.0f} of them')
        self._world.clock.move(float(offset))
        self._world.faults.wake()
        return {"clock_offset": self._world.clock.offset}

    def _faults(self, method: str, name: str, body: bytes, *, of_step: bool) -> dict[str, Any]:
        faults = self._world.faults
        if method == "DELETE":
            return {"cleared": faults.clear(name, of_step=of_step)}
        if name:
            raise ValueError(f"a fault is set by POST /faults, and ended by DELETE /faults/{name}")
        if method == "POST":
            return faults.put(json.loads(body)).json()
        return {"faults": [fault.json() for fault in faults.all()]}

    def _trouble(self, since: int) -> dict[str, Any]:
        trouble = self._world.trouble
        return {"seq": trouble.seq, "trouble": trouble.since(since), "settling": settling(self._world)}

    async def _secrets(self, request: web.BaseRequest) -> web.StreamResponse:
        """Written synchronously as a secret is issued: whoever reads later than an answer finds its secrets here."""
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        transport = request.transport
        if transport is None:
            return response
        told: list[str] = []
        end = self._world.issued.subscribe(told.append)  # first: between the known ones and the new, none may be missed
        try:
            for value in self._world.issued.all():
                await response.write(json.dumps(value).encode() + b"\n")
            await response.write(b"\n")
        finally:
            end()

        def tell(value: str) -> None:
            line = json.dumps(value).encode() + b"\n"
            transport.write(b"%x\r\n%s\r\n" % (len(line), line))  # a chunk of the stream, at once

        for value in told:
            tell(value)
        end = self._world.issued.subscribe(tell)
        try:
            while not transport.is_closing():
                await asyncio.sleep(1.0)
        finally:
            end()
        return response


def _is_peer_ours(request: web.BaseRequest) -> bool:
    peer = request.transport.get_extra_info("socket") if request.transport else None
    if peer is None:
        return False
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return bool(struct.unpack("3i", credentials)[1] == os.getuid())


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=json.dumps(value).encode(), headers={"Content-Type": "application/json"})
