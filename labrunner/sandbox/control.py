"""Talks to a supervisor over its control socket, and starts one. Standard library only."""

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labrunner.sandbox.errors import SandboxError, SandboxGone, SandboxHung
from labrunner.shell.program import ProgramError, run_program

__all__ = [
    "CAPABILITIES",
    "Reply",
    "end_supervisors",
    "host_program",
    "is_stopped",
    "launch",
    "python_line",
    "request",
    "wait_for_end",
]

CAPABILITIES = "-sys_module,-sys_time,-sys_boot,-sys_rawio"
"""Taken from everything inside: with them a slip would reach this machine's kernel, clock or hardware."""

_SUPERVISOR = "labrunner.sandbox.supervisor"
_EMULATOR = "labrunner.emulator"
_SYSTEM_PATH = ("/usr/bin", "/bin", "/usr/sbin", "/sbin")
_ANSWER_SECONDS = 3.0
_ACT_SECONDS = 8.0  # killing may have to wait for the kernel
_LOOK_SECONDS = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A supervisor's answer. pid: its process id on this machine. format: `layout.FORMAT` of its labrunner.

    started: seconds since 1970, by today's clock. engine_pid, azure_pid: process ids inside; 0: it does not run.
    remote_pid: of the remote host, which runs only once somebody has needed it (remote_wanted). engine_seconds,
    azure_seconds, remote_seconds: since the last start. trusts: SHA-256 of the authority's file as the engine read it.
    outages: those that are set, and the seconds that are left (None: until it is cleared). ended: seconds since others
    ended. lingers: whether a process still is where a disk was full.
    """

    pid: int
    name: str
    id: str
    folder: str
    format: int
    started: float
    engine_pid: int
    engine_seconds: float
    engine_end: str
    azure_pid: int
    azure_seconds: float
    azure_end: str
    trusts: str
    remote_pid: int = 0
    remote_seconds: float = 0.0
    remote_wanted: bool = False
    outages: Mapping[str, float | None] = field(default_factory=dict)
    ended: Mapping[str, float] = field(default_factory=dict)
    lingers: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def engine_running(self) -> bool:
        """Whether there is a process; it may hang, or not answer yet."""
        return bool(self.engine_pid)


def host_program(name: str) -> str:
    """The path of one of util-linux's programs on this machine. Raises SandboxError."""
    for folder in _SYSTEM_PATH:
        if os.access(f"{folder}/{name}", os.X_OK):
            return f"{folder}/{name}"
    raise SandboxError(f"this machine has no `{name}`", "Install the package util-linux.")


def python_line(module: str, *, site: bool) -> list[str]:
    """An argument list that runs a module of this very package, wherever it was installed or checked out.

    site: whether it needs installed libraries.
    """
    root = str(Path(__file__).resolve().parents[2])
    # After the standard library, or in front of what is installed: nothing else is shadowed.
    path = f"{root!r} in sys.path or sys.path.insert(0, {root!r})" if site else f"sys.path.append({root!r})"
    code = f"import sys; {path}; import runpy; runpy.run_module({module!r}, run_name='__main__')"
    return [sys.executable, "-I", *([] if site else ["-S"]), "-c", code]


