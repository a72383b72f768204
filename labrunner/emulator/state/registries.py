"""The container registries: names, settings, and the passwords of their admin users."""

import hmac
import json
import re
import secrets
import string
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from sqlite3 import Row
from typing import Any

from labrunner.emulator.clock import Clock, iso
from labrunner.emulator.faults import Fault, Faults
from labrunner.emulator.issued import Issued
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.state.principals import Principal
from labrunner.emulator.state.resources import checked_location
from labrunner.emulator.store import Store

__all__ = [
    "PASSWORDS",
    "SKUS",
    "SUFFIX",
    "Authorship",
    "Registries",
    "Registry",
    "author",
    "authorship",
    "name_problem",
    "taken_message",
]

SKUS = ("Basic", "Standard", "Premium")
SUFFIX = ".azurecr.io"
PASSWORDS = ("password", "password2")

_NAME = re.compile(r"[a-zA-Z0-9]*")
_LETTERS = string.ascii_letters + string.digits
_RESERVED = frozenset({"azure", "microsoft", "windows", "login", "xbox"})
"""Guess: Microsoft's page on reserved resource names lists words, not what registries do with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorship:
    """Who made a thing and who changed it last, and when (`systemData`). Names are "" for what a course declared."""

    created_by: str
    created_by_type: str
    created: float
    modified_by: str
    modified_by_type: str
    modified: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """A container registry.

    id: its resource id, the scope of rights in it. uid: this one's own; a registry made again under the same name has
    another. properties: what Azure calls so, but for what the other fields say.
    """

    id: str
    uid: str
    name: str
    group: str
    subscription: str
    location: str
    sku: str
    login_server: str
    admin_enabled: bool
    tags: Mapping[str, str]
    properties: Mapping[str, Any]
    identity: Mapping[str, Any] | None
    authorship: Authorship

    @property
    def data_host(self) -> str:
        """Where its layers come from when it has dedicated data endpoints."""
        return f"{self.name.lower()}.{self.location}.data{SUFFIX}"

    @property
    def has_abac(self) -> bool:
        """Whether who may do what is said for each repository (`az acr create --role-assignment-mode rbac-abac`)."""
        return str(self.properties["roleAssignmentMode"]) == "AbacRepositoryPermissions"

    @property
    def trusts_content(self) -> bool:
        """Whether signatures can be pushed and pulled (`az acr config content-trust`)."""
        return str(self.properties["policies"]["trustPolicy"]["status"]).lower() == "enabled"


class Registries:
    """All registries. Names are unique in all of Azure and ignore case."""

    def __init__(self, store: Store, issued: Issued, clock: Clock, faults: Faults | None = None) -> None:
        self._store = store
        self._issued = issued
        self._clock = clock
        self._faults = faults
        store.define(
            """CREATE TABLE IF NOT EXISTS registries (
                   name TEXT PRIMARY KEY COLLATE NOCASE, uid TEXT NOT NULL, "group" TEXT NOT NULL COLLATE NOCASE,
                   subscription TEXT NOT NULL COLLATE NOCASE, location TEXT NOT NULL, sku TEXT NOT NULL,
                   admin_enabled INTEGER NOT NULL, tags TEXT NOT NULL, properties TEXT NOT NULL, identity TEXT,
                   created_by TEXT NOT NULL, created_by_type TEXT NOT NULL, created REAL NOT NULL,
                   modified_by TEXT NOT NULL, modified_by_type TEXT NOT NULL, modified REAL NOT NULL) WITHOUT ROWID""",
            """CREATE TABLE IF NOT EXISTS registry_passwords (
                   uid TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
                   PRIMARY KEY (uid, name)) WITHOUT ROWID""",
        )

    def find(self, name: str) -> Registry | None:
        """The registry of that name, wherever it is."""
        row = self._store.row("SELECT * FROM registries WHERE name = ?", name)
        return None if row is None else self._seen(row)

    def _seen(self, row: Row) -> Registry:
        """As it is now: while `lower-tier` is set, of another tier than the one that is kept."""
        found = _registry(row)
        fault = self._lowered(found)
        return found if fault is None else replace(found, sku=fault.sku)

    def _lowered(self, registry: Registry) -> Fault | None:
        fault = self._faults.active("lower-tier") if self._faults else None
        return fault if fault is not None and fault.concerns(registry.name) else None

    def get(self, subscription: str, group: str, name: str) -> Registry | None:
        """The registry of that name in that resource group."""
        found = self.find(name)
        if found is None or found.group.lower() != group.lower() or found.subscription.lower() != subscription.lower():
            return None
        return found

    def by_host(self, host: str) -> Registry | None:
        """The registry whose login server that is."""
        name = host.lower().removesuffix(SUFFIX)
        return self.find(name) if name != host.lower() and "." not in name else None

    def by_id(self, resource: str) -> Registry | None:
        """The registry of that resource id."""
        found = self.find(resource.rpartition("/")[2])
        return found if found is not None and found.id.lower() == resource.lower() else None

    def all(self, *, group: str | None = None) -> list[Registry]:
        """All registries, or those of a resource group; by name."""
        rows = self._store.rows("SELECT * FROM registries ORDER BY name")
        found = [self._seen(row) for row in rows]
        return found if group is None else [registry for registry in found if registry.group.lower() == group.lower()]

    def ensure(self, *, group: str, name: str, location: str, sku: str, subscription: str) -> Registry:
        """The registry, made if it is missing. One that is there stays as it is. Raises Refusal."""
        return self.find(name) or self.create(
            group=group, name=name, location=location, sku=sku, subscription=subscription
        )

    def create(
        self, *, group: str, name: str, location: str, sku: str, subscription: str, by: Principal | None = None
    ) -> Registry:
        """A new registry with Azure's defaults. Raises Refusal: the name is wrong or taken, no such SKU or region."""
        if problem := name_problem(name):
            raise Refusal(400, "InvalidResourceName", problem)
        if self.find(name) is not None:
            raise Refusal(  # source: azure-cli issue 13951, azure-dev-docs issue 1303
                409,
                "AlreadyInUse",
                f"The registry DNS name {name.lower()}{SUFFIX} is already in use. You can check if the name is already "
                "claimed using following API: "
                "https://docs.microsoft.com/en-us/rest/api/containerregistry/registries/checknameavailability",
            )
        location, sku, now = checked_location(location), checked_sku(sku), self._clock.now()
        who, kind = author(by)
        with self._store.write() as db:
            db.execute(
                "INSERT INTO registries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(name, str(uuid.uuid4()), group, subscription, location, sku, 0, "{}"),
                    *(json.dumps(_defaults(sku, now)), None, who, kind, now, who, kind, now),
                ),
            )
        return self._known(name)

    def change(
        self,
        registry: Registry,
        *,
        sku: str | None = None,
        admin_enabled: bool | None = None,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, Any] | None = None,
        identity: Mapping[str, Any] | None = None,
        by: Principal | None = None,
    ) -> Registry:
        """Change what is given. properties: all of them, as they are to be. A sku ends `lower-tier`."""
        who, kind = author(by)
        values: dict[str, object] = {"modified_by": who, "modified_by_type": kind, "modified": self._clock.now()}
        if sku is not None:
            values["sku"] = checked_sku(sku)
            if self._faults is not None and self._lowered(registry) is not None:
                self._faults.clear("lower-tier")
        if admin_enabled is not None:
            values["admin_enabled"] = int(admin_enabled)
        if tags is not None:
            values["tags"] = json.dumps(dict(tags))
        if properties is not None:
            values["properties"] = json.dumps(properties)
        if identity is not None:
            values["identity"] = json.dumps(identity)
        columns = ", ".join(f"{column} = ?" for column in values)
        with self._store.write() as db:
            db.execute(f"UPDATE registries SET {columns} WHERE uid = ?", (*values.values(), registry.uid))  # noqa: S608 - our own columns
        return self._known(registry.name)

    def delete(self, registry: Registry) -> None:
        """Remove the registry and its passwords. Its images and webhooks are removed by the parts that keep them."""
        with self._store.write() as db:
            db.execute("DELETE FROM registry_passwords WHERE uid = ?", (registry.uid,))
            db.execute("DELETE FROM registries WHERE uid = ?", (registry.uid,))

    def passwords(self, registry: Registry) -> dict[str, str]:
        """The admin user's two passwords, made when they are first asked for. Told to Issued."""
        rows = self._store.rows("SELECT name, value FROM registry_passwords WHERE uid = ?", registry.uid)
        there = {row["name"]: row["value"] for row in rows}
        for name in PASSWORDS:
            if name not in there:
                there[name] = self.renew_password(registry, name)
        return {name: there[name] for name in PASSWORDS}

    def renew_password(self, registry: Registry, name: str) -> str:
        """A new value for one of PASSWORDS; the old one opens nothing any more. Told to Issued."""
        value = self._issued.add(_password())
        with self._store.write() as db:
            db.execute("INSERT OR REPLACE INTO registry_passwords VALUES (?, ?, ?)", (registry.uid, name, value))
        return value

    def admin_password_matches(self, registry: Registry, user: str, password: str) -> bool:
        """Whether these are the admin user's name and one of its passwords, and the admin user is enabled."""
        fresh = self.find(registry.name)
        if fresh is None or not fresh.admin_enabled or user.lower() != fresh.name.lower():
            return False
        given = password.encode("utf-8", "surrogatepass")
        matches = [hmac.compare_digest(given, value.encode()) for value in self.passwords(fresh).values()]
        return any(matches)  # all of them are compared: how long it takes tells nothing

    def inventory(self) -> Iterator[tuple[str, str, str]]:
        """("registry", name, uid)."""
        for registry in self.all():
            yield "registry", registry.name, registry.uid

    def _known(self, name: str) -> Registry:
        registry = self.find(name)
        assert registry is not None, f"registry {name} is not there"
        return registry


