"""HTTP to a registry: the user's credentials, the registry's tokens, its errors (distribution specification).

Proxies and certificate authorities are those of the environment (HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE).
"""

import base64
import binascii
import http.client
import json
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

from labrunner.notation.problem import NotationError, RegistryError

__all__ = ["Answer", "Credentials", "Transport", "credentials_of"]

_SECONDS = 20.0
_LARGEST = 10 << 20
_CHALLENGE = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """For one registry. refresh: a token to get others with, instead of user and password."""

    user: str = ""
    password: str = field(default="", repr=False)
    refresh: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. headers: by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def credentials_of(registry: str, env: Mapping[str, str], *, user: str = "", password: str = "") -> Credentials | None:
    """Those that were given, else those that Docker keeps for the registry; None: nobody is logged in.

    Raises NotationError where a credential helper keeps them: this program runs none.
    """
    user, password = user or env.get("NOTATION_USERNAME", ""), password or env.get("NOTATION_PASSWORD", "")
    if user or password:
        return Credentials(user=user, password=password) if user else Credentials(refresh=password)
    path = Path(env.get("DOCKER_CONFIG") or f"{env.get('HOME', '')}/.docker", "config.json")
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise NotationError(f"the credentials in {path} cannot be read: {error}") from error
    value = value if isinstance(value, dict) else {}
    found = (value.get("auths") or {}).get(registry) or {}
    if found.get("identitytoken"):
        return Credentials(refresh=str(found["identitytoken"]))
    if found.get("auth"):
        try:
            user, _, password = base64.b64decode(found["auth"], validate=True).decode().partition(":")
        except (ValueError, TypeError, binascii.Error) as error:
            raise NotationError(f"the credentials for {registry} in {path} cannot be read") from error
        return Credentials(user=user, password=password)
    if (value.get("credHelpers") or {}).get(registry) or value.get("credsStore"):
        raise NotationError(
            f"{path} says that a credential helper keeps the login; labrunner's stand-in for notation runs none"
        )
    return None


class Transport:
    """One registry, asked as one user. Every request may get an answer of any status, or raise NotationError."""

    def __init__(
        self, registry: str, credentials: Credentials | None, env: Mapping[str, str], *, agent: str, plain: bool = False
    ) -> None:
        """plain: HTTP without TLS."""
        self.base = f"{'http' if plain else 'https'}://{registry}"
        self._credentials = credentials
        self._agent = agent
        self._headers: dict[str, str] = {}
        self._opener = _opener(env)

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        accept: Sequence[str] = (),
        content_type: str = "application/octet-stream",
        scope: str,
    ) -> Answer:
        """path: below the registry, or a whole address of it. scope: what it is for, such as `pull` or `pull,push`."""
        address = path if path.startswith(("http://", "https://")) else f"{self.base}{path}"
        if urlsplit(address)[:2] != urlsplit(self.base)[:2]:
            raise NotationError(f"the registry {self.base} sends one to another server, {address.partition('?')[0]}")
        headers = {"Accept": ", ".join(accept)} if accept else {}
        if body is not None:
            headers["Content-Type"] = content_type
        answer = self._send(method, address, headers, body, authorization=self._headers.get(scope, ""))
        if answer.status == 401:
            self._headers[scope] = self._authorization(answer, scope)
            answer = self._send(method, address, headers, body, authorization=self._headers[scope])
        return answer

    def refusal(self, method: str, path: str, answer: Answer) -> RegistryError:
        """What an answer that is an error says."""
        return RegistryError(f'{method} "{self.base}{path}": {_said(answer)}', answer.status)

    def _send(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes | None, *, authorization: str
    ) -> Answer:
        request = Request(address, data=body, method=method, headers={**headers, "User-Agent": self._agent})  # noqa: S310 - the scheme is ours
        if authorization:
            request.add_unredirected_header("Authorization", authorization)  # a blob's store is another server
        try:
            with self._opener.open(request, timeout=_SECONDS) as answer:
                return _answer(answer)
        except HTTPError as error:
            with error:
                return _answer(error)
        except (URLError, OSError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, URLError) else error
            raise RegistryError(f'{method} "{address.partition("?")[0]}": {reason}') from error

    def _authorization(self, answer: Answer, scope: str) -> str:
        """What the registry asks for. Raises NotationError."""
        challenge = answer.headers.get("www-authenticate", "")
        scheme, asked = challenge.partition(" ")[0].lower(), dict(_CHALLENGE.findall(challenge))
        own = self._credentials
        if scheme == "basic" and own is not None and own.user:
            return _basic(own)
        if scheme != "bearer" or not asked.get("realm", "").startswith(f"{self.base}/"):
            raise NotationError(f"{self.base} asks for a sign-in that is not known here: {challenge or 'none'}")
        wanted = {"service": asked.get("service", ""), "scope": self._scope(asked.get("scope", ""), scope)}
        if own is not None and own.refresh:
            form = urlencode(
                {**wanted, "grant_type": "refresh_token", "refresh_token": own.refresh, "client_id": "notation"}
            )
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            method, told = "POST", self._send("POST", asked["realm"], kind, form.encode(), authorization="")
        else:
            address = f"{asked['realm']}?{urlencode(wanted)}"
            method, told = "GET", self._send("GET", address, {}, None, authorization=_basic(own) if own else "")
        if told.status != 200:
            raise RegistryError(f'{method} "{asked["realm"]}": {_said(told)}', told.status)
        value = _json(told.body)
        token = value.get("access_token") or value.get("token") if isinstance(value, dict) else None
        if not isinstance(token, str):
            raise NotationError(f"{asked['realm']} gave no token")
        return f"Bearer {token}"

    @staticmethod
    def _scope(asked: str, scope: str) -> str:
        """The registry's own words for the repository, with all that is wanted there."""
        kind, _, _ = asked.rpartition(":")
        return f"{kind}:{scope}" if kind else asked


def _opener(env: Mapping[str, str]) -> OpenerDirector:
    proxies = {
        scheme: found
        for scheme in ("http", "https")
        if (found := env.get(f"{scheme.upper()}_PROXY") or env.get(f"{scheme}_proxy"))
    }
    try:
        context = ssl.create_default_context(cafile=env.get("SSL_CERT_FILE") or None)
    except (OSError, ssl.SSLError) as error:
        raise NotationError(f"the authorities in SSL_CERT_FILE cannot be read: {error}") from error
    return build_opener(ProxyHandler(proxies), HTTPHandler(), HTTPSHandler(context=context))


def _answer(found: Any) -> Answer:  # noqa: ANN401 - a response, or an error that is one
    body = found.read(_LARGEST + 1)
    if len(body) > _LARGEST:
        raise NotationError("the registry sent more than 10 MiB")
    return Answer(found.status, {name.lower(): value for name, value in found.headers.items()}, body)


def _basic(own: Credentials) -> str:
    return f"Basic {base64.b64encode(f'{own.user}:{own.password}'.encode()).decode()}"


def _json(body: bytes) -> Any:  # noqa: ANN401 - what a server says
    try:
        return json.loads(body)
    except ValueError:
        return None


def _said(answer: Answer) -> str:
    value = _json(answer.body)
    errors = value.get("errors") if isinstance(value, dict) else None
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    words = [str(first[key]) for key in ("code", "message") if first.get(key)]
    if len(words) == 2:
        words[0] = words[0].lower().replace("_", " ")
    return ": ".join([f"response status code {answer.status}", *words])
