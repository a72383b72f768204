"""Webhooks of registries, and the events that they were told of."""

import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from sqlite3 import Row
from typing import Any

from labrunner.emulator.clock import Clock, iso
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.state.principals import Principal
from labrunner.emulator.state.registries import Authorship, Registry, author, authorship
from labrunner.emulator.store import Store

__all__ = ["ACTIONS", "LIMITS", "Event", "Webhook", "Webhooks"]

ACTIONS = ("chart_delete", "chart_push", "delete", "push", "quarantine")
"""What a webhook can be told of. Source: WebhookAction in the service's specification."""

LIMITS = {"Basic": 2, "Standard": 10, "Premium": 500}
"""How many webhooks a registry may have. Source: Microsoft's page on registry SKUs."""

_NAME = re.compile(r"[a-zA-Z0-9]{5,50}")
_KEPT_EVENTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A webhook. registry: its registry's resource id. uid: this one's own."""

    uid: str
    registry: str
    name: str
    location: str
    status: str
    scope: str
    actions: tuple[str, ...]
    service_uri: str
    headers: Mapping[str, str]
    tags: Mapping[str, str]
    authorship: Authorship

    @property
    def id(self) -> str:
        """Its resource id."""
        return f"{self.registry}/webhooks/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event as `listEvents` shows it. response: None as long as nobody tried to deliver it."""

    id: str
    webhook: str
    request: Mapping[str, Any]
    response: Mapping[str, Any] | None


