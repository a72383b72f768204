"""Which `notation` a sandbox offers."""

import subprocess
from pathlib import Path

from labrunner.sandbox.layout import Layout
from labrunner.sandbox.notation import offer


def make(folder: Path) -> Layout:
    place = Layout(name="n", folder=str(folder / "s"), run=str(folder / "r"), id="1")
    Path(place.bin).mkdir(parents=True)
    return place


def test_the_stand_in_says_that_it_is_one_and_needs_no_environment(tmp_path: Path) -> None:
    place = make(tmp_path)
    assert offer(place, f"{place.bin}:{tmp_path}/none") is None
    assert offer(place, f"{place.bin}:{tmp_path}/none") is None
    ran = subprocess.run([f"{place.bin}/notation", "version"], env={}, capture_output=True, text=True, check=True)
    assert "labrunner's stand-in for Notation" in ran.stdout
    assert [path.name for path in Path(place.bin).iterdir()] == ["notation"]


def test_the_machine_s_own_comes_first(tmp_path: Path) -> None:
    place = make(tmp_path)
    offer(place, place.bin)
    real = tmp_path / "bin" / "notation"
    real.parent.mkdir()
    real.write_text("#!/bin/sh\n")
    real.chmod(0o755)
    assert offer(place, f"{place.bin}:{real.parent}") == str(real)
    assert not Path(place.bin, "notation").exists()
