"""Asks one question of a check kind of the checks folder, in a work folder and HOME of the test's own."""

from contextlib import closing
from pathlib import Path

import pytest

from labrunner.checking.client import DirectChecker, WorkerContext
from labrunner.model import Check

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
