"""What every Shell must do. Run on a bash of this machine, and on one inside PID and mount namespaces."""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from labrunner.shell.bash import BashShell
from labrunner.shell.ladder import Grace
from labrunner.shell.protocol import End, ShellError, ShellSpec
from tests.waiting import wait_for

QUICK = Grace(interrupt=0.3, terminate=0.3, kill=2.0)
"""Short graces, so that stubborn commands do not make slow tests."""


def members(text):
    """The processes whose command line holds that text, seen from outside any namespace."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = folder.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            if text in line and int(folder.name) != os.getpid():
                found.append(int(folder.name))
    return found


def children(pid):
    with contextlib.suppress(OSError):
        return [int(item) for item in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


@pytest.fixture(scope="module")
def namespace():
    """Enters PID and mount namespaces, as a sandbox's prefix does."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.fail("needs root and util-linux")
    holder = subprocess.Popen(
        [
            *("unshare", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc"),
            # in a chroot whose root is no mount point, the propagation of mounts cannot be changed
            *("--propagation", "unchanged", "sleep", "infinity"),
        ]
    )

    def inner():
        found = children(holder.pid)
        # Not before unshare's child has its own /proc and has become `sleep`.
        return found and Path(f"/proc/{found[0]}/comm").read_text().strip() == "sleep" and found[0]

    try:
        target = wait_for(inner)
        yield (
            "nsenter",
            "--target",
            str(target),
            "--pid",
            "--mount",
            "--root",  # in a chroot, the namespace's root is not ours
            "--",
            "setpriv",
            "--bounding-set=-sys_boot",
            "--",
        )
    finally:
        holder.kill()
        holder.wait()


@pytest.fixture(params=["machine", pytest.param("namespace", marks=pytest.mark.sandbox)])
def prefix(request):
    return () if request.param == "machine" else request.getfixturevalue("namespace")


@pytest.fixture
def spec(prefix, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    run_dir = tempfile.mkdtemp(prefix="shell-test-")
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TERM": "xterm", "LC_ALL": "C.UTF-8", "PLANTED": "yes"}
    try:
        yield ShellSpec(prefix=prefix, env=env, cwd=str(work), run_dir=run_dir)
        assert list(Path(run_dir).iterdir()) == [], "the shell left files behind"
    finally:
        shutil.rmtree(run_dir)


@pytest.fixture
def shell(spec):
    with contextlib.closing(BashShell(spec, grace=QUICK)) as shell:
        yield shell


@pytest.fixture
def keyboard():
    """A reading end for the shell, and a function that types."""
    read, write = os.pipe()
    yield read, lambda data: os.write(write, data)
    os.close(read)
    os.close(write)


def said(shell, text, **options):
    """The output of a command that must succeed."""
    done = shell.run(text, **options)
    assert (done.exit_status, done.end) == (0, End.EXITED), done
    return done.output.decode()


# --- one command ------------------------------------------------------------------------------------------------


def test_output_and_exit_status(shell):
    done = shell.run("echo out; echo err >&2; (exit 7)")
    assert (done.exit_status, done.end, done.output, done.dropped, done.ladder, done.restarted) == (
        7,
        End.EXITED,
        b"out\nerr\n",
        0,
        (),
        False,
    )
    assert 0 <= done.seconds < 10


@pytest.mark.parametrize(
    ("text", "status", "output"),
    [
        ("true", 0, b""),
        ("", 0, b""),
        ("# only a comment", 0, b""),
        ("false", 1, b""),
        ("false | true", 0, b""),
        ("set -o pipefail; false | true", 1, b""),
        ("no-such-command-at-all", 127, b"bash: no-such-command-at-all: command not found\n"),
        ("sh -c 'kill -9 $$'", 137, b"Killed\n"),
        ("printf 'no newline'", 0, b"no newline"),
        (r"printf '\377\0\376'", 0, b"\xff\x00\xfe"),
        ("for n in 1 2; do\n  echo $n\ndone\n", 0, b"1\n2\n"),
        ("cat <<EOF\na $((1+1))\nEOF", 0, b"a 2\n"),
        ("cat <<'EOF'\n$x `y` \"q\" 'r' \\\\\nEOF\n", 0, b"$x `y` \"q\" 'r' \\\\\n"),
        ("echo 'a!b' \"c!d\" !!", 0, b"a!b c!d !!\n"),
        ("echo a \\\n  b", 0, b"a b\n"),
        ("echo $PLANTED ${HOSTVAR-unset}", 0, b"yes unset\n"),
        ("echo \u00e9\u4f60", 0, "\u00e9\u4f60\n".encode()),
        ("echo one & wait $!; echo two", None, None),
        ("trap 'echo bye' EXIT; echo hi", 0, b"hi\n"),
        ("echo $-", 0, b"himBs\n"),
        ("ulimit -n >/dev/null; ls /nonexistent 2>/dev/null; echo $?", 0, b"2\n"),
    ],
)
def test_a_command(shell, text, status, output, monkeypatch):
    monkeypatch.setenv("HOSTVAR", "must not be inherited")
    done = shell.run(text)
    assert done.end is End.EXITED
    if output is None:
        assert done.output.endswith(b"two\n")
    else:
        assert (done.exit_status, done.output) == (status, output)
    assert said(shell, "echo alive").endswith("alive\n")


@pytest.mark.parametrize(
    "text",
    ['echo "never closed', "echo 'x", "if true", "echo )", "echo $(", "echo `ls", "${", "[[ a", "f() {", "case x in"],
)
def test_a_syntax_error_stays_inside_its_command(shell, text):
    done = shell.run(text)
    assert done.end is End.EXITED
    assert done.exit_status in (1, 2)
    assert done.output.startswith(b"bash: ")
    assert done.output.count(b"\n") == 1, "an error message of our own lines got out"
    assert said(shell, "echo fine") == "fine\n"
    assert said(shell, "echo still") == "still\n"


@pytest.mark.parametrize(
    "text", ["echo ${nope:?is not set}; echo no", "set -u; echo $nope; echo no", "echo $((1/0)); echo no"]
)
def test_an_error_that_makes_bash_drop_the_rest_of_the_line(shell, text):
    done = shell.run(text)
    assert (done.exit_status, done.end) == (1, End.EXITED)
    assert b"no\n" not in done.output
    assert said(shell, "echo fine") == "fine\n"


def test_a_command_of_any_length(shell):
    body = "x" * 100_000
    assert said(shell, f"printf %s {body} | wc -c") == "100000\n"
    many = "\n".join(f": {number}" for number in range(20_000))
    assert said(shell, f"{many}\necho end") == "end\n"
    # A shorter command after it must not run the rest of the longer one.
    assert said(shell, "echo short") == "short\n"


def test_a_nul_in_a_command_is_refused(shell):
    with pytest.raises(ValueError, match="NUL"):
        shell.run("echo a\0b")
    assert said(shell, "echo fine") == "fine\n"


def test_output_arrives_while_the_command_runs(shell, spec):
    gate = f"{spec.cwd}/gate"
    pieces = []

    def on_output(data):
        pieces.append(data)
        Path(gate).touch()

    text = f"echo first; until [ -e {gate} ]; do sleep 0.01; done; echo second"
    done = shell.run(text, on_output=on_output, timeout=10)
    assert done.output == b"".join(pieces) == b"first\nsecond\n"
    assert len(pieces) >= 2


def test_a_long_output_keeps_its_ends_and_counts_the_rest(shell):
    done = shell.run("echo begin; yes 0123456789abcde | head -c 8000000; echo end")
    assert done.output.startswith(b"begin\n0123456789abcde\n")
    assert done.output.endswith(b"\nend\n")
    assert len(done.output) + done.dropped == 8_000_010
    assert done.dropped > 0


def test_a_finished_command_holds_no_memory(shell):
    """Without waiting for the garbage collector: a run has few objects and much output."""
    import gc

    said(shell, "true")
    gc.collect()
    gc.disable()
    try:
        said(shell, "yes | head -c 100000")
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_all_output_before_the_end_is_there(shell):
    for number in range(50):
        assert said(shell, f"seq {number * 100}") == "".join(f"{n + 1}\n" for n in range(number * 100))


# --- state ------------------------------------------------------------------------------------------------------


def test_state_carries_over(shell, spec):
    assert said(shell, "pwd") == f"{spec.cwd}\n"
    shell.run(
        "mkdir sub; cd sub; plain=1; export exported=2; f() { echo f$1; }; alias ll='echo aliased'; shopt -s nullglob"
    )
    assert said(shell, "pwd; echo $plain; sh -c 'echo $exported'; f 3; ll; shopt nullglob") == (
        f"{spec.cwd}/sub\n1\n2\nf3\naliased\nnullglob       \ton\n"
    )


def test_the_last_status_carries_over(shell):
    shell.run("(exit 5)")
    assert said(shell, "echo $?") == "5\n"
    assert said(shell, "echo $?") == "0\n"
    shell.run("false")
    assert shell.variable("HOME") is not None
    assert said(shell, "echo $?") == "1\n"


def test_options_that_shells_trip_over(shell):
    said(shell, "set -u -o noclobber -f; IFS=x; set -a")
    assert said(shell, "echo ok") == "ok\n"
    assert shell.run("echo a >file; echo b >file").exit_status == 1
    said(shell, "set +f; set -o posix")
    assert said(shell, "echo ok") == "ok\n"


def test_tracing_shows_the_learners_commands_only(shell):
    shell.run("set -x")
    assert said(shell, "echo a") == "++ echo a\na\n"
    assert said(shell, "set +x") == "++ set +x\n"
    assert said(shell, "echo a") == "a\n"


def test_a_debug_trap_stays_out_of_the_report(shell):
    shell.run("trap 'echo D' DEBUG")
    done = shell.run("(exit 3)")
    assert (done.exit_status, done.end) == (3, End.EXITED)
    assert set(done.output.split()) == {b"D"}
    shell.run("trap - DEBUG")
    assert said(shell, "echo fine") == "fine\n"


def test_functions_named_like_builtins_do_no_harm(shell):
    shell.run("printf() { echo mine; }; eval() { echo mine; }; exec() { echo mine; }; test() { echo mine; }")
    assert said(shell, "echo fine") == "fine\n"
    shell.run("alias builtin='echo alias' printf='echo alias' eval='echo alias'")
    assert said(shell, "echo fine") == "fine\n"


def test_prompts_and_prompt_commands_are_taken_away(shell, spec):
    Path(spec.cwd, "rc").write_text("PS1='prompt> '\nPS0='ps0'\nPROMPT_COMMAND='echo prompted'\n")
    for text in (
        "source ./rc",
        "PROMPT_COMMAND=(true 'echo prompted')",
        "unset PROMPT_COMMAND",
        "PROMPT_COMMAND='exit 1'",
    ):
        done = shell.run(text)
        assert (done.exit_status, done.output, done.end) == (0, b"", End.EXITED)
        assert said(shell, "echo fine") == "fine\n"


def test_history_is_not_touched(shell, spec):
    history = Path(spec.env["HOME"], ".bash_history")
    history.write_text("mine\n")
    said(shell, "echo secret")
    shell.run("exit")
    said(shell, "echo secret")
    shell.close()
    assert history.read_text() == "mine\n"


def test_variables_come_over_the_side_channel(shell):
    said(shell, "a='x y'; b=$'1\\n2\\n'; c=; d=(one two); set -u; e='=\u00e9 %s \\0'")
    assert [shell.variable(name) for name in ("a", "b", "c", "d", "e", "f")] == [
        "x y",
        "1\n2\n",
        "",
        "one",
        "=\u00e9 %s \\0",
        None,
    ]
    arrived = []
    shell.run("true", on_output=arrived.append)
    assert arrived == []


def test_a_large_variable(shell):
    said(shell, "big=$(printf '%0300000d' 7)")
    assert shell.variable("big") == "7".zfill(300_000)


def test_a_variable_is_not_traced(shell):
    shell.run("token=hunter2; set -x")
    arrived = []
    assert shell.variable("token") == "hunter2"
    shell.run("true", on_output=arrived.append)
    assert b"hunter2" not in b"".join(arrived)


@pytest.mark.parametrize("name", ["", "a b", "1a", "a;id", "a[$(id)]", "a\n", "\u00e9"])
def test_what_is_no_name_is_refused(shell, name):
    with pytest.raises(ValueError, match="variable"):
        shell.variable(name)


# --- the terminal -----------------------------------------------------------------------------------------------


def test_programs_see_a_terminal(shell):
    text = "[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && stty size && sh -c 'tty >/dev/null && echo tty' </dev/tty"
    assert said(shell, text) == "50 200\ntty\n"
    assert " echo " in said(shell, "stty -a | tr -s ';\\n' ' '")


@pytest.mark.parametrize("text", ["stty -echo", "stty raw", "stty raw -echo -isig cols 20 rows 5", "stty sane"])
def test_terminal_modes_are_restored(shell, text):
    before = said(shell, "stty -a")
    assert shell.run(text).exit_status == 0
    assert said(shell, "stty -a") == before


def test_job_control_works(shell):
    assert "[1]" in said(shell, "sleep 100 &")
    assert "Running" in said(shell, "jobs")
    said(shell, "kill %1; wait %1 2>/dev/null; true")


def test_output_of_a_background_job_between_commands_is_shown_and_not_captured(shell, spec):
    gate = f"{spec.cwd}/gate"
    said(shell, f"(until [ -e {gate} ]; do sleep 0.01; done; echo late; touch {gate}2) & disown")
    Path(gate).touch()
    wait_for(lambda: Path(f"{gate}2").exists())
    arrived = []
    done = shell.run("echo now", on_output=arrived.append)
    assert done.output == b"now\n"
    assert b"".join(arrived) == b"late\nnow\n"


def test_a_job_that_floods_the_terminal_does_not_stop_the_next_command(shell):
    shell.run("yes & disown")
    done = shell.run("true")
    assert (done.exit_status, done.end) == (0, End.EXITED)
    shell.run("pkill -P $$ yes || kill %1")


def test_a_command_that_stops_itself_comes_back(shell):
    done = shell.run("sh -c 'kill -STOP $$'", timeout=5)
    assert (done.exit_status, done.end) == (147, End.EXITED)
    assert b"Stopped" in done.output
    said(shell, "kill -9 %1; wait %1 2>/dev/null; true")
    assert "fine\n" in said(shell, "echo fine")  # and bash's word about the job, where it has one


def test_a_stopped_shell_is_woken(shell):
    done = shell.run("x=1; kill -STOP $$", timeout=0.3)
    assert done.end is End.TIMEOUT
    assert said(shell, "echo $x") == "1\n"


# --- the shell ends, or is replaced -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("exit 3", 3),
        ("exit", 0),
        ("set -e; false; echo no", 1),
        ("exec true", 0),
        ("exec sh -c 'exit 4'", 4),
        ("kill -9 $$", 137),
        ("trap 'echo bye' EXIT; exit 6", 6),
    ],
)
def test_a_command_takes_the_shell_with_it(shell, spec, text, status):
    said(shell, "mkdir sub; cd sub; gone=1")
    done = shell.run(f"echo last; {text}", timeout=10)
    assert (done.exit_status, done.end, done.restarted) == (status, End.SHELL_EXITED, True)
    assert done.output.startswith(b"last\n")
    assert b"no\n" not in done.output
    assert b"Killed" not in done.output
    assert ("bye" in text) == (b"bye\n" in done.output)
    assert said(shell, "pwd; echo [$gone]") == f"{spec.cwd}/sub\n[]\n"


