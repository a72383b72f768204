"""The remote host of a sandbox: another machine in all that can be asked, held and removed with the sandbox."""

import os
import signal
import time
from contextlib import closing
from pathlib import Path

import pytest

from labrunner.cli.sandbox import _as_text
from labrunner.sandbox import machine
from labrunner.sandbox.remote import RemoteHost
from labrunner.shell.bash import BashShell
from labrunner.shell.far import FarShell
from labrunner.shell.protocol import End, ShellSpec
from labrunner.targets.trouble import Watch
from tests.waiting import wait_for

pytestmark = pytest.mark.sandbox

SSH = "ssh user@remote-host"


@pytest.fixture(scope="module")
def host(shared):
    """The remote host of `shared`, up, its key known."""
    made = RemoteHost(shared)
    made.up()
    made.make_known()
    return made


@pytest.fixture
def shells(shared, host):
    """The shell in the sandbox, and the one on the remote host."""
    place = shared.layout
    spec = ShellSpec(prefix=shared.prefix(), env=shared.environment(), cwd=place.work, run_dir=place.shell_dir)
    with closing(BashShell(spec)) as near:
        far = FarShell(
            near, ShellSpec(cwd=host.home, run_dir=place.shell_dir), door=place.remote_door, connect=f"{SSH} # again"
        )
        with closing(far):
            yield near, far


def text(completed) -> str:
    return completed.output.decode().replace("\r\n", "\n")


def test_it_is_another_machine(shared, host):
    there = host.run(["bash", "-c", "hostname; whoami; cat /proc/net/dev; docker info --format '{{.Name}}'"])
    assert there.status == 0, there.stderr
    lines = there.stdout.split()
    assert (lines[0], lines[1], lines[-1]) == ("remote-host", "user", "remote-host")
    made = host.run(["docker", "volume", "create", "there"])
    assert made.status == 0, made.stderr
    assert "there" not in shared.run(["docker", "volume", "ls", "--quiet"]).stdout.split()
    Path(shared.layout.home, "mine").write_text("x")
    assert host.run(["ls", shared.layout.home]).stdout == ""
    assert shared.run(["bash", "-c", "exec 3<>/dev/tcp/remote-host/22"]).status == 0
    assert shared.run(["bash", "-c", "exec 3<>/dev/tcp/localhost/22"]).status != 0


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        (f"{SSH} 'hostname; exit 3'", 3, "remote-host\n"),
        (f"{SSH} 'bash -s' <<'EOS'\necho $((6 * 7))\nEOS", 0, "42\n"),
        ("ssh -o BatchMode=yes root@remote-host true", 255, ""),
    ],
)
def test_ssh_as_anywhere(shared, host, line, status, said):
    done = shared.run(["bash", "-c", line], timeout=20)
    assert (done.status, done.stdout) == (status, said), done.stderr


def test_a_session_is_followed_command_by_command(shells):
    near, far = shells
    near.run("here=1")
    opened = far.enter(SSH)
    assert (opened.exit_status, opened.end) == (0, End.EXITED)
    assert text(far.run("hostname; there=2; cd /tmp")) == "remote-host\n"
    assert far.run("false").exit_status == 1
    assert text(far.run("echo $? $there$here $PWD")) == "1 2 /tmp\n"
    many = text(far.run("seq 1 50000 >/dev/tty")).splitlines()  # comes later than the report
    assert (len(many), many[-1]) == (50000, "50000")
    assert far.run("sleep 60", timeout=0.3).ladder == ("INT",)
    left = far.run("exit")
    assert (left.exit_status, left.end, left.left, left.restarted) == (0, End.EXITED, True, False)
    assert text(left).endswith("Connection to remote-host closed.\n")
    assert text(near.run("echo $? $here; hostname")) == "130 1\nlabrunner\n"  # as of any ssh


def test_a_command_for_the_machine_here_ends_the_session_and_another_is_opened_when_needed(shells):
    near, far = shells
    assert text(far.run("hostname")) == "remote-host\n"
    assert text(near.run("hostname")) == "labrunner\n"
    again = far.run("hostname")
    assert (text(again), again.restarted, again.left) == ("remote-host\n", True, False)


