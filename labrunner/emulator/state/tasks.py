"""ACR tasks: what a registry is to run, and when."""

import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from sqlite3 import Row
from typing import Any

from labrunner.emulator.clock import Clock
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.state.cron import Cron, CronProblem
from labrunner.emulator.state.principals import Principal
from labrunner.emulator.state.registries import Authorship, authorship
from labrunner.emulator.store import Store

__all__ = ["Task", "Tasks", "authored", "merged"]

_NAME = re.compile(r"[a-zA-Z0-9-_]{5,50}")
_STATUSES = ("Enabled", "Disabled")
_STEPS = ("Docker", "FileTask", "EncodedTask")
_DEFAULT_SECONDS, _SHORTEST, _LONGEST = 3600, 300, 28800
_SECRETS = ("contextAccessToken", "sourceControlAuthProperties")
"""Members that Azure takes and shows to nobody. They are thrown away: no step that runs here needs them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task. registry: its registry's resource id. uid: this one's own. properties: as Azure shows them, but for state
    and creation date."""

    uid: str
    registry: str
    name: str
    location: str
    tags: Mapping[str, str]
    properties: Mapping[str, Any]
    authorship: Authorship

    @property
    def id(self) -> str:
        """Its resource id."""
        return f"{self.registry}/tasks/{self.name}"

    @property
    def step(self) -> Mapping[str, Any]:
        """What it does; {} for a system task."""
        found: Mapping[str, Any] = self.properties.get("step") or {}
        return found

    @property
    def timers(self) -> dict[str, str]:
        """Cron expressions by the names of its timers that are enabled."""
        triggers = (self.properties.get("trigger") or {}).get("timerTriggers") or ()
        enabled = self.properties["status"] == "Enabled"
        return {timer["name"]: timer["schedule"] for timer in triggers if enabled and timer["status"] == "Enabled"}


class Tasks:
    """All tasks. Names ignore case. registry: a registry's resource id."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._subscribers: list[Callable[[], None]] = []
        store.define(
            """CREATE TABLE IF NOT EXISTS tasks (
                   uid TEXT PRIMARY KEY, registry TEXT NOT NULL COLLATE NOCASE, name TEXT NOT NULL COLLATE NOCASE,
                   location TEXT NOT NULL, tags TEXT NOT NULL, properties TEXT NOT NULL, created_by TEXT NOT NULL,
                   created_by_type TEXT NOT NULL, created REAL NOT NULL, modified_by TEXT NOT NULL,
                   modified_by_type TEXT NOT NULL, modified REAL NOT NULL, UNIQUE (registry, name))"""
        )

    def get(self, registry: str, name: str) -> Task | None:
        """The task of that name."""
        row = self._store.row("SELECT * FROM tasks WHERE registry = ? AND name = ?", registry, name)
        return None if row is None else _task(row)

    def of(self, registry: str) -> list[Task]:
        """A registry's tasks, by name."""
        return [
            _task(row) for row in self._store.rows("SELECT * FROM tasks WHERE registry = ? ORDER BY name", registry)
        ]

    def all(self) -> list[Task]:
        """The tasks of all registries."""
        return [_task(row) for row in self._store.rows("SELECT * FROM tasks ORDER BY registry, name")]

    def put(
        self,
        registry: str,
        name: str,
        *,
        location: str,
        properties: Mapping[str, Any],
        tags: Mapping[str, str],
        by: Principal,
    ) -> Task:
        """Create the task, or replace it. Raises Refusal (400) for what Azure does not take."""
        if not _NAME.fullmatch(name):
            # The rule is the specification's, the words are a guess.
            raise _invalid(f"The task name '{name}' must have 5 to 50 letters, digits, '-' or '_'.")
        kept, there, now = _checked(properties), self.get(registry, name), self._clock.now()
        author, kind = authored(by)
        created = (author, kind, now)
        if there is not None:
            was = there.authorship
            created = (was.created_by, was.created_by_type, was.created)
        uid = there.uid if there else str(uuid.uuid4())
        with self._store.write() as db:
            db.execute(
                "INSERT OR REPLACE INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(uid, registry, there.name if there else name, location, json.dumps(dict(tags))),
                    *(json.dumps(kept), *created, author, kind, now),
                ),
            )
        made = self.get(registry, name)
        assert made is not None
        for tell in self._subscribers:
            tell()
        return made

    def delete(self, task: Task) -> None:
        """Remove a task; its runs stay."""
        with self._store.write() as db:
            db.execute("DELETE FROM tasks WHERE uid = ?", (task.uid,))

    def forget(self, registry: str) -> None:
        """The registry is gone, and its tasks with it."""
        with self._store.write() as db:
            db.execute("DELETE FROM tasks WHERE registry = ?", (registry,))

    def subscribe(self, tell: Callable[[], None]) -> Callable[[], None]:
        """Have `tell` called when there is a task that may be due; the result ends that.

        It may be called before the transaction ends, so it must not look at once, must not raise, must not block.
        """
        self._subscribers.append(tell)
        return lambda: self._subscribers.remove(tell)

    def inventory(self) -> Iterator[tuple[str, str, str]]:
        """("task", "REGISTRY/NAME", uid)."""
        for task in self.all():
            yield "task", f"{task.registry.rpartition('/')[2]}/{task.name}", task.uid


