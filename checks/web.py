"""Checks of what a web server on this machine answers."""

import http.client
import ipaddress
import json as json_format
import time
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from labrunner.checking.api import Context, Finding, check, failed, passed
from labrunner.checking.wording import MISSING, cut, has_text, look_up, shown

TIMEOUT = 5.0
LARGEST = 1024 * 1024


@check("http.get")
def http_get(
    ask: Context,  # noqa: ARG001 - every check has one
    *,
    url: str,
    status: int = 200,
    contains: str = "",
    json: Mapping[str, str] | None = None,
) -> Finding:
    """A web address of this machine answers with a status, a text or JSON values.

    `json` maps paths (`status`, `entries.0.name`) to the values to be there. Redirects are not followed. Whatever
    keeps the server from answering is a failed finding: it may not be up yet.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not _is_loopback(parts.hostname or ""):
        raise ValueError(f"the url must be http://localhost or another address of this machine, not {url}")
    try:
        got, body = _get(parts)
    except ConnectionRefusedError:
        return failed(f"Nothing listens at {parts.netloc} (connection refused).")
    except TimeoutError:
        return failed(f"{url} gives no answer within {TIMEOUT:g} seconds.")
    except (OSError, http.client.HTTPException) as error:
        return failed(f"{url} gives no answer of HTTP ({type(error).__name__}: {cut(str(error))}).")
    if got != status:
        return failed(f"{url} answers with status {got}, not {status}.")
    if contains and contains not in body:
        return failed(f"The answer of {url} does not contain `{contains}`. It is: {cut(body) or 'empty'}")
    return _compare(url, body, json) if json else passed(f"{url} answers with status {status}.")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _get(parts: SplitResult) -> tuple[int, str]:
    """Status and text. http.client knows no proxies, so none of an environment is used."""
    deadline = time.monotonic() + TIMEOUT
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=TIMEOUT)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers={"Host": parts.netloc, "Connection": "close"})
        response = connection.getresponse()
        body = b""
        while len(body) < LARGEST and (piece := response.read1(65536)):
            body += piece
            if time.monotonic() > deadline:
                raise TimeoutError
        return response.status, body.decode(errors="replace")
    finally:
        connection.close()


def _compare(url: str, body: str, wanted: Mapping[str, str]) -> Finding:
    try:
        document = json_format.loads(body)
    except ValueError:
        return failed(f"The answer of {url} is no JSON. It is: {cut(body) or 'empty'}")
    for path, text in wanted.items():
        value = look_up(document, path)
        if value is MISSING:
            return failed(f"The JSON of {url} has no `{path}`. It is: {cut(body)}")
        if not has_text(value, text):
            return failed(f"In the JSON of {url}, `{path}` is {shown(path, value)}, not `{text}`.")
    return passed(f"{url} answers with the JSON that it should.")
