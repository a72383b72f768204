"""What a bash is, as text: from what it prints about itself to a script that makes another one the same. Pure.

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
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Parts", "Start", "State", "came_back", "has_functions", "parsed", "parts", "piecewise"]

# Never raw: a quote, and a newline outside of quotes. `declare -p`, `alias -p`, `trap -p` and `printf %q` keep to that.
_WORD = rb"""(?:[^"'$\\\s]++|\\.|\$'(?:[^'\\]++|\\.)*+'|"(?:[^"\\]++|\\.)*+"|'[^']*+'|\$)"""
_WORDS = re.compile(_WORD + rb"++", re.DOTALL)
_LINE = re.compile(rb"(?:[ \t]++|" + _WORD + rb")++", re.DOTALL)
_VARIABLE = re.compile(rb"declare -([-A-Za-z]+) ([A-Za-z_][A-Za-z0-9_]*)(=.*)?\Z", re.DOTALL)
_ALIAS = re.compile(rb"alias (?:-- )?([^=]+)=")
_TRAP = re.compile(rb"trap -- (?!- ).* (\S+)\Z", re.DOTALL)  # not those of posix mode, `trap -- - INT`
_OPTIONS = re.compile(rb"declare -[a-z]+ (SHELLOPTS|BASHOPTS)=\"?([^\"]*)\"?\Z")
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
_OF_BASH = re.compile(
    rb"declare -[-A-Za-z]+ (?:" + b"|".join(sorted(_BASHS - {b"SHELLOPTS", b"BASHOPTS"})) + rb")(?:=|\Z)"
)
# Would end or cripple the shell, or cannot be set.
_NO_OPTIONS = frozenset((b"noexec", b"onecmd", b"privileged", b"login_shell", b"restricted_shell"))
# Each of our own calls would run them; of DEBUG bash does not tell.
_NO_TRAPS = frozenset((b"DEBUG", b"RETURN"))


@dataclass(frozen=True, slots=True, repr=False)
class State:
    """A shell at one moment: the statements that its builtins printed, a line each unless quoted, and its functions."""

    text: bytes = b""
    functions: bytes = b""


@dataclass(frozen=True, slots=True, repr=False)
class Parts:
    """A snapshot taken apart: what is to be sourced, in this order."""

    functions: bytes
    rest: bytes


class Start:
    """A shell as it first started: what a snapshot leaves out. Keeps the last one, as most commands change nothing."""

    __slots__ = ("_is_plain", "_last", "_lines", "_own", "directory", "functions", "options")

    def __init__(self, state: State, directory: str) -> None:
        self.directory = directory
        self._lines = frozenset(_lines(state.text))
        self._own = frozenset(line for line in self._lines if not _OF_BASH.match(line))
        self._is_plain = not any(b"\n" in line for line in self._lines)
        self.functions = state.functions
        self.options = _options(self._lines)
        self._last: tuple[object, bytes] = (None, b"")

    def snapshot(self, state: State, directory: str) -> bytes:
        """The snapshot of that shell, which is now `state` and in `directory`."""
        new, gone = self.compared(state.text)
        told = new, gone, state.functions, directory
        if self._last[0] != told:
            functions = b"" if state.functions == self.functions else _readable(state.functions)
            rest = b"\n".join((*_statements(state, self, directory), b""))
            header = b"# labrunner shell 1, functions %d, rest %d\n" % (len(functions), len(rest))
            self._last = told, header + functions + rest
        return self._last[1]

    def compared(self, text: bytes) -> tuple[list[bytes], frozenset[bytes]]:
        """The statements in `text` that are new, in their order, and those of the start that are gone.

        None that is about bash's own variables, but for options.
        """
        lines = text.split(b"\n")
        lines.pop()
        new = [line for line in lines if line not in self._lines]
        # A newline in quotes tears a statement; its first piece is not whole, and not of a start that has none such.
        if not (self._is_plain and all(map(_LINE.fullmatch, new))):
            lines = _lines(text)
            new = [line for line in lines if line not in self._lines]
        return [line for line in new if not _OF_BASH.match(line)], self._own.difference(lines)


def parsed(dump: bytes, number: int) -> State | None:
    """The state from the dump of that number; None if it is not that one, or not all of it."""
    found = dump.split(b"\0", 3)
    if len(found) < 4 or found[2] != b"%d" % number:  # and what lay there before
        return None
    return State(found[0], found[1])


def parts(snapshot: bytes) -> Parts | None:
    """What to source for a snapshot; None if it is none, or not a whole one."""
    header = _HEADER.match(snapshot)
    if header is None:
        return None
    middle = header.end() + int(header[1])
    if len(snapshot) != middle + int(header[2]):
        return None
    return Parts(snapshot[header.end() : middle], snapshot[middle:])


def piecewise(wanted: Parts) -> Parts:
    """The same with each function for itself, so that one that cannot be read costs no other.

    Cut in front of what looks like the head of a function; a here-document may hold such a line too.
    """
    text = wanted.functions[len(_EXTGLOB) :]
    each = [b"\\builtin eval '%b'\n" % piece.replace(b"'", b"'\\''") for piece in _HEAD_OF_A_FUNCTION.split(text)]
    return Parts(_EXTGLOB + b"".join(each), wanted.rest)


def has_functions(wanted: Parts, state: State) -> bool:
    """Whether a shell that sourced these parts has all their functions."""
    return not wanted.functions or wanted.functions == _readable(state.functions)


def came_back(wanted: Parts, state: State, directory: str) -> bool:
    """Whether a shell that sourced these parts, and is in `directory` now, has all that they say."""
    there = {_comparable(line) for line in _statements(state, _EMPTY, directory)}
    lines = [line for line in _lines(wanted.rest) if not _takes_away(line)]
    return has_functions(wanted, state) and all(_comparable(line) in there for line in lines)


def _lines(text: bytes) -> list[bytes]:
    """The statements, each without the newline that ends it."""
    return _LINE.findall(text)


def _readable(functions: bytes) -> bytes:
    """What `declare -f` printed, so that a shell with these functions alone reads it: patterns, one named `declare`."""
    if b"declare () \n" in functions:
        functions = _ATTRIBUTES.sub(rb"\\builtin ", functions)
    return _EXTGLOB + functions


def _takes_away(line: bytes) -> bool:
    """Whether a statement only removes something: bash does that, or there was nothing."""
    return line.startswith((b"\\builtin un", b"\\builtin trap - ", b"\\builtin set +o", b"\\builtin shopt -u"))


def _comparable(line: bytes) -> object:
    name, array, elements = line.partition(b"=(")
    # An associative array has no order.
    return (name, *sorted(_WORDS.findall(elements))) if array else line


def _statements(state: State, start: Start, directory: str) -> list[bytes]:
    """What makes a shell what `state` is, functions aside. A statement each."""
    new, gone = start.compared(state.text)
    return [
        # Going where it is already would change OLDPWD.
        *((_cd(directory),) if directory != start.directory else ()),
        *_variables(new, gone),
        *_aliases(new, gone),
        *_traps(new, gone),
        *(b"\\builtin " + line for line in new if line.startswith((b"umask ", b"set --"))),
        *_changed_options(new, start, parses_functions=state.functions != start.functions),
    ]


def _cd(directory: str) -> bytes:
    """To the directory, or as near to it as there is one."""
    above = [directory]
    while above[-1].strip("/"):
        above.append(os.path.dirname(above[-1]))  # noqa: PTH120 - as text, which a Path would normalise
    line = " || ".join([f"\\builtin cd -- {shlex.quote(path)}" for path in above])
    return line.encode("utf-8", "surrogateescape")


def _variables(new: Iterable[bytes], gone: Iterable[bytes]) -> list[bytes]:
    had = {name: flags for flags, name, _ in _own(gone)}
    lines = []
    for flags, name, value in _own(new):
        before = had.pop(name, flags)
        if before != flags:
            lines.append(b"\\builtin unset -v %b" % name)
        lines += _variable(flags, name, value)
    return [*(b"\\builtin unset -v %b" % name for name in sorted(had)), *lines]


def _variable(flags: bytes, name: bytes, value: bytes | None) -> list[bytes]:
    """Some flags change a value that comes with them; and only an assignment by itself may be `NAME=(...)`."""
    whole = b"\\builtin declare -%b %b" % (flags, name)
    if value is None or b"n" in flags or not (value.startswith(b"=(") or _CHANGING.intersection(flags)):
        return [whole + (value or b"")]
    kind = bytes(flag for flag in flags if flag in b"aA") or b"-"
    lines = [b"\\builtin declare -%b %b" % (kind, name), name + value]
    return lines if kind == flags else [*lines, whole]


def _own(lines: Iterable[bytes]) -> list[tuple[bytes, bytes, bytes | None]]:
    """Flags, name and `=value` of the variables that are the learner's."""
    matches = [_VARIABLE.match(line) for line in lines]
    return [(match[1], match[2], match[3]) for match in matches if match is not None and match[2] not in _BASHS]


def _aliases(new: Iterable[bytes], gone: Iterable[bytes]) -> list[bytes]:
    names = [match[1] for line in gone if (match := _ALIAS.match(line))]
    return [
        *(b"\\builtin unalias -- '%b'" % name for name in sorted(names)),
        *(b"\\builtin " + line for line in new if line.startswith(b"alias ")),
    ]


def _traps(new: Iterable[bytes], gone: Iterable[bytes]) -> list[bytes]:
    has = {match[1]: line for line in new if (match := _TRAP.match(line)) and match[1] not in _NO_TRAPS}
    names = [match[1] for line in gone if (match := _TRAP.match(line)) and match[1] not in has]
    return [
        *(b"\\builtin trap - %b" % name for name in sorted(names)),
        *(b"\\builtin " + line for line in has.values()),
    ]


def _changed_options(new: Iterable[bytes], start: Start, *, parses_functions: bool) -> list[bytes]:
    now = {**start.options, **_options(new)}
    lines = []
    for variable, on, off in ((b"BASHOPTS", b"shopt -s", b"shopt -u"), (b"SHELLOPTS", b"set -o", b"set +o")):
        wanted, before = now.get(variable, frozenset()), start.options.get(variable, frozenset())
        lines += [b"\\builtin %b %b" % (off, name) for name in sorted(before - wanted - _NO_OPTIONS)]
        lines += [b"\\builtin %b %b" % (on, name) for name in sorted(wanted - before - _NO_OPTIONS)]
    if parses_functions and b"extglob" not in now.get(b"BASHOPTS", frozenset()):
        lines.append(b"\\builtin shopt -u extglob")
    # Posix mode changes other options.
    return sorted(lines, key=lambda line: not line.endswith(b" posix"))


def _options(lines: Iterable[bytes]) -> dict[bytes, frozenset[bytes]]:
    """The options that are on, by the variable that lists them."""
    matches = [_OPTIONS.match(line) for line in lines if b"OPTS=" in line]
    return {match[1]: frozenset(match[2].split(b":")) for match in matches if match is not None}


_EMPTY = Start(State(), "")
