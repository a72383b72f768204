"""A sandbox of these tests' own, and its checks asked by a worker inside, as a run asks them."""

import io
import os
import tarfile
from collections.abc import Collection
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from labrunner.model import Check, Course
from labrunner.sandbox import machine, tools
from labrunner.targets.sandbox import SandboxTarget

CHECKS = str(Path(__file__).parents[2] / "checks")


class SandboxEngine:
    """Runs bash inside, and asks checks there."""

    def __init__(self, sandbox: machine.Sandbox, target: SandboxTarget):
        self.sandbox = sandbox
        self.checker = target.checker()
        self.target = target
        self.work = Path(sandbox.layout.work)
        self.home = Path(sandbox.layout.home)

    def bash(self, text: str) -> str:
        """What it said. It must not fail."""
        result = self.target.script(f"set -e\n{text}")
        assert result.status == 0, result
        return result.stdout.strip()

    def ask(self, kind: str, **args: object):
        """One question."""
        return self.checker.ask([Check(kind=kind, args=args)], once=True)[0]

    def image(self, name: str) -> str:
        """Make a small image that is like no other; its short id."""
        return self.bash(f"docker import -c 'LABEL of={name}' base.tar {name}").removeprefix("sha256:")[:12]


@contextmanager
def sandbox_engine(name: str, state: Path, needs: Collection[str] = ()):
    """A fresh sandbox with a busybox in its work folder's `base.tar`; down again in any case."""
    env = {**os.environ, "XDG_STATE_HOME": str(state)}
    kit = tools.ensure(env)
    try:
        sandbox = machine.up(name, env, kit)
        write_base(Path(sandbox.layout.work, "base.tar"), Path(kit.busybox))
        course = Course(id="t", title="t")
        with closing(SandboxTarget(sandbox, course, folders=(CHECKS,), tools=kit, needs=needs)) as target:
            yield SandboxEngine(sandbox, target)
    finally:
        machine.down(name, env, force=True)


def write_base(path: Path, busybox: Path) -> None:
    """A root file system: busybox, and the links that the tests use."""
    with tarfile.open(path, "w") as tar:
        for name in ("bin", "data"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(folder)
        program = tarfile.TarInfo("bin/busybox")
        content = busybox.read_bytes()
        program.size, program.mode = len(content), 0o755
        tar.addfile(program, io.BytesIO(content))
        for name in ("sh", "sleep", "httpd", "echo"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """One sandbox for all tests that leave the engine alive; use names of your own in it."""
    with sandbox_engine(f"checks-{os.getpid()}", tmp_path_factory.mktemp("state")) as made:
        yield made


@pytest.fixture
def mortal(tmp_path):
    """A sandbox to break."""
    with sandbox_engine(f"mortal-{os.getpid()}", tmp_path) as made:
        yield made


@pytest.fixture
def with_azure(tmp_path):
    """One whose local Azure is asked too; nothing is in it."""
    with sandbox_engine(f"azure-{os.getpid()}", tmp_path, needs=("azure",)) as made:
        yield made
