"""acr.can-pull and acr.can-push use what Docker holds; the role and application kinds ask the directory."""

import base64
import json

import pytest

from labrunner.model import Outcome
from tests.findings import failed, passed
from tests.unit.checks.cloud import Answer, jwt

SERVER = "myregistry.azurecr.io"
ASK = {"registry": "myregistry", "repository": "mywebapi"}
TOKEN = "token-hunter2"
AUTH = base64.b64encode(b"user:password-hunter2").decode()
NULL_USER = base64.b64encode(b"00000000-0000-0000-0000-000000000000:").decode()
APP = "44444444-4444-4444-4444-444444444444"


def write(place, config) -> None:
    (place / "home/.docker").mkdir(exist_ok=True)
    text = config if isinstance(config, str) else json.dumps(config)
    (place / "home/.docker/config.json").write_text(text)


def helper(place, name, text) -> None:
    """A credential helper that says `text` when it is asked for the server."""
    (place / "bin").mkdir(exist_ok=True)
    program = place / f"bin/docker-credential-{name}"
    said = f"cat <<'E'\n{text}\nE\n"
    program.write_text(f'#!/bin/sh\nread -r server\n[ "$1 $server" = "get {SERVER}" ] || exit 1\n{said}')
    program.chmod(0o755)


LOGINS = {
    "user and password": {"auths": {SERVER: {"auth": AUTH}}},
    "identity token": {"auths": {SERVER: {"auth": NULL_USER, "identitytoken": TOKEN}}},
    "with scheme": {"auths": {f"https://{SERVER}/v1/": {"auth": AUTH}}},
    "helper with a password": {"auths": {SERVER: {}}, "credHelpers": {SERVER: "password"}},
    "store with a token": {"auths": {SERVER: {}}, "credsStore": "token"},
}


@pytest.fixture
def helpers(place):
    helper(place, "password", json.dumps({"ServerURL": SERVER, "Username": "user", "Secret": "password-hunter2"}))
    helper(place, "token", json.dumps({"ServerURL": SERVER, "Username": "<token>", "Secret": TOKEN}))
    helper(place, "odd", "[1]")


@pytest.mark.parametrize("config", LOGINS.values(), ids=LOGINS)
def test_what_docker_may_do(azure, place, helpers, config):
    write(place, config)
    azure.docker = {("user", "password-hunter2"): ["pull", "push"], ("", TOKEN): ["pull", "push"]}
    assert passed(azure.ask("acr.can-push", **ASK)) == f"Docker may push `mywebapi` at `{SERVER}`."
    azure.docker = {login: ["pull"] for login in azure.docker}
    assert passed(azure.ask("acr.can-pull", **ASK)) == f"Docker may pull `mywebapi` at `{SERVER}`."
    assert failed(azure.ask("acr.can-push", **ASK)) == (
        f"Docker is logged in to `{SERVER}`, but may not push `mywebapi`: its credentials only let it `pull`."
    )
    azure.docker = {login: [] for login in azure.docker}
    assert failed(azure.ask("acr.can-pull", **ASK)) == (
        f"Docker is logged in to `{SERVER}`, but may not pull `mywebapi`: its credentials let it do nothing there."
    )
    assert {each.split()[1] for each in azure.asked} == {f"{SERVER}/oauth2/token"}, "no identity of ours was used"
    azure.docker = {}
    message = failed(azure.ask("acr.can-pull", **ASK))
    assert message == f"The registry `myregistry` refuses the credentials that Docker holds for `{SERVER}`."


NOT_LOGGED_IN = {
    "nothing": {},
    "logged out": {"auths": {}},
    "other server": {"auths": {"otherregistry.azurecr.io": {"auth": AUTH}}},
    "empty entry": {"auths": {SERVER: {}}},
    "no password": {"auths": {SERVER: {"auth": NULL_USER}}},
    "no base64": {"auths": {SERVER: {"auth": "%%%"}}},
    "an odd entry": {"auths": {SERVER: {"auth": 1, "identitytoken": 1}}},
    "a list": [],
    "helper that has none": {"credHelpers": {SERVER: "password"}, "auths": {SERVER: {}}},
    "helper that is not there": {"credHelpers": {SERVER: "none"}},
    "helper that is odd": {"credsStore": "odd"},
}


@pytest.mark.parametrize("config", NOT_LOGGED_IN.values(), ids=NOT_LOGGED_IN)
def test_docker_is_not_logged_in(azure, place, helpers, config):
    helper(place, "password", "credentials not found in native keychain")
    write(place, config)
    azure.docker = {("user", "password-hunter2"): ["pull", "push"], ("", TOKEN): ["pull", "push"]}
    for kind in ("acr.can-pull", "acr.can-push"):
        assert failed(azure.ask(kind, **ASK)) == f"Docker is not logged in to `{SERVER}`."
    assert not azure.asked


