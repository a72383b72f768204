"""The secrets that applications and service principals sign in with."""

import hashlib
import hmac
import secrets
import string
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labrunner.emulator.clock import Clock
from labrunner.emulator.issued import Issued
from labrunner.emulator.state.principals import Application, CredentialProblem, ServicePrincipal
from labrunner.emulator.store import Store

__all__ = ["ClientSecrets", "Credential", "new_secret"]

_CHARACTERS = string.ascii_letters + string.digits + "_.~-"

_TABLE = """CREATE TABLE IF NOT EXISTS client_secret (
    key_id TEXT PRIMARY KEY, app_id TEXT NOT NULL REFERENCES application (app_id) ON DELETE CASCADE,
    holder TEXT NOT NULL, name TEXT, hint TEXT NOT NULL, starts REAL NOT NULL, ends REAL NOT NULL,
    salt BLOB NOT NULL, digest BLOB NOT NULL)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What may be known of a client secret after it was shown. starts, ends: seconds since 1970."""

    key_id: str
    name: str | None
    hint: str
    starts: float
    ends: float


class ClientSecrets:
    """Those of every holder, kept only as salted hashes. They go with the application that they are for.

    holder: who has them, an application or its service principal.
    """

    def __init__(self, store: Store, issued: Issued, clock: Clock) -> None:
        self._store = store
        self._issued = issued
        self._clock = clock
        store.define(_TABLE)

    def of(self, holder: Application | ServicePrincipal) -> list[Credential]:
        """What is known of a holder's, oldest first."""
        rows = self._store.rows("SELECT * FROM client_secret WHERE holder = ? ORDER BY rowid", holder.object_id)
        return [_credential(dict(row)) for row in rows]

    def add(
        self, holder: Application | ServicePrincipal, *, name: str | None, starts: float, ends: float
    ) -> tuple[Credential, str]:
        """A new one: what may be known of it, and its text, which is not kept."""
        text = self._issued.add(new_secret(), expires=ends)
        salt = secrets.token_bytes(16)
        values = {
            "key_id": str(uuid.uuid4()),
            "app_id": holder.app_id,
            "holder": holder.object_id,
            "name": name,
            "hint": text[:3],
            "starts": starts,
            "ends": ends,
            "salt": salt,
            "digest": _digest(salt, text),
        }
        with self._store.write() as db:
            db.execute(
                "INSERT INTO client_secret VALUES"
                " (:key_id, :app_id, :holder, :name, :hint, :starts, :ends, :salt, :digest)",
                values,
            )
        return _credential(values), text

    def remove(self, holder: Application | ServicePrincipal, key_id: str) -> bool:
        """Whether there was one."""
        with self._store.write() as db:
            gone = db.execute(
                "DELETE FROM client_secret WHERE holder = ? AND key_id = ?", (holder.object_id, key_id.lower())
            )
        return gone.rowcount > 0

    def forget(self, holder: Application | ServicePrincipal) -> None:
        """All of a holder's."""
        with self._store.write() as db:
            db.execute("DELETE FROM client_secret WHERE holder = ?", (holder.object_id,))

    def require(self, app_id: str, text: str) -> None:
        """Raises CredentialProblem ("wrong", "expired") unless that is one of the application's, and valid now."""
        for row in self._store.rows("SELECT * FROM client_secret WHERE app_id = ?", app_id):
            if hmac.compare_digest(row["digest"], _digest(row["salt"], text)):
                if row["ends"] <= self._clock.now():
                    raise CredentialProblem("expired", key_id=row["key_id"])
                return
        raise CredentialProblem("wrong")


def new_secret() -> str:
    """40 characters as Entra's: three (the hint), a digit, `Q~`, 34 more.

    Source: the form that GitHub's and gitleaks' secret scanning look for (`azure-ad-client-secret`).
    """
    head = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(3))
    return f"{head}8Q~" + "".join(secrets.choice(_CHARACTERS) for _ in range(34))


def _digest(salt: bytes, text: str) -> bytes:
    """One round is enough: the secret is 200 random bits, which no list of words holds."""
    return hashlib.sha256(salt + text.encode("utf-8", "replace")).digest()


def _credential(values: Mapping[str, Any]) -> Credential:
    return Credential(**{name: values[name] for name in ("key_id", "name", "hint", "starts", "ends")})
