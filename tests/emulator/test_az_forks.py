"""An az that is forked says and leaves what one that is started does."""

import subprocess
from pathlib import Path

import pytest

from tests.emulator.az_forks import AzForks
from tests.emulator.running import REGISTRY, Az
from tests.waiting import wait_for


@pytest.mark.parametrize(
    "line", [f"acr show --name {REGISTRY}", "acr show --name unknownreg1", "acr shows", "account show -o table"]
)
def test_they_say_the_same(az: Az, line: str):
    assert Az(az.program, az.emulator, az.config).run(*line.split()) == az.run(*line.split())


def test_nothing_of_one_is_in_the_next(az: Az, az_forks: AzForks | None):
    """It takes its settings from its own environment, though az keeps them in modules."""
    if az_forks is None:  # LABRUNNER_AZ
        return
    other = az.config / "other"
    for config, said in ((az.config, "Lab Student"), (other, "az login"), (az.config, "Lab Student")):
        environment = {**az.environment(), "AZURE_CONFIG_DIR": str(config)}
        _, out, err = az_forks.run(["ad", "signed-in-user", "show"], environment, stdin="", seconds=60)
        assert said in out + err
    assert other.is_dir()


def test_one_that_takes_too_long_is_ended(az: Az, az_forks: AzForks | None, tmp_path: Path):
    if az_forks is None:
        return
    environment = {**az.environment(), "AZURE_CONFIG_DIR": str(tmp_path / "slow")}
    az.emulator.control.set_fault("latency", delay=100.0)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            az_forks.run(["login", "--use-device-code"], environment, stdin="", seconds=0.5)
    finally:
        az.emulator.control.clear_faults()
    assert az.run("account", "show").status == 0
    wait_for(lambda: az_forks.running == 0)
