"""What the Azure check kinds share: the identity that they ask with, one HTTP session, and questions to Resource
Manager and Graph. Defines no kind.

What the learner may have caused (a name that is not there) is a MissingError, which `finding` makes a failed finding.
What keeps Azure from answering is a TargetError. No token and no secret is ever part of a message.
"""

import json
import re
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from types import MappingProxyType
from typing import Any, NoReturn

import requests
from azure.core.credentials import AccessToken, TokenCredential
from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import ClientSecretCredential
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from labrunner.checking.api import CheckFunction, Context, Finding, TargetError, failed
from labrunner.checking.wording import cut, listed

ARM = "https://management.azure.com"
GRAPH = "https://graph.microsoft.com"
AUTHORITY = "login.microsoftonline.com"
REGISTRIES = "2023-07-01"
ROLES = "2022-04-01"
TIMEOUT = 5.0
SHOWN = 16

# Registry names: Microsoft.ContainerRegistry's naming rules. Repositories and tags: OCI distribution specification,
# "Pulling manifests"; both are matched in linear time, since no two parts of a pattern can take the same character.
_REGISTRY = re.compile(r"[A-Za-z0-9]{5,50}")
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+|/)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


class MissingError(Exception):
    """What was asked about is not there; the message is the finding's."""


def finding(function: CheckFunction) -> CheckFunction:
    """A check whose MissingErrors are failed findings."""

    @wraps(function)
    def asked(ask: Context, **arguments: Any) -> Finding:  # noqa: ANN401 - the arguments of any check
        try:
            return function(ask, **arguments)
        except MissingError as missing:
            return failed(str(missing))

    return asked


class Azure:
    """Azure, asked as one identity over one session; made once for a run of checks (`azure_of`).

    It is the TokenCredential of the SDKs itself, so that what goes wrong with signing in is said as that.
    """

    def __init__(self, make: Callable[[RequestsTransport], TokenCredential], subscription: str, remedy: str) -> None:
        self.subscription = subscription
        self.session = requests.Session()
        # A short wait for a service that says it is busy; everything that checks ask may be asked twice.
        again = Retry(
            total=2,
            connect=1,
            read=1,
            backoff_factor=0.2,
            status_forcelist=(429, 503),
            allowed_methods=None,
            respect_retry_after_header=False,
            raise_on_status=False,
        )
        self.session.mount("https://", _Adapter(max_retries=again))
        self.transport = RequestsTransport(
            session=self.session, session_owner=False, connection_timeout=TIMEOUT, read_timeout=TIMEOUT
        )
        self._credential = make(self.transport)
        self._remedy = remedy

    def get(self, url: str, params: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any] | None:
        """A JSON answer of Resource Manager or Graph; None where nothing is there (404). Raises TargetError."""
        return self._ask("GET", url, params)

    def post(self, url: str, params: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any] | None:
        """As `get`, for what Azure wants a POST for and what changes nothing."""
        return self._ask("POST", url, params)

    def all(self, url: str, params: Mapping[str, str], *, post: bool = False) -> Iterator[dict[str, Any]]:
        """The items of a list, page by page; none where nothing is there. post: the first page is a POST."""
        page = self._ask("POST" if post else "GET", url, params)
        while page is not None:
            yield from page.get("value") or ()
            following = page.get("nextLink") or page.get("@odata.nextLink")
            page = self.get(following) if following else None

    def registries(self) -> list[dict[str, Any]]:
        """All registries of the subscription."""
        path = f"/subscriptions/{self.subscription}/providers/Microsoft.ContainerRegistry/registries"
        return list(self.all(ARM + path, {"api-version": REGISTRIES}))

    def registry(self, name: str) -> dict[str, Any]:
        """The registry of that name. Raises MissingError."""
        found = self.registries()
        for each in found:
            if each["name"].lower() == name.lower():
                return each
        names = few(each["name"] for each in found)
        raise MissingError(
            f"There is no registry `{name}`; there is {names}."
            if names
            else f"There is no registry `{name}`, and no other one in the subscription."
        )

    @contextmanager
    def asking(self, host: str, *, registry: str = "") -> Iterator[None]:
        """Whatever keeps that host from answering is a TargetError; a MissingError if no registry has that name."""
        try:
            yield
        except (AzureError, requests.RequestException) as error:
            if registry:
                self.registry(registry)
            status, text = _answer(error)
            if status:
                self.refused(host, status, text)
            raise TargetError(f"`{host}` does not answer ({_reason(error)})", self._remedy) from error

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:  # noqa: ANN401 - a TokenCredential's
        """A token of Entra ID, kept as long as it is good. Raises TargetError."""
        try:
            return self._credential.get_token(*scopes, **options)
        except AzureError as error:
            status, text = _answer(error)
            # Nothing else of the text is shown: it may say more than it should. MSAL keeps a status only there.
            said = " ".join([text, *(str(each) for each in _causes(error))])
            code = re.search(r"AADSTS\d+", said)
            status = status or int((re.search(r"HTTP (?:Error|status): (\d{3})\b", said) or ("", "0"))[1])
            if code or 400 <= status < 500:
                why = code[0] if code else f"status {status}"
                raise TargetError(
                    f"`{AUTHORITY}` refuses the identity that checks ask with ({why})", self._remedy
                ) from error
            why = f"answers with status {status}" if status else f"does not answer ({_reason(error)})"
            raise TargetError(f"`{AUTHORITY}` {why}", self._remedy) from error

    def refused(self, host: str, status: int, text: str) -> NoReturn:
        """Raise TargetError for an answer that is none."""
        if status in (401, 403):
            raise TargetError(f"`{host}` refuses the identity that checks ask with (status {status})", self._remedy)
        raise TargetError(f"`{host}` answers with status {status}{_said(text)}", self._remedy)

    def close(self) -> None:
        """Close the session."""
        self.session.close()

    def _ask(self, method: str, url: str, params: Mapping[str, str]) -> dict[str, Any] | None:
        base = GRAPH if url.startswith(f"{GRAPH}/") else ARM
        if not url.startswith(f"{base}/"):  # a link of a page; the token is for these two only
            raise TargetError("Azure points to a page that is not its own", self._remedy)
        token = self.get_token(f"{base}/.default").token
        host = base.removeprefix("https://")
        headers = {"Authorization": f"Bearer {token}"}
        with self.asking(host):
            answer = self.session.request(
                method, url, params=params, headers=headers, timeout=TIMEOUT, allow_redirects=False
            )
        if answer.status_code == 404:
            return None
        try:
            document = answer.json() if answer.status_code == 200 else None
        except ValueError:
            document = None
        if not isinstance(document, dict):
            self.refused(host, answer.status_code, answer.text)
        return document