def test_ssh_that_leads_nowhere_is_a_failed_command(shells):
    near, far = shells
    failed = far.enter("ssh -o BatchMode=yes root@remote-host")
    assert (failed.exit_status, failed.end) == (255, End.EXITED)
    assert text(near.run("hostname")) == "labrunner\n"


def test_what_was_killed_comes_back_and_the_sandbox_own_engine_lives_on(shared, host, shared_env, kit):
    first = shared.check_engine()["ID"]
    for program in ("dockerd", "remote_ssh"):
        pid = host.pid
        host.run(["bash", "-c", f"kill -9 $(pgrep -f {program} | head -1)"])
        wait_for(lambda pid=pid: host.pid != pid)
        machine.up(shared.name, shared_env, kit)
        assert host.run(["docker", "info"]).status == 0
    assert shared.check_engine()["ID"] == first
    engine = shared.run(["pgrep", "-n", "-x", "dockerd"])
    assert engine.status == 0


def processes(host, program):
    """Those there whose command line names the program, as this machine numbers them; "": the first one."""
    if not program:
        return [host.pid]
    space = _space(host.pid)
    numbers = [path.name for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [int(pid) for pid in numbers if program in _line(pid) and _space(pid) == space]


@pytest.mark.parametrize("program", ["", "dockerd", "containerd", "remote_ssh"])
def test_what_hangs_is_told_and_started_anew(shared, host, shared_env, kit, program):
    assert machine.status(shared.name, shared_env).remote == "running"
    assert host.run(["docker", "volume", "create", "kept"]).status == 0
    watch = Watch(shared, None, host)
    assert watch.cause(late=True) is None
    hit = processes(host, program)
    assert hit
    for pid in hit:
        os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    status = machine.status(shared.name, shared_env)
    told = watch.cause(late=True)
    assert time.monotonic() - began < 6
    assert (status.state, status.remote) == ("remote-hung", "hung")
    assert f"next        labrunner sandbox up --sandbox {shared.name}\n" in _as_text(status)
    assert "remote host does not answer" in _as_text(status)
    assert str(told) == status.detail == f"the remote host of sandbox '{shared.name}' does not answer"
    said = []
    machine.up(shared.name, shared_env, kit, say=said.append)
    assert said == [f"The remote host of sandbox '{shared.name}' did not answer: it is started anew."]
    status = machine.status(shared.name, shared_env)
    assert (status.state, status.remote) == ("running", "running")
    assert "remote host running: `ssh user@remote-host` leads there\n" in _as_text(status)
    assert "kept" in host.run(["docker", "volume", "ls", "-q"]).stdout.split()


def test_a_new_engine_of_the_sandbox_leaves_the_remote_one_alone(shared, host, shared_env, kit):
    pid = host.pid
    own = machine.ask_supervisor(shared.layout, "status").engine_pid
    shared.run(["kill", "-9", str(own)])
    machine.up(shared.name, shared_env, kit)
    assert shared.run(["docker", "info"]).status == 0
    assert (host.pid, host.run(["docker", "info"]).status) == (pid, 0)


def test_nothing_is_left_of_it(machines):
    sandbox = machines.up()
    host = RemoteHost(sandbox)
    assert host.pid == 0  # nobody has needed it
    status = machine.status(sandbox.name, machines.env)
    assert (status.state, status.remote) == ("running", "")
    assert "remote" not in _as_text(status)
    assert [host.begin(), host.begin()] == [True, False]
    host.up()
    folder = sandbox.layout.folder
    processes = [
        int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and folder in _line(path.name)
    ]
    assert len(processes) > 5
    os.kill(host.pid, signal.SIGSTOP)
    assert machine.down(sandbox.name, machines.env)
    assert not [pid for pid in processes if folder in _line(str(pid))]
    assert not Path(folder).exists()
    groups = Path("/proc/self/mountinfo").read_text()
    assert sandbox.layout.group not in groups
    assert not list(Path("/sys/fs/cgroup").glob(f"**/{sandbox.layout.group}*"))


def _space(pid) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:
        return ""


def _line(pid: str) -> str:
    try:
        return Path("/proc", pid, "cmdline").read_text(errors="replace")
    except OSError:
        return ""
