"""What `run` does on a terminal with labs that are done already: it asks, before it begins them anew."""

from argparse import Namespace
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from labrunner.cli.opening import plan_of
from labrunner.cli.sessions import going_on, held
from labrunner.model import Course, Lab, Outcome

if TYPE_CHECKING:
    from labrunner.ui.questions import Questions

__all__ = ["Answer", "settled"]


class Answer(StrEnum):
    """What the learner wants."""

    AGAIN = "again"
    NEXT = "next"
    QUIT = "quit"


def settled(args: Namespace, course: Course, env: Mapping[str, str], questions: "Questions") -> bool:
    """Whether there is something to run; then `args.labs` says what, which may be another lab now. Raises Problem."""
    while not args.restart and _is_done(args, course, env):
        names = [planned.lab.name for planned in plan_of(course, args.labs).labs]
        following = _after(course, names[-1])
        answer = questions.ask_done(names, following)
        if answer != Answer.NEXT or following is None:
            return answer == Answer.AGAIN
        args.labs = [following.name]
    return True


def _is_done(args: Namespace, course: Course, env: Mapping[str, str]) -> bool:
    """Whether whole labs are meant, no run of them is under way, and each step passed in the newest that has it."""
    plan = plan_of(course, args.labs)
    if any(planned.steps != planned.lab.steps for planned in plan.labs) or going_on(args, course, env) is not None:
        return False
    outcomes: dict[tuple[str, str], Outcome | None] = {}
    for session in held(args.sandbox, course, env):
        for place, step in session.left.steps.items():
            outcomes.setdefault(place, step.outcome)
    places = [(planned.lab.id, step.id) for planned in plan.labs for step in planned.steps]
    return all(outcomes.get(place) is Outcome.PASSED for place in places)


def _after(course: Course, name: str) -> Lab | None:
    """The lab that follows in the course."""
    names = [lab.name for lab in course.labs]
    return next(iter(course.labs[names.index(name) + 1 :]), None)
