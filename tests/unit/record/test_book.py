"""The ledger on the disk: whose each thing is, also when a run was killed and another one closes its stretch."""

import json

from labrunner.record.book import Book, Made
from labrunner.record.ledger import Entry

HERS, LATER, THIRD = (Entry("volume", name, f"{name}@1") for name in ("hers", "later", "third"))


def test_each_session_has_made_its_own(tmp_path):
    path = str(tmp_path / "book.json")
    book = Book(path)
    book.begin("l", frozenset(), session="one")
    book.end(frozenset({HERS}))
    book.begin("l", frozenset({HERS}), session="two")
    book = Book(path)  # the second was killed
    assert book.open_lab == "l"
    book.begin("m", frozenset({HERS, LATER}), session="three")
    book.end(frozenset({HERS, LATER, THIRD}))
    expected = [Made(HERS, "l", "one"), Made(LATER, "l", "two"), Made(THIRD, "m", "three")]
    assert Book(path).made == book.made == expected


def test_a_book_of_before_is_read(tmp_path):
    path = tmp_path / "book.json"
    rows = {"made": [["volume", "hers", "hers@1", "l"]], "open": {"lab": "m", "before": [["volume", "hers", "hers@1"]]}}
    path.write_text(json.dumps({"format": 1, **rows}))
    book = Book(str(path))
    book.end(frozenset({HERS, LATER}))
    assert Book(str(path)).made == [Made(HERS, "l"), Made(LATER, "m")]