def test_a_fresh_shell_when_the_directory_is_gone_too(shell, spec):
    said(shell, "mkdir sub; cd sub; rmdir ../sub")
    assert said(shell, "echo fine") == "fine\n"
    assert shell.run("exit").end is End.SHELL_EXITED
    assert said(shell, "pwd") == f"{spec.cwd}\n"


def test_exec_bash_keeps_exported_variables(shell, spec):
    said(shell, "mkdir sub; cd sub; export kept=1; lost=2")
    done = shell.run("exec bash", timeout=10)
    assert (done.exit_status, done.end, done.restarted) == (0, End.SHELL_EXITED, True)
    assert said(shell, "echo $kept [$lost]; pwd") == f"1 []\n{spec.cwd}/sub\n"


def test_a_program_that_takes_the_shells_place_runs_to_its_end(shell):
    done = shell.run("exec sh -c 'sleep 0.7; echo done; exit 5'", timeout=10)
    assert (done.exit_status, done.end, done.output) == (5, End.SHELL_EXITED, b"done\n")


def test_a_shell_that_died_between_two_commands(shell, spec):
    gate = f"{spec.cwd}/gate"
    said(shell, f"x=1; (until [ -e {gate} ]; do sleep 0.01; done; kill -9 $$; touch {gate}2) & disown")
    Path(gate).touch()
    wait_for(lambda: Path(f"{gate}2").exists())
    wait_for(lambda: shell.ports.process.exit_status is not None)  # what led into a sandbox ends after it
    done = shell.run("echo [$x]")
    assert (done.exit_status, done.end, done.output, done.restarted) == (0, End.EXITED, b"[]\n", True)


