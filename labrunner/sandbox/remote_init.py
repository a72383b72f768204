"""PID 1 of a sandbox's remote host: makes a machine within the sandbox's, with a Docker Engine and ssh of its own.

    python -m labrunner.sandbox.remote_init CONFIG.json

Held by the sandbox's supervisor, in namespaces of its own below the sandbox's: it ends with them at the latest, and
everything on the remote host with it. When its engine or its ssh ends, it ends too: the supervisor starts the whole
anew. Whoever connects to its control socket (`LISTENER`) is told how it is, in one JSON line, and learns its process
id from the socket itself. Standard library only.
"""

import contextlib
import json
import os
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from labrunner.sandbox import kernel, resume
from labrunner.sandbox.cgroups import kill_group, remove_group
from labrunner.sandbox.engine import EngineSpec, arguments, storage_driver
from labrunner.sandbox.environment import NETMASK, REMOTE_ADDRESS, REMOTE_NAME, REMOTE_NEIGHBOUR
from labrunner.sandbox.rootfs import Plan, build
from labrunner.sandbox.services import LISTENER, Service

__all__ = ["main"]

_CABLE = ("remote0", "eth0")
_REQUEST_SECONDS = 1.0


def _engine_line(spec: EngineSpec, also: str) -> list[str]:
    """As of a machine that was switched on: what ran in the engine's data is noted, to be started again.

    also: a second address that it listens at.
    """
    before = resume.kept(spec.data)
    known = {entry.id for entry in before}
    ran = resume.ran(spec.data, is_alive=lambda *_: True)
    resume.keep(spec.data, [*before, *(entry for entry in ran if entry.id not in known)])
    return [*arguments(spec, driver=storage_driver(spec.data)), f"--host={also}"]


def _connect(sandbox: int) -> None:
    """A cable to the sandbox's network (a descriptor of it), and addresses at both of its ends. Raises OSError."""
    own = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    near, far = _CABLE
    try:
        kernel.enter_open_network(sandbox)
        kernel.link_networks(near, own, far)
        kernel.add_address(near, REMOTE_NEIGHBOUR, NETMASK)
        kernel.interface_up(near)
    finally:
        kernel.enter_open_network(own)
        os.close(own)
    kernel.add_address(far, REMOTE_ADDRESS, NETMASK)
    kernel.interface_up(far)
    kernel.interface_up("lo")


def _serve(control: socket.socket, services: dict[str, Service]) -> None:
    """Until one of the services has ended."""
    wake, waker = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(waker, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker)
    poll = select.poll()
    poll.register(wake, select.POLLIN)
    poll.register(control, select.POLLIN)
    while _all_run(services):
        for descriptor, _ in poll.poll():
            if descriptor == wake:
                os.read(wake, 4096)
                continue
            with contextlib.suppress(OSError):
                connection, _ = control.accept()
                with connection:
                    connection.settimeout(_REQUEST_SECONDS)
                    report = {name: service.report() for name, service in services.items()}
                    connection.sendall(json.dumps(report).encode() + b"\n")


def _all_run(services: dict[str, Service]) -> bool:
    """Reap who has ended; whether all services run."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            pid = 0
        if not pid:
            return all(service.pid for service in services.values())
        for name, service in services.items():
            if service.pid == pid:
                service.note_end(status)
                sys.stderr.write(f"{name} {service.end}\n")


def _services(config: dict[str, Any]) -> dict[str, Service]:
    spec = EngineSpec(**config["engine"])
    ssh = config["ssh"]
    return {
        "engine": Service(
            line=lambda: _engine_line(spec, config["engine_also"]), env=config["engine_env"], log=config["engine_log"]
        ),
        "ssh": Service(line=lambda: ssh["line"], env=ssh["env"], log=ssh["log"]),
    }


def main(words: list[str]) -> int:
    """Make the machine and hold it."""
    config = json.loads(Path(words[0]).read_text(encoding="utf-8"))["remote"]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.umask(0o022)
    control = socket.socket(fileno=LISTENER)
    control.set_inheritable(False)
    sandbox = os.open("/proc/1/ns/net", os.O_RDONLY | os.O_CLOEXEC)  # /proc is still the one of the sandbox
    build(Plan.of(config["plan"]))
    _connect(sandbox)
    os.close(sandbox)
    socket.sethostname(REMOTE_NAME)
    for act in (kill_group, remove_group):
        act("/sys/fs/cgroup", config["engine"]["group"])
    services = _services(config)
    Path(config["ssh"]["ready"]).unlink(missing_ok=True)
    for service in services.values():
        service.start()
    control.listen(8)
    _serve(control, services)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
