"""What a bash is, as text: from what it writes about itself to a script that makes another one the same. Pure.

A dump is what bash's own builtins print (`channel` has the lines). A snapshot is a bash script:

    # labrunner shell 1, functions 120, rest 340     sizes in bytes
    shopt -s extglob, the functions                  as `declare -f` prints them
    one statement a line: directory, variables, ...  only what differs from the shell as it started

Only differences: what the target puts into the environment (a port, a token) may be another when the snapshot is
used, and must then not be overwritten by the old. Functions come before aliases, which would change how they parse,
and options last, for the same reason. A snapshot holds secrets: nothing here puts its text into a message.
"""

import os
import re
import shlex
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

__all__ = ["EMPTY", "Parts", "State", "came_back", "has_functions", "parsed", "parts", "piecewise", "written"]

# Never raw: a quote, and a newline outside of quotes. `declare -p`, `alias -p`, `trap -p` and `printf %q` keep to that.
_WORD = rb"""(?:[^"'$\\\s]++|\\.|\$'(?:[^'\\]++|\\.)*+'|"(?:[^"\\]++|\\.)*+"|'[^']*+'|\$)"""
_STATEMENT = re.compile(rb"(?:[ \t]++|" + _WORD + rb")++\n", re.DOTALL)
_WORDS = re.compile(_WORD + rb"++", re.DOTALL)
_VARIABLE = re.compile(rb"declare -([-A-Za-z]+) ([A-Za-z_][A-Za-z0-9_]*)(=.*)?\n\Z", re.DOTALL)
_TRAP = re.compile(rb"trap -- .* (\S+)\n\Z", re.DOTALL)
_HEADER = re.compile(rb"# labrunner shell 1, functions ([0-9]{1,12}), rest ([0-9]{1,12})\n")
_ATTRIBUTES = re.compile(rb"(?<=\n}\n)(?=declare -f[A-Za-z]+ \S+\n)")
_HEAD_OF_A_FUNCTION = re.compile(rb"^(?=[^\s(]+ \(\) ?\n\{ ?\n)", re.MULTILINE)
_EXTGLOB = b"\\builtin shopt -s extglob\n"
# In one statement with the value, these would change it.
_CHANGING = frozenset(b"iluc")

# Bash's own, of this one process, or of how we talk with it.
_BASHS = frozenset(
    b"BASH BASHOPTS BASHPID BASH_ALIASES BASH_ARGC BASH_ARGV BASH_ARGV0 BASH_CMDS BASH_COMMAND BASH_LINENO BASH_SOURCE"
    b" BASH_MONOSECONDS BASH_SUBSHELL BASH_TRAPSIG BASH_VERSINFO BASH_VERSION BASH_XTRACEFD COPROC COPROC_PID DIRSTACK"
    b" EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME GROUPS HISTCMD HISTFILE LINENO PIPESTATUS PPID PROMPT_COMMAND PS0 PS1"
    b" PS2 PWD RANDOM READLINE_LINE READLINE_MARK READLINE_POINT SECONDS SHELLOPTS SHLVL SRANDOM UID _".split()
)
# Would end or cripple the shell, or cannot be set.
_NO_OPTIONS = frozenset((b"noexec", b"onecmd", b"privileged", b"login_shell", b"restricted_shell"))
# Each of our own calls would run them; of DEBUG bash does not tell.
_NO_TRAPS = frozenset((b"DEBUG", b"RETURN"))


@dataclass(frozen=True, slots=True, repr=False)
class State:
    """A shell as it was at one moment: the statements that its builtins print, and the text of its functions."""

    statements: tuple[bytes, ...] = ()
    functions: bytes = b""
    known: AbstractSet[bytes] = field(default=frozenset())


EMPTY = State()


@dataclass(frozen=True, slots=True, repr=False)
class Parts:
    """A snapshot taken apart: what is to be sourced, in this order."""

    functions: bytes
    rest: bytes


