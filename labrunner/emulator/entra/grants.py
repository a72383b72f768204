"""The token endpoint and the device authorization endpoint. What a client sends as a secret is compared and dropped."""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote_plus

from aiohttp import web

from labrunner.emulator.entra.claims import SECONDS, access_token, client_info, id_token
from labrunner.emulator.entra.documents import HOST, tenant_of
from labrunner.emulator.entra.problems import TITLE, problem
from labrunner.emulator.entra.scopes import Wanted, wanted
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call, json_response
from labrunner.emulator.state.principals import CredentialProblem, Principal
from labrunner.emulator.state.sign_ins import DEVICE_SECONDS, SignInProblem

__all__ = ["device_code", "public_client", "token"]

_PUBLIC_CLIENTS = {
    "04b07795-8ddb-461a-bbee-02f9e1bf7b46": "Microsoft Azure CLI",
    "1950a258-227b-4e31-a9cf-717495945fc2": "Microsoft Azure PowerShell",
    "aebc6443-996d-45c2-90f0-388ff96faa56": "Visual Studio Code",
}
"""Microsoft's own that every tenant knows (Microsoft Learn, "Verify first-party Microsoft applications")."""

_NO_STORE = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}
_INTERVAL = 1
"""Seconds between a device's questions. Entra says 5; clients wait as long as they are told to."""

Form = Mapping[str, str]


def public_client(call: Call, client_id: str) -> str:
    """The name of an application that may sign users in without a secret. Raises Refusal."""
    if client_id.lower() in _PUBLIC_CLIENTS:
        return _PUBLIC_CLIENTS[client_id.lower()]
    application = call.world.directory.application_by_app_id(client_id)
    if application is None:
        raise problem("unauthorized_client", 700016, client=client_id, tenant=TITLE)
    if not application.properties.get("isFallbackPublicClient"):
        raise problem("invalid_client", 7000218, status=401)
    return application.name


async def token(call: Call) -> web.StreamResponse:
    """POST /{tenant}/oauth2/v2.0/token (RFC 6749, 3.2)."""
    tenant_of(call)
    form = await call.form()
    grant = _needed(form, "grant_type")
    answer = _GRANTS.get(grant)
    if answer is not None:
        return json_response(answer(call, form), headers=_NO_STORE)
    if grant == "password":
        raise problem(
            "unsupported_grant_type",
            70003,
            grant=grant,
            more="labrunner's local stand-in takes no passwords: sign in with a device code or as a service principal.",
        )
    raise problem("unsupported_grant_type", 70003, grant=grant)


async def device_code(call: Call) -> web.StreamResponse:
    """POST /{tenant}/oauth2/v2.0/devicecode (RFC 8628, 3.1)."""
    tenant_of(call)
    form = await call.form()
    client_id = _needed(form, "client_id").lower()
    public_client(call, client_id)
    wanted(form.get("scope", ""))
    begun = call.world.sign_ins.begin_device(client_id=client_id, scope=form["scope"])
    page = f"{HOST}/common/oauth2/deviceauth"
    return json_response(
        {
            "user_code": begun.user_code,
            "device_code": begun.device_code,
            "verification_uri": page,
            "expires_in": int(DEVICE_SECONDS),
            "interval": _INTERVAL,
            "message": (
                f"To sign in, use a web browser to open the page {page} and enter the code {begun.user_code} "
                "to authenticate."
            ),
        },
        headers=_NO_STORE,
    )


def _client_credentials(call: Call, form: Form) -> dict[str, Any]:
    tenant = tenant_of(call)
    if tenant in {"common", "organizations"}:
        raise problem("invalid_request", 50059)
    client_id, secret = _client(call, form)
    if not secret:
        if form.get("client_assertion"):
            raise Refusal(
                400, "invalid_client", "labrunner's local stand-in knows client secrets only, no certificates."
            )
        raise problem("invalid_client", 7000218, status=401)
    try:
        principal = call.world.directory.sign_in(client_id, secret)
    except CredentialProblem as found:
        raise _credential_refusal(found.kind, client_id, tenant) from found
    scope = wanted(form.get("scope", ""), app_only=True)
    return {
        "token_type": "Bearer",
        "expires_in": SECONDS,
        "ext_expires_in": SECONDS,
        "access_token": access_token(call.world, principal, client_id=principal.app_id, wanted=scope),
    }


