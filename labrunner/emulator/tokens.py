"""Signed tokens (RFC 7519), issued and verified with a key that never leaves the state folder."""

import math
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jwt

from labrunner.emulator.faults import Faults
from labrunner.emulator.issued import Issued
from labrunner.emulator.store import Store

__all__ = ["TokenProblem", "Tokens"]

_ALGORITHM = "HS256"
"""Azure signs with RS256; neither az nor the SDKs verify signatures (they are the audience's business), and nobody
but this program has to."""


class TokenProblem(Exception):  # noqa: N818 - an answer about a token
    """kind: "expired", "forged" (not ours, or changed) or "audience" (ours, but for somebody else).

    expires: since when it is expired, in seconds since 1970; audience: for whom it is. Both of a token of ours only.
    """

    def __init__(self, kind: str, *, expires: float = 0.0, audience: str = "") -> None:
        super().__init__(kind)
        self.kind = kind
        self.expires = expires
        self.audience = audience


class Tokens:
    """Issues and verifies. The key is made once per state folder."""

    def __init__(
        self,
        store: Store,
        issued: Issued,
        *,
        now: Callable[[], float],
        faults: Faults | None = None,
        expired: Callable[[str], None] | None = None,
    ) -> None:
        """expired: told the audience of each token that is refused because its time is over."""
        self._store = store
        self._issued = issued
        self._now = now
        self._faults = faults
        self._tell = expired
        self._ended: frozenset[str] = frozenset()
        if faults is not None:
            faults.subscribe(self._follow)
        store.define("CREATE TABLE IF NOT EXISTS signing (id INTEGER PRIMARY KEY CHECK (id = 1), key TEXT NOT NULL)")
        self._key = ""
        self.load()

    def load(self) -> None:
        """Take the state folder's key, or make one. Again after the store was emptied."""
        with self._store.write() as db:
            db.execute("INSERT OR IGNORE INTO signing VALUES (1, ?)", (secrets.token_hex(32),))
        row = self._store.row("SELECT key FROM signing")
        self._key = row["key"] if row else ""

    def issue(self, claims: Mapping[str, Any], *, seconds: float) -> str:
        """A token with these claims, valid from now for `seconds`."""
        now = int(self._now())
        expires = now + int(seconds)
        body = {"iat": now, "nbf": now, "exp": expires, **claims}
        return self._issued.add(jwt.encode(body, self._key, algorithm=_ALGORITHM), expires=expires)

    def verify(self, token: str, *, audience: str | Iterable[str]) -> dict[str, Any]:
        """The token's claims. Raises TokenProblem."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                options={"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
        except (jwt.InvalidTokenError, ValueError) as error:
            raise TokenProblem("forged") from error
        expires = min(float(claims.get("exp", 0)), self._end_of(token))
        if expires <= self._now():
            if self._tell is not None:
                self._tell(str(claims.get("aud", "")))
            raise TokenProblem("expired", expires=expires)
        wanted = {audience} if isinstance(audience, str) else set(audience)
        if str(claims.get("aud", "")).rstrip("/") not in {name.rstrip("/") for name in wanted}:
            raise TokenProblem(
                "audience", audience=str(claims.get("aud", ""))
            )  # Entra's audiences come with and without the slash
        return claims

    def _end_of(self, token: str) -> float:
        """Since when a fault has made the token one of yesterday; infinite without."""
        if token not in self._ended or self._faults is None:
            return math.inf
        fault = self._faults.active("expired-tokens")
        return math.inf if fault is None else min(fault.since, self._now())

    def _follow(self, name: str) -> None:
        if name == "expired-tokens" and self._faults is not None:
            self._ended = frozenset(self._issued.all() if self._faults.active(name) else ())
