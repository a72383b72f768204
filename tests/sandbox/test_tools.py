"""The tools come whole or not at all, through the real package client, from a small source on disk."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from labrunner.places import tools_dir
from labrunner.sandbox import tools
from labrunner.sandbox.progress import Progress
from labrunner.sandbox.tools import ToolsError, ensure, ready, unpack_extra


def output(*command, env=None):
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.strip()


def _architecture() -> str:
    return output("dpkg", "--print-architecture")


class PackageSource:
    """Packages that hold one program each; `config` is the client's configuration that leads here.

    traces: where a maintainer script or a hook that is run leaves a file.
    """

    def __init__(self, folder: Path, *, stock: "PackageSource | None" = None) -> None:
        """stock: what it has from the beginning."""
        self.folder = folder / "source"
        self.folder.mkdir()
        self.traces = stock.traces if stock else folder / "traces"
        self._controls = dict(stock._controls) if stock else {}
        self.config = folder / "machine-apt.conf"
        sources = folder / "sources.list"
        # `copy:` and not `file:`, which the client would use in place instead of fetching it
        sources.write_text(f"deb [trusted=yes] copy:{self.folder} ./\n")
        self.config.write_text(
            f'Dir::Etc::sourcelist "{sources}";\nDir::Etc::sourceparts "/dev/null";\n'
            f'APT::Update::Post-Invoke {{"mkdir -p {self.traces}; touch {self.traces}/hook-ran";}};\n'
        )
        if stock:
            shutil.copytree(stock.folder, self.folder, dirs_exist_ok=True)

    def add(
        self, name: str, *, program: str = "", text: str = "", needs: Sequence[str] = (), version: str = "1.0"
    ) -> Path:
        """A package with `program` in it (a shell script)."""
        tree = self.folder.parent / f"{name}-{version}"
        (tree / "DEBIAN").mkdir(parents=True)
        control = f"Package: {name}\nVersion: {version}\nArchitecture: {_architecture()}\n"
        control += "Maintainer: tests <tests@example.org>\n"
        control += f"Depends: {', '.join(needs)}\n" if needs else ""
        (tree / "DEBIAN/control").write_text(f"{control}Description: {name}\n")
        hook = tree / "DEBIAN/postinst"
        hook.write_text(f"#!/bin/sh\nmkdir -p {self.traces}; touch {self.traces}/script-ran\n")
        hook.chmod(0o755)
        if program:
            path = tree / program
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text or f"#!/bin/sh\necho {name} $LD_LIBRARY_PATH\n")
            path.chmod(0o755)
        deb = self.folder / f"{name}.deb"
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, deb], check=True, capture_output=True
        )
        self._controls[name] = control
        self.publish()
        return deb

    def withdraw(self, name: str) -> None:
        """Offer the package no longer."""
        del self._controls[name]
        (self.folder / f"{name}.deb").unlink()
        self.publish()

    def publish(self) -> None:
        """Write the source's lists anew."""
        entries = []
        for name, control in self._controls.items():
            content = (self.folder / f"{name}.deb").read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            entries.append(f"{control}Filename: ./{name}.deb\nSize: {len(content)}\nSHA256: {digest}\nDescription: x\n")
        text = "\n".join(entries)
        (self.folder / "Packages").write_text(text)
        digest = hashlib.sha256(text.encode()).hexdigest()
        release = f"Date: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n {digest} {len(text)} Packages\n"
        (self.folder / "Release").write_text(release)


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """Everything a sandbox wants, in toy form. Packed once: take a `source`."""
    made = PackageSource(tmp_path_factory.mktemp("stock"))
    made.add("tiny-engine-library")
    made.add("docker.io", program="usr/sbin/dockerd", needs=["tiny-engine-library", "perl"])
    made.add("docker-compose", program="usr/bin/docker-compose", needs=["docker.io"])
    made.add("iptables", program="usr/sbin/xtables-nft-multi", text='#!/bin/sh\necho "$0"\n')
    made.add("busybox-static", program="bin/busybox")
    made.add("git", program="usr/bin/git")
    made.add("curl", program="usr/bin/curl")
    made.add("jq", program="usr/bin/jq")
    made.add("openssh-client", program="usr/bin/ssh")
    return made


