"""The course's own check kinds: as whom Docker is logged in. `container.serving` is proven with Lab 5."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from labrunner.checking.api import CheckResult
from labrunner.checking.client import DirectChecker, WorkerContext
from labrunner.model import Check, Outcome

CHECKS = str(Path(__file__).parents[2] / "labs" / "acr-images" / "checks")
SERVER = "progressacr12345678.azurecr.io"
ADMIN = "progressacr12345678"
SECRET = "hunter2-of-the-admin"
TOKEN_USER = "00000000-0000-0000-0000-000000000000"

Ask = Callable[..., CheckResult]


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Ask]:
    """ask(kind, **args), in a HOME and work folder of the test's own, with no engine and no Azure."""
    for name in ("home/.docker", "work"):
        (tmp_path / name).mkdir(parents=True)
    context = WorkerContext(
        engine_url=f"unix://{tmp_path}/no-engine.sock", home=str(tmp_path / "home"), work=str(tmp_path / "work")
    )
    with closing(DirectChecker((CHECKS,), context)) as checker:
        yield lambda kind, **args: checker.ask([Check(kind=kind, args=args)], once=True)[0]


def logged_in(place: Path, user: str, **more: str) -> None:
    entry = {"auth": base64.b64encode(f"{user}:{SECRET}".encode()).decode(), **more}
    write(place, {"auths": {SERVER: entry}})


def write(place: Path, config: Any) -> None:
    (place / "home/.docker/config.json").write_text(config if isinstance(config, str) else json.dumps(config))


def test_the_user_of_the_login_is_known(ask: Ask, tmp_path: Path) -> None:
    logged_in(tmp_path, ADMIN)
    found = ask("login.user", server=SERVER, user=ADMIN)
    assert (found.outcome, found.message) == (Outcome.PASSED, f"Docker is logged in to `{SERVER}` as `{ADMIN}`.")


def test_another_user_is_named(ask: Ask, tmp_path: Path) -> None:
    logged_in(tmp_path, "somebody")
    found = ask("login.user", server=SERVER, user=ADMIN)
    assert found.outcome is Outcome.FAILED
    assert found.message == f"Docker is logged in as `somebody` to `{SERVER}`, not logged in as `{ADMIN}`."


def test_a_token_is_not_the_admin_user(ask: Ask, tmp_path: Path) -> None:
    logged_in(tmp_path, TOKEN_USER, identitytoken="hunter2")
    found = ask("login.user", server=SERVER, user=ADMIN)
    assert found.outcome is Outcome.FAILED
    assert "logged in by `az acr login`" in found.message


@pytest.mark.parametrize(
    "config",
    [{}, {"auths": {}}, {"auths": {SERVER: {}}}, {"auths": {SERVER: {"auth": "%%%"}}}, {"auths": [1]}, [], "no JSON"],
    ids=str,
)
def test_no_login_is_a_finding(ask: Ask, tmp_path: Path, config: Any) -> None:
    write(tmp_path, config)
    found = ask("login.user", server=SERVER, user=ADMIN)
    assert found.outcome is Outcome.FAILED
    assert "Docker is not logged in" in found.message


def test_no_file_is_a_finding(ask: Ask) -> None:
    assert ask("login.user", server=SERVER, user=ADMIN).outcome is Outcome.FAILED


def test_no_secret_is_ever_said(ask: Ask, tmp_path: Path) -> None:
    logged_in(tmp_path, ADMIN, identitytoken=SECRET)
    for user in (ADMIN, "another"):
        assert "hunter2" not in str(ask("login.user", server=SERVER, user=user))


@pytest.mark.parametrize(
    ("kind", "args"),
    [
        ("login.application", {"server": SERVER, "application": "acr-push-pull-sp"}),
        ("container.serving", {"image": "mywebapi:latest", "port": "8080"}),
        ("container.inherits", {"name": "myapi-persistent", "path": "/app/data/marker.txt"}),
    ],
)
def test_what_cannot_be_asked_is_an_error_of_the_machine(ask: Ask, kind: str, args: dict[str, str]) -> None:
    found = ask(kind, **args)
    assert found.outcome is Outcome.ERROR
    assert not found.bug
