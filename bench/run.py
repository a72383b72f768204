"""Measures labrunner in one run and prints one table: what, figure, ratio, goal, met or not.

    python -m bench.run [AREA ...]        starts, steps, matching, checks, streams, sandbox, push; default: all

The table goes to stdout, progress to stderr. Figures are medians, with the range behind them; contenders of a round run
one after the other, and ratios are medians of the rounds' ratios, so that they bear a busy machine better than figures.
Exit status: 0 even where a goal is not met, 1 when something could not be measured (the table says what), 2 usage,
4 when the machine lacks something.
"""

import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench import checks, matching, push, sandbox, starts, steps, streams
from bench.table import Section, rendered
from bench.timing import Bench, MeasureError, bench_env
from labrunner.content.cache import file_name
from labrunner.places import cache_dir
from labrunner.sandbox import machine
from labrunner.sandbox.errors import SandboxError
from labrunner.sandbox.tools import ready

AREAS: Mapping[str, Callable[[Bench], Section]] = {
    "starts": starts.measure,
    "steps": steps.measure,
    "matching": matching.measure,
    "checks": checks.measure,
    "streams": streams.measure,
    "sandbox": sandbox.measure,
    "push": push.measure,
}
IN_SANDBOX = {"steps", "checks", "streams", "push"}


def main(arguments: Sequence[str]) -> int:
    """Measure the areas that are named."""
    unknown = [name for name in arguments if name not in AREAS]
    if unknown:
        sys.stderr.write(f"bench: no area {', '.join(unknown)}; there are {', '.join(AREAS)}\n")
        return 2
    tools = ready(os.environ)
    if tools is None or os.geteuid() != 0:
        sys.stderr.write("bench: needs root and the unpacked tools; `make bench` gets them\n")
        return 4
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    load = os.getloadavg()[0]
    began = time.monotonic()
    scratch = Path(tempfile.mkdtemp(prefix="labrunner-bench-"))
    bench = Bench(
        scratch=scratch,
        env=bench_env(scratch),
        sandbox=f"bench-{os.getpid()}",
        tools=tools,
        say=lambda text: _tell(began, text),
    )
    try:
        sections = _measured(bench, [name for name in AREAS if not arguments or name in arguments])
    except KeyboardInterrupt:
        sys.stderr.write("bench: interrupted\n")
        return 130
    finally:
        _tidy(bench)
    sys.stdout.write(rendered(sections))
    sys.stdout.write(
        f"\n{os.cpu_count()} CPUs, load average before the run {load:.1f};"
        f" measured in {time.monotonic() - began:.0f} s. Figures: median (range).\n"
    )
    return 1 if any(section.missing for section in sections) else 0


def _tell(began: float, text: str) -> None:
    sys.stderr.write(f"[{time.monotonic() - began:4.0f} s] {text}\n")
    sys.stderr.flush()


def _measured(bench: Bench, names: Sequence[str]) -> list[Section]:
    if IN_SANDBOX.intersection(names):
        bench.say("Starting a sandbox")
        try:
            machine.up(bench.sandbox, bench.env, bench.tools)
        except SandboxError as error:
            return [_missing(name, error) for name in names]
    sections = []
    for name in names:
        try:
            sections.append(AREAS[name](bench))
        except (MeasureError, SandboxError, OSError) as error:
            sections.append(_missing(name, error))
        except Exception as error:  # noqa: BLE001 - one broken area must not cost the others' figures
            traceback.print_exception(error)
            sections.append(_missing(name, error))
    return sections


def _missing(name: str, error: Exception) -> Section:
    return Section(title=name.capitalize(), missing=[f"{type(error).__name__}: {error}"])


def _tidy(bench: Bench) -> None:
    """Nothing of the run stays: its sandboxes, its courses' places in the cache, its files."""
    machine.down(bench.sandbox, bench.env, force=True)
    for course in bench.scratch.rglob("course.yaml"):
        for kind in ("course", "list"):
            path = Path(cache_dir(bench.env), "courses", file_name(str(course.parent.resolve()), kind))
            path.unlink(missing_ok=True)
    shutil.rmtree(bench.scratch, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
