"""`labrunner finish`: remove what labs have made."""

from argparse import ArgumentParser, Namespace
from collections.abc import Collection, Iterator, Mapping, Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labrunner.cli.sessions import Held
    from labrunner.engine.finishing import Finished
    from labrunner.engine.plan import Plan


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    from labrunner.cli.sessions import session_arguments

    parser.add_argument("labs", nargs="*", metavar="LAB", help="such as lab-2; default all that were begun")
    session_arguments(parser)
    parser.add_argument("--trust", action="store_true", help="run the cleanup of a course of somebody else")


def run(args: Namespace, env: Mapping[str, str]) -> int:
    """Remove it, and say what was removed and what was not. Raises Problem."""
    from labrunner.cli import Problem
    from labrunner.cli.machine import command_line, needs_of, prepare, remembered, started_target
    from labrunner.cli.opening import known_course, open_course, plan_of, require_trust
    from labrunner.cli.options import typed
    from labrunner.cli.sessions import book_of, forget, held
    from labrunner.cli.telling import tell
    from labrunner.engine.finishing import finish
    from labrunner.engine.outcomes import ExitStatus
    from labrunner.targets.sandbox import SandboxTarget

    course = open_course(args.course, env)
    line = typed(args, env)
    for selector in args.labs:
        if "/" in selector:
            raise Problem(
                f"'{selector}' is a step; what is finished is a whole lab",
                status=ExitStatus.USAGE,
                remedy=f"`{line(f'reset {selector}')}` undoes a step.",
            )
    plan = plan_of(course, args.labs or [lab.id for lab in course.labs])  # the optional ones too
    require_trust(course, env, trusted=args.trust, confirm=None)
    sessions = list(held(args.sandbox, course, env))
    labs = {planned.lab.id for planned in plan.labs}
    book = book_of(args.sandbox, course, env)
    begun = _begun(plan, sessions, {made.lab for made in book.made} | {book.open_lab})
    if not begun:
        raise Problem(
            f"{' and '.join(args.labs) or 'no lab'} was {'not ' if args.labs else ''}begun in sandbox '{args.sandbox}'",
            status=ExitStatus.USAGE,
            remedy=f"There is nothing to remove; `{line('status')}` shows what was begun.",
        )
    filled = known_course(course, SandboxTarget.name, remembered(args.sandbox, course, env))
    needs = needs_of(plan_of(course, sorted({lab for lab, _ in begun})))
    holder = command_line("finish", args.labs)
    with started_target(args.sandbox, course, env, holder=holder, needs=needs) as target:
        prepare(target, filled)
        book = book_of(args.sandbox, course, env)  # nobody else writes to it now
        finished = finish(target, filled, book, labs=labs, begun=begun)
        forget(args.sandbox, course, [session for session in sessions if session.labs <= labs], env)
    tell("\n".join(_told(finished, line(" ".join(["run", *args.labs])))), hanging="  ")
    return int(ExitStatus.TARGET if finished.kept or finished.lost or finished.complaints else ExitStatus.PASSED)


def _begun(plan: "Plan", sessions: "Sequence[Held]", made: Collection[str]) -> set[tuple[str, str]]:
    """The planned steps, (lab, step) by id, that ever began; of a lab that has `made` things but in no session that is
    known, all."""
    places = {place for session in sessions for place in session.left.steps}
    known = {lab for lab, _ in places}
    return {
        (planned.lab.id, step.id)
        for planned in plan.labs
        for step in planned.steps
        if (planned.lab.id, step.id) in places or (planned.lab.id in made and planned.lab.id not in known)
    }


def _told(finished: "Finished", again: str) -> Iterator[str]:
    """Line by line. again: the command line that begins anew."""
    from labrunner.ui.things import called, lines, of_their_own

    yield "Removed:" if finished.removed else "Nothing was left to be removed."
    yield from (f"  {line}" for line in lines(finished.removed))
    if finished.settings:
        yield "As it was before:"
        yield from (f"  {setting}" for setting in finished.settings)
    if finished.kept:
        yield "Still there:"
        shown = set(of_their_own([entry for entry, _ in finished.kept]))
        yield from (f"  {called(entry)}. {why}" for entry, why in finished.kept if entry in shown)
    if finished.complaints:
        yield "Not put back as it was:"
        yield from (f"  {complaint}" for complaint in dict.fromkeys(finished.complaints))
    if finished.lost:
        yield "Gone, although no lab had made it. This is a defect of labrunner; please report it:"
        yield from (f"  {line}" for line in lines(finished.lost))
    if finished.foreign:
        yield "Left alone, because the labs did not make it, or you have changed it since:"
        yield from (f"  {line}" for line in lines(finished.foreign))
    yield f"`{again}` begins anew."