def test_descriptors_that_a_command_closes(shell):
    said(shell, "x=1")
    done = shell.run('for n in 3 4 5 6 7 8 9 10 11 12 13 200 201; do eval "exec $n>&-"; done')
    assert done.end is End.EXITED
    assert said(shell, "echo $x") == "1\n"
    done = shell.run("exec 0<&-; exec 0</dev/null")
    assert done.end is End.EXITED
    assert said(shell, "echo $x; [ -t 0 ] && echo tty") == "1\ntty\n"


def test_the_command_file_is_private_and_comes_back(shell, spec):
    said(shell, "true")
    (directory,) = Path(spec.run_dir).iterdir()
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}
    said(shell, f"rm {directory}/command")
    assert said(shell, "echo fine") == "fine\n"


# --- ending commands --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "ladder", "keeps"),
    [
        ("sleep 100", ("INT",), True),
        ("while :; do :; done", ("INT",), True),
        ("while true; do sleep 0.01; done", ("INT",), True),
        ("read answer", ("INT",), True),
        ("cat", ("INT",), True),
        ("sleep 100 | cat", ("INT",), True),
        ("sh -c 'trap \"\" INT; sleep 100 & wait'", ("INT", "TERM"), True),
        ("(trap '' INT TERM; while :; do sleep 0.05; done)", ("INT", "TERM", "KILL"), True),
        ("sh -c '(trap \"\" INT TERM; while :; do sleep 0.05; done)'; true", ("INT", "TERM", "KILL"), True),
        ("trap '' INT; while :; do :; done", ("INT", "TERM", "KILL"), False),
        ("bash -c 'set -m; sleep 100; sleep 100'", None, True),
    ],
)
def test_a_timeout_ends_the_command_and_the_next_one_runs(shell, text, ladder, keeps):
    said(shell, "x=1")
    done = shell.run(text, timeout=0.2)
    assert done.end is End.TIMEOUT
    if ladder is not None:
        assert done.ladder == ladder
    assert done.restarted is not keeps
    assert done.seconds < 5
    assert said(shell, "echo [$x]") == ("[1]\n" if keeps else "[]\n")


