"""`labrunner sandbox fault`: has something go wrong in a sandbox on purpose, for tests and for instructors."""

import re
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping

from labrunner.cli import Problem
from labrunner.cli.telling import tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labrunner.sandbox.faults import SetFault

__all__ = ["arguments", "in_words", "run", "seconds", "told"]

_USAGE = 2  # engine.outcomes.ExitStatus, without importing the engine
_LONGEST = 24 * 3600.0
_DURATION = re.compile(r"(?:(?P<h>[0-9]{1,5})h)?(?:(?P<m>[0-9]{1,5})m)?(?:(?P<s>[0-9]{1,5}(?:\.[0-9]{1,3})?)s)?")
_SEE = "`labrunner sandbox fault --help` tells them."


def arguments(parser: ArgumentParser) -> None:
    """The action's options."""
    from argparse import RawDescriptionHelpFormatter

    from labrunner.sandbox.faults import NAMES

    parser.formatter_class = RawDescriptionHelpFormatter
    parser.epilog = "faults:\n" + "\n".join(f"  {name:<15} {says}" for name, says in NAMES.items())
    parser.add_argument("name", metavar="NAME", nargs="?", help="which fault; with --clear: of all when there is none")
    parser.add_argument(
        "--for", dest="seconds", metavar="TIME", help="how long, such as 30s or 2m (default: until cleared)"
    )
    parser.add_argument("--list", action="store_true", help="tell which are set, and for how long")
    parser.add_argument("--clear", action="store_true", help="end it, or all")


def run(args: Namespace, env: Mapping[str, str]) -> int:
    """Set, list or clear; the exit status. Raises Problem, SandboxError."""
    from labrunner.sandbox import faults
    from labrunner.sandbox.layout import layout

    _check(args)
    place = layout(args.sandbox, env)
    if args.list:
        return _list(faults.faults_set(place), args.sandbox)
    if args.clear:
        gone = faults.clear_faults(place, args.name or "")
        what = f"Cleared in sandbox '{place.name}': {', '.join(gone)}." if gone else _nothing(args.name, place.name)
        tell(what)
        return 0
    if not args.name:
        raise Problem("no fault was named", status=_USAGE, remedy=f"Name one, or give --list or --clear. {_SEE}")
    lasting = None if args.seconds is None else seconds(args.seconds)
    faults.set_fault(place, args.name, lasting)
    option = "" if place.name == "default" else f" --sandbox {place.name}"
    until = "until it is cleared" if lasting is None else f"for {args.seconds}"
    tell(f"Set in sandbox '{place.name}' {until}: {args.name}, {faults.NAMES[args.name]}.")
    tell(f"End it: `labrunner sandbox fault --clear {args.name}{option}`")
    return 0


def _check(args: Namespace) -> None:
    """Raise Problem for words that do not go together, and for a name that no fault has."""
    if (args.list and (args.clear or args.name)) or (args.seconds is not None and (args.list or args.clear)):
        raise Problem(
            "--list, --clear and setting a fault are three things",
            status=_USAGE,
            remedy="Give one: NAME [--for TIME], --list, or --clear [NAME].",
        )
    from labrunner.sandbox.faults import NAMES

    if args.name and args.name not in NAMES:
        from difflib import get_close_matches

        near = get_close_matches(args.name.lower(), NAMES, n=1, cutoff=0.4)
        remedy = (
            f"Did you mean '{near[0]}'? There are: {', '.join(NAMES)}." if near else f"There are: {', '.join(NAMES)}."
        )
        raise Problem(f"there is no fault '{args.name}'", status=_USAGE, remedy=remedy)


def seconds(text: str) -> float:
    """What a time such as `30s`, `2m` or `1m30s` says. Raises Problem."""
    found = _DURATION.fullmatch(text)
    total = 0.0
    if found and text:
        hours, minutes, rest = (float(found[unit] or 0) for unit in "hms")
        total = 3600 * hours + 60 * minutes + rest
    if not 0 < total <= _LONGEST:
        wrong = f"'{text}' is no time for a fault"
        raise Problem(wrong, status=_USAGE, remedy="Give up to 24h, such as 30s, 2m or 1m30s.")
    return total


def told(fault: "SetFault") -> str:
    """One line about a fault that is set, for those who set it: by its name."""
    return f"{fault.name}, {_until(fault)}"


def in_words(fault: "SetFault") -> str:
    """One line about a fault that is set, for those who meet it: what goes wrong."""
    from labrunner.sandbox.faults import NAMES

    return f"{NAMES[fault.name]}, {_until(fault)}"


def _until(fault: "SetFault") -> str:
    return "until it is cleared" if fault.seconds_left is None else f"for {fault.seconds_left:.0f} s more"


def _list(found: "list[SetFault]", sandbox: str) -> int:
    sys.stdout.write("".join(f"{told(fault)}\n" for fault in found))
    if not found:
        tell(_nothing("", sandbox))
    return 0


def _nothing(name: str, sandbox: str) -> str:
    return f"No fault{f' {name}' if name else ''} is set in sandbox '{sandbox}'."
