"""What the inside of a sandbox can and cannot do to this machine."""

import os
import select
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from labrunner.sandbox import machine

pytestmark = pytest.mark.sandbox

CAPABILITIES = {"SYS_MODULE": 16, "SYS_RAWIO": 17, "SYS_BOOT": 22, "SYS_TIME": 25}


def inside(sandbox, text, **more):
    return sandbox.run(["bash", "-c", text], **more)


@pytest.mark.parametrize(
    "path",
    ["/etc/x", "/usr/x", "/root/x", "/var/lib/x", "/x", "/boot/x", "/dev/pts/../../etc/x", f"{sys.prefix}/x"],
)
def test_its_surroundings_are_read_only(shared, path):
    result = inside(shared, f"touch {path}")
    assert result.status != 0
    assert "Read-only file system" in result.stderr
    assert not Path(path).exists()


def test_the_tools_are_read_only(shared, kit):
    assert "Read-only" in inside(shared, f"touch {kit.root}/x").stderr


@pytest.mark.parametrize("switch", ["/proc/sys/kernel/panic", "/sys/power/state"])
def test_the_kernels_switches_are_out_of_reach(shared, switch):
    result = inside(shared, f"[ ! -e {switch} ] || echo 0 > {switch}")
    assert result.status == 0 or "Read-only" in result.stderr
    assert not (Path(switch).exists() and result.status == 0)


def test_home_work_folder_and_tmp_can_be_written(shared):
    result = inside(shared, "pwd; touch ~/x ./x /tmp/x && mktemp && rm ~/x ./x /tmp/x && echo $HOME")
    assert result.status == 0, result.stderr
    assert result.stdout.splitlines()[0] == shared.layout.work
    assert result.stdout.splitlines()[-1] == shared.layout.home
    assert not Path("/tmp/x").exists()


def test_a_disk_cannot_be_reached(shared):
    devices = inside(shared, "find /dev -type b").stdout
    assert devices == ""
    result = inside(shared, "mknod /tmp/disk b 7 0; head -c 1 /tmp/disk; status=$?; rm -f /tmp/disk; exit $status")
    assert result.status != 0
    assert "Permission denied" in result.stderr


def test_what_could_harm_the_kernel_is_taken_away(shared):
    for prefix in ("", "setsid "):
        status = inside(shared, f"{prefix}cat /proc/self/status").stdout
        sets = {line.split(":")[0]: int(line.split()[1], 16) for line in status.splitlines() if line.startswith("Cap")}
        for bit in CAPABILITIES.values():
            assert not sets["CapBnd"] >> bit & 1
            assert not sets["CapEff"] >> bit & 1
    held = inside(shared, "cat /proc/1/status").stdout
    assert not int(held.split("CapBnd:")[1].split()[0], 16) >> CAPABILITIES["SYS_MODULE"] & 1


def test_it_has_processes_names_and_a_network_of_its_own(shared):
    result = inside(shared, "hostname; cat /etc/hosts; ls /sys/class/net; ls /proc | grep -c '^[0-9]'; echo $$")
    assert result.stdout.startswith("labrunner\n127.0.0.1\tlocalhost labrunner\n")
    assert "lo" in result.stdout
    assert "eth0" not in result.stdout
    assert int(result.stdout.split()[-1]) < os.getpid() or os.getpid() < 1000
    assert socket.gethostname() != "labrunner"


def test_the_environment_is_ours_alone(shared, monkeypatch):
    for name in ("DOCKER_HOST", "AZURE_CONFIG_DIR", "HTTPS_PROXY", "PYTHONPATH", "LD_LIBRARY_PATH", "SECRET"):
        monkeypatch.setenv(name, "/foreign")
    sandbox = machine.attach(shared.name, {**os.environ, "XDG_STATE_HOME": str(Path(shared.layout.folder).parents[2])})
    seen = inside(sandbox, "env").stdout
    assert "foreign" not in seen
    assert {line.split("=")[0] for line in seen.splitlines()} == {
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TERM", "TZ"),
        *("PWD", "SHLVL", "_"),
        *("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"),
        *("CURL_CA_BUNDLE", "AZURE_CORE_LOGIN_EXPERIENCE_V2", "AZURE_CORE_COLLECT_TELEMETRY"),
    }


