"""A program is run to its end, and nothing of it is left."""

import time
from pathlib import Path

import pytest

from labrunner.shell.program import OUTPUT_LIMIT, ProgramError, ProgramTimeoutError, run_program

ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "WORD": "given"}


def bash(text: str, cwd: Path, timeout: float = 10.0):
    return run_program(["bash", "-c", text], env=ENV, cwd=str(cwd), timeout=timeout)


def test_status_and_both_streams(tmp_path):
    result = bash("echo out; echo err >&2; exit 3", tmp_path)
    assert (result.status, result.stdout, result.stderr) == (3, "out\n", "err\n")


def test_the_environment_is_the_given_one_and_no_other(tmp_path, monkeypatch):
    monkeypatch.setenv("FOREIGN", "x")
    assert bash('echo "$WORD-$FOREIGN-$PWD"', tmp_path).stdout == f"given--{tmp_path}\n"


def test_a_signal_is_a_status_as_in_a_shell(tmp_path):
    assert bash("kill -KILL $$", tmp_path).status == 137


def test_it_gets_no_input(tmp_path):
    assert bash("cat", tmp_path).stdout == ""


def test_bytes_that_are_no_text_are_replaced(tmp_path):
    assert bash(r"printf '\xff'", tmp_path).stdout == "\ufffd"


def test_output_without_end_costs_no_memory(tmp_path):
    result = bash("head -c 12000000 /dev/zero; echo end >&2", tmp_path)
    assert (len(result.stdout), result.stderr) == (OUTPUT_LIMIT, "end\n")


def test_a_timeout_ends_the_whole_group(tmp_path):
    begun = time.monotonic()
    with pytest.raises(ProgramTimeoutError, match=r"did not end within 0\.3 seconds"):
        bash("trap '' TERM INT; sleep 60 & echo $! > child; wait; sleep 60", tmp_path, timeout=0.3)
    assert time.monotonic() - begun < 5
    assert ended(int((tmp_path / "child").read_text()))


def test_a_program_that_is_not_there(tmp_path):
    with pytest.raises(ProgramError, match="`no-such-program` could not be started"):
        run_program(["no-such-program"], env=ENV, cwd=str(tmp_path), timeout=1)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ProgramError, match="nowhere"):
        bash("true", tmp_path / "nowhere")


def test_no_descriptor_is_left_open(tmp_path):
    bash("true", tmp_path)
    before = len(list(Path("/proc/self/fd").iterdir()))
    bash("true", tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def ended(number: int) -> bool:
    """Whether the process is gone, or dead and only not reaped yet; a killed one may take a moment."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.01)
    return False