def request(path: str, do: str, what: Sequence[str] = ()) -> Reply | None:
    """Ask the supervisor that listens at `path`; None: there is none. what: see `supervisor`.

    Raises SandboxHung if it does not answer in time or answers wrong, SandboxError if it refuses.
    """
    pid = 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(_ANSWER_SECONDS if do == "status" else _ACT_SECONDS)
        try:
            channel.connect(path)
            pid, uid, _ = struct.unpack("3i", channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            if uid != os.getuid():
                raise SandboxError(f"{path} belongs to user {uid}", "Choose another name with `--sandbox NAME`.")
            channel.sendall(json.dumps({"do": do, "what": list(what)}).encode() + b"\n")
            _wait_answer(channel, pid)
            return _reply(pid, json.loads(channel.makefile("rb").readline() or b"{}"))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except PermissionError as error:
            raise SandboxError(
                f"a sandbox of that name is another user's ({path})",
                "Be that user, which is root mostly (`sudo`); or use another name with `--sandbox NAME`.",
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            # a full queue of connections, too: nobody takes them
            raise SandboxHung(f"the sandbox's supervisor does not answer ({error!r})", pid=pid) from error


def _wait_answer(channel: socket.socket, pid: int) -> None:
    """Raises TimeoutError; at once when the other end was stopped."""
    deadline = time.monotonic() + (channel.gettimeout() or 0.0)
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    while not poll.poll(_LOOK_SECONDS * 1000):
        if is_stopped(f"/proc/{pid}"):
            raise TimeoutError("it was stopped")
        if time.monotonic() > deadline:
            raise TimeoutError("no answer in time")


def _reply(pid: int, answer: dict[str, Any]) -> Reply:
    if "error" in answer:
        raise SandboxError(f"the sandbox refused: {answer['error']}", "See `labrunner sandbox status`.")
    engine, azure, outages = answer["engine"], answer["azure"], answer.get("outages", {})
    remote = answer.get("remote", {})
    return Reply(
        pid=pid,
        name=answer["name"],
        id=answer["id"],
        folder=answer["folder"],
        format=int(answer.get("format", 1)),
        started=time.time() - float(answer.get("seconds", 0.0)),
        engine_pid=int(engine["pid"]),
        engine_seconds=float(engine.get("seconds", 0.0)),
        engine_end=engine["end"],
        azure_pid=int(azure["pid"]),
        azure_seconds=float(azure.get("seconds", 0.0)),
        azure_end=azure["end"],
        trusts=str(answer.get("trusts", "")),
        remote_pid=int(remote.get("pid", 0)),
        remote_seconds=float(remote.get("seconds", 0.0)),
        remote_wanted="remote" in answer.get("wanted", ()),
        outages={one["name"]: one["left"] for one in outages.get("set", ())},
        ended=outages.get("ended", {}),
        lingers=bool(outages.get("lingers")),
        raw=answer,
    )


def launch(config: str, log: str, *, timeout: float = 20.0) -> None:
    """Start a supervisor in namespaces of its own; it is nobody's child. Returns when its machine is made.

    Raises SandboxGone with what it said, SandboxError when it cannot be tried.
    """
    line = [
        *(host_program("setsid"), "--fork"),
        *(host_program("unshare"), "--net", "--mount", "--pid", "--uts", "--fork", "--kill-child"),
        *("--propagation", "unchanged", "--"),
        *(host_program("setpriv"), f"--bounding-set={CAPABILITIES}", "--"),
        *python_line(_SUPERVISOR, site=False),
        config,
    ]
    reader, writer = os.pipe()
    try:
        with open(log, "ab") as out:  # noqa: PTH123
            started_at = out.tell()
            # The pipe says more than a process id: it is ready, or closed because whoever held it is dead.
            subprocess.run(
                [*line, str(writer)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                pass_fds=[writer],
                env={"PATH": ":".join(_SYSTEM_PATH), "LANG": "C.UTF-8"},
                cwd="/",
                check=True,
            )
        os.close(writer)
        writer = -1
        said = _wait_ready(reader, timeout, config)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SandboxError(f"the sandbox cannot be started: {error}", "See `labrunner doctor`.") from error
    finally:
        os.close(reader)
        if writer >= 0:
            os.close(writer)
    if not said:
        words = Path(log).read_bytes()[started_at:].decode(errors="replace").strip().splitlines()
        raise SandboxGone(  # it may have been killed, or an earlier one has not ended yet
            f"the sandbox cannot be started: {words[-1] if words else 'it ended without a word'}",
            f"See `labrunner doctor`, and {log}.",
        )


def _wait_ready(reader: int, timeout: float, config: str) -> bool:
    """Whether the other end said that it is ready. False when it was closed or stopped, or said nothing in time."""
    deadline = time.monotonic() + timeout
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    while not poll.poll(_LOOK_SECONDS * 1000):
        if time.monotonic() > deadline or any(is_stopped(f"/proc/{pid}") for pid in _started_with(config)):
            return False
    return os.read(reader, 16) != b""


def is_stopped(process: str) -> bool:
    """Whether a process was stopped (SIGSTOP): no answer is to be waited for. process: its folder in a /proc."""
    try:
        return Path(process, "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0] in "tT"
    except (OSError, IndexError):
        return False


def run_errand(*words: str) -> str:
    """Run one of `sandbox.mounts` in a mount namespace of its own; its complaint, empty when all went well."""
    line = [host_program("unshare"), "--mount", "--propagation", "unchanged", "--"]
    line += [*python_line("labrunner.sandbox.mounts", site=False), *words]
    try:
        result = run_program(line, env={"PATH": ":".join(_SYSTEM_PATH), "LANG": "C.UTF-8"}, cwd="/", timeout=20)
    except ProgramError as error:
        return str(error)
    return result.stderr.strip()[-300:] or f"status {result.status}" if result.status else ""


def wait_for_end(pid: int, *, timeout: float, kill: bool) -> bool:
    """Wait until a process is gone (at once with `kill`); whether it is. PID 1 of a namespace goes last."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        if kill:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(timeout * 1000))
    finally:
        os.close(handle)


def end_supervisors(config: str, sweep: Callable[[], None], *, timeout: float = 5.0) -> None:
    """End every supervisor (and its `unshare`) that was started with that configuration file, answering or not, and
    what it holds.

    sweep: called in between. Containers that are frozen do not end by themselves, and a namespace waits for all of its
    processes. Raises SandboxError when one does not end.
    """
    deadline = time.monotonic() + timeout
    handles = [handle for pid in _started_with(config) if (handle := _handle(pid)) is not None]
    try:
        for handle in handles:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        sweep()
        for handle in handles:
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            if not poll.poll(max(0.1, deadline - time.monotonic()) * 1000):
                raise SandboxError(
                    "the sandbox's supervisor was killed and does not end: the kernel keeps it, maybe for a disk",
                    "Wait a moment and try again; if that does not help, start this machine anew.",
                )
    finally:
        for handle in handles:
            os.close(handle)


def _handle(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def _started_with(config: str) -> list[int]:
    """Supervisors, and the engine and the local Azure that a supervisor without a name any more may still wait for."""
    folder = str(Path(config).parent)
    wanted = {config.encode(), f"--data-root={folder}/engine".encode(), f"{folder}/azure".encode()}
    ours = (_SUPERVISOR.encode(), b"dockerd", _EMULATOR.encode())
    found = []
    for entry in os.listdir("/proc"):  # noqa: PTH208 - of all processes
        if entry.isdigit():
            with suppress(OSError), open(f"/proc/{entry}/cmdline", "rb") as file:  # noqa: PTH123 - of all processes
                line = file.read()
                words = line.split(b"\0")
                if not wanted.isdisjoint(words) and any(word in line for word in ours):
                    found.append(int(entry))
    return found
