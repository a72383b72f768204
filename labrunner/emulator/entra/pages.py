"""The pages that a person sees. Each says that it is a stand-in, and none asks for a password."""

import re
import secrets
from html import escape
from urllib.parse import urlencode

from aiohttp import web

from labrunner.emulator.entra.documents import HOST, tenant_of
from labrunner.emulator.entra.grants import public_client
from labrunner.emulator.entra.problems import problem, sentence
from labrunner.emulator.entra.scopes import wanted
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call
from labrunner.emulator.state.sign_ins import BrowserRequest, SignInProblem

__all__ = ["CONTINUE", "authorize", "device_page", "device_page_done", "sign_in"]

CONTINUE = "/labrunner/continue"
_MODES = ("query", "fragment", "form_post")
_LOOPBACK = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?([/?][!-~]*)?", re.ASCII)
"""A redirect URI on this machine (RFC 8252, 7.3)."""

_FRAME = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body>
<h1>labrunner sandbox sign-in</h1>
<p><strong>This is a local stand-in, not Microsoft.</strong> It asks for no password: never type one here.</p>
{body}
</body></html>
"""


async def authorize(call: Call) -> web.StreamResponse:
    """GET /{tenant}/oauth2/v2.0/authorize (RFC 6749, 4.1.1): a page with one button."""
    try:
        tenant_of(call)
        request, client = _request(call)
        if call.query.get("prompt") == "none":
            return _refused(request, "login_required", sentence(50058))
        if call.query.get("response_type") != "code":
            kind = call.query.get("response_type", "")
            return _refused(request, "unsupported_response_type", sentence(700054, kind=kind))
        wanted(request.scope)
    except Refusal as refusal:
        return _page(f"<p>{escape(refusal.message)}</p>", status=refusal.status)
    ticket = call.world.sign_ins.begin_page(request)
    return _page(
        f"<p>The application <strong>{escape(client)}</strong> wants to sign you in.</p>\n"
        f'<form method="post" action="{HOST}{CONTINUE}">'
        f'<input type="hidden" name="ticket" value="{escape(ticket)}">'
        f'<button type="submit">Continue as {escape(call.world.directory.user().display_name)}</button></form>'
    )


async def sign_in(call: Call) -> web.StreamResponse:
    """The button was pressed: back to the application with a code (RFC 6749, 4.1.2)."""
    form = await call.form()
    world = call.world
    try:
        request, code = world.sign_ins.continue_page(form.get("ticket", ""), world.directory.signed_in_user())
    except SignInProblem:
        return _page("<p>This sign-in is over. Start again where you came from.</p>", status=400)
    return _back(request, {"code": code})


async def device_page(call: Call) -> web.StreamResponse:
    """Where a device's code is entered."""
    return _device_form(call, call.query.get("otc", ""))


async def device_page_done(call: Call) -> web.StreamResponse:
    """A code was entered."""
    form = await call.form()
    code = form.get("otc", "").strip().upper()
    if not call.world.sign_ins.approve(code, call.world.directory.signed_in_user()):
        return _device_form(call, code, said="That code didn't work. Check the code and try again.", status=400)
    return _page("<p>You have signed in on your device. You may now close this window.</p>")


def _device_form(call: Call, code: str, *, said: str = "", status: int = 200) -> web.Response:
    note = f"<p>{escape(said)}</p>\n" if said else ""
    return _page(
        f"{note}<p>Enter the code that your device shows.</p>\n"
        f'<form method="post" action="{HOST}/common/oauth2/deviceauth">'
        f'<label>Code <input name="otc" value="{escape(code[:40])}" autocomplete="off"></label> '
        f'<button type="submit">Continue as {escape(call.world.directory.user().display_name)}</button></form>',
        status=status,
    )


def _request(call: Call) -> tuple[BrowserRequest, str]:
    """What is asked for, and the application's name. Raises Refusal: nothing that goes back to a redirect URI."""
    query = call.query
    client_id = query.get("client_id", "")
    if not client_id:
        raise problem("invalid_request", 900144, name="client_id")
    client = public_client(call, client_id)
    redirect = query.get("redirect_uri", "")
    if not _LOOPBACK.fullmatch(redirect):
        raise problem("invalid_request", 50011, redirect=redirect, client=client_id)
    mode = query.get("response_mode", "query")
    method = query.get("code_challenge_method", "plain")
    if mode not in _MODES or method not in {"plain", "S256"}:
        raise problem("invalid_request", 9002313)
    return BrowserRequest(
        client_id=client_id.lower(),
        redirect_uri=redirect,
        scope=query.get("scope", ""),
        response_mode=mode,
        state=query.get("state"),
        nonce=query.get("nonce", ""),
        challenge=query.get("code_challenge", ""),
        method=method,
    ), client


def _refused(request: BrowserRequest, error: str, description: str) -> web.Response:
    return _back(request, {"error": error, "error_description": description})


def _back(request: BrowserRequest, answer: dict[str, str]) -> web.Response:
    """To the application, as it wants to be told."""
    if request.state is not None:
        answer["state"] = request.state
    if request.response_mode == "form_post":
        return _posted(request.redirect_uri, answer)
    separator = "#" if request.response_mode == "fragment" else "&" if "?" in request.redirect_uri else "?"
    location = f"{request.redirect_uri}{separator}{urlencode(answer)}"
    return web.Response(status=302, headers={"Location": location, "Cache-Control": "no-store"})


def _posted(redirect: str, answer: dict[str, str]) -> web.Response:
    """OAuth 2.0 Form Post Response Mode: a form that submits itself, or by its button."""
    fields = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in answer.items()
    )
    nonce = secrets.token_urlsafe(16)
    return _page(
        f'<form method="post" action="{escape(redirect)}">{fields}<button type="submit">Continue</button></form>\n'
        f'<script nonce="{nonce}">document.forms[0].submit();</script>',
        script=f"'nonce-{nonce}'",
    )


def _page(body: str, *, status: int = 200, script: str = "'none'") -> web.Response:
    return web.Response(
        status=status,
        text=_FRAME.format(title="labrunner sandbox sign-in", body=body),
        content_type="text/html",
        headers={
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Frame-Options": "DENY",
            "Content-Security-Policy": f"default-src 'none'; script-src {script}; frame-ancestors 'none'",
        },
    )
