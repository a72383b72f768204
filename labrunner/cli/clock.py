"""`labrunner sandbox clock`: the local Azure's clock, so that what is due tomorrow can be seen today."""

import re
import sys
import time
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Mapping

from labrunner.cli import Problem
from labrunner.cli.telling import tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labrunner.sandbox.clock import AzureClock

__all__ = ["arguments", "run", "seconds", "told"]

_USAGE = 2  # engine.outcomes.ExitStatus, without importing the engine
_STEP = re.compile(r"\+(?=.)(?:(?P<d>[0-9]{1,4})d)?(?:(?P<h>[0-9]{1,5})h)?(?:(?P<m>[0-9]{1,6})m)?")
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0}
_RESET = "reset"


def arguments(parser: ArgumentParser) -> None:
    """The action's options."""
    # An argument such as -1d would be an option that there is not; this one is there to be refused in words.
    parser.add_argument(*(f"-{digit}" for digit in "0123456789"), dest="back", nargs="?", const="", help=SUPPRESS)
    parser.add_argument(
        "to",
        metavar="+TIME|reset",
        nargs="?",
        help="move it on by a time such as +30d, +12h or +1d2h30m, or back to this machine's (default: show it)",
    )


def run(args: Namespace, env: Mapping[str, str]) -> int:
    """Show or move it; the exit status. Raises Problem, SandboxError."""
    if args.back is not None:
        raise Problem(
            "the local Azure's clock goes on, not back",
            status=_USAGE,
            remedy="`labrunner sandbox clock reset` takes it back to this machine's time; +1d moves it on by a day.",
        )
    step = None if args.to in (None, _RESET) else seconds(args.to)
    from labrunner.sandbox.clock import azure_clock, move_clock
    from labrunner.sandbox.layout import layout

    place = layout(args.sandbox, env)
    found = azure_clock(place) if args.to is None else move_clock(place, step)
    sys.stdout.write(f"{told(found)}\n")
    if args.to is not None and step is not None:
        tell("What came due until then has run: see it with `az acr task list-runs`.")
    return 0


def seconds(text: str) -> float:
    """What a step such as `+30d` says. Raises Problem."""
    found = _STEP.fullmatch(text)
    total = sum(float(found[unit] or 0) * length for unit, length in _UNITS.items()) if found else 0.0
    if total <= 0:
        raise Problem(
            f"'{text}' is no time to move the clock by",
            status=_USAGE,
            remedy="Give days, hours or minutes with a + in front, such as +30d, +12h or +1d2h30m; or `reset`.",
        )
    return total


def told(clock: "AzureClock") -> str:
    """One line: the time that the local Azure has, in UTC, as cron expressions are."""
    moment = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(clock.now))
    minutes = round(clock.ahead / 60)
    if not minutes:
        return f"{moment}, as on this machine"
    days, rest = divmod(abs(minutes), 24 * 60)
    parts = [f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in _parts(days, rest) if count]
    return f"{moment}, {' '.join(parts)} {'ahead of' if minutes > 0 else 'behind'} this machine"


def _parts(days: int, rest: int) -> tuple[tuple[int, str], ...]:
    return (days, "day"), (rest // 60, "hour"), (rest % 60, "minute")
