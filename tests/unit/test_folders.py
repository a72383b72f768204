"""A test's folder serves the next one if it is as it was, and never else."""

import pytest

from tests.folders import Folders


def test_one_that_was_left_as_it_was_serves_again_after_its_test(tmp_path):
    folders = Folders(tmp_path)
    with folders.one() as first, folders.one() as second:
        assert first != second
        (first / "file").touch()
        (first / "file").unlink()
    with folders.one() as third, folders.one() as fourth:
        assert {third, fourth} == {first, second}


@pytest.mark.parametrize(
    "leave",
    [
        lambda folder: (folder / ".hidden").touch(),
        lambda folder: (folder / "below").mkdir(),
        lambda folder: folder.chmod(0o500),
        lambda folder: folder.rmdir(),
        lambda folder: (folder.rmdir(), folder.touch()),
        lambda folder: (folder.rmdir(), folder.symlink_to(folder.parent)),
    ],
    ids=["a file", "a folder", "its mode", "gone", "another kind", "elsewhere"],
)
def test_one_that_is_not_as_it_was_serves_no_more(tmp_path, leave):
    folders = Folders(tmp_path)
    with folders.one() as first:
        leave(first)
    with folders.one() as second:
        assert second != first
        assert list(second.iterdir()) == []
