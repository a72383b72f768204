"""200 MB of output through a step, against a raw reader of a terminal that drops what it reads."""

import errno
import os
import select
import subprocess
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench.courses import one_command_course
from bench.table import Row, Section, seconds
from bench.timing import Bench, MeasureError, paired, run, watched
from labrunner.sandbox import machine

__all__ = ["measure"]

TITLE = "Output of a step"
ROUNDS = 3
SIZE = 200_000_000
BATCH = 64 * 1024
LEAST_SPEED = 0.7
MOST_MEMORY = 25_000_000


def measure(bench: Bench) -> Section:
    """The speed of 2-byte and 100-byte lines, and the memory that it takes over an idle run."""
    idle = _labrunner(bench, "idle", "echo ready", "ready")
    lines = {"2-byte lines": "y", "100-byte lines": "y" * 99}
    rows: list[Row] = []
    watched(idle, bench)
    for name, text in lines.items():
        command = f"yes {text} | head -c {SIZE}"
        step = _labrunner(bench, f"lines-{len(text)}", command, text)
        steps, raws, peaks = [], [], []
        for number in range(1, ROUNDS + 1):
            bench.say(f"{TITLE}, {name}: round {number} of {ROUNDS}")
            nothing, much = watched(idle, bench), watched(step, bench)
            raws.append(_read_raw(bench, command))
            steps.append(much.seconds - nothing.seconds)
            peaks.append(much.peak - nothing.peak)
        rows += _rows(name, steps, raws, peaks)
    return Section(
        title=f"{TITLE}: {SIZE // 1_000_000} MB, read, kept (head and tail), redacted and matched",
        rows=rows,
        notes=(
            "the step: a whole run less an idle run; the reader: a pty without output processing, read in batches",
            "memory: the peak (VmHWM) of the labrunner process less that of an idle run",
        ),
    )


def _rows(name: str, steps: Sequence[float], raws: Sequence[float], peaks: Sequence[int]) -> list[Row]:
    speed = paired(raws, steps)
    memory = median(peaks)
    return [
        Row(
            what=f"{name}: through a step",
            figure=seconds(steps),
            ratio=f"{speed:.2f}x the reader's speed",
            goal=f">= {LEAST_SPEED}x",
            met=speed >= LEAST_SPEED,
        ),
        Row(what="  raw reader", figure=f"{seconds(raws)}, {SIZE / 1e6 / median(raws):.0f} MB/s"),
        Row(
            what="  memory over an idle run",
            figure=f"{memory / 1e6:.1f} MB",
            goal=f"<= {MOST_MEMORY / 1e6:.0f} MB",
            met=memory <= MOST_MEMORY,
        ),
    ]


def _labrunner(bench: Bench, name: str, command: str, output: str) -> list[str]:
    course = one_command_course(bench.scratch / "streams" / name, command, output)
    run([bench.labrunner, "list", "--course", str(course)], bench)  # the course is in the cache: no run reads it
    return [bench.labrunner, "run", "--course", str(course), "--trust", "--unattended", "--sandbox", bench.sandbox]


def _read_raw(bench: Bench, command: str) -> float:
    """Seconds that reading takes, from the start of the same command in the sandbox."""
    sandbox = machine.attach(bench.sandbox, bench.env)
    master, slave = os.openpty()
    os.set_blocking(master, False)
    modes = termios.tcgetattr(slave)
    modes[1] &= ~termios.OPOST
    termios.tcsetattr(slave, termios.TCSANOW, modes)
    line = sandbox.enter(["bash", "--norc", "-c", command])
    began = time.perf_counter()
    try:
        with subprocess.Popen(
            line, env=sandbox.environment(), cwd=Path("/"), stdin=subprocess.DEVNULL, stdout=slave, stderr=slave
        ):
            os.close(slave)
            count = _drained(master)
            took = time.perf_counter() - began
    finally:
        os.close(master)
    if count != SIZE:
        raise MeasureError(f"the raw reader got {count} bytes, not {SIZE}")
    return took


def _drained(master: int) -> int:
    """How many bytes came until every other end was closed; each time all that is there, in batches."""
    ready = select.poll()
    ready.register(master, select.POLLIN)
    total = 0
    while True:
        ready.poll()
        batch: list[bytes] = []
        size = 0
        try:
            while size < BATCH:
                data = os.read(master, BATCH)
                batch.append(data)
                size += len(data)
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return total + size
        total += len(b"".join(batch))
