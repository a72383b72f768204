"""The sessions of a sandbox and the ledger on the disk: whole at any moment, and what cannot be read is kept."""

import stat

import pytest

from labrunner.record.book import Book, BookError
from labrunner.record.ledger import Entry
from labrunner.record.progress import Progress, ProgressError
from labrunner.record.snapshots import Snapshots

A, B, C = (Entry("container", name, name * 3) for name in "abc")


def test_the_newest_session_comes_first(tmp_path):
    progress = Progress(str(tmp_path / "progress.json"))
    assert progress.sessions() == []
    for name in ("one", "two", "one"):
        progress.add(name)
    assert progress.sessions() == ["one", "two"]
    progress.drop("one")
    assert Progress(str(tmp_path / "progress.json")).sessions() == ["two"]


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"format": 2, "sessions": []}', '{"format": 1}', '{"format": 1, "sessions": 3}']
)
def test_what_cannot_be_read_is_kept_aside_and_told_once(tmp_path, text):
    path = tmp_path / "progress.json"
    path.write_text(text)
    with pytest.raises(ProgressError, match=r"kept as .*progress\.json\.unreadable-1"):
        Progress(str(path)).sessions()
    assert (tmp_path / "progress.json.unreadable-1").read_text() == text
    assert Progress(str(path)).sessions() == []
    path.write_text("again")
    with pytest.raises(ProgressError, match="unreadable-2"):
        Progress(str(path)).sessions()


def test_what_appears_while_a_lab_runs_is_the_labs(tmp_path):
    path = str(tmp_path / "ledger.json")
    book = Book(path)
    book.begin("l1", frozenset({A}))
    book.end(frozenset({A, B}))
    book.begin("l2", frozenset({A, B}))
    book.end(frozenset({A, B, C}))
    assert [(made.entry, made.lab) for made in Book(path).made] == [(B, "l1"), (C, "l2")]
    book.strike([B])
    assert [made.entry for made in Book(path).made] == [C]


def test_a_stretch_that_was_cut_is_closed_by_the_next_run(tmp_path):
    path = str(tmp_path / "ledger.json")
    Book(path).begin("l1", frozenset({A}))
    book = Book(path)
    assert book.open_lab == "l1"
    book.begin("l2", frozenset({A, B}))
    assert [(made.entry, made.lab) for made in book.made] == [(B, "l1")]


def test_what_was_there_and_has_changed_is_not_ours(tmp_path):
    changed, again = Entry("file", "work/a", "2"), Entry("container", "b", "other")
    book = Book(str(tmp_path / "ledger.json"))
    book.begin("l1", frozenset({Entry("file", "work/a", "1")}))
    book.end(frozenset({changed, B}))
    assert [made.entry for made in book.made] == [B]
    book.begin("l2", frozenset({changed, B}))
    book.end(frozenset({changed, again}))
    assert [made.entry for made in book.made] == [B, again], "made by us, made anew by us"


def test_one_more_of_the_same_name_is_ours(tmp_path):
    theirs, more = (Entry("repository-manifest", "registry/web", digest) for digest in ("sha256:1", "sha256:2"))
    book = Book(str(tmp_path / "ledger.json"))
    book.begin("l1", frozenset({theirs}))
    book.end(frozenset({theirs, more}))
    assert [made.entry for made in book.made] == [more]


def test_a_ledger_that_cannot_be_read_is_kept_aside(tmp_path):
    path = tmp_path / "ledger.json"
    path.write_text('{"format": 1, "made": [["x"]]}')
    with pytest.raises(BookError, match="unreadable-1"):
        Book(str(path))
    assert Book(str(path)).made == []


def test_snapshots_are_for_their_owner_alone_and_go(tmp_path):
    snapshots = Snapshots(str(tmp_path))
    assert snapshots.load("local") is None
    snapshots.keep("local", b"x=1\n")
    path = tmp_path / "shell-local.bash"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    about = path.stat()
    snapshots.keep("local", b"x=1\n")
    assert path.stat().st_ino == about.st_ino, "nothing is written when it is the same"
    snapshots.keep("local", b"x=2\n")
    assert Snapshots(str(tmp_path)).load("local") == b"x=2\n"
    snapshots.forget()
    assert list(tmp_path.iterdir()) == []
