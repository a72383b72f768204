"""`python -m labrunner.emulator`: the local Azure by itself."""

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from labrunner.emulator.damage import STATUS, Damaged, said

__all__ = ["main"]


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host, int(port)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m labrunner.emulator",
        description="A local stand-in for the parts of Azure that container images need. See docs/emulator.md.",
    )
    parser.add_argument("--state", type=Path, required=True, metavar="DIR", help="where everything is kept")
    parser.add_argument(
        "--proxy", type=_address, default=("127.0.0.1", 3128), metavar="HOST:PORT", help="the CONNECT proxy"
    )
    parser.add_argument("--tls", type=_address, metavar="HOST:PORT", help="also listen for TLS without a proxy")
    parser.add_argument(
        "--hosts", type=Path, metavar="FILE", help="a hosts file that is to lead every name to the address of --tls"
    )
    parser.add_argument("--control", metavar="PATH", help="the control socket")
    parser.add_argument("--control-fd", type=int, metavar="N", help="the control socket, already bound")
    parser.add_argument("--seed", type=Path, metavar="FILE.json", help="registries to begin with")
    return parser


def main(words: Sequence[str]) -> int:
    """Run until told to stop; exit status 4 when it cannot start, `damage.STATUS` when its state is damaged."""
    parser = _arguments()
    arguments = parser.parse_args(words)
    if arguments.hosts and not arguments.tls:
        parser.error("--hosts needs --tls: a name leads to an address where somebody listens for TLS")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    os.umask(0o077)
    try:
        asyncio.run(_serve(arguments))
    except OSError as error:
        sys.stderr.write(f"the local Azure cannot start: {error}\n")
        return 4
    except Damaged as damage:
        sys.stderr.write(f"{said(damage)}\n")
        return STATUS
    return 0


async def _serve(arguments: argparse.Namespace) -> None:
    """Until told to stop. Raises OSError, and Damaged when the state is damaged, or is by then."""
    from labrunner.emulator.certificates import Authority
    from labrunner.emulator.clock import Clock
    from labrunner.emulator.control import Control
    from labrunner.emulator.hosts import Hosts
    from labrunner.emulator.server import DOMAINS, Server, public_authorities, services
    from labrunner.emulator.world import open_world

    world = open_world(arguments.state, Clock())
    if arguments.seed:
        import json

        from labrunner.emulator.seed import apply

        apply(world, json.loads(arguments.seed.read_text(encoding="utf-8")))
    authority = Authority(arguments.state / "tls", DOMAINS, public=public_authorities())
    server = Server(world, services(), authority)
    control = Control(world)
    stop = asyncio.Event()
    damages: list[Damaged] = []
    world.store.damaged(damages.append)
    world.store.damaged(lambda _: stop.set())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await server.listen(proxy=arguments.proxy, tls=arguments.tls)
        if arguments.hosts:
            hosts = Hosts(arguments.hosts, arguments.tls[0], server.names)
            hosts.write()
            world.store.committed(hosts.follow)  # so that whoever made a registry finds it as soon as he is answered
        listener = _control_socket(arguments)
        if listener is not None:
            await control.listen(listener)
        host, _ = arguments.proxy
        sys.stdout.write(f"HTTPS_PROXY=http://{host}:{server.ports[0]}\nSSL_CERT_FILE={authority.bundle}\n")
        sys.stdout.flush()
        await stop.wait()
        if damages:
            raise damages[0]
    finally:
        await control.close()
        await server.close()
        world.close()


def _control_socket(arguments: argparse.Namespace) -> socket.socket | None:
    if arguments.control_fd is not None:
        return socket.socket(fileno=arguments.control_fd)
    if arguments.control is None:
        return None
    Path(arguments.control).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(arguments.control)
    return listener


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
