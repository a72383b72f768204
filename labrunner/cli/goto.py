"""`labrunner goto`: have the next run go on at another step."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    from labrunner.cli.sessions import session_arguments

    says = "such as lab-2/tag-for-acr; of a lab, its first step"
    parser.add_argument("step", metavar="LAB[/STEP]", help=says)
    session_arguments(parser)


def run(args: Namespace, env: Mapping[str, str]) -> int:
    """Write it down. Raises Problem."""
    from labrunner.cli.machine import AGAIN, command_line
    from labrunner.cli.opening import open_course
    from labrunner.cli.options import typed
    from labrunner.cli.sessions import current, enter, writing
    from labrunner.cli.telling import tell
    from labrunner.record.events import WentTo

    course = open_course(args.course, env)
    whole = next((lab for lab in course.labs if args.step.removesuffix("/") in (lab.id, lab.name)), None)
    found, lab, step = current(args, course, env, step=f"{whole.name}/{whole.steps[0].id}" if whole else args.step)
    with writing(args.sandbox, found, env, holder=command_line("goto", [args.step]), busy=AGAIN) as write:
        write(WentTo(lab=lab.id, step=step.id))
        enter(args.sandbox, course, found.left.id, env)  # of several that are under way, `run` takes the newest
    tell(f"`{typed(args, env)('run')}` goes on with {lab.name}/{step.id}: {step.title}.")
    return 0
