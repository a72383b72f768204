"""`labrunner prove`: each step's checks fail before, pass after, pass again, and the cleanup restores."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    from labrunner.cli.opening import course_arguments
    from labrunner.cli.options import sandbox_argument

    course_arguments(parser)
    sandbox_argument(parser, default="prove")


def run(args: Namespace, env: Mapping[str, str]) -> int:
    """Prove labs in a sandbox of their own, which is removed afterwards. Raises Problem."""
    from labrunner.authoring.prove import Prover
    from labrunner.cli.machine import command_line, prepare, removed_afterwards, started_target
    from labrunner.cli.opening import carry_out, fill_course, new_session, plan_of, settle_values
    from labrunner.cli.unasked import trusted_course
    from labrunner.engine.policy import Unattended
    from labrunner.ui.proof import Proof

    course, needs = trusted_course(args, env)
    holder = command_line("prove", args.labs)
    with (
        removed_afterwards(args.sandbox, env),
        started_target(args.sandbox, course, env, holder=holder, needs=needs) as target,
    ):
        values = settle_values(course, target, args)
        filled = fill_course(course, values)
        prepare(target, filled)
        policy = Unattended(Proof(sys.stdout, course=filled).show, mode="prove")
        session = new_session(filled, values, target, policy, env)
        status = carry_out(session, filled, plan_of(filled, args.labs), Prover())
    return int(status)
