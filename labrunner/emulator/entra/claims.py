"""What Entra's tokens say.

Sources: Microsoft Learn, "Access token claims reference" (version 1.0, which Azure Resource Manager, Graph and Azure
Container Registry get) and "ID token claims reference" (version 2.0).
"""

import base64
import json
import secrets
from typing import Any

from labrunner.emulator.entra.documents import HOST
from labrunner.emulator.entra.scopes import Wanted
from labrunner.emulator.state.principals import Principal
from labrunner.emulator.world import World

__all__ = ["SECONDS", "access_token", "client_info", "id_token"]

SECONDS = 3599
"""`expires_in` of Entra's answers for service principals; users' tokens last 60 to 90 minutes there."""


def access_token(world: World, principal: Principal, *, client_id: str, wanted: Wanted) -> str:
    """A token for one resource. Told to Issued by `tokens`."""
    tenant = world.directory.tenant
    claims: dict[str, Any] = {
        "aud": wanted.audience,
        "iss": f"https://sts.windows.net/{tenant}/",
        "appid": client_id,
        "oid": principal.object_id,
        "sub": principal.object_id,
        "tid": tenant,
        "uti": secrets.token_urlsafe(16),
        "ver": "1.0",
    }
    if principal.kind == "user":
        user = world.directory.user()
        claims |= {
            "appidacr": "0",
            "idtyp": "user",
            "given_name": user.given_name,
            "family_name": user.surname,
            "name": user.display_name,
            "scp": wanted.delegated,
            "unique_name": user.name,
            "upn": user.name,
        }
    else:
        claims |= {
            "appidacr": "1",
            "app_displayname": principal.name,
            "idp": f"https://sts.windows.net/{tenant}/",
            "idtyp": "app",
        }
    return world.tokens.issue(claims, seconds=SECONDS)


def id_token(world: World, principal: Principal, *, client_id: str, nonce: str) -> str:
    """Who signed in, for the client. principal: a user."""
    tenant, user = world.directory.tenant, world.directory.user()
    claims: dict[str, Any] = {
        "aud": client_id,
        "iss": f"{HOST}/{tenant}/v2.0",
        "name": user.display_name,
        "oid": principal.object_id,
        "preferred_username": user.name,
        "sub": principal.object_id,
        "tid": tenant,
        "uti": secrets.token_urlsafe(16),
        "ver": "2.0",
    }
    if nonce:
        claims["nonce"] = nonce
    return world.tokens.issue(claims, seconds=SECONDS)


def client_info(world: World, principal: Principal) -> str:
    """Which account it is, for MSAL's cache: {uid, utid} in base64url."""
    text = json.dumps({"uid": principal.object_id, "utid": world.directory.tenant})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
