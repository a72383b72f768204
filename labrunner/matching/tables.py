"""Tables as docker and az print them: rows by column name.

A header is a line whose columns stand two or more spaces apart (names may hold single spaces: `IMAGE ID`). Cells are
cut at the header's positions, so they may be empty or hold spaces themselves. A line of dashes under the header (az
`-o table`) sets the positions instead. A table ends at a blank line; an output may hold several.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labrunner.matching.columns import cut
from labrunner.matching.placeholders import Pattern, compile_pattern
from labrunner.matching.result import Mismatch, tail

__all__ = ["match_rows"]

_NAMES = re.compile(r"\S+(?: \S+)*")  # fixed: words one space apart
_SHOWN = 6  # rows shown in an explanation
_NEAR = 2000  # rows among which the nearest is sought

Row = Mapping[str, str]
Wanted = Mapping[str, Pattern]


@dataclass(frozen=True, slots=True)
class _Layout:
    names: tuple[str, ...]
    starts: tuple[int, ...]

    def cells(self, line: str) -> dict[str, str]:
        """The cells of a line by column name."""
        ends = (*self.starts[1:], len(line))
        return {name: line[start:end].strip() for name, start, end in zip(self.names, self.starts, ends, strict=True)}


def _header(line: str, needed: Sequence[str]) -> _Layout | None:
    for name in needed:
        if name not in line:
            return None
    spans = [(found.start(), found.group()) for found in _NAMES.finditer(line)]
    names = tuple(name for _, name in spans)
    if not set(needed) <= set(names) or len(set(names)) != len(names):
        return None
    return _Layout(names, tuple(start for start, _ in spans))


def _ruled(layout: _Layout, line: str) -> _Layout | None:
    """The layout after a line of dashes, one run for each column; None if `line` is not one."""
    if not line or line.strip("- ") or "-" not in line:
        return None
    starts = tuple(found.start() for found in re.finditer(r"-+", line))
    return _Layout(layout.names, starts) if len(starts) == len(layout.names) else None


def _rows(lines: list[str], needed: Sequence[str], keys: Sequence[Sequence[str]]) -> tuple[list[Row], bool]:
    """Rows of all tables that have the needed columns, and whether there was such a table.

    Beyond the first ones only lines that hold all of one of `keys` are read: no other can be wanted.
    """
    rows: list[Row] = []
    layout: _Layout | None = None
    fresh = found = False
    for line in lines:
        if not line:
            layout = None
        elif (header := _header(line, needed)) is not None:
            layout, fresh, found = header, True, True
        elif layout is not None:
            ruled = _ruled(layout, line) if fresh else None
            fresh = False
            if ruled is not None:
                layout = ruled
            elif len(rows) < _NEAR or _may_fit(line, keys):
                rows.append(layout.cells(line))
    return rows, found


def _may_fit(line: str, keys: Sequence[Sequence[str]]) -> bool:
    for needed in keys:
        for key in needed:
            if key not in line:
                break
        else:
            return True
    return False


def match_rows(rows: Sequence[Mapping[str, str]], same: Sequence[str], lines: list[str]) -> Mismatch | None:
    """None if each of `rows` occurs, and the `same` columns are equal over every row that one of them matched."""
    wanted = [{name: compile_pattern(str(value)) for name, value in row.items()} for row in rows]
    needed = list(dict.fromkeys([*(name for row in rows for name in row), *same]))
    keys = [[key for pattern in row.values() if (key := pattern.key.strip())] for row in wanted]
    came, found = _rows(lines, needed, keys)
    if not found:
        return _no_header(needed, lines)
    matched: dict[int, Row] = {}
    for row in wanted:
        hits = [at for at, cells in enumerate(came) if all(row[name].matches(cells[name]) for name in row)]
        if not hits:
            return _no_row(row, came)
        matched.update((at, came[at]) for at in hits)
    for name in same:
        values = dict.fromkeys(matched[at][name] for at in sorted(matched))
        if len(values) > 1:
            return _differ(name, list(values), [matched[at] for at in sorted(matched)], wanted)
    return None


def _no_header(needed: Sequence[str], lines: list[str]) -> Mismatch:
    columns = ", ".join(needed)
    looks_like = next((line for line in lines if any(name in line.split() for name in needed)), None)
    report = [f"Expected a table with the columns {columns};", "no line of the output has them as its header."]
    if looks_like is not None:
        lacking = [name for name in needed if name not in _NAMES.findall(looks_like)]
        report += [f"This line comes near, without {', '.join(lacking)}:", f"  {looks_like}"]
    report += tail(lines)
    return Mismatch(f"a table with the columns {columns}", cut(lines[0], 200) if lines else "no output", tuple(report))


def _told(row: Mapping[str, str]) -> str:
    return ", ".join(f"{name} = {value or '(empty)'}" for name, value in row.items())


def _no_row(row: Wanted, came: list[Row]) -> Mismatch:
    asked = _told({name: pattern.in_words for name, pattern in row.items()})
    report = ["Expected a table row that did not come:", f"  {asked}"]
    if not came:
        report.append("The table has a header and no rows.")
        return Mismatch(asked, "a table without rows", tuple(report))
    near = max(came[:_NEAR], key=lambda cells: sum(pattern.matches(cells[name]) for name, pattern in row.items()))
    report.append("The nearest row that came parts from it here:")
    parting = {name: near[name] for name, pattern in row.items() if not pattern.matches(near[name])}
    for name, value in parting.items():
        report += [
            f"  {name}: expected  {row[name].in_words or '(empty)'}",
            f"  {' ' * len(name)}  came      {value or '(empty)'}",
        ]
    report.append(f"The rows that came ({len(came)}):")
    report += [f"  {_told({name: cells[name] for name in row})}" for cells in came[:_SHOWN]]
    if len(came) > _SHOWN:
        report.append(f"  … {len(came) - _SHOWN} more")
    return Mismatch(asked, _told({name: near[name] for name in row}), tuple(report))


def _differ(name: str, values: list[str], rows: list[Row], wanted: Sequence[Wanted]) -> Mismatch:
    report = [f"Expected the same {name} in every matched row; {len(values)} different ones came:"]
    keys = dict.fromkeys(key for row in wanted for key in row if key != name)
    report += [
        f"  {name} = {row[name] or '(empty)'}  ({_told({key: row[key] for key in keys})})" for row in rows[:_SHOWN]
    ]
    if len(rows) > _SHOWN:
        report.append(f"  … {len(rows) - _SHOWN} rows more")
    return Mismatch(f"one {name} in all rows", ", ".join(value or "(empty)" for value in values[:4]), tuple(report))
