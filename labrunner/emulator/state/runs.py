"""Runs of tasks: what a registry was asked to run, how that went, and its log."""

import base64
import hashlib
import hmac
import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from sqlite3 import Row
from typing import Any

from labrunner.emulator.clock import Clock
from labrunner.emulator.state.principals import Principal
from labrunner.emulator.state.tasks import authored
from labrunner.emulator.store import Store

__all__ = ["FINISHED", "KINDS", "Run", "RunRequest", "Runs"]

FINISHED = ("Succeeded", "Failed", "Canceled", "Error", "Timeout")
KINDS = ("QuickBuild", "QuickRun", "AutoBuild", "AutoRun")
_PREFIX = "cf"
"""As in the recordings; Azure's differ by registry, and what they mean is not known."""
_INTERRUPTED = "The local Azure ended while this run was under way."


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What is to be run; the fields are those of Run."""

    kind: str
    step: Mapping[str, Any]
    platform: Mapping[str, str]
    cpu: int = 2
    task: str = ""
    timer: tuple[str, float] = ("", 0.0)
    archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run. registry: a resource id. name: its id within the registry. kind: of KINDS. task: "" if it is none's.

    timer: name and time of what started it, "" and 0.0 for somebody who asked. started, finished: None until then; all
    times in seconds since 1970. step: what to do. error: of a run that did not succeed.
    """

    uid: str
    registry: str
    name: str
    status: str
    kind: str
    task: str
    timer: tuple[str, float]
    platform: Mapping[str, str]
    cpu: int
    step: Mapping[str, Any]
    archived: bool
    created: float
    started: float | None
    finished: float | None
    updated: float
    error: str
    modified_by: str
    modified_by_type: str

    @property
    def id(self) -> str:
        """Its resource id."""
        return f"{self.registry}/runs/{self.name}"


