"""Tokens that Azure Resource Manager and Graph refuse: the very answer, and that nothing was stored.

The words are those of public issues that quote answers of Azure; they are named where the words are (`access`, Graph's
`rights`).
"""

import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

import jwt
import pytest

from tests.emulator.running import Answer, Emulator
from tests.emulator.signing import ARM, GRAPH, bearer, claims, user

GROUP = "https://management.azure.com/subscriptions/{}/resourcegroups/never-made?api-version=2024-11-01"
APPLICATIONS = "https://graph.microsoft.com/v1.0/applications"
EXPIRY = 1781511771
"""15 June 2026, 8:22:51 in the morning."""


def key_of(emulator: Emulator) -> str:
    with closing(sqlite3.connect(emulator.folder / "azure" / "state.sqlite")) as db:
        return str(db.execute("SELECT key FROM signing").fetchone()[0])


def changed(good: str) -> str:
    head, body, signature = good.split(".")
    return f"{head}.{body[:-4]}AAAA.{signature}"


KINDS: dict[str, Callable[[str, str], str]] = {
    "expired": lambda good, key: jwt.encode({**claims(good), "exp": EXPIRY}, key, algorithm="HS256"),
    "another key": lambda good, _: jwt.encode(claims(good), "k" * 64, algorithm="HS256"),
    "no key": lambda good, _: jwt.encode(claims(good), None, algorithm="none"),
    "changed": lambda good, _: changed(good),
    "no token": lambda *_: "nonsense",
}


def token(emulator: Emulator, kind: str, scope: str) -> dict[str, str]:
    """The header with a token that would be good but for one thing."""
    good = user(emulator, scope).json["access_token"]
    return {"Authorization": f"Bearer {KINDS[kind](good, key_of(emulator))}"}


@pytest.mark.parametrize("kind", KINDS)
def test_resource_manager_makes_nothing_for_a_token_that_it_refuses(emulator: Emulator, kind: str):
    url = GROUP.format(emulator.subscription)
    headers = token(emulator, kind, ARM)
    for method, body in (("PUT", {"location": "eastus"}), ("GET", None), ("DELETE", None)):
        answer = emulator.ask(method, url, headers=headers, body=body)
        (error,) = answer.json.values()
        assert (answer.status, list(answer.json), list(error)) == (401, ["error"], ["code", "message"])
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
        if kind == "expired":
            assert error["code"] == "ExpiredAuthenticationToken"
            told = re.fullmatch(
                r"The access token expiry UTC time '(.*)' is earlier than current UTC time '(.*)'\.", error["message"]
            )
            assert told is not None, error
            assert told[1] == "6/15/2026 8:22:51 AM"
            now = datetime.strptime(told[2], "%m/%d/%Y %I:%M:%S %p").replace(tzinfo=UTC).timestamp()
            assert abs(now - time.time()) < 60
        else:
            assert error == {"code": "InvalidAuthenticationToken", "message": "The access token is invalid."}
    good = bearer(user(emulator, ARM))
    there = emulator.ask("GET", url, headers=good)
    assert (there.status, there.json["error"]["code"]) == (404, "ResourceGroupNotFound")


def test_resource_manager_names_the_audience_of_a_token_for_graph(emulator: Emulator):
    answer = emulator.ask("GET", GROUP.format(emulator.subscription), headers=bearer(user(emulator, GRAPH)))
    assert answer.status == 401
    assert answer.json["error"] == {
        "code": "InvalidAuthenticationTokenAudience",
        "message": "The access token has been obtained for wrong audience or resource 'https://graph.microsoft.com/'. "
        "It should exactly match with one of the allowed audiences 'https://management.core.windows.net/',"
        "'https://management.core.windows.net','https://management.azure.com/','https://management.azure.com'.",
    }


def applications(emulator: Emulator) -> list[str]:
    answer = emulator.ask("GET", APPLICATIONS, headers=bearer(user(emulator)))
    assert answer.status == 200, answer.text
    return sorted(one["displayName"] for one in answer.json["value"])


def graphs(answer: Answer, message: str) -> None:
    assert answer.status == 401
    error = answer.json["error"]
    assert (list(answer.json), list(error)) == (["error"], ["code", "message", "innerError"])
    assert (error["code"], error["message"]) == ("InvalidAuthenticationToken", message)
    assert list(error["innerError"]) == ["date", "request-id", "client-request-id"]
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="", authorization_uri="https://login.')


@pytest.mark.parametrize("kind", KINDS)
def test_graph_makes_nothing_for_a_token_that_it_refuses(emulator: Emulator, kind: str):
    made = emulator.ask("POST", APPLICATIONS, headers=bearer(user(emulator)), body={"displayName": f"good {kind}"})
    assert made.status == 201, made.text
    before = applications(emulator)
    headers = token(emulator, kind, GRAPH)
    words = {
        "expired": "Lifetime validation failed, the token is expired.",
        "no token": "CompactToken parsing failed with error code: 80049217",
    }.get(kind, "Signature is invalid.")
    one = f"{APPLICATIONS}/{made.json['id']}"
    graphs(emulator.ask("POST", APPLICATIONS, headers=headers, body={"displayName": "never made"}), words)
    graphs(emulator.ask("PATCH", one, headers=headers, body={"displayName": "never named"}), words)
    graphs(emulator.ask("POST", f"{one}/addPassword", headers=headers, body={"passwordCredential": {}}), words)
    graphs(emulator.ask("DELETE", one, headers=headers), words)
    assert applications(emulator) == before
    there = emulator.ask("GET", one, headers=bearer(user(emulator)))
    assert (there.json["displayName"], there.json["passwordCredentials"]) == (f"good {kind}", [])
