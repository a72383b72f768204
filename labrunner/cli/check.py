"""`labrunner check`: ask the checks of labs in a sandbox that is running, and run nothing."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labrunner.engine.policy import Policy


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    from labrunner.cli.opening import course_arguments
    from labrunner.cli.options import sandbox_argument
    from labrunner.cli.run import report_argument

    course_arguments(parser)
    sandbox_argument(parser)
    report_argument(parser)


def run(args: Namespace, env: Mapping[str, str]) -> int:
    """Ask the checks. Raises Problem."""
    from labrunner.cli.machine import command_line, found_target, remembered
    from labrunner.cli.opening import carry_out, fill_course, new_session, plan_of, settle_values
    from labrunner.cli.run import require_writable, unattended, write_report
    from labrunner.cli.sessions import held
    from labrunner.cli.telling import tell
    from labrunner.cli.unasked import trusted_course
    from labrunner.engine.survey import survey

    course, needs = trusted_course(args, env)
    require_writable(args.report)
    holder = command_line("check", args.labs)
    with found_target(args.sandbox, course, env, holder=holder, needs=needs) as target:
        values = settle_values(course, target, args, remembered=remembered(args.sandbox, course, env))
        filled = fill_course(course, values)
        begun = {place for found in held(args.sandbox, course, env) for place in found.left.steps}
        failed: list[tuple[str, str]] = []
        policy = _noting(unattended(args, env, mode="check", course=filled), failed)
        session = new_session(filled, values, target, policy, env)
        status = carry_out(session, filled, plan_of(filled, args.labs), survey)
    write_report(args.report, session.transcript.path)
    names = {lab.id: lab.name for lab in filled.labs}
    if early := [f"{names[lab]}/{step}" for lab, step in failed if (lab, step) not in begun]:
        tell(f"Of these, nobody has begun here: {', '.join(early)}. Their checks can hardly pass yet.")
    return int(status)


def _noting(policy: "Policy", failed: list[tuple[str, str]]) -> "Policy":
    """The policy, which writes down what has failed."""
    from labrunner.engine.policy import Unattended
    from labrunner.model import Outcome
    from labrunner.record.events import Event, StepEnded

    def show(event: Event) -> None:
        if isinstance(event, StepEnded) and event.outcome is Outcome.FAILED:
            failed.append((event.lab, event.step))
        policy.show(event)

    return Unattended(show, mode=policy.mode)
