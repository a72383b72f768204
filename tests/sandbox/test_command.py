"""`labrunner sandbox` as a person types it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.sandbox

COURSE = str(Path(__file__).parents[2] / "labs" / "acr-images")


@pytest.fixture
def labrunner(machines):
    name = machines.name()

    def call(action, *words, stdin=""):
        line = [sys.executable, "-m", "labrunner", "sandbox", action, "--sandbox", name, *words]
        root = str(Path(__file__).parents[2])
        env = {**machines.env, "PYTHONPATH": root}
        return subprocess.run(line, env=env, input=stdin, capture_output=True, text=True, check=False)

    call.name = name
    return call


def test_from_up_to_down(labrunner):
    assert json.loads(labrunner("status", "--json").stdout)["state"] == "absent"
    up = labrunner("up")
    assert (up.returncode, up.stdout) == (0, ""), up.stderr
    assert f"Sandbox '{labrunner.name}' is running" in up.stderr
    status = json.loads(labrunner("status", "--json").stdout)
    assert (status["state"], status["containers"], status["holder"]) == ("running", 0, None)
    assert status["since"].startswith("20")
    assert "engine      " in labrunner("status").stdout

    shell = labrunner("shell", stdin="docker info --format '{{.Name}}'; echo x > note; exit 3")
    assert (shell.returncode, shell.stdout) == (3, "labrunner\n"), shell.stderr
    env = subprocess.run(["bash", "-c", f"{labrunner('env').stdout}\nenv"], env={}, stdout=-1, text=True, check=True)
    assert f"HOME={Path(status['folder'], 'home')}" in env.stdout.splitlines()

    reset = labrunner("reset", "--course", COURSE)
    assert reset.returncode == 0, reset.stderr
    assert not Path(status["folder"], "work", "note").exists()
    assert "mywebapi" in labrunner("shell", stdin="docker images").stdout

    down = labrunner("down")
    assert (down.returncode, down.stdout) == (0, "")
    assert not Path(status["folder"]).exists()
    again = labrunner("down")
    assert again.returncode == 0
    assert "nothing to do" in again.stderr


@pytest.mark.parametrize("action", ["shell", "env", "reset"])
def test_without_a_sandbox_the_next_step_is_named(labrunner, action):
    done = labrunner(action)
    assert done.returncode == 4
    assert done.stdout == ""
    assert f"sandbox '{labrunner.name}' is not running" in done.stderr
    assert f"labrunner sandbox up --sandbox {labrunner.name}" in done.stderr


def test_a_dead_engine_is_shown_with_the_next_step(labrunner):
    assert labrunner("up").returncode == 0
    labrunner("shell", stdin="kill -9 $(cat /run/docker.pid); while docker info; do :; done")
    text = labrunner("status").stdout
    assert "running, but its Docker Engine is not" in text
    assert f"labrunner sandbox up --sandbox {labrunner.name}" in text
    assert labrunner("reset", "--course", COURSE).returncode == 4
    assert labrunner("up").returncode == 0
    assert "1 running" not in labrunner("status").stdout


def test_a_wrong_name(labrunner):
    done = labrunner("up", "--sandbox", "Not_A_Name")
    assert done.returncode == 2
    assert "no name for a sandbox" in done.stderr