class Webhooks:
    """All webhooks. What is to be delivered waits here until somebody says how that went."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._subscribers: list[Callable[[], None]] = []
        store.define(
            """CREATE TABLE IF NOT EXISTS webhooks (
                   uid TEXT PRIMARY KEY, registry TEXT NOT NULL COLLATE NOCASE, name TEXT NOT NULL COLLATE NOCASE,
                   location TEXT NOT NULL, status TEXT NOT NULL, scope TEXT NOT NULL, actions TEXT NOT NULL,
                   service_uri TEXT NOT NULL, headers TEXT NOT NULL, tags TEXT NOT NULL,
                   created_by TEXT NOT NULL, created_by_type TEXT NOT NULL, created REAL NOT NULL,
                   modified_by TEXT NOT NULL, modified_by_type TEXT NOT NULL, modified REAL NOT NULL,
                   UNIQUE (registry, name))""",
            """CREATE TABLE IF NOT EXISTS webhook_events (
                   number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, webhook TEXT NOT NULL,
                   request TEXT NOT NULL, response TEXT)""",
            "CREATE INDEX IF NOT EXISTS webhook_events_of ON webhook_events (webhook, number)",
        )

    def of(self, registry: Registry) -> list[Webhook]:
        """A registry's webhooks, by name."""
        return self._of(registry.id)

    def get(self, registry: Registry, name: str) -> Webhook | None:
        """The webhook of that name."""
        row = self._store.row("SELECT * FROM webhooks WHERE registry = ? AND name = ?", registry.id, name)
        return None if row is None else _webhook(row)

    def ensure(self, registry: Registry, *, name: str, actions: Sequence[str], service_uri: str) -> Webhook:
        """The webhook, made if it is missing. One that is there stays as it is. Raises Refusal."""
        return self.get(registry, name) or self.put(
            registry, name=name, location=registry.location, actions=actions, service_uri=service_uri
        )

    def put(  # noqa: PLR0913 - so many settings has a webhook
        self,
        registry: Registry,
        *,
        name: str,
        location: str,
        actions: Sequence[str],
        service_uri: str,
        headers: Mapping[str, str] | None = None,
        status: str = "enabled",
        scope: str = "",
        tags: Mapping[str, str] | None = None,
        by: Principal | None = None,
    ) -> Webhook:
        """Create the webhook, or replace its settings. Raises Refusal: a wrong setting, or too many for the SKU."""
        there, now = self.get(registry, name), self._clock.now()
        who, kind = author(by)
        webhook = Webhook(
            uid=str(uuid.uuid4()) if there is None else there.uid,
            registry=registry.id,
            name=name if there is None else there.name,
            location=location,
            status=status,
            scope=scope,
            actions=tuple(actions),
            service_uri=service_uri,
            headers=dict(headers or {}),
            tags=dict(tags or {}),
            authorship=Authorship(
                created_by=who if there is None else there.authorship.created_by,
                created_by_type=kind if there is None else there.authorship.created_by_type,
                created=now if there is None else there.authorship.created,
                modified_by=who,
                modified_by_type=kind,
                modified=now,
            ),
        )
        _check(webhook)
        if there is None and len(self.of(registry)) >= LIMITS[registry.sku]:
            raise Refusal(  # guess: the words of Azure's refusal are not known
                409,
                "QuotaExceeded",
                f"The registry {registry.name} has {LIMITS[registry.sku]} webhooks, which is the maximum of the SKU "
                f"{registry.sku}.",
            )
        self._keep(webhook)
        return webhook

    def delete(self, webhook: Webhook) -> None:
        """Remove a webhook and its events."""
        with self._store.write() as db:
            db.execute("DELETE FROM webhook_events WHERE webhook = ?", (webhook.uid,))
            db.execute("DELETE FROM webhooks WHERE uid = ?", (webhook.uid,))

    def forget(self, registry_id: str) -> None:
        """Remove all of a registry."""
        for webhook in self._of(registry_id):
            self.delete(webhook)

    def record(  # noqa: PLR0913 - so much is said of an event
        self,
        registry_id: str,
        *,
        action: str,
        repository: str,
        tag: str,
        digest: str,
        media_type: str,
        size: int,
        actor: str,
        user_agent: str,
    ) -> None:
        """Tell a registry's webhooks of what happened. Those that want it get an event; delivery comes later.

        action: "push" or "delete". tag: "" if there is none. size: of the manifest, in bytes. actor: Azure's events do
        not name it, so neither do these. Source of the shape: Microsoft's reference of webhook payloads.
        """
        del actor
        target: dict[str, Any] = {"mediaType": media_type, "digest": digest, "repository": repository}
        if action == "push":
            target |= {"size": size, "length": size}
        if tag:
            target["tag"] = tag
        host = f"{registry_id.rpartition('/')[2].lower()}.azurecr.io"
        content = {
            "target": target,
            "request": {
                "id": str(uuid.uuid4()),
                "host": host,
                "method": "PUT" if action == "push" else "DELETE",
                "useragent": user_agent,
            },
        }
        for webhook in self._of(registry_id):
            if webhook.status == "enabled" and action in webhook.actions and _in_scope(webhook.scope, repository, tag):
                self._add(webhook, action, content)

    def ping(self, webhook: Webhook) -> str:
        """Have a webhook told that it is there. Returns the event's id."""
        return self._add(webhook, "ping", {})

    def events(self, webhook: Webhook) -> list[Event]:
        """What a webhook was told of, the newest first."""
        rows = self._store.rows("SELECT * FROM webhook_events WHERE webhook = ? ORDER BY number DESC", webhook.uid)
        return [_event(row) for row in rows]

    def pending(self) -> list[Event]:
        """Events that nobody tried to deliver yet, the oldest first."""
        return [
            _event(row)
            for row in self._store.rows("SELECT * FROM webhook_events WHERE response IS NULL ORDER BY number")
        ]

    def answered(self, event_id: str, response: Mapping[str, Any]) -> None:
        """How the delivery of an event went, as `eventResponseMessage` shows it."""
        with self._store.write() as db:
            db.execute("UPDATE webhook_events SET response = ? WHERE id = ?", (json.dumps(response), event_id))

    def subscribe(self, tell: Callable[[], None]) -> Callable[[], None]:
        """Have `tell` called when events wait for delivery; the result ends that.

        It is called before the transaction ends, so it must not look at once, must not raise, must not block.
        """
        self._subscribers.append(tell)
        return lambda: self._subscribers.remove(tell)

    def inventory(self) -> Iterator[tuple[str, str, str]]:
        """("webhook", "REGISTRY/NAME", uid)."""
        for row in self._store.rows("SELECT * FROM webhooks ORDER BY registry, name"):
            webhook = _webhook(row)
            yield "webhook", f"{webhook.registry.rpartition('/')[2]}/{webhook.name}", webhook.uid

    def _of(self, registry_id: str) -> list[Webhook]:
        rows = self._store.rows("SELECT * FROM webhooks WHERE registry = ? ORDER BY name", registry_id)
        return [_webhook(row) for row in rows]

    def _keep(self, webhook: Webhook) -> None:
        made = webhook.authorship
        with self._store.write() as db:
            db.execute(
                "INSERT OR REPLACE INTO webhooks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(webhook.uid, webhook.registry, webhook.name, webhook.location, webhook.status, webhook.scope),
                    *(json.dumps(webhook.actions), webhook.service_uri),
                    *(json.dumps(webhook.headers), json.dumps(webhook.tags)),
                    *(made.created_by, made.created_by_type, made.created),
                    *(made.modified_by, made.modified_by_type, made.modified),
                ),
            )

    def _add(self, webhook: Webhook, action: str, content: Mapping[str, Any]) -> str:
        event_id = str(uuid.uuid4())
        body = {"id": event_id, "timestamp": iso(self._clock.now()), "action": action, **content}
        length = len(json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode())
        request = {
            "content": body,
            "headers": {
                **webhook.headers,
                "Content-Type": "application/json; charset=utf-8",
                "Content-Length": str(length),
            },
            "method": "POST",
            "requestUri": webhook.service_uri,
            "version": "1.1",
        }
        with self._store.write() as db:
            db.execute(
                "INSERT INTO webhook_events (id, webhook, request) VALUES (?, ?, ?)",
                (event_id, webhook.uid, json.dumps(request)),
            )
            db.execute(
                """DELETE FROM webhook_events WHERE webhook = ?1 AND number <=
                   (SELECT number FROM webhook_events WHERE webhook = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)""",
                (webhook.uid, _KEPT_EVENTS),
            )
        for tell in self._subscribers:
            tell()
        return event_id


