"""The ssh server of a sandbox's remote host (RFC 4254, sessions alone): terminals, single commands, exit statuses.

    python -m labrunner.sandbox.remote_ssh CONFIG.json

It lets everybody in as `user` without asking: only the sandbox reaches it, and a learner has no key to lose. A terminal
session runs an interactive bash. When somebody has left the name of a start file in the `door` file, the next such bash
reads that one and no other (`shell.far`: that is how its commands are followed); the door is shut again then.
"""

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import struct
import sys
import termios
from pathlib import Path
from typing import Any

import asyncssh

from labrunner.sandbox.environment import REMOTE_ADDRESS, REMOTE_NAME, REMOTE_USER

__all__ = ["main"]

_PIECE = 65536
_PLAIN = ("bash", "--noprofile", "--norc", "-i")
_PROMPT = f"{REMOTE_USER}@{REMOTE_NAME}:\\w\\$ "


class _Entrance(asyncssh.SSHServer):
    """Whom it lets in: `user`, who needs no proof."""

    def begin_auth(self, username: str) -> bool:
        """Whether a proof is needed; nobody else has one."""
        return username != REMOTE_USER


class _Sessions:
    """What a session runs, and how its bytes get there and back."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._env: dict[str, str] = config["session_env"]
        self._home: str = config["home"]
        self._door: str = config["door"]

    async def serve(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        """One session, to its end."""
        try:
            if process.term_type is None:
                status = await self._plain(process)
            else:
                status = await self._terminal(process, process.term_type)
        except (OSError, asyncssh.Error) as error:
            process.stderr.write(f"{error}\n".encode())
            status = 1
        process.exit(status)

    async def _plain(self, process: "asyncssh.SSHServerProcess[bytes]") -> int:
        line = ["bash", "-c", process.command] if process.command else ["bash"]
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(
            *line, stdin=pipe, stdout=pipe, stderr=pipe, env=self._env, cwd=self._home, start_new_session=True
        )
        await process.redirect(stdin=child.stdin, stdout=child.stdout, stderr=child.stderr)
        status = await child.wait()
        await process.stdout.drain()
        return status if status >= 0 else 128 - status

    async def _terminal(self, process: "asyncssh.SSHServerProcess[bytes]", kind: str) -> int:
        master, slave = os.openpty()
        try:
            _resize(master, process.term_size[0], process.term_size[1])
            os.set_blocking(master, False)
            env = {**self._env, "TERM": kind, "PS1": _PROMPT}
            line = self._line(process.command)
            if "--rcfile" in line:  # whoever follows it has terminals so, see `shell.terminal`
                modes = termios.tcgetattr(slave)
                modes[1] &= ~termios.OPOST
                termios.tcsetattr(slave, termios.TCSANOW, modes)
            child = await asyncio.create_subprocess_exec(
                *("setsid", "--ctty", *line),
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env=env,
                cwd=self._home,
            )
        except BaseException:
            os.close(master)
            raise
        finally:
            os.close(slave)
        typing = asyncio.create_task(_type(process, master))
        try:
            ended = asyncio.create_task(child.wait())
            await _show(process, master, ended)
            if not ended.done():
                os.close(master)  # the client has gone: hang up
                master = -1
            status = await ended
        finally:
            typing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await typing
            if master >= 0:
                os.close(master)
        return status if status >= 0 else 128 - status

    def _line(self, command: str | None) -> list[str]:
        if command:
            return ["bash", "-c", command]
        try:
            start = Path(self._door).read_text(encoding="utf-8")
            Path(self._door).unlink()
        except OSError:
            return list(_PLAIN)
        return ["bash", "--noprofile", "--noediting", "--rcfile", start, "-i"]


async def _show(process: "asyncssh.SSHServerProcess[bytes]", master: int, ended: "asyncio.Task[int]") -> None:
    """What the terminal says goes to the client, until that has gone or the shell has ended; others may go on with the
    terminal then."""
    loop = asyncio.get_running_loop()
    closed = asyncio.ensure_future(process.channel.wait_closed())
    try:
        await _pass_on(process, master, ended, closed, loop)
    finally:
        closed.cancel()


async def _pass_on(
    process: "asyncssh.SSHServerProcess[bytes]",
    master: int,
    ended: "asyncio.Task[int]",
    closed: "asyncio.Future[None]",
    loop: asyncio.AbstractEventLoop,
) -> None:
    while not closed.done():
        readable = loop.create_future()
        loop.add_reader(master, _tell, readable)
        try:
            await asyncio.wait((readable, closed, ended), return_when=asyncio.FIRST_COMPLETED)
        finally:
            loop.remove_reader(master)
        try:
            data = os.read(master, _PIECE)
        except BlockingIOError:
            if ended.done():
                return
            continue
        except OSError:  # EIO: the last one has let go of the terminal
            return
        process.stdout.write(data)
        await process.stdout.drain()


async def _type(process: "asyncssh.SSHServerProcess[bytes]", master: int) -> None:
    """What the client types goes to the terminal, and so does the size of its own."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            data = await process.stdin.read(_PIECE)
        except asyncssh.TerminalSizeChanged as change:
            _resize(master, change.width, change.height)
            continue
        except (asyncssh.BreakReceived, asyncssh.SignalReceived):
            continue
        if not data:
            return
        while data:
            try:
                data = data[os.write(master, data) :]
            except BlockingIOError:
                writable = loop.create_future()
                loop.add_writer(master, _tell, writable)
                try:
                    await writable
                finally:
                    loop.remove_writer(master)


def _tell(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)


def _resize(terminal: int, columns: int, lines: int) -> None:
    if columns and lines:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


def _host_key(path: Path) -> asyncssh.SSHKey:
    """The machine's key, made when it is first switched on; its public half stands beside it."""
    if not path.exists():
        beside = path.with_suffix(".new")
        asyncssh.generate_private_key("ssh-ed25519", comment=REMOTE_NAME).write_private_key(str(beside))
        beside.chmod(0o600)
        beside.replace(path)
    key = asyncssh.read_private_key(str(path))
    key.write_public_key(f"{path}.pub")
    return key


async def _serve(config: dict[str, Any]) -> None:
    sessions = _Sessions(config)
    server = await asyncssh.create_server(
        _Entrance,
        REMOTE_ADDRESS,
        22,
        server_host_keys=[_host_key(Path(config["key"]))],
        process_factory=sessions.serve,
        encoding=None,
        line_editor=False,
        gss_host=None,
    )
    Path(config["ready"]).write_text(f"{os.getpid()}\n", encoding="ascii")
    await server.wait_closed()


def main(words: list[str]) -> int:
    """Serve until killed."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    config = json.loads(Path(words[0]).read_text(encoding="utf-8"))["remote"]["ssh"]
    asyncio.run(_serve(config))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
