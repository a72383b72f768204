"""azure-cli comes whole or not at all, through the real pip, from a small source on disk."""

import base64
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from labrunner.sandbox import azure_cli
from labrunner.sandbox.azure_cli import VERSION, ensure, ready
from labrunner.sandbox.progress import Progress
from labrunner.sandbox.tools import ToolsError

MODULE = """\
import sys
print(sys.argv[1:], sys.flags.isolated, __name__)
"""


def wheel(folder: Path, name: str, version: str, files: dict[str, str], needs: str = "") -> Path:
    """A wheel (PEP 427) with those files."""
    about = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + (
        f"Requires-Dist: {needs}\n" if needs else ""
    )
    content = {
        **files,
        f"{about}/METADATA": metadata,
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = []
    for path, text in content.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        lines.append(f"{path},sha256={digest},{len(text)}")
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        for name_inside, text in content.items():
            file.writestr(name_inside, text)
        file.writestr(f"{about}/RECORD", "\n".join([*lines, f"{about}/RECORD,,"]) + "\n")
    return path


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """Something called azure-cli, and a library that it needs."""
    folder = tmp_path_factory.mktemp("wheels")
    files = {"azure/cli/__init__.py": "", "azure/cli/core/__init__.py": "x = 1\n", "azure/cli/__main__.py": MODULE}
    wheel(folder, "azure_cli", VERSION, {**files, "unused/__init__.py": "y = 2\n"}, needs="knack")
    wheel(folder, "knack", "0.11.0", {"knack/__init__.py": "z = 3\n"})
    return folder


def environment(source, folder):
    """An environment whose pip knows that source only."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(source),
        "PIP_CONFIG_FILE": os.devnull,
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@pytest.fixture
def source(wheels, tmp_path):
    """Wheels of this test's own."""
    return shutil.copytree(wheels, tmp_path / "source")


@pytest.fixture
def env(source, tmp_path):
    """Nothing is installed there."""
    return environment(source, tmp_path)


@pytest.fixture(scope="module")
def installed(wheels, tmp_path_factory):
    """An environment in which azure-cli is installed, and what was said meanwhile."""
    made = environment(wheels, tmp_path_factory.mktemp("installed"))
    said: list[Progress] = []
    assert ready(made) is None
    ensure(made, said.append)
    return made, said


def test_it_comes_whole_and_compiled_where_it_is_used(installed):
    env, said = installed
    cli = ready(env)
    assert cli is not None
    assert cli.version == VERSION
    compiled = {path.relative_to(cli.root).parts[-3] for path in cli.root.rglob("__pycache__/__init__*.pyc")}
    assert {"cli", "core", "knack"} <= compiled
    assert "unused" not in compiled
    phases = list(dict.fromkeys(progress.phase for progress in said))
    assert phases[0] == "making a virtual environment for azure-cli"
    assert phases[1:] == ["fetching azure-cli", "installing azure-cli", "preparing azure-cli"]
    assert not list((cli.root.parents[1]).glob("wheels-*"))


def test_its_program_runs_apart_from_the_callers_python(installed, tmp_path):
    env, _ = installed
    cli = ensure(env)
    program = tmp_path / "az"
    program.write_text(cli.launcher)
    program.chmod(0o755)
    (tmp_path / "azure.py").write_text("raise SystemExit('the wrong azure')\n")
    hostile = {"PATH": env["PATH"], "PYTHONPATH": str(tmp_path), "PYTHONHOME": "/nonexistent"}
    ran = subprocess.run(
        [program, "acr", "--name", "a b"], env=hostile, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.stderr) == ("['acr', '--name', 'a b'] 1 __main__\n", "")


def test_the_second_time_nothing_is_done(installed):
    env, _ = installed
    first = ensure(env)
    before = first.root.stat().st_mtime_ns
    assert ensure({**env, "PIP_FIND_LINKS": "/nonexistent", "PATH": "/nonexistent"}) == first
    assert first.root.stat().st_mtime_ns == before


def test_what_a_cut_left_is_made_again(env):
    cli = ensure(env)
    (cli.root / "whole.json").unlink()
    (cli.root / "bin" / "python").unlink()
    assert ready(env) is None
    again = ensure(env)
    assert again == cli
    assert (again.root / "bin" / "python").exists()


def test_one_that_was_moved_is_not_whole(installed, tmp_path):
    env, _ = installed
    cli = ensure(env)
    moved = tmp_path / cli.root.relative_to(env["XDG_CACHE_HOME"])
    moved.mkdir(parents=True)
    shutil.copy(cli.root / "whole.json", moved)
    assert ready({**env, "XDG_CACHE_HOME": str(tmp_path)}) is None


def test_what_was_fetched_before_a_failure_is_not_fetched_again(env, source, tmp_path):
    """knack is not to be had at first; azure-cli's own wheel is served once only.

    A source that fails takes its time, in which the wheel is kept: this one takes as long as that does.
    """
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            deadline = time.monotonic() + 30
            while self.path == "/" and asked and not list(tmp_path.glob("cache/*/wheels-*/azure_cli-*.whl")):
                assert time.monotonic() < deadline, "the wheel is not kept"
                time.sleep(0.01)
            super().do_GET()

        def log_request(self, *_: object) -> None:
            asked.append(self.path)

        def log_message(self, *_: object) -> None:
            pass

    (source / "knack-0.11.0-py3-none-any.whl").rename(source / "hidden")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(source))) as server:
        Thread(target=server.serve_forever).start()
        over = {**env, "PIP_FIND_LINKS": f"http://127.0.0.1:{server.server_port}/", "PIP_TRUSTED_HOST": "127.0.0.1"}
        try:
            with pytest.raises(ToolsError, match="No matching distribution found for knack") as caught:
                ensure(over)
            assert "run the same command again" in caught.value.remedy
            assert ready(env) is None
            (source / "hidden").rename(source / "knack-0.11.0-py3-none-any.whl")
            assert ensure(over).version == VERSION
        finally:
            server.shutdown()
    assert [path for path in asked if path.endswith(".whl")] == [
        f"/azure_cli-{VERSION}-py3-none-any.whl",
        "/knack-0.11.0-py3-none-any.whl",
    ]


