"""Every broken course of tests/courses/broken gives exactly the diagnostics beside it, through `labrunner lint`."""

import re
import shutil
import time
from argparse import Namespace
from pathlib import Path

import pytest

from labrunner.authoring import lint as _loaded_before_the_clock_starts  # noqa: F401
from labrunner.cli import lint
from labrunner.content import read as _and_what_it_imports_late  # noqa: F401

COURSES = Path(__file__).parents[2] / "courses"
BROKEN = sorted(folder.name for folder in (COURSES / "broken").iterdir())


def prepare(name: str, folder: Path) -> Path:
    """A copy with a checks folder; check files that are no good Python are kept as text."""
    shutil.copytree(COURSES / "broken" / name, folder, symlinks=True)
    checks = folder / "checks"
    checks.mkdir(exist_ok=True)
    kept = checks / "probe.py.txt"
    if kept.exists():
        kept.rename(checks / "probe.py")
    else:
        shutil.copy(COURSES / "checks" / "probe.py", checks)
    return folder


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_course_gives_exactly_its_diagnostics(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = prepare(name, tmp_path / "course")
    expected = (folder / "expected.txt").read_text(encoding="utf-8")
    start = time.process_time()
    status = lint.run(Namespace(path=str(folder)), {})
    seconds = time.process_time() - start
    shown = capsys.readouterr()
    assert shown.out == expected
    assert status == 3
    assert "Traceback" not in shown.err
    assert seconds < 1


def test_each_fixture_expects_a_position_in_each_line():
    for name in BROKEN:
        lines = (COURSES / "broken" / name / "expected.txt").read_text(encoding="utf-8").splitlines()
        assert lines, name
        assert all(re.match(r"[\w./-]+:[1-9]\d*:[1-9]\d*: error: \S", line) for line in lines), name


HUGE = {
    "not UTF-8": (b"id: one\ntitle: caf\xe9\n", "lab.yaml:2:11: error: the file is not UTF-8: byte 0xe9"),
    "over 1 MiB": (b"# " + b"x" * (1 << 20), "lab.yaml:1:1: error: the file is over 1 MiB"),
    "flow lists, 10,000 deep": (b"[" * 10_000, "lab.yaml:1:51: error: nested deeper than 50 levels"),
    "flow mappings, 10,000 deep": (b"{a: " * 10_000, "lab.yaml:1:201: error: nested deeper than 50 levels"),
    "block mappings, 1,400 deep": (
        b"".join(b" " * depth + b"a:\n" for depth in range(1400)),
        "lab.yaml:51:51: error: nested deeper than 50 levels",
    ),
    "block lists, 10,000 deep": (b"- " * 10_000, "lab.yaml:1:101: error: nested deeper than 50 levels"),
    "alias bomb": (
        b"a: &a [x, x, x]\n"
        + b"".join(b"%c: &%c [*%c, *%c, *%c]\n" % ((98 + n, 98 + n) + (97 + n,) * 3) for n in range(9)),
        "lab.yaml:1:4: error: an anchor ('&a') is not allowed",
    ),
    "a million aliases": (
        b"a: &a x\nb: [" + b"*a," * 300_000 + b"]",
        "error: too many problems; the rest was not read",
    ),
    "one key, again and again": (b"{" + b"a," * 400_000 + b"}", "the key 'a' is written twice"),
    "a number of 10,000 digits": (
        b"minutes: " + b"9" * 10_000,
        "lab.yaml:1:10: error: 'minutes' must be a whole number",
    ),
    "a NUL": (b"id: \x00", "lab.yaml:1:5: error: the control character U+0000"),
    "empty": (b"", "lab.yaml:1:1: error: the file is empty"),
}


@pytest.mark.parametrize("what", HUGE)
def test_a_hostile_lab_gives_a_diagnostic_within_a_second(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    content, expected = HUGE[what]
    (tmp_path / "course.yaml").write_text("format: 1\nid: x\ntitle: X\nlabs: [lab.yaml]\n", encoding="utf-8")
    (tmp_path / "lab.yaml").write_bytes(content)
    start = time.process_time()
    status = lint.run(Namespace(path=str(tmp_path)), {})
    seconds = time.process_time() - start
    out = capsys.readouterr().out
    assert expected in out
    assert all(line.startswith("lab.yaml:") for line in out.splitlines())
    assert status == 3
    assert seconds < 1
