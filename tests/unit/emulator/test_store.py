"""The store when a transaction cannot be: a full disk, or a rule that is broken at its end."""

import sqlite3

import pytest

from labrunner.emulator.store import Store


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "state.sqlite")
    made.define("CREATE TABLE t (x TEXT)")
    yield made
    made.close()


def test_a_full_disk_is_said_and_blocks_nothing_that_comes_later(store):
    store.rows("PRAGMA max_page_count = 8")
    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError, match="disk is full"), store.write() as db:
            db.executemany("INSERT INTO t VALUES (?)", [("lost",), *[("x" * 4000,)] * 20])
    with store.write() as db:
        db.execute("INSERT INTO t VALUES ('later')")
    assert [row["x"] for row in store.rows("SELECT x FROM t")] == ["later"]


def test_what_fails_at_its_end_blocks_nothing_that_comes_later(store):
    store.define(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
        "CREATE TABLE child (of INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)",
    )
    with pytest.raises(sqlite3.IntegrityError), store.write() as db:
        db.execute("INSERT INTO child VALUES (7)")
    with store.write() as db:
        db.execute("INSERT INTO t VALUES ('later')")
    assert store.rows("SELECT * FROM child") == []
    assert [row["x"] for row in store.rows("SELECT x FROM t")] == ["later"]
