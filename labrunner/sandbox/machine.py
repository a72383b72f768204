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
from itertools import count
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
from labrunner.sandbox.control import Reply, launch, request, wait_for_end
from labrunner.sandbox.environment import azure_environment
from labrunner.sandbox.errors import AzureDamaged, SandboxError, SandboxGone, SandboxHung
from labrunner.sandbox.faults import SetFault, faults_set
from labrunner.sandbox.layout import FORMAT, Layout, layout
from labrunner.sandbox.lock import Lock
from labrunner.sandbox.recovery import Say, clear, found, hung, mend
from labrunner.sandbox.remote import RemoteHost, peer, prepare_folders, remote_config
from labrunner.sandbox.room import shortage, told
from labrunner.sandbox.running import Sandbox, ask_supervisor, lock_of, refuse_kept_down, remedy_up
from labrunner.sandbox.tools import Tools

__all__ = ["Sandbox", "Status", "attach", "down", "status", "up"]

_ATTEMPTS = 3
_AZURE_SECONDS = 5.0
_ENGINE_SECONDS = 3.0
_REMOVED = ".removed-"
_DOWN_REMEDY = "Let it end first, or add `--force` to end the sandbox under it."
_WRITABLE = ("engine", "azure", "home", "work", "log")
_PARTS = (*_WRITABLE, "tmp", "bin")


def _unheard(sentence: str) -> None:
    """Nobody is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """state: "running", "engine-down", "azure-down", "remote-down", "engine-hung", "azure-hung", "remote-hung",
    "azure-damaged" (what it knew), "hung" (its supervisor), "older" (of another labrunner), "broken" (it does not
    answer right), "stopped" (its data is kept) or "absent".

    since: seconds since 1970. remote: as `RemoteHost.state`, "" for one that nobody has needed. detail, remedy: what is
    wrong, and what to do. faults: those that are set on purpose.
    """

    name: str
    state: str
    folder: str
    engine: str = ""
    since: float = 0.0
    holder: str = ""
    containers: int = 0
    remote: str = ""
    disk_bytes: int = 0
    detail: str = ""
    remedy: str = ""
    faults: tuple[SetFault, ...] = ()


def up(name: str, env: Mapping[str, str], tools: Tools, *, say: Say = _unheard) -> Sandbox:
    """Have the sandbox running, its engine answering, its containers as they were. Goes on with what is there: kept
    data, a crash's remains, what hangs, what another one began.

    say: told what was found wrong and done about it. Raises SandboxError.
    """
    place = layout(name, env)
    if os.geteuid() != 0:
        raise SandboxError(
            "a sandbox needs root: it has a network and mounts of its own", "Run it with sudo, or as root."
        )
    with _alone(place), told(place):
        _sweep_removed(place)
        for left in reversed(range(_ATTEMPTS)):
            try:
                reply = found(place, say) or _started(place, tools, say)
                sandbox = Sandbox(place, reply, env)
                refuse_kept_down(place, reply)
                mend(sandbox, reply, say)
                if reply.remote_pid or reply.remote_wanted:  # somebody has needed it
                    RemoteHost(sandbox).up(say)
                full = shortage(place)
                if full is not None:
                    say(f"It runs, but {full}. {full.remedy}")
            except (SandboxGone, SandboxHung):  # killed or stopped while it was mended
                if not left:
                    raise
            else:
                return sandbox
        raise AssertionError


def _started(place: Layout, tools: Tools, say: Say) -> Reply:
    """A new supervisor. Of an earlier one nothing is left."""
    if Path(place.folder).is_dir():
        clear(place)
        _check_format(place, say)
    _prepare_folders(place)
    prepare_folders(place)
    _write_config(place, tools)
    compile_emulator()
    launch(place.config, f"{place.folder}/log/supervisor.log")
    reply = ask_supervisor(place, "status")
    if reply is None:
        raise SandboxGone(f"sandbox '{place.name}' ended as soon as it had started", f"See {place.folder}/log.")
    return reply


def _check_format(place: Layout, say: Say) -> None:
    """Data of a labrunner that is newer than this one is put aside; older data has the same form."""
    try:
        config = json.loads(Path(place.config).read_text(encoding="utf-8"))
        known = int(config.get("format", 1)) <= FORMAT
    except FileNotFoundError:
        return
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        known = True  # cut off, or not ours to read: made anew from nothing
    if known:
        return
    with lock_of(place, "labrunner sandbox up"):
        aside = next(path for n in count(1) if not os.path.lexists(path := f"{place.folder}.kept-{n}"))
        Path(place.folder).rename(aside)
    say(f"Sandbox '{place.name}' was made by a newer labrunner: its data is kept aside in {aside}, a new one is made.")


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
    full = shortage(place)
    if full is not None:
        about |= {"detail": str(full), "remedy": full.remedy}
    try:
        reply = ask_supervisor(place, "status")
    except SandboxHung as error:
        return Status(**{"state": "hung", "detail": str(error), "remedy": remedy_up(name), **about})
    except SandboxError as error:
        return Status(**{"state": "broken", "detail": str(error), "remedy": error.remedy, **about})
    if reply is None:
        return Status(state="stopped" if Path(place.folder).is_dir() else "absent", **about)
    if reply.format != FORMAT or Sandbox.settings(place) is None:
        return Status(state="older", since=reply.started, **{"remedy": remedy_up(name), **about})
    return _status_of_parts(Sandbox(place, reply, env), reply, about)


def _status_of_parts(sandbox: Sandbox, reply: Reply, about: dict[str, Any]) -> Status:
    about = {"since": reply.started, **about}
    with suppress(SandboxError):
        about["faults"] = tuple(faults_set(sandbox.layout))
    hanging = hung(sandbox.layout, reply)
    host = RemoteHost(sandbox)
    remote = host.state(reply)
    about["remote"] = remote if remote != "absent" else ""
    try:
        if "engine" in hanging:
            raise SandboxHung(f"the Docker Engine of sandbox '{sandbox.name}' does not answer", remedy_up(sandbox.name))
        info = sandbox.check_engine(timeout=_ENGINE_SECONDS)
    except SandboxError as error:
        state = "engine-hung" if "engine" in hanging else "broken" if reply.engine_running else "engine-down"
        return Status(**{"state": state, "detail": str(error), "remedy": error.remedy, **about})
    about |= {"engine": str(info.get("ServerVersion", "")), "containers": int(info.get("ContainersRunning", 0))}
    try:
        if "azure" in hanging:
            raise SandboxHung(f"the local Azure of sandbox '{sandbox.name}' does not answer", remedy_up(sandbox.name))
        check_azure(sandbox.layout, patience=_AZURE_SECONDS)
    except AzureDamaged as error:
        return Status(**{"state": "azure-damaged", **about, "detail": str(error), "remedy": error.remedy})
    except SandboxError as error:
        state = "azure-hung" if "azure" in hanging else "azure-down"
        return Status(**{"state": state, "detail": str(error), "remedy": error.remedy, **about})
    wrong = host.wrong(remote)
    if wrong is not None:
        return Status(**{"state": f"remote-{remote}", "detail": str(wrong), "remedy": wrong.remedy, **about})
    return Status(state="running", **about)


def down(name: str, env: Mapping[str, str], *, keep: bool = False, force: bool = False) -> bool:
    """End the sandbox and remove all of it; whether there was anything. Idempotent.

    keep: its data stays for the next `up`. force: even while somebody holds it. Raises SandboxBusy, SandboxError.
    """
    place = layout(name, env)
    if not Path(place.folder).exists() and not Path(place.run).exists() and not _removed(place):
        return False
    _foreign(place)
    with ExitStack() as locks:
        locks.enter_context(_alone(place))
        if not force:
            locks.enter_context(lock_of(place, "labrunner sandbox down", remedy=_DOWN_REMEDY))
        _end(place, orderly=keep)
        if not keep:
            _remove_data(place)
        _sweep_removed(place)
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
    write_hosts(place)


def _write_config(place: Layout, tools: Tools) -> None:
    ours = {sys.prefix, sys.base_prefix, str(Path(__file__).parents[1]), str(tools.root), place.bin}
    config: dict[str, Any] = {
        "format": FORMAT,
        "folder": place.folder,
        "authorities": place.authorities,
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
            # and what its remote host is made of
            "visible": sorted({*(os.path.realpath(path) for path in ours), place.remote, place.config}),
            "tmp": place.tmp,
            "etc": {
                "hosts": "",
                "hostname": "labrunner\n",
                "passwd": _accounts(place),
                "resolv.conf": "# The sandbox has a network of its own, with nobody to ask for names.\n",
            },
            "shown": {"/etc/hosts": place.hosts},
        },
    }
    config["remote"] = remote_config(place, f"{place.bin}:{tools.path}", config)
    beside = Path(f"{place.config}.new")
    beside.write_text(json.dumps(config, indent=1), encoding="utf-8")
    beside.replace(place.config)  # whole or not at all


def _accounts(place: Layout) -> str:
    """This machine's accounts, with the sandbox's HOME as root's: ssh reads its files there, whatever HOME says."""
    try:
        lines = Path("/etc/passwd").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    others = [line for line in lines if line.partition(":")[0] != "root"]
    return "".join(f"{line}\n" for line in (f"root:x:0:0:root:{place.home}:/bin/bash", *others))


