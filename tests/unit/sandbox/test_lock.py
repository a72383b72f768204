import os
import subprocess
import sys

import pytest

from labrunner.sandbox.control import request
from labrunner.sandbox.errors import SandboxBusy, SandboxError
from labrunner.sandbox.lock import Lock

HOLD = """
import sys
from labrunner.sandbox.lock import Lock
lock = Lock(sys.argv[1], what="labrunner run lab-2", busy="in use", remedy="wait")
print("held", flush=True)
sys.stdin.read()
"""


def take(path, **more):
    return Lock(str(path), what="labrunner check", busy="sandbox 'x' is in use", remedy="Wait.", **more)


@pytest.fixture
def other(tmp_path):
    """Another process that holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_the_second_is_told_who(tmp_path, other):
    with pytest.raises(SandboxBusy) as caught:
        take(tmp_path / "lock")
    assert str(caught.value).startswith(f"sandbox 'x' is in use by `labrunner run lab-2` (pid {other.pid}, since ")
    assert caught.value.remedy == "Wait."


def test_it_goes_with_its_holder(tmp_path, other):
    other.kill()
    other.wait()
    assert Lock.holder(str(tmp_path / "lock")) is None
    take(tmp_path / "lock").release()


def test_the_holder_can_be_asked_for(tmp_path):
    path = tmp_path / "run" / "lock"
    assert Lock.holder(str(path)) is None
    with take(path) as lock:
        holder = Lock.holder(str(path))
        assert (holder.what, holder.pid) == ("labrunner check", os.getpid())
    assert Lock.holder(str(path)) is None
    lock.release()


def test_a_removed_file_is_nobodys_lock(tmp_path):
    first = take(tmp_path / "lock")
    (tmp_path / "lock").unlink()
    second = take(tmp_path / "lock")
    with pytest.raises(SandboxBusy):
        take(tmp_path / "lock")
    first.release()
    second.release()


def test_waiting_ends(tmp_path, other):
    with pytest.raises(SandboxBusy):
        take(tmp_path / "lock", wait_seconds=0.1)


def test_of_what_another_user_has_nothing_is_known_and_that_is_told(tmp_path):
    (tmp_path / "theirs").mkdir(mode=0)
    user = os.geteuid()
    try:
        if user == 0:  # whom no mode keeps out
            os.seteuid(65534)
        assert Lock.holder(str(tmp_path / "theirs" / "lock")) is None
        with pytest.raises(SandboxError, match="is another user's") as found:
            request(str(tmp_path / "theirs" / "control"), "status")
    finally:
        os.seteuid(user)
    assert "--sandbox NAME" in found.value.remedy