def authored(by: Principal) -> tuple[str, str]:
    """Somebody's name and kind as `systemData` writes them."""
    return (by.name, "User") if by.kind == "user" else (by.app_id or by.name, "Application")


def merged(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with others on top, as PATCH has it: objects merge, lists of named things merge by name, null removes.

    Source: recordings of `az acr task update` and `az acr task credential`; a step of another type replaces the
    old one.
    """
    found = dict(there)
    for key, value in wanted.items():
        before = found.get(key)
        if value is None:
            found.pop(key, None)
        elif isinstance(value, dict) and isinstance(before, dict):
            same = value.get("type", before.get("type")) == before.get("type")
            found[key] = merged(before, value) if same else value
        elif isinstance(value, list) and isinstance(before, list) and all(_named(entry) for entry in (*value, *before)):
            by_name = {entry["name"]: entry for entry in before}
            for entry in value:
                by_name[entry["name"]] = merged(by_name.get(entry["name"], {}), entry)
            found[key] = list(by_name.values())
        else:
            found[key] = value
    return found


def _named(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("name"), str)


def _checked(properties: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a task's properties, with Azure's defaults, in the order of the recordings."""
    status = properties.get("status", "Enabled")
    if status not in _STATUSES:
        raise _invalid(f"The task status '{status}' must be one of: {', '.join(_STATUSES)}.")
    seconds = properties.get("timeout", _DEFAULT_SECONDS)
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not _SHORTEST <= seconds <= _LONGEST:
        raise _invalid(f"The timeout '{seconds}' must be {_SHORTEST} to {_LONGEST} seconds.")
    system = properties.get("isSystemTask", False)
    kept: dict[str, Any] = {"status": status}
    for name in ("platform", "agentConfiguration", "agentPoolName"):
        if properties.get(name):
            kept[name] = properties[name]
    if not system:
        kept.setdefault("platform", {"os": "linux", "architecture": "amd64"})
        kept.setdefault("agentConfiguration", {"cpu": 2})
    kept["timeout"] = seconds
    if not system:
        kept["step"] = _step(properties.get("step"))
    trigger = _trigger(properties.get("trigger"))
    if trigger:
        kept["trigger"] = trigger
    servers = _object(_object(properties.get("credentials"), "credentials").get("customRegistries"), "customRegistries")
    if servers:
        # Recorded: the names of the servers are shown, and null for what was given with them.
        kept["credentials"] = {"customRegistries": dict.fromkeys(servers)}
    if properties.get("logTemplate"):
        kept["logTemplate"] = properties["logTemplate"]
    kept["isSystemTask"] = bool(system)
    return kept


def _step(value: object) -> dict[str, Any]:
    step = _object(value, "step")
    if step.get("type") not in _STEPS:
        raise _invalid(f"The step type '{step.get('type')}' must be one of: {', '.join(_STEPS)}.")
    return _without_secrets(step)


def _without_secrets(step: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in step.items() if key not in _SECRETS and value is not None}
    for key in ("values", "arguments"):
        if isinstance(kept.get(key), list):
            kept[key] = [_argument(_object(entry, key)) for entry in kept[key]]
    return kept


def _argument(entry: dict[str, Any]) -> dict[str, Any]:
    if not entry.get("isSecret"):
        return entry
    return {"name": entry.get("name", ""), "isSecret": True}


def _trigger(value: object) -> dict[str, Any]:
    trigger = {key: found for key, found in _object(value, "trigger").items() if found}
    timers = trigger.get("timerTriggers")
    if timers is not None:
        trigger["timerTriggers"] = (
            [_timer(timer) for timer in timers] if isinstance(timers, list) else _no_list("timer")
        )
    sources = trigger.get("sourceTriggers")
    if sources is not None:
        trigger["sourceTriggers"] = (
            [_source(source) for source in sources] if isinstance(sources, list) else _no_list("source")
        )
    return trigger


def _timer(value: object) -> dict[str, Any]:
    timer = _object(value, "timerTriggers")
    name, schedule = timer.get("name"), timer.get("schedule")
    if not isinstance(name, str) or not name or not isinstance(schedule, str):
        raise _invalid("A timer trigger must have a name and a schedule.")
    try:
        Cron.of(schedule)
    except CronProblem as problem:
        raise _invalid(
            f"The schedule of the timer trigger '{name}' is not a valid cron expression: {problem}."
        ) from problem
    return {"schedule": schedule, "status": timer.get("status") or "Enabled", "name": name}


def _source(value: object) -> dict[str, Any]:
    source = _object(value, "sourceTriggers")
    repository = _object(source.get("sourceRepository"), "sourceRepository")
    return {**source, "sourceRepository": {key: item for key, item in repository.items() if key not in _SECRETS}}


def _no_list(what: str) -> list[Any]:
    raise _invalid(f"The {what} triggers are not a list.")


def _object(value: object, name: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _invalid(f"'{name}' is not an object.")
    return value


def _invalid(message: str) -> Refusal:
    return Refusal(400, "InvalidRequest", message)  # guess: the words of Azure's refusals of tasks are not known


def _task(row: Row) -> Task:
    return Task(
        uid=row["uid"],
        registry=row["registry"],
        name=row["name"],
        location=row["location"],
        tags=json.loads(row["tags"]),
        properties=json.loads(row["properties"]),
        authorship=authorship(row),
    )
