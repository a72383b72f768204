"""`labrunner hint`: the next hint of a step."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping

_BUSY = "In a run on a terminal, `h` shows the next hint. Or wait until it ends, then ask again."


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    from labrunner.cli.sessions import session_arguments

    says = "which step it is about; of a lab, its next one (default: the current one)"
    parser.add_argument("step", nargs="?", metavar="LAB[/STEP]", help=says)
    session_arguments(parser)


def run(args: Namespace, env: Mapping[str, str]) -> int:
    """Show one hint more, or all again when there is no other. Raises Problem."""
    from labrunner.cli.machine import command_line, remembered
    from labrunner.cli.opening import known_course, open_course
    from labrunner.cli.options import typed
    from labrunner.cli.sessions import current, step_in, writing
    from labrunner.cli.telling import tell
    from labrunner.record.events import HintShown
    from labrunner.targets.sandbox import SandboxTarget

    course = open_course(args.course, env)
    course = known_course(course, SandboxTarget.name, remembered(args.sandbox, course, env))
    if args.step is not None:
        args.step = step_in(args, course, env, args.step)
    found, lab, step = current(args, course, env, step=args.step)
    known = found.left.steps.get((lab.id, step.id))
    shown, count = (known.hints if known else 0), len(step.hints)
    solve = typed(args, env)("solve" if args.step is None else f"solve {args.step}")
    if not count:
        tell(f"{lab.name}/{step.id} has no hint. `{solve}` does the step for you.")
        return 0
    title = f"{lab.name}/{step.id}: {step.title}"
    if shown < count:
        event = HintShown(lab=lab.id, step=step.id, number=shown + 1, count=count, text=step.hints[shown].text)
        holder = command_line("hint", [args.step] if args.step else [])
        with writing(args.sandbox, found, env, holder=holder, busy=_BUSY) as write:
            write(event)
        tell(title)
        _show(shown + 1, count, event.text, env)
        return 0
    tell(title)
    for number, hint in enumerate(step.hints, 1):
        _show(number, count, hint.text, env)
    tell(f"These are all. `{solve}` does the step for you.")
    return 0


def _show(number: int, count: int, text: str, env: Mapping[str, str]) -> None:
    """As the guide shows it."""
    from labrunner.ui.screen import Screen

    screen = Screen(sys.stdout, env=env)
    screen.labelled(f"Hint {number} of {count}:", text, style="bold yellow", indent=0)
    screen.sink.flush()
