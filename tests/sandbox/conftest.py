"""Private machines of these tests' own: a state folder and a name that nobody else has, always taken down."""

import os
import secrets
from pathlib import Path

import pytest

from labrunner.model import Course, Image, WorkFolder
from labrunner.sandbox import machine, tools


@pytest.fixture(scope="session")
def kit(cache):
    """The tools."""
    return tools.ensure({**os.environ, "XDG_CACHE_HOME": cache})


class Machines:
    """Sandboxes of one test."""

    def __init__(self, env, kit):
        self.env = env
        self.kit = kit
        self.names = []

    def name(self) -> str:
        self.names.append(f"t-{secrets.token_hex(6)}")
        return self.names[-1]

    def up(self, name=None):
        return machine.up(name or self.name(), self.env, self.kit)

    def end(self):
        for name in self.names:
            machine.down(name, self.env, force=True)


def inside(sandbox, text):
    """What the commands say in it. Fails when one of them does."""
    result = sandbox.run(["bash", "-ec", text])
    assert result.status == 0, result
    return result.stdout


@pytest.fixture
def machines(kit, cache, tmp_path):
    """To make sandboxes with, below /tmp: the hardest place, since /tmp is a private folder inside."""
    made = Machines({**os.environ, "XDG_CACHE_HOME": cache, "XDG_STATE_HOME": str(tmp_path / "state")}, kit)
    yield made
    made.end()


@pytest.fixture(scope="module")
def shared_env(cache, tmp_path_factory):
    """The environment of `shared`."""
    return {**os.environ, "XDG_CACHE_HOME": cache, "XDG_STATE_HOME": str(tmp_path_factory.mktemp("state"))}


@pytest.fixture(scope="module")
def shared(kit, shared_env):
    """One sandbox for all tests of a module, for those that leave it as it was."""
    made = Machines(shared_env, kit)
    yield made.up()
    made.end()


@pytest.fixture
def course(tmp_path):
    """A small course: one stand-in image under two names, another, a file and a git repository."""
    folder = tmp_path / "course"
    folder.mkdir()
    Path(folder, "web.sh").write_text("#!/bin/sh\ntrap 'exit 0' TERM\nwhile :; do sleep 1 & wait; done\n")
    Path(folder, "deaf.sh").write_text("#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1; done\n")
    Path(folder, "notes.md").write_text("# Notes\n")
    return Course(
        id="t",
        title="T",
        path=str(folder),
        images=(
            Image(
                names=("web:latest", "web:1.0"),
                says="Stands in for a web service.",
                files={"/app/web.sh": "web.sh"},
                entrypoint=("/bin/sh", "/app/web.sh"),
                ports=("8080/tcp",),
                workdir="/app",
            ),
            Image(
                names=("deaf:latest",),
                says="Does not hear TERM.",
                files={"/deaf.sh": "deaf.sh"},
                entrypoint=("/bin/sh", "/deaf.sh"),
            ),
        ),
        work=WorkFolder(git=True, files={"docs/notes.md": "notes.md"}),
    )
