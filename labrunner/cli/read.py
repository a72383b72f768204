"""`labrunner read`: the pages of a course, at any time."""

import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches

from labrunner.cli import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labrunner.model import Course

__all__ = ["arguments", "run"]

_SANDBOX = "sandbox"
_MEANT = 3
"""So many pages may be meant by a name; of more, none is nearer than the rest."""


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("page", nargs="?", metavar="PAGE", help="which page (default: tell which there are)")
    parser.add_argument("problem", nargs="*", metavar="PROBLEM", help="of `problems`, those of that name or text")
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
        args.page = _in_part(course, args.page, list(titles)) or args.page
    if args.page not in titles:
        raise _no_page(course, args, list(titles))
    if args.problem:
        course = _chosen(course, args)
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


def _chosen(course: "Course", args: Namespace) -> "Course":
    """The course with the problems that are named alone: by id, or by a part of the id or of the error. Problem."""
    from labrunner.content.listing import PROBLEMS
    from labrunner.engine.outcomes import ExitStatus

    words = " ".join(args.problem)
    if args.page != PROBLEMS[0]:
        raise Problem(
            f"read shows one page at a time; '{words}' is one word too many",
            status=ExitStatus.USAGE,
            remedy=f"`labrunner read {args.page}{_option(args)}` shows {args.page}.",
        )
    known = {problem.id: problem for problem in course.problems}
    text = words.casefold()
    found = [problem for problem in course.problems if text in (problem.id, *problem.when)] or [
        problem for problem in course.problems if any(text in part.casefold() for part in (problem.id, *problem.when))
    ]
    if found:
        return replace(course, problems=tuple(found))
    near = get_close_matches("-".join(text.split()), known, n=1)
    raise Problem(
        f"this course knows no problem '{words}'." + (f" Did you mean '{near[0]}'?" if near else ""),
        status=ExitStatus.USAGE,
        remedy=f"`labrunner read {PROBLEMS[0]}{_option(args)}` shows all that it knows.",
    )


def _option(args: Namespace) -> str:
    return f" --course {shlex.quote(args.course)}" if args.course else ""


def _in_part(course: "Course", name: str, pages: list[str]) -> str:
    """The one page whose name begins so, or has this in it; empty when none has, or several, or it is a lab's name."""
    if any(name in (lab.name, lab.id) for lab in course.labs):
        return ""
    part = name.casefold()
    for found in ([page for page in pages if page.startswith(part)], [page for page in pages if part in page]):
        if found:
            return found[0] if len(found) == 1 else ""
    return ""


def _no_page(course: "Course", args: Namespace, pages: list[str]) -> Problem:
    """What to say of a name that no page has."""
    from labrunner.engine.outcomes import ExitStatus

    names = ", ".join(pages) or "none"
    lab = next((lab for lab in course.labs if args.page in (lab.name, lab.id)), None)
    if lab is None:
        part = args.page.casefold()
        near = [page for page in pages if part in page] or get_close_matches(part, pages, n=1)
        meant = f" Did you mean {' or '.join(map(repr, near))}?" if 0 < len(near) <= _MEANT else ""
        said = f"this course has no page called '{args.page}'.{meant} There are: {names}."
        return Problem(said, status=ExitStatus.USAGE)
    return Problem(
        f"{args.page} is a lab, not a page: {lab.title}",
        status=ExitStatus.USAGE,
        remedy=f"Run it: `labrunner run {lab.name}{_option(args)}`. Pages to read: {names}.",
    )
