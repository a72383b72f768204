from labrunner.record.ledger import Entry, appeared, differences

TAG = Entry("image-tag", "a:1", "sha256:1")
MOVED = Entry("image-tag", "a:1", "sha256:2")
VOLUME = Entry("volume", "data", "data@1")


def test_a_name_that_means_something_else_has_appeared() -> None:
    assert appeared(frozenset({TAG, VOLUME}), frozenset({MOVED, VOLUME})) == [MOVED]


def test_differences_are_told_by_name_once() -> None:
    assert differences(frozenset({TAG, VOLUME}), frozenset({MOVED, Entry("file", "x", "1")})) == [
        "+ file x",
        "~ image-tag a:1",
        "- volume data",
    ]
    assert differences(frozenset({TAG}), frozenset({TAG})) == []