def test_no_configuration(azure, place):
    assert failed(azure.ask("acr.can-pull", **ASK)) == (
        f"Docker is not logged in to `{SERVER}`: there is no ~/.docker/config.json."
    )
    write(place, f'{{"auths": "{AUTH}" ')
    message = failed(azure.ask("acr.can-pull", **ASK))
    assert message.startswith(f"Docker is not logged in to `{SERVER}`: ~/.docker/config.json cannot be read")


@pytest.mark.parametrize("status", [0, 200, 404, 500])
@pytest.mark.parametrize("config", LOGINS.values(), ids=LOGINS)
def test_no_secret_is_ever_said(azure, place, helpers, config, status):
    write(place, config)
    azure.docker = {("user", "password-hunter2"): ["pull"], ("", TOKEN): ["pull"]}
    if status != 200:
        azure.broken[SERVER] = status
    for kind in (
        ("acr.can-pull", "acr.can-push") if status else ("acr.can-push",)
    ):  # no answer: asked again, after a wait
        result = azure.ask(kind, **ASK)
        for secret in ("hunter2", AUTH, NULL_USER):
            assert secret not in result.message
            assert secret not in json.dumps(dict(result.evidence))


def test_a_token_may_have_capitals(azure, place):
    write(place, LOGINS["user and password"])
    claims = {"access": [{"Type": "repository", "Name": "mywebapi", "Actions": ["pull"]}]}
    azure.tokens = lambda ask: Answer({"access_token": jwt(claims)})
    assert passed(azure.ask("acr.can-pull", **ASK))
    claims["access"][0]["Name"] = "another"
    assert failed(azure.ask("acr.can-pull", **ASK))


def test_a_token_that_says_nothing_allows_nothing(azure, place):
    write(place, LOGINS["user and password"])
    for answer in (
        {},
        {"access_token": "x"},
        {"access_token": "a.b.c"},
        {"access_token": "e30.e30.x"},
        [],
        {"token": 1},
    ):
        azure.tokens = lambda ask, answer=answer: Answer(answer)
        assert failed(azure.ask("acr.can-pull", **ASK)).endswith("its credentials let it do nothing there.")


# roles and applications


@pytest.fixture
def directory(azure):
    """An application that may push."""
    azure.applications = {"acr-push-pull-sp": APP, "it's another": "55555555-5555-5555-5555-555555555555"}
    azure.assigned = [("someone", "AcrPull"), (APP, "AcrPush")]
    return azure


def test_role(azure, directory):
    ask = {"registry": "myregistry", "principal": "acr-push-pull-sp"}
    assert passed(azure.ask("arm.role", **ask, role="acrpush")) == (
        "`acr-push-pull-sp` has the role `acrpush` at the registry `myregistry`."
    )
    assert failed(azure.ask("arm.role", **ask, role="AcrPull")) == (
        "`acr-push-pull-sp` does not have the role `AcrPull` at the registry `myregistry`; it has `AcrPush`."
    )
    azure.assigned.pop()
    assert failed(azure.ask("arm.role", **ask, role="AcrPush")).endswith("; it has no role there at all.")
    assert failed(azure.ask("arm.role", **{**ask, "principal": "acr-sp"}, role="AcrPush")) == (
        "There is no application `acr-sp`; there is `acr-push-pull-sp` and `it's another`."
    )


def test_no_role(azure, directory):
    ask = {"registry": "myregistry", "principal": "acr-push-pull-sp"}
    assert failed(azure.ask("arm.no-role", **ask, role="AcrPush")) == (
        "`acr-push-pull-sp` still has the role `AcrPush` at the registry `myregistry`."
    )
    assert passed(azure.ask("arm.no-role", **ask, role="AcrPull")) == (
        "`acr-push-pull-sp` does not have the role `AcrPull` at the registry `myregistry`."
    )
    assert passed(azure.ask("arm.no-role", registry="myregistry", principal="x", role="AcrPull")) == (
        "There is no application `x`, so it has no role."
    )


def test_application(azure, directory):
    assert passed(azure.ask("entra.application", name="acr-push-pull-sp")) == (
        "There is the application `acr-push-pull-sp`."
    )
    assert passed(azure.ask("entra.application", name="it's another")), "a quote in a name"
    assert failed(azure.ask("entra.application", name="acr-push")) == (
        "There is no application `acr-push`; there is `acr-push-pull-sp` and `it's another`."
    )
    azure.applications.clear()
    assert failed(azure.ask("entra.application", name="x")) == ("There is no application `x`; there is none at all.")


def test_no_application(azure, directory):
    assert passed(azure.ask("entra.no-application", name="acr-push")) == "There is no application `acr-push`."
    assert failed(azure.ask("entra.no-application", name="acr-push-pull-sp")) == (
        f"The application `acr-push-pull-sp` is still there (its id: `{APP}`)."
    )


@pytest.mark.parametrize("kind", ["entra.application", "entra.no-application"])
def test_a_directory_in_trouble_is_an_error(azure, directory, kind):
    azure.broken["graph.microsoft.com"] = 501
    result = azure.ask(kind, name="x")
    assert (result.outcome, result.bug) == (Outcome.ERROR, False)
    assert result.message.startswith("`graph.microsoft.com` answers with status 501: it is broken.")
