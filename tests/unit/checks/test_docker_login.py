"""docker.login and docker.no-login read the configuration that the docker CLI writes."""

import base64
import json

import pytest

from labrunner.model import Outcome

SERVER = "acr.example.io"
AUTH = base64.b64encode(b"user:hunter2").decode()
ACR_TOKEN = {"auth": base64.b64encode(b"00000000:").decode(), "identitytoken": "hunter2"}

LOGGED_IN = {
    "user and password": {"auths": {SERVER: {"auth": AUTH}}},
    "identity token": {"auths": {SERVER: ACR_TOKEN}},
    "with scheme": {"auths": {f"https://{SERVER}/v1/": {"auth": AUTH}}},
    "store": {"auths": {SERVER: {}}, "credsStore": "desktop"},
    "helper": {"auths": {SERVER: {}}, "credHelpers": {SERVER: "acr-env"}},
}
NOT_LOGGED_IN = {
    "nothing": {},
    "other server": {"auths": {"other.example.io": {"auth": AUTH}}},
    "longer name": {"auths": {f"x{SERVER}": {"auth": AUTH}}},
    "empty entry": {"auths": {SERVER: {}}},
    "no password": {"auths": {SERVER: {"auth": base64.b64encode(b"user:").decode()}}},
    "no base64": {"auths": {SERVER: {"auth": "%%%"}}},
    "store, logged out": {"auths": {}, "credsStore": "desktop"},
    "helper, logged out": {"credHelpers": {SERVER: "acr-env"}},
    "helper of another": {"auths": {SERVER: {}}, "credHelpers": {"other.example.io": "x"}},
    "odd": {"auths": [1]},
    "a list": [],
}


def write(place, config) -> None:
    (place / "home/.docker").mkdir()
    (place / "home/.docker/config.json").write_text(config if isinstance(config, str) else json.dumps(config))


@pytest.mark.parametrize("config", LOGGED_IN.values(), ids=LOGGED_IN)
def test_logged_in(ask, place, config):
    write(place, config)
    assert ask("docker.login", server=SERVER).outcome is Outcome.PASSED
    result = ask("docker.no-login", server=SERVER)
    assert result.outcome is Outcome.FAILED
    assert result.message.startswith(f"Docker is still logged in to `{SERVER}`")


@pytest.mark.parametrize("config", NOT_LOGGED_IN.values(), ids=NOT_LOGGED_IN)
def test_not_logged_in(ask, place, config):
    write(place, config)
    result = ask("docker.login", server=SERVER)
    assert result.outcome is Outcome.FAILED
    assert result.message.startswith(f"Docker is not logged in to `{SERVER}`: ")
    assert ask("docker.no-login", server=SERVER).outcome is Outcome.PASSED


@pytest.mark.parametrize("config", [*LOGGED_IN.values(), *NOT_LOGGED_IN.values()])
def test_no_secret_is_ever_said(ask, place, config):
    write(place, config)
    for kind in ("docker.login", "docker.no-login"):
        message = ask(kind, server=SERVER).message
        assert "hunter2" not in message
        assert AUTH not in message


def test_no_configuration_at_all(ask):
    assert "there is no ~/.docker/config.json" in ask("docker.login", server=SERVER).message
    assert ask("docker.no-login", server=SERVER).outcome is Outcome.PASSED


def test_a_broken_configuration_proves_neither(ask, place):
    write(place, '{"auths": ')
    assert ask("docker.login", server=SERVER).outcome is Outcome.FAILED
    assert ask("docker.no-login", server=SERVER).outcome is Outcome.FAILED
