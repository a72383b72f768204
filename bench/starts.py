"""Start-up: `labrunner --help` and a cached `list`, against the interpreter alone."""

import sys
from functools import partial

from bench.table import Row, Section, milliseconds
from bench.timing import Bench, interleaved, paired, run

__all__ = ["measure"]

TITLE = "Start-up"
ROUNDS = 25


def measure(bench: Bench) -> Section:
    """Ratios to `python -c pass` of the same interpreter."""
    lines = {
        "python -c pass": (sys.executable, "-c", "pass"),
        "labrunner --help": (bench.labrunner, "--help"),
        "labrunner list": (bench.labrunner, "list"),
    }
    contenders = {name: partial(run, line, bench) for name, line in lines.items()}
    for contender in contenders.values():
        contender()
    took = interleaved(contenders, ROUNDS, bench, TITLE)
    nothing = took["python -c pass"]
    rows = [Row(what="python -c pass", figure=milliseconds(nothing, 1))]
    for name, goal in (("labrunner --help", 3.0), ("labrunner list", 3.5)):
        ratio = paired(took[name], nothing)
        rows.append(
            Row(
                what=name,
                figure=milliseconds(took[name], 1),
                ratio=f"{ratio:.2f}x python -c pass",
                goal=f"<= {goal:g}x",
                met=ratio <= goal,
            )
        )
    return Section(title=TITLE, rows=rows, notes=("list: the bundled course, unchanged since it was read",))