def name_problem(name: str) -> str:
    """Why Azure does not take that name for a registry; "" if it does.

    The rule is the specification's; the words are a guess.
    """
    if not 5 <= len(name) <= 50 or not _NAME.fullmatch(name):
        return (
            "The specified registry name is invalid. Registry names may contain alpha numeric characters only "
            "and must be between 5 and 50 characters in length."
        )
    if name.lower() in _RESERVED:
        return f"The registry name '{name}' is reserved."
    return ""


def taken_message(name: str) -> str:
    """What the check of a name says of one that is in use. Source: the specification's example."""
    return f"The registry {name} is already in use."


def checked_sku(name: str) -> str:
    """A SKU's name as Azure writes it. Raises Refusal for one that there is not (the words are a guess)."""
    for sku in SKUS:
        if sku.lower() == name.lower():
            return sku
    raise Refusal(400, "InvalidSku", f"The SKU '{name}' is not supported. Supported SKUs: {', '.join(SKUS)}.")


def author(by: Principal | None) -> tuple[str, str]:
    """A principal as `systemData` names it: name and type; ("", "User") for nobody in particular."""
    if by is None:
        return "", "User"
    return (by.name, "User") if by.kind == "user" else (by.app_id or by.name, "Application")


def _password() -> str:
    # The form that secret scanners know: 42 letters, the signature "+ACR", 6 more (guess as to the letters).
    def some(count: int) -> str:
        return "".join(secrets.choice(_LETTERS) for _ in range(count))

    return f"{some(42)}+ACR{some(6)}"


