"""`labrunner run`: guided on a terminal, unattended without one."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from labrunner.cli import Problem
from labrunner.cli.options import sandbox_argument, typed
from labrunner.engine.outcomes import ExitStatus
from labrunner.engine.policy import Policy
from labrunner.model import Course, Variable

if TYPE_CHECKING:
    from labrunner.ui.questions import Questions

__all__ = ["arguments", "report_argument", "require_writable", "run", "unattended", "write_report"]


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    from labrunner.cli.opening import course_arguments

    course_arguments(parser)
    sandbox_argument(parser)
    parser.add_argument("--all", action="store_true", help="every lab of the course, also the optional ones")
    parser.add_argument("--restart", action="store_true", help="begin anew, even if a run was left in the middle")
    parser.add_argument("--target", choices=["sandbox"], default="sandbox", help="where the commands run")
    parser.add_argument("--unattended", action="store_true", help="ask nothing, even on a terminal")
    parser.add_argument("--accessible", action="store_true", help="plain lines in reading order, for screen readers")
    report_argument(parser)


def report_argument(parser: ArgumentParser) -> None:
    """The option that every command has which ends in a report."""
    parser.add_argument("--report", metavar="FILE.json", help="write what happened as JSON")


def run(args: Namespace, env: Mapping[str, str]) -> int:
    """Run labs. Raises Problem."""
    from labrunner.cli import sessions
    from labrunner.cli.again import settled
    from labrunner.cli.kept import folder_of
    from labrunner.cli.machine import command_line, needs_of, prepare, remember, remembered, started_target
    from labrunner.cli.opening import (
        carry_out,
        fill_course,
        given_values,
        new_session,
        open_course,
        plan_of,
        require_trust,
        settle_values,
    )
    from labrunner.engine.walk import walk
    from labrunner.sandbox.running import BUSY_REMEDY

    guided = not args.unattended and sys.stdin.isatty() and sys.stdout.isatty()
    if args.all and args.labs:
        raise Problem("name labs or give --all, not both", status=ExitStatus.USAGE)
    course = open_course(args.course, env)
    if args.all and any(lab.optional for lab in course.labs):
        args.labs = [lab.name for lab in course.labs]
    plan_of(course, args.labs)
    given_values(course, args)
    questions = _questions(args, env) if guided else None
    if questions is not None and not settled(args, course, env, questions):
        return int(ExitStatus.PASSED)
    found = None if args.restart else sessions.going_on(args, course, env)
    selectors = found.left.selectors if found else tuple(args.labs)
    needs = needs_of(plan_of(course, selectors))
    require_trust(course, env, trusted=args.trust, confirm=questions.confirm_trust if questions else None)
    require_writable(args.report)
    holder = command_line("run", args.labs)
    with started_target(args.sandbox, course, env, holder=holder, needs=needs, busy=BUSY_REMEDY) as target:
        known = remembered(args.sandbox, course, env)
        values = settle_values(course, target, args, remembered=known, ask=_ask(questions) if questions else None)
        filled = fill_course(course, values)
        remember(args.sandbox, course, values, env)
        prepare(target, filled)
        with _policy(filled, args, env, guided=guided) as policy:
            resume = found.left.id if found else ""
            session = new_session(filled, values, target, policy, env, resume=resume, keeps_shell=True)
            sessions.enter(args.sandbox, course, session.id, env)
            if args.restart:
                sessions.give_up(args, course, session.id, env)
            status = carry_out(
                session,
                filled,
                plan_of(filled, selectors),
                walk,
                selectors=selectors,
                left=found.now() if found else None,
                book=sessions.book_of(args.sandbox, course, env),
            )
    sessions.put_away(folder_of(session.id, env))
    write_report(args.report, session.transcript.path)
    return int(status)


def _questions(args: Namespace, env: Mapping[str, str]) -> "Questions":
    from labrunner.ui.questions import Questions

    return Questions(sys.stdin, sys.stdout, env=env, accessible=args.accessible)


def _ask(questions: "Questions") -> Callable[[Variable, str], str]:
    # what has a default for this target is not asked: --var changes it
    return lambda variable, default: default or questions.ask_variable(variable)


@contextmanager
def _policy(course: Course, args: Namespace, env: Mapping[str, str], *, guided: bool) -> Iterator[Policy]:
    if guided:
        from labrunner.ui.guide import Guide

        with Guide(
            sys.stdin,
            sys.stdout,
            course=course,
            env=env,
            accessible=args.accessible,
            command_line=typed(args, env),
        ) as guide:
            yield guide
    else:
        yield unattended(args, env, course=course)


def unattended(
    args: Namespace, env: Mapping[str, str], *, mode: str = "unattended", course: Course | None = None
) -> Policy:
    """The policy of a run that nobody watches. course: whose labs are named, and whose pages by a run of all of it."""
    from labrunner.engine.policy import Unattended
    from labrunner.ui.plain import Plain

    plain = Plain(sys.stderr, env=env, report=args.report or "", course=course, command_line=typed(args, env))
    return Unattended(plain.show, mode=mode)


def require_writable(path: str | None) -> None:
    """Say that a report cannot be written before the run, not after it. Raises Problem."""
    if path is None:
        return
    file = Path(path)
    try:
        existed = file.exists()
        with file.open("a", encoding="utf-8"):
            pass
        if not existed:
            file.unlink()
    except OSError as error:
        raise Problem(f"the report {path} cannot be written: {error.strerror}", status=ExitStatus.USAGE) from error


def write_report(path: str | None, transcript: str) -> None:
    """Build the report from the transcript and write it whole. Raises Problem."""
    if path is None:
        return
    from labrunner.record.transcript import read
    from labrunner.report.build import build

    text = json.dumps(build(read(transcript)), indent=2, ensure_ascii=False) + "\n"
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Problem(
            f"the report {path} cannot be written: {error.strerror}",
            status=ExitStatus.TARGET,
            remedy=f"What happened is in the transcript: {transcript}",
        ) from error
