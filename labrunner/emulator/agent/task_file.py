"""A task's YAML file, as far as `az acr run --cmd` and `az acr task create --cmd` write it.

A YAML library reads more than this; but the emulator has none, and nothing of what it would read beyond this can run
here. Source: az's get_yaml_template; Microsoft, "ACR Tasks reference: YAML".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Step", "TaskFileProblem", "read_task_file"]

_MEMBER = re.compile(r"(?P<key>[A-Za-z][A-Za-z0-9_-]*)[ ]*:(?:[ ]+(?P<value>.*?))?[ ]*")
_COMMENT = re.compile(r"(?:^|[ \t])#.*$")
_PLAIN_START = "&*!|>{}[]%@`"
_FILE_MEMBERS = ("version", "stepTimeout")
_DEFAULT_SECONDS = 600
"""Source: Microsoft, "ACR Tasks reference: YAML", stepTimeout."""


class TaskFileProblem(ValueError):  # noqa: N818 - an answer
    """What cannot be read, with its line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. kind: cmd, build, push, or what else its first member is called. seconds: its time limit."""

    id: str
    kind: str
    text: str
    seconds: int


def read_task_file(text: str) -> list[Step]:
    """The steps. Raises TaskFileProblem."""
    seconds, steps = _DEFAULT_SECONDS, list[dict[str, str]]()
    in_steps, indent = False, -1
    for number, line in _lines(text):
        body = line.lstrip(" ")
        depth = len(line) - len(body)
        if depth == 0 and not body.startswith("-"):
            key, value = _member(body, number)
            in_steps = key == "steps"
            if (in_steps and value) or (not in_steps and key not in _FILE_MEMBERS):
                raise _unreadable(number, line)
            seconds = _seconds(value, number) if key == "stepTimeout" else seconds
            continue
        if not in_steps:
            raise _unreadable(number, line)
        if body == "-" or body.startswith("- "):
            if indent not in {-1, depth}:
                raise _unreadable(number, line)
            indent = depth
            steps.append({})
            body = body[1:].lstrip(" ")
        elif not steps or depth <= indent:
            raise _unreadable(number, line)
        key, value = _member(body, number)
        if key in steps[-1]:
            raise TaskFileProblem(f"line {number}: '{key}' is there twice")
        steps[-1][key] = value
    if not steps:
        raise TaskFileProblem("there are no steps")
    return [_step(at, members, seconds) for at, members in enumerate(steps)]


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if "\t" in line[: len(line) - len(line.lstrip())]:
            raise _unreadable(number, line)
        if line.strip() and not line.lstrip().startswith("#") and line.strip() != "---":
            yield number, line.rstrip()


def _step(at: int, members: dict[str, str], seconds: int) -> Step:
    kind = next((key for key in ("cmd", "build", "push") if key in members), "")
    if not kind:
        raise TaskFileProblem(f"step {at + 1} has no cmd, build or push")
    limit = members.get("timeout", "")
    return Step(
        id=members.get("id") or f"acb_step_{at}",
        kind=kind,
        text=members[kind],
        seconds=_seconds(limit, 0) if limit else seconds,
    )


def _seconds(text: str, number: int) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise TaskFileProblem(f"line {number}: '{text}' is no number of seconds")
    return int(text)


def _member(text: str, number: int) -> tuple[str, str]:
    found = _MEMBER.fullmatch(text)
    if found is None:
        raise _unreadable(number, text)
    return found["key"], _scalar(found["value"] or "", number)


def _scalar(text: str, number: int) -> str:
    """A value on one line: plain, 'single' or "double" quoted (with the escapes that JSON knows too)."""
    if text.startswith("'"):
        found = re.fullmatch(r"'((?:[^']|'')*)'(?:[ ]+#.*)?", text)
        if found is None:
            raise _unreadable(number, text)
        return found[1].replace("''", "'")
    if text.startswith('"'):
        found = re.fullmatch(r'"((?:[^"\\]|\\["\\/])*)"(?:[ ]+#.*)?', text)
        if found is None:
            raise _unreadable(number, text)
        return re.sub(r"\\(.)", r"\1", found[1])
    text = _COMMENT.sub("", text).strip()
    if text[:1] and (text[0] in _PLAIN_START or ": " in text or text.endswith(":")):
        raise _unreadable(number, text)
    return text


def _unreadable(number: int, line: str) -> TaskFileProblem:
    return TaskFileProblem(
        f"line {number}: {line.strip()[:80]!r} is more than the simple YAML that labrunner's local Azure reads here "
        "(`steps:` and under it `- cmd: ...`, each value on one line)"
    )
