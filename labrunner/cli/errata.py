"""`labrunner errata`: where the text that a course follows is wrong, for its owner. Runs nothing of the course."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping

__all__ = ["arguments", "run"]


def arguments(parser: ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("path", nargs="?", metavar="COURSE", help="a course folder (default: the bundled course)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--sections", action="store_true", help="a section for each instead of a row in a table")
    form.add_argument("--json", action="store_true", help="as JSON")


def run(args: Namespace, env: Mapping[str, str]) -> int:
    """Print the errata; 3 if the course is invalid. Raises Problem."""
    from labrunner.authoring.errata import as_json, as_sections, as_table
    from labrunner.cli.opening import open_course

    course = open_course(args.path, env)
    form = as_json if args.json else as_sections if args.sections else as_table
    sys.stdout.write(form(course))
    return 0