@pytest.fixture
def source(tmp_path, stock):
    """A package source of the test's own, with the stock in it."""
    return PackageSource(tmp_path, stock=stock)


@pytest.fixture
def env(tmp_path, source):
    """The environment of a machine whose package client is led to `source`."""
    return {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "APT_CONFIG": str(source.config)}


def system_state():
    """What a set-up might touch of the system's: names, sizes and times."""
    places = ("/var/lib/apt/lists", "/var/cache/apt", "/var/lib/dpkg/status", "/var/log/apt")
    found = {}
    for place in places:
        for path in (Path(place), *Path(place).rglob("*")):
            if path.exists():
                found[str(path)] = (path.stat().st_size, path.stat().st_mtime_ns)
    return found


def test_nothing_is_ready_on_a_fresh_machine(env):
    assert ready(env) is None


def test_ensure_gets_everything_and_touches_nothing_of_the_system(env, source):
    before = system_state()
    seen = []
    made = ensure(env, seen.append)
    assert made == ready(env)
    assert made.path == f"{made.root}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    inside = {"PATH": made.path, **made.environment}
    assert output("sh", "-c", "jq; git; dockerd", env=inside).splitlines() == ["jq", "git", "docker.io"]
    assert output(made.busybox) == "busybox-static"
    assert output(made.git) == "git"
    assert system_state() == before
    assert not source.traces.exists(), "a maintainer script, or a hook of the machine's configuration, ran"
    phases = list(dict.fromkeys(progress.phase for progress in seen))
    assert phases == ["fetching the package lists", "downloading the tools", "unpacking the tools"]
    assert seen[-1] == Progress("unpacking the tools", 9, 9, "packages")


def test_the_client_of_docker_is_had_where_it_is_a_package_of_its_own(env, source):
    assert not (ensure(env).root / "bin/docker").exists()
    shutil.rmtree(tools_dir(env))
    source.add("docker-cli", program="usr/bin/docker")
    assert output(ensure(env).program("docker")).startswith("docker-cli")


def test_compose_is_had_under_its_other_name(env, source):
    source.add("docker-compose-v2", program="usr/libexec/docker/cli-plugins/docker-compose")
    assert output(ensure(env).program("docker-compose")).startswith("docker-compose-v2")


def test_iptables_has_the_names_that_a_script_of_the_package_would_make(env):
    made = ensure(env)
    for name in ("iptables", "iptables-save", "iptables-restore", "ip6tables"):
        assert output(made.program(name)).endswith(f"/usr/sbin/{name}")


def test_a_second_ensure_does_none_of_it_again(env, source):
    made = ensure(env)
    for path in source.folder.iterdir():
        path.unlink()
    assert ensure(env, lambda progress: pytest.fail(str(progress))) == made


def test_what_was_used_on_the_way_is_gone(env):
    made = ensure(env)
    assert sorted(path.name for path in Path(tools_dir(env)).iterdir()) == sorted([made.root.name, "lock"])


def test_a_tree_without_its_stamp_is_not_taken_for_whole(env):
    made = ensure(env)
    for stamp in ("", "[]", "{", '{"key": "another"}'):
        (made.root / "whole.json").write_text(stamp)
        assert ready(env) is None, stamp
    (made.root / "bin" / "jq").unlink()
    assert ensure(env).program("jq")


def test_a_tree_that_was_moved_is_not_taken_for_whole(env, tmp_path):
    made = ensure(env)
    other = {**env, "XDG_CACHE_HOME": str(tmp_path / "elsewhere")}
    Path(tools_dir(other)).mkdir(parents=True)
    made.root.rename(Path(tools_dir(other)) / made.root.name)
    assert ready(other) is None


