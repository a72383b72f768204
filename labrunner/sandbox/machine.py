"""One learner's private machine: made, found again, entered, removed.

A sandbox is a name. Its folder (engine data, HOME, work folder) is under the state folder and lives until `down`; what
runs is held by one supervisor (`sandbox.supervisor`) that outlives whoever started it.
"""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labrunner.sandbox import engine
from labrunner.sandbox.azure import (
    check_azure,
    compile_emulator,
    emulator_environment,
    emulator_line,
    write_hosts,
)
from labrunner.sandbox.control import Reply, end_supervisors, launch, request, run_errand, wait_for_end
from labrunner.sandbox.environment import azure_environment
from labrunner.sandbox.errors import SandboxError
from labrunner.sandbox.layout import Layout, layout
from labrunner.sandbox.lock import Lock
from labrunner.sandbox.running import Sandbox, ask_supervisor, lock_of, remedy_up
from labrunner.sandbox.tools import Tools

__all__ = ["Sandbox", "Status", "attach", "down", "status", "up"]

_AZURE_SECONDS = 5.0
_DOWN_REMEDY = "Let it end first, or add `--force` to end the sandbox under it."
_WRITABLE = ("engine", "azure", "home", "work", "log")
_PARTS = (*_WRITABLE, "tmp", "bin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """state: "running", "engine-down", "azure-down", "broken" (it does not answer right), "stopped" (its data is kept)
    or "absent".

    since: seconds since 1970. detail, remedy: what is wrong, and what to do.
    """

    name: str
    state: str
    folder: str
    engine: str = ""
    since: float = 0.0
    holder: str = ""
    containers: int = 0
    disk_bytes: int = 0
    detail: str = ""
    remedy: str = ""


def up(name: str, env: Mapping[str, str], tools: Tools) -> Sandbox:
    """Have the sandbox running, its engine answering. Goes on with what is there: kept data, or a crash's remains.

    Raises SandboxError.
    """
    place = layout(name, env)
    if os.geteuid() != 0:
        raise SandboxError(
            "a sandbox needs root: it has a network and mounts of its own", "Run it with sudo, or as root."
        )
    with _alone(place):
        reply = ask_supervisor(place, "start")
        if reply is None:
            end_supervisors(place.config)
            _prepare_folders(place)
            _write_config(place, tools)
            compile_emulator()
            launch(place.config, f"{place.folder}/log/supervisor.log")
            reply = ask_supervisor(place, "status")
            if reply is None:
                raise SandboxError(f"sandbox '{name}' ended as soon as it had started", f"See {place.folder}/log.")
        sandbox = Sandbox(place, reply, env)
        sandbox.wait_for_engine()
        return sandbox


def attach(name: str, env: Mapping[str, str], *, engine: bool = True) -> Sandbox:
    """The running sandbox of that name. Raises SandboxError if there is none, or (`engine`) its engine is gone."""
    place = layout(name, env)
    reply = ask_supervisor(place, "status")
    if reply is None:
        raise SandboxError(f"sandbox '{name}' is not running", remedy_up(name))
    sandbox = Sandbox(place, reply, env)
    if engine:
        sandbox.check_engine()
    return sandbox


def status(name: str, env: Mapping[str, str]) -> Status:
    """How the sandbox is. Raises SandboxError only for a wrong name."""
    place = layout(name, env)
    held = Lock.holder(f"{place.run}/lock")
    disk = _disk_used(place.folder)
    about: dict[str, Any] = {"name": name, "folder": place.folder, "disk_bytes": disk, "holder": str(held or "")}
    try:
        reply = ask_supervisor(place, "status")
    except SandboxError as error:
        return Status(state="broken", detail=str(error), remedy=error.remedy, **about)
    if reply is None:
        return Status(state="stopped" if Path(place.folder).is_dir() else "absent", **about)
    try:
        info = Sandbox(place, reply, env).check_engine()
    except SandboxError as error:
        state = "broken" if reply.engine_running else "engine-down"
        return Status(state=state, since=reply.started, detail=str(error), remedy=error.remedy, **about)
    try:
        check_azure(place, patience=_AZURE_SECONDS)
    except SandboxError as error:
        about |= {"state": "azure-down", "detail": str(error), "remedy": error.remedy}
    return Status(
        engine=str(info.get("ServerVersion", "")),
        since=reply.started,
        containers=int(info.get("ContainersRunning", 0)),
        **{"state": "running", **about},
    )


def down(name: str, env: Mapping[str, str], *, keep: bool = False, force: bool = False) -> bool:
    """End the sandbox and remove all of it; whether there was anything. Idempotent.

    keep: its data stays for the next `up`. force: even while somebody holds it. Raises SandboxBusy, SandboxError.
    """
    place = layout(name, env)
    if not Path(place.folder).exists() and not Path(place.run).exists():
        return False
    _foreign(place)
    with ExitStack() as locks:
        locks.enter_context(_alone(place))
        if not force:
            locks.enter_context(lock_of(place, "labrunner sandbox down", remedy=_DOWN_REMEDY))
        _end(place, orderly=keep)
        _sweep_groups(place)
        if not keep:
            _remove(place.folder)
        _remove(place.run)
    for folder in (place.run, *((place.folder,) if not keep else ())):
        with suppress(OSError):
            Path(folder).parent.rmdir()  # the last one turns off the light
    return True


def _alone(place: Layout) -> Lock:
    """One at a time makes or removes a sandbox."""
    return Lock(
        f"{place.run}/making",
        what="labrunner sandbox",
        busy=f"sandbox '{place.name}' is being made or removed",
        remedy="Wait a moment and try again.",
        wait_seconds=60.0,
    )


def _foreign(place: Layout) -> None:
    """Raise SandboxError if the name is that of somebody else's running sandbox; a broken one is nobody's."""
    try:
        reply = request(place.control, "status")
    except SandboxError:
        return
    if reply is not None:
        ask_supervisor(place, "status")


def _prepare_folders(place: Layout) -> None:
    Path(place.folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    for part in _PARTS:
        Path(place.folder, part).mkdir(exist_ok=True, mode=0o700)
    Path(place.tmp).chmod(0o1777)
    Path(place.run).chmod(0o700)
    Path(place.shell_dir).mkdir(exist_ok=True, mode=0o700)
    Path(place.folder, "log", "dockerd.log").unlink(missing_ok=True)
    if not Path(place.hosts).exists():
        write_hosts(place)


def _write_config(place: Layout, tools: Tools) -> None:
    ours = {sys.prefix, sys.base_prefix, str(Path(__file__).parents[1]), str(tools.root), place.bin}
    config = {
        "folder": place.folder,
        "control": place.control,
        "path": f"{place.bin}:{tools.path}",
        "engine_log": f"{place.folder}/log/dockerd.log",
        "engine_env": {
            "PATH": tools.path,
            "HOME": "/run",
            "LANG": "C.UTF-8",
            **tools.environment,
            **azure_environment(place.authorities),
        },
        "azure": {
            "line": emulator_line(place),
            "env": emulator_environment(place),
            "log": f"{place.folder}/log/azure.log",
            "control": Path(place.azure_control).name,
        },
        "engine": {
            "name": place.name,
            "id": place.id,
            "program": tools.program("dockerd"),
            "proxy": tools.program("docker-proxy"),
            "data": f"{place.folder}/engine",
            "group": place.group,
        },
        "plan": {
            "writable": [*(f"{place.folder}/{part}" for part in _WRITABLE), place.hosts, place.shell_dir],
            "visible": sorted({os.path.realpath(path) for path in ours}),
            "tmp": place.tmp,
            "etc": {
                "hosts": "",
                "hostname": "labrunner\n",
                "resolv.conf": "# The sandbox has a network of its own, with nobody to ask for names.\n",
            },
            "shown": {"/etc/hosts": place.hosts},
        },
    }
    Path(place.config).write_text(json.dumps(config, indent=1), encoding="utf-8")


def _end(place: Layout, *, orderly: bool) -> None:
    """Everything that runs inside is gone afterwards."""
    with suppress(SandboxError):
        reply = request(place.control, "status")
        if reply is not None:
            if orderly:
                _stop(place, reply)
            wait_for_end(reply.pid, timeout=5.0, kill=True)
    end_supervisors(place.config)


def _stop(place: Layout, reply: Reply) -> None:
    """Containers first, at once: one that ignores TERM would hold the engine for ten seconds."""
    address = f"/proc/{reply.pid}/root{engine.SOCKET}"
    with suppress(OSError, ValueError, SandboxError):
        for container in engine.ask(address, "/containers/json"):
            with suppress(SandboxError):
                engine.ask(address, f"/containers/{container['Id']}/kill", method="POST")
    request(place.control, "stop")
    wait_for_end(reply.pid, timeout=8.0, kill=False)


def _sweep_groups(place: Layout) -> None:
    """Remove the control groups, which outlive everything else. In a mount namespace: a chroot may not have them."""
    complaint = run_errand("sweep", place.group)
    if complaint:
        raise SandboxError(
            f"the control groups of sandbox '{place.name}' cannot be removed: {complaint}",
            "Try `labrunner sandbox down` again.",
        )


def _remove(folder: str) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise SandboxError(
            f"{error.filename} cannot be removed: {error.strerror}", "Try `labrunner sandbox down` again."
        ) from error


def _disk_used(folder: str) -> int:
    """Bytes that the folder takes on the disk."""
    total, seen = 0, set()
    for path, _, files in os.walk(folder):
        for name in files:
            with suppress(OSError):
                about = os.lstat(f"{path}/{name}")
                if (about.st_dev, about.st_ino) not in seen:
                    seen.add((about.st_dev, about.st_ino))
                    total += about.st_blocks * 512
    return total
