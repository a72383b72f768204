"""What a shell was given of earlier steps, in short: by name where the commands are long."""

import re
from collections.abc import Iterable

from labrunner.model import Lab

__all__ = ["in_short"]

_LONGEST = 60
"""Columns of a command that is shown whole."""

_SETS = re.compile(r"(?:^|[;&]|\bexport|\bdeclare(?: -\w+)*)[ \t]*([A-Za-z_]\w*)\+?=", re.MULTILINE)


def in_short(runs: Iterable[str], lab: Lab | None) -> list[str]:
    """Each of the commands `runs` that sets something for `lab` (None: for any): a short one as it is, a long one by
    the names that it sets, or by its first line. What others of them have set is not named again."""
    read = _texts_of(lab) if lab else None
    named: set[str] = set()
    found: list[str] = []
    for run in dict.fromkeys(text.strip() for text in runs):
        names = list(dict.fromkeys(_SETS.findall(run)))
        wanted = [name for name in names if read is None or re.search(rf"\b{name}\b", read)]
        new = [name for name in wanted if name not in named]
        if names and not wanted:
            continue
        if "\n" not in run and len(run) <= _LONGEST:
            found.append(run)
        elif names:
            found.extend(new)
        else:
            first, *rest = run.split("\n")
            found.append(f"{first} ... ({len(rest) + 1} lines)" if rest else first)
        named.update(wanted)
    return found


def _texts_of(lab: Lab) -> str:
    """All of the lab in which a variable's name may stand."""
    texts = [lab.text]
    for step in lab.steps:
        texts += [step.text, *(command.run for command in step.all_commands()), *(hint.text for hint in step.hints)]
        texts += [file.text or "" for file in step.files]
    return "\n".join(texts)