def test_a_package_that_nobody_offers_is_named_with_what_to_do(env, source):
    source.withdraw("jq")
    with pytest.raises(ToolsError, match="Unable to locate package jq") as caught:
        ensure(env)
    assert "run the same command again" in caught.value.remedy
    assert ready(env) is None


def test_a_source_that_is_gone_half_way_is_said_and_taken_up_again(env, source, tmp_path):
    hidden = tmp_path / "git.deb"
    (source.folder / "git.deb").rename(hidden)
    with pytest.raises(ToolsError, match=r"not downloaded: git_1\.0"):
        ensure(env)
    assert ready(env) is None
    kept = Path(tools_dir(env)) / "packages/debs"
    assert len(list(kept.glob("*.deb"))) == 8
    for path in source.folder.glob("*.deb"):
        path.unlink()  # what is here already must not be asked for again
    hidden.rename(source.folder / "git.deb")
    assert ensure(env).program("git")


def test_lists_that_name_what_is_gone_are_fetched_anew(env, source):
    (source.folder / "jq.deb").unlink()
    with pytest.raises(ToolsError):
        ensure(env)
    source.add("jq", program="usr/bin/jq", version="2.0")
    assert ensure(env).program("jq")


def test_a_package_that_was_altered_on_the_way_is_refused(env, source):
    deb = source.folder / "jq.deb"
    deb.write_bytes(deb.read_bytes()[:-1] + b"!")
    with pytest.raises(ToolsError, match=r"not downloaded: jq_1\.0"):
        ensure(env)
    assert ready(env) is None


def test_a_source_of_others_that_fails_is_no_failure(env, source, tmp_path):
    with (tmp_path / "sources.list").open("a") as file:
        file.write(f"deb [trusted=yes] copy:{tmp_path}/nowhere ./\n")
    assert ensure(env).program("jq")


def test_a_kill_at_any_moment_leaves_nothing_half_made(env):
    """Killed at each report of progress; the next one starts where that one was."""
    program = (
        "import os, signal, sys\n"
        "from labrunner.sandbox.tools import ensure\n"
        "left = int(sys.argv[1])\n"
        "seen = set()\n"
        "def say(progress):\n"
        "    global left\n"
        "    left -= progress not in seen\n"
        "    seen.add(progress)\n"
        "    if left < 0:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "ensure(dict(os.environ), say)\n"
    )
    cut = 0
    root = str(Path(tools.__file__).parents[2])
    for moment in range(60):
        command = [sys.executable, "-c", program, str(moment)]
        done = subprocess.run(command, env={**env, "PYTHONPATH": root}, capture_output=True, text=True, check=False)
        if done.returncode != -signal.SIGKILL:
            break
        cut += 1
        assert ready(env) is None
    assert done.returncode == 0, done.stderr
    assert cut > 5
    assert output(ready(env).program("jq")) == "jq"


def test_a_cache_that_cannot_be_written_is_said(env):
    blocked = Path(tools_dir(env)).parent
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file where the folder must be")
    with pytest.raises(ToolsError, match="cannot be written") as caught:
        ensure(env)
    assert "XDG_CACHE_HOME" in caught.value.remedy


def test_another_package_is_unpacked_where_it_is_wanted(env, source, tmp_path):
    source.add("bats", program="usr/bin/bats")
    programs = unpack_extra("bats", tmp_path / "extra", env)
    assert output(programs / "bats") == "bats"
    stamp = json.loads((tmp_path / "extra/whole.json").read_text())
    assert stamp["packages"] == ["bats"]


def test_the_command_says_where_the_programs_are(env):
    command = [sys.executable, "-m", "labrunner.sandbox.tools"]
    root = str(Path(tools.__file__).parents[2])
    done = subprocess.run(command, env={**env, "PYTHONPATH": root}, capture_output=True, text=True, check=True)
    assert done.stdout == f"{ready(env).root}/bin\n"
    assert "unpacking the tools" in done.stderr
