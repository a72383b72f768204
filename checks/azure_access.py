"""Checks of who may do what: what Docker's credentials let it do in a registry, roles, and applications of Entra ID.

Docker's credentials are used, as Docker itself uses them; they and what they are exchanged for are never shown.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from labrunner.checking.api import Context, Finding, check, failed, passed
from labrunner.checking.wording import cut, listed, look_up

from .azure_session import (
    ARM,
    GRAPH,
    ROLES,
    TIMEOUT,
    Azure,
    MissingError,
    a_repository,
    azure_of,
    few,
    finding,
    server_of,
)

TOKEN_USER = "<token>"  # noqa: S105 - what a credential helper says instead of a user, for an identity token


# What Docker may do


@check("acr.can-pull")
@finding
def can_pull(ask: Context, *, registry: str, repository: str) -> Finding:
    """The credentials that Docker holds for the registry's server let it pull from a repository."""
    return _can(ask, registry, repository, "pull")


@check("acr.can-push")
@finding
def can_push(ask: Context, *, registry: str, repository: str) -> Finding:
    """The credentials that Docker holds for the registry's server let it push to a repository."""
    return _can(ask, registry, repository, "push")


@check("acr.can-sign")
@finding
def can_sign(ask: Context, *, registry: str, repository: str) -> Finding:
    """The credentials that Docker holds for the registry's server let it push signatures for a repository."""
    return _can(ask, registry, repository, "sign")


def _can(ask: Context, registry: str, repository: str, action: str) -> Finding:
    server = server_of(registry)
    a_repository(repository)
    azure = azure_of(ask)
    # Docker asks for trust data under a name with the server in it (docker/cli, `cli/trust`).
    name = f"{server}/{repository}" if action == "sign" else repository
    actions = _allowed(azure, registry, server, name, _docker_login(ask, server))
    if action in actions:
        return passed(f"Docker may {action} `{repository}` at `{server}`.")
    may = f"only let it {listed(dict.fromkeys(actions))}" if actions else "let it do nothing there"
    return failed(f"Docker is logged in to `{server}`, but may not {action} `{repository}`: its credentials {may}.")


@dataclass(frozen=True, slots=True)
class _Login:
    """What Docker signs in with: an identity token, or a user and a password."""

    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