def _end(place: Layout, *, orderly: bool) -> None:
    """Everything that runs inside is gone afterwards."""
    if orderly:
        with suppress(SandboxError):
            reply = request(place.control, "status")
            if reply is not None:
                _stop(place, reply)
    clear(place)


def _stop(place: Layout, reply: Reply) -> None:
    """Containers first, at once: one that ignores TERM would hold the engine for ten seconds."""
    addresses = [f"/proc/{reply.pid}/root{engine.SOCKET}"]
    if reply.remote_pid:
        addresses.append(f"/proc/{peer(place.remote_control)}/root{engine.SOCKET}")
    for address in addresses:
        with suppress(OSError, ValueError, SandboxError):
            for container in engine.ask(address, "/containers/json"):
                with suppress(SandboxError):
                    engine.ask(address, f"/containers/{container['Id']}/kill", method="POST")
    request(place.control, "stop")
    wait_for_end(reply.pid, timeout=8.0, kill=False)


def _remove_data(place: Layout) -> None:
    """First out of the way as a whole: whatever is killed in between, nobody goes on with a half of it."""
    aside = next(path for n in count(1) if not os.path.lexists(path := _removed_path(place, n)))
    with suppress(FileNotFoundError):
        Path(place.folder).rename(aside)


def _removed_path(place: Layout, number: int) -> str:
    return f"{place.folder}{_REMOVED}{number}"


def _removed(place: Layout) -> list[str]:
    """What an earlier `down` began to remove."""
    folder = Path(place.folder)
    return [str(path) for path in folder.parent.glob(f"{folder.name}{_REMOVED}*")]


def _sweep_removed(place: Layout) -> None:
    for path in _removed(place):
        _remove(path)


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
