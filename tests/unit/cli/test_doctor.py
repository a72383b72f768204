"""`labrunner doctor` as it is typed: before anything is installed, as JSON, on a terminal. It leaves no trace."""

import fcntl
import json
import os
import pty
import shutil
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BARE = """
import sys
class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"yaml", "pydantic"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, NotInstalled())
from labrunner.cli import main
sys.exit(main(sys.argv[1:]))
"""


def doctor(home, *options, start=("-m", "labrunner"), before=(), env=(), **more):
    more = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL} | more
    return subprocess.run(
        [*before, sys.executable, *start, "doctor", *options],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(home), **dict(env)},
        text=True,
        timeout=30,
        check=False,
        **more,
    )


def states(done):
    return {line.split()[1]: line.split()[0] for line in done.stdout.splitlines()}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def told(home):
    """What it says on pipes, of the bundled course."""
    return doctor(home)


def test_it_says_what_there_is_and_leaves_no_trace(told, home):
    done = told
    assert set(states(done).values()) <= {"ok", "note", "missing"}
    assert states(done)["tools"] == states(done)["az"] == "note"
    assert states(done)["azure"] == states(done)["docker-engine"] == states(done)["images"] == "ok"
    assert done.returncode == (4 if "missing" in states(done).values() else 0)
    assert list(home.iterdir()) == []


def test_it_works_before_any_library_is_installed(tmp_path):
    done = doctor(tmp_path, start=("-c", BARE))
    assert done.returncode in (0, 4), done.stderr
    assert states(done)["system"] == "ok"
    assert states(done)["course"] == "note"
    assert "`make setup` installs them" in done.stdout
    assert "`make doctor ARGS=--fix`" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_as_json_it_is_the_same_for_programs(told, home):
    done = doctor(home, "--json")
    found = json.loads(done.stdout)
    assert (found["target"], found["course"]) == ("sandbox", "acr-images")
    assert found["needs"] == ["azure", "docker-engine", "remote-host"]
    assert found["ok"] == (done.returncode == 0)
    assert [(each["about"], each["state"]) for each in found["findings"]] == [
        (line.split()[1], line.split()[0]) for line in told.stdout.splitlines()
    ]
    assert all(each["remedy"] for each in found["findings"] if each["state"] != "ok")


def test_what_is_missing_is_one_line_with_what_to_do_and_ends_with_4(tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "bash").symlink_to(shutil.which("bash"))
    done = doctor(tmp_path, start=("-c", BARE), env={"PATH": str(programs)}.items())
    (line,) = [line for line in done.stdout.splitlines() if " programs " in line]
    assert line.startswith("missing  programs        Programs are missing: mount, nsenter, setpriv, umount, unshare.")
    assert line.endswith("apt-get install bash mount util-linux")
    assert done.returncode == 4
    assert "missing. Nothing was changed." in done.stderr


def test_nothing_is_fetched_while_something_is_missing(tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    done = doctor(tmp_path, "--fix", start=("-c", BARE), env={"PATH": str(programs)}.items())
    assert done.returncode == 4
    assert list(tmp_path.iterdir()) == [programs]


def test_on_a_terminal_lines_are_folded_and_its_size_is_judged(tmp_path):
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("4H", 20, 60, 0, 0))
    with os.fdopen(ours, "rb", buffering=0) as reading:
        with os.fdopen(its, "wb", buffering=0) as terminal:
            started = subprocess.Popen(
                [sys.executable, "-m", "labrunner", "doctor"],
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
                stdin=subprocess.DEVNULL,
                stdout=terminal,
                stderr=subprocess.DEVNULL,
            )
        shown = b""
        try:
            while chunk := reading.read(4096):
                shown += chunk
        except OSError:
            pass  # all of it has been read, and the other end is closed
    assert started.wait(timeout=30) in (0, 4)
    lines = shown.decode().replace("\r", "").splitlines()
    assert any(line.startswith("note     terminal        60 columns and 20 lines.") for line in lines)
    assert max(len(line) for line in lines if " " in line[25:]) <= 60  # a word alone is never broken


@pytest.mark.parametrize(("course", "status"), [("nowhere", 2), ("id-not-kebab", 3)])
def test_a_course_that_cannot_be_looked_at_ends_as_elsewhere(tmp_path, course, status):
    done = doctor(tmp_path, "--course", str(ROOT / "tests" / "courses" / "broken" / course))
    assert done.returncode == status
    assert done.stdout == ""


def test_an_old_python_is_told_by_make(tmp_path):
    """`make doctor` is bootstrap.py, which an older Python can read."""
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    code = "import sys; sys.version_info = (3, 9, 0); sys.argv = ['bootstrap.py', 'doctor']; import runpy; "
    code += "runpy.run_path('bootstrap.py', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "Python 3.11 or later is needed; python3 is 3.9" in done.stdout
