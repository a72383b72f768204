"""`labrunner sandbox`: the private machine, by hand."""

import shlex
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping
from pathlib import Path

from labrunner.checking.api import TargetError
from labrunner.cli import Problem
from labrunner.cli.telling import tell
from labrunner.sandbox.errors import SandboxError
from labrunner.sandbox.layout import check_name, layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labrunner.sandbox.machine import Status

__all__ = ["arguments", "run"]

_BEGINS_ANEW = " The labs that were begun there begin anew with the next run."
_USAGE, _TARGET = 2, 4  # engine.outcomes.ExitStatus, without importing the engine


def arguments(parser: ArgumentParser) -> None:
    """The command's options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="|".join(_ACTIONS))
    for name, (_, says) in _ACTIONS.items():
        action = actions.add_parser(name, help=says, description=says, allow_abbrev=False)
        action.add_argument("--sandbox", metavar="NAME", default="default", help="which sandbox (default: default)")
        if name == "down":
            action.add_argument("--keep", action="store_true", help="end it, but keep its data for the next `up`")
            action.add_argument("--force", action="store_true", help="even while a run uses it")
        if name == "status":
            action.add_argument("--json", action="store_true", help="as JSON")
        if name == "reset":
            action.add_argument("--course", metavar="PATH", help="a course folder (default: the bundled course)")
        if name == "open":
            action.add_argument("port", metavar="PORT", type=_port, help="which port of the sandbox, such as 8080")
            action.add_argument("--at", metavar="PORT", type=_port, help="the port of this machine (default: the same)")
        if name == "fault":
            from labrunner.cli import fault

            fault.arguments(action)
        if name == "clock":
            from labrunner.cli import clock

            clock.arguments(action)


def run(args: Namespace, env: Mapping[str, str]) -> int:
    """Do it; the exit status. Raises Problem."""
    try:
        check_name(args.sandbox)
    except SandboxError as error:
        raise Problem(str(error), status=_USAGE, remedy=error.remedy) from error
    try:
        return _ACTIONS[args.action][0](args, env)
    except (SandboxError, TargetError) as error:
        raise Problem(str(error), status=_TARGET, remedy=error.remedy) from error


def _up(args: Namespace, env: Mapping[str, str]) -> int:
    from labrunner.cli.machine import installed
    from labrunner.sandbox import machine
    from labrunner.sandbox.azure import damage

    tools = installed(env)
    is_new = not Path(layout(args.sandbox, env).folder).exists()
    start = time.monotonic()
    sandbox = machine.up(args.sandbox, env, tools, say=tell)
    seconds = time.monotonic() - start
    tell(f"Sandbox '{sandbox.name}' is running (ready in {seconds:.1f} s).")
    option = "" if sandbox.name == "default" else f" --sandbox {sandbox.name}"
    damaged = None if is_new else damage(sandbox.layout)
    if damaged is not None:
        raise damaged
    tell(f"Look around in it: `labrunner sandbox shell{option}`")
    return 0


def _down(args: Namespace, env: Mapping[str, str]) -> int:
    from labrunner.cli.kept import shells_of
    from labrunner.sandbox import machine

    shells = [] if args.keep else shells_of(args.sandbox, env)
    if machine.down(args.sandbox, env, keep=args.keep, force=args.force):
        for kept in shells:  # they may hold secrets, and nobody can go on with them
            kept.forget()
        what = "is stopped; its data is kept" if args.keep else "is gone, and all that was in it"
        tell(f"Sandbox '{args.sandbox}' {what}.{_BEGINS_ANEW if shells else ''}")
    else:
        tell(f"There is no sandbox '{args.sandbox}': nothing to do.")
    return 0


def _status(args: Namespace, env: Mapping[str, str]) -> int:
    from labrunner.sandbox import machine

    status = machine.status(args.sandbox, env)
    sys.stdout.write(_as_json(status) if args.json else _as_text(status))
    return 0


def _shell(args: Namespace, env: Mapping[str, str]) -> int:
    from labrunner.sandbox import machine

    sandbox = machine.attach(args.sandbox, env, engine=False)
    if sys.stdin.isatty():
        tell("You are in the sandbox; `exit` leaves it. Variables of a lab are not set here.")
    return sandbox.interact()


def _reset(args: Namespace, env: Mapping[str, str]) -> int:
    from contextlib import closing

    from labrunner.cli.kept import forget_labs, shells_of
    from labrunner.cli.machine import AGAIN, installed, remembered
    from labrunner.cli.opening import known_course, open_course
    from labrunner.sandbox import azure_cli, machine
    from labrunner.targets.sandbox import SandboxTarget

    course = open_course(args.course, env)
    tools = installed(env)
    sandbox = machine.attach(args.sandbox, env)
    filled = known_course(course, SandboxTarget.name, remembered(args.sandbox, course, env))
    # azure-cli is not installed for this: a run that needs it does, and fills the local Azure then
    target = SandboxTarget(sandbox, filled, (), tools=tools, needs=("azure",), cli=azure_cli.ready(env))
    with sandbox.hold("labrunner sandbox reset", remedy=AGAIN), closing(target):
        shells = shells_of(args.sandbox, env)
        forget_labs(args.sandbox, env)
        for kept in shells:
            kept.forget()
        target.reset()
    tell(f"Sandbox '{sandbox.name}' is as new.{_BEGINS_ANEW if shells else ''}")
    return 0


def _fault(args: Namespace, env: Mapping[str, str]) -> int:
    from labrunner.cli import fault

    return fault.run(args, env)


def _clock(args: Namespace, env: Mapping[str, str]) -> int:
    from labrunner.cli import clock

    return clock.run(args, env)


def _env(args: Namespace, env: Mapping[str, str]) -> int:
    from labrunner.sandbox import machine

    sandbox = machine.attach(args.sandbox, env, engine=False)
    for name, value in sandbox.environment().items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
    return 0


def _open(args: Namespace, env: Mapping[str, str]) -> int:
    from labrunner.sandbox import machine
    from labrunner.sandbox.ports import LOOPBACK, Lead, listening
    from labrunner.sandbox.running import remedy_up

    sandbox = machine.attach(args.sandbox, env, engine=False)
    wanted = args.at or args.port
    listener = listening(wanted)
    at = listener.getsockname()[1]

    def ready(somebody: bool) -> None:  # noqa: FBT001 - what the callback is told
        sys.stdout.write(f"http://{LOOPBACK}:{at}/\n")
        sys.stdout.flush()
        if at != wanted:
            tell(f"Port {wanted} of this machine is taken, so it is {at}.")
        if not somebody:
            tell(f"Nothing listens on port {args.port} of sandbox '{sandbox.name}' yet.")
        tell(f"This leads to port {args.port} of sandbox '{sandbox.name}' until you press Ctrl-C.")

    if not Lead(sandbox.pid, args.port, listener).run(ready):
        raise SandboxError(f"sandbox '{sandbox.name}' is not running any more", remedy_up(sandbox.name))
    return 0


def _port(text: str) -> int:
    """Raises ArgumentTypeError."""
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536):
        raise ArgumentTypeError(f"'{text}' is no port: give a number from 1 to 65535")
    return int(text)


_STATES = {
    "running": "running: all of it answers",
    "engine-down": "running, but its Docker Engine is not: `up` starts it, and the containers that ran",
    "engine-hung": "running, but its Docker Engine does not answer: `up` starts it anew, and the containers that ran",
    "azure-down": "running, but its local Azure is not: `up` starts it, with all that it knew",
    "azure-damaged": "running, but its local Azure is not: what that knew is damaged",
    "azure-hung": "running, but its local Azure does not answer: `up` starts it anew, with all that it knew",
    "remote-down": "running, but its remote host is not: `up` starts it, and its containers",
    "remote-hung": "running, but its remote host does not answer: `up` starts it anew, and its containers",
    "hung": "hanging: its supervisor does not answer; `up` starts all of it anew, with its data",
    "older": "running, started by another version of labrunner: `up` starts it anew, with its data",
    "broken": "broken: what answers is not what was started",
    "stopped": "stopped, its data is kept: `up` goes on with it",
    "absent": "not there: nothing of it is left",
}


_REMOTE = {
    "running": "running: `ssh user@remote-host` leads there",
    "starting": "starting",
    "down": "not running",
    "hung": "does not answer",
}


def _as_text(status: "Status") -> str:
    rows = [("sandbox", status.name), ("state", _STATES[status.state])]
    if status.since:
        rows.append(("since", time.strftime("%Y-%m-%d %H:%M", time.localtime(status.since))))
    if status.engine:
        rows += [("engine", status.engine), ("containers", f"{status.containers} running")]
    if status.remote:
        rows.append(("remote host", _REMOTE[status.remote]))
    if status.state != "absent":
        rows += [("in use by", status.holder or "nobody"), ("disk", f"{status.disk_bytes / 1e6:.1f} MB")]
        rows.append(("folder", status.folder))
    option = "" if status.name == "default" else f" --sandbox {status.name}"
    if status.faults:
        from labrunner.cli.fault import in_words

        rows += [("on purpose", in_words(fault)) for fault in status.faults]
        rows.append(("to end it", f"labrunner sandbox fault --clear{option}"))
    if status.detail:
        rows.append(("detail", status.detail))
    command = "run" if status.state == "running" else "sandbox up"
    rows.append(("next", status.remedy or f"labrunner {command}{option}"))
    return "".join(f"{label:<11} {value}\n" for label, value in rows)


def _as_json(status: "Status") -> str:
    import json
    from dataclasses import asdict
    from datetime import UTC, datetime

    record = asdict(status)
    record["since"] = datetime.fromtimestamp(status.since, UTC).isoformat(timespec="seconds") if status.since else None
    record["holder"] = status.holder or None
    return json.dumps(record, indent=2) + "\n"


_ACTIONS: Mapping[str, tuple[Callable[[Namespace, Mapping[str, str]], int], str]] = {
    "up": (_up, "start it, or mend what of it does not run"),
    "down": (_down, "end it and remove all of it"),
    "status": (_status, "how it is"),
    "shell": (_shell, "a shell inside, on this terminal"),
    "reset": (_reset, "back to a fresh state, for a course"),
    "open": (_open, "lead a port of it to this machine's own browser"),
    "env": (_env, "the environment that programs inside get"),
    "clock": (_clock, "show the local Azure's clock, or move it: what is due by then runs"),
    "fault": (_fault, "have something go wrong on purpose, for a while"),
}
