"""A Target that is a throw-away folder of this machine: no namespaces, no engine.

For courses that need nothing, for tests and for measuring. It keeps nobody from harming this machine, so it is not
offered to learners.
"""

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from labrunner.checking.api import Checker, Ran, TargetError
from labrunner.checking.client import DirectChecker
from labrunner.checking.context import WorkerContext
from labrunner.model import Arrangement, Check, Course, Fault, Seed
from labrunner.record.ledger import Entry, Inventory
from labrunner.shell.bash import BashShell
from labrunner.shell.program import ProgramError, ProgramTimeoutError, run_program
from labrunner.shell.protocol import Shell, ShellSpec
from labrunner.targets.files import file_entries, write_inside
from labrunner.targets.leftovers import remove_file_entries
from labrunner.targets.protocol import Runs

__all__ = ["LocalTarget"]

_PARTS = ("home", "work", "run")
_PASSED_ON = ("PATH", "TERM", "TZ")
_TIMED_OUT = 124
_USE_SANDBOX = "Run the lab with `--target sandbox`."


class LocalTarget:
    """A Target in a new temporary folder, which `close` removes.

    env: labrunner's own environment, of which only PATH, TERM and TZ are taken over. Raises TargetError.
    """

    name = "local"
    capabilities: frozenset[str] = frozenset()

    def __init__(self, course: Course, *, env: Mapping[str, str], folders: tuple[str, ...] = ()) -> None:
        try:
            self._folder = os.path.realpath(tempfile.mkdtemp(prefix="labrunner-"))
        except OSError as error:
            raise TargetError(f"no temporary folder can be made: {error}", "Free some disk space.") from error
        self._course = course
        self._folders = folders
        self._env = {name: env[name] for name in _PASSED_ON if env.get(name)}
        self._env |= {"HOME": f"{self._folder}/home", "LANG": "C.UTF-8", "SHELL": "/bin/bash"}
        self._env |= {"USER": "learner", "LOGNAME": "learner"}
        self._shell: BashShell | None = None
        self._checker: DirectChecker | None = None
        for part in _PARTS:
            Path(self._folder, part).mkdir(mode=0o700)
        self._fill()

    @property
    def work(self) -> str:
        """The work folder."""
        return f"{self._folder}/work"

    def values(self) -> Mapping[str, str]:
        """None that the course does not know."""
        return {}

    def tools(self) -> Mapping[str, str]:
        """The version of bash."""
        return {"bash": self.script('echo "${BASH_VERSION%%(*}"').stdout.strip()}

    def foresee(self, needs: Collection[str], checks: Collection[Check]) -> None:
        """There is nothing that takes time to start."""

    def shell(self, host: str) -> Shell:
        """The learner's shell."""
        _check_host(host)
        self._check()
        if self._shell is None:
            self._shell = BashShell(ShellSpec(env=self._env, cwd=self.work, run_dir=f"{self._folder}/run"))
        return self._shell

    def entrance(self, host: str, *, attended: bool) -> Runs:  # noqa: ARG002
        """It has no other host."""
        raise TargetError(f"this target has no host '{host}'", "Run `labrunner lint` on the course.")

    def sign_in_codes(self) -> Sequence[str]:
        """None: it has no Azure."""
        return ()

    def approve(self, code: str) -> None:
        """Nothing waits."""

    def script(self, text: str, *, host: str = "local", timeout: float = 60.0) -> Ran:
        """A fresh bash; status 124 for one that took too long."""
        _check_host(host)
        self._check()
        line = ["bash", "--noprofile", "--norc", "-c", text]
        try:
            result = run_program(line, env=self._env, cwd=self.work, timeout=timeout)
        except ProgramTimeoutError:
            return Ran(_TIMED_OUT, "", f"ended, because it took longer than {timeout:g} seconds")
        except ProgramError as error:
            raise TargetError(str(error)) from error
        return Ran(result.status, result.stdout, result.stderr)

    def seed(self, seed: Seed | Arrangement) -> str:
        """Always refused: it has no Azure. Raises TargetError."""
        what = f"what `{seed.repository}` shall have from the past" if isinstance(seed, Seed) else f"`{seed.registry}`"
        raise TargetError(f"{what} can only be made in the sandbox's local Azure", _USE_SANDBOX)

    def spoil(self, fault: Fault) -> None:
        """Always refused. Raises TargetError."""
        raise TargetError(f"the fault `{fault.name}` can only be had in the sandbox's local Azure", _USE_SANDBOX)

    def mend(self) -> None:
        """Nothing is ever spoilt here."""

    def write_file(self, path: str, content: bytes, mode: int) -> None:
        """Into the work folder."""
        self._check()
        write_inside(self.work, path, content, mode)

    def checker(self) -> Checker:
        """Asks in a thread of this process."""
        if self._checker is None:
            about = WorkerContext(engine_url="", home=f"{self._folder}/home", work=self.work, env=self._env)
            self._checker = DirectChecker(self._folders, about)
        return self._checker

    def health(self) -> None:
        """The folder is there."""
        self._check()

    def inventory(self) -> Inventory:
        """Files only: there is no engine."""
        self._check()
        return frozenset(self._entries())

    def remove(self, entries: Sequence[Entry]) -> dict[Entry, str]:
        """Files and folders: it has nothing else."""
        self._check()
        told = remove_file_entries(self.work, "work", entries)
        told |= remove_file_entries(f"{self._folder}/home", "~", entries)
        return {entry: told.get(entry, "It is nothing that this target can have.") for entry in entries}

    def settling(self) -> str:
        """Nothing: all that it does is done."""
        return ""

    def trouble(self, *, late: bool = False) -> TargetError | None:  # noqa: ARG002
        """Its folder is gone; of more it knows nothing."""
        try:
            self._check()
        except TargetError as error:
            return error
        return None

    def watch(self) -> None:
        """Nothing is counted."""

    def secrets(self) -> Sequence[str]:
        """None: it issues nothing."""
        return ()

    def reset(self) -> None:
        """Empty HOME and work folder, then fill the work folder again."""
        self._check()
        for part in ("home", "work"):
            for entry in os.scandir(f"{self._folder}/{part}"):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path)
                else:
                    Path(entry.path).unlink()
        self._fill()

    def close(self) -> None:
        """End shell and checker, and remove the folder."""
        if self._shell is not None:
            self._shell.close()
            self._shell = None
        if self._checker is not None:
            self._checker.close()
            self._checker = None
        with suppress(FileNotFoundError):
            shutil.rmtree(self._folder)

    def _entries(self) -> Iterator[Entry]:
        yield from file_entries(self.work, "work")
        yield from file_entries(f"{self._folder}/home", "~", home=True)

    def _check(self) -> None:
        if not Path(self.work).is_dir():
            raise TargetError(f"the folder {self._folder} is gone", "Start the run again.")

    def _fill(self) -> None:
        for name, source in self._course.work.files.items():
            write_inside(self.work, name, Path(self._course.path, source).read_bytes(), 0o644)


def _check_host(host: str) -> None:
    if host != "local":
        raise TargetError(f"this target has no host '{host}'", "Run `labrunner lint` on the course.")
