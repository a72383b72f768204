"""What is shipped: sdist -> wheel -> an empty environment elsewhere holds all of `labs` and `checks`, and works."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import labrunner

pytestmark = pytest.mark.e2e

CHECKOUT = Path(labrunner.__file__).parents[1]


def run(*command, cwd, **settings):
    env = {"PATH": os.environ["PATH"], "HOME": str(cwd), "LC_ALL": "C.UTF-8", **settings}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder of the programs of an environment into which the wheel, made from the sdist, was installed."""
    work = tmp_path_factory.mktemp("wheel")
    run(
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "-t",
        "sdist",
        "-d",
        str(work),
        cwd=CHECKOUT,
        PYTHONDONTWRITEBYTECODE="1",
    )
    (sdist,) = work.glob("labrunner-*.tar.gz")
    (work / "source").mkdir()
    run("tar", "-xf", str(sdist), "-C", str(work / "source"), cwd=work)
    (source,) = (work / "source").iterdir()
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(work), cwd=source)
    (wheel,) = work.glob("labrunner-*.whl")
    place = work / "installed"
    run(sys.executable, "-m", "venv", "--without-pip", str(place), cwd=work)
    python = str(place / "bin/python")
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--no-deps", "--no-index", "--no-compile", str(wheel), cwd=work)
    # The libraries come from here. Of a folder named like this its own .pth files, which lead to the checkout, are not
    # read, and what is installed in `place` comes before it.
    libraries = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=work).strip()
    (Path(libraries) / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    return place / "bin"


def shipped(installed, folder):
    root = run(installed / "python", "-c", "import labrunner; print(labrunner.__path__[0])", cwd=installed).strip()
    assert not root.startswith(str(CHECKOUT)), "the checkout was imported, not what was installed"
    bundled = Path(root) / "_bundled"
    return {str(path.relative_to(bundled)) for path in (bundled / folder).rglob("*") if path.is_file()}


@pytest.mark.parametrize("folder", ["labs", "checks"])
def test_every_file_of_the_courses_is_shipped_and_no_other(installed, folder):
    tracked = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", folder],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    expected = {name for name in tracked.stdout.split("\0") if name}
    assert expected, f"no file of {folder} is tracked"
    assert shipped(installed, folder) == expected


@pytest.mark.parametrize(
    "arguments", [["--help"], ["list"], ["--version"], ["read", "resources"], ["errata"], ["status"]]
)
def test_the_installed_command_works_elsewhere(installed, arguments, tmp_path):
    assert run(installed / "labrunner", *arguments, cwd=tmp_path).strip()


def test_the_installed_courses_are_right(installed, tmp_path):
    assert run(installed / "labrunner", "lint", cwd=tmp_path) == ""


def test_the_version_is_the_one_of_the_project(installed, tmp_path):
    assert run(installed / "labrunner", "--version", cwd=tmp_path).strip() == f"labrunner {labrunner.__version__}"
    assert f'\nversion = "{labrunner.__version__}"\n' in (CHECKOUT / "pyproject.toml").read_text()


@pytest.mark.sandbox
def test_a_lab_is_taken_with_it_elsewhere_by_another_user(installed, cache, tmp_path):
    home, elsewhere = tmp_path / "her home", tmp_path / "elsewhere"
    home.mkdir(mode=0o700)
    elsewhere.mkdir()
    os.chown(home, 65534, 65534)
    settings = {"HOME": str(home), "XDG_CACHE_HOME": cache}
    option = ("--sandbox", f"wheel-{os.getpid()}")
    assert run(installed / "labrunner", "doctor", cwd=elsewhere, **settings)
    try:
        run(installed / "labrunner", "run", "lab-2", "--report", "r.json", *option, cwd=elsewhere, **settings)
        assert "running" in run(installed / "labrunner", "sandbox", "status", *option, cwd=elsewhere, **settings)
    finally:
        run(installed / "labrunner", "sandbox", "down", "--force", *option, cwd=elsewhere, **settings)
    report = json.loads((elsewhere / "r.json").read_text())
    assert report["totals"] == {"passed": 3, "failed": 0, "error": 0, "skipped": 0, "not_run": 0}
    assert [path.name for path in elsewhere.iterdir()] == ["r.json"]
    assert [path.name for path in home.iterdir()] == [".local"]