def test_int_finds_the_next_of_many_short_programs(spec):
    with contextlib.closing(BashShell(spec)) as shell:  # a busy machine needs the time that learners have, too
        for _ in range(12):
            assert shell.run("while true; do sleep 0.002; done", timeout=0.05).ladder == ("INT",)


def test_two_shells_share_ctrl_c(shell, spec):
    with contextlib.closing(BashShell(spec, grace=QUICK)) as second:
        for each in (shell, second, shell):
            timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
            timer.start()
            assert each.run("sleep 30").end is End.INTERRUPTED
            timer.join()
        shell.close()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_was_timed_out_is_gone(shell):
    mark = f"sleep 98765.{os.getpid()}"
    done = shell.run(f"sh -c 'trap \"\" INT TERM; echo $$; exec {mark}'", timeout=0.3)
    assert done.ladder == ("INT", "TERM", "KILL")
    assert members(mark) == []


def test_what_the_command_left_in_its_group_is_gone_too(shell):
    mark = f"sleep 1002.{os.getpid()}"
    done = shell.run(f'sh -c \'trap "" INT; (trap "" INT TERM; {mark}; true) & wait\'', timeout=0.3)
    assert (done.end, done.ladder) == (End.TIMEOUT, ("INT", "TERM", "KILL"))
    assert members(mark) == []


def test_a_limit_ends_a_streaming_command(shell):
    done = shell.run("yes", limit=0.2, timeout=30)
    assert (done.end, done.ladder) == (End.LIMIT, ("INT",))
    assert done.output.startswith(b"y\ny\n")
    assert said(shell, "echo fine") == "fine\n"


def test_a_limit_is_none_of_a_command_that_ends_before(shell):
    assert said(shell, "echo quick", limit=10) == "quick\n"


def interrupting(shell, text, *, times=1, **options):
    """Run `text`; send ourselves SIGINT each time it has printed one more line."""
    seen = []

    def on_output(data):
        seen.append(data)
        if b"".join(seen).count(b"\n") <= times:
            signal.raise_signal(signal.SIGINT)

    return shell.run(text, on_output=on_output, timeout=20, **options)


def test_ctrl_c_ends_the_command(shell):
    said(shell, "x=1")
    done = interrupting(shell, "echo ready; sleep 100")
    assert (done.exit_status, done.end, done.ladder) == (130, End.INTERRUPTED, ("INT",))
    assert said(shell, "echo $x") == "1\n"
    with pytest.raises(KeyboardInterrupt):  # between commands it means what it always does
        signal.raise_signal(signal.SIGINT)
    shell.close()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_at_any_moment(shell):
    """It may hit bash before, in or after the program: whatever comes of it, the next command is unharmed."""
    said(shell, "x=1")
    for number in range(40):
        timer = threading.Timer(number * 0.0002, signal.raise_signal, [signal.SIGINT])
        try:
            timer.start()
            done = shell.run("for n in 1 2 3; do /bin/true; done", timeout=20)
            timer.join()
        except KeyboardInterrupt:  # between two commands it is the caller's
            timer.join()
        else:
            assert done.end in (End.EXITED, End.INTERRUPTED)
            assert done.seconds < 5
        assert said(shell, "echo $x") == "1\n"


def test_ctrl_c_is_not_lost_when_it_comes_as_the_command_ends(shell, monkeypatch):
    settle = shell._settle

    def interrupted(running):
        assert running.report is not None
        signal.raise_signal(signal.SIGINT)
        return settle(running)

    said(shell, "x=1")
    monkeypatch.setattr(shell, "_settle", interrupted)
    with pytest.raises(KeyboardInterrupt):
        shell.run("true", timeout=20)
    monkeypatch.undo()
    assert said(shell, "echo $x") == "1\n"


def test_ctrl_c_is_not_lost_on_a_command_that_goes_on(shell, monkeypatch):
    monkeypatch.setattr("labrunner.shell.running.INTERRUPT_WINDOW", 0.0)
    done = interrupting(shell, "sh -c 'trap : INT; echo ready; sleep 0.05; sleep 0.05'")
    assert (done.end, done.ladder) == (End.INTERRUPTED, ("INT",))


@pytest.mark.parametrize("times", [{"timeout": 0.2}, {"limit": 0.2}], ids=["timeout", "limit"])
def test_ctrl_c_is_not_lost_on_a_command_that_is_being_ended(spec, times):
    def on_output(data):
        if b"ended" in data:
            signal.raise_signal(signal.SIGINT)

    with contextlib.closing(BashShell(spec, grace=QUICK)) as shell:
        text = "sh -c 'trap \"echo ended; sleep 0.1; exit\" INT; while :; do sleep 0.02; done'"
        with pytest.raises(KeyboardInterrupt):
            shell.run(text, on_output=on_output, **({"timeout": 20} | times))
        assert said(shell, "echo fine") == "fine\n"


def test_ctrl_c_is_not_lost_when_it_takes_the_shell_along(shell):
    with pytest.raises(KeyboardInterrupt):
        interrupting(shell, "exec sh -c 'echo ready; exec sleep 100'")
    assert said(shell, "echo fine") == "fine\n"


def test_a_second_ctrl_c_ends_the_command_and_is_raised(shell):
    said(shell, "x=1")
    with pytest.raises(KeyboardInterrupt):
        interrupting(shell, "sh -c 'trap \"echo again\" INT; echo ready; while :; do sleep 0.05; done'", times=2)
    assert said(shell, "echo $x") == "1\n"
    with pytest.raises(KeyboardInterrupt):  # between commands it means what it always does
        signal.raise_signal(signal.SIGINT)
    shell.close()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_of_the_caller_leaves_a_usable_shell(shell):
    def on_output(data):
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        shell.run("echo x; sleep 100", on_output=on_output)
    done = shell.run("echo fine")
    assert (done.output, done.restarted) == (b"fine\n", True)


# --- the keyboard -----------------------------------------------------------------------------------------------


def test_keys_reach_the_command(shell, keyboard):
    descriptor, press = keyboard
    press(b"some words\n")
    done = shell.run("read -r a; echo got $a", keyboard=descriptor, timeout=10)
    assert (done.exit_status, done.end) == (0, End.EXITED)
    assert done.output.endswith(b"got some words\n")


def test_ctrl_c_on_the_keyboard_reaches_the_command(shell, keyboard):
    descriptor, press = keyboard
    done = shell.run(
        "echo ready; sleep 100",
        keyboard=descriptor,
        timeout=20,
        on_output=lambda data: b"ready" in data and press(b"\x03"),
    )
    assert (done.exit_status, done.end) == (130, End.INTERRUPTED)


