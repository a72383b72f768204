"""A state that is damaged on the disk is told: which file, and what is wrong with it. Nothing of it is changed."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from labrunner.emulator.clock import Clock
from labrunner.emulator.damage import BLOBS, DATABASE, STATUS, Damaged, discard, said, told
from labrunner.emulator.store import Store
from labrunner.emulator.world import open_world


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A folder that a local Azure has left."""
    folder = tmp_path / "azure"
    open_world(folder, Clock()).close()
    return folder


def change(statement: str) -> None:
    def act(file: Path) -> None:
        with closing(sqlite3.connect(file)) as db:
            db.executescript(statement)

    return act  # type: ignore[return-value]


WRONG = {
    "garbage": (lambda file: file.write_bytes(b"x" * 40960), "file is not a database"),
    "cut off": (lambda file: os.truncate(file, 20000), "malformed"),
    "a cut page": (lambda file: os.truncate(file, file.stat().st_size - 100), "."),
    "overwritten": (
        lambda file: file.write_bytes(file.read_bytes()[:8192] + b"y" * (file.stat().st_size - 8192)),
        ".",
    ),
    "empty": (lambda file: file.write_bytes(b""), "it is empty"),
    "gone": (lambda file: file.unlink(), "it is gone"),
    "another's column": (
        change("DROP TABLE issued; CREATE TABLE issued (other TEXT)"),
        "its table 'issued' has no 'expires'",
    ),
    "another's index": (
        change("DROP TABLE manifests; CREATE TABLE manifests (other TEXT)"),
        ": registry",
    ),
}


@pytest.mark.parametrize(("spoil", "says"), WRONG.values(), ids=WRONG)
def test_it_is_told_and_left_as_it_is(state, spoil, says):
    file = state / DATABASE
    spoil(file)
    before = file.read_bytes() if file.exists() else None
    for _ in range(2):
        with pytest.raises(Damaged) as raised:
            open_world(state, Clock())
        assert str(raised.value).startswith(f"{file}: ")
        assert says in str(raised.value)
    assert (file.read_bytes() if file.exists() else None) == before


def test_what_was_cut_at_its_first_start_is_no_damage(tmp_path):
    (tmp_path / DATABASE).touch()
    open_world(tmp_path, Clock()).close()


def test_after_it_was_discarded_it_begins_with_nothing_and_is_trusted_as_before(state):
    (state / "tls").mkdir()
    (state / BLOBS / "some").write_bytes(b"x")
    (state / DATABASE).write_bytes(b"x" * 5000)
    discard(state)
    assert [path.name for path in state.iterdir()] == ["tls"]
    discard(state)
    open_world(state, Clock()).close()


def test_damage_while_it_is_used_is_told_to_who_wants_to_know(tmp_path):
    store = Store(tmp_path / DATABASE)
    store.define("CREATE TABLE IF NOT EXISTS t (x TEXT)")
    found: list[Damaged] = []
    store.damaged(found.append)
    with store.write() as db:
        db.executemany("INSERT INTO t VALUES (?)", [("x" * 4000,)] * 20)
    store.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    size = (tmp_path / DATABASE).stat().st_size
    with (tmp_path / DATABASE).open("r+b") as file:
        file.seek(4096)
        file.write(b"z" * (size - 4096))
    store.rows("PRAGMA shrink_memory")
    with pytest.raises(Damaged, match="malformed"):
        store.rows("SELECT x FROM t")
    with pytest.raises(Damaged, match="malformed"), store.write() as db:
        db.execute("DELETE FROM t")
    with pytest.raises(Damaged, match="malformed"):
        store.row("SELECT x FROM t")
    assert len(found) == 3
    store.close()


def test_the_program_ends_with_a_status_and_a_line_that_are_known(state):
    (state / DATABASE).write_bytes(b"x" * 5000)
    words = [sys.executable, "-m", "labrunner.emulator", "--state", str(state), "--proxy", "127.0.0.1:0"]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == STATUS
    assert told(ended.stderr) == f"{state / DATABASE}: file is not a database"


def test_the_last_damage_is_told():
    assert told("2026 GET /\n") == ""
    assert told(f"{said(Damaged('a: b'))}\n{said(Damaged('c: d'))}\n") == "c: d"
