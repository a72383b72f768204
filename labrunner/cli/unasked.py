"""What a command does first at which nobody is asked anything: the course, and what its labs need."""

from argparse import Namespace
from collections.abc import Mapping

from labrunner.cli.machine import needs_of
from labrunner.cli.opening import open_course, plan_of, require_trust
from labrunner.model import Course

__all__ = ["trusted_course"]


def trusted_course(args: Namespace, env: Mapping[str, str]) -> tuple[Course, frozenset[str]]:
    """The course, which may run, and what the labs that are named ask of the target. args: see `course_arguments`.

    Raises Problem.
    """
    course = open_course(args.course, env)
    needs = needs_of(plan_of(course, args.labs))
    require_trust(course, env, trusted=args.trust, confirm=None)
    return course, needs
