"""The hosts file that the local Azure keeps true."""

import logging
from pathlib import Path
from sqlite3 import OperationalError

import pytest

from labrunner.emulator.__main__ import main
from labrunner.emulator.hosts import Hosts
from labrunner.emulator.store import Store

OTHERS = "127.0.0.1\tlocalhost\n# 10.99.0.1 is not spoken of here\n10.99.0.11\tneighbour\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "hosts"
    path.write_text(OTHERS + "10.99.0.1\tstale.azurecr.io older.azurecr.io\n")
    return path


def test_its_own_lines_are_made_anew_and_others_stay(path):
    names = ["management.azure.com", "one.azurecr.io"]
    before = path.stat().st_ino
    hosts = Hosts(path, "10.99.0.1", lambda: names)
    hosts.write()
    assert path.read_text() == OTHERS + "10.99.0.1\tmanagement.azure.com\n10.99.0.1\tone.azurecr.io\n"
    del names[:]
    hosts.write()
    assert path.read_text() == OTHERS
    assert path.stat().st_ino == before


def test_a_file_that_is_missing_is_made(tmp_path):
    Hosts(tmp_path / "hosts", "10.99.0.1", lambda: ["a.azurecr.io"]).write()
    assert (tmp_path / "hosts").read_text() == "10.99.0.1\ta.azurecr.io\n"


def test_following_writes_when_names_change_and_only_then(path):
    names = ["a.azurecr.io"]
    hosts = Hosts(path, "10.99.0.1", lambda: names)
    hosts.follow()
    assert "\ta.azurecr.io\n" in path.read_text()
    path.write_text("somebody else's\n")
    hosts.follow()
    assert path.read_text() == "somebody else's\n"
    names.append("b.azurecr.io")
    hosts.follow()
    assert path.read_text() == "somebody else's\n10.99.0.1\ta.azurecr.io\n10.99.0.1\tb.azurecr.io\n"


def test_what_cannot_be_written_is_logged_and_tried_again(tmp_path, caplog):
    hosts = Hosts(tmp_path / "gone" / "hosts", "10.99.0.1", lambda: ["a.azurecr.io"])
    with caplog.at_level(logging.WARNING):
        hosts.follow()
    assert "hosts cannot be written: No such file or directory" in caplog.text
    (tmp_path / "gone").mkdir()
    hosts.follow()
    assert (tmp_path / "gone" / "hosts").exists()


def test_a_store_tells_of_whole_transactions_that_happened(tmp_path):
    store = Store(tmp_path / "state.sqlite")
    store.define("CREATE TABLE t (x)")
    seen = []
    store.committed(lambda: seen.append(len(store.rows("SELECT * FROM t"))))
    with store.write() as db, store.write():
        db.execute("INSERT INTO t VALUES (1)")
        assert seen == []
    assert seen == [1]
    with pytest.raises(OperationalError), store.write() as db:
        db.execute("INSERT INTO nothing VALUES (2)")
    store.empty()
    assert seen == [1, 0]
    store.close()


def test_the_option_needs_an_address(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--state", str(tmp_path), "--hosts", str(tmp_path / "hosts")])
    assert ended.value.code == 2
    assert "--hosts needs --tls" in capsys.readouterr().err
