"""Brings a sandbox back: what is dead is started, what hangs is ended and started anew, and who ran runs again.

A part hangs when it was stopped, or does not answer in `_ANSWER_SECONDS` though it had the time to start. Nothing here
needs to know how it came about, or how far another recovery got before it was killed itself.
"""

import hashlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from labrunner.emulator.client import ControlClient, ControlError
from labrunner.sandbox import engine, resume
from labrunner.sandbox.control import Reply, end_supervisors, is_stopped, run_errand
from labrunner.sandbox.errors import SandboxError, SandboxGone, SandboxHung
from labrunner.sandbox.layout import FORMAT, Layout
from labrunner.sandbox.running import Sandbox, ask_supervisor, remedy_up

__all__ = ["Say", "clear", "found", "hung", "mend"]

Say = Callable[[str], object]
"""Takes one sentence for the user."""

_ANSWER_SECONDS = 3.0
_START_SECONDS = 60.0
_STARTS = 3
_POLL_SECONDS = 0.02
_OWN_START_SECONDS = 10.0
"""How long engine and local Azure may need until they answer first, on a slow machine."""
_PARTS = {"engine": "Docker Engine", "azure": "local Azure"}
_LEAK = "port is already allocated"
_ENGINE_PROGRAMS = ("dockerd", "containerd")


def clear(place: Layout) -> None:
    """End every process and control group of that folder's sandbox. Raises SandboxError when one cannot be."""
    end_supervisors(place.config, lambda: _sweep(place))


def _sweep(place: Layout) -> None:
    """In a mount namespace of its own: a chroot may have no control groups."""
    complaint = run_errand("sweep", place.group) or run_errand("sweep", f"{place.group}-remote")
    if complaint:
        raise SandboxError(
            f"what ran in sandbox '{place.name}' before has not ended (its control groups are in use): {complaint}",
            "Nothing is lost. Wait a little and give the same command again; if it stays so, restart the machine.",
        )


def found(place: Layout, say: Say) -> Reply | None:
    """The answer of the supervisor that runs, if it is of this labrunner's kind; None: there is none now.

    One that hangs, and one of another labrunner, is ended. Raises SandboxError for somebody else's.
    """
    try:
        reply = ask_supervisor(place, "status")
    except SandboxHung as error:
        if error.pid and not _is_ours(error.pid, place):
            raise SandboxError(
                f"another sandbox named '{place.name}' is running, and does not answer",
                "Use another name with `--sandbox NAME`.",
            ) from error
        say(f"The supervisor of sandbox '{place.name}' did not answer: everything is started anew, with its data.")
        return None
    if reply is None:
        return None
    if reply.format != FORMAT or not _is_whole(place):
        say(f"Sandbox '{place.name}' was started by another version of labrunner: it is started anew, with its data.")
        return None
    return reply


def _is_ours(pid: int, place: Layout) -> bool:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True  # nobody's any more
    return not line or place.config.encode() in line.split(b"\0")


def _is_whole(place: Layout) -> bool:
    return Sandbox.settings(place) is not None


def hung(place: Layout, reply: Reply) -> list[str]:
    """Which of "engine" and "azure" run and will not answer. Takes `_ANSWER_SECONDS` at most."""
    from concurrent.futures import ThreadPoolExecutor  # see `resume`

    running = [name for name, pid in (("engine", reply.engine_pid), ("azure", reply.azure_pid)) if pid]
    seconds = {"engine": reply.engine_seconds, "azure": reply.azure_seconds}
    asks = {"engine": _ask_engine, "azure": _ask_azure}
    stopped = [name for name in running if _is_part_stopped(reply, name)]
    with ThreadPoolExecutor(len(asks)) as pool:
        answers = {name: pool.submit(asks[name], place, reply) for name in running if name not in stopped}
        found = {name: answer.result() for name, answer in answers.items()}
    late = [name for name, answer in found.items() if answer is None and seconds[name] > _OWN_START_SECONDS]
    return [name for name in running if name in (*stopped, *late) or found.get(name) is False]


def _is_part_stopped(reply: Reply, name: str) -> bool:
    """Whether one of its processes was stopped, as this machine's kernel says: there is no need to wait then."""
    inside = f"/proc/{reply.pid}/root/proc"
    if name == "azure":
        return is_stopped(f"{inside}/{reply.azure_pid}")
    with suppress(OSError):
        return any(
            is_stopped(str(process))
            for process in Path(inside).iterdir()
            if process.name.isdigit() and _program(process) in _ENGINE_PROGRAMS and _is_in(process, reply.pid)
        )
    return False


