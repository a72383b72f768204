"""Where a bench run takes place, and how it takes times: wall clock, contenders in turn, round after round."""

import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import BinaryIO

from labrunner.sandbox.tools import Tools

__all__ = ["Bench", "MeasureError", "Used", "bench_env", "interleaved", "paired", "run", "watched"]

_TIMEOUT = 180.0
_LAST_WORDS = 600


class MeasureError(Exception):
    """Something could not be measured; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One bench run: its scratch folder, the environment of what is measured, the sandbox, where progress is told."""

    scratch: Path
    env: Mapping[str, str]
    sandbox: str
    tools: Tools
    say: Callable[[str], None]

    @property
    def labrunner(self) -> str:
        """The console script of the environment that the bench runs in."""
        return self.program("labrunner")

    def program(self, name: str) -> str:
        """The path of a program. Raises MeasureError."""
        found = shutil.which(name, path=self.env["PATH"])
        if found is None:
            raise MeasureError(f"there is no `{name}` here; `make bench` installs it")
        return found


@dataclass(frozen=True, slots=True)
class Used:
    """What a process used: wall-clock seconds, and the peak of its resident memory in bytes."""

    seconds: float
    peak: int


def bench_env(scratch: Path) -> dict[str, str]:
    """The environment of everything that is measured: the tools' cache as it is, all other state in `scratch`."""
    kept = ("HOME", "XDG_CACHE_HOME", "LANG", "TMPDIR")
    programs = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
    env = {name: os.environ[name] for name in kept if name in os.environ}
    return {**env, "PATH": programs, "TERM": "dumb", "XDG_STATE_HOME": str(scratch / "state")}


def run(line: Sequence[str], bench: Bench, *, cwd: Path | None = None, status: int | None = 0) -> float:
    """Seconds that the program takes. Raises MeasureError when it does not end with `status` (None: any but 0)."""
    return _run(line, bench, cwd=cwd, status=status, watch=lambda _: None, every=_TIMEOUT)


def watched(line: Sequence[str], bench: Bench) -> Used:
    """Run a program that must end with 0. Its own peak (VmHWM), not that of its children. Raises MeasureError.

    rusage will not do: it takes in the parent's memory at the fork, and the children's.
    """
    peaks = [0]
    took = _run(line, bench, cwd=None, status=0, watch=lambda pid: peaks.append(_high_water(pid)), every=0.005)
    return Used(took, max(peaks))


def _run(
    line: Sequence[str],
    bench: Bench,
    *,
    cwd: Path | None,
    status: int | None,
    watch: Callable[[int], None],
    every: float,
) -> float:
    with (bench.scratch / "run.log").open("w+b") as log:  # a pipe would cost its reader's time for each line
        began = time.perf_counter()
        try:
            with subprocess.Popen(
                line,
                cwd=cwd or bench.scratch,
                env=dict(bench.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            ) as process:
                try:
                    _wait(process.pid, watch, every)
                except BaseException:
                    process.kill()
                    raise
        except OSError as error:
            raise MeasureError(f"{line[0]}: {error}") from error
        took = time.perf_counter() - began
        if process.returncode == 0 if status is None else process.returncode != status:
            wanted = "a failure" if status is None else f"status {status}"
            raise MeasureError(f"{' '.join(line)} ended with status {process.returncode}, not {wanted}: {_end_of(log)}")
    return took


def _wait(pid: int, watch: Callable[[int], None], every: float) -> None:
    """Until the process ends, to the moment: `Popen.wait` with a timeout looks only now and then."""
    deadline = time.monotonic() + _TIMEOUT
    descriptor = os.pidfd_open(pid)
    try:
        end = select.poll()
        end.register(descriptor, select.POLLIN)
        while not end.poll(every * 1000):
            if time.monotonic() > deadline:
                raise MeasureError(f"process {pid} took longer than {_TIMEOUT:.0f} s")
            watch(pid)
    finally:
        os.close(descriptor)


def _end_of(log: BinaryIO) -> str:
    log.seek(0)
    return log.read().decode(errors="replace").strip()[-_LAST_WORDS:]


def _high_water(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def interleaved(
    contenders: Mapping[str, Callable[[], float]], rounds: int, bench: Bench, title: str
) -> dict[str, list[float]]:
    """What each contender took in each round; those of one round run one after the other and share its noise."""
    took: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(1, rounds + 1):
        bench.say(f"{title}: round {number} of {rounds}")
        for name, contender in contenders.items():
            took[name].append(contender())
    return took


def paired(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the rounds' ratios."""
    return median(mine / other for mine, other in zip(ours, theirs, strict=True))
