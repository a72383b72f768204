"""The command line: which command is meant, its help, and how it ends (0, or 1 with one `Error: ` on stderr)."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from labrunner import __version__
from labrunner.notation.desk import Command, Desk
from labrunner.notation.flags import Flag, Values, parse
from labrunner.notation.keeping import CERTIFICATE, KEY, POLICY
from labrunner.notation.problem import NotationError
from labrunner.notation.signing import COMMANDS

__all__ = ["AGENT", "MODEL", "run"]

MODEL = "v1.3.2"
"""The notation whose commands and output these are."""
AGENT = f"labrunner-notation/{__version__}"

_HELP = Flag("help", "this help", "bool", short="h")
_DEBUG = Flag("debug", "as in notation; nothing more is told here", "bool", short="d")
_VERBOSE = Flag("verbose", "as in notation; nothing more is told here", "bool", short="v")
_WHAT = "labrunner's stand-in for Notation: signs and verifies artifacts as the Notary Project specifies"


def _version(desk: Desk, _values: Values) -> None:
    desk.say(f"{_WHAT}.\nIt is not the Notary Project's own program.\n")
    desk.say(f"Version:     labrunner {__version__}, modelled on notation {MODEL}")


_VERSION = Command(name="version", says="Show the notation version information", run=_version)
_GROUPS: Mapping[str, tuple[str, Sequence[Command]]] = MappingProxyType(
    {
        "certificate": ("Manage certificates in trust store", CERTIFICATE),
        "key": ("Manage keys used for signing", KEY),
        "policy": ("Manage trust policy configuration", POLICY),
    }
)
_ALIASES: Mapping[str, str] = MappingProxyType({"cert": "certificate"})
_OTHERS = ("blob", "completion", "login", "logout", "plugin")
"""What notation has and this has not."""


def run(desk: Desk, words: Sequence[str]) -> int:
    """Carry out a command line, without the program's name. Returns its exit status."""
    try:
        _run(desk, list(words))
    except NotationError as error:
        desk.out.flush()
        desk.err.write(f"Error: {error}\n")
        return 1
    return 0


def _run(desk: Desk, words: list[str]) -> None:
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    first = _ALIASES.get(words[0], words[0]) if words else "--help"
    top = [*COMMANDS, _VERSION]
    if first in ("-h", "--help"):
        desk.say(_overview("notation", _WHAT, {**{each.name: each.says for each in top}, **_summaries()}))
    elif first in _GROUPS:
        _run_group(desk, first, words[1:])
    else:
        command = _command(top, first)
        if command is None:
            more = " in labrunner's stand-in" if first in _OTHERS else ""
            raise NotationError(
                f'unknown command "{words[0]}" for "notation"{more}\nRun \'notation --help\' for usage.'
            )
        _carry_out(desk, command, f"notation {command.name}", words[1:])


def _run_group(desk: Desk, group: str, words: list[str]) -> None:
    says, commands = _GROUPS[group]
    if not words or words[0] in ("-h", "--help"):
        desk.say(_overview(f"notation {group}", says, {each.name: each.says for each in commands}))
        return
    command = _command(commands, words[0])
    if command is None:
        raise NotationError(
            f'unknown command "{words[0]}" for "notation {group}"\nRun \'notation {group} --help\' for usage.'
        )
    _carry_out(desk, command, f"notation {group} {command.name}", words[1:])


def _carry_out(desk: Desk, command: Command, path: str, words: Sequence[str]) -> None:
    flags = [*command.flags, _HELP, _DEBUG, _VERBOSE]
    values = parse(words, flags)
    if values.is_set("help"):
        desk.say(_help(command, path, flags))
        return
    command.run(desk, values)


def _command(commands: Sequence[Command], name: str) -> Command | None:
    return next((each for each in commands if name == each.name or name in each.aliases), None)


def _summaries() -> dict[str, str]:
    return {name: says for name, (says, _) in _GROUPS.items()}


def _overview(path: str, says: str, commands: Mapping[str, str]) -> str:
    width = max(map(len, commands))
    listed = [f"  {name:<{width}} {about}" for name, about in sorted(commands.items())]
    more = f'Use "{path} [command] --help" for more information about a command.'
    return "\n".join([says, "", "Usage:", f"  {path} [command]", "", "Available Commands:", *listed, "", more])


def _help(command: Command, path: str, flags: Sequence[Flag]) -> str:
    rows = [
        (
            f"  {f'-{flag.short}, ' if flag.short else '    '}--{flag.name} {'' if flag.kind == 'bool' else flag.kind}",
            flag.says if flag.default in (None, False) else f"{flag.says} (default {str(flag.default).lower()})",
        )
        for flag in sorted(flags, key=lambda each: each.name)
    ]
    width = max(len(left.rstrip()) for left, _ in rows) + 3
    names = ["", "Aliases:", f"  {', '.join((command.name, *command.aliases))}"] if command.aliases else []
    listed = [f"{left.rstrip():<{width}}{right}" for left, right in rows]
    return "\n".join([command.says, "", "Usage:", f"  {path} {command.usage}".rstrip(), *names, "", "Flags:", *listed])
