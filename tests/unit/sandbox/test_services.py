"""The programs that a supervisor holds, as real processes."""

import os
import socket
import time

import pytest

from labrunner.sandbox.services import LISTENER, Service, bind_beside

SERVE = f"""\
import socket
listener = socket.socket(fileno={LISTENER})
listener.listen()
while True:
    connection, _ = listener.accept()
    connection.sendall(b"here")
    connection.close()
"""


@pytest.fixture
def folder(tmp_path):
    descriptor = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def service(tmp_path, line, **more):
    return Service(line=lambda: line, env={"PATH": os.environ["PATH"]}, log=str(tmp_path / "log"), **more)


def ended(made):
    _, status = os.waitpid(made.pid, 0)
    made.note_end(status)


def asked(path):
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(10)
        channel.connect(str(path))
        return channel.recv(16)


def test_it_says_how_it_is_and_how_it_ended(tmp_path):
    made = service(tmp_path, ["/bin/sh", "-c", "echo said; exit 3"])
    made.start()
    report = made.report()
    assert report["running"]
    assert report["pid"] == made.pid
    assert 0 <= report["seconds"] < 5
    ended(made)
    assert not made.report()["running"]
    assert made.end.startswith("ended with status 3 at ")
    assert (tmp_path / "log").read_text() == "said\n"
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_it_is_started_once_and_again_when_it_has_ended(tmp_path):
    made = service(tmp_path, ["/bin/sh", "-c", "echo up; exec sleep 60"])
    made.start()
    first = made.pid
    made.start()
    assert made.pid == first
    made.stop()
    ended(made)
    assert made.end.startswith("ended by signal 15 at ")
    made.stop()
    made.start()
    assert made.pid not in (0, first)
    assert made.end == ""
    os.kill(made.pid, 9)
    ended(made)


def test_its_socket_is_its_own_and_ends_with_it(tmp_path, folder):
    made = service(tmp_path, ["/usr/bin/python3", "-S", "-c", SERVE], listener=lambda: bind_beside(folder, "s"))
    made.start()
    deadline = time.monotonic() + 10
    while True:
        try:
            assert asked(tmp_path / "s") == b"here"
            break
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600
    os.kill(made.pid, 9)
    ended(made)
    with pytest.raises(ConnectionRefusedError):  # at once: nobody else holds it, so nobody waits for an answer
        asked(tmp_path / "s")
    made.start()
    os.kill(made.pid, 9)
    ended(made)


def test_a_program_that_is_not_there_is_an_error_and_leaves_nothing_open(tmp_path, folder):
    made = service(tmp_path, ["/nonexistent"], listener=lambda: bind_beside(folder, "s"))
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with pytest.raises(OSError, match="nonexistent"):
        made.start()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    assert not made.report()["running"]


def test_a_socket_is_bound_where_no_path_leads(tmp_path, folder):
    """As inside, where the old root is gone and only the descriptor is left."""
    (tmp_path / "x").write_text("in the way")
    bind_beside(folder, "x").close()
    assert (tmp_path / "x").is_socket()
    assert os.umask(0o022) in (0o022, 0o077, 0o002)
