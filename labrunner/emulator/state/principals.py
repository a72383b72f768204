"""Who can be in a tenant, as values: principals, users, applications and service principals."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Application", "CredentialProblem", "Principal", "ServicePrincipal", "User"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody who can be given rights.

    kind: "user", "service-principal", "operator" (the identity that checks ask with: it may do everything and is
    listed nowhere) or "admin" (the admin user of one registry). name: a user's principal name, an application's
    display name. app_id: of a service principal. registry: the id of an admin user's registry.
    """

    object_id: str
    kind: str
    name: str
    app_id: str = ""
    registry: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """The tenant's user. name: the user principal name."""

    object_id: str
    name: str
    given_name: str
    surname: str
    created: float

    @property
    def display_name(self) -> str:
        """As people read it."""
        return f"{self.given_name} {self.surname}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An application registration. owner: the object id of who made it. properties: what else was said of it."""

    object_id: str
    app_id: str
    name: str
    created: float
    owner: str
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePrincipal:
    """An application as this tenant's principal. name: its application's, always."""

    object_id: str
    app_id: str
    name: str
    created: float
    properties: Mapping[str, Any] = field(default_factory=dict)


class CredentialProblem(Exception):  # noqa: N818 - an answer about a credential
    """kind: "unknown" (no such application), "wrong", "expired" (key_id says which) or "no-service-principal"."""

    def __init__(self, kind: str, *, key_id: str = "") -> None:
        super().__init__(kind)
        self.kind = kind
        self.key_id = key_id