STUBBORN = """\
mkfifo idle; bash -c 'trap hit=1 INT; n=0; exec 9<>idle; echo ready
while ((n < 5)); do read -rt 0.05 -u 9; if ((hit)); then hit=0; n=$((n + 1)); echo no; fi; done; echo over'
"""
"""Says `no` to five Ctrl-C before it goes."""


def test_who_presses_ctrl_c_three_times_in_a_row_is_rid_of_the_command(shell, keyboard):
    descriptor, press = keyboard
    answers = iter((b"\x03", b"\x03", b"\x03"))
    done = shell.run(
        STUBBORN,
        keyboard=descriptor,
        timeout=20,
        on_output=lambda data: [press(next(answers, b"")) for _ in range(data.count(b"ready") + data.count(b"no"))],
    )
    assert (done.end, done.ladder[:2]) == (End.INTERRUPTED, ("INT", "TERM"))
    assert b"over" not in done.output
    assert said(shell, "echo fine") == "fine\n"


def test_ctrl_c_with_something_typed_between_is_the_commands(shell, keyboard):
    descriptor, press = keyboard
    answers = iter((b"a\x03",) * 5)  # no sixth: a terminal throws away what was printed and not yet read, the `over`
    done = shell.run(
        STUBBORN,
        keyboard=descriptor,
        timeout=20,
        on_output=lambda data: [press(next(answers, b"")) for _ in range(data.count(b"ready") + data.count(b"no"))],
    )
    assert done.ladder == ()
    assert b"over" in done.output


def test_ctrl_z_on_the_keyboard_stops_the_command(shell, keyboard):
    descriptor, press = keyboard
    done = shell.run(
        "sh -c 'echo ready; read -r line'",
        keyboard=descriptor,
        timeout=20,
        on_output=lambda data: b"ready" in data and press(b"\x1a"),
    )
    assert (done.exit_status, done.end) == (148, End.EXITED)
    said(shell, "kill -9 %1; wait %1 2>/dev/null; true")


TYPED = "until [ -t 0 ] && read -t 0; do sleep 0.01; done"
"""Ends once a line has been typed, and reads none."""


def test_what_the_command_has_not_read_is_given_back(shell, keyboard):
    descriptor, press = keyboard
    press(b"mine\ndocker images\nand a pa")
    done = shell.run(f"read -r; {TYPED}", keyboard=descriptor, timeout=10)
    assert done.unread == b"docker images\nand a pa"
    assert shell.run("true", keyboard=descriptor).unread == b""


def test_what_was_typed_ahead_never_becomes_a_command(shell, keyboard):
    descriptor, press = keyboard
    press(b"touch stray\n")
    said(shell, TYPED, keyboard=descriptor, timeout=10)
    assert said(shell, "ls") == ""
    assert shell.run("read -t 0.1 line").exit_status > 128


def test_a_command_may_see_another_size_and_translated_newlines(shell):
    asks = "stty size; stty -a | grep -o '[-]*opost'"
    done = shell.run(asks, size=(91, 33))
    assert done.output == b"33 91\r\nopost\r\n"
    assert said(shell, asks) == "50 200\n-opost\n"


def test_a_keyboard_at_its_end_is_let_go(shell):
    read, write = os.pipe()
    os.close(write)
    try:
        assert said(shell, "sleep 0.1; echo fine", keyboard=read) == "fine\n"
        assert select.select([read], [], [], 0)[0]
    finally:
        os.close(read)


# --- starting and closing ---------------------------------------------------------------------------------------


def test_close_ends_all_that_is_in_the_session(spec):
    shell = BashShell(spec, grace=QUICK)
    mark = f"sleep 1000.{os.getpid()}"
    shell.run(f"{mark} & disown; (trap '' HUP TERM; {mark}) & nohup {mark} >/dev/null 2>&1 &")
    wait_for(lambda: len(members(mark)) >= 3)
    shell.close()
    assert members(mark) == []
    shell.close()
    with pytest.raises(ShellError, match="closed"):
        shell.run("true")


def test_close_ends_what_an_exited_shell_left(spec):
    shell = BashShell(spec, grace=QUICK)
    mark = f"sleep 1001.{os.getpid()}"
    shell.run(f"{mark} & disown")
    shell.run("exit")
    shell.close()
    assert members(mark) == []


def test_close_of_a_shell_that_never_ran(spec):
    BashShell(spec).close()


def test_no_descriptor_leaks(spec):
    before = sorted(path.name for path in Path("/proc/self/fd").iterdir())
    shell = BashShell(spec, grace=QUICK)
    said(shell, "true")
    shell.run("exit")
    said(shell, "ls /proc/self/fd | wc -l")
    shell.close()
    assert sorted(path.name for path in Path("/proc/self/fd").iterdir()) == before


def test_a_program_inherits_nothing_of_ours(shell):
    assert said(shell, "ls /proc/self/fd | tr '\\n' ' '") == "0 1 2 3 "
    assert "LABRUNNER" not in said(shell, "env").upper().replace("LABRUNNER/", "")


def test_a_shell_runs_in_another_thread(spec):
    outcomes = []

    def work():
        with contextlib.closing(BashShell(spec, grace=QUICK)) as shell:
            outcomes.append(said(shell, "echo hi"))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)
    assert outcomes == ["hi\n"]


def test_a_prefix_that_fails_says_why(spec):
    broken = ShellSpec(
        prefix=("sh", "-c", "echo the sandbox is gone >&2; exit 9"), env=spec.env, cwd=spec.cwd, run_dir=spec.run_dir
    )
    shell = BashShell(broken)
    with pytest.raises(ShellError, match=r"status 9.*the sandbox is gone"):
        shell.run("true")


def test_a_missing_working_directory_is_named(spec):
    shell = BashShell(ShellSpec(prefix=spec.prefix, env=spec.env, cwd="/nonexistent/folder", run_dir=spec.run_dir))
    with pytest.raises(ShellError, match="/nonexistent/folder"):
        shell.run("true")


def test_a_missing_run_directory_is_named(spec):
    shell = BashShell(ShellSpec(prefix=spec.prefix, env=spec.env, cwd=spec.cwd, run_dir="/nonexistent/run"))
    with pytest.raises(ShellError, match="/nonexistent/run"):
        shell.run("true")


# --- snapshots --------------------------------------------------------------------------------------------------