class Runs:
    """All runs, and the key that opens their logs. registry: a registry's resource id."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        store.define(
            """CREATE TABLE IF NOT EXISTS runs (
                   number INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL UNIQUE,
                   registry TEXT NOT NULL COLLATE NOCASE, name TEXT NOT NULL, status TEXT NOT NULL, kind TEXT NOT NULL,
                   task TEXT NOT NULL COLLATE NOCASE, timer TEXT NOT NULL, timer_at REAL NOT NULL,
                   platform TEXT NOT NULL, cpu INTEGER NOT NULL, step TEXT NOT NULL, archived INTEGER NOT NULL,
                   created REAL NOT NULL, started REAL, finished REAL, updated REAL NOT NULL,
                   error TEXT NOT NULL, log TEXT NOT NULL,
                   modified_by TEXT NOT NULL, modified_by_type TEXT NOT NULL, UNIQUE (registry, name))""",
            "CREATE TABLE IF NOT EXISTS run_log_key (id INTEGER PRIMARY KEY CHECK (id = 1), key TEXT NOT NULL)",
        )

    def found(self) -> None:
        """Have a key for the logs; tell of runs that an end of the program interrupted."""
        with self._store.write() as db:
            db.execute("INSERT OR IGNORE INTO run_log_key VALUES (1, ?)", (secrets.token_hex(32),))
            for row in self._store.rows("SELECT uid, log FROM runs WHERE status IN ('Queued', 'Running')"):
                self.finish(row["uid"], "Error", f"{row['log']}{_INTERRUPTED}\r\n", error=_INTERRUPTED)

    def queue(self, registry: str, request: RunRequest, *, by: Principal) -> Run:
        """A new run that waits to be run."""
        now, uid = self._clock.now(), str(uuid.uuid4())
        with self._store.write() as db:
            row = self._store.row("SELECT count(*) AS count FROM runs WHERE registry = ?", registry)
            name = f"{_PREFIX}{(row['count'] if row else 0) + 1}"
            db.execute(
                "INSERT INTO runs (uid, registry, name, status, kind, task, timer, timer_at, platform, cpu, step,"
                " archived, created, updated, error, log, modified_by, modified_by_type)"
                " VALUES (?, ?, ?, 'Queued', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', ?, ?)",
                (
                    *(uid, registry, name, request.kind, request.task, *request.timer),
                    *(json.dumps(dict(request.platform)), request.cpu, json.dumps(dict(request.step))),
                    *(request.archived, now, now, *authored(by)),
                ),
            )
        return self._known(uid)

    def begin(self, uid: str) -> Run:
        """The run is under way."""
        now = self._clock.now()
        with self._store.write() as db:
            db.execute("UPDATE runs SET status = 'Running', started = ?, updated = ? WHERE uid = ?", (now, now, uid))
        return self._known(uid)

    def finish(self, uid: str, status: str, log: str, *, error: str = "") -> Run:
        """The run is over. status: of FINISHED. log: all of it, lines ended by CR LF."""
        now = self._clock.now()
        with self._store.write() as db:
            db.execute(
                "UPDATE runs SET status = ?, finished = ?, updated = ?, log = ?, error = ? WHERE uid = ?",
                (status, now, now, log, error, uid),
            )
        return self._known(uid)

    def archive(self, run: Run, *, archived: bool, by: Principal) -> Run:
        """Keep the run for long, or not."""
        with self._store.write() as db:
            db.execute(
                "UPDATE runs SET archived = ?, updated = ?, modified_by = ?, modified_by_type = ? WHERE uid = ?",
                (archived, self._clock.now(), *authored(by), run.uid),
            )
        return self._known(run.uid)

    def get(self, registry: str, name: str) -> Run | None:
        """The run of that id."""
        row = self._store.row("SELECT * FROM runs WHERE registry = ? AND name = ?", registry, name)
        return None if row is None else _run(row)

    def by_uid(self, uid: str) -> Run | None:
        """The run, wherever it is."""
        row = self._store.row("SELECT * FROM runs WHERE uid = ?", uid)
        return None if row is None else _run(row)

    def of(self, registry: str, *, task: str = "", status: str = "", top: int = -1) -> list[Run]:
        """A registry's runs, the newest first; only those of a task, or of a status; at most `top`."""
        rows = self._store.rows(
            "SELECT * FROM runs WHERE registry = ?1 AND (?2 = '' OR task = ?2)"
            " AND (?3 = '' OR lower(status) = lower(?3)) ORDER BY number DESC LIMIT ?4",
            registry,
            task,
            status,
            top,
        )
        return [_run(row) for row in rows]

    def log(self, uid: str) -> bytes:
        """What the run has said so far, UTF-8."""
        row = self._store.row("SELECT log FROM runs WHERE uid = ?", uid)
        return row["log"].encode() if row else b""

    def sign(self, text: str) -> str:
        """A signature under a text, which only who has the key can make (HMAC-SHA256, base64)."""
        row = self._store.row("SELECT key FROM run_log_key")
        if row is None:
            raise LookupError("the local Azure was not founded: World.found() comes first")
        return base64.b64encode(hmac.new(bytes.fromhex(row["key"]), text.encode(), hashlib.sha256).digest()).decode()

    def forget(self, registry: str) -> None:
        """The registry is gone, and its runs with it."""
        with self._store.write() as db:
            db.execute("DELETE FROM runs WHERE registry = ?", (registry,))

    def _known(self, uid: str) -> Run:
        run = self.by_uid(uid)
        assert run is not None, f"run {uid} is not there"
        return run


def _run(row: Row) -> Run:
    return Run(
        uid=row["uid"],
        registry=row["registry"],
        name=row["name"],
        status=row["status"],
        kind=row["kind"],
        task=row["task"],
        timer=(row["timer"], row["timer_at"]),
        platform=json.loads(row["platform"]),
        cpu=row["cpu"],
        step=json.loads(row["step"]),
        archived=bool(row["archived"]),
        created=row["created"],
        started=row["started"],
        finished=row["finished"],
        updated=row["updated"],
        error=row["error"],
        modified_by=row["modified_by"],
        modified_by_type=row["modified_by_type"],
    )
