"""Who there is: the tenant, its user, applications and service principals."""

import hmac
import json
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from labrunner.emulator.clock import Clock
from labrunner.emulator.issued import Issued
from labrunner.emulator.state.client_secrets import ClientSecrets, Credential, new_secret
from labrunner.emulator.state.principals import Application, CredentialProblem, Principal, ServicePrincipal, User
from labrunner.emulator.state.refresh_tokens import RefreshTokens
from labrunner.emulator.store import Store

__all__ = [
    "Application",
    "Credential",
    "CredentialProblem",
    "Directory",
    "Principal",
    "ServicePrincipal",
    "User",
]

_DOMAIN = "labrunner.onmicrosoft.com"

_TABLES = (
    """CREATE TABLE IF NOT EXISTS directory (
        id INTEGER PRIMARY KEY CHECK (id = 1), tenant TEXT NOT NULL, domain TEXT NOT NULL, created REAL NOT NULL,
        user_id TEXT NOT NULL, user_name TEXT NOT NULL, given_name TEXT NOT NULL, surname TEXT NOT NULL,
        operator_id TEXT NOT NULL, operator_app_id TEXT NOT NULL, operator_secret TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS application (
        object_id TEXT PRIMARY KEY, app_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, created REAL NOT NULL,
        owner TEXT NOT NULL, properties TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS service_principal (
        object_id TEXT PRIMARY KEY, app_id TEXT NOT NULL UNIQUE REFERENCES application (app_id) ON DELETE CASCADE,
        created REAL NOT NULL, properties TEXT NOT NULL)""",
)


