"""How a client comes to a token: /oauth2/exchange and /oauth2/token (docker's token specification;
Azure/acr's AAD-OAuth page; recordings of azure-sdk-for-python)."""

import re
import uuid
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl

from aiohttp import web

from labrunner.emulator.access import REGISTRY_AUDIENCES, principal_of
from labrunner.emulator.acr.errors import answer, unauthorized
from labrunner.emulator.acr.rights import (
    ANONYMOUS,
    basic_credentials,
    check_password,
    grants_of,
    may_log_in,
    note_awaited,
    refresh_principal,
    registry_of,
)
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call
from labrunner.emulator.state.directory import Principal
from labrunner.emulator.state.registries import Registry

__all__ = ["exchange", "token_by_form", "token_by_query"]

# Recorded: tokens say that they were issued a quarter of an hour before they were.
_BACKDATED = 900
_REFRESH_SECONDS = 3 * 3600.0
_ACCESS_SECONDS = 3600.0
_ANONYMOUS_SECONDS = 300.0
_SCOPE = re.compile(r"(?P<type>repository|registry|artifact-repository):(?P<name>[^\s]+):(?P<actions>[a-z_,*]*)")
_REPOSITORY_ACTIONS = ("pull", "push", "delete", "metadata_read", "metadata_write")
_LONGEST_FORM = 1 << 20


async def exchange(call: Call) -> web.StreamResponse:
    """An Entra token for a refresh token. Recorded: who has no role in the registry gets none (401)."""
    registry = registry_of(call)
    form = await _form(call)
    _check_service(registry, form)
    grant = form.get("grant_type", "")
    if grant not in {"access_token", "access_token_refresh_token"}:
        raise _bad_request(f"grant_type {grant[:60]!r} is not supported")
    token = form.get("access_token", "")
    if not token:
        raise _bad_request("access_token is missing")
    try:
        principal = principal_of(call, token, REGISTRY_AUDIENCES)
    except Refusal as refusal:
        raise unauthorized(registry.login_server, (), message=refusal.message) from refusal
    if not may_log_in(call.world, registry, principal):
        note_awaited(call.world, registry, principal)
        raise unauthorized(registry.login_server, ())
    call.principal = principal
    return answer({"refresh_token": _refresh_token(call, registry, principal)})


async def token_by_form(call: Call) -> web.StreamResponse:
    """A refresh token, a password or nothing (where everybody may pull) for an access token: POST."""
    registry = registry_of(call)
    form = await _form(call)
    _check_service(registry, form)
    grant = form.get("grant_type", "")
    if grant == "refresh_token":
        principal = refresh_principal(call, registry, form.get("refresh_token", ""))
        if principal is None:
            raise unauthorized(registry.login_server, ())
    elif grant == "password" and form.get("username"):
        principal = check_password(call, registry, form["username"], form.get("password", ""))
    elif grant == "password":
        principal = _anybody(registry, call)
    else:
        raise _bad_request(f"grant_type {grant[:60]!r} is not supported")
    return _tokens(
        call, registry, principal, form.get("scope", "").split(), offline=form.get("access_type") == "offline"
    )


async def token_by_query(call: Call) -> web.StreamResponse:
    """The same with Basic credentials, as Docker's daemon asks: GET. It logs in with offline_token=true."""
    registry = registry_of(call)
    query = call.request.query
    _check_service(registry, query)
    credentials = basic_credentials(call)
    if credentials is not None:
        principal = check_password(call, registry, *credentials)
    elif call.header("Authorization"):
        raise unauthorized(registry.login_server, ())
    else:
        principal = _anybody(registry, call)
    scopes = [scope for text in query.getall("scope", []) for scope in text.split()]
    return _tokens(call, registry, principal, scopes, offline=query.get("offline_token") == "true")


def _anybody(registry: Registry, call: Call) -> Principal:
    if not grants_of(call.world, registry, ANONYMOUS):
        raise unauthorized(registry.login_server, ())
    return ANONYMOUS


def _tokens(
    call: Call, registry: Registry, principal: Principal, scopes: Iterable[str], *, offline: bool
) -> web.Response:
    rights = grants_of(call.world, registry, principal)
    if not may_log_in(call.world, registry, principal):
        note_awaited(call.world, registry, principal)
        raise unauthorized(registry.login_server, ())
    call.principal = principal
    seconds = _ANONYMOUS_SECONDS if principal == ANONYMOUS else _ACCESS_SECONDS
    claims = {
        **_claims(call, registry, principal),
        "grant_type": "access_token",
        "access": _access(registry, rights, scopes),
    }
    found = {"access_token": call.world.tokens.issue(claims, seconds=seconds)}
    if offline and principal != ANONYMOUS:
        found["refresh_token"] = _refresh_token(call, registry, principal)
    return answer(found)


def _refresh_token(call: Call, registry: Registry, principal: Principal) -> str:
    rights = grants_of(call.world, registry, principal)
    named = {"read": "pull", "write": "push", "delete": "delete"}
    claims = {
        **_claims(call, registry, principal),
        "grant_type": "refresh_token",
        "permissions": {"Actions": [name for name, action in named.items() if action in rights], "NotActions": None},
    }
    return call.world.tokens.issue(claims, seconds=_REFRESH_SECONDS)


def _claims(call: Call, registry: Registry, principal: Principal) -> dict[str, object]:
    issued = int(call.world.clock.machine()) - _BACKDATED
    return {
        "jti": str(uuid.uuid4()),
        "sub": principal.object_id,
        "nbf": issued,
        "iat": issued,
        "iss": "Azure Container Registry",
        "aud": registry.login_server,
        "version": "1.0",
        "rid": registry.uid.replace("-", ""),
        "appid": "" if principal.kind in {"admin", "anonymous"} else principal.app_id or principal.object_id,
        "roles": [],
    }


def _access(registry: Registry, rights: frozenset[str], scopes: Iterable[str]) -> list[dict[str, object]]:
    """What of the scopes may be given. az reads these names; recordings of 2021 have `Type`, `Name`, `Actions`.

    Docker asks for trust data under a name that begins with the registry's, and to push it for signing.
    """
    found = []
    for scope in scopes:
        parsed = _SCOPE.fullmatch(scope)
        if parsed is None:
            continue
        asked = parsed["actions"].split(",")
        if parsed["type"] == "registry":
            given = ["*"] if parsed["name"] == "catalog" and "*" in asked and "catalog" in rights else []
        else:
            wanted = _REPOSITORY_ACTIONS if "*" in asked else asked
            given = [action for action in wanted if action in rights and action in _REPOSITORY_ACTIONS]
            if "push" in given and "sign" in rights and parsed["name"].startswith(f"{registry.login_server}/"):
                given.append("sign")  # guess: how Azure's tokens say so
        if given:
            found.append({"type": parsed["type"], "name": parsed["name"], "actions": given})
    return found


def _check_service(registry: Registry, form: Mapping[str, str]) -> None:
    service = form.get("service", registry.login_server)
    if service.lower() != registry.login_server:
        raise _bad_request(f"this registry is {registry.login_server}, and not the service {service[:100]!r}")


async def _form(call: Call) -> dict[str, str]:
    try:
        text = (await call.body(limit=_LONGEST_FORM)).decode("utf-8")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=100))
    except ValueError as error:
        raise _bad_request("the body is no form") from error


def _bad_request(why: str) -> Refusal:
    """Guess: the code and the words."""
    return Refusal(400, "BAD_REQUEST", why)
