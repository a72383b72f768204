"""What client and worker say to each other: one JSON object a line, UTF-8.

The client's first line is the configuration; the worker answers `{"ready": true}`. Then, for each request of
`{"ask": n, "once": bool, "checks": [...]}`, the worker says for check `i` of request `n` any number of
`{"ask": n, "number": i, "wait": message}` and one `{"ask": n, "number": i, "result": {...}}`, in order. A request of
`{"load": [kinds]}` has no answer: these kinds will be asked, so their files are loaded now.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from labrunner.checking.api import AzureContext, CheckResult
from labrunner.checking.context import WorkerContext
from labrunner.model import Check, Outcome

__all__ = [
    "as_line",
    "config_line",
    "load_line",
    "read_check",
    "read_config",
    "read_result",
    "request_line",
    "result_record",
]


def as_line(record: Mapping[str, Any]) -> bytes:
    """The record as one line. Values that JSON does not know become text."""
    return json.dumps(record, default=_plain, separators=(",", ":")).encode() + b"\n"


def config_line(folders: Sequence[str], about: WorkerContext) -> bytes:
    """The first line to a worker."""
    return as_line({"folders": list(folders), "context": asdict(about)})


def read_config(line: bytes) -> tuple[tuple[str, ...], WorkerContext]:
    """What `config_line` wrote."""
    record = json.loads(line)
    about = record["context"]
    azure = AzureContext(**about["azure"]) if about["azure"] else None
    return tuple(record["folders"]), WorkerContext(**{**about, "azure": azure})


def request_line(number: int, checks: Sequence[Check], *, once: bool) -> bytes:
    """Ask these checks."""
    asked = [{"kind": check.kind, "args": check.args, "within": check.within} for check in checks]
    return as_line({"ask": number, "once": once, "checks": asked})


def load_line(kinds: Collection[str]) -> bytes:
    """Load the files of these kinds."""
    return as_line({"load": sorted(kinds)})


def read_check(record: Mapping[str, Any]) -> Check:
    """A check of a request; what only its author needs (`after`, `at`) stays with the client."""
    return Check(kind=record["kind"], args=record["args"], within=record["within"])


def result_record(result: CheckResult) -> dict[str, Any]:
    """A result without its check, which the client has."""
    return {
        "outcome": result.outcome,
        "message": result.message,
        "seconds": round(result.seconds, 6),
        "asked": result.asked,
        "bug": result.bug,
        "evidence": result.evidence,
    }


def read_result(check: Check, record: Mapping[str, Any]) -> CheckResult:
    """What `result_record` wrote, about `check`."""
    return CheckResult(check=check, **{**record, "outcome": Outcome(record["outcome"])})


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, (set, frozenset)) else str(value)
