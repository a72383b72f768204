"""Asks one question of a check kind of the checks folder, in a work folder and HOME of the test's own."""

from contextlib import closing
from pathlib import Path

import pytest

from labrunner.checking.api import AzureContext
from labrunner.checking.client import DirectChecker, WorkerContext
from labrunner.model import Check
from tests.unit.checks import cloud

CHECKS = str(Path(__file__).parents[3] / "checks")


@pytest.fixture
def place(tmp_path):
    """Folders `work` and `home`."""
    for name in ("work", "home"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def ask(place):
    """ask(kind, **args) -> CheckResult."""
    context = WorkerContext(
        engine_url=f"unix://{place}/no-engine.sock",
        home=str(place / "home"),
        work=str(place / "work"),
        env={"PATH": "/usr/bin:/bin", "HOME": str(place / "home")},
        remedy="run `labrunner sandbox up`, then try again",
    )
    with closing(DirectChecker((CHECKS,), context)) as checker:
        yield lambda kind, **args: checker.ask([Check(kind=kind, args=args)], once=True)[0]


@pytest.fixture(scope="session")
def cloud_server(tmp_path_factory):
    """See `cloud.serve`."""
    with cloud.serve(tmp_path_factory.mktemp("cloud")) as serving:
        yield serving


@pytest.fixture
def azure(cloud_server, place, monkeypatch):
    """An Azure of two registries that says what a test sets, and `azure.ask(kind, **args)` -> CheckResult."""
    proxy, authority, say = cloud_server
    for name, value in {"HTTPS_PROXY": proxy, "REQUESTS_CA_BUNDLE": authority, "NO_PROXY": "localhost"}.items():
        monkeypatch.setenv(name, value)
        monkeypatch.delenv(name.lower(), raising=False)
    about = cloud.Cloud(registries={"myregistry": cloud.Registry(), "otherregistry": cloud.Registry()})
    say(about)
    context = WorkerContext(
        engine_url=f"unix://{place}/no-engine.sock",
        home=str(place / "home"),
        work=str(place / "work"),
        env={"PATH": f"{place}/bin:/usr/bin:/bin", "HOME": str(place / "home")},
        remedy="run `labrunner sandbox up`, then try again",
        azure=AzureContext(
            tenant=cloud.TENANT,
            subscription=cloud.SUBSCRIPTION,
            client_id=cloud.OPERATOR,
            client_secret=about.secret,
        ),
    )
    with closing(DirectChecker((CHECKS,), context)) as checker:
        about.ask = lambda kind, **args: checker.ask([Check(kind=kind, args=args)], once=True)[0]
        yield about
