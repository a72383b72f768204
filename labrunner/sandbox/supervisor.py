"""PID 1 of a private machine: makes it, starts the engine and the local Azure, reaps, answers on the control socket.

    python -m labrunner.sandbox.supervisor CONFIG.json DESCRIPTOR

It writes to the descriptor when the machine is made, and closes it.

Run by `sandbox.machine` in fresh namespaces. When it ends, the kernel ends everything that runs inside; so nothing has
to be remembered for a crash. It knows nothing of labs. Standard library only, and little of it: it has to start fast.

The control socket takes one JSON line `{"do": ..., "what": [...]}` and gives one back: "status", "start" (what does not
run of engine, local Azure and what `what` names: "remote" for the remote host; harmless when all do), "renew" (as
"start", after what `what` names was killed), "end" (what `what` names is killed, and not started again), "stop" (all
end in order, then everything does), "fault" (set the outage that `what` names, for as many seconds as it says, or
without: until it is cleared), "clear" (end those that `what` names, or all).
"""

import fcntl
import hashlib
import json
import os
import selectors
import signal
import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from labrunner.sandbox import engine, kernel, resume
from labrunner.sandbox.cgroups import remove_group
from labrunner.sandbox.engine import EngineSpec, arguments, storage_driver
from labrunner.sandbox.environment import ADDRESS
from labrunner.sandbox.errors import SandboxError
from labrunner.sandbox.fullness import Fullness, engine_places, kept_places
from labrunner.sandbox.layout import FORMAT
from labrunner.sandbox.lock import Lock
from labrunner.sandbox.outages import Act, Outages
from labrunner.sandbox.remains import clear_engine
from labrunner.sandbox.rootfs import Plan, build
from labrunner.sandbox.services import LISTENER, Service, bind_beside

__all__ = ["Supervisor", "main"]

_STOP_SECONDS = 6.0
_KILL_SECONDS = 3.0
_REQUEST_SECONDS = 1.0
_REVIVE_SECONDS = 60.0
_POLL_SECONDS = 0.02
_ENGINE_STOP_SECONDS = 4.0  # more than its --shutdown-timeout


