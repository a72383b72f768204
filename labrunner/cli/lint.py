"""`labrunner lint`: what is wrong in a course's files, as `file:line:column: error: message`. Runs nothing of it."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping

from labrunner.cli import Problem

__all__ = ["arguments", "run"]


def arguments(parser: ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("path", nargs="?", metavar="PATH", help="a course folder (default: the bundled course)")


def run(args: Namespace, env: Mapping[str, str]) -> int:  # noqa: ARG001 - every command is called alike
    """Print every diagnostic; 3 if one is an error. Raises Problem."""
    from labrunner.authoring.lint import lint
    from labrunner.content.files import LibyamlMissingError
    from labrunner.content.find import CourseNotFoundError, find_course
    from labrunner.model import Severity

    try:
        folder = find_course(args.path)
    except CourseNotFoundError as error:
        raise Problem(str(error), status=2) from error
    try:
        diagnostics = lint(folder)
    except LibyamlMissingError as error:
        raise Problem(str(error), status=4) from error
    for diagnostic in diagnostics:
        sys.stdout.write(f"{diagnostic}\n")
    errors = sum(item.severity is Severity.ERROR for item in diagnostics)
    sys.stdout.flush()
    sys.stderr.write(f"{folder}: {_count(errors, 'error')}, {_count(len(diagnostics) - errors, 'warning')}\n")
    return 3 if errors else 0


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