def test_a_foreign_engine_and_proxy_see_no_request(machines, course):
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as decoy:
        address = f"127.0.0.1:{decoy.getsockname()[1]}"

        def listen():
            try:
                while True:
                    asked.append(decoy.accept()[1])
            except OSError:
                return

        thread = threading.Thread(target=listen)
        thread.start()
        foreign = {"DOCKER_HOST": f"tcp://{address}", "DOCKER_CONTEXT": "foreign", "AZURE_CONFIG_DIR": "/foreign"}
        foreign |= dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), f"http://{address}")
        machines.env |= foreign
        try:
            with pytest.MonkeyPatch.context() as patch:
                for name, value in foreign.items():
                    patch.setenv(name, value)
                sandbox = machines.up()
                from labrunner.sandbox import stock

                stock.prepare(sandbox, course, busybox=machines.kit.busybox)
                assert "web" in inside(sandbox, "docker images; docker pull alpine").stdout
        finally:
            decoy.shutdown(socket.SHUT_RDWR)
            thread.join()
    assert asked == []


def test_what_is_below_a_private_folder_can_be_shown(shared, tmp_path):
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "one.py").write_text("text")
    assert inside(shared, f"cat {tmp_path}/checks/one.py").status != 0
    for _ in range(2):
        shared.show([f"{tmp_path}/checks", "/usr"])
        assert inside(shared, f"cat {tmp_path}/checks/one.py").stdout == "text"
    assert "Read-only" in inside(shared, f"touch {tmp_path}/checks/two.py").stderr
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()


def test_a_program_that_takes_too_long_is_ended_with_its_children(shared):
    result = inside(shared, "sleep 4321 & sleep 4321", timeout=0.3)
    assert result.status == 124
    assert "4321" not in inside(shared, "cat /proc/[0-9]*/cmdline").stdout


def test_a_shell_on_a_terminal(shared, tmp_path):
    """Through `relay`: the program controls a terminal, and its status comes out."""
    script = tmp_path / "go.py"
    script.write_text(
        "import os, sys; from labrunner.sandbox.relay import relay\n"
        "sys.exit(relay(sys.argv[1:], env={'PATH': os.environ['PATH'], 'TERM': 'dumb'}))\n"
    )
    master, slave = os.openpty()
    line = [sys.executable, str(script), *shared.enter(["setsid", "--ctty", "--wait", "bash", "-c"])]
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        [*line, "read word; tty; echo got $word; exit 7"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "PYTHONPATH": root},
    ) as process:
        os.close(slave)
        os.write(master, b"hello\r")
        said = b""
        with suppress(OSError):  # EIO: all is said
            while select.select([master], [], [], 20)[0]:
                said += os.read(master, 4096)
        process.kill()
        assert process.wait() == 7, said
    os.close(master)
    assert b"/dev/pts/" in said
    assert b"got hello" in said


SHARED = """
import ctypes, os, sys
from pathlib import Path
from labrunner.sandbox import kernel, machine, tools
root = os.open("/", os.O_RDONLY)
kernel.enter_mounts("/proc/self/ns/mnt")  # a chroot's own root need not be a mount point
MS_REC, MS_SHARED = 0x4000, 1 << 20
assert ctypes.CDLL(None).mount(None, b"/", None, MS_REC | MS_SHARED, None) == 0
os.fchdir(root)
os.chroot(".")
mounts = lambda: Path("/proc/self/mountinfo").read_text()
assert " shared:" in mounts()
before = mounts()
name = sys.argv[1]
sandbox = machine.up(name, os.environ, tools.ready(os.environ))
assert sandbox.run(["docker", "info"]).status == 0
during = mounts()
sandbox.show([sys.argv[2]])
assert sandbox.run(["ls", sys.argv[2]]).status == 0
assert mounts() == during == before, during
machine.down(name, os.environ)
assert mounts() == before
"""


def test_nothing_is_mounted_where_this_machine_shares_its_mounts(machines, tmp_path):
    name = machines.name()
    (tmp_path / "shown").mkdir()
    line = ["unshare", "--mount", "--propagation", "unchanged", sys.executable, "-c", SHARED, name, f"{tmp_path}/shown"]
    root = str(Path(__file__).parents[2])
    done = subprocess.run(line, env={**machines.env, "PYTHONPATH": root}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
