"""Libraries that an earlier, cut run has fetched, with the real pip and a folder in place of an index."""

import os
import sys
import zipfile
from pathlib import Path

import pytest

from labrunner.sandbox.libraries import LibrariesError, install_libraries


def wheel(folder: Path, name: str, version: str = "1.0", *, wants: str = "", extra: str = "") -> Path:
    """A wheel with one module, whose text is the version."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    about = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += f"Provides-Extra: {extra}\n" if extra else ""
    metadata += f"Requires-Dist: {wants}\n" if wants else ""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", version)
        archive.writestr(f"{about}/METADATA", metadata)
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", f"{name}.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n")
    return path


class Place:
    """An index, what was kept of an earlier run, and what is installed."""

    def __init__(self, base: Path) -> None:
        self.index, self.kept, self.installed = base / "index", base / "kept", base / "installed"
        self.index.mkdir()
        self.kept.mkdir()

    def install(self, *wanted: str) -> dict[str, str]:
        """The modules that are there then, with their versions."""
        pip = [sys.executable, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--no-compile"]
        where = ["--target", str(self.installed), "--no-index", "--find-links", str(self.index)]
        env = {**os.environ, "PIP_CONFIG_FILE": os.devnull}
        install_libraries([*pip, *where], wanted, self.kept, env, lambda _: None)
        return {path.stem: path.read_text() for path in self.installed.glob("*.py")}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_what_was_kept_is_what_is_installed(place: Place) -> None:
    wheel(place.kept, "one", "1.0")
    wheel(place.index, "one", "2.0")
    assert place.install("one") == {"one": "1.0"}


@pytest.mark.parametrize("wanted", [["one"], ["one", "Two[more]"], ["Two [more] >= 1", "one"]])
def test_one_that_is_wanted_with_an_extra_is_fetched_again(place: Place, wanted: list[str]) -> None:
    """Not every pip falls over such a one that is pinned."""
    for folder in (place.kept, place.index):
        wheel(folder, "one", wants="two[more]>=1")
        wheel(folder, "two", wants='three; extra == "more"', extra="more")
        wheel(folder, "three")
    assert set(place.install(*wanted)) == {"one", "two", "three"}
    pinned = (place.kept / "constraints.txt").read_text().splitlines()
    assert [line.partition(" @ ")[0] for line in pinned] == ["one", "three"]


def test_what_no_longer_fits_is_chosen_anew(place: Place) -> None:
    wheel(place.kept, "one", "1.0")
    wheel(place.index, "one", "2.0")
    assert place.install("one>=2") == {"one": "2.0"}


FALLS = """\
import pathlib, sys
with pathlib.Path(sys.argv[0] + ".asked").open("a") as asked:
    print(sys.argv[1:], file=asked)
if "--constraint" in sys.argv or "all" in sys.argv:
    print("ERROR: Exception:\\nTraceback (most recent call last):\\n  File x\\nAssertionError: not this one")
    sys.exit(2)
"""


def test_where_pip_falls_over_what_was_kept_it_goes_without(tmp_path: Path) -> None:
    pip = tmp_path / "pip"
    pip.write_text(FALLS)
    wheel(tmp_path, "one")
    install_libraries([sys.executable, str(pip)], ["one"], tmp_path, os.environ, lambda _: None)
    first, second = Path(f"{pip}.asked").read_text().splitlines()
    assert "--constraint" in first
    assert "--constraint" not in second
    with pytest.raises(LibrariesError) as caught:
        install_libraries([sys.executable, str(pip)], ["all"], tmp_path, os.environ, lambda _: None)
    assert "AssertionError: not this one" in str(caught.value)