class Directory:
    """One tenant. Ids compare without regard to case, as GUIDs do.

    client_secrets: what its applications sign in with. refresh_tokens: what sign-ins left.
    """

    def __init__(self, store: Store, issued: Issued, clock: Clock) -> None:
        self._store = store
        self._issued = issued
        self._clock = clock
        store.define(*_TABLES)
        self.client_secrets = ClientSecrets(store, issued, clock)
        self.refresh_tokens = RefreshTokens(store, issued, clock)

    def found(self) -> None:
        """Make the tenant with its user and the operator, once. Idempotent."""
        if self._store.row("SELECT 1 FROM directory"):
            return
        values = {
            "tenant": _guid(),
            "domain": _DOMAIN,
            "created": self._clock.now(),
            "user_id": _guid(),
            "user_name": f"student@{_DOMAIN}",
            "given_name": "Lab",
            "surname": "Student",
            "operator_id": _guid(),
            "operator_app_id": _guid(),
            "operator_secret": self._issued.add(new_secret()),
        }
        with self._store.write() as db:
            _insert(db, "directory", {"id": 1, **values})

    @property
    def tenant(self) -> str:
        """The tenant's id."""
        return str(self._founded()["tenant"])

    @property
    def domain(self) -> str:
        """The tenant's first domain."""
        return str(self._founded()["domain"])

    def user(self) -> User:
        """The one user there is: the sandbox's identity."""
        row = self._founded()
        return User(
            object_id=row["user_id"],
            name=row["user_name"],
            given_name=row["given_name"],
            surname=row["surname"],
            created=row["created"],
        )

    def signed_in_user(self) -> Principal:
        """The sandbox's identity."""
        user = self.user()
        return Principal(object_id=user.object_id, kind="user", name=user.name)

    def operator(self) -> tuple[str, str]:
        """The client id and the secret of the identity that checks ask with."""
        row = self._founded()
        return row["operator_app_id"], row["operator_secret"]

    def principal(self, object_id: str) -> Principal | None:
        """Whose object id that is: the user's, a service principal's or the operator's."""
        object_id = object_id.lower()
        row = self._founded()
        if object_id == row["user_id"]:
            return self.signed_in_user()
        if object_id == row["operator_id"]:
            return self._operator_principal()
        found = self.service_principal(object_id)
        return None if found is None else _principal(found)

    def authenticate(self, app_id: str, secret: str) -> Principal | None:
        """Who signs in with that client secret: a service principal, the operator, or nobody."""
        try:
            return self.sign_in(app_id, secret)
        except CredentialProblem:
            return None

    def sign_in(self, app_id: str, secret: str) -> Principal:
        """As `authenticate`, but says why not. Raises CredentialProblem."""
        app_id = app_id.lower()
        identity, operators = self.operator()
        if app_id == identity:
            if not hmac.compare_digest(secret.encode("utf-8", "replace"), operators.encode()):
                raise CredentialProblem("wrong")
            return self._operator_principal()
        if self.application_by_app_id(app_id) is None:
            raise CredentialProblem("unknown")
        self.client_secrets.require(app_id, secret)
        found = self.service_principal_by_app_id(app_id)
        if found is None:
            raise CredentialProblem("no-service-principal")
        return _principal(found)

    def applications(self) -> list[Application]:
        """All of them, oldest first."""
        return [_application(row) for row in self._store.rows("SELECT * FROM application ORDER BY created, object_id")]

    def application(self, object_id: str) -> Application | None:
        """By its object id."""
        row = self._store.row("SELECT * FROM application WHERE object_id = ?", object_id.lower())
        return None if row is None else _application(row)

    def application_by_app_id(self, app_id: str) -> Application | None:
        """By its application (client) id."""
        row = self._store.row("SELECT * FROM application WHERE app_id = ?", app_id.lower())
        return None if row is None else _application(row)

    def add_application(self, name: str, *, owner: str, properties: Mapping[str, Any]) -> Application:
        """Register one. Names need not be unique. owner: an object id."""
        values: dict[str, Any] = {
            "object_id": _guid(),
            "app_id": _guid(),
            "name": name,
            "created": self._clock.now(),
            "owner": owner,
            "properties": json.dumps(dict(properties)),
        }
        with self._store.write() as db:
            _insert(db, "application", values)
        return Application(**{**values, "properties": dict(properties)})

    def update_application(self, application: Application, *, name: str, properties: Mapping[str, Any]) -> None:
        """Change what it is called and what is said of it."""
        with self._store.write() as db:
            db.execute(
                "UPDATE application SET name = ?, properties = ? WHERE object_id = ?",
                (name, json.dumps(dict(properties)), application.object_id),
            )

    def remove_application(self, application: Application) -> None:
        """Remove it with its secrets and its service principal. Role assignments stay behind, as in Azure."""
        with self._store.write() as db:
            self.refresh_tokens.forget(client_id=application.app_id)
            db.execute("DELETE FROM application WHERE object_id = ?", (application.object_id,))

    def secrets(self, holder: Application | ServicePrincipal) -> list[Credential]:
        """See `ClientSecrets.of`."""
        return self.client_secrets.of(holder)

    def add_secret(
        self, holder: Application | ServicePrincipal, *, name: str | None, starts: float, ends: float
    ) -> tuple[Credential, str]:
        """See `ClientSecrets.add`."""
        return self.client_secrets.add(holder, name=name, starts=starts, ends=ends)

    def remove_secret(self, holder: Application | ServicePrincipal, key_id: str) -> bool:
        """See `ClientSecrets.remove`."""
        return self.client_secrets.remove(holder, key_id)

    def service_principals(self) -> list[ServicePrincipal]:
        """All of them, oldest first; the operator is not among them."""
        rows = self._store.rows(
            f"{_SERVICE_PRINCIPALS} ORDER BY service_principal.created, service_principal.object_id"
        )
        return [_service_principal(row) for row in rows]

    def service_principal(self, object_id: str) -> ServicePrincipal | None:
        """By its object id."""
        row = self._store.row(f"{_SERVICE_PRINCIPALS} WHERE service_principal.object_id = ?", object_id.lower())
        return None if row is None else _service_principal(row)

    def service_principal_by_app_id(self, app_id: str) -> ServicePrincipal | None:
        """By its application's id."""
        row = self._store.row(f"{_SERVICE_PRINCIPALS} WHERE service_principal.app_id = ?", app_id.lower())
        return None if row is None else _service_principal(row)

    def add_service_principal(self, application: Application, *, properties: Mapping[str, Any]) -> ServicePrincipal:
        """Make an application a principal; it must not be one already."""
        values: dict[str, Any] = {
            "object_id": _guid(),
            "app_id": application.app_id,
            "created": self._clock.now(),
            "properties": json.dumps(dict(properties)),
        }
        with self._store.write() as db:
            _insert(db, "service_principal", values)
        return ServicePrincipal(**{**values, "name": application.name, "properties": dict(properties)})

    def remove_service_principal(self, principal: ServicePrincipal) -> None:
        """Remove it with its own secrets; its application stays with its."""
        with self._store.write() as db:
            self.client_secrets.forget(principal)
            db.execute("DELETE FROM service_principal WHERE object_id = ?", (principal.object_id,))

    def inventory(self) -> Iterator[tuple[str, str, str]]:
        """(kind, name, id) of what was made here."""
        holders: tuple[tuple[str, list[Any]], ...] = (
            ("application", self.applications()),
            ("service-principal", self.service_principals()),
        )
        for kind, found in holders:
            for holder in found:
                yield kind, holder.name, holder.object_id
                for secret in self.secrets(holder):
                    yield "client-secret", f"{holder.name}/{secret.name or secret.hint}", secret.key_id

    def _founded(self) -> sqlite3.Row:
        row = self._store.row("SELECT * FROM directory")
        if row is None:
            raise LookupError("the tenant was not founded")
        return row

    def _operator_principal(self) -> Principal:
        row = self._founded()
        return Principal(
            object_id=row["operator_id"], kind="operator", name="labrunner checks", app_id=row["operator_app_id"]
        )


_SERVICE_PRINCIPALS = (
    "SELECT service_principal.*, application.name AS name FROM service_principal JOIN application USING (app_id)"
)


def _guid() -> str:
    return str(uuid.uuid4())


def _insert(db: sqlite3.Connection, table: str, values: Mapping[str, Any]) -> None:
    columns, marks = ", ".join(values), ", ".join("?" for _ in values)
    db.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(values.values()))  # noqa: S608 - our names


def _principal(found: ServicePrincipal) -> Principal:
    return Principal(object_id=found.object_id, kind="service-principal", name=found.name, app_id=found.app_id)


def _application(row: sqlite3.Row) -> Application:
    return Application(**{**dict(row), "properties": json.loads(row["properties"])})


def _service_principal(row: sqlite3.Row) -> ServicePrincipal:
    return ServicePrincipal(**{**dict(row), "properties": json.loads(row["properties"])})
