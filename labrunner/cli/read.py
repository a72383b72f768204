"""`labrunner read`: the pages of a course, at any time."""

import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping

from labrunner.cli import Problem

__all__ = ["arguments", "run"]

_SANDBOX = "sandbox"


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("page", nargs="?", metavar="PAGE", help="which page (default: tell which there are)")
    parser.add_argument("--course", metavar="PATH", help="a course folder (default: the bundled course)")


def run(args: Namespace, env: Mapping[str, str]) -> int:
    """Show a page, or which there are. Raises Problem."""
    from labrunner.cli.opening import known_course, open_course
    from labrunner.cli.telling import tell
    from labrunner.engine.outcomes import ExitStatus
    from labrunner.ui.pages import reading
    from labrunner.ui.scenes import Scenes
    from labrunner.ui.screen import Screen

    course = known_course(open_course(args.course, env), _SANDBOX, {})
    if args.page is None:
        width = max((len(page.id) for page in course.pages), default=0)
        sys.stdout.write("".join(f"{page.id:<{width}}  {page.title}\n" for page in course.pages))
        if not course.pages:
            tell("This course has no pages.")
        return 0
    page = next((page for page in course.pages if page.id == args.page), None)
    if page is None:
        names = ", ".join(page.id for page in course.pages) or "none"
        lab = next((lab for lab in course.labs if args.page in (lab.name, lab.id)), None)
        if lab is not None:
            option = f" --course {shlex.quote(args.course)}" if args.course else ""
            raise Problem(
                f"{args.page} is a lab, not a page: {lab.title}",
                status=ExitStatus.USAGE,
                remedy=f"Run it: `labrunner run {lab.name}{option}`. Pages to read: {names}.",
            )
        raise Problem(f"this course has no page called '{args.page}'. There are: {names}.", status=ExitStatus.USAGE)
    screen = Screen(sys.stdout, env=env)
    with reading(screen):
        Scenes(screen, course).page(page, why=True)
    screen.sink.flush()
    return 0
