"""The remote host of a sandbox, from outside: a second machine in it, which `ssh user@remote-host` reaches.

It has an address, a name, a HOME and a Docker Engine of its own, and it is started when a lab first needs it. The
supervisor holds it beside the engine and the local Azure, by the same rules (`sandbox.recovery`).
"""

import contextlib
import os
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from labrunner.sandbox import engine, resume
from labrunner.sandbox.control import CAPABILITIES, Reply, host_program, is_stopped, python_line, run_errand
from labrunner.sandbox.engine import last_lines
from labrunner.sandbox.environment import REMOTE_NAME, REMOTE_USER, machine_environment
from labrunner.sandbox.errors import SandboxError
from labrunner.sandbox.layout import Layout
from labrunner.sandbox.rootfs import is_masked
from labrunner.sandbox.running import Sandbox, ask_supervisor, remedy_up
from labrunner.shell.program import ProgramError, ProgramResult, ProgramTimeoutError, run_program

__all__ = ["RemoteHost", "peer", "prepare_folders", "remote_config"]

Say = Callable[[str], object]
_START_SECONDS = 60.0
_ANSWER_SECONDS = 3.0
_POLL_SECONDS = 0.02
_OWN_START_SECONDS = 10.0
"""How long it may need until it answers first, on a slow machine."""
_PROGRAMS = ("dockerd", "containerd")
_GREETING = f"exec 3<>/dev/tcp/{REMOTE_NAME}/22 && read -r -t {_ANSWER_SECONDS:g} -u 3 line"
_TIMED_OUT = 124


