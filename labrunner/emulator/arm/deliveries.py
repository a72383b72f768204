"""Delivers webhooks' events: in the background, once each, to loopback addresses only."""

import asyncio
import ipaddress
import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp

from labrunner.emulator.state.webhooks import Event

if TYPE_CHECKING:
    from labrunner.emulator.world import World

__all__ = ["Deliveries"]

_SECONDS = 5.0
_AT_ONCE = 4
_CONTENT_BYTES = 4096
"""As much of an answer is kept. The recording of `az acr webhook list-events` shows one that was cut near there."""

_LOG = logging.getLogger(__name__)


class Deliveries:
    """Sends what waits in World.webhooks, and says there how it went."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe = world.webhooks.subscribe(self._wake.set)

    def start(self) -> None:
        """Begin, with what an earlier run left."""
        self._wake.set()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Stop. What was not delivered waits for the next start."""
        self._unsubscribe()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        # Neither the proxy nor the credentials of the environment are for others' addresses.
        timeout = aiohttp.ClientTimeout(total=_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout, trust_env=False, auto_decompress=False) as session:
            while True:
                await self._wake.wait()
                self._wake.clear()
                waiting = self._world.webhooks.pending()
                for at in range(0, len(waiting), _AT_ONCE):
                    await asyncio.gather(*(self._deliver(session, event) for event in waiting[at : at + _AT_ONCE]))

    async def _deliver(self, session: aiohttp.ClientSession, event: Event) -> None:
        request = event.request
        address = str(request["requestUri"])
        if not _is_ours(address):
            response = undelivered("the local Azure delivers to http addresses on loopback only")
        else:
            try:
                response = await _post(session, address, request)
            except aiohttp.ClientConnectionError:
                response = undelivered(f"nobody answers at {address}")
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                response = undelivered(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
            except Exception as error:  # noqa: BLE001 - a defect with one event must not keep the others
                _LOG.exception("webhook event %s", event.id)
                response = undelivered(f"the local Azure has a defect here ({type(error).__name__})")
        self._world.webhooks.answered(event.id, response)
        _LOG.info("webhook event %s: %s", event.id, response["statusCode"] or response["reasonPhrase"])


async def _post(session: aiohttp.ClientSession, address: str, request: Mapping[str, Any]) -> dict[str, Any]:
    body = json.dumps(request["content"], separators=(",", ":"), ensure_ascii=False).encode()
    headers = {name: value for name, value in request["headers"].items() if name.lower() != "content-length"}
    async with session.post(address, data=body, headers=headers, allow_redirects=False) as answered:
        content = await answered.content.read(_CONTENT_BYTES)
        return {
            "content": content.decode("utf-8", "replace"),
            "headers": dict(answered.headers),
            "reasonPhrase": answered.reason or "",
            "statusCode": str(answered.status),
            "version": "1.1",
        }


def undelivered(why: str) -> dict[str, Any]:
    """The response of an event that reached nobody. Guess: what Azure shows then is not known."""
    return {
        "content": f"Nothing was delivered: {why}.",
        "headers": {},
        "reasonPhrase": "Not delivered",
        "statusCode": "",
        "version": "1.1",
    }


def _is_ours(address: str) -> bool:
    """Whether an address cannot leave this machine."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        if parts.scheme != "http":
            return False
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
