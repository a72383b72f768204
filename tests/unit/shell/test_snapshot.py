"""Snapshots as text; that real shells take them over is in tests/contracts."""

import pytest

from labrunner.shell.snapshot import Parts, Start, State, came_back, parsed, parts, piecewise

SHELLOPTS = b'declare -r SHELLOPTS="emacs:monitor"\n'
BASHOPTS = b'declare -r BASHOPTS="cmdhist:extquote"\n'
FRESH = State(b'declare -x HOME="/h"\ndeclare -i RANDOM="1"\n' + SHELLOPTS + BASHOPTS + b"umask 0022\n", b"")
START = Start(FRESH, "/w")


def statements(text, *, functions=b"", directory="/w", start=START):
    found = parts(start.snapshot(State(text, functions), directory))
    assert found is not None
    return found.rest.decode("utf-8", "surrogateescape").splitlines()


def test_the_last_snapshot_is_kept_for_the_same_state():
    start = Start(FRESH, "/w")
    first = start.snapshot(State(FRESH.text + b'declare -- a="1"\n'), "/w")
    assert (
        start.snapshot(State(FRESH.text.replace(b'RANDOM="1"', b'RANDOM="2"') + b'declare -- a="1"\n'), "/w") is first
    )
    states = [
        (State(FRESH.text + b'declare -- a="2"\n'), "/w"),
        (State(FRESH.text), "/w"),
        (State(FRESH.text, b"f () \n{ \n    :\n}\n"), "/w"),
        (State(FRESH.text), "/v"),
        (State(FRESH.text.replace(b"emacs:", b"vi:")), "/w"),
    ]
    assert len({start.snapshot(*each) for each in states} | {first}) == 6


def test_a_shell_without_changes_has_nothing_to_tell():
    assert START.snapshot(FRESH, "/w") == b"# labrunner shell 1, functions 0, rest 0\n"
    later = FRESH.text.replace(b'"1"', b'"2"') + b'declare -- _="x"\ndeclare -a PIPESTATUS=([0]="0")\n'
    assert statements(later) == []


OF_BASH = """
BASHPID BASH_ALIASES BASH_ARGV0 BASH_CMDS BASH_COMMAND BASH_VERSINFO BASH_XTRACEFD COPROC DIRSTACK EPOCHREALTIME EUID
FUNCNAME GROUPS HISTCMD HISTFILE LINENO PIPESTATUS PPID PROMPT_COMMAND PS0 PS1 PS2 PWD RANDOM SECONDS SHLVL UID _
"""


@pytest.mark.parametrize("name", OF_BASH.split())
def test_what_is_of_one_process_or_ours(name):
    assert statements(FRESH.text + f'declare -- {name}="7"\n'.encode()) == []
    assert statements(FRESH.text, start=Start(State(FRESH.text + f'declare -x {name}="7"\n'.encode()), "/w")) == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (FRESH.text + b'declare -- a="1"\n', [r'\builtin declare -- a="1"']),
        (FRESH.text + b"declare -x a\n", [r"\builtin declare -x a"]),
        (FRESH.text.replace(b"-x HOME", b"-- HOME"), [r"\builtin unset -v HOME", r'\builtin declare -- HOME="/h"']),
        (FRESH.text.replace(b'declare -x HOME="/h"\n', b""), [r"\builtin unset -v HOME"]),
        (
            FRESH.text + b'declare -ir n="5"\n',
            [r"\builtin declare -- n", 'n="5"', r"\builtin declare -ir n"],
        ),
        (
            FRESH.text + b'declare -ax a=([2]="b")\n',
            [r"\builtin declare -a a", 'a=([2]="b")', r"\builtin declare -ax a"],
        ),
        (FRESH.text + b'declare -n r="a"\n', [r'\builtin declare -n r="a"']),
        (FRESH.text + b'declare -nu r="a"\n', [r'\builtin declare -nu r="a"']),
        (FRESH.text.replace(b"0022", b"0077"), [r"\builtin umask 0077"]),
        (FRESH.text + b"set -- a b\\ c\n", [r"\builtin set -- a b\ c"]),
        (FRESH.text + b"alias -- -x='y'\n", [r"\builtin alias -- -x='y'"]),
        (FRESH.text + b"trap -- 'x' EXIT\ntrap -- 'y' RETURN\n", [r"\builtin trap -- 'x' EXIT"]),
        (FRESH.text + b"trap -- - INT\n", []),
        (
            FRESH.text.replace(b"emacs:monitor", b"posix:errexit:monitor:onecmd").replace(b"cmdhist", b"nullglob"),
            [
                r"\builtin set -o posix",
                r"\builtin shopt -u cmdhist",
                r"\builtin shopt -s nullglob",
                r"\builtin set +o emacs",
                r"\builtin set -o errexit",
            ],
        ),
        (
            FRESH.text.replace(b'="/h"', b'="/h\n\ndeclare -- x=1"'),
            [r'\builtin declare -x HOME="/h', "", 'declare -- x=1"'],
        ),
        (FRESH.text + b"alias a='\ndeclare -- b=1\n'\n", [r"\builtin alias a='", "declare -- b=1", "'"]),
    ],
)
def test_what_has_changed(changed, expected):
    assert statements(changed) == expected


