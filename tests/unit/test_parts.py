"""The parts of the tests that `make check` runs side by side are all of them."""

import re
from pathlib import Path

import pytest

from tests.parts import Part

MAKEFILE = Path(__file__).parents[2] / "Makefile"


@pytest.mark.parametrize("of", [1, 3, 8])
def test_each_file_is_in_one_of_them_and_they_weigh_about_the_same(tmp_path, of):
    files = [tmp_path / f"test_{number}.py" for number in range(40)]
    for number, file in enumerate(files):
        file.write_bytes(b"#" * (1 + number * 37 % 100))
    parts = [Part.read(f"{number}/{of}") for number in range(1, of + 1)]
    kept = [[file for file in files if part.pytest_ignore_collect(file) is None] for part in parts]
    assert sorted(file for part in kept for file in part) == sorted(files)
    weights = [sum(file.stat().st_size for file in part) for part in kept]
    assert max(weights) - min(weights) <= 100


def test_what_is_no_test_file_is_in_all_of_them(tmp_path):
    for name in ("unit", "conftest.py", "cloud.py"):
        assert [Part(number, 2).pytest_ignore_collect(tmp_path / name) for number in (1, 2)] == [None, None]


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "a/b", ""])
def test_there_is_no_such_part(text):
    with pytest.raises(ValueError, match=r"part|int"):
        Part.read(text)


def test_make_check_runs_every_part():
    parts = re.findall(r"(\d+)/(\d+)", re.search(r"^PARTS = (.*)$", MAKEFILE.read_text(), re.MULTILINE)[1])
    assert parts == [(str(number + 1), str(len(parts))) for number in range(len(parts))]
