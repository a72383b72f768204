"""The control socket: what the sandbox, and nobody inside a lab, asks of the local Azure. HTTP on a unix socket.

GET  /status                    {"pid", "started", "tenant", "subscription", "user", "clock_offset"}
GET  /operator                  {"client_id", "client_secret"}: the identity that checks ask with
POST /seed                      make what a course declares, where it is missing
POST /reset                     as new
GET  /secrets                   a stream, one JSON text per line: all secrets that were issued, then each new one
GET  /inventory                 [[kind, name, id], ...]
POST /remove                    of such a list, what its names still mean: ["" or why it stays, ...] in its order
GET  /device-codes              {"pending": [user code, ...]}
POST /device-codes/CODE/approve the sandbox's user signs in with that code
"""

import asyncio
import json
import os
import socket
import struct
from typing import TYPE_CHECKING, Any

from aiohttp import web

from labrunner.emulator.removal import read_things, remove
from labrunner.emulator.seed import SeedError, apply

if TYPE_CHECKING:
    from labrunner.emulator.world import World

__all__ = ["Control"]


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

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:  # noqa: PLR0911 - one for each request
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
