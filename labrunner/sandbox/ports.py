"""A port of a sandbox, led out to this machine: for the browser that the sandbox does not have.

It listens on loopback only. What connects there is joined with a connection made inside. Nothing of the sandbox's or
the machine's network is changed: one thread makes its sockets inside, all the rest is copying.
"""

import asyncio
import errno
import os
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from labrunner.sandbox import kernel
from labrunner.sandbox.errors import SandboxError

__all__ = ["LOOPBACK", "Lead", "listening"]

LOOPBACK = "127.0.0.1"
_CONNECTING_SECONDS = 5.0
_PIECE = 65536
_BACKLOG = 64
_REMEDY = "`labrunner sandbox status` says how it is."
_ENDS = (signal.SIGINT, signal.SIGTERM)


def listening(port: int) -> socket.socket:
    """A socket of this machine that listens on loopback; on another port where that one is taken.

    Raises SandboxError.
    """
    for wanted in (port, 0):
        listener = socket.socket(socket.AF_INET)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((LOOPBACK, wanted))
            listener.listen(_BACKLOG)
        except OSError as error:
            listener.close()
            if wanted and error.errno in (errno.EADDRINUSE, errno.EACCES):
                continue
            raise SandboxError(f"{LOOPBACK} cannot be listened on: {error.strerror}", "Try again.") from error
        listener.settimeout(0)
        return listener
    raise AssertionError  # the second turn returns or raises


class Lead:
    """Leads what connects to `listener` to a port inside, until the person or the sandbox ends it."""

    def __init__(self, pid: int, port: int, listener: socket.socket) -> None:
        """pid: the sandbox's first process. port: inside, at its loopback address."""
        self._pid = pid
        self._port = port
        self._listener = listener
        self._open: set[asyncio.Task[None]] = set()
        self._inside = ThreadPoolExecutor(1, "inside")

    def run(self, ready: Callable[[bool], None]) -> bool:
        """Lead to the end; False when it was the sandbox that ended.

        ready: called once it leads, with whether something listens inside. Raises SandboxError.
        """
        try:
            return asyncio.run(self._run(ready))
        finally:
            self._inside.shutdown(wait=False, cancel_futures=True)
            self._listener.close()

    async def _run(self, ready: Callable[[bool], None]) -> bool:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[bool] = loop.create_future()

        def end(by_person: bool) -> None:  # noqa: FBT001 - the callback's one argument
            if not ended.done():
                ended.set_result(by_person)

        try:
            process = os.pidfd_open(self._pid)
            await loop.run_in_executor(self._inside, kernel.enter_network, self._pid)
        except OSError as error:
            raise SandboxError(f"the sandbox's network cannot be entered: {error.strerror}", _REMEDY) from error
        loop.add_reader(process, end, False)  # noqa: FBT003
        for number in _ENDS:
            loop.add_signal_handler(number, end, True)  # noqa: FBT003
        accepting = None
        try:
            probe = await self._connect()
            accepting = asyncio.create_task(self._accept())
            ready(probe is not None)
            if probe is not None:
                probe.close()
            return await ended
        finally:
            for number in _ENDS:
                loop.remove_signal_handler(number)
            loop.remove_reader(process)
            os.close(process)
            tasks = [task for task in (accepting, *self._open) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                outside, _ = await loop.sock_accept(self._listener)
            except OSError:  # the one that came is gone again, or there are too many open
                await asyncio.sleep(0.05)
                continue
            task = asyncio.create_task(self._join(outside))
            self._open.add(task)
            task.add_done_callback(self._open.discard)

    async def _join(self, outside: socket.socket) -> None:
        try:
            inside = await self._connect()
            if inside is None:
                return
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(_copy(outside, inside))
                    both.create_task(_copy(inside, outside))
            except* OSError:  # one of the two has gone: so goes the other
                pass
            finally:
                inside.close()
        finally:
            outside.close()

    async def _connect(self) -> socket.socket | None:
        """A connection to the port inside; None when nobody listens there."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._inside, _connected, self._port)
        except OSError:
            return None


def _connected(port: int) -> socket.socket:
    """Made in the thread that is inside."""
    made = socket.create_connection((LOOPBACK, port), timeout=_CONNECTING_SECONDS)
    made.settimeout(0)
    return made


async def _copy(source: socket.socket, target: socket.socket) -> None:
    """To the end of `source`; then `target` is told that no more comes. Raises OSError."""
    loop = asyncio.get_running_loop()
    while data := await loop.sock_recv(source, _PIECE):
        await loop.sock_sendall(target, data)
    with suppress(OSError):  # it has closed already
        target.shutdown(socket.SHUT_WR)