def parsed(dump: bytes, number: int) -> State | None:
    """The state from the dump of that number; None if it is not that one, or not all of it."""
    found = dump.split(b"\0", 3)
    if len(found) < 4 or found[2] != b"%d" % number:  # and what lay there before
        return None
    statements = tuple(_STATEMENT.findall(found[0]))
    return State(statements, found[1], frozenset(statements))


def written(state: State, base: State, directory: str) -> bytes:
    """The snapshot of a shell that is in `directory` and was `base` when it started."""
    functions = b"" if state.functions == base.functions else _readable(state.functions)
    rest = b"".join(_statements(state, base, directory))
    return b"# labrunner shell 1, functions %d, rest %d\n%b%b" % (len(functions), len(rest), functions, rest)


def parts(snapshot: bytes) -> Parts | None:
    """What to source for a snapshot; None if it is none, or not a whole one."""
    header = _HEADER.match(snapshot)
    if header is None:
        return None
    middle = header.end() + int(header[1])
    if len(snapshot) != middle + int(header[2]):
        return None
    return Parts(snapshot[header.end() : middle], snapshot[middle:])


def has_functions(wanted: Parts, state: State) -> bool:
    """Whether a shell that sourced these parts has all their functions."""
    return not wanted.functions or wanted.functions == _readable(state.functions)


def piecewise(wanted: Parts) -> Parts:
    """The same with each function for itself, so that one that cannot be read costs no other.

    Cut in front of what looks like the head of a function; a here-document may hold such a line too.
    """
    text = wanted.functions[len(_EXTGLOB) :]
    each = [b"\\builtin eval '%b'\n" % piece.replace(b"'", b"'\\''") for piece in _HEAD_OF_A_FUNCTION.split(text)]
    return Parts(_EXTGLOB + b"".join(each), wanted.rest)


def came_back(wanted: Parts, state: State, directory: str) -> bool:
    """Whether a shell that sourced these parts, and is in `directory` now, has all that they say."""
    there = {_comparable(line) for line in _statements(state, EMPTY, directory)}
    lines = [line for line in _STATEMENT.findall(wanted.rest) if not _takes_away(line)]
    return has_functions(wanted, state) and all(_comparable(line) in there for line in lines)


def _readable(functions: bytes) -> bytes:
    """What `declare -f` printed, so that a shell with these functions alone reads it: patterns, one named `declare`."""
    if b"declare () \n" in functions:
        functions = _ATTRIBUTES.sub(rb"\\builtin ", functions)
    return _EXTGLOB + functions


def _takes_away(line: bytes) -> bool:
    """Whether a statement only removes something: bash does that, or there was nothing."""
    return line.startswith((b"\\builtin un", b"\\builtin trap - ", b"\\builtin set +o", b"\\builtin shopt -u"))


def _comparable(line: bytes) -> object:
    # An associative array has no order.
    return tuple(sorted(_WORDS.findall(line[:-2]))) if b"=(" in line else line


def _statements(state: State, base: State, directory: str) -> list[bytes]:
    """What makes a shell that is `base` one that is `state`, functions aside. A statement each."""
    new = [line for line in state.statements if line not in base.known]
    gone = [line for line in base.statements if line not in state.known]
    return [
        _umask(state),
        _cd(directory),
        *_variables(new, gone),
        *_aliases(state, new, gone),
        *_traps(new, gone),
        *(b"\\builtin " + line for line in new if line.startswith(b"set --")),
        *_options(state, base),
    ]


def _umask(state: State) -> bytes:
    return next((b"\\builtin " + line for line in state.statements if line.startswith(b"umask ")), b"")


def _cd(directory: str) -> bytes:
    """To the directory, or as near to it as there is one."""
    above = [directory]
    while above[-1].strip("/"):
        above.append(os.path.dirname(above[-1]))  # noqa: PTH120 - as text, which a Path would normalise
    line = " || ".join(f"\\builtin cd -- {shlex.quote(path)}" for path in above)
    return f"{line}\n".encode("utf-8", "surrogateescape")