def _in_scope(scope: str, repository: str, tag: str) -> bool:
    """Whether a push to repository:tag is in a webhook's scope.

    `foo:*` is every tag of foo, `foo:bar` one tag, `foo` is foo:latest, "" is everything (source: the specification's
    words on `scope`; `foo*` for every repository that begins so is from Microsoft's page on webhooks).
    """
    if not scope:
        return True
    wanted, _, wanted_tag = scope.partition(":")
    if wanted.endswith("*"):
        if not repository.startswith(wanted[:-1]):
            return False
    elif wanted != repository:
        return False
    return wanted_tag == "*" or tag == (wanted_tag or "latest")


def _check(webhook: Webhook) -> None:
    # The rules are the specification's; the words are a guess.
    if not _NAME.fullmatch(webhook.name):
        problem = "The webhook name must be 5 to 50 alphanumeric characters."
    elif not webhook.actions or any(action not in ACTIONS for action in webhook.actions):
        problem = f"The webhook actions must be some of: {', '.join(ACTIONS)}."
    elif webhook.status not in {"enabled", "disabled"}:
        problem = "The webhook status must be 'enabled' or 'disabled'."
    elif not re.fullmatch(r"https?://[^\s/?#]+\S*", webhook.service_uri):
        problem = "The webhook service URI must be an http or https address."
    else:
        return
    raise Refusal(400, "InvalidRequest", f"{problem} (webhook '{webhook.name}')")


def _webhook(row: Row) -> Webhook:
    return Webhook(
        uid=row["uid"],
        registry=row["registry"],
        name=row["name"],
        location=row["location"],
        status=row["status"],
        scope=row["scope"],
        actions=tuple(json.loads(row["actions"])),
        service_uri=row["service_uri"],
        headers=json.loads(row["headers"]),
        tags=json.loads(row["tags"]),
        authorship=authorship(row),
    )


def _event(row: Row) -> Event:
    return Event(
        id=row["id"],
        webhook=row["webhook"],
        request=json.loads(row["request"]),
        response=json.loads(row["response"]) if row["response"] else None,
    )
