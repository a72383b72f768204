"""Whether a run that was killed on the way has ended right: read from its transcript and its report."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["problems", "repeated"]

Record = Mapping[str, Any]


def repeated(records: Iterable[Record]) -> list[str]:
    """The commands that were started again although they had ended as they should, or that nobody asked to run again.

    A step that begins again starts all of its commands; what a resumed step says it goes on with may start once more.
    """
    found = []
    ended: Counter[tuple[str, str, int]] = Counter()
    started: Counter[tuple[str, str, int]] = Counter()
    for record in records:
        name = record["event"]
        if name == "step-resumed" and record["interrupted"]:
            started.pop((record["lab"], record["step"], record["start"]), None)
        elif name == "command-started":
            place = (record["lab"], record["step"], record["number"])
            started[place] += 1
            if ended[place] or started[place] > 1:
                found.append(f"{place[0]}/{place[1]} command {place[2]}: {record['run']}")
        elif name == "command-ended":
            place = (record["lab"], record["step"], record["number"])
            if record["outcome"] == "passed":
                ended[place] += 1
            else:
                started.pop(place, None)
    return found


def problems(report: Record, *, steps: int, commands: int) -> list[str]:
    """What is not as in a run that nobody disturbed: `steps` passed steps with `commands` passed commands."""
    found = []
    if report["totals"]["passed"] != steps or sum(report["totals"].values()) != steps:
        found.append(f"totals {dict(report['totals'])}, not {steps} passed")
    ran = [
        (command["number"], command["ref"], command["outcome"])
        for lab in report["labs"]
        for step in lab["steps"]
        for command in step["commands"]
    ]
    passed = sum(outcome == "passed" for _, _, outcome in ran)
    if (passed, len(ran)) != (commands, commands):
        found.append(f"{passed} of {len(ran)} commands passed, not {commands} of {commands}")
    found += [
        f"{lab['id']}/{step['id']}: {step['outcome']}: {step['reason']}"
        for lab in report["labs"]
        for step in lab["steps"]
        if step["outcome"] != "passed"
    ]
    return found
