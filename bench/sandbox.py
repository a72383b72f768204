"""`labrunner sandbox up` until `docker info` answers inside."""

import time

from bench.table import Row, Section, seconds
from bench.timing import Bench, MeasureError, run
from labrunner.sandbox import machine

__all__ = ["measure"]

TITLE = "Sandbox"
ROUNDS = 5
MOST_SECONDS = 3.0


def measure(bench: Bench) -> Section:
    """Each round with a sandbox that was not there before; the tools are installed."""
    name = f"{bench.sandbox}-up"
    ups, downs = [], []
    try:
        for number in range(1, ROUNDS + 1):
            bench.say(f"{TITLE}: round {number} of {ROUNDS}")
            began = time.perf_counter()
            run([bench.labrunner, "sandbox", "up", "--sandbox", name], bench)
            answer = machine.attach(name, bench.env, engine=False).run(["docker", "info"], timeout=30)
            ups.append(time.perf_counter() - began)
            if answer.status != 0:
                raise MeasureError(f"`docker info` inside failed: {answer.stderr}")
            downs.append(run([bench.labrunner, "sandbox", "down", "--sandbox", name], bench))
    finally:
        machine.down(name, bench.env, force=True)
    middle = sorted(ups)[ROUNDS // 2]
    return Section(
        title=TITLE,
        rows=[
            Row(
                what="up, until `docker info` answers inside",
                figure=seconds(ups),
                goal=f"<= {MOST_SECONDS:g} s",
                met=middle <= MOST_SECONDS,
            ),
            Row(what="down", figure=seconds(downs)),
        ],
    )
