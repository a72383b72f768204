"""The command line's frame: what every command shares, whatever goes wrong in it."""

import fcntl
import os
import struct
import subprocess
import sys
import termios
from contextlib import closing
from pathlib import Path

import pytest

from labrunner import __version__, cli
from labrunner.cli import COMMANDS, Problem, main

ROOT = Path(__file__).resolve().parents[3]


def environment(home):
    """Of a user who has asked before: the bundled course, read already, is in the cache, and most of these are not
    about reading it."""
    passed = {name: os.environ[name] for name in ("PATH", "XDG_CACHE_HOME")}
    return {**passed, "PYTHONPATH": str(ROOT), "HOME": str(home), "LC_ALL": "C.UTF-8"}


def labrunner(home, *words, **more):
    """The command in a process of its own."""
    more.setdefault("capture_output", True)
    return subprocess.run(
        [sys.executable, "-m", "labrunner", *words],
        env=environment(home),
        text=True,
        timeout=30,
        check=False,
        stdin=subprocess.DEVNULL,
        **more,
    )


@pytest.fixture
def broken(monkeypatch):
    """broken(exception): `labrunner list` raises it."""

    def make(exception):
        def run(name, arguments):
            raise exception

        monkeypatch.setattr(cli, "_run", run)

    return make


@pytest.mark.parametrize("word", ["--help", "-h", "help"])
def test_help_is_data(word, capsys):
    assert main([word]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for name, says in COMMANDS.items():
        assert f"  {name} " in out
        assert says in out
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "exit status: 0 all passed" in out


def test_without_a_word_it_is_help_and_a_usage_error(capsys):
    assert main([]) == 2
    assert "usage: labrunner" in capsys.readouterr().out


@pytest.mark.parametrize("word", ["--version", "-V"])
def test_version(word, capsys):
    assert main([word]) == 0
    assert capsys.readouterr().out == f"labrunner {__version__}\n"


@pytest.mark.parametrize(("word", "near"), [("chek", "check"), ("runn", "run"), ("xyzzy", None)])
def test_an_unknown_command_names_the_nearest(word, near, capsys):
    assert main([word]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"there is no command '{word}'." in err
    assert (f"Did you mean '{near}'?" in err) == (near is not None)
    assert "labrunner --help" in err


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_helps(name, capsys):
    assert main([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"usage: labrunner {name}")


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_option_is_a_usage_error(name, capsys):
    assert main([name, "--nonsense"]) == 2
    err = capsys.readouterr().err
    assert "usage: labrunner" in err
    assert "Traceback" not in err


def test_options_are_not_abbreviated(capsys):
    assert main(["run", "--unatt"]) == 2
    assert "--unatt" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "--all", "lab-2"], "name labs or give --all, not both"),
        (["run", "--target", "moon"], "invalid choice"),
        (["run", "lab-99"], "there is no lab called 'lab-99'"),
        (["run", "--course", "/nowhere/at/all"], "There is no course '/nowhere/at/all'"),
        (["check", "lab-2/tag-for-arc"], "Did you mean 'tag-for-acr'?"),
        (["run", "lab-2", "--report", "/proc/out.json"], "the report /proc/out.json cannot be written"),
        (["lint", "/nowhere"], "/nowhere"),
        (["sandbox"], "the following arguments are required: up|down|status|shell|reset|open|env|clock|fault"),
        (["run", "lab-2", "--sandbox", "No Name"], "'No Name' is no name for a sandbox"),
        (["status", "--sandbox", "No Name"], "'No Name' is no name for a sandbox"),
    ],
)
def test_what_is_wrong_in_the_words_is_said_before_anything_starts(words, said, capsys, isolated, monkeypatch):
    monkeypatch.setattr("labrunner.cli.machine._installed", None)  # were it to go on, nothing could start
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert not (isolated / "state").exists()


def test_a_problem_is_told_with_its_remedy_and_status(broken, capsys):
    broken(Problem("it is dark", status=4, remedy="Light a lamp."))
    assert main(["list"]) == 4
    assert capsys.readouterr().err == "labrunner: it is dark\nWhat to do: Light a lamp.\n"


def test_a_problem_on_a_terminal_is_folded_between_words(isolated):
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    try:
        assert labrunner(isolated, "solve", capture_output=False, stderr=slave).returncode == 2
        said = os.read(master, 4096).decode().replace("\r\n", "\n")
    finally:
        os.close(slave)
        os.close(master)
    assert said == (
        "labrunner: nothing is under way in\nsandbox 'default'\n"
        "What to do: Begin with\n`labrunner run LAB`; `labrunner list`\nshows the labs.\n"
    )


def test_a_defect_is_ours(broken, capsys, monkeypatch):
    broken(RuntimeError("oops"))
    assert main(["list"]) == 5
    out, err = capsys.readouterr()
    assert out == ""
    assert "a defect of labrunner, not yours: RuntimeError: oops" in err
    assert "Traceback" not in err
    monkeypatch.setenv("LABRUNNER_DEBUG", "1")
    assert main(["list"]) == 5
    assert "Traceback" in capsys.readouterr().err


def test_an_interruption_has_its_status(broken, capsys):
    broken(KeyboardInterrupt())
    assert main(["list"]) == 130
    assert capsys.readouterr().err == "labrunner: interrupted\n"


@pytest.mark.parametrize("words", [["--help"], ["list"], ["lint", str(ROOT / "tests/courses/broken/type-text")]])
def test_a_reader_that_has_gone_is_no_defect(words, isolated):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = labrunner(isolated, *words, capture_output=False, stdout=writing, stderr=subprocess.PIPE)
    finally:
        os.close(writing)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "defect" not in ended.stderr
    assert "Exception ignored" not in ended.stderr


@pytest.mark.parametrize("words", [["--help"], ["list"], ["sandbox", "status"]])
def test_a_closed_stdout_is_no_defect(words, isolated):
    code = "import os, sys; os.close(1); os.execv(sys.executable, [sys.executable, '-m', 'labrunner', *sys.argv[1:]])"
    ended = subprocess.run(
        [sys.executable, "-c", code, *words],
        env=environment(isolated),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    )
    assert "Traceback" not in ended.stderr
    assert "defect" not in ended.stderr


def test_a_full_disk_under_stdout_is_told(isolated):
    with Path("/dev/full").open("w") as full:
        ended = labrunner(isolated, "list", capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert ended.returncode not in (0, 5)
    assert "No space left" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_state_folder_that_cannot_be_written_is_told(tmp_path, monkeypatch, capsys):
    from labrunner.cli.opening import new_session
    from labrunner.engine.policy import Unattended
    from labrunner.model import Course
    from labrunner.targets.local import LocalTarget

    (tmp_path / "state").write_text("a file, no folder")
    env = {"XDG_STATE_HOME": str(tmp_path / "state")}
    course = Course(id="c", title="C")
    with (
        closing(LocalTarget(course, env=env)) as target,
        pytest.raises(Problem, match="cannot make the transcript") as caught,
    ):
        new_session(course, {}, target, Unattended(print), env)
    assert caught.value.status == 4