def _variables(new: Sequence[bytes], gone: Sequence[bytes]) -> list[bytes]:
    had = {name: flags for line in gone for flags, name, _ in _own(line)}
    lines = []
    for flags, name, value in (own for line in new for own in _own(line)):
        before = had.pop(name, flags)
        if before != flags:
            lines.append(b"\\builtin unset -v %b\n" % name)
        lines += _variable(flags, name, value)
    return [b"\\builtin unset -v %b\n" % name for name in had] + lines


def _variable(flags: bytes, name: bytes, value: bytes | None) -> list[bytes]:
    """Some flags change a value that comes with them; and only an assignment by itself may be `NAME=(...)`."""
    whole = b"\\builtin declare -%b %b" % (flags, name)
    if value is None or b"n" in flags or not (value.startswith(b"=(") or _CHANGING.intersection(flags)):
        return [whole + (value or b"") + b"\n"]
    kind = bytes(flag for flag in flags if flag in b"aA") or b"-"
    lines = [b"\\builtin declare -%b %b\n" % (kind, name), name + value + b"\n"]
    return lines if kind == flags else [*lines, whole + b"\n"]


def _own(line: bytes) -> list[tuple[bytes, bytes, bytes | None]]:
    """Flags, name and `=value` of the learner's variable that a statement is about; of others nothing."""
    match = _VARIABLE.match(line)
    if match is None or match[2] in _BASHS or b"f" in match[1]:
        return []
    return [(match[1], match[2], match[3])]


def _aliases(state: State, new: Sequence[bytes], gone: Sequence[bytes]) -> list[bytes]:
    if not any(line.startswith(b"alias ") for line in (*new, *gone)):
        return []
    lines = [b"\\builtin " + line for line in state.statements if line.startswith(b"alias ")]
    return [b"\\builtin unalias -a\n", *lines]


def _traps(new: Sequence[bytes], gone: Sequence[bytes]) -> list[bytes]:
    has = {match[1]: line for line in new if (match := _TRAP.match(line)) and match[1] not in _NO_TRAPS}
    had = [match[1] for line in gone if (match := _TRAP.match(line))]
    return [
        *(b"\\builtin trap - %b\n" % name for name in had if name not in has),
        *(b"\\builtin " + line for line in has.values()),
    ]


def _options(state: State, base: State) -> list[bytes]:
    """Those of `shopt`, then those of `set`; but for posix mode, which changes others."""
    lines = []
    for variable, on, off in (
        (b"SHELLOPTS", b"set -o", b"set +o"),
        (b"BASHOPTS", b"shopt -s", b"shopt -u"),
    ):
        now, before = _listed(state, variable), _listed(base, variable)
        lines += [b"\\builtin %b %b\n" % (off, name) for name in sorted(before - now - _NO_OPTIONS)]
        lines += [b"\\builtin %b %b\n" % (on, name) for name in sorted(now - before - _NO_OPTIONS)]
    if state.functions != base.functions and b"extglob" not in _listed(state, b"BASHOPTS"):
        lines.append(b"\\builtin shopt -u extglob\n")
    return sorted(lines, key=_order_of_option)


def _order_of_option(line: bytes) -> int:
    if line.endswith(b" posix\n"):
        return 0
    return 1 if b" shopt " in line else 2


def _listed(state: State, variable: bytes) -> AbstractSet[bytes]:
    """The options in SHELLOPTS or BASHOPTS: `declare -r NAME="a:b"`."""
    start = b"="
    for line in state.statements:
        match = _VARIABLE.match(line) if variable in line else None
        if match is not None and match[2] == variable and match[3] is not None:
            return frozenset(match[3][len(start) :].strip(b'"').split(b":"))
    return frozenset()