class Supervisor:
    """The state of one private machine, and its loop."""

    def __init__(self, config: dict[str, Any], control: socket.socket, run: int) -> None:
        """run: a descriptor of the sandbox's run folder, to which no path leads inside."""
        self._config = config
        self._spec = EngineSpec(**config["engine"])
        self._control = control
        self._began = time.monotonic()
        self._stop_at = 0.0
        self._is_first = True
        self._trusted = ""
        self._run = run
        azure, remote = config["azure"], config["remote"]
        self._wanted = {"engine", "azure"}  # the remote host from when it was asked for
        self._services = {
            "engine": Service(line=self._engine_line, env=config["engine_env"], log=config["engine_log"]),
            "azure": Service(
                line=lambda: [*azure["line"], f"--control-fd={LISTENER}"],
                env=azure["env"],
                log=azure["log"],
                listener=lambda: bind_beside(run, azure["control"]),
            ),
            "remote": Service(
                line=lambda: remote["line"],
                env={"PATH": config["path"], "LANG": "C.UTF-8"},
                log=remote["log"],
                listener=lambda: bind_beside(run, remote["control"]),
            ),
        }
        folder = config["folder"]
        self._fullness = Fullness(
            [*engine_places(self._spec.data), f"{folder}/azure/blobs", f"{folder}/home", "/tmp"],  # noqa: S108
            [f"{folder}/work"],
            kept=kept_places(self._spec.data),
        )
        self._outages = Outages(
            {
                "engine-down": Act(begin=self._services["engine"].kill, end=self._revive),
                "disk-full": Act(begin=self._fullness.begin, end=self._fullness.end),
            }
        )

    def start(self) -> None:
        """Start what does not run: first the engine, which takes longest. Raises OSError."""
        for name, service in self._services.items():
            if name in self._wanted and f"{name}-down" not in self._outages:
                service.start()

    def serve(self) -> None:
        """Until told to stop."""
        wake, waker = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(waker, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker)
        selector = selectors.DefaultSelector()
        selector.register(wake, selectors.EVENT_READ)
        selector.register(self._control, selectors.EVENT_READ)
        while not self._is_over():
            self._reap()
            self._mend()
            for key, _ in selector.select(0.5 if self._stop_at else self._outages.next_end()):
                if key.fileobj is self._control:
                    self._answer()
                else:
                    os.read(wake, 4096)

    def _mend(self) -> None:
        """End the outages whose time is over."""
        try:
            self._outages.end_due()
        except OSError as error:
            _complain(f"an outage did not end as it should: {error}")

    def _revive(self) -> None:
        """Start an engine that was held down, and the containers that ran. Raises OSError."""
        if self._stop_at:
            return
        self._end(["engine"])
        self.start()
        threading.Thread(target=self._start_containers, name="revive", daemon=True).start()

    def _start_containers(self) -> None:
        """Once the engine answers. Whoever else brings the sandbox back meanwhile does the same, one at a time."""
        making, deadline = f"/proc/self/fd/{self._run}/making", time.monotonic() + _REVIVE_SECONDS
        while time.monotonic() < deadline and self._services["engine"].pid:
            try:
                engine.ask(engine.SOCKET, "/info")
                with Lock(making, what="labrunner sandbox fault", busy="", remedy="", wait_seconds=_REVIVE_SECONDS):
                    for complaint in resume.start_again(engine.SOCKET, self._spec.data):
                        _complain(complaint)
            except (OSError, SandboxError, ValueError):
                time.sleep(_POLL_SECONDS)
            else:
                return

    def _engine_line(self) -> list[str]:
        data = self._spec.data
        # After a crash of the whole machine no process is left to ask.
        ran = resume.ran(data, is_alive=_runs_anything if self._is_first else _runs)
        before = resume.kept(data)
        new = [entry for entry in ran if entry.id not in {known.id for known in before}]
        if new:
            resume.keep(data, [*before, *new])
        if not self._is_first:
            clear_engine(data, self._spec.group, spared=self._services["remote"].pid)
        self._is_first = False
        self._trusted = ""
        return arguments(self._spec, driver=storage_driver(data))

    def _note_orderly_end(self) -> None:
        """A machine that shuts down asks the engine to end before it kills us: as in a crash for its containers."""
        now = time.time()
        since = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now - _ENGINE_STOP_SECONDS))
        data = self._spec.data
        with suppress(OSError):
            ran = resume.ran(data, is_alive=_runs, ended_since=since)
            before = resume.kept(data)
            resume.keep(data, [*before, *(entry for entry in ran if entry.id not in {known.id for known in before})])

    def _trusts(self) -> str:
        """Which authority the engine trusts: it reads the file once, when it needs it first, after it was made."""
        if not self._trusted:
            with suppress(OSError):
                content = Path(self._config["authorities"]).read_bytes()
                self._trusted = hashlib.sha256(content).hexdigest()
        return self._trusted

    def _is_over(self) -> bool:
        runs = any(service.pid for service in self._services.values())
        return bool(self._stop_at) and (not runs or time.monotonic() > self._stop_at)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            for service in self._services.values():
                if service.pid == pid:
                    service.note_end(status)
                    if service is self._services["engine"] and not status and not self._stop_at:
                        self._note_orderly_end()

    def _answer(self) -> None:
        connection, _ = self._control.accept()
        with connection:
            connection.settimeout(_REQUEST_SECONDS)
            peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            if struct.unpack("3i", peer)[1] != os.getuid():
                return
            try:
                request = json.loads(connection.makefile("rb").readline(65536))
                reply = self._do(str(request.get("do")), list(request.get("what", ())))
                connection.sendall(json.dumps(reply).encode() + b"\n")
            except (OSError, ValueError, AttributeError) as error:
                _complain(f"a request on the control socket failed: {error}")

    def _end(self, names: list[str]) -> None:
        """Raises OSError when one cannot be killed."""
        old = [self._services[name] for name in names if name in self._services]
        for service in old:
            service.kill()
        deadline = time.monotonic() + _KILL_SECONDS
        while any(service.pid for service in old):
            self._reap()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{' and '.join(names)} cannot be killed: the kernel keeps it, maybe for a disk")
            time.sleep(0.01)

    def _break(self, words: list[str]) -> None:
        """words: the outage's name, and for how many seconds. Raises OSError, ValueError."""
        self._outages.put(words[0], float(words[1]) if len(words) > 1 else None)

    def _do(self, what: str, names: list[str]) -> dict[str, Any]:
        if what in ("start", "renew", "end"):
            self._wanted = self._wanted - {*names} if what == "end" else self._wanted | {*names}
            try:
                if what != "start":
                    self._end(names)
                if what != "end":
                    self.start()
            except OSError as error:
                return {"error": f"what it holds cannot be started: {error}", "errno": error.errno}
        elif what in ("fault", "clear"):
            try:
                self._break(names) if what == "fault" else [self._outages.clear(name) for name in names or [""]]
            except (OSError, ValueError) as error:
                return {"error": str(error)}
        elif what == "stop":
            self._stop_at = time.monotonic() + _STOP_SECONDS
            for name, service in self._services.items():
                service.stop() if name != "remote" else service.kill()
        elif what != "status":
            return {"error": f"unknown request {what!r}"}
        return {
            "name": self._spec.name,
            "id": self._spec.id,
            "folder": self._config["folder"],
            "format": FORMAT,
            "seconds": time.monotonic() - self._began,
            "trusts": self._trusts(),
            "outages": {**self._outages.report(), "lingers": self._fullness.lingers()},
            "wanted": sorted(self._wanted),
            **{name: service.report() for name, service in self._services.items()},
        }


def _runs(pid: int, identity: str) -> bool:
    try:
        return identity in Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii")
    except OSError:
        return False


def _runs_anything(pid: int, identity: str) -> bool:  # noqa: ARG001 - the other one's signature
    return True


def _complain(what: object) -> None:
    """To the log."""
    print(what, file=sys.stderr, flush=True)  # noqa: T201


def main(words: list[str]) -> int:
    """Make the machine and hold it."""
    config = json.loads(Path(words[0]).read_text(encoding="utf-8"))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.umask(0o022)
    os.set_inheritable(int(words[1]), False)  # noqa: FBT003
    # For as long as this process lives: two on the same data would destroy it.
    fcntl.flock(os.open(config["folder"], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), fcntl.LOCK_EX | fcntl.LOCK_NB)
    place = Path(config["control"])
    run = os.open(place.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    control = bind_beside(run, place.name)
    build(Plan.of(config["plan"]))
    kernel.interface_up("lo")
    kernel.add_address("lo:azure", ADDRESS)
    socket.sethostname("labrunner")
    for group in (config["engine"]["group"], config["remote"]["engine"]["group"]):
        remove_group("/sys/fs/cgroup", group)
    supervisor = Supervisor(config, control, run)
    supervisor.start()
    control.listen(8)  # whoever gets through to us finds the machine made
    with suppress(BrokenPipeError):  # who started us was killed; the next one finds us
        os.write(int(words[1]), b"ready\n")
    os.close(int(words[1]))
    supervisor.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
