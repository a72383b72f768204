"""Checks of what `docker login` left in the learner's HOME. No value of it is ever part of a message."""

import base64
import json
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from labrunner.checking.api import Context, Finding, check, failed, passed
from labrunner.checking.wording import look_up


@dataclass(frozen=True, slots=True)
class Holding:
    """Who holds the credentials, or why nobody does (`unreadable`: nobody knows)."""

    holder: str = ""
    problem: str = ""
    unreadable: bool = False


@check("docker.login")
def login(ask: Context, *, server: str) -> Finding:
    """HOME's Docker configuration holds credentials for the server, itself or through a credential helper."""
    found = _holding(ask.home, server)
    if found.holder:
        return passed(f"Docker is logged in to `{server}` ({found.holder}).")
    return failed(f"Docker is not logged in to `{server}`: {found.problem}.")


@check("docker.no-login")
def no_login(ask: Context, *, server: str) -> Finding:
    """HOME's Docker configuration holds no credentials for the server."""
    found = _holding(ask.home, server)
    if found.holder:
        return failed(f"Docker is still logged in to `{server}` ({found.holder}).")
    if found.unreadable:
        return failed(f"Nobody can tell whether Docker is logged in to `{server}`: {found.problem}.")
    return passed(f"Docker is not logged in to `{server}`.")


def _holding(home: str, server: str) -> Holding:
    """What the configuration says of `server`.

    A credential helper leaves an empty entry behind at login and takes it away at logout; a helper that is merely
    configured says nothing about this server.
    """
    try:
        with open(os.path.join(home, ".docker", "config.json"), encoding="utf-8") as stream:  # noqa: PTH118, PTH123
            config = json.load(stream)
    except FileNotFoundError:
        return Holding(problem="there is no ~/.docker/config.json")
    except (OSError, ValueError) as error:
        return Holding(problem=f"~/.docker/config.json cannot be read ({type(error).__name__})", unreadable=True)
    entries = look_up(config, "auths")
    entry = next((value for key, value in _items(entries) if _host(key) == _host(server)), None)
    if entry is None:
        return Holding(problem="~/.docker/config.json has no entry for it")
    helper = dict(_items(look_up(config, "credHelpers"))).get(server) or config.get("credsStore")
    if helper:
        return Holding(holder=f"the helper `{helper}` keeps the credentials")
    if _has_auth(entry):
        return Holding(holder="the credentials are in ~/.docker/config.json")
    return Holding(problem="its entry in ~/.docker/config.json is empty")


def _items(value: object) -> list[tuple[str, object]]:
    return list(value.items()) if isinstance(value, dict) else []


def _host(server: str) -> str:
    return urlsplit(server if "//" in server else f"//{server}").netloc


def _has_auth(entry: object) -> bool:
    """Whether an entry of `auths` holds something: a token, or a user with a password."""
    if not isinstance(entry, dict):
        return False
    if entry.get("identitytoken") or entry.get("registrytoken"):
        return True
    try:
        user, _, password = base64.b64decode(entry.get("auth") or "", validate=True).partition(b":")
    except (ValueError, TypeError):
        return False
    return bool(user and password)
