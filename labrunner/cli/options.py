"""What commands have in common that name a sandbox and a course. Light: they import it before anything else."""

import shlex
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping

from labrunner.sandbox.errors import SandboxError
from labrunner.sandbox.layout import check_name

__all__ = ["sandbox_argument", "typed"]


def sandbox_argument(parser: ArgumentParser, *, default: str = "default") -> None:
    """The option that every command has which uses a sandbox."""
    parser.add_argument(
        "--sandbox", metavar="NAME", type=_name, default=default, help=f"which sandbox (default: {default})"
    )


def _name(text: str) -> str:
    try:
        return check_name(text)
    except SandboxError as error:
        raise ArgumentTypeError(f"{error}. {error.remedy}") from error


def typed(args: Namespace, env: Mapping[str, str]) -> Callable[[str], str]:
    """How this user can type what is to be done next (`make lab` tells us, in a checkout): with this run's options.

    Not with `--var`: the sandbox remembers the values, and a secret is not shown.
    """
    from labrunner.ui.program import program

    sandbox = [] if args.sandbox == "default" else ["--sandbox", args.sandbox]
    course = ["--course", args.course] if args.course else []
    accessible = ["--accessible"] if getattr(args, "accessible", False) else []

    def line(words: str) -> str:
        name = words.partition(" ")[0]
        options = [
            *(sandbox if name not in ("list", "read") else ()),
            *(course if name != "sandbox" else ()),
            *(accessible if name == "run" else ()),
        ]
        return " ".join([program(env), words, *map(shlex.quote, options)])

    return line
