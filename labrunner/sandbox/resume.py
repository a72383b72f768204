"""Containers that ran when their engine died, so that they can run again. Standard library only, and little of it.

Which those are is read from the engine's own data before the next engine starts (and forgets it), and kept in a file
there until each has been started: whatever is killed on the way, the next start goes on. The engine's data is what
dockerd 20.10 to 28 writes: containers/ID/config.v2.json and hostconfig.json (moby, container/container.go).
"""

import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from labrunner.sandbox import engine
from labrunner.sandbox.errors import SandboxError

__all__ = ["Ran", "keep", "kept", "ran", "start_again"]

_SHARED = ("NetworkMode", "IpcMode", "PidMode")
_AT_ONCE = 4
_START_SECONDS = 3.0
"""An engine whose containerd went does not say so. One that is only slow is asked again, which does no harm."""
_FILE = "labrunner-resume.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """One container. started: when, as the engine writes it. leans: whether it shares another one's namespace."""

    id: str
    name: str
    paused: bool = False
    started: str = ""
    leans: bool = False


def ran(data: str, *, is_alive: Callable[[int, str], bool], ended_since: str = "") -> list[Ran]:
    """The containers that a dead engine's data folder says to run, the earliest first.

    is_alive: of a process id and a container's id, whether that container still has its process: one may have ended
    after its engine. ended_since: also those that an orderly end of the engine took along, after that moment (as the
    engine writes it). Not those that go with their end (`--rm`), nor steps of a `docker build`.
    """
    found = []
    for folder in Path(data, "containers").glob("*/"):
        try:
            about = json.loads((folder / "config.v2.json").read_bytes())
            host = json.loads((folder / "hostconfig.json").read_bytes())
            state = about["State"]
            if host.get("AutoRemove") or _is_build_step(about, host):
                continue
            runs = state["Running"] and is_alive(int(state["Pid"]), about["ID"])
            if runs or (ended_since and _was_taken_along(about, ended_since)):
                name = str(about.get("Name", "")).lstrip("/")
                leans = any(str(host.get(mode, "")).startswith("container:") for mode in _SHARED)
                since = str(state["StartedAt"])
                found.append(Ran(id=about["ID"], name=name, paused=bool(state["Paused"]), started=since, leans=leans))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # the engine will not know it either
    return sorted(found, key=lambda entry: entry.started)


def _is_build_step(about: dict[str, Any], host: dict[str, Any]) -> bool:
    """moby, builder/dockerfile/internals.go: the classic builder alone makes them without a log, of an image's id."""
    no_log = (host.get("LogConfig") or {}).get("Type") == "none"
    return no_log and str(about["Config"].get("Image", "")).startswith("sha256:")


def _was_taken_along(about: dict[str, Any], since: str) -> bool:
    """`docker stop` and `docker kill` mark the container; an engine that ends does not (moby, daemon/kill.go)."""
    state = about["State"]
    ended = not state["Running"] and str(state.get("FinishedAt", "")) >= since
    return ended and not about.get("HasBeenManuallyStopped")


def kept(data: str) -> list[Ran]:
    """Those that are still to be started and were not removed since."""
    try:
        entries = [Ran(**entry) for entry in json.loads(Path(data, _FILE).read_bytes())]
    except (OSError, ValueError, TypeError):
        return []
    return [entry for entry in entries if Path(data, "containers", entry.id).is_dir()]


def keep(data: str, entries: Iterable[Ran]) -> None:
    """Remember these, and only these; whole or not at all. Raises OSError."""
    path = Path(data, _FILE)
    wanted = [asdict(entry) for entry in entries]
    if not wanted:
        path.unlink(missing_ok=True)
        return
    beside = path.with_suffix(".new")
    with open(beside, "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(wanted, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def start_again(address: str, data: str) -> dict[Ran, str]:
    """Start what is kept, once the engine answers at `address`; one sentence for each that does not start.

    Nothing is kept afterwards. Raises OSError when the engine stops answering: all are still kept then.
    """
    from concurrent.futures import ThreadPoolExecutor  # a third of the supervisor's imports, which does not start any

    todo = kept(data)
    first, then = [entry for entry in todo if not entry.leans], [entry for entry in todo if entry.leans]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(lambda entry: _start(address, entry), first))
    answers += [_start(address, entry) for entry in then]  # one may lean on another
    keep(data, ())
    return {entry: answer for entry, answer in zip([*first, *then], answers, strict=True) if answer}


def _start(address: str, entry: Ran) -> str:
    """Why it does not start, or nothing."""
    try:
        engine.ask(address, f"/containers/{entry.id}/start", method="POST", also=(304,), timeout=_START_SECONDS)
    except SandboxError as error:
        return f"The container {entry.name}, which ran before, does not start: {error}"
    if entry.paused:
        with suppress(SandboxError):  # it is paused already
            engine.ask(address, f"/containers/{entry.id}/pause", method="POST", timeout=_START_SECONDS)
    return ""
