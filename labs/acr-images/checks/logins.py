"""As whom Docker is logged in to a registry. Nothing secret of the login is read, or part of a message."""

import base64
import json
from pathlib import Path
from typing import Any

import requests
from azure.core.exceptions import AzureError
from azure.identity import ClientSecretCredential

from labrunner.checking.api import Context, Finding, TargetError, check, failed, passed

GRAPH = "https://graph.microsoft.com"
TIMEOUT = 5.0
TOKEN_USER = "00000000-0000-0000-0000-000000000000"  # noqa: S105 - the user name that `az acr login` gives
"""See "az acr login --expose-token": https://learn.microsoft.com/azure/container-registry/container-registry-authentication."""


@check("login.user")
def user(ask: Context, *, server: str, user: str) -> Finding:
    """Docker is logged in to the server under that user name."""
    found = _user(ask.home, server)
    if found == user:
        return passed(f"Docker is logged in to `{server}` as `{user}`.")
    return failed(f"Docker is {_as(found)} to `{server}`, not logged in as `{user}`.")


@check("login.application")
def application(ask: Context, *, server: str, application: str) -> Finding:
    """Docker is logged in to the server as the one application of that display name."""
    found = _user(ask.home, server)
    ids = _app_ids(ask, application)
    if not ids:
        return failed(f"There is no application `{application}` to be logged in as.")
    if len(ids) > 1:
        return failed(f"There are {len(ids)} applications `{application}`; one is meant.")
    if found == ids[0]:
        return passed(f"Docker is logged in to `{server}` as the application `{application}`.")
    return failed(f"Docker is {_as(found)} to `{server}`, not logged in as the application `{application}`.")


def _user(home: str, server: str) -> str:
    """The user name in Docker's configuration; empty where there is none, or a helper keeps it."""
    try:
        config = json.loads(Path(home, ".docker/config.json").read_text(encoding="utf-8"))
        auth = config["auths"][server]["auth"]
        return base64.b64decode(auth, validate=True).partition(b":")[0].decode()
    except (OSError, ValueError, LookupError, TypeError):
        return ""


def _as(found: str) -> str:
    if not found:
        return "not logged in"
    return "logged in by `az acr login`" if found == TOKEN_USER else f"logged in as `{found}`"


def _app_ids(ask: Context, name: str) -> list[str]:
    """The application ids that have exactly that display name. Raises TargetError."""
    about = ask.azure
    try:
        credential = ask.once(
            "course-graph-credential",
            lambda: ClientSecretCredential(about.tenant, about.client_id, about.client_secret, retry_total=0),
        )
        quoted = name.replace("'", "''")
        answer = requests.get(
            f"{GRAPH}/v1.0/applications",
            params={"$filter": f"displayName eq '{quoted}'"},
            headers={"Authorization": f"Bearer {credential.get_token(f'{GRAPH}/.default').token}"},
            timeout=TIMEOUT,
        )
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["value"]
    except (AzureError, requests.RequestException, LookupError) as error:
        raise TargetError(f"Microsoft Graph does not answer ({type(error).__name__})", ask.remedy) from error
    return [each["appId"] for each in found if each.get("displayName") == name]
