"""A hundred docker checks, asked in one go of the worker in the sandbox, against a hundred calls of the docker CLI."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from bench.courses import IMAGE, image_course
from bench.table import Row, Section, milliseconds
from bench.timing import Bench, MeasureError, interleaved, paired
from labrunner.checking.api import Checker
from labrunner.content.find import checks_folder
from labrunner.content.load import load
from labrunner.model import Check, Outcome
from labrunner.sandbox import machine
from labrunner.sandbox.running import Sandbox
from labrunner.targets.sandbox import SandboxTarget

__all__ = ["measure"]

TITLE = "State checks"
ROUNDS = 3
MANY = 100


def measure(bench: Bench) -> Section:
    """Times in the sandbox, where both sides reach the engine through its socket."""
    sandbox = machine.attach(bench.sandbox, bench.env)
    with _prepared(bench, sandbox) as target:
        fresh = []
        for number in range(1, 4):
            bench.say(f"{TITLE}, a new worker: round {number} of 3")
            target.close()
            fresh.append(_asked(target.checker(), 1))
        contenders = {
            "ours": partial(_asked, target.checker(), MANY),
            "cli": partial(_inspected, sandbox),
        }
        took = interleaved(contenders, ROUNDS, bench, TITLE)
    ratio = paired(took["ours"], took["cli"])
    return Section(
        title=f"{TITLE} (docker.image of one image, through the worker in the sandbox)",
        rows=[
            Row(what="start of the worker and 1 check", figure=milliseconds(fresh, 0)),
            Row(
                what=f"{MANY} checks, one ask",
                figure=milliseconds(took["ours"], 0),
                ratio=f"{ratio:.2f}x the CLI",
            ),
            Row(what=f"{MANY} times `docker image inspect`", figure=milliseconds(took["cli"], 0)),
        ],
    )


@contextmanager
def _prepared(bench: Bench, sandbox: Sandbox) -> Iterator[SandboxTarget]:
    """A target whose engine has the image."""
    folder = str(image_course(bench.scratch / "image-course"))
    loaded = load(folder, cache=None)
    if loaded.course is None:
        raise MeasureError(f"the bench's own course is invalid: {[str(each) for each in loaded.diagnostics]}")
    with sandbox.hold("the bench"):
        target = SandboxTarget(sandbox, loaded.course, (checks_folder(),), tools=bench.tools)
        try:
            target.prepare()
            yield target
        finally:
            target.close()


def _asked(checker: Checker, number: int) -> float:
    checks = [Check(kind="docker.image", args={"image": IMAGE})] * number
    began = time.perf_counter()
    results = checker.ask(checks, once=True)
    took = time.perf_counter() - began
    wrong = next((each for each in results if each.outcome is not Outcome.PASSED), None)
    if wrong is not None:
        raise MeasureError(f"a check that must pass says: {wrong.message}")
    return took


def _inspected(sandbox: Sandbox) -> float:
    """One script inside makes all the calls, so that entering the sandbox is not counted against them."""
    script = f"for _ in $(seq {MANY}); do docker image inspect {IMAGE} >/dev/null || exit 1; done"
    began = time.perf_counter()
    result = sandbox.run(["bash", "-c", script], timeout=120)
    took = time.perf_counter() - began
    if result.status != 0:
        raise MeasureError(f"`docker image inspect` failed: {result.stderr}")
    return took
