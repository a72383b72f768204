"""`labrunner prove`: each step's checks fail before, pass after, pass again, and the cleanup restores."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    from labrunner.cli.machine import sandbox_argument
    from labrunner.cli.opening import course_arguments

    course_arguments(parser)
    sandbox_argument(parser, default="prove")


def run(args: Namespace, env: Mapping[str, str]) -> int:
    """Prove labs in a sandbox of their own, which is removed afterwards. Raises Problem."""
    from labrunner.authoring.prove import Prover
    from labrunner.cli.machine import command_line, needs_of, prepare, removed_afterwards, started_target
    from labrunner.cli.opening import (
        carry_out,
        fill_course,
        new_session,
        open_course,
        plan_of,
        require_trust,
        settle_values,
    )
    from labrunner.engine.policy import Unattended
    from labrunner.ui.proof import Proof

    course = open_course(args.course, env)
    needs = needs_of(plan_of(course, args.labs))
    require_trust(course, env, trusted=args.trust, confirm=None)
    holder = command_line("prove", args.labs)
    with (
        removed_afterwards(args.sandbox, env),
        started_target(args.sandbox, course, env, holder=holder, needs=needs) as target,
    ):
        values = settle_values(course, target, args)
        filled = fill_course(course, values)
        prepare(target, filled)
        policy = Unattended(Proof(sys.stdout).show, mode="prove")
        session = new_session(filled, values, target, policy, env)
        status = carry_out(session, filled, plan_of(filled, args.labs), Prover())
    return int(status)