def _is_in(process: Path, machine: int) -> bool:
    """Whether the process is on the network of that machine itself, not of its remote host."""
    return os.readlink(process / "ns/net") == os.readlink(f"/proc/{machine}/ns/net")  # noqa: PTH115


def _program(process: Path) -> str:
    try:
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _ask_engine(place: Layout, reply: Reply) -> bool | None:  # noqa: ARG001 - one signature for both
    """Whether it is well; None: no answer. /info asks containerd too, and goes without when that is gone."""
    root = f"/proc/{reply.pid}/root"
    try:
        engine.ask(f"{root}{engine.SOCKET}", "/info", timeout=_ANSWER_SECONDS)
    except (OSError, SandboxError, ValueError):
        return None
    return engine.has_containerd(root)


def _ask_azure(place: Layout, reply: Reply) -> bool | None:
    try:
        about = ControlClient(place.azure_control, timeout=_ANSWER_SECONDS).status()
    except ControlError:
        return None
    return bool(about.get("pid") == reply.azure_pid)


def mend(sandbox: Sandbox, reply: Reply, say: Say) -> None:
    """Have its parts running and the engine answering, and its containers as they were.

    Raises SandboxGone when the supervisor ends meanwhile, SandboxError when a part does not start.
    """
    place = sandbox.layout
    wrong = hung(place, reply)
    for name in wrong:
        say(f"The {_PARTS[name]} of sandbox '{place.name}' did not answer: it is started anew.")
    if "engine" not in wrong and _trusts_another(place, reply):
        say(f"The certificate authority of sandbox '{place.name}' is a new one: its Docker Engine is started anew.")
        wrong.append("engine")
    _act(place, "renew", wrong)
    _wait(sandbox)
    complaints = _resume(sandbox)
    leaked = [entry for entry, complaint in complaints.items() if _LEAK in complaint]
    if leaked:
        # An engine that was killed while it started a container may take the port for that one's, once.
        resume.keep(f"{place.folder}/engine", leaked)
        _act(place, "renew", ["engine"])
        _wait(sandbox)
        complaints = {entry: text for entry, text in complaints.items() if entry not in leaked} | _resume(sandbox)
    for complaint in complaints.values():
        say(complaint)


def _resume(sandbox: Sandbox) -> dict[resume.Ran, str]:
    try:
        return resume.start_again(sandbox.address, f"{sandbox.layout.folder}/engine")
    except OSError as error:
        raise SandboxGone(
            f"the Docker Engine of sandbox '{sandbox.name}' went while it started its containers: {error}",
            remedy_up(sandbox.name),
        ) from error


def _trusts_another(place: Layout, reply: Reply) -> bool:
    """Whether the local Azure has another authority by now than the engine read when it started (Go reads it once)."""
    try:
        now = hashlib.sha256(Path(place.authorities).read_bytes()).hexdigest()
    except OSError:
        return False
    return bool(reply.engine_pid and reply.trusts) and reply.trusts != now


def _act(place: Layout, do: str, what: list[str]) -> Reply:
    reply = ask_supervisor(place, do, what)
    if reply is None:
        raise SandboxGone(f"sandbox '{place.name}' ended", remedy_up(place.name))
    return reply


def _wait(sandbox: Sandbox) -> None:
    """Until the engine answers. One that ends or is stopped meanwhile is started anew, a few times."""
    place = sandbox.layout
    deadline, starts = time.monotonic() + _START_SECONDS, 1
    while True:
        reply = _act(place, "status", [])
        well = _ask_engine(place, reply)
        if well:
            sandbox.check_engine()
            return
        reply = _act(place, "status", [])
        # it also ends by itself, when its containerd was killed at the wrong moment
        again = not reply.engine_pid or well is False or _is_part_stopped(reply, "engine")
        if again and starts < _STARTS:
            starts += 1
            _act(place, "renew", ["engine"])
        elif again or time.monotonic() > deadline:
            log = f"{place.folder}/log/dockerd.log"
            raise SandboxError(
                f"the Docker Engine of sandbox '{place.name}' does not start:\n{engine.last_lines(log)}",
                f"See {log}.",
            )
        else:
            time.sleep(_POLL_SECONDS)
