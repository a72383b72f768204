"""What a machine lacks is said all at once, before anything starts, with what to do."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from labrunner.sandbox import preflight
from labrunner.sandbox.preflight import Machine, explain, look, problems

CHECKOUT = Path(preflight.__file__).parents[2]
GOOD = Machine(free={"/root": 3 * 1000**3})
LACKS = {
    "system": ({"system": "Darwin"}, "needs Linux; this is Darwin", "Debian 12"),
    "architecture": ({"architecture": "riscv64"}, "riscv64", "another machine"),
    "python": ({"python": (3, 9)}, "Python 3.11 or later is needed; python3 is 3.9", "newer python3"),
    "venv": ({"has_venv": False}, "virtual environment", "apt-get install python3-venv"),
    "root": ({"user": 1000, "capabilities": 0}, "not root", "as root"),
    "capability": ({"capabilities": preflight.CAP_NET_ADMIN}, "without CAP_SYS_ADMIN:", "--privileged"),
    "both capabilities": ({"capabilities": 0}, "without CAP_SYS_ADMIN and CAP_NET_ADMIN", "virtual machine"),
    "kernel": ({"kernel": "5.10.0-30-amd64"}, "5.12 or later is needed (for mount_setattr); this is 5.10.0", "kernel"),
    "disk": ({"free": {"/data": 1_900_000_000}}, "2 GB of disk are needed where /data lies; 1.9 GB", "Free some space"),
    "read-only": ({"free": {"/data": -1}}, "/data cannot be written", "writable"),
    "client": ({"missing": ("apt-get", "dpkg-deb")}, "apt-get, dpkg-deb not found", "Debian"),
    "programs": ({"missing": ("nsenter", "unshare")}, "nsenter, unshare", "apt-get install bash mount util-linux"),
    "namespaces": ({"namespaces": "unshare failed: no space left"}, "unshare failed: no space left", "virtual machine"),
    "terminals": ({"has_terminals": False}, "pseudo-terminal", "devpts"),
    "control groups": ({"has_cgroups": False}, "/proc/self/cgroup", "mount /proc"),
}


def test_a_machine_that_has_everything_has_no_problem():
    assert problems(GOOD) == []


@pytest.mark.parametrize("lack", LACKS)
def test_each_lack_is_said_with_what_to_do(lack):
    facts, what, remedy = LACKS[lack]
    found = problems(GOOD._replace(**facts))
    assert len(found) == 1
    assert what in found[0].what
    assert remedy in found[0].remedy


def test_everything_is_said_at_once():
    poor = Machine(free={"/": 1}, user=1, python=(3, 7), kernel="4.19.0", missing=("apt-get", "bash"), has_venv=False)
    text = explain(problems(poor))
    assert text.count("  - ") == 7
    assert text.startswith("This machine lacks something that labrunner needs. Nothing was started or changed.\n")


def test_without_labs_neither_root_nor_an_engine_is_needed():
    poor = GOOD._replace(user=1000, capabilities=0, missing=("apt-get", "unshare"), kernel="5.4", has_cgroups=False)
    assert problems(poor, engine=False) == []


def test_what_only_installing_needs_is_not_asked_for_once_all_is_there():
    done = GOOD._replace(missing=("apt-get", "dpkg"), has_venv=False, free={"/root": 600_000_000})
    assert problems(done, install=False) == []
    assert problems(done._replace(free={"/root": 400_000_000}), install=False)


def test_this_machine_is_looked_at_for_real(tmp_path):
    machine = look([str(tmp_path / "not" / "there"), "/proc/nothing"])
    assert machine.system == "Linux"
    assert machine.python == sys.version_info[:2]
    assert machine.user == os.geteuid()
    assert machine.free[str(tmp_path / "not" / "there")] > 0
    assert machine.missing == ()
    assert machine.has_terminals


def test_a_program_that_is_not_on_path_is_missed(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert set(look([]).missing) == {*preflight.PACKAGE_CLIENT, *preflight.PROGRAMS}


@pytest.mark.parametrize("name", ["bootstrap.py", "labrunner/sandbox/preflight.py", "labrunner/__init__.py"])
def test_an_old_python_can_read_what_tells_it_that_it_is_old(name):
    ast.parse((CHECKOUT / name).read_text(), feature_version=(3, 7))


@pytest.mark.sandbox
def test_set_up_without_the_capability_ends_with_4_and_changes_nothing(tmp_path):
    command = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin", "--", sys.executable]
    command += [str(CHECKOUT / "bootstrap.py"), "engine", "--", "touch", str(tmp_path / "started")]
    env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 4, done.stderr
    assert "without CAP_SYS_ADMIN" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.sandbox
def test_set_up_on_a_small_disk_ends_with_4_and_changes_nothing(tmp_path):
    mount = f'mount -t tmpfs -o size=64m small "{tmp_path}" && "$@"; status=$?'
    script = f'{mount}; ls -A "{tmp_path}"; umount "{tmp_path}"; exit $status'
    # in a chroot whose root is no mount point, the propagation of mounts cannot be changed
    command = ["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", script, "sh"]
    command += [sys.executable, str(CHECKOUT / "bootstrap.py"), "engine"]
    env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 4, done.stderr
    assert f"2 GB of disk are needed where {tmp_path}/.cache/labrunner lies; 0.1 GB are free" in done.stderr
    assert done.stdout == ""


def test_an_unknown_part_is_refused():
    command = [sys.executable, str(CHECKOUT / "bootstrap.py"), "enigne"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "unknown part: enigne" in done.stderr
