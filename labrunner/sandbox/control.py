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
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labrunner.sandbox.errors import SandboxError
from labrunner.shell.program import ProgramError, run_program

__all__ = [
    "CAPABILITIES",
    "Reply",
    "end_supervisors",
    "host_program",
    "launch",
    "python_line",
    "request",
    "wait_for_end",
]

CAPABILITIES = "-sys_module,-sys_time,-sys_boot,-sys_rawio"
"""Taken from everything inside: with them a slip would reach this machine's kernel, clock or hardware."""

_SUPERVISOR = "labrunner.sandbox.supervisor"
_SYSTEM_PATH = ("/usr/bin", "/bin", "/usr/sbin", "/sbin")
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A supervisor's answer. pid: its process id on this machine. Times are seconds since 1970.

    azure_pid: the local Azure's process id inside; 0: it does not run.
    """

    pid: int
    name: str
    id: str
    folder: str
    started: float
    engine_running: bool
    engine_since: float
    engine_end: str
    azure_pid: int
    azure_end: str
    raw: Mapping[str, Any] = field(default_factory=dict)


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


def request(path: str, what: str) -> Reply | None:
    """Ask the supervisor that listens at `path`; None: there is none. Raises SandboxError if it answers wrong."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(_ANSWER_SECONDS)
        try:
            channel.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        try:
            pid, uid, _ = struct.unpack("3i", channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            if uid != os.getuid():
                raise SandboxError(f"{path} belongs to user {uid}", "Choose another name with `--sandbox NAME`.")
            channel.sendall(json.dumps({"do": what}).encode() + b"\n")
            answer = json.loads(channel.makefile("rb").readline() or b"{}")
            return _reply(pid, answer)
        except (OSError, ValueError, KeyError) as error:
            raise SandboxError(
                f"the sandbox's supervisor does not answer ({error!r})", "Remove the sandbox: `labrunner sandbox down`."
            ) from error


def _reply(pid: int, answer: dict[str, Any]) -> Reply:
    if "error" in answer:
        raise SandboxError(f"the sandbox refused: {answer['error']}", "See `labrunner sandbox status`.")
    engine, azure = answer["engine"], answer["azure"]
    return Reply(
        pid=pid,
        name=answer["name"],
        id=answer["id"],
        folder=answer["folder"],
        started=answer["started"],
        engine_running=engine["running"],
        engine_since=engine["since"],
        engine_end=engine["end"],
        azure_pid=azure["pid"],
        azure_end=azure["end"],
        raw=answer,
    )


def launch(config: str, log: str, *, timeout: float = 20.0) -> None:
    """Start a supervisor in namespaces of its own; it is nobody's child. Returns when its machine is made.

    Raises SandboxError with what it said.
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
        said = _wait_ready(reader, timeout)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SandboxError(f"the sandbox cannot be started: {error}", "See `labrunner doctor`.") from error
    finally:
        os.close(reader)
        if writer >= 0:
            os.close(writer)
    if not said:
        words = Path(log).read_bytes()[started_at:].decode(errors="replace").strip().splitlines()
        raise SandboxError(
            f"the sandbox cannot be started: {words[-1] if words else 'it ended without a word'}",
            f"See `labrunner doctor`, and {log}.",
        )


def _wait_ready(reader: int, timeout: float) -> bool:
    """Whether the other end said that it is ready; False when it was closed, or said nothing in time."""
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    return bool(poll.poll(timeout * 1000)) and os.read(reader, 16) != b""


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


def end_supervisors(config: str, *, timeout: float = 5.0) -> None:
    """End every supervisor (and its `unshare`) that was started with that configuration file, answering or not."""
    deadline = time.monotonic() + timeout
    for pid in _started_with(config):
        wait_for_end(pid, timeout=max(0.1, deadline - time.monotonic()), kill=True)


def _started_with(config: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if config.encode() in words and any(_SUPERVISOR.encode() in word for word in words):
                    found.append(int(entry.name))
    return found
