"""`labrunner reset`: undo a step, or a lab, and have it to do again."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labrunner.cli.sessions import Held


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    from labrunner.cli.sessions import session_arguments

    parser.add_argument("what", nargs="?", metavar="LAB[/STEP]", help="what to undo (default: the current step)")
    session_arguments(parser)
    parser.add_argument("--trust", action="store_true", help="run the cleanup of a course of somebody else")


def run(args: Namespace, env: Mapping[str, str]) -> int:
    """Run the cleanups, the last step's first. Raises Problem."""
    from labrunner.cli import Problem
    from labrunner.cli.machine import command_line, needs_of, prepare, remembered, started_target
    from labrunner.cli.opening import known_course, open_course, plan_of, require_trust
    from labrunner.cli.options import typed
    from labrunner.cli.sessions import current, held, write_to
    from labrunner.cli.telling import tell
    from labrunner.engine.outcomes import ExitStatus
    from labrunner.record.events import StepReset
    from labrunner.targets.sandbox import SandboxTarget

    course = open_course(args.course, env)
    require_trust(course, env, trusted=args.trust, confirm=None)
    filled = known_course(course, SandboxTarget.name, remembered(args.sandbox, course, env))
    if args.what is None:
        _, lab, step = current(args, filled, env, step=None)
        plan = plan_of(filled, [f"{lab.name}/{step.id}"])
    else:
        plan = plan_of(filled, [args.what])
    (planned,) = plan.labs
    line, lab = typed(args, env), planned.lab
    sessions = list(held(args.sandbox, course, env))
    steps = [step for step in planned.steps if any((lab.id, step.id) in session.left.steps for session in sessions)]
    if not steps:
        raise Problem(
            f"nothing of {args.what} was begun in sandbox '{args.sandbox}'",
            status=ExitStatus.USAGE,
            remedy=f"There is nothing to undo; `{line('status')}` shows what was begun.",
        )
    holder = command_line("reset", [args.what] if args.what else [])
    complaints = []
    with started_target(args.sandbox, course, env, holder=holder, needs=needs_of(plan)) as target:
        prepare(target, filled)
        target.mend()
        for step in reversed(steps):
            tell(f"Undoing {lab.name}/{step.id}: {step.title}")
            for entry in step.cleanup:
                ran = target.script(entry.run, host=entry.host, timeout=entry.timeout)
                if ran.status:
                    complaints.append(f"{lab.name}/{step.id}: {(ran.stderr or ran.stdout).strip() or ran.status}")
        for step in steps:
            for session in _to_be_done_again(sessions, (lab.id, step.id)):
                write_to(session, StepReset(lab=lab.id, step=step.id))
    if complaints:
        raise Problem(
            "not everything could be undone: " + "; ".join(complaints),
            status=ExitStatus.TARGET,
            remedy=f"`{line('sandbox reset')}` empties the whole sandbox.",
        )
    names = ", ".join(f"{lab.name}/{step.id}" for step in steps)
    _, at, following = current(args, course, env, step=None)
    there = f"{at.name}/{following.id}"
    tell(f"Undone, and to be done again: {names}. `{line('run')}` goes on with {there}.")
    return 0


def _to_be_done_again(sessions: "Sequence[Held]", place: tuple[str, str]) -> "list[Held]":
    """The sessions that go on at the step: the newest that has it, and those that are still under way."""
    having = [session for session in sessions if place in session.left.steps]
    return [session for session in having if session is having[0] or not session.left.is_complete]
