"""`labrunner errata`: where the text that a course follows is wrong, for its owner. Runs nothing of the course."""

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from labrunner.cli import Problem
from labrunner.model import Course

__all__ = ["arguments", "run"]

_USAGE = 2  # engine.outcomes.ExitStatus, without importing the engine


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("path", nargs="?", metavar="COURSE", help="a course folder (default: the bundled course)")
    parser.add_argument("ids", nargs="*", metavar="ID", help="which errata, such as E16 (default: all)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--table", action="store_true", help="all in one table, also on a terminal")
    form.add_argument("--sections", action="store_true", help="a section for each instead of a row in a table")
    form.add_argument("--json", action="store_true", help="as JSON")


def run(args: Namespace, env: Mapping[str, str]) -> int:
    """Print the errata; 3 if the course is invalid. Raises Problem."""
    from labrunner.authoring.errata import as_json, as_sections, as_table
    from labrunner.cli.opening import open_course

    words = [args.path, *args.ids] if args.path else []
    path = words.pop(0) if words and (os.sep in words[0] or Path(words[0]).is_dir()) else None
    whole = open_course(path, env)
    course = _chosen(whole, words) if words else whole
    if sys.stdout.isatty() and not (args.table or args.sections or args.json):
        _show(course, env, each=bool(words))
        return 0
    sections = args.sections or (bool(words) and not args.table)
    sys.stdout.write((as_json if args.json else as_sections if sections else as_table)(course))
    return 0


def _chosen(course: Course, names: Sequence[str]) -> Course:
    """The course with these errata only. Raises Problem."""
    known = {erratum.id.lower(): erratum for erratum in course.errata}
    unknown = next((name for name in names if name.lower() not in known), None)
    if unknown is not None:
        from difflib import get_close_matches

        near = [known[name].id for name in get_close_matches(unknown.lower(), known, n=1)]
        raise Problem(
            f"this course has no erratum '{unknown}', and there is no such folder",
            status=_USAGE,
            remedy=(f"Did you mean {near[0]}? " if near else "") + "`labrunner errata` tells which there are.",
        )
    return replace(course, errata=tuple(known[name.lower()] for name in dict.fromkeys(names)))


def _show(course: Course, env: Mapping[str, str], *, each: bool) -> None:
    """For a terminal: a line for each, or all about each."""
    from labrunner.authoring.errata import as_list, shown_by
    from labrunner.cli.telling import tell
    from labrunner.ui.pages import reading
    from labrunner.ui.scenes import Scenes
    from labrunner.ui.screen import Screen

    screen = Screen(sys.stdout, env=env)
    with reading(screen):
        if not each:
            screen.verbatim(as_list(course, screen.columns).splitlines())
        for erratum in course.errata if each else ():
            Scenes(screen, course).whole([erratum])
            steps = [f"{showing.lab}/{showing.step}" for showing in shown_by(course, erratum)]
            if steps:
                screen.line(f"Shown in {', '.join(steps)}.", style="dim", indent=4)
    screen.sink.flush()
    if not each and course.errata:
        some = course.errata[0].id
        tell(f"All about one: `labrunner errata {some}`. All of it, as a table in Markdown: `labrunner errata --table`")
