"""Who may do what in a registry: Azure's rights as a registry's actions, and the credentials of a request."""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from labrunner.emulator.acr.errors import unauthorized
from labrunner.emulator.acr.names import checked_name
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call
from labrunner.emulator.state.directory import Principal
from labrunner.emulator.state.registries import Registry
from labrunner.emulator.tokens import TokenProblem
from labrunner.emulator.trouble import note_waiting
from labrunner.emulator.world import World

__all__ = [
    "ANONYMOUS",
    "TOKEN_USER",
    "Grant",
    "admitted",
    "basic_credentials",
    "check_password",
    "grants_of",
    "may_log_in",
    "note_awaited",
    "refresh_principal",
    "registry_of",
]

TOKEN_USER = "00000000-0000-0000-0000-000000000000"  # noqa: S105 - a user name
"""The user name that says: the password is a refresh token (Microsoft: "az acr login with --expose-token")."""

ANONYMOUS = Principal(object_id="acr_anon_pull", kind="anonymous", name="acr_anon_pull")
"""Recorded: the subject of the tokens that an open registry gives to everybody."""

_PREFIX = "Microsoft.ContainerRegistry/registries"
_RIGHTS = {
    # Recorded: a token with nothing but `pull` reads metadata and lists the catalogue.
    "pull": ("pull/read",),
    "push": ("push/write",),
    "delete": ("artifacts/delete",),
    "metadata_read": ("metadata/read", "pull/read"),
    "metadata_write": ("metadata/write",),
    "catalog": ("metadata/read", "pull/read"),
    "sign": ("trustedCollections/write",),
}
"""By which of Azure's actions a registry's action is allowed (any one suffices)."""

_DATA = frozenset({"trustedCollections/write"})
"""Those that are data actions: an owner does not have them (Microsoft: "Content trust in Azure Container Registry")."""

_ABAC = {
    "pull": "repositories/content/read",
    "push": "repositories/content/write",
    "delete": "repositories/content/delete",
    "metadata_read": "repositories/metadata/read",
    "metadata_write": "repositories/metadata/write",
    "catalog": "catalog/read",
}
"""The same where the registry is in the mode "RBAC Registry + ABAC Repository Permissions": data actions. AcrPush,
Contributor and Owner do not have them; nobody may sign (Microsoft: container-registry-rbac-abac-repository-permissions,
container-registry-rbac-built-in-roles-directory-reference)."""

_IMPLIED = {"metadata_read": "pull"}
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What the credentials of a request allow. access: (type, name) to actions; "*" is every name, or every action."""

    principal: Principal
    access: Mapping[tuple[str, str], frozenset[str]]

    def allows(self, kind: str, name: str, action: str) -> bool:
        """Whether one action is allowed."""
        wanted = {action, "*", _IMPLIED.get(action, action)}
        return any(wanted & self.access.get((kind, called), frozenset()) for called in (name, "*"))


def registry_of(call: Call) -> Registry:
    """The registry that was asked. Raises Refusal when the host name is no registry's."""
    registry = call.world.registries.by_host(call.host)
    if registry is None:
        # Of Azure, no answer would come: the name would not resolve.
        raise Refusal(404, "NAME_UNKNOWN", f"labrunner's local Azure has no registry {call.host}")
    return registry


def grants_of(world: World, registry: Registry, principal: Principal) -> frozenset[str]:
    """The registry actions that a principal has a right to, now."""
    if principal == ANONYMOUS:
        return frozenset({"pull", "metadata_read", "catalog"}) if _is_open(registry) else frozenset()
    if principal.kind == "admin" and not registry.admin_enabled:
        return frozenset()
    if registry.has_abac:
        return frozenset(
            action
            for action, source in _ABAC.items()
            if world.roles.allowed(principal, f"{_PREFIX}/{source}", registry.id, data=True)
        )
    return frozenset(
        action
        for action, sources in _RIGHTS.items()
        if any(
            world.roles.allowed(principal, f"{_PREFIX}/{source}", registry.id, data=source in _DATA)
            for source in sources
        )
    )


def may_log_in(world: World, registry: Registry, principal: Principal) -> bool:
    """Whether a principal gets tokens of the registry. Recorded: not who has no right in it.

    Guess: with permissions by repository, whoever has any role there does; what he may do is asked for each repository.
    """
    if registry.has_abac and world.roles.any_at(principal, registry.id):
        return True
    return bool(grants_of(world, registry, principal))


def note_awaited(world: World, registry: Registry, principal: Principal, actions: Iterable[str] = ()) -> None:
    """Tell if somebody is refused actions (all that there are, if none is named) that a role will allow."""
    for action in actions or _RIGHTS:
        sources = (_ABAC.get(action, ""),) if registry.has_abac else _RIGHTS[action]
        for source in filter(None, sources):
            data = registry.has_abac or source in _DATA
            held = world.roles.awaited(principal, f"{_PREFIX}/{source}", registry.id, data=data)
            if held is not None:
                note_waiting(world, held)
                return