def _credential_refusal(kind: str, client_id: str, tenant: str) -> Refusal:
    if kind == "unknown":
        return problem("unauthorized_client", 700016, client=client_id, tenant=TITLE)
    if kind == "expired":
        return problem("invalid_client", 7000222, status=401, client=client_id)
    if kind == "no-service-principal":
        return problem("invalid_client", 7000229, status=401, client=client_id, tenant=tenant)
    return problem("invalid_client", 7000215, status=401, client=client_id)


def _device(call: Call, form: Form) -> dict[str, Any]:
    client_id = _needed(form, "client_id").lower()
    code = form.get("device_code") or form.get("code") or _needed(form, "device_code")  # MSAL sends both
    try:
        done = call.world.sign_ins.redeem_device(code, client_id=client_id)
    except SignInProblem as found:
        if found.kind == "pending":
            raise problem("authorization_pending", 70016) from found
        if found.kind == "expired":
            raise problem("expired_token", 70020) from found
        raise problem("bad_verification_code", 70018) from found
    assert done.principal is not None
    return _user_answer(call, form, done.principal, client_id=client_id, scope=wanted(form.get("scope") or done.scope))


def _authorization_code(call: Call, form: Form) -> dict[str, Any]:
    client_id = _needed(form, "client_id").lower()
    public_client(call, client_id)
    redirect = _needed(form, "redirect_uri")
    try:
        request, principal = call.world.sign_ins.redeem_code(
            _needed(form, "code"), client_id=client_id, redirect_uri=redirect, verifier=form.get("code_verifier", "")
        )
    except SignInProblem as found:
        if found.kind == "expired":
            raise problem("invalid_grant", 70008) from found
        if found.kind == "verifier":
            raise problem("invalid_grant", 501481) from found
        raise problem("invalid_grant", 70000) from found
    scope = wanted(form.get("scope") or request.scope)
    return _user_answer(call, form, principal, client_id=client_id, scope=scope, nonce=request.nonce)


def _refresh_token(call: Call, form: Form) -> dict[str, Any]:
    client_id = _needed(form, "client_id").lower()
    found = call.world.directory.refresh_tokens.find(_needed(form, "refresh_token"))
    if found is None:
        raise problem("invalid_grant", 9002313)
    principal = call.world.directory.principal(found.object_id)
    if found.client_id != client_id or principal is None:
        raise problem("invalid_grant", 70000)
    if found.expires <= call.world.clock.machine():
        raise problem("invalid_grant", 70008)
    return _user_answer(call, form, principal, client_id=client_id, scope=wanted(form.get("scope", "")))


def _user_answer(
    call: Call, form: Form, principal: Principal, *, client_id: str, scope: Wanted, nonce: str = ""
) -> dict[str, Any]:
    world = call.world
    answer: dict[str, Any] = {
        "token_type": "Bearer",
        "scope": scope.granted,
        "expires_in": SECONDS,
        "ext_expires_in": SECONDS,
        "access_token": access_token(world, principal, client_id=client_id, wanted=scope),
    }
    if scope.offline:
        answer["refresh_token"] = world.directory.refresh_tokens.issue(
            client_id=client_id, object_id=principal.object_id
        )
    if scope.openid:
        answer["id_token"] = id_token(world, principal, client_id=client_id, nonce=nonce)
    if form.get("client_info") == "1":
        answer["client_info"] = client_info(world, principal)
    return answer


def _client(call: Call, form: Form) -> tuple[str, str]:
    """Id and secret: of the body, or of the Authorization header (RFC 6749, 2.3.1)."""
    scheme, _, encoded = call.header("Authorization").partition(" ")
    if scheme.lower() == "basic" and "client_secret" not in form:
        try:
            name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, ValueError) as error:
            raise problem("invalid_request", 9002313) from error
        return unquote_plus(name), unquote_plus(secret)
    return _needed(form, "client_id"), form.get("client_secret", "")


def _needed(form: Form, name: str) -> str:
    if not form.get(name):
        raise problem("invalid_request", 900144, name=name)
    return form[name]


_GRANTS: dict[str, Callable[[Call, Form], dict[str, Any]]] = {
    "client_credentials": _client_credentials,
    "refresh_token": _refresh_token,
    "authorization_code": _authorization_code,
    "device_code": _device,  # before RFC 8628 had its number
    "urn:ietf:params:oauth:grant-type:device_code": _device,
}
