"""Who there is: the tenant, its users, applications, service principals and their secrets."""

from dataclasses import dataclass

__all__ = ["Principal"]


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