def _defaults(sku: str, now: float) -> dict[str, Any]:
    """The properties of a new registry. Source: recording of `az acr create`, api-version 2026-03-01-preview."""
    moment = iso(now).replace("Z", "+00:00")
    properties: dict[str, Any] = {
        "policies": {
            "quarantinePolicy": {"status": "disabled"},
            "trustPolicy": {"type": "Notary", "status": "disabled"},
            "retentionPolicy": {"days": 7, "lastUpdatedTime": moment, "status": "disabled"},
            "exportPolicy": {"status": "enabled"},
            "azureADAuthenticationAsArmPolicy": {"status": "enabled"},
            "softDeletePolicy": {"retentionDays": 7, "lastUpdatedTime": moment, "status": "disabled"},
        },
        "encryption": {"status": "disabled"},
        "dataEndpointEnabled": False,
        "publicNetworkAccess": "Enabled",
        "networkRuleBypassOptions": "AzureServices",
        "networkRuleBypassAllowedForTasks": False,
        "zoneRedundancy": "Disabled",
        "anonymousPullEnabled": False,
        "metadataSearch": "Disabled",
        "roleAssignmentMode": "LegacyRegistryPermissions",
        "autoGeneratedDomainNameLabelScope": "Unsecure",
    }
    if sku == "Premium":
        properties["networkRuleSet"] = {"defaultAction": "Allow", "ipRules": []}
    return properties


def _registry(row: Row) -> Registry:
    name, group, subscription = row["name"], row["group"], row["subscription"]
    return Registry(
        id=f"/subscriptions/{subscription}/resourceGroups/{group}"
        f"/providers/Microsoft.ContainerRegistry/registries/{name}",
        uid=row["uid"],
        name=name,
        group=group,
        subscription=subscription,
        location=row["location"],
        sku=row["sku"],
        login_server=f"{name.lower()}{SUFFIX}",
        admin_enabled=bool(row["admin_enabled"]),
        tags=json.loads(row["tags"]),
        properties=json.loads(row["properties"]),
        identity=json.loads(row["identity"]) if row["identity"] else None,
        authorship=authorship(row),
    )


def authorship(row: Row) -> Authorship:
    """The columns of a thing that was made and changed by somebody."""
    return Authorship(
        created_by=row["created_by"],
        created_by_type=row["created_by_type"],
        created=row["created"],
        modified_by=row["modified_by"],
        modified_by_type=row["modified_by_type"],
        modified=row["modified"],
    )
