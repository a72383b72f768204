"""Matching of 1 and 10 MB of output with `lines`: an ordinary expectation, and outputs made to be hard."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median

from bench.table import Row, Section, milliseconds
from bench.timing import Bench, MeasureError, interleaved, paired
from labrunner.matching import match
from labrunner.model import Expectation

__all__ = ["measure"]

TITLE = "Matching"
ROUNDS = 7
MEGABYTE = 1_000_000
MOST_TIMES = 12
MOST_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Case:
    """An expectation, the output of a size in bytes that it is put to, and whether it holds.

    most: seconds that 10 MB may take; None for what no real output is like, of which only the growth counts.
    """

    name: str
    lines: str
    output: Callable[[int], str]
    holds: bool = False
    most: float | None = MOST_SECONDS


def measure(bench: Bench) -> Section:
    """The time for 1 and for 10 MB, and how it grows."""
    rows = []
    for case in _cases():
        small, large = (partial(_time, case, case.output(size * MEGABYTE)) for size in (1, 10))
        took = interleaved({"1": small, "10": large}, ROUNDS, bench, f"{TITLE}, {case.name}")
        growth = paired(took["10"], took["1"])
        rows += [
            Row(what=f"{case.name}: 1 MB", figure=milliseconds(took["1"], 1)),
            Row(
                what="  10 MB",
                figure=milliseconds(took["10"], 1),
                goal=f"<= {case.most} s" if case.most else "",
                met=median(took["10"]) <= case.most if case.most else None,
            ),
            Row(
                what="  growth",
                figure="",
                ratio=f"{growth:.1f}x 1 MB",
                goal=f"<= {MOST_TIMES}x",
                met=growth <= MOST_TIMES,
            ),
        ]
    return Section(title=f"{TITLE} of an output with `lines`", rows=rows)


def _time(case: Case, output: str) -> float:
    expectation = Expectation(lines=case.lines)
    began = time.perf_counter()
    result = match(expectation, exit_status=0, output=output)
    took = time.perf_counter() - began
    if result.ok is not case.holds:
        raise MeasureError(f"{case.name}: the match says {result.ok}, not {case.holds}: {result.explanation}")
    return took


def _cases() -> Iterator[Case]:
    logged = [_expected(number) for number in range(1, 11)]
    never = _expected(10).replace(" ms", " s")
    yield Case("10 lines with placeholders, `...` between", _with_gaps(logged), _log, holds=True)
    yield Case("the same, the last line never comes", _with_gaps([*logged[:-1], never]), _log)
    yield Case("one long line, 6 stars, fails", "{*}".join(["", *("ab" * 6), "c"]), _one_line)
    block = "\n".join(["worker {int} is waiting for its turn"] * 19 + ["worker {int} is done"])
    yield Case("alike lines, a block of 20, fails", f"...\n{block}\n...", _alike_lines)
    pair = ["worker {int} is waiting for its turn", "worker {int} is done"]
    block = "\n".join([*(pair * 9), pair[0], pair[0]])
    yield Case("two alike lines in turn, a block of 20, fails", f"...\n{block}\n...", _lines_in_turn, most=None)


def _with_gaps(lines: list[str]) -> str:
    return "\n".join(f"...\n{line}" for line in lines) + "\n..."


def _expected(worker: int) -> str:
    return f"{{iso}} worker {worker} pulled {{digest}} in {{int}} ms"


def _log(size: int) -> str:
    """Lines of a log; the ten that are expected are spread over it, the last of them near the end."""
    length = len(_logged(99)) + 1
    total = size // length
    marked = {total * number // 10 - 5: number for number in range(1, 11)}
    return "\n".join(_logged(marked.get(number, 10 + number % 90)) for number in range(total)) + "\n"


def _logged(worker: int) -> str:
    return f"2026-01-31T09:30:00Z worker {worker} pulled sha256:{'0123456789abcdef' * 4} in 1234 ms"


def _one_line(size: int) -> str:
    return "ab" * (size // 2) + "\n"


def _alike_lines(size: int) -> str:
    """All but the first fit each of the block's lines but the last, and no two are equal."""
    line = "worker {} is waiting for its turn"
    waiting = "\n".join(line.format(1000000 + number) for number in range(size // len(line.format(1000000))))
    return f"worker 1 is done\n{waiting}\n"


def _lines_in_turn(size: int) -> str:
    """Each line fits half of the block's lines, and every run of 19 lines fits all of them but the last."""
    waiting, done = "worker {} is waiting for its turn", "worker {} is done"
    pairs = size // len(waiting.format(1000000) + done.format(1000000) + "\n\n")
    return "".join(f"{waiting}\n{done}\n".format(1000000 + number, 1000000 + number) for number in range(pairs))
