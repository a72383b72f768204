"""The table that a bench run ends in."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

__all__ = ["Row", "Section", "milliseconds", "rendered", "seconds"]

_HEAD = ("what", "figure", "ratio", "goal", "met")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. `ratio` says to what; `met` is None where there is no goal."""

    what: str
    figure: str
    ratio: str = ""
    goal: str = ""
    met: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Figures of one area; `missing` says what could not be measured and why, `notes` how it was measured."""

    title: str
    rows: Sequence[Row] = ()
    notes: Sequence[str] = ()
    missing: Sequence[str] = ()


def milliseconds(values: Sequence[float], digits: int = 2) -> str:
    """The median of seconds as milliseconds, and the range."""
    low, middle, high = (f"{value * 1000:.{digits}f}" for value in (min(values), median(values), max(values)))
    return f"{middle} ms ({low}-{high})"


def seconds(values: Sequence[float]) -> str:
    """The median of seconds, and the range."""
    return f"{median(values):.3f} s ({min(values):.3f}-{max(values):.3f})"


def rendered(sections: Sequence[Section]) -> str:
    """All sections under one head, as text."""
    rows = [_cells(row) for section in sections for row in section.rows]
    widths = [max(len(row[column]) for row in [_HEAD, *rows]) for column in range(len(_HEAD))]
    lines = [_line(_HEAD, widths)]
    for section in sections:
        lines += ["", section.title]
        lines += [_line(_cells(row), widths) for row in section.rows]
        lines += [f"  not measured: {what}" for what in section.missing]
        lines += [f"  ({note})" for note in section.notes]
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    met = "" if row.met is None else "yes" if row.met else "NO"
    return (f"  {row.what}", row.figure, row.ratio, row.goal, met)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