def admitted(call: Call, actions: Sequence[str]) -> Grant:
    """Authenticate a request, and see that it may do that; sets the call's principal.

    actions: on the repository that the path names; "catalog" on the registry. Raises Refusal.
    """
    registry = registry_of(call)
    wanted = _wanted(call, actions)
    grant = _grant(call, registry, wanted)
    if not all(grant.allows(*one) for one in wanted):
        note_awaited(call.world, registry, grant.principal, actions)
        raise unauthorized(registry.login_server, wanted, error="insufficient_scope")
    call.principal = grant.principal
    return grant


def basic_credentials(call: Call) -> tuple[str, str] | None:
    """User and password of the Authorization header (RFC 7617), if it has such."""
    scheme, _, value = call.header("Authorization").strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(value.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return "", ""
    return (user, password) if colon else ("", "")


def check_password(call: Call, registry: Registry, user: str, password: str) -> Principal:
    """Whose user name and password these are: the admin user's, a service principal's, a refresh token's. Raises
    Refusal (401; words: as Docker's users report them, and Microsoft's troubleshooting page)."""
    world = call.world
    if user == TOKEN_USER:
        found = refresh_principal(call, registry, password)
        if found is None:
            raise unauthorized(registry.login_server, (), message="Invalid clientid or client secret.")
        return found
    if world.registries.admin_password_matches(registry, user, password):
        return _admin(registry)
    if not _GUID.fullmatch(user):
        raise unauthorized(registry.login_server, ())
    principal = world.directory.authenticate(user, password)
    if principal is not None:
        return principal
    known = world.directory.application_by_app_id(user) is not None or user.lower() == world.directory.operator()[0]
    said = "Invalid clientid or client secret." if known else "Application not registered with AAD."
    raise unauthorized(registry.login_server, (), message=said)


def refresh_principal(call: Call, registry: Registry, token: str) -> Principal | None:
    """Whose refresh token of this registry it is; None for what is none, or has expired."""
    try:
        return _token_principal(call, registry, token, "refresh_token")[0]
    except TokenProblem:
        return None


def _wanted(call: Call, actions: Sequence[str]) -> list[tuple[str, str, str]]:
    if "catalog" in actions:
        return [("registry", "catalog", "*")]
    if not actions:
        return []
    name = checked_name(call.params["name"])
    return [("repository", name, action) for action in actions]


def _grant(call: Call, registry: Registry, wanted: Sequence[tuple[str, str, str]]) -> Grant:
    scheme, _, token = call.header("Authorization").strip().partition(" ")
    if scheme.lower() == "bearer":
        try:
            principal, claims = _token_principal(call, registry, token.strip(), "access_token")
        except TokenProblem as problem:
            raise unauthorized(registry.login_server, wanted, error="invalid_token") from problem
        return Grant(principal=principal, access=_access(claims))
    credentials = basic_credentials(call)
    if credentials is None:
        raise unauthorized(registry.login_server, wanted)
    principal = check_password(call, registry, *credentials)
    rights = grants_of(call.world, registry, principal)
    access = {("repository", "*"): rights - {"catalog"}}
    if "catalog" in rights:
        access["registry", "catalog"] = frozenset({"*"})
    return Grant(principal=principal, access=access)


def _token_principal(call: Call, registry: Registry, token: str, kind: str) -> tuple[Principal, Mapping[str, object]]:
    """Raises TokenProblem, also for a token of an earlier registry of that name, or of somebody who is gone."""
    claims = call.world.tokens.verify(token, audience=registry.login_server)
    if claims.get("grant_type") != kind or claims.get("rid") != registry.uid.replace("-", ""):
        raise TokenProblem("forged")
    subject = str(claims.get("sub", ""))
    if subject == ANONYMOUS.object_id:
        principal: Principal | None = ANONYMOUS if _is_open(registry) else None
    elif claims.get("appid") == "" and subject == registry.name:
        principal = _admin(registry) if registry.admin_enabled else None
    else:
        principal = call.world.directory.principal(subject)
    if principal is None:
        raise TokenProblem("forged")
    return principal, claims


def _access(claims: Mapping[str, object]) -> dict[tuple[str, str], frozenset[str]]:
    listed = claims.get("access")
    found: dict[tuple[str, str], frozenset[str]] = {}
    for entry in listed if isinstance(listed, list) else ():
        key = entry["type"], entry["name"]
        found[key] = found.get(key, frozenset()) | frozenset(entry["actions"])
    return found


def _admin(registry: Registry) -> Principal:
    return Principal(object_id=registry.name, kind="admin", name=registry.name, registry=registry.id)


def _is_open(registry: Registry) -> bool:
    return registry.properties.get("anonymousPullEnabled") is True
