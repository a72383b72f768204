"""What every Target promises: `LocalTarget` (a folder of this machine) and `SandboxTarget` (a private machine)."""

import os
import secrets
from contextlib import closing
from pathlib import Path

import pytest

from labrunner.checking.api import TargetError
from labrunner.model import Arrangement, Check, Course, Fault, Outcome, Seed, SeededManifest, WorkFolder
from labrunner.record.ledger import differences
from labrunner.shell.protocol import End
from labrunner.targets.local import LocalTarget

KINDS = """
from pathlib import Path
from labrunner.checking.api import check, failed, passed

@check("t.note")
def note(ask, *, text: str):
    path = Path(ask.work, "note")
    found = path.read_text().strip() if path.exists() else ""
    return passed(found) if found == text else failed(f"The note says {found!r}.")

@check("t.program")
def program(ask, *, run: str):
    ran = ask.run(["bash", "-c", run])
    return passed(f"{ran.status} {ran.stdout}")

@check("t.home")
def home(ask):
    return passed(ask.home)
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    (folder / "checks").mkdir()
    (folder / "checks" / "kinds.py").write_text(KINDS)
    (folder / "start.txt").write_text("start\n")
    return Course(id="t", title="T", path=str(folder), work=WorkFolder(files={"start.txt": "start.txt"}))


@pytest.fixture(scope="module")
def local(course):
    with closing(LocalTarget(course, env=dict(os.environ), folders=(f"{course.path}/checks",))) as target:
        yield target


@pytest.fixture(scope="module")
def sandboxed(course, tmp_path_factory):
    from labrunner.sandbox import machine, tools
    from labrunner.targets.sandbox import SandboxTarget

    cache = os.environ.get("XDG_CACHE_HOME") or f"{os.environ['HOME']}/.cache"
    env = {**os.environ, "XDG_CACHE_HOME": cache, "XDG_STATE_HOME": str(tmp_path_factory.mktemp("state"))}
    kit = tools.ensure(env)
    name = f"t-{secrets.token_hex(6)}"
    try:
        sandbox = machine.up(name, env, kit)
        with closing(SandboxTarget(sandbox, course, (f"{course.path}/checks",), tools=kit)) as target:
            target.prepare()
            yield target
    finally:
        machine.down(name, env, force=True)


@pytest.fixture(params=["local", pytest.param("sandboxed", marks=pytest.mark.sandbox)])
def target(request):
    made = request.getfixturevalue(request.param)
    made.reset()
    return made


def test_it_is_well_and_says_what_it_has(target):
    target.health()
    tools = target.tools()
    assert tools["bash"][0].isdigit()
    assert ("docker" in tools) is ("docker-engine" in target.capabilities)
    assert dict(target.values()) == {}
    assert target.name


def test_the_work_folder_starts_as_the_course_says(target):
    assert target.script("cat start.txt").stdout == "start\n"


def test_without_a_local_azure_no_repository_has_a_past(target):
    seed = Seed(registry="r", repository="web", manifests=(SeededManifest(from_="web:1", tags=("2",)),))
    with pytest.raises(TargetError, match="what `web` shall have from the past") as caught:
        target.seed(seed)
    assert caught.value.remedy


def test_without_a_local_azure_nothing_is_arranged_and_nothing_spoilt(target):
    for refused, said in (
        (lambda: target.seed(Arrangement(registry="reg")), "`reg`"),
        (lambda: target.spoil(Fault(name="latency", registry="reg", delay=1.0)), "the fault `latency`"),
    ):
        with pytest.raises(TargetError, match=said) as caught:
            refused()
        assert caught.value.remedy
    target.mend()


def test_the_shell_is_one_and_keeps_its_state(target):
    shell = target.shell("local")
    assert target.shell("local") is shell
    shell.run("word=kept; cd /")
    done = shell.run("echo $word; pwd")
    assert (done.end, done.exit_status) == (End.EXITED, 0)
    assert done.output.split() == [b"kept", b"/"]
    assert shell.variable("word") == "kept"
    shell.run("cd ~; cd - >/dev/null; cd ~/../work")


def test_shell_script_and_checks_see_the_same_files(target):
    target.shell("local").run("cd ~/../work && echo from-shell > note")
    assert target.script("cat note").stdout == "from-shell\n"
    target.script("echo from-script > note")
    (result,) = target.checker().ask([Check(kind="t.note", args={"text": "from-script"})], once=True)
    assert (result.outcome, result.message) == (Outcome.PASSED, "from-script")
    (result,) = target.checker().ask([Check(kind="t.note", args={"text": "other"})], once=True)
    assert (result.outcome, result.message) == (Outcome.FAILED, "The note says 'from-script'.")


def test_a_script_is_quiet_fresh_and_has_its_status(target):
    target.script("export word=1; cd /")
    ran = target.script('echo "$word"; pwd; echo talk >&2; exit 3')
    assert ran.status == 3
    assert ran.stderr == "talk\n"
    assert ran.stdout.splitlines()[0] == ""
    assert ran.stdout.splitlines()[1].endswith("/work")


def test_a_script_that_takes_too_long_is_ended(target):
    ran = target.script("sleep 60", timeout=0.3)
    assert ran.status == 124
    assert "0.3 seconds" in ran.stderr


def test_a_checks_program_has_the_targets_environment(target):
    target.script("mkdir -p ~/bin")
    (result,) = target.checker().ask([Check(kind="t.program", args={"run": "cd; pwd; ls"})], once=True)
    home = result.message.split()[1]
    assert result.message.split() == ["0", home, "bin"]
    (result,) = target.checker().ask([Check(kind="t.home")], once=True)
    assert result.message == home
    assert home != os.path.expanduser("~")  # noqa: PTH111


def test_nothing_foreign_is_inherited(target):
    names = {line.split("=")[0] for line in target.script("env").stdout.splitlines()}
    own = {*("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TERM", "TZ"), *("PWD", "SHLVL", "_")}
    azure = {*("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")}
    azure |= {"CURL_CA_BUNDLE", "AZURE_CORE_LOGIN_EXPERIENCE_V2", "AZURE_CORE_COLLECT_TELEMETRY"}
    assert names <= (own | azure if "azure" in target.capabilities else own)


def test_files_are_written_with_their_mode_and_folders(target):
    target.write_file("deep/down/run.sh", b"#!/bin/sh\necho ran\n", 0o755)
    assert target.script("./deep/down/run.sh; stat -c %a deep/down/run.sh").stdout.split() == ["ran", "755"]
    target.write_file("deep/down/run.sh", b"", 0o600)
    assert target.script("stat -c '%a %s' deep/down/run.sh").stdout.split() == ["600", "0"]


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "link/x", "aim", "."])
def test_no_file_is_written_outside(target, path, tmp_path):
    target.script(f"ln -s {tmp_path} link; ln -s {tmp_path}/x aim")
    with pytest.raises(TargetError, match="outside of the work folder"):
        target.write_file(path, b"x", 0o644)
    assert not Path(tmp_path, "x").exists()
    assert not Path("/etc/x").exists()


def test_what_appears_and_goes_is_seen(target):
    target.script("echo old > changed; echo old > gone; git init -q repository")
    before = target.inventory()
    assert target.inventory() == before
    target.script("echo new > changed; rm gone; mkdir -p ~/.docker; echo '{}' > ~/.docker/config.json; ln -s x link")
    target.script("echo noise > repository/.git/index; echo noise >> ~/.bash_history")
    assert differences(before, target.inventory()) == [
        "~ file work/changed",
        "- file work/gone",
        "+ file work/link",
        "+ file ~/.docker/config.json",
    ]
    target.script(
        "rm repository/.git/index; git -C repository -c user.name=a -c user.email=a@b commit -q --allow-empty -m x"
    )
    assert [line for line in differences(before, target.inventory()) if ".git/refs" in line]


def test_reset_is_a_fresh_start(target):
    fresh = target.inventory()
    target.script("rm start.txt; echo x > own; mkdir -p ~/.config/deep; echo x > ~/.config/deep/file")
    assert target.inventory() != fresh
    target.reset()
    assert target.inventory() == fresh
    assert target.script("cat start.txt").stdout == "start\n"


def test_an_unknown_host_is_said(target):
    with pytest.raises(TargetError, match="no host 'moon'"):
        target.shell("moon")
    with pytest.raises(TargetError, match="no host 'moon'"):
        target.script("true", host="moon")


def test_a_closed_local_target_is_gone(course):
    target = LocalTarget(course, env=dict(os.environ))
    folder = target.work
    target.shell("local").run("true")
    target.close()
    target.close()
    assert not Path(folder).parent.exists()
    for ask in (target.health, target.inventory, lambda: target.script("true"), target.reset):
        with pytest.raises(TargetError, match="is gone"):
            ask()


@pytest.mark.sandbox
def test_the_engines_things_are_in_the_inventory(sandboxed):
    sandboxed.reset()
    sandboxed.script(
        "tar -c start.txt | docker import - thing:1; docker volume create data; docker network create more;"
        " docker create --name box thing:1 /none"
    )
    before = sandboxed.inventory()
    assert {(entry.kind, entry.name) for entry in before if entry.kind not in ("file", "image")} == {
        ("image-tag", "thing:1"),
        ("volume", "data"),
        ("network", "more"),
        ("container", "box"),
    }
    sandboxed.script("echo x > other; tar -c other | docker import - thing:1; docker rm box; docker volume rm data")
    changed = differences(before, sandboxed.inventory())
    assert "~ image-tag thing:1" in changed
    assert {"- container box", "- volume data"} <= set(changed)


@pytest.mark.sandbox
def test_a_checks_localhost_is_the_sandboxs(sandboxed):
    (result,) = sandboxed.checker().ask([Check(kind="t.program", args={"run": "hostname"})], once=True)
    assert result.message == "0 labrunner\n"


@pytest.mark.sandbox
def test_what_a_lab_needs_is_there_for_whoever_waits(sandboxed):
    sandboxed.foresee({"docker-engine"}, [])
    assert not sandboxed._remote._host.pid
    for _ in range(2):
        sandboxed.foresee({"docker-engine", "remote-host"}, [])
    assert sandboxed.script("hostname", host="remote-host").stdout == "remote-host\n"


def test_a_dead_engine_is_the_machines_fault(sandboxed):
    """Last: it breaks the sandbox."""
    assert sandboxed.script("kill -9 $(cat /run/docker.pid)").status == 0
    for ask in (sandboxed.health, sandboxed.inventory, sandboxed.reset, sandboxed.prepare):
        with pytest.raises(TargetError, match="Docker Engine") as caught:
            ask()
        assert caught.value.remedy.startswith("labrunner sandbox up --sandbox t-")