def passed_on(spec, *texts):
    """A new shell that took over the snapshot of one that ran these commands, and was killed."""
    with contextlib.closing(BashShell(spec, grace=QUICK)) as old:
        for text in texts:
            assert old.run(text).end is End.EXITED
        snapshot = old.snapshot()
        assert old.run('kill -9 "$$"').end is End.SHELL_EXITED
    new = BashShell(spec, grace=QUICK)
    assert new.restore(snapshot)
    assert set(snapshot.splitlines()[1:]) <= set(new.snapshot().splitlines()), "another snapshot of the same"
    return new


SHOW = r"""show() { for n; do declare -p "$n" && printf '<%q>' "${!n-unset}"; done; unset -f show; }; show"""

KEPT = {
    "plain": ("plain=1; empty=; declare bare; export bare_exported", f"{SHOW} plain empty bare bare_exported"),
    "quotes": (r"""q=$'\'"\\ $x `y` !z \t'""", f"{SHOW} q"),
    "lines": (r"""lines=$'\n one\n\ntwo \n'""", f"{SHOW} lines"),
    "looks like a statement": ("trap 'a\ndeclare -- fake=\"1\"\nb' USR2", 'trap -p; echo "${fake-none}"'),
    "control characters": (r"c=$(printf '\1\2\33\177\r\b\v\f'); c+=$'\t'", f"{SHOW} c"),
    "every byte": (
        r"""b=; for n in {1..255}; do printf -v o '\\%03o' "$n"; printf -v c "$o"; b+=$c; done""",
        """printf %s "$b" | od -An -tx1""",
    ),
    "invalid UTF-8": (r"""bad=$'a\xff\xc3(\xed\xa0\x80'; good=$'\u00e9\u4f60'""", f"{SHOW} bad good"),
    "another locale": ("LC_ALL=C; word=$'\\u00e9 \\xff'; x() { echo \u00e9; }", f"x; {SHOW} word LC_ALL"),
    "looks like code": (r"""code='$(touch stray) `touch stray` ~ * {a,b} ; & | > <(x)'""", f"{SHOW} code; ls"),
    "large": ("big=$(printf '%0300000d' 7)", 'echo "${#big} $big"'),
    "many": (r"for n in {1..3000}; do export many_$n=$n; done", "echo ${!many_*}; sh -c 'echo $many_2999'"),
    "arrays": (r"""a=([3]=x [70]=$'y\nz' [9]= [12]='"q"'); e=(); declare -a d""", f"{SHOW} a e d; echo ${{!a[@]}}"),
    "maps": (
        r"""declare -A m=([k]=v ["a b"]=$'1\n2' ['$x']='"' ["'"]=\\ [']']='[' [é]=)
        m[$'new\nline']=1; declare -A none""",
        r"""for k in "${!m[@]}"; do printf '%q=%q\n' "$k" "${m[$k]}"; done | sort; declare -p none""",
    ),
    "numbers": ("declare -i n=5 late; late=7; declare -ai na=(1 2)", f"n+=1; late+=1; na[0]+=1; {SHOW} n late na"),
    "values that their flags would change": (
        "low=ABC; up=abc; odd='no number'; declare -l low; declare -u up; declare -i odd; export up",
        f"{SHOW} low up odd; low=ABC up=abc; echo $low $up",
    ),
    "references": (
        "t=1; arr=(a b); declare -n r=t; declare -n e='arr[1]'; declare -n nowhere",
        "r=2; e=c; declare -p r t e arr nowhere",
    ),
    "read-only": (
        "readonly ro=1; declare -rx rox=2; declare -ra roa=(a b); declare -rA rom=([x]=y); declare -ri roi=3",
        f"{SHOW} ro rox roa rom roi; (ro=2) 2>&1",
    ),
    "the environment": (
        "unset PLANTED; export HOME=$HOME/x; PATH=$PATH:/extra; export -n TERM; export new='a b'",
        "env | sort | grep -v ^_=; echo $TERM ${PLANTED-unset}",
    ),
    "functions": (
        """f() { local a=$1; cat <<E\nx $a\n}\ng () \n{ \nE\n}; with-dash() (echo sub)
        a.b() { case $1 in (a|b) echo "$@";; esac; }""",
        "declare -f; f 1; with-dash; a.b a 'b  c'",
    ),
    "exported and read-only functions": (
        "e() { echo exported; }; export -f e; r() { :; }; readonly -f r",
        "bash -c e; declare -Fp e r; (r() { :; }) 2>&1",
    ),
    "functions named like builtins": (
        """for n in alias cd declare printf set shopt trap umask unset test; do eval "$n() { echo my $n; }"; done
        export -f declare""",
        "declare; printf; unset; cd x; bash -c declare",
    ),
    "aliases": (
        r"""alias ll='ls -l' two=$'echo "a\'"\necho b' -- -d='echo dash'; shopt -s expand_aliases""",
        "alias -p; two; -d",
    ),
    "aliases in functions": (
        """alias e='echo first'
        f() { e; }
        alias e='echo second'
        f2() { e; }; unalias e; e() { echo no; }; alias echo='echo third'""",
        "f; f2; e; f3() { echo x; }; f3",
    ),
    "aliases for builtins": (
        "alias alias='echo A' declare='echo D' set='echo S' shopt='echo O' trap='echo T' builtin='echo B' x=y",
        r"\alias; declare",
    ),
    "functions that need extglob": (
        "shopt -s extglob\nf() { case $1 in !(*.txt|+([0-9]))) echo yes;; *) echo no;; esac; }\nshopt -u extglob",
        "shopt extglob; f a.txt; f 12; f b",
    ),
    "functions with extglob on": ("shopt -s extglob\nf() { echo !(a|b); }", "shopt extglob; touch a b c; f"),
    "errors end it": ("set -euo pipefail", "echo $-; shopt -po pipefail; echo ${x-unset}"),
    "noclobber": (
        "set -o noclobber -o noglob; set +o braceexpand",
        "set +o; echo * {a,b}; echo 1 >n; echo 2 >n || echo kept",
    ),
    "all exported": ("set -a; later=1", "set +o; new=1; env | grep -E 'later|new'"),
    "tracing": ("set -x", "echo a"),
    "history": ("set -o history; HISTFILE=$HOME/mine", "shopt -po history"),
    "posix mode": (
        "f-f() { echo a; }; x=$'\\n\\1'; alias a=$'x\\ny'; trap 'echo' INT; set -o posix",
        "set +o; shopt -p; declare -p x; alias -p; trap -p",
    ),
    "shopt": ("shopt -s nullglob dotglob globstar; shopt -u checkwinsize sourcepath", "shopt -p; echo nothing* a"),
    "no aliases": ("alias e='echo E'; shopt -u expand_aliases", "shopt expand_aliases; alias; e || echo none"),
    "umask": ("umask 0137", "umask; touch u; stat -c %a u"),
    "IFS": (r"""IFS=$':\n0'; a=1:2""", f"{SHOW} IFS; printf '<%s>' $a"),
    "arguments": (r"""set -- one 'two  three' '' $'a\nb' '*'""", r"""printf '<%s>' "$#" "$@" """),
    "no arguments any more": ("set -- a; set --", "echo $#"),
    "traps": ("trap 'echo \"got it\"' USR1; trap '' HUP; trap 'echo err' ERR", "trap -p; kill -USR1 $BASHPID; false"),
    "a directory": ("mkdir -p \"it's  a\"$'\\n''new $(line)'; cd it*; mkdir -- -p; cd -- -p", "pwd; cd ..; pwd; cd -"),
    "a directory behind a link": ("mkdir -p a/b; ln -s a/b link; cd link", "pwd; pwd -P; cd ..; pwd"),
    "two variables of bash": ("PS4='> '; OPTIND=3; GLOBIGNORE='*.o'", "echo $PS4 $OPTIND $GLOBIGNORE; set -x; :"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KEPT)
def test_a_new_shell_goes_on_where_the_old_one_was(spec, kind):
    text, question = KEPT[kind]
    with contextlib.closing(BashShell(spec, grace=QUICK)) as shell:
        assert shell.run(text).end is End.EXITED
        expected = shell.run(question)
    for path in Path(spec.cwd).iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    with contextlib.closing(passed_on(spec, text)) as shell:
        done = shell.run(question)
    assert (done.exit_status, done.end, done.output) == (expected.exit_status, expected.end, expected.output)
    assert expected.output, "the question shows nothing"


def test_a_snapshot_is_a_script_of_what_the_learner_changed(shell, spec):
    empty = shell.snapshot()
    assert shell.snapshot() == empty
    said(shell, "ls /; [ -e / ]; :")
    assert shell.snapshot() == empty, "nothing that a program or bash itself changes"
    said(shell, "mine='a b'")
    assert set(shell.snapshot().splitlines()[1:]) - set(empty.splitlines()) == {b'\\builtin declare -- mine="a b"'}
    assert b"PLANTED" not in shell.snapshot()
    script = Path(spec.cwd, "script")
    script.write_bytes(shell.snapshot())
    assert subprocess.check_output(["bash", "-c", f"source {script}; echo $mine"]) == b"a b\n"


def test_a_snapshot_is_of_the_moment(shell):
    for number in range(30):
        said(shell, f"x={'y' * (30 - number)}{number}; f() {{ echo {number}; }}")
        snapshot = shell.snapshot()
        assert f'x="{"y" * (30 - number)}{number}"\n'.encode() in snapshot
        assert f"echo {number}\n".encode() in snapshot
        assert snapshot.count(b"\\builtin declare -- x=") == 1
        if number % 2:
            assert shell.variable("x") == f"{'y' * (30 - number)}{number}"


def test_a_restored_shell_is_as_a_new_one_otherwise(spec):
    Path(spec.env["HOME"], ".bash_history").write_text("mine\n")
    with contextlib.closing(passed_on(spec, "x=1; (exit 3)")) as shell:
        arrived = []
        done = shell.run(
            'echo "$?[$_]$PS1$PROMPT_COMMAND${HISTFILE-unset}"; shopt -po history', on_output=arrived.append
        )
        assert (done.output, done.exit_status) == (b"0[]unset\nset +o history\n", 1)
        assert b"".join(arrived) == done.output, "something else is on the terminal"
        assert said(shell, "[ -t 0 ] && stty size") == "50 200\n"
        (directory,) = Path(spec.run_dir).iterdir()
        names = {path.name for path in directory.iterdir()}
        assert names == {"command", "dump", "input", "report", "start", "state"}
        assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}
    assert Path(spec.env["HOME"], ".bash_history").read_text() == "mine\n"


