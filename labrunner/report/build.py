"""The report (format 1), built from a transcript's records and nothing else."""

from collections.abc import Iterable, Mapping
from typing import Any

from labrunner.model import Outcome
from labrunner.record.tally import lab_outcome, totals

__all__ = ["FORMAT", "build"]

FORMAT = 1

Record = dict[str, Any]


def build(records: Iterable[Record]) -> Record:
    """The report as a JSON object (see docs/report.md). Steps that never ran are there, as not_run."""
    report: Record = {"format": FORMAT}
    steps: dict[tuple[str, str], Record] = {}
    for record in records:
        name = record["event"]
        if name == "session-started":
            report |= _head(record)
            steps = {(lab["id"], step["id"]): step for lab in report["labs"] for step in lab["steps"]}
        elif name == "session-resumed":
            known, steps = steps, {}
            report["mode"], report["tools"] = record["mode"], report["tools"] | record["tools"]
            report["labs"] = [_planned(lab, known) for lab in record["plan"]]
            steps = {(lab["id"], step["id"]): step for lab in report["labs"] for step in lab["steps"]}
        elif name == "session-ended":
            report["seconds"] = record["seconds"]
        elif (step := steps.get((record.get("lab", ""), record.get("step", "")))) is not None:
            _apply(step, name, record)
    for lab in report.get("labs", ()):
        lab["outcome"] = lab_outcome(step["outcome"] for step in lab["steps"])
    report["totals"] = totals(step["outcome"] for step in steps.values())
    return report


def _apply(step: Record, name: str, record: Record) -> None:
    match name:
        case "step-started":
            _restart(step)
        case "command-ended":
            _place(step["commands"], record, _command(record))
        case "check-ended":
            _place(step["checks"], record, _check(record))
        case "step-ended":
            _end_step(step, record)
        case "problem-recognised":
            step["problems"].append(record["problem"])
        case "step-solved":
            step["solved"] = True
        case "step-reset":
            step |= _new_step(step)


def _head(record: Record) -> Record:
    return {
        "course": record["course"],
        "target": record["target"],
        "mode": record["mode"],
        "started": record["started"],
        "seconds": 0.0,
        "tools": record["tools"],
        "totals": {},
        "labs": [_planned(lab, {}) for lab in record["plan"]],
    }


def _planned(lab: Record, known: Mapping[tuple[str, str], Record]) -> Record:
    """A lab of the plan; what is known of its steps stays, when the session goes on."""
    return {
        "id": lab["id"],
        "title": lab["title"],
        "outcome": str(Outcome.NOT_RUN),
        "steps": [known.get((lab["id"], step["id"])) or _new_step(step) for step in lab["steps"]],
    }


def _new_step(step: Record) -> Record:
    return {
        "id": step["id"],
        "ref": step["ref"],
        "title": step["title"],
        "outcome": str(Outcome.NOT_RUN),
        "seconds": 0.0,
        "attempts": 0,
        "solved": False,
        "hints": 0,
        "problems": [],
        "reason": None,
        "commands": [],
        "checks": [],
    }


def _restart(step: Record) -> None:
    # the report tells how the step ended: an attempt from the start replaces what an earlier one showed
    step["commands"].clear()
    step["checks"].clear()


def _place(entries: list[Record], record: Record, entry: Record) -> None:
    # a retry starts in the middle: its answers replace the earlier ones with the same number
    number = record["number"]
    for index, other in enumerate(entries):
        if other["number"] == number:
            entries[index] = entry
            return
    entries.append(entry)


def _command(record: Record) -> Record:
    keys = ("number", "ref", "run", "exit_status", "outcome", "seconds", "expected", "actual")
    return {key: record[key] for key in keys}


def _check(record: Record) -> Record:
    return {key: record[key] for key in ("number", "kind", "after", "outcome", "message", "seconds")}


def _end_step(step: Record, record: Record) -> None:
    for key in ("outcome", "seconds", "attempts", "hints", "reason"):
        step[key] = record[key]
