"""`labrunner skip`: leave a step out."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping

_BUSY = "In a run on a terminal, `s` leaves out the step it is at. Or wait until it ends, then give this command again."


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    from labrunner.cli.sessions import session_arguments

    session_arguments(parser, step="which step to leave out")


def run(args: Namespace, env: Mapping[str, str]) -> int:
    """Write it down. Raises Problem."""
    from labrunner.cli import Problem
    from labrunner.cli.machine import command_line
    from labrunner.cli.opening import open_course
    from labrunner.cli.options import typed
    from labrunner.cli.sessions import current, put_away, writing
    from labrunner.cli.telling import tell
    from labrunner.engine.outcomes import ExitStatus
    from labrunner.model import Outcome
    from labrunner.record.events import StepEnded

    course = open_course(args.course, env)
    found, lab, step = current(args, course, env, step=args.step)
    known = found.left.steps.get((lab.id, step.id))
    goto = typed(args, env)(f"goto {lab.name}/{step.id}")
    if (
        found.left.position != (lab.id, step.id)
        and known is not None
        and known.outcome in (Outcome.PASSED, Outcome.SKIPPED)
    ):
        how = "has passed" if known.outcome is Outcome.PASSED else "is left out"
        raise Problem(
            f"{lab.name}/{step.id} {how} already", status=ExitStatus.USAGE, remedy=f"`{goto}` takes it up again."
        )
    holder = command_line("skip", [args.step] if args.step else [])
    with writing(args.sandbox, found, env, holder=holder, busy=_BUSY) as write:
        write(
            StepEnded(
                lab=lab.id,
                step=step.id,
                outcome=Outcome.SKIPPED,
                seconds=0.0,
                attempts=known.attempts if known else 0,
                hints=known.hints if known else 0,
                reason="skipped by the learner",
            )
        )
    put_away(found.folder)
    tell(f"{lab.name}/{step.id} is left out; `{goto}` takes it up again.")
    return 0