def test_what_the_new_shell_is_given_is_not_overwritten(spec):
    with contextlib.closing(BashShell(spec)) as old:
        old.run("mine=1; TERM=changed")
        snapshot = old.snapshot()
    later = ShellSpec(
        prefix=spec.prefix, env={**spec.env, "PLANTED": "anew", "TERM": "vt100"}, cwd=spec.cwd, run_dir=spec.run_dir
    )
    with contextlib.closing(BashShell(later)) as new:
        assert new.restore(snapshot)
        assert said(new, "echo $PLANTED $mine $TERM") == "anew 1 changed\n"


@pytest.mark.parametrize("gone", ["a/b c", "a"])
def test_a_directory_that_is_gone(spec, gone):
    with contextlib.closing(BashShell(spec)) as old:
        old.run("mkdir -p 'a/b c'; cd 'a/b c'; x=1; set -e")
        snapshot = old.snapshot()
    shutil.rmtree(f"{spec.cwd}/{gone}")
    with contextlib.closing(BashShell(spec)) as new:
        assert new.restore(snapshot) is False
        assert said(new, "pwd; echo $x $-") == f"{Path(spec.cwd, gone).parent}\n1 ehimBs\n"


@pytest.mark.parametrize(
    "damage", [lambda text: b"", lambda text: text[:-1], lambda text: text + b"x", lambda text: b"echo stray >stray\n"]
)
def test_bytes_that_are_no_snapshot_do_nothing(spec, damage):
    with contextlib.closing(BashShell(spec)) as old:
        old.run("x=1; f() { :; }")
        snapshot = damage(old.snapshot())
    with contextlib.closing(BashShell(spec)) as new:
        assert new.restore(snapshot) is False
        assert said(new, "ls; declare -F; echo ${x-none}") == "none\n"


def test_what_cannot_be_set_is_told(spec):
    with contextlib.closing(BashShell(spec)) as old:
        old.run("abc=1; alias ll='ls -l'; later=2")
        snapshot = old.snapshot()
    for wrong, right in ((b"declare -- abc=", b"declare -r UID="), (b"alias ll=", b"alias /l=")):
        assert snapshot.count(wrong) == 1
        with contextlib.closing(BashShell(spec)) as new:
            assert new.restore(snapshot.replace(wrong, right)) is False
            arrived = []
            assert said(new, "echo $later", on_output=arrived.append) == "2\n"
            assert b"".join(arrived) == b"2\n", "bash's complaint is on the terminal"


