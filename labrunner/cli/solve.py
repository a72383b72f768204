"""`labrunner solve`: have labrunner do a step in the learner's place."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import replace


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    from labrunner.cli.sessions import session_arguments

    session_arguments(parser, step="which step to do")
    parser.add_argument("--trust", action="store_true", help="run a course of somebody else without asking")


def run(args: Namespace, env: Mapping[str, str]) -> int:
    """Give the step's commands, in the session that is under way. Raises Problem."""
    from labrunner.cli import Problem, sessions
    from labrunner.cli.machine import command_line, needs_of, prepare, remembered, started_target
    from labrunner.cli.opening import carry_out, known_course, new_session, open_course, plan_of, require_trust
    from labrunner.cli.options import typed
    from labrunner.engine.outcomes import ExitStatus
    from labrunner.engine.policy import Only, Unattended
    from labrunner.engine.walk import walk
    from labrunner.model import Outcome
    from labrunner.record.events import StepSolved
    from labrunner.record.left import read_left
    from labrunner.record.transcript import read
    from labrunner.targets.sandbox import SandboxTarget
    from labrunner.ui.plain import Plain

    course = open_course(args.course, env)
    require_trust(course, env, trusted=args.trust, confirm=None)
    found, lab, step = sessions.current(args, course, env, step=args.step)
    line, place = typed(args, env), (lab.id, step.id)
    if found.left.outcome(place) is Outcome.PASSED and found.left.position != place:
        raise Problem(
            f"{lab.name}/{step.id} has passed already",
            status=ExitStatus.USAGE,
            remedy=f"`{line(f'reset {lab.name}/{step.id}')}` has it to be done again.",
        )
    known = found.left.steps.get(place)
    # what has failed is done from its beginning, and so is where the learner went on purpose and has begun nothing yet
    anew = found.left.position == place and not found.left.midway
    midway = known is not None and known.outcome in (None, Outcome.NOT_RUN) and not anew
    plan = plan_of(course, found.left.selectors)
    values = remembered(args.sandbox, course, env)
    filled = known_course(course, SandboxTarget.name, values)
    holder = command_line("solve", [args.step] if args.step else [])
    with started_target(args.sandbox, course, env, holder=holder, needs=needs_of(plan)) as target:
        prepare(target, filled)
        plain = Plain(sys.stderr, env=env, course=filled, command_line=line)
        policy = Only(Unattended(plain.show, mode="solve"), place)
        session = new_session(filled, values, target, policy, env, resume=found.left.id, keeps_shell=True)
        session.emit(StepSolved(lab=lab.id, step=step.id))
        carry_out(
            session,
            filled,
            plan_of(filled, found.left.selectors),
            walk,
            left=replace(found.now(), position=place, midway=midway),
            book=sessions.book_of(args.sandbox, course, env),
        )
    sessions.put_away(found.folder)
    outcome = read_left(read(session.transcript.path)).steps[place].outcome
    if outcome is not Outcome.PASSED:
        raise Problem(
            f"{lab.name}/{step.id} could not be solved",
            status=ExitStatus.FAILED,
            remedy=f"What is said above names the cause; `{line(f'reset {lab.name}/{step.id}')}` undoes the step.",
        )
    return 0
