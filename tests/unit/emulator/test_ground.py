"""Store, secrets and tokens."""

import base64
import json

import pytest

from labrunner.emulator.clock import Clock, iso
from labrunner.emulator.issued import Issued
from labrunner.emulator.tokens import TokenProblem, Tokens


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def issued(store, clock):
    return Issued(store, now=clock.now)


@pytest.fixture
def tokens(store, issued, clock):
    return Tokens(store, issued, now=clock.now)


def test_a_transaction_happens_whole_or_not_at_all(store):
    store.define("CREATE TABLE IF NOT EXISTS t (a)")

    def half() -> None:
        with store.write() as db:
            db.execute("INSERT INTO t VALUES (1)")
            with store.write() as inner:
                inner.execute("INSERT INTO t VALUES (2)")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert store.rows("SELECT * FROM t") == []
    with store.write() as db:
        db.execute("INSERT INTO t VALUES (3)")
    assert [row["a"] for row in store.rows("SELECT * FROM t")] == [3]


def test_the_file_is_its_owners(store, tmp_path):
    assert (tmp_path / "state.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_token_is_verified(tokens):
    token = tokens.issue({"aud": "https://a/", "oid": "1"}, seconds=60)
    assert tokens.verify(token, audience="https://a")["oid"] == "1"
    assert tokens.verify(token, audience=("https://b", "https://a"))["oid"] == "1"


def encoded(part: dict) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


@pytest.mark.parametrize("change", ["signature", "claims", "none", "nothing", "words"])
def test_a_forged_token_is_found_out(tokens, change):
    head, claims, signature = tokens.issue({"aud": "a"}, seconds=60).split(".")
    forged = {
        "signature": f"{head}.{claims}.{signature[:-4]}AAAA",
        "claims": f"{head}.{encoded({'aud': 'a', 'exp': 9999999999})}.{signature}",
        "none": f"{encoded({'alg': 'none'})}.{claims}.",
        "nothing": "",
        "words": "no token at all",
    }[change]
    with pytest.raises(TokenProblem, match="forged"):
        tokens.verify(forged, audience="a")


def test_an_expired_token_and_one_for_somebody_else_are_told_apart(tokens, clock):
    token = tokens.issue({"aud": "a"}, seconds=60)
    with pytest.raises(TokenProblem, match="audience"):
        tokens.verify(token, audience="b")
    clock.offset = 61
    with pytest.raises(TokenProblem, match="expired"):
        tokens.verify(token, audience="a")


def test_tokens_outlive_a_restart_and_not_a_reset(store, issued, clock, tokens):
    token = tokens.issue({"aud": "a"}, seconds=60)
    again = Tokens(store, issued, now=clock.now)
    assert again.verify(token, audience="a")
    store.empty()
    again.load()
    with pytest.raises(TokenProblem, match="forged"):
        again.verify(token, audience="a")


def test_a_secret_is_told_before_it_is_handed_out(issued, clock):
    heard: list[str] = []
    end = issued.subscribe(heard.append)
    assert issued.add("one") == "one"
    assert heard == ["one"]
    end()
    issued.add("two", expires=clock.now() + 10)
    assert heard == ["one"]
    assert sorted(issued.all()) == ["one", "two"]
    clock.offset = 11
    assert issued.all() == ["one"]


@pytest.mark.parametrize(
    ("moment", "digits", "text"),
    [
        (0, 7, "1970-01-01T00:00:00.0000000Z"),
        (1.5, 7, "1970-01-01T00:00:01.5000000Z"),
        (1.99999999, 7, "1970-01-01T00:00:02.0000000Z"),
        (1.4, 0, "1970-01-01T00:00:01Z"),
    ],
)
def test_moments_are_written_as_azure_does(moment, digits, text):
    assert iso(moment, digits=digits) == text
