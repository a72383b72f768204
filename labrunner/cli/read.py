"""`labrunner read`: the pages of a course, at any time."""

import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping

from labrunner.cli import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labrunner.model import Course

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
    from labrunner.content.listing import PROBLEMS
    from labrunner.ui.pages import reading
    from labrunner.ui.scenes import Scenes
    from labrunner.ui.screen import Screen

    course = known_course(open_course(args.course, env), _SANDBOX, {})
    titles = {page.id: page.title for page in course.pages} | dict([PROBLEMS[:2]] if course.problems else [])
    if args.page is None:
        width = max(map(len, titles), default=0)
        sys.stdout.write("".join(f"{name:<{width}}  {title}\n" for name, title in titles.items()))
        if not titles:
            tell("This course has no pages.")
        return 0
    if args.page not in titles:
        raise _no_page(course, args, ", ".join(titles) or "none")
    screen = Screen(sys.stdout, env=env)
    scenes = Scenes(screen, course)
    page = next((page for page in course.pages if page.id == args.page), None)
    with reading(screen):
        if page is None:
            scenes.problems(titles[args.page])
        else:
            scenes.page(page, why=True)
    screen.sink.flush()
    return 0


def _no_page(course: "Course", args: Namespace, names: str) -> Problem:
    """What to say of a name that no page has."""
    from labrunner.engine.outcomes import ExitStatus

    lab = next((lab for lab in course.labs if args.page in (lab.name, lab.id)), None)
    if lab is None:
        return Problem(f"this course has no page called '{args.page}'. There are: {names}.", status=ExitStatus.USAGE)
    option = f" --course {shlex.quote(args.course)}" if args.course else ""
    return Problem(
        f"{args.page} is a lab, not a page: {lab.title}",
        status=ExitStatus.USAGE,
        remedy=f"Run it: `labrunner run {lab.name}{option}`. Pages to read: {names}.",
    )