def _docker_login(ask: Context, server: str) -> _Login:
    """What HOME's Docker configuration, or the helper that it names, holds for the server. Raises MissingError."""
    not_logged_in = f"Docker is not logged in to `{server}`"
    try:
        config = json.loads(Path(ask.home, ".docker", "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingError(f"{not_logged_in}: there is no ~/.docker/config.json.") from None
    except (OSError, ValueError) as error:
        why = f"~/.docker/config.json cannot be read ({type(error).__name__})"
        raise MissingError(f"{not_logged_in}: {why}.") from None
    entry = next((value for key, value in _items(config, "auths") if _host(key) == server), None)
    helper = dict(_items(config, "credHelpers")).get(server) or look_up(config, "credsStore")
    if isinstance(helper, str) and helper:
        found = _from_helper(ask, helper, server)
    else:
        found = _from_entry(entry if isinstance(entry, dict) else {})
    if not found.token and not (found.user and found.password):
        raise MissingError(f"{not_logged_in}.")
    return found


def _from_entry(entry: Mapping[str, Any]) -> _Login:
    """An entry of `auths`."""
    try:
        user, _, password = base64.b64decode(entry.get("auth") or "", validate=True).decode().partition(":")
    except (ValueError, TypeError):
        user, password = "", ""
    token = entry.get("identitytoken")
    return _Login(user, password.rstrip("\0"), token if isinstance(token, str) else "")


def _from_helper(ask: Context, helper: str, server: str) -> _Login:
    """What `docker-credential-HELPER get` says (docker-credential-helpers' protocol)."""
    ran = ask.run(["bash", "-c", 'printf %s "$1" | "docker-credential-$2" get', "bash", server, helper])
    try:
        about = json.loads(ran.stdout) if ran.status == 0 else {}
        user, secret = str(about["Username"]), str(about["Secret"])
    except (ValueError, LookupError, TypeError):
        return _Login()
    return _Login(token=secret) if user == TOKEN_USER else _Login(user, secret)


def _allowed(azure: Azure, registry: str, server: str, repository: str, login: _Login) -> list[str]:
    """What an access token for that repository lets its holder do. Raises MissingError if the registry refuses.

    Source: Docker's registry authentication specification (GET with a password, POST with an identity token).
    """
    url = f"https://{server}/oauth2/token"
    wanted = {"service": server, "scope": f"repository:{repository}:pull,push", "client_id": "docker"}
    with azure.asking(server, registry=registry):
        if login.token:
            form = {**wanted, "grant_type": "refresh_token", "refresh_token": login.token}
            answer = azure.session.post(url, data=form, timeout=TIMEOUT, allow_redirects=False)
        else:
            basic = base64.b64encode(f"{login.user}:{login.password}".encode()).decode()
            answer = azure.session.get(
                url,
                params={**wanted, "account": login.user},
                headers={"Authorization": f"Basic {basic}"},
                timeout=TIMEOUT,
                allow_redirects=False,
            )
    if answer.status_code in (400, 401, 403, 404):
        azure.registry(registry)
        raise MissingError(f"The registry `{registry}` refuses the credentials that Docker holds for `{server}`.")
    if answer.status_code != 200:
        azure.refused(server, answer.status_code, "")
    return _actions(answer.content, repository)


def _actions(body: bytes, repository: str) -> list[str]:
    """The actions in the `access` claim of a token answer; the token is for the registry to verify, not for us.

    Its names may be capitalised: recordings of azure-sdk-for-python have `Type`, `Name` and `Actions`.
    """
    try:
        answer = json.loads(body)
        payload = str(answer.get("access_token") or answer.get("token")).split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return [
            action
            for each in ({key.lower(): value for key, value in one.items()} for one in claims.get("access") or ())
            if (each["type"], each["name"]) == ("repository", repository)
            for action in each["actions"]
        ]
    except (ValueError, LookupError, TypeError, AttributeError):
        return []


def _items(config: object, name: str) -> Iterable[tuple[str, object]]:
    value = look_up(config, name)
    return value.items() if isinstance(value, dict) else ()


def _host(server: str) -> str:
    return urlsplit(server if "//" in server else f"//{server}").netloc.lower()


# Roles


@check("arm.role")
@finding
def role(ask: Context, *, registry: str, principal: str, role: str) -> Finding:
    """The application of that display name has the role at the registry, or above it."""
    azure, found = _asked_roles(ask, registry, principal, role)
    if found is None:
        return failed(_no_application(azure, principal))
    if found.has:
        return passed(f"`{principal}` has the role `{role}` at the registry `{registry}`.")
    others = few(_role_names(azure, found.others))
    has = f"it has {others}" if others else "it has no role there at all"
    return failed(f"`{principal}` does not have the role `{role}` at the registry `{registry}`; {has}.")


@check("arm.no-role")
@finding
def no_role(ask: Context, *, registry: str, principal: str, role: str) -> Finding:
    """The application of that display name does not have the role at the registry, nor above it (any more)."""
    _, found = _asked_roles(ask, registry, principal, role)
    if found is None:
        return passed(f"There is no application `{principal}`, so it has no role.")
    if found.has:
        return failed(f"`{principal}` still has the role `{role}` at the registry `{registry}`.")
    return passed(f"`{principal}` does not have the role `{role}` at the registry `{registry}`.")


@dataclass(frozen=True, slots=True)
class _Roles:
    """has: the role that was asked for. others: the ids of the definitions of the other ones."""

    has: bool
    others: frozenset[str]


def _asked_roles(ask: Context, registry: str, principal: str, role: str) -> tuple[Azure, _Roles | None]:
    """What the applications of that name have at the registry and above; None if there are none.

    Raises MissingError for a registry that is not there, ValueError for a role that Azure does not have.
    """
    server_of(registry)
    azure = azure_of(ask)
    authorization = f"{ARM}{azure.registry(registry)['id']}/providers/Microsoft.Authorization"
    wanted = {
        _guid(each["id"])
        for each in azure.all(
            f"{authorization}/roleDefinitions", {"$filter": f"roleName eq {_quoted(role)}", "api-version": ROLES}
        )
    }
    if not wanted:
        raise ValueError(f"Azure has no role `{cut(role)}`")
    ids = {each["id"] for each in _named(azure, "servicePrincipals", principal)}
    if not ids:
        return azure, None
    # "atScope()" is all that is assigned at the registry, its resource group, the subscription or above
    assigned = azure.all(f"{authorization}/roleAssignments", {"$filter": "atScope()", "api-version": ROLES})
    held = {each["properties"]["roleDefinitionId"] for each in assigned if each["properties"]["principalId"] in ids}
    others = frozenset(each for each in held if _guid(each) not in wanted)
    return azure, _Roles(len(others) < len(held), others)


def _role_names(azure: Azure, ids: Iterable[str]) -> set[str]:
    """The names of role definitions."""
    found = (azure.get(f"{ARM}{each}", {"api-version": ROLES}) for each in ids)
    return {each["properties"]["roleName"] for each in found if each is not None}


def _guid(role_definition: str) -> str:
    return role_definition.rpartition("/")[2].lower()


# Applications


@check("entra.application")
@finding
def application(ask: Context, *, name: str) -> Finding:
    """Entra ID has an application of that display name."""
    azure = azure_of(ask)
    if not _named(azure, "applications", name):
        return failed(_no_application(azure, name))
    return passed(f"There is the application `{name}`.")


@check("entra.no-application")
@finding
def no_application(ask: Context, *, name: str) -> Finding:
    """Entra ID has no application of that display name (any more)."""
    found = _named(azure_of(ask), "applications", name)
    if found:
        ids = few(each["appId"] for each in found)
        return failed(f"The application `{name}` is still there (its id: {ids}).")
    return passed(f"There is no application `{name}`.")


def _named(azure: Azure, kind: str, name: str) -> list[dict[str, Any]]:
    """The objects of the directory that have that display name."""
    if not name.strip():
        raise ValueError("an application's name must not be empty")
    found = azure.all(f"{GRAPH}/v1.0/{kind}", {"$filter": f"displayName eq {_quoted(name)}"})
    return [each for each in found if each["displayName"] == name]


def _no_application(azure: Azure, name: str) -> str:
    page = azure.get(f"{GRAPH}/v1.0/applications", {"$top": "100"}) or {}
    names = few({each["displayName"] for each in page.get("value") or ()})
    return f"There is no application `{name}`; {f'there is {names}' if names else 'there is none at all'}."


def _quoted(text: str) -> str:
    """A text in a filter (OData 4.01, URL conventions, 5.1.1.14.1)."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"
