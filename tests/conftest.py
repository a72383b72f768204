"""Keeps every test away from the machine's own home, engine, account, locale and terminal settings."""

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.folders import Folders
from tests.parts import Part

FOREIGN = ("DOCKER_", "AZURE_", "ARM_", "KUBECONFIG", "SSH_AUTH_SOCK", "LABRUNNER_", "GIT_", "NO_COLOR", "COLUMNS")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--part", metavar="K/N", help="only the K-th of N parts of the test files")


def pytest_configure(config: pytest.Config) -> None:
    part = config.getoption("--part")
    if part is not None:
        try:
            config.pluginmanager.register(Part.read(part))
        except ValueError as error:
            raise pytest.UsageError(f"--part takes K/N, as 1/4 for the first of four parts: {error}") from None


def pytest_collection() -> None:
    """Thousands of tests are made, and nothing of them goes: looking for what may go takes a third of the time."""
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def cache() -> str:
    """Where the unpacked tools are, or are put now. Asked before a test gets an environment of its own."""
    return os.environ.get("XDG_CACHE_HOME") or f"{os.environ['HOME']}/.cache"


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Ctrl-C and a closed terminal count in every program that a test starts, also under `nohup make test &`, which
    has both ignored. A closed terminal is nothing to the tests themselves, then as before."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda number, frame: None)  # unlike one that is ignored, not passed on


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return Folders(tmp_path_factory.mktemp("tests"))


@pytest.fixture
def tmp_path(folders: Folders) -> Iterator[Path]:
    """As pytest's own; it stays for the next runs to remove, like those."""
    with folders.one() as folder:
        yield folder


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, folders: Folders) -> Iterator[Path]:
    """An empty HOME and state, and an environment with nothing of the developer's in it."""
    with folders.one() as home:
        for name in list(os.environ):
            if name.startswith(FOREIGN):
                monkeypatch.delenv(name)
        # the unpacked tools are large and read-only: tests that need them share the developer's cache
        monkeypatch.setenv("XDG_CACHE_HOME", os.environ.get("XDG_CACHE_HOME") or f"{os.environ['HOME']}/.cache")
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
        monkeypatch.setenv("LC_ALL", "C.UTF-8")
        monkeypatch.setenv("TZ", "UTC")
        yield home
