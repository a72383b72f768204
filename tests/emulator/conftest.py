"""A local Azure that runs by itself, and the real clients that talk to it: see `running`."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labrunner.sandbox.azure_cli import ensure
from tests.emulator.az_forks import AzForks
from tests.emulator.running import AZ_SECONDS, SEED, Az, Emulator, start


@pytest.fixture(scope="session")
def new_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """New folders with short paths."""
    base = tmp_path_factory.mktemp("e")
    return lambda: Path(base / f"{len(list(base.iterdir()))}")


@pytest.fixture(scope="module")
def emulator(new_folder: Callable[[], Path]) -> Iterator[Emulator]:
    """A seeded one for the tests of a module."""
    running = start(new_folder(), seed=SEED)
    try:
        yield running
    finally:
        running.end()


@pytest.fixture
def clients(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, isolated: Path) -> Emulator:
    """This very process as a client: the SDKs find the emulator under the true names."""
    for name, value in emulator.environment.items():
        if name.upper().endswith(("PROXY", "CA_BUNDLE", "CERT_FILE")):
            monkeypatch.setenv(name, value)
    return emulator


@pytest.fixture(scope="session")
def az_program(cache: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """LABRUNNER_AZ, or the one of the tools, installed if it is not there."""
    named = os.environ.get("LABRUNNER_AZ")
    if named:
        return named
    found = ensure({**os.environ, "XDG_CACHE_HOME": cache})
    program = tmp_path_factory.mktemp("bin") / "az"
    program.write_text(found.launcher, encoding="utf-8")
    program.chmod(0o755)
    return str(program)


@pytest.fixture(scope="session")
def az_forks(cache: str) -> Iterator[AzForks | None]:
    """None for LABRUNNER_AZ, which may be any program."""
    if "LABRUNNER_AZ" in os.environ:
        yield None
        return
    found = ensure({**os.environ, "XDG_CACHE_HOME": cache})
    forks = AzForks(str(found.root / "bin" / "python"), {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"})
    try:
        yield forks
    finally:
        forks.end()


@pytest.fixture(scope="session")
def az_index(az_program: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration folder with az's index of commands, which takes it seconds to make."""
    folder = tmp_path_factory.mktemp("az")
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "AZURE_CONFIG_DIR": str(folder)}
    environment["AZURE_CORE_COLLECT_TELEMETRY"] = "no"
    subprocess.run(
        [az_program, "account", "list"], env=environment, capture_output=True, timeout=AZ_SECONDS, check=False
    )
    return folder


@pytest.fixture(scope="module")
def new_az(
    az_program: str, az_forks: AzForks | None, az_index: Path, emulator: Emulator, new_folder: Callable[[], Path]
) -> Callable[[], Az]:
    """Makes az's that nobody has signed in with."""

    def make() -> Az:
        config = new_folder()
        config.mkdir()
        for name in ("commandIndex.json", "az.json"):
            if (az_index / name).exists():
                shutil.copy(az_index / name, config)
        return Az(az_program, emulator, config, az_forks)

    return make


@pytest.fixture(scope="module")
def az(new_az: Callable[[], Az]) -> Az:
    """One that the sandbox's user is signed in with."""
    signed_in = new_az()
    ran = signed_in.login_user()
    assert ran.status == 0, ran.err
    return signed_in
