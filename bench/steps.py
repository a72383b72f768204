"""Overhead per step: the slope over many trivial steps, of `labrunner run` and of other runners."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from bench.courses import trivial_course
from bench.table import Row, Section, milliseconds
from bench.timing import Bench, MeasureError, interleaved, paired, run

__all__ = ["measure"]

TITLE = "Overhead per step"
ROUNDS = 7
BATS_ROUNDS = 3
FEW, MANY = 200, 1000
BATS_FEW, BATS_MANY = 20, 100

Writer = Callable[[Path, Sequence[str]], Sequence[str]]
"""Writes a workload of steps, whose expected outputs are given, and returns the command line that runs it."""


@dataclass(frozen=True, slots=True)
class Runner:
    """A runner and how many steps its slope is taken from."""

    name: str
    write: Writer
    few: int = FEW
    many: int = MANY

    def slope(self, took: dict[str, list[float]]) -> list[float]:
        """Seconds a step, for each round."""
        pairs = zip(took[f"{self.name} {self.few}"], took[f"{self.name} {self.many}"], strict=True)
        return [(many - few) / (self.many - self.few) for few, many in pairs]


def measure(bench: Bench) -> Section:
    """The slopes, and their ratios to byexample's."""
    runners = {
        "labrunner run": Runner("labrunner run", partial(_labrunner, bench)),
        "changed": Runner("changed", partial(_labrunner, bench)),
        "plain bash": Runner("plain bash", partial(_bash, bench)),
        "byexample": Runner("byexample", partial(_byexample, bench)),
        "prysk": Runner("prysk", partial(_prysk, bench)),
    }
    missing: list[str] = []
    able = _able(runners, bench, missing)
    took = interleaved(_contenders(able, bench), ROUNDS, bench, TITLE)
    slopes = {name: runner.slope(took) for name, runner in able.items()}
    bats = _able({"bats": Runner("bats", partial(_bats, bench), BATS_FEW, BATS_MANY)}, bench, missing)
    took |= interleaved(_contenders(bats, bench), BATS_ROUNDS, bench, f"{TITLE}, bats") if bats else {}
    slopes |= {name: runner.slope(took) for name, runner in bats.items()}
    return Section(
        title=f"{TITLE} (`PREV=$((PREV+1)); echo step-$PREV`, its output checked; slope from {FEW} to {MANY} steps)",
        rows=_rows(slopes, took),
        missing=missing,
        notes=(
            "plain bash: a script that checks after each step, without a fork",
            "prysk runs the file as one script and compares afterwards: it cannot stop, retry or show a step",
            f"bats: slope from {BATS_FEW} to {BATS_MANY} steps, since it is slow and grows faster than the steps",
        ),
    )


def _able(runners: dict[str, Runner], bench: Bench, missing: list[str]) -> dict[str, Runner]:
    """Those that are here and tell a wrong output from a right one: who does not check is no peer."""
    able = {}
    for name, runner in runners.items():
        folder = bench.scratch / "tried" / name
        try:
            run(_workload(runner, folder / "right", 3), bench, cwd=folder / "right")
            run(_workload(runner, folder / "wrong", 3, wrong=True), bench, cwd=folder / "wrong", status=None)
        except MeasureError as error:
            missing.append(f"{name}: {error}")
        else:
            able[name] = runner
    return able


def _workload(runner: Runner, folder: Path, steps: int, *, wrong: bool = False) -> Sequence[str]:
    outputs = [f"step-{number}" for number in range(1, steps + 1)]
    if wrong:
        outputs[-1] = "step-0"
    folder.mkdir(parents=True)
    return runner.write(folder, outputs)


def _contenders(runners: dict[str, Runner], bench: Bench) -> dict[str, Callable[[], float]]:
    contenders: dict[str, Callable[[], float]] = {}
    for name, runner in runners.items():
        for steps in (runner.few, runner.many):
            folder = bench.scratch / "steps" / name / str(steps)
            timed = partial(run, _workload(runner, folder, steps), bench, cwd=folder)
            if name == "changed":
                contenders[f"{name} {steps}"] = partial(_changed, folder, timed)
                continue
            timed()  # what can be kept for the next time is: the course in its cache, compiled files
            contenders[f"{name} {steps}"] = timed
    return contenders


