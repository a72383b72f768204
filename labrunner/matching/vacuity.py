"""Expectations that cannot fail, cannot pass, or ask for nothing: what lint must not let through."""

from collections.abc import Iterator, Mapping, Sequence

from labrunner.matching.expectation import NONZERO
from labrunner.matching.lines import GAP, block_of
from labrunner.matching.placeholders import Pattern, PatternError, compile_pattern
from labrunner.matching.subset import path_of
from labrunner.model import Expectation

__all__ = ["problems"]


def problems(expectation: Expectation) -> list[str]:
    """What is wrong with the expectation itself, one sentence each; empty if every part can pass and can fail."""
    return [
        *_exit(expectation.exit),
        *_lines(expectation.lines),
        *_texts("set", expectation.set),
        *_rows(expectation.rows, expectation.same),
        *_json(expectation.json),
        *_texts("contains", expectation.contains),
        *_texts("lacks", expectation.lacks),
        *_contradictions(expectation),
    ]


def _exit(wanted: int | str) -> Iterator[str]:
    if isinstance(wanted, bool) or (isinstance(wanted, str) and wanted != NONZERO):
        yield f'exit: {wanted!r} is no exit status; give a number from 0 to 255, or "{NONZERO}"'
    elif isinstance(wanted, int) and not 0 <= wanted <= 255:
        yield f"exit: {wanted} never comes; exit statuses are 0 to 255"


def _pattern(where: str, text: str, found: list[str]) -> Pattern | None:
    try:
        return compile_pattern(text)
    except PatternError as error:
        found.append(f"{where}: {error.message} (character {error.offset + 1})")
        return None


def _lines(text: str | None) -> list[str]:
    found: list[str] = []
    if text is None:
        return found
    asked = [line for line in block_of(text) if line.strip() != GAP]
    patterns = [_pattern(f"lines: line {number}", line, found) for number, line in enumerate(asked, 1)]
    if not any(line.strip() for line in asked):
        found.append('lines: asks for no line; for no output at all write exact: ""')
    elif all(pattern is not None and pattern.asks_nothing for pattern in patterns):
        found.append("lines: every line fits anything; give some text or a typed placeholder")
    return found


def _texts(name: str, texts: Sequence[str]) -> list[str]:
    found: list[str] = []
    for number, text in enumerate(texts, 1):
        where = f"{name}: entry {number}"
        pattern = _pattern(where, text, found)
        if "\n" in text.rstrip("\n"):
            found.append(f"{where} has a line break and is compared line by line; use one entry for each line")
        elif pattern is not None and pattern.asks_nothing:
            never = "can never hold" if name == "lacks" else "fits anything"
            found.append(f"{where} ({text!r}) {never}; give some text or a typed placeholder")
        if text in texts[: number - 1]:
            found.append(f"{where} ({text!r}) is there twice")
    return found


def _rows(rows: Sequence[Mapping[str, str]], same: Sequence[str]) -> list[str]:
    found: list[str] = []
    for number, row in enumerate(rows, 1):
        where = f"rows: row {number}"
        patterns = [_pattern(f"{where}, {name}", str(value), found) for name, value in row.items()]
        if not row:
            found.append(f"{where} names no column")
        elif all(pattern is not None and pattern.segments == () and pattern.open_start for pattern in patterns):
            found.append(f"{where} fits any row; give a value or a typed placeholder")
        if dict(row) in [dict(other) for other in rows[: number - 1]]:
            found.append(f"{where} is there twice")
        found += [f"{where}: the column name {name!r} cannot be a header" for name in row if not _is_header(name)]
    named = {name for row in rows for name in row}
    if same and not rows:
        found.append("same: asks for equal values over the matched rows, and there are no rows")
    else:
        found += [f"same: no row names the column {name!r}; add it to the rows" for name in same if name not in named]
    return found


def _is_header(name: str) -> bool:
    return bool(name) and name.strip() == name and "  " not in name and "\n" not in name


def _json(pattern: object) -> list[str]:
    found: list[str] = []
    todo: list[tuple[str, object]] = [("$", pattern)]
    while todo:
        path, part = todo.pop(0)
        if isinstance(part, Mapping):
            if not part:
                found.append(f"json: the object at {path} asks for no key")
            todo += [(path_of(path, str(key)), value) for key, value in part.items()]
        elif isinstance(part, str):
            _pattern(f"json: {path}", part, found)
        elif isinstance(part, Sequence):
            todo += [(f"{path}[{number}]", value) for number, value in enumerate(part)]
    return found


def _contradictions(expectation: Expectation) -> Iterator[str]:
    for text in dict.fromkeys(expectation.lacks):
        if text in expectation.contains or text in expectation.set:
            yield f"lacks: {text!r} is asked for and forbidden at once"