def test_a_folder_that_cannot_be_written_is_told(env, tmp_path):
    (tmp_path / "cache").write_text("a file, no folder")
    with pytest.raises(ToolsError, match="cannot be written") as caught:
        ensure(env)
    assert "XDG_CACHE_HOME" in caught.value.remedy


def test_two_at_once_make_one(env):
    line = [sys.executable, "-m", "labrunner.sandbox.azure_cli"]
    root = str(Path(azure_cli.__file__).parents[2])
    both = [
        subprocess.Popen(line, env=env, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert said[0][0] == said[1][0] == f"{ensure(env).root}\n"
    assert sum("waiting for another labrunner" in err for _, err in said) == 1
    assert sum("installing azure-cli" in err for _, err in said) == 1


def test_a_killed_one_leaves_no_pip_and_nothing_that_looks_whole(env, tmp_path):
    """It is killed while its pip waits for a source that never answers."""
    line = [sys.executable, "-m", "labrunner.sandbox.azure_cli"]
    root = str(Path(azure_cli.__file__).parents[2])
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        over = {**env, "PIP_FIND_LINKS": f"http://127.0.0.1:{silent.getsockname()[1]}/", "PIP_DEFAULT_TIMEOUT": "60"}
        with subprocess.Popen(line, env=over, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            try:
                waiting, _ = silent.accept()
            finally:
                process.kill()
        with waiting:
            deadline = time.monotonic() + 10
            while left := _those_of(str(tmp_path)):
                assert time.monotonic() < deadline, f"pip goes on without us: {left}"
                time.sleep(0.01)
    assert ready(env) is None
    assert ensure(env).version == VERSION


def _those_of(text: str) -> list[bytes]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if text.encode() in words:
            found.append(words)
    return found