def _changed(folder: Path, timed: Callable[[], float]) -> float:
    """With a course that is not as it is in the cache."""
    os.utime(folder / "course" / "lab.yaml")
    return timed()


def _rows(slopes: dict[str, list[float]], took: dict[str, list[float]]) -> list[Row]:
    peer = slopes.get("byexample")
    rows = []
    for name, slope in slopes.items():
        ratio = ""
        if peer and name != "byexample":
            # bats has rounds of its own
            value = paired(slope, peer) if len(slope) == len(peer) else median(slope) / median(peer)
            ratio = f"{value:.2f}x byexample"
        if name == "labrunner run":
            rows.append(
                Row(
                    what=name,
                    figure=milliseconds(slope),
                    goal="<= 0.6 ms a step",
                    met=median(slope) <= 0.6e-3,
                )
            )
            if peer:
                value = paired(slope, peer)
                rows.append(
                    Row(what="  against byexample", figure="", ratio=ratio, goal="<= 1.0x byexample", met=value <= 1.0)
                )
            starts = [few - FEW * step for few, step in zip(took[f"{name} {FEW}"], slope, strict=True)]
            rows.append(Row(what="  its start (no steps)", figure=milliseconds(starts, 0)))
        elif name == "changed":
            rows.append(Row(what="  course changed since, so read anew", figure=milliseconds(slope), ratio=ratio))
        else:
            rows.append(Row(what=name, figure=milliseconds(slope), ratio=ratio))
    return rows


def _labrunner(bench: Bench, folder: Path, outputs: Sequence[str]) -> Sequence[str]:
    course = trivial_course(folder / "course", outputs)
    options = ("--trust", "--unattended", "--sandbox", bench.sandbox)
    return (bench.labrunner, "run", "--course", str(course), *options)


def _bash(bench: Bench, folder: Path, outputs: Sequence[str]) -> Sequence[str]:
    lines = ["PREV=0"]
    for output in outputs:
        lines += [
            "{ PREV=$((PREV+1)); echo step-$PREV; } >out",
            f'read -r came <out; [[ $came == {output} ]] || {{ echo "not {output}: $came" >&2; exit 1; }}',
        ]
    return (bench.program("bash"), _written(folder, "steps.sh", "\n".join(lines) + "\n"))


def _byexample(bench: Bench, folder: Path, outputs: Sequence[str]) -> Sequence[str]:
    text = "".join(f"```shell\n$ PREV=$((PREV+1)); echo step-$PREV\n{output}\n```\n\n" for output in outputs)
    return (bench.program("byexample"), "-l", "shell", _written(folder, "steps.md", text))


def _prysk(bench: Bench, folder: Path, outputs: Sequence[str]) -> Sequence[str]:
    text = "".join(f"Step\n\n  $ PREV=$((PREV+1)); echo step-$PREV\n  {output}\n\n" for output in outputs)
    return (bench.program("prysk"), _written(folder, "steps.t", text))


def _bats(bench: Bench, folder: Path, outputs: Sequence[str]) -> Sequence[str]:
    """Each test is a new process: the number is carried in a file."""
    text = 'setup_file() { echo 0 >"$BATS_FILE_TMPDIR/prev"; }\n'
    for number, output in enumerate(outputs, 1):
        text += (
            f'@test "step {number}" {{\n  read -r PREV <"$BATS_FILE_TMPDIR/prev"\n'
            f'  PREV=$((PREV+1)); run echo "step-$PREV"\n  [ "$output" = {output} ]\n'
            '  echo "$PREV" >"$BATS_FILE_TMPDIR/prev"\n}\n'
        )
    return (bench.program("bats"), _written(folder, "steps.bats", text))


def _written(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)