def test_a_function_that_cannot_be_read_costs_no_other(spec):
    with contextlib.closing(BashShell(spec)) as old:
        old.run("a() { echo a; }; b() { echo bbbbbb; }; c() { echo c; }; x=1; alias echo='echo alias'; set -u")
        snapshot = old.snapshot()
    with contextlib.closing(BashShell(spec)) as new:
        assert new.restore(snapshot.replace(b"echo bbbbbb", b"if fi )((  ")) is False
        assert said(new, "a; c; printf '%s\n' $x $-; declare -F b || true") == "a\nc\n1\nhimuBs\n"


def test_a_snapshot_after_a_command_that_was_ended(shell):
    shell.run("a=1; sleep 100", timeout=0.2)
    assert b'a="1"' in shell.snapshot()
    interrupting(shell, "b=2; echo ready; sleep 100")
    assert b'b="2"' in shell.snapshot()
    shell.run("c=3; echo ${nope:?is not set}")
    assert b'c="3"' in shell.snapshot()
    shell.run("d=4; echo 'never closed")
    shell.run("d=5")
    assert b'd="5"' in shell.snapshot()


def test_a_snapshot_of_a_shell_that_took_the_place_of_another(shell):
    said(shell, "plain=1; export exported=2")
    shell.run("exec bash", timeout=10)
    snapshot = shell.snapshot()
    assert b"plain" not in snapshot
    assert b'declare -x exported="2"' in snapshot
    shell.run("exit")
    assert b'declare -x exported="2"' in shell.snapshot()


def test_a_snapshot_of_a_shell_that_has_died_since(shell, spec):
    gate = f"{spec.cwd}/gate"
    shell.snapshot()
    said(shell, f"(until [ -e {gate} ]; do sleep 0.01; done; kill -9 $$; touch {gate}2) & disown; x=1")
    assert shell.variable("x") == "1"  # so it is at its input again
    Path(gate).touch()
    wait_for(lambda: Path(f"{gate}2").exists())
    assert b'x="1"' in shell.snapshot()


def test_a_shell_that_dies_while_it_tells(shell):
    shell.snapshot()
    done = shell.run("x=1; set -T; trap '[[ $BASH_COMMAND != *\"declare -p\"* ]] || kill -9 $$' DEBUG")
    assert (done.exit_status, done.end) == (0, End.EXITED)
    assert b"x=" not in shell.snapshot(), "the new shell's"
    assert said(shell, "echo ${x-none}") == "none\n"


def test_a_shell_that_ends_while_it_is_restored(spec):
    with contextlib.closing(BashShell(spec)) as old:
        old.run("abcdefghijk=1; f() { :; }")
        snapshot = old.snapshot()
    line = b'\\builtin declare -- abcdefghijk="1"'
    assert line in snapshot
    with contextlib.closing(BashShell(spec)) as new:
        assert new.restore(snapshot.replace(line, b'\\builtin kill -9 "$$"'.ljust(len(line)))) is False
        assert said(new, "echo ${abcdefghijk-none}; declare -F") == "none\n"


def test_what_traps_print_is_not_in_a_snapshot(spec):
    texts = ("x=1; y() { :; }; trap \"echo don't\" DEBUG; trap 'echo r' RETURN", "set -T", "z=2")
    with contextlib.closing(BashShell(spec)) as old:
        for text in texts:
            old.run(text)
        snapshot = old.snapshot()
    assert b"don't" not in snapshot.replace(b"trap -- 'echo don'\\''t'", b"")
    with contextlib.closing(BashShell(spec)) as new:
        assert new.restore(snapshot)
        assert said(new, "[[ $- == *T* ]] && echo $x $z; declare -F; trap -p DEBUG RETURN") == "1 2\ndeclare -f y\n"


@pytest.mark.parametrize("name", ["state", "dump"])
def test_a_file_of_ours_that_was_removed_comes_back(shell, spec, name):
    shell.snapshot()
    (directory,) = Path(spec.run_dir).iterdir()
    said(shell, f"umask 000; x=1; rm {directory}/{name}")
    assert b'x="1"' in shell.snapshot()
    said(shell, "x=2")
    assert b'x="2"' in shell.snapshot()
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}


def test_what_a_killed_labrunner_leaves_is_removed(shell, spec):
    program = (
        "import sys; from labrunner.shell.bash import BashShell; from labrunner.shell.protocol import ShellSpec\n"
        "shell = BashShell(ShellSpec(env={'PATH': sys.argv[1]}, cwd='/', run_dir=sys.argv[2]))\n"
        "shell.run('token=hunter2'); shell.snapshot(); print(flush=True); sys.stdin.read()"
    )
    line = [sys.executable, "-c", program, os.environ["PATH"], spec.run_dir]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"\n"
        (left,) = Path(spec.run_dir).iterdir()
        assert b"hunter2" in left.joinpath("state").read_bytes()
        with contextlib.closing(BashShell(spec)) as third:
            said(third, "true")
            assert left.exists(), "one that is alive"
        other.kill()
    said(shell, "true")
    assert not left.exists()


@pytest.mark.sandbox
def test_a_full_disk_ends_no_shell(tmp_path):
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", run_dir], check=True)
    try:
        spec = ShellSpec(env={"PATH": os.environ["PATH"]}, cwd="/", run_dir=str(run_dir))
        with contextlib.closing(BashShell(spec)) as shell:
            snapshot = shell.snapshot()
            assert shell.run("set -e; token=hunter2; big=$(printf '%0100000d' 7)").end is End.EXITED
            with pytest.raises(ShellError, match=r"cannot write its state to .*disk full") as caught:
                shell.snapshot()
            assert "hunter2" not in str(caught.value)
            assert said(shell, "echo ${#big} $token; unset big") == "100000 hunter2\n"
            assert b"hunter2" in shell.snapshot()
            header = snapshot.partition(b"\n")[0]
            with pytest.raises(ShellError, match=r"cannot write .*No space"):
                shell.restore(
                    header.replace(b" 0,", b" 200000,") + b"\n" + b"#" * 200_000 + snapshot[len(header) + 1 :]
                )
    finally:
        subprocess.run(["umount", run_dir], check=True)


def test_no_snapshot_of_a_closed_shell(spec):
    shell = BashShell(spec)
    shell.close()
    with pytest.raises(ShellError, match="closed"):
        shell.snapshot()
