"""A running sandbox: entered, asked, held. Whoever has one may be any process, at any time after `machine.up`."""

import json
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from labrunner.sandbox import engine
from labrunner.sandbox.control import CAPABILITIES, Reply, host_program, python_line, request, run_errand
from labrunner.sandbox.environment import machine_environment
from labrunner.sandbox.errors import SandboxError
from labrunner.sandbox.layout import FORMAT, Layout
from labrunner.sandbox.lock import Lock
from labrunner.sandbox.rootfs import is_masked
from labrunner.shell.program import ProgramError, ProgramResult, ProgramTimeoutError, run_program

__all__ = [
    "BUSY_REMEDY",
    "TIMED_OUT",
    "Sandbox",
    "ask_supervisor",
    "lock_of",
    "refuse_kept_down",
    "remedy_up",
    "until_words",
]

TIMED_OUT = 124
"""The status of a program that was ended for taking too long, as timeout(1) has it."""

BUSY_REMEDY = "Wait until it ends, or use a sandbox of your own with `--sandbox NAME`."
"""What to do about somebody who uses it, for who can go elsewhere."""


class Sandbox:
    """A running sandbox."""

    def __init__(self, place: Layout, reply: Reply, env: Mapping[str, str]) -> None:
        self.layout = place
        self.name = place.name
        self.pid = reply.pid
        self._outer = env
        config = Sandbox.settings(place)
        if config is None:
            raise SandboxError(
                f"sandbox '{place.name}' was made by another version of labrunner, or {place.config} was changed",
                remedy_up(place.name),
            )
        self.tools_path: str = config["path"]

    @staticmethod
    def settings(place: Layout) -> dict[str, Any] | None:
        """What its supervisor was started with; None if that is not of this version's form."""
        try:
            config = json.loads(Path(place.config).read_text(encoding="utf-8"))
            return config if config["format"] == FORMAT and isinstance(config["path"], str) else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    @property
    def address(self) -> str:
        """The engine's socket, as a path of this machine."""
        return f"/proc/{self.pid}/root{engine.SOCKET}"

    @property
    def engine_url(self) -> str:
        """The engine, from outside."""
        return f"unix://{self.address}"

    def environment(self) -> dict[str, str]:
        """The whole environment of what runs inside."""
        place = self.layout
        return machine_environment(self._outer, path=self.tools_path, home=place.home, authorities=place.authorities)

    def prefix(self, cwd: str | None = None) -> tuple[str, ...]:
        """The argument list that runs what follows it inside, in the work folder or `cwd`. Raises SandboxError."""
        return (
            host_program("nsenter"),
            *("--target", str(self.pid), "--mount", "--net", "--uts", "--pid"),
            # Through the supervisor's root: a plain path would be opened outside, and be writable from a wrong side.
            f"--wd=/proc/{self.pid}/root{cwd or self.layout.work}",
            "--",
            host_program("setpriv"),
            f"--bounding-set={CAPABILITIES}",
            "--",
        )

    def run(
        self,
        line: Sequence[str],
        *,
        timeout: float = 60.0,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> ProgramResult:
        """Run a program inside to its end; status 124 for one that had to be ended. Raises SandboxError."""
        environment = self.environment() if env is None else env
        try:
            result = run_program([*self.prefix(cwd), *line], env=environment, cwd="/", timeout=timeout)
        except ProgramTimeoutError:
            return ProgramResult(TIMED_OUT, "", f"ended, because it took longer than {timeout:g} seconds")
        except ProgramError as error:
            raise SandboxError(str(error)) from error
        if result.status and not self.is_alive():
            raise SandboxError(f"sandbox '{self.name}' is not running any more", remedy_up(self.name))
        return result

    def interact(self) -> int:
        """A bash inside, on this terminal if standard input is one, else reading commands from it; its exit status."""
        env = {**self.environment(), "PS1": f"[{self.name}] \\W \\$ "}
        bash = ("bash", "--noprofile", "--norc")
        if os.isatty(0):
            from labrunner.sandbox.relay import relay

            return relay(self.enter(["setsid", "--ctty", "--wait", *bash, "-i"]), env=env)
        return subprocess.run(self.enter(bash), env=env, cwd="/", check=False).returncode

    def enter(self, line: Sequence[str]) -> list[str]:
        """The argument list that runs `line` inside, in the work folder."""
        return [*self.prefix(), *line]

    def start_module(self, module: str) -> "subprocess.Popen[bytes]":
        """Start a module of labrunner inside, on two pipes, with the libraries that it has here; stderr to a log."""
        with open(f"{self.layout.folder}/log/{module}.log", "ab") as log:  # noqa: PTH123
            return subprocess.Popen(
                self.enter(python_line(module, site=True)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self.environment(),
                cwd="/",
                start_new_session=True,
            )

    def hold(self, what: str, *, remedy: str = BUSY_REMEDY) -> Lock:
        """Hold the sandbox for a run. what: the command line, for a second one. remedy: as of `lock_of`. Raises
        SandboxBusy."""
        return lock_of(self.layout, what, remedy=remedy)

    def is_alive(self) -> bool:
        """Whether it is still this sandbox that runs."""
        reply = request(self.layout.control, "status")
        return reply is not None and reply.pid == self.pid

    def show(self, paths: Iterable[str]) -> None:
        """Have folders or files of this machine seen inside, read-only, at the same paths. Raises SandboxError."""
        hidden = []
        for path in sorted({os.path.realpath(path) for path in paths}):
            with suppress(OSError):
                if is_masked(path) and not Path(f"/proc/{self.pid}/root{path}").exists():
                    hidden.append(path)
        if not hidden:
            return
        complaint = run_errand("show", str(self.pid), *hidden)
        if complaint:
            raise SandboxError(f"{', '.join(hidden)} cannot be shown in the sandbox: {complaint}")

    def mounted_below(self, folder: str) -> frozenset[str]:
        """The names of those entries of a folder inside that hold a mount point."""
        try:
            lines = Path(f"/proc/{self.pid}/mountinfo").read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise SandboxError(f"sandbox '{self.name}' is not running any more", remedy_up(self.name)) from error
        points = (line.split(" ")[4] for line in lines)
        inner = (point.removeprefix(f"{folder}/") for point in points if point.startswith(f"{folder}/"))
        return frozenset(point.partition("/")[0] for point in inner)

    def check_engine(self, *, timeout: float = 10.0) -> dict[str, Any]:
        """What the engine says of itself. Raises SandboxError if it does not answer, or is not this sandbox's."""
        try:
            info: dict[str, Any] = engine.ask(self.address, "/info", timeout=timeout)
        except OSError as error:
            reply = ask_supervisor(self.layout, "status")
            if reply is None:
                raise SandboxError(f"sandbox '{self.name}' is not running any more", remedy_up(self.name)) from error
            refuse_kept_down(self.layout, reply)
            why = f"it {reply.engine_end}" if reply.engine_end else str(error)
            raise SandboxError(
                f"the Docker Engine of sandbox '{self.name}' does not answer: {why}", remedy_up(self.name)
            ) from error
        if not engine.has_containerd(f"/proc/{self.pid}/root"):
            raise SandboxError(
                f"the Docker Engine of sandbox '{self.name}' has lost its containerd", remedy_up(self.name)
            )
        if not engine.is_ours(info, name=self.name, identity=self.layout.id):
            raise SandboxError(
                f"the Docker Engine at {self.address} is not that of sandbox '{self.name}'", remedy_up(self.name)
            )
        return info


def lock_of(place: Layout, what: str, *, remedy: str = BUSY_REMEDY) -> Lock:
    """The lock of that sandbox, held. remedy: what a second one can do. Raises SandboxBusy."""
    return Lock(f"{place.run}/lock", what=what, busy=f"sandbox '{place.name}' is in use", remedy=remedy)


def remedy_up(name: str) -> str:
    """The command line that starts it."""
    return "labrunner sandbox up" + ("" if name == "default" else f" --sandbox {name}")


def refuse_kept_down(place: Layout, reply: Reply) -> None:
    """Raise SandboxError when its Docker Engine is kept down on purpose: to start it anew would not help."""
    if "engine-down" in reply.outages:
        until, remedy = until_words(place.name, "engine-down", reply.outages["engine-down"])
        raise SandboxError(f"the Docker Engine of sandbox '{place.name}' is down on purpose{until}", remedy)


def until_words(name: str, fault: str, left: float | None) -> tuple[str, str]:
    """How long a fault still is, and what to do. left: seconds; None: until it is cleared."""
    option = "" if name == "default" else f" --sandbox {name}"
    end = f"`labrunner sandbox fault --clear {fault}{option}`"
    if left is None:
        return f" (fault {fault}, until it is cleared)", f"Clear it with {end}, then try again."
    return f" (fault {fault}, for {left:.0f} s more)", f"Wait until then, or clear it with {end}; then try again."


def ask_supervisor(place: Layout, do: str, what: Sequence[str] = ()) -> Reply | None:
    """The supervisor's answer, if it is this folder's. Raises SandboxError for another one's, and as `request`."""
    reply = request(place.control, "status")
    if reply is None:
        return None
    if reply.folder != place.folder:
        raise SandboxError(
            f"another sandbox named '{place.name}' is running, with its data in {reply.folder}",
            "Use another name with `--sandbox NAME`.",
        )
    return reply if do == "status" else request(place.control, do, what)
