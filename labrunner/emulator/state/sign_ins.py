"""Sign-ins on their way: device codes, pages that wait for their button, and authorization codes. In memory only."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace

from labrunner.emulator.clock import Clock
from labrunner.emulator.issued import Issued
from labrunner.emulator.state.principals import Principal

__all__ = ["BrowserRequest", "DeviceSignIn", "SignInProblem", "SignIns"]

DEVICE_SECONDS = 900.0
"""How long a device code waits (Entra's `expires_in`)."""
_PAGE_SECONDS = 900.0
_CODE_SECONDS = 600.0
"""How long an authorization code can be redeemed: "usually about 10 minutes" (Microsoft Learn, auth code flow)."""
_USER_CODE_CHARACTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_MOST = 1000


class SignInProblem(Exception):  # noqa: N818 - an answer about a sign-in
    """kind: "pending", "expired", "unknown", "client", "redirect", "verifier"."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSignIn:
    """A device code flow (RFC 8628). principal: who approved it. expires: seconds since 1970."""

    device_code: str
    user_code: str
    client_id: str
    scope: str
    expires: float
    principal: Principal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserRequest:
    """What a client asked /authorize for (RFC 6749, 4.1.1; RFC 7636, 4.3). method: "S256", "plain" or ""."""

    client_id: str
    redirect_uri: str
    scope: str
    response_mode: str = "query"
    state: str | None = None
    nonce: str = ""
    challenge: str = ""
    method: str = ""


class SignIns:
    """What begins at one end (a client) and is finished at another (a person, or the control socket)."""

    def __init__(self, issued: Issued, clock: Clock) -> None:
        self._issued = issued
        self._clock = clock
        self._devices: dict[str, DeviceSignIn] = {}
        self._pages: dict[str, tuple[BrowserRequest, float]] = {}
        self._codes: dict[str, tuple[BrowserRequest, Principal, float]] = {}

    def begin_device(self, *, client_id: str, scope: str) -> DeviceSignIn:
        """A code for a person to approve, and one for the client to ask with."""
        self._tidy()
        expires = self._clock.now() + DEVICE_SECONDS
        begun = DeviceSignIn(
            device_code=self._issued.add(secrets.token_urlsafe(120), expires=expires),
            user_code="".join(secrets.choice(_USER_CODE_CHARACTERS) for _ in range(9)),
            client_id=client_id,
            scope=scope,
            expires=expires,
        )
        self._devices[begun.device_code] = begun
        return begun

    def pending(self) -> list[str]:
        """The user codes that wait for somebody."""
        return [found.user_code for found in self._devices.values() if self._waits(found)]

    def approve(self, user_code: str, principal: Principal) -> bool:
        """Let the client of that code sign in as that principal. False: no sign-in waits for it."""
        for found in self._devices.values():
            if found.user_code == user_code.strip().upper() and self._waits(found):
                self._devices[found.device_code] = replace(found, principal=principal)
                return True
        return False

    def redeem_device(self, device_code: str, *, client_id: str) -> DeviceSignIn:
        """The approved sign-in, once. Raises SignInProblem: pending, expired, client, unknown."""
        found = self._devices.get(device_code)
        if found is None:
            raise SignInProblem("unknown")
        if found.client_id != client_id:
            raise SignInProblem("client")
        if found.expires <= self._clock.now():
            raise SignInProblem("expired")
        if found.principal is None:
            raise SignInProblem("pending")
        del self._devices[device_code]
        return found

    def begin_page(self, request: BrowserRequest) -> str:
        """A ticket for a page's button: who presses it continues this request and no other."""
        self._tidy()
        ticket = secrets.token_urlsafe(32)
        self._pages[ticket] = request, self._clock.now() + _PAGE_SECONDS
        return ticket

    def continue_page(self, ticket: str, principal: Principal) -> tuple[BrowserRequest, str]:
        """The request and its authorization code, once. Raises SignInProblem: unknown, expired."""
        if ticket not in self._pages:
            raise SignInProblem("unknown")
        request, expires = self._pages.pop(ticket)
        if expires <= self._clock.now():
            raise SignInProblem("expired")
        until = self._clock.now() + _CODE_SECONDS
        code = self._issued.add(f"1.{secrets.token_urlsafe(120)}", expires=until)
        self._codes[code] = request, principal, until
        return request, code

    def redeem_code(
        self, code: str, *, client_id: str, redirect_uri: str, verifier: str
    ) -> tuple[BrowserRequest, Principal]:
        """Whom an authorization code stands for, once: it is spent also when the rest does not fit (RFC 6749, 10.5).

        Raises SignInProblem: unknown, expired, client, redirect, verifier.
        """
        if code not in self._codes:
            raise SignInProblem("unknown")
        request, principal, expires = self._codes.pop(code)
        if expires <= self._clock.now():
            raise SignInProblem("expired")
        if request.client_id != client_id:
            raise SignInProblem("client")
        if request.redirect_uri != redirect_uri:
            raise SignInProblem("redirect")
        if not _proves(request, verifier):
            raise SignInProblem("verifier")
        return request, principal

    def forget(self) -> None:
        """Nobody is on their way any more."""
        self._devices.clear()
        self._pages.clear()
        self._codes.clear()

    def _waits(self, found: DeviceSignIn) -> bool:
        return found.principal is None and found.expires > self._clock.now()

    def _tidy(self) -> None:
        """Forget what nobody came for: long expired, or more than anybody can be waiting for."""
        now = self._clock.now()
        for code in [code for code, found in self._devices.items() if found.expires + DEVICE_SECONDS <= now]:
            del self._devices[code]
        for ticket in [ticket for ticket, (_, expires) in self._pages.items() if expires <= now]:
            del self._pages[ticket]
        for code in [code for code, (_, _, expires) in self._codes.items() if expires <= now]:
            del self._codes[code]
        for waiting in (self._devices, self._pages, self._codes):
            while len(waiting) >= _MOST:
                del waiting[next(iter(waiting))]


def _proves(request: BrowserRequest, verifier: str) -> bool:
    """RFC 7636, 4.6."""
    if not request.challenge:
        return not verifier
    given = verifier.encode("utf-8", "replace")
    if request.method == "S256":
        given = base64.urlsafe_b64encode(hashlib.sha256(given).digest()).rstrip(b"=")
    return hmac.compare_digest(given, request.challenge.encode("utf-8", "replace"))