def test_what_is_no_more():
    start = Start(State(FRESH.text + b"alias a='b'\ntrap -- '' INT\n"), "/w")
    assert statements(FRESH.text, start=start) == [r"\builtin unalias -- 'a'", r"\builtin trap - INT"]


def test_a_start_with_a_newline_in_a_value():
    start = Start(State(b'declare -x A="1\ndeclare -- b=\'"\ndeclare -- c="2"\n'), "/w")
    assert statements(b'declare -x A="1\ndeclare -- b=\'"\ndeclare -- c="3"\n', start=start) == [
        r'\builtin declare -- c="3"'
    ]


@pytest.mark.parametrize(
    ("directory", "expected"),
    [
        ("/w", []),
        ("/a b", [r"\builtin cd -- '/a b' || \builtin cd -- /"]),
        ("//", [r"\builtin cd -- //"]),
        ("/é/\udcff", ["\\builtin cd -- '/é/\udcff' || \\builtin cd -- '/é' || \\builtin cd -- /"]),
    ],
)
def test_the_directory_and_those_above(directory, expected):
    assert statements(FRESH.text, directory=directory) == expected


def test_functions_come_first_and_need_patterns():
    snapshot = START.snapshot(State(FRESH.text, b"f () \n{ \n    :\n}\n"), "/w")
    found = parts(snapshot)
    assert found is not None
    assert found.functions == b"\\builtin shopt -s extglob\nf () \n{ \n    :\n}\n"
    assert found.rest == b"\\builtin shopt -u extglob\n"
    with_patterns = FRESH.text.replace(b"cmdhist", b"cmdhist:extglob")
    assert statements(with_patterns, functions=b"f () \n{ \n    :\n}\n") == [r"\builtin shopt -s extglob"]


def test_a_function_named_declare_does_not_get_the_attributes():
    text = b"declare () \n{ \n    :\n}\nf () \n{ \n    :\n}\ndeclare -fx f\n"
    found = parts(START.snapshot(State(FRESH.text, text), "/w"))
    assert found is not None
    assert found.functions.endswith(b"}\n\\builtin declare -fx f\n")


@pytest.mark.parametrize("dump", [b"", b"a", b"a\0f", b"a\0f\0007", b"a\0f\0008\0", b"a\0f\0003\0f\0007\0"])
def test_a_dump_that_is_not_whole(dump):
    assert parsed(dump, 7) is None


def test_what_lies_behind_a_dump_is_not_part_of_it():
    found = parsed(b"a\n\0f\n\0007\0old\0006\0", 7)
    assert found is not None
    assert (found.text, found.functions) == (b"a\n", b"f\n")


def test_only_a_whole_snapshot_is_taken_apart():
    snapshot = START.snapshot(State(FRESH.text + b'declare -- a="1"\n', b"f () \n{ \n    :\n}\n"), "/w")
    assert parts(snapshot) is not None
    for damaged in (b"", snapshot[1:], snapshot[:-1], snapshot + b"\n", snapshot.replace(b"shell 1", b"shell 2")):
        assert parts(damaged) is None


def test_whether_all_came_back():
    text = FRESH.text + b'declare -A m=([a]="1" [b]="2" )\ndeclare -- x="1"\n'
    wanted = parts(START.snapshot(State(text, b"f\n"), "/v"))
    assert wanted is not None
    assert came_back(wanted, State(text, b"f\n"), "/v")
    reordered = text.replace(b'[a]="1" [b]="2"', b'[b]="2" [a]="1"')
    assert came_back(wanted, State(reordered + b'declare -x more="1"\n', b"f\n"), "/v")
    assert not came_back(wanted, State(text.replace(b'[b]="2"', b'[b]="3"'), b"f\n"), "/v")
    assert not came_back(wanted, State(text.replace(b"x=", b"y="), b"f\n"), "/v")
    assert not came_back(wanted, State(text, b"g\n"), "/v")
    assert not came_back(wanted, State(text, b"f\n"), "/")


def test_functions_in_pieces():
    wanted = Parts(b"\\builtin shopt -s extglob\na () \n{ \n    echo 'x'\n}\nb-b () \n{ \n    :\n}\n", b"rest\n")
    assert piecewise(wanted) == Parts(
        b"\\builtin shopt -s extglob\n"
        b"\\builtin eval ''\n"
        b"\\builtin eval 'a () \n{ \n    echo '\\''x'\\''\n}\n'\n"
        b"\\builtin eval 'b-b () \n{ \n    :\n}\n'\n",
        b"rest\n",
    )


def test_no_value_is_in_a_representation():
    state = State(b'declare -- token="hunter2"\n', b"hunter2")
    wanted = parts(START.snapshot(state, "/w"))
    assert "hunter2" not in f"{state!r} {wanted!r} {Start(state, '/w')!r}"


def test_a_long_quoted_value_takes_linear_time():
    value = b'\\"$x`\\\\' * 100_000
    assert len(statements(FRESH.text + b"declare -- a=\"%b\"\nalias b='\n'\n" % value)) == 3
    assert len(statements(FRESH.text + b"declare -- a=\"%b\nalias b='\n" % value)) < 10
