"""Snapshots of shells, as they are kept for the next run."""

from pathlib import Path

from labrunner.record.snapshots import Snapshots


def test_the_last_one_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    made = Snapshots(str(tmp_path))
    assert made.load("local") is None
    for snapshot in (b"A=1\n", b"A=2\n"):
        made.keep("local", snapshot)
    (file,) = tmp_path.iterdir()
    assert (made.load("local"), file.stat().st_mode & 0o777) == (b"A=2\n", 0o600)
    made.forget()
    assert made.load("local") is None


def test_a_shell_that_cannot_say_how_it_is_was_last_as_it_is_kept(tmp_path: Path) -> None:
    made = Snapshots(str(tmp_path))
    made.keep("local", b"")
    assert made.load("local") is None
    made.keep("local", b"A=1\n")
    made.keep("local", b"")
    assert made.load("local") == b"A=1\n"
