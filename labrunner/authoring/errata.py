"""A course's errata for the owner of the text, who mends it: as a Markdown table, as Markdown sections, as JSON.

Which steps show one is computed from the course. The Markdown is GitHub's (spec 0.29-gfm: 4.10 tables, 6.1 escapes).
"""

import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle

from labrunner.model import Course, Erratum, Step

__all__ = ["Showing", "as_json", "as_list", "as_sections", "as_table", "refs_of", "shown_by"]

NONE_YET = "none yet"
WIDTH = 100
_HEAD = ("Id", "Where", "What the text says", "What is wrong", "Correction", "Source", "Shown by")
_SPECIAL = re.compile(r"[\\*<>\[\]$~&`]|(?<![^\W_])_|_(?![^\W_])")
_BLOCK = re.compile(r" (?=(?:(?:-+|\+|\*+|#{1,6}|=+|_+|\d+[.)])(?: |$))|[<>]|~~~)")
"""The blank before a word that would begin a list, a heading or the like at the begin of a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """A step that shows an erratum. refs: its commands that the erratum is about; else the step's own references."""

    lab: str
    step: str
    title: str
    refs: tuple[str, ...] = ()


def refs_of(step: Step) -> tuple[str, ...]:
    """The references of a step, then those of its files and commands, those of its options too."""
    files = [*step.files, *(file for option in step.options for file in option.files)]
    inner = [*(file.ref for file in files), *(command.ref for command in step.all_commands())]
    return (*step.ref, *(ref for ref in inner if ref))


def shown_by(course: Course, erratum: Erratum) -> tuple[Showing, ...]:
    """The steps that show the erratum, in the course's order; none if it belongs to a part that no lab teaches."""
    return tuple(
        Showing(
            lab=lab.name,
            step=step.id,
            title=step.title,
            refs=tuple(ref for ref in refs_of(step) if ref in erratum.ref) or step.ref,
        )
        for lab in course.labs
        for step in lab.steps
        if erratum.id in step.errata
    )


def as_json(course: Course) -> str:
    """The errata by id, with everything that the course says of them. For "none yet", `shown_by` and `pages` (ids) are
    empty."""
    errata = [
        {
            "id": erratum.id,
            "where": erratum.where,
            "ref": erratum.ref,
            "says": erratum.says,
            "wrong": erratum.wrong,
            "correction": erratum.correction,
            "source": erratum.source,
            "shown_by": [
                {"lab": each.lab, "step": each.step, "title": each.title, "ref": each.refs}
                for each in shown_by(course, erratum)
            ],
            "pages": _pages(course, erratum),
        }
        for erratum in _by_id(course)
    ]
    return (
        json.dumps({"course": course.id, "title": course.title, "errata": errata}, indent=2, ensure_ascii=False) + "\n"
    )


def as_table(course: Course) -> str:
    """One row for each erratum, by id."""
    rows = [_HEAD, ("---",) * len(_HEAD)]
    for erratum in _by_id(course):
        where = f"{erratum.where}; {', '.join(erratum.ref)}" if erratum.ref else erratum.where
        told = (erratum.says, erratum.wrong, erratum.correction, erratum.source)
        texts = [_inline(text) for text in (erratum.id, where, *told)]
        rows.append((*texts, _showing(course, erratum)))
    lines = ("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
    return "\n".join([*_begin(course), *lines]) + "\n"


def as_list(course: Course, columns: int) -> str:
    """A line for each erratum, by id, cut to so many columns: its id and its place in the text."""
    width = max((len(erratum.id) for erratum in course.errata), default=0)
    lines = (f"{erratum.id:<{width}}  {' '.join(erratum.where.split())}" for erratum in _by_id(course))
    return "".join(f"{line if len(line) <= columns else line[: columns - 3] + '...'}\n" for line in lines)


def as_sections(course: Course) -> str:
    """One section for each erratum, by id, in lines of up to 100 columns."""
    lines = _begin(course)
    for erratum in _by_id(course):
        parts = {
            "Reference": ", ".join(erratum.ref),
            "The text says": erratum.says,
            "Wrong": erratum.wrong,
            "Correction": erratum.correction,
            "Source": erratum.source,
        }
        lines += [f"## {_inline(f'{erratum.id}: {erratum.where}')}", ""]
        for label, text in parts.items():
            if text:
                lines += _item(f"{label}: {_inline(text)}")
        lines += [*_item(f"Shown by: {_showing(course, erratum)}"), ""]
    return "\n".join(lines[:-1]) + "\n"


def _by_id(course: Course) -> list[Erratum]:
    """In the order of the numbers in the ids: E9 before E10."""
    return sorted(course.errata, key=lambda entry: _number(entry.id))


def _number(name: str) -> list[str | int]:
    """Text, number, text, ... in turn, so that like is compared with like."""
    return [int(part) if odd else part for part, odd in zip(re.split(r"(\d+)", name), cycle((0, 1)), strict=False)]


def _begin(course: Course) -> list[str]:
    shown = sum(bool(shown_by(course, erratum) or _pages(course, erratum)) for erratum in course.errata)
    number = len(course.errata)
    count = f"{number} {'erratum' if number == 1 else 'errata'}, {shown} of them shown by the course."
    return [f"# Errata: {_inline(course.title)}", "", count, ""]


def _showing(course: Course, erratum: Erratum) -> str:
    found = shown_by(course, erratum)
    steps = [f"`{each.lab}/{each.step}`" + (f" ({', '.join(each.refs)})" if each.refs else "") for each in found]
    pages = [f"page `{page}`" for page in _pages(course, erratum)]
    return ", ".join([*steps, *pages]) or NONE_YET


def _pages(course: Course, erratum: Erratum) -> list[str]:
    """The ids of the pages that show the erratum."""
    return [page.id for page in course.pages if erratum.id in page.errata]


def _inline(text: str) -> str:
    """The text in one line, its `code` as code, and everything else as it stands: nothing of it is Markdown."""
    return "".join(_pieces(" ".join(text.split())))


def _pieces(text: str) -> Iterator[str]:
    parts = text.split("`")
    if len(parts) % 2 == 0:  # backticks that do not pair are text like any other
        parts = [text]
    for number, part in enumerate(parts):
        if number % 2 and part:
            yield f"`{part}`"
        elif part:
            yield _SPECIAL.sub(lambda found: f"\\{found[0]}", part)


def _item(text: str) -> list[str]:
    """A list's item, folded between words; no line of it begins anything of its own."""
    held = _BLOCK.sub("\0", text)
    folded = textwrap.wrap(
        held, WIDTH, initial_indent="- ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    return [line.replace("\0", " ") for line in folded]
