"""Users of this machine and their sandboxes: always taken down, nothing shared with the developer but the tools."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.classroom import Classroom
from tests.e2e.commandline import Ended, Terminal, User


@pytest.fixture
def user(cache: str, tmp_path: Path) -> Iterator[User]:
    """A user for one test."""
    made = User.at(tmp_path / "home", cache)
    try:
        yield made
    finally:
        made.end()


@dataclass(frozen=True)
class Finished:
    """A sandbox in which `labrunner run lab-2 --report` has ended, and what that gave."""

    user: User
    name: str
    ended: Ended
    report: dict[str, Any]

    def run(self, *words: str) -> Ended:
        """A command that takes --sandbox."""
        return self.user.run(*words, "--sandbox", self.name)

    def inside(self, text: str) -> str:
        """What bash says inside."""
        return self.user.inside(self.name, text)


@pytest.fixture(scope="session")
def finished(cache: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    """One for all tests that leave the lab done: what they break, they mend."""
    user = User.at(tmp_path_factory.mktemp("e2e") / "home", cache)
    name, report = user.sandbox(), user.home / "out.json"
    try:
        ended = user.run("run", "lab-2", "--report", str(report), "--sandbox", name, timeout=300)
        written = json.loads(report.read_text()) if report.exists() else {}
        yield Finished(user, name, ended, written)
    finally:
        user.end()


@pytest.fixture
def terminal(finished: Finished) -> Iterator[Callable[..., Terminal]]:
    """terminal("run", "lab-2", columns=80): the command on a terminal, in the shared sandbox."""
    opened: list[Terminal] = []

    def open_one(*words: str, columns: int = 80, rows: int = 24) -> Terminal:
        opened.append(Terminal(finished.user, [*words, "--sandbox", finished.name], columns=columns, rows=rows))
        return opened[-1]

    try:
        yield open_one
    finally:
        for one in opened:
            one.__exit__()


@pytest.fixture(scope="module")
def shared(cache: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[User, str]]:
    """A user and the name of a sandbox, for the classrooms of one module."""
    user = User.at(tmp_path_factory.mktemp("resume") / "home", cache)
    name = user.sandbox()
    try:
        yield user, name
    finally:
        user.end()


@pytest.fixture
def classroom(shared: tuple[User, str], tmp_path: Path) -> Iterator[Classroom]:
    """A course of the test's own, of which nothing has been begun."""
    user, name = shared
    made = Classroom(user, name, tmp_path / "course", f"keep-{os.urandom(4).hex()}")
    made.write()
    if not made.work.is_dir():
        assert user.run("sandbox", "up", "--sandbox", name).status == 0
    yield made
    if made.work.is_dir():
        user.inside(name, "rm -rf in log five begun go more")
