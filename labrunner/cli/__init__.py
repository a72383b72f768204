"""The command line: finds the command's module, and turns what goes wrong into words and an exit status.

Every command is a module with `arguments(parser)` and `run(args, env) -> int`. Only the one that is asked for
is imported, and `--help` needs none: start-up time is decided by imports.
"""

import os
import sys

from labrunner import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Mapping
    from typing import Protocol

    class CommandModule(Protocol):
        """What a command's module offers."""

        def arguments(self, parser: ArgumentParser) -> None:
            """Declare its options."""

        def run(self, args: object, env: Mapping[str, str]) -> int:
            """Do it; the exit status."""


COMMANDS = {
    "list": "the labs of a course",
    "read": "the pages of a course: what is good to know before and after",
    "run": "run labs: guided on a terminal, unattended without one",
    "status": "what is done, and where the next run goes on",
    "hint": "the next hint of a step",
    "solve": "have labrunner do a step for you",
    "skip": "leave a step out",
    "goto": "go on at another step",
    "reset": "undo a step or a lab, to do it again",
    "finish": "remove what labs have made",
    "check": "ask only the checks of labs, running nothing",
    "doctor": "say what this machine has and lacks for the labs",
    "sandbox": "the private machine: up, down, status, shell, open and more",
    "prove": "prove that every check of a lab can fail",
    "lint": "say what is wrong in a course's files",
    "errata": "where the text that a course follows is wrong",
}

EPILOG = """\
Start with `labrunner run`. Options: `labrunner COMMAND --help`.

exit status: 0 all passed, 1 something failed, 2 usage, 3 the course is invalid,
             4 target or machine, 5 a defect of labrunner, 130 interrupted
"""


class Problem(Exception):  # noqa: N818 - what the user reads, whatever its cause
    """Something that the user has to know, with the exit status it leads to. `remedy`: what to do next."""

    def __init__(self, message: str, *, status: int, remedy: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.remedy = remedy


def usage() -> str:
    """The text of `labrunner --help`."""
    lines = ["usage: labrunner [--version] [--help] COMMAND ...", "", "Runs training labs for real.", "", "commands:"]
    lines += [f"  {name:<9} {says}" for name, says in COMMANDS.items()]
    return "\n".join(lines) + "\n\n" + EPILOG


def main(argv: "list[str] | None" = None) -> int:
    """The console script. Never raises: every end is an exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    _open_streams()
    try:
        status = _guarded(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # the reader of our output has gone; there is nobody to tell
        _drop_output()
        return 1
    except OSError as error:
        _drop_output()
        return _lost_output(error)
    return status


def _open_streams() -> None:
    """Whoever starts us with a closed stream wants nothing of it; no file of ours may take its number."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    for name, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w", closefd=False))  # noqa: SIM115 - open to the end


def _drop_output() -> None:
    descriptor = os.open(os.devnull, os.O_WRONLY)
    os.dup2(descriptor, sys.stdout.fileno())
    os.close(descriptor)


def _lost_output(error: OSError) -> int:
    sys.stderr.write(f"labrunner: the output cannot be written: {error.strerror}\n")
    return 4


def _dispatch(arguments: "list[str]") -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        sys.stdout.write(usage())
        return 0 if arguments else 2
    if arguments[0] in ("-V", "--version"):
        sys.stdout.write(f"labrunner {__version__}\n")
        return 0
    return _run(arguments[0], arguments[1:]) if arguments[0] in COMMANDS else _unknown(arguments[0])


def _guarded(arguments: "list[str]") -> int:
    """Do it, and turn what goes wrong into words and a status."""
    try:
        return _dispatch(arguments)
    except Problem as problem:
        from labrunner.cli.telling import tell

        tell(f"labrunner: {problem}")
        if problem.remedy:
            tell(f"What to do: {problem.remedy}")
        return problem.status
    except KeyboardInterrupt:
        sys.stderr.write("labrunner: interrupted\n")
        return 130
    except BrokenPipeError:
        raise
    except OSError as error:
        import errno

        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            return _defect(error)
        sys.stderr.write(f"labrunner: {error}\nFree some disk space, then run the same command again.\n")
        return 4
    except Exception as error:  # noqa: BLE001 - the last wall: a defect is told as one, with its own status
        return _defect(error)


def _run(name: str, arguments: "list[str]") -> int:
    import argparse
    import importlib

    module: CommandModule = importlib.import_module(f"labrunner.cli.{name}")
    parser = argparse.ArgumentParser(prog=f"labrunner {name}", description=COMMANDS[name], allow_abbrev=False)
    module.arguments(parser)
    try:
        parsed = parser.parse_args(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 2
    from labrunner.ui.program import known_program

    return module.run(parsed, known_program(os.environ))


def _unknown(name: str) -> int:
    from difflib import get_close_matches

    near = get_close_matches(name, COMMANDS, n=1)
    suggestion = f" Did you mean '{near[0]}'?" if near else ""
    sys.stderr.write(f"labrunner: there is no command '{name}'.{suggestion} See `labrunner --help`.\n")
    return 2


def _defect(error: Exception) -> int:
    if os.environ.get("LABRUNNER_DEBUG"):
        import traceback

        traceback.print_exception(error)
    sys.stderr.write(
        f"labrunner: a defect of labrunner, not yours: {type(error).__name__}: {error}\n"
        "Please report it. LABRUNNER_DEBUG=1 in the environment shows where it happened.\n"
    )
    return 5
