"""The CONNECT proxy (RFC 9110, 9.3.6): emulated hosts are answered here, all others are refused in clear words.

The tunnel to an emulated host ends in this very process: TLS is laid over the accepted connection, so no byte is
copied from one socket to another.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress

__all__ = ["serve_proxy"]

_HEAD_LIMIT = 16 << 10
_HEAD_SECONDS = 30.0

Emulated = Callable[[str], bool]
HandlerFactory = Callable[[], asyncio.Protocol]


async def serve_proxy(
    host: str,
    port: int,
    *,
    emulated: Emulated,
    resolves: Emulated = bool,
    context: ssl.SSLContext,
    handler: HandlerFactory,
    admits: Callable[[asyncio.Transport], bool] = bool,
) -> asyncio.Server:
    """Listen. emulated(host name) decides; handler makes the HTTP protocol that serves a tunnel's inside.

    admits(connection): whether a new connection may stay; it is ended without a word otherwise.
    resolves(host name) of an emulated one: whether there is such a host, or the client hears that there is none.
    """
    loop = asyncio.get_running_loop()
    return await loop.create_server(
        lambda: _Connection(
            loop, emulated=emulated, resolves=resolves, context=context, handler=handler, admits=admits
        ),
        host,
        port,
    )


class _Connection(asyncio.Protocol):
    """One client's connection, until its tunnel stands or it is refused."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        emulated: Emulated,
        resolves: Emulated,
        context: ssl.SSLContext,
        handler: HandlerFactory,
        admits: Callable[[asyncio.Transport], bool],
    ) -> None:
        self._loop = loop
        self._emulated = emulated
        self._resolves = resolves
        self._context = context
        self._handler = handler
        self._admits = admits
        self._head = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if not self._admits(transport):
            transport.abort()
            return
        self._transport = transport
        self._timer = self._loop.call_later(_HEAD_SECONDS, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the Protocol's
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._head += data
        if self._task is not None:
            return
        end = self._head.find(b"\r\n\r\n")
        if end < 0 and len(self._head) <= _HEAD_LIMIT:
            return
        if end < 0:
            self._refuse(431, "Request Header Fields Too Large", "The request's head is too large.")
            return
        words = bytes(self._head[:end]).split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            self._refuse(400, "Bad Request", "This is an HTTP proxy: CONNECT host:443 HTTP/1.1")
        elif words[0] != "CONNECT":
            self._refuse(403, _closed(words[1]), "Only https is there, by CONNECT.")
        else:
            self._connect(words[1], rest=len(self._head) - end - 4)

    def _connect(self, authority: str, *, rest: int) -> None:
        host, _, port = authority.lower().rpartition(":")
        if port != "443" or not self._emulated(host):
            self._refuse(403, _closed(authority), "There is a local Azure here, and no way out.")
        elif not self._resolves(host):
            # What Go's clients show for a name that nobody has.
            self._refuse(502, f"lookup {_clean(host)}: no such host", "The local Azure has no such host.")
        elif rest:
            self._refuse(400, "Bad Request", "Wait for the answer before you begin with TLS.")
        else:
            self._task = self._loop.create_task(self._tunnel())

    async def _tunnel(self) -> None:
        transport = self._transport
        assert transport is not None
        if self._timer is not None:
            self._timer.cancel()
        transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        early = _Early()
        try:
            secured = await self._loop.start_tls(transport, early, self._context, server_side=True)
        except (OSError, ssl.SSLError, asyncio.CancelledError):
            transport.abort()
            return
        if secured is None or early.lost:
            transport.abort()
            return
        handler = self._handler()
        secured.set_protocol(handler)
        handler.connection_made(secured)
        if early.data:
            handler.data_received(bytes(early.data))
        if early.ended:
            with suppress(OSError):
                handler.eof_received()

    def _refuse(self, status: int, reason: str, text: str) -> None:
        if self._transport is None:
            return
        body = f"{reason}\n{text}\n".encode("latin-1", "replace")
        head = (
            f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self._transport.write(head.encode("latin-1", "replace") + body)
        self._transport.close()


class _Early(asyncio.Protocol):
    """Holds what a fast client sends between the end of the handshake and the handler's first breath."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.ended = False
        self.lost = False

    def data_received(self, data: bytes) -> None:
        self.data += data

    def eof_received(self) -> bool:
        self.ended = True
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the Protocol's
        self.lost = True


def _closed(host: str) -> str:
    """The reason phrase, which Go's clients and requests show: it has to say it all."""
    return f"The sandbox has no way to {_clean(host)}: only the local Azure is here"


def _clean(host: str) -> str:
    return "".join(char for char in host if char.isprintable())[:200]
