"""`labrunner list`: the labs and the pages of a course. Fast: an unchanged course is not read again."""

import os
import sys

from labrunner import places
from labrunner.cli import Problem
from labrunner.content.find import CourseNotFoundError, find_course
from labrunner.content.listing import listing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping

    from labrunner.content.listing import Listing
    from labrunner.model import Diagnostic

__all__ = ["arguments", "run"]

_HEAD = ("NAME", "ID", "TITLE", "STEPS", "MINUTES")
_NUMBERS = (3, 4)
_PAGE_HEAD = ("PAGE", "TITLE", "SHOWN")
_SHOWN = {"failure": "when a command fails"}


def arguments(parser: "ArgumentParser") -> None:
    """The command's options."""
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--course", metavar="PATH", help="a course folder (default: the bundled course)")


def run(args: "Namespace", env: "Mapping[str, str]") -> int:
    """Print the labs; 3 if the course is invalid. Raises Problem."""
    try:
        folder = find_course(args.course)
    except CourseNotFoundError as error:
        raise Problem(str(error), status=2) from error
    found, diagnostics = _read(folder, places.cache_dir(env))
    if found is None:
        from labrunner.cli.telling import tell

        for diagnostic in diagnostics:
            tell(str(diagnostic))
        raise Problem(f"the course in {folder} is invalid", status=3, remedy=f"See `labrunner lint {folder}`.")
    sys.stdout.write(_as_json(found) if args.json else _as_table(found, columns=_columns_of_terminal()))
    return 0


def _columns_of_terminal() -> int | None:
    """None where there is no terminal."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):
        return None


def _read(folder: str, cache: str) -> "tuple[Listing | None, tuple[Diagnostic, ...]]":
    try:
        return listing(folder, cache=cache)
    except RuntimeError as error:
        from labrunner.content.files import LibyamlMissingError

        if not isinstance(error, LibyamlMissingError):
            raise
        raise Problem(str(error), status=4) from error


def _as_table(found: "Listing", *, columns: int | None) -> str:
    """columns: what there is room for. The ids, by which nobody needs to call a lab, go where there is too little."""
    labs = (
        (name, own, f"{title} (optional)" if optional else title, str(steps), str(minutes or "-"))
        for name, own, title, steps, minutes, optional in found[2]
    )
    rows: list[tuple[str, ...]] = [_HEAD, *labs]
    lines = _aligned(rows, numbers=_NUMBERS)
    if columns is not None and max(map(len, lines)) > columns:
        lines = _aligned([(name, *rest) for name, _, *rest in rows], numbers=tuple(at - 1 for at in _NUMBERS))
    if found[3]:
        pages = ((name, title, _SHOWN.get(shown, f"at the {shown}")) for name, title, shown in found[3])
        lines += ["", *_aligned([_PAGE_HEAD, *pages])]
    return "\n".join(lines) + "\n"


def _aligned(rows: "list[tuple[str, ...]]", *, numbers: tuple[int, ...] = ()) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def _as_json(found: "Listing") -> str:
    import json

    labs = [
        {"name": name, "id": own, "title": title, "steps": steps, "minutes": minutes, "optional": optional}
        for name, own, title, steps, minutes, optional in found[2]
    ]
    pages = [{"id": own, "title": title, "shown": shown} for own, title, shown in found[3]]
    about = {"course": found[0], "title": found[1], "labs": labs, "pages": pages}
    return json.dumps(about, indent=2, ensure_ascii=False) + "\n"