def remote_config(place: Layout, tools_path: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """What the supervisor and the remote host are started with. config: that of the sandbox, which has the same
    programs; places and settings are the remote host's own."""
    plan = config["plan"]
    folder = place.remote
    home = f"{folder}/home"
    return {
        "line": [
            *(host_program("unshare"), "--net", "--mount", "--pid", "--uts", "--fork", "--kill-child"),
            *("--propagation", "unchanged", "--"),
            *python_line("labrunner.sandbox.remote_init", site=False),
            place.config,
        ],
        "log": f"{place.folder}/log/remote.log",
        "control": Path(place.remote_control).name,
        "engine_env": config["engine_env"],
        "engine_log": f"{folder}/log/dockerd.log",
        "engine_also": f"unix://{place.remote_engine}",
        "engine": {**config["engine"], "data": f"{folder}/engine", "group": f"{place.group}-remote"},
        "ssh": {
            "line": [*python_line("labrunner.sandbox.remote_ssh", site=True), place.config],
            "env": {"PATH": tools_path, "HOME": home, "LANG": "C.UTF-8", "SSL_CERT_FILE": os.devnull},
            "log": f"{folder}/log/ssh.log",
            "key": f"{folder}/ssh/host_key",
            "ready": f"{folder}/ssh/ready",
            "door": place.remote_door,
            "home": home,
            "session_env": _session_environment(place, tools_path),
        },
        "plan": {
            "writable": [*(f"{folder}/{part}" for part in ("engine", "home", "log", "ssh")), place.shell_dir],
            "visible": [*(path for path in plan["visible"] if path != place.remote), _authority_folder(place)],
            "tmp": f"{folder}/tmp",  # noqa: S108 - no shared folder, its name only
            "etc": {
                **plan["etc"],
                "hostname": f"{REMOTE_NAME}\n",
                "passwd": f"{REMOTE_USER}:x:0:0::{home}:/bin/bash\n{plan['etc']['passwd']}",
            },
            "shown": plan["shown"],
            "hidden": [place.home, place.work],
        },
    }


def _authority_folder(place: Layout) -> str:
    """The folder, since another file may come into the place of that one."""
    return str(Path(place.authorities).parent)


def _session_environment(place: Layout, path: str) -> dict[str, str]:
    """What a session there starts with, but for its terminal's kind."""
    found = machine_environment(
        {}, path=path, home=f"{place.remote}/home", authorities=place.authorities, user=REMOTE_USER
    )
    del found["TERM"]
    return found


def prepare_folders(place: Layout) -> None:
    """Make what it keeps its things in."""
    Path(_authority_folder(place)).mkdir(exist_ok=True, mode=0o700)
    Path(place.remote).mkdir(exist_ok=True, mode=0o700)
    for part in ("engine", "home", "log", "ssh", "tmp"):
        Path(place.remote, part).mkdir(exist_ok=True, mode=0o700)
    Path(place.remote, "tmp").chmod(0o1777)


def _is_service(process: Path) -> bool:
    """Whether it is the engine or the ssh server, and nothing that a learner runs there."""
    try:
        if (process / "comm").read_text(encoding="utf-8", errors="replace").strip() in _PROGRAMS:
            return True
        return b"labrunner.sandbox.remote_ssh" in (process / "cmdline").read_bytes()
    except OSError:
        return False


def peer(path: str) -> int:
    """The process that listens at that socket, as this machine numbers it; 0: none of ours."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(_ANSWER_SECONDS)
        try:
            channel.connect(path)
            pid, uid, _ = struct.unpack("3i", channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        except OSError:
            return 0
    return int(pid) if uid == os.getuid() else 0


class RemoteHost:
    """The remote host of a running sandbox. Methods raise SandboxError when it is gone or does not start."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.name = sandbox.name
        self._place = sandbox.layout
        self._settings: dict[str, Any] = (Sandbox.settings(sandbox.layout) or {})["remote"]
        self.home: str = self._settings["ssh"]["home"]

    def begin(self) -> bool:
        """Have it start, if nothing of it runs; whether that was so. `up` waits for it."""
        reply = ask_supervisor(self._place, "status")
        if reply is None or reply.remote_pid:
            return False
        ask_supervisor(self._place, "start", ["remote"])
        return True

    def up(self, say: Say = lambda _: None) -> None:
        """Have it running, its engine and its ssh answering, its containers as they were."""
        reply = ask_supervisor(self._place, "status")
        if reply is None:
            raise SandboxError(f"sandbox '{self._place.name}' is not running", remedy_up(self._place.name))
        if self.state(reply) == "hung":
            say(f"The remote host of sandbox '{self._place.name}' did not answer: it is started anew.")
            ask_supervisor(self._place, "renew", ["remote"])
        elif not reply.remote_pid:
            ask_supervisor(self._place, "start", ["remote"])
        self._wait()
        for complaint in resume.start_again(self.address, self._settings["engine"]["data"]).values():
            say(complaint)

    def has_run(self) -> bool:
        """Whether its engine may keep things of an earlier time."""
        return any(Path(self._settings["engine"]["data"]).iterdir())

    def is_up(self) -> bool:
        """Whether it answers."""
        return self.pid != 0 and self._engine_answers() is True and Path(self._settings["ssh"]["ready"]).exists()

    def state(self, reply: Reply) -> str:
        """How it is, some seconds later at most: "absent" (nobody has needed it), "starting", "running", "down" (it has
        ended) or "hung" (it was stopped, or gives no answer though it had the time to start).

        reply: what the supervisor says now."""
        if not reply.remote_pid:
            return "down" if reply.remote_wanted else "absent"
        if self._is_stopped():
            return "hung"
        if self.is_up() and self._greets():
            return "running"
        return "hung" if reply.remote_seconds > _OWN_START_SECONDS else "starting"

    def wrong(self, state: str) -> SandboxError | None:
        """What is wrong in that state, and what to do; None: nothing."""
        words = {"down": "has ended", "hung": "does not answer"}.get(state)
        if words is None:
            return None
        return SandboxError(f"the remote host of sandbox '{self.name}' {words}", remedy_up(self.name))

    def _is_stopped(self) -> bool:
        """Whether one of its own processes was, as this machine's kernel says: there is no need to wait then."""
        first = self.pid
        found = Path(f"/proc/{first}/root/proc") if first else None
        if found is None or is_stopped(f"/proc/{first}"):
            return bool(first)
        with contextlib.suppress(OSError):
            return any(is_stopped(str(one)) for one in found.iterdir() if one.name.isdigit() and _is_service(one))
        return False

    def _greets(self) -> bool:
        """Whether its ssh says who it is to who connects (RFC 4253, 4.2)."""
        with contextlib.suppress(SandboxError):
            return self.run(["bash", "-c", _GREETING], timeout=2 * _ANSWER_SECONDS).status == 0
        return False

    @property
    def pid(self) -> int:
        """Its first process, as this machine numbers it; 0: it does not run."""
        return peer(self._place.remote_control)

    @property
    def address(self) -> str:
        """Its engine's socket, as a path of this machine."""
        return f"/proc/{self.pid}/root{engine.SOCKET}"

    @property
    def engine_url(self) -> str:
        """Its engine, from outside."""
        return f"unix://{self.address}"

    def check_engine(self) -> dict[str, Any]:
        """What its engine says of itself. Raises SandboxError if it does not answer, or is another one's."""
        remedy = remedy_up(self._place.name)
        try:
            info: dict[str, Any] = engine.ask(self.address, "/info")
        except (OSError, ValueError) as error:
            raise SandboxError(f"the Docker Engine of the remote host does not answer: {error}", remedy) from error
        if not engine.is_ours(info, name=self._place.name, identity=self._place.id):
            raise SandboxError("the Docker Engine of the remote host is not that of this sandbox", remedy)
        return info

    def environment(self) -> dict[str, str]:
        """The whole environment of what runs there."""
        found: dict[str, str] = {**self._settings["ssh"]["session_env"], "TERM": "xterm-256color"}
        return found

    def prefix(self, cwd: str | None = None) -> tuple[str, ...]:
        """The argument list that runs what follows it there, in HOME or `cwd`."""
        pid = self.pid
        if not pid:
            raise SandboxError("the remote host is not running", remedy_up(self._place.name))
        return (
            host_program("nsenter"),
            *("--target", str(pid), "--mount", "--net", "--uts", "--pid"),
            f"--wd=/proc/{pid}/root{cwd or self.home}",
            "--",
            host_program("setpriv"),
            f"--bounding-set={CAPABILITIES}",
            "--",
        )

    def run(self, line: list[str], *, timeout: float = 60.0) -> ProgramResult:
        """Run a program there to its end; status 124 for one that had to be ended."""
        try:
            return run_program([*self.prefix(), *line], env=self.environment(), cwd="/", timeout=timeout)
        except ProgramTimeoutError:
            return ProgramResult(_TIMED_OUT, "", f"ended, because it took longer than {timeout:g} seconds")
        except ProgramError as error:
            raise SandboxError(str(error)) from error

    def start_module(self, module: str) -> "subprocess.Popen[bytes]":
        """Start a module of labrunner there, on two pipes; stderr to a log (see `Sandbox.start_module`)."""
        with open(f"{self._place.folder}/log/{module}.remote.log", "ab") as log:  # noqa: PTH123
            return subprocess.Popen(
                [*self.prefix(), *python_line(module, site=True)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self.environment(),
                cwd="/",
                start_new_session=True,
            )

    def show(self, paths: Iterable[str]) -> None:
        """Have folders or files of this machine seen there, read-only, at the same paths."""
        pid = self.pid
        hidden = [
            path
            for path in sorted({os.path.realpath(path) for path in paths})
            if is_masked(path) and not Path(f"/proc/{pid}/root{path}").exists()
        ]
        complaint = run_errand("show", str(pid), *hidden) if hidden else ""
        if complaint:
            raise SandboxError(f"{', '.join(hidden)} cannot be shown on the remote host: {complaint}")

    def is_known(self) -> bool:
        """Whether the sandbox's ssh knows its key, so that it asks nobody."""
        try:
            known = Path(self._place.home, ".ssh", "known_hosts").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        return any(line.split()[1:3] == self._key() for line in known.splitlines())

    def make_known(self) -> None:
        """Have the sandbox's ssh know its key, and no other one of that name."""
        if self.is_known():
            return
        folder = Path(self._place.home, ".ssh")
        folder.mkdir(mode=0o700, exist_ok=True)
        with (folder / "known_hosts").open("a", encoding="utf-8") as file:
            file.write(f"{REMOTE_NAME} {' '.join(self._key())}\n")

    def _key(self) -> list[str]:
        return Path(f"{self._settings['ssh']['key']}.pub").read_text(encoding="ascii").split()[:2]

    def empty(self) -> None:
        """As new: it is ended, and all that it has kept is removed. Its key stays, as with a machine set up anew from
        the same image: ssh would warn of another one."""
        ask_supervisor(self._place, "end", ["remote"])
        for part in ("engine", "home", "tmp"):
            folder = Path(self._place.remote, part)
            for entry in folder.iterdir():
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()

    def _engine_answers(self) -> bool | None:
        try:
            info = engine.ask(self.address, "/info", timeout=_ANSWER_SECONDS)
        except (OSError, ValueError, SandboxError):
            return None
        return engine.is_ours(info, name=self._place.name, identity=self._place.id)

    def _wait(self) -> None:
        deadline, again = time.monotonic() + _START_SECONDS, True
        while not self.is_up():
            reply = ask_supervisor(self._place, "status")
            if reply is None:
                raise SandboxError(f"sandbox '{self._place.name}' ended", remedy_up(self._place.name))
            if not reply.remote_pid and again:  # once: it ends by itself when its engine is killed at the wrong moment
                again = False
                ask_supervisor(self._place, "start", ["remote"])
            elif not reply.remote_pid or time.monotonic() > deadline:
                logs = (
                    f"{self._place.folder}/log/remote.log",
                    self._settings["engine_log"],
                    self._settings["ssh"]["log"],
                )
                words = "\n".join(filter(None, (last_lines(log, 3) for log in logs)))
                raise SandboxError(
                    f"the remote host of sandbox '{self._place.name}' does not start:\n{words}",
                    f"See {self._place.remote}/log.",
                )
            else:
                time.sleep(_POLL_SECONDS)
