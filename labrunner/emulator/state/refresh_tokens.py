"""What lets a signed-in user's client ask for more tokens without signing in again."""

import hashlib
import secrets
from dataclasses import dataclass

from labrunner.emulator.clock import Clock
from labrunner.emulator.issued import Issued
from labrunner.emulator.store import Store

__all__ = ["RefreshGrant", "RefreshTokens"]

_SECONDS = 90 * 24 * 3600.0
"""Entra's lifetime of a refresh token (Microsoft Learn, "Refresh tokens in the Microsoft identity platform")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshGrant:
    """Whom a refresh token was given to. object_id: the user. expires: seconds since 1970."""

    client_id: str
    object_id: str
    expires: float


class RefreshTokens:
    """Opaque, bound to a client and a user, kept only as hashes. Survives a restart."""

    def __init__(self, store: Store, issued: Issued, clock: Clock) -> None:
        self._store = store
        self._issued = issued
        self._clock = clock
        store.define(
            """CREATE TABLE IF NOT EXISTS refresh_token (
                digest BLOB PRIMARY KEY, client_id TEXT NOT NULL, object_id TEXT NOT NULL, expires REAL NOT NULL
            ) WITHOUT ROWID"""
        )

    def issue(self, *, client_id: str, object_id: str) -> str:
        """A new one. Earlier ones stay valid until they expire, as Entra's do."""
        expires = self._clock.machine() + _SECONDS
        token = self._issued.add(f"1.{secrets.token_urlsafe(192)}", expires=expires)
        with self._store.write() as db:
            db.execute("DELETE FROM refresh_token WHERE expires <= ?", (self._clock.machine() - _SECONDS,))
            db.execute("INSERT INTO refresh_token VALUES (?, ?, ?, ?)", (_digest(token), client_id, object_id, expires))
        return token

    def find(self, token: str) -> RefreshGrant | None:
        """Whom it was given to, also if it has expired lately."""
        row = self._store.row(
            "SELECT client_id, object_id, expires FROM refresh_token WHERE digest = ?", _digest(token)
        )
        return None if row is None else RefreshGrant(**dict(row))

    def forget(self, *, client_id: str) -> None:
        """Those that were given to one client."""
        with self._store.write() as db:
            db.execute("DELETE FROM refresh_token WHERE client_id = ?", (client_id,))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
