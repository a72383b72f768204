"""A sandbox of these tests' own, and its checks asked by a worker inside, as a run asks them."""

import io
import os
import subprocess
import tarfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from labrunner.checking.client import WorkerChecker, WorkerContext
from labrunner.model import Check
from labrunner.sandbox import engine, machine, tools

CHECKS = str(Path(__file__).parents[2] / "checks")


class SandboxEngine:
    """Runs bash inside, and asks checks there."""

    def __init__(self, sandbox: machine.Sandbox, checker: WorkerChecker):
        self.sandbox = sandbox
        self.checker = checker
        self.work = Path(sandbox.layout.work)
        self.home = Path(sandbox.layout.home)

    def bash(self, text: str) -> str:
        """What it said. It must not fail."""
        result = self.sandbox.run(["bash", "-ec", text])
        assert result.status == 0, result
        return result.stdout.strip()

    def ask(self, kind: str, **args: object):
        """One question."""
        return self.checker.ask([Check(kind=kind, args=args)], once=True)[0]

    def image(self, name: str) -> str:
        """Make a small image that is like no other; its short id."""
        return self.bash(f"docker import -c 'LABEL of={name}' base.tar {name}").removeprefix("sha256:")[:12]


@contextmanager
def sandbox_engine(name: str, state: Path):
    """A fresh sandbox with a busybox in its work folder's `base.tar`; down again in any case."""
    env = {**os.environ, "XDG_STATE_HOME": str(state)}
    kit = tools.ensure(env)
    try:
        sandbox = machine.up(name, env, kit)
        sandbox.show([CHECKS])
        context = WorkerContext(
            engine_url=f"unix://{engine.SOCKET}",
            home=sandbox.layout.home,
            work=sandbox.layout.work,
            env=sandbox.environment(),
        )
        write_base(Path(sandbox.layout.work, "base.tar"), Path(kit.busybox))

        def start():
            line = sandbox.worker_line("labrunner.checking.worker")
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            return subprocess.Popen(line, env=sandbox.environment(), cwd="/", **pipes)

        with closing(WorkerChecker(start, (CHECKS,), context)) as checker:
            yield SandboxEngine(sandbox, checker)
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