class _Adapter(HTTPAdapter):
    """Sends at once through a proxy too; urllib3 has Nagle's algorithm there, which costs a POST 40 ms."""

    def proxy_manager_for(self, *words: Any, **options: Any) -> Any:  # noqa: ANN401 - as requests has it
        return super().proxy_manager_for(
            *words, socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)], **options
        )


def azure_of(ask: Context) -> Azure:
    """The target's Azure. Raises TargetError when it has none."""

    def make() -> Azure:
        about = ask.azure

        def credential(transport: RequestsTransport) -> TokenCredential:
            return ClientSecretCredential(
                about.tenant,
                about.client_id,
                about.client_secret,
                transport=transport,
                retry_total=0,
                disable_instance_discovery=True,
            )

        return Azure(credential, about.subscription, ask.remedy)

    return ask.once("azure", make)


# Arguments: what a course got wrong is a ValueError, before anything is asked


def server_of(registry: str) -> str:
    """The login server of the registry of that name. Raises ValueError for what is no name."""
    if not _REGISTRY.fullmatch(registry):
        raise ValueError(f"`registry` must be a registry's name (not its server, not a URL), not `{cut(registry)}`")
    return f"{registry.lower()}.azurecr.io"


def a_repository(name: str) -> str:
    """The name, if it is one. Raises ValueError."""
    if not _REPOSITORY.fullmatch(name) or ".azurecr.io/" in name:
        raise ValueError(f"a repository's name is written without server and tag, like `mywebapi`, not `{cut(name)}`")
    return name


def a_tag(name: str) -> str:
    """The tag, if it is one. Raises ValueError."""
    if not _TAG.fullmatch(name):
        raise ValueError(f"`{cut(name)}` cannot be a tag")
    return name


def some(argument: str, values: Sequence[str], *, least: int = 1) -> Sequence[str]:
    """The values, if there are enough of them to ask about. Raises ValueError."""
    if len(values) < least:
        raise ValueError(f"`{argument}` must name at least {least}, else nothing is asked")
    return values


def given(**arguments: object) -> dict[str, Any]:
    """Those that are not None. Raises ValueError if none is left."""
    found = {name: value for name, value in arguments.items() if value is not None}
    if not found:
        raise ValueError(f"one of {listed(arguments, last='or')} must be given, else nothing is asked")
    return found


# Wording


def few(names: Iterable[str], *, last: str = "and") -> str:
    """Names in backticks, a long list cut."""
    found = sorted(names)
    more = len(found) - SHOWN
    if more > 0:
        return f"{', '.join(f'`{name}`' for name in found[:SHOWN])} and {more} more"
    return listed(found, last=last)


def _answer(error: Exception) -> tuple[int, str]:
    """The status and the text of the answer that made the SDK raise; 0 if there was none."""
    response = error.response if isinstance(error, HttpResponseError) else None
    if response is None or response.status_code is None:
        return 0, ""
    return response.status_code, response.text()


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what made it happen, down to the bottom."""
    found = [error]
    while (
        deeper := getattr(found[-1], "inner_exception", None) or found[-1].__cause__ or found[-1].__context__
    ) is not None:
        found.append(deeper)
    return found


def _reason(error: BaseException) -> str:
    """The kind of failure at the bottom; the text of one may hold an address and more."""
    return type(_causes(error)[-1]).__name__


def _said(text: str) -> str:
    """What a service says of its refusal: ARM's and Graph's error, or a registry's errors."""
    try:
        document = json.loads(text)
        error = document["error"] if "error" in document else document["errors"][0]
        return f": {cut(error['message'])}"
    except (ValueError, LookupError, TypeError):
        return ""
