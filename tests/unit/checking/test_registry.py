"""Check files are found by path, loaded one by one, and say themselves when they are broken."""

import sys

import pytest

from labrunner.checking.registry import CheckFileError, Registry, UnknownKindError

GOOD = """
from dataclasses import dataclass
from labrunner.checking.api import check, passed

@dataclass(frozen=True)
class Thing:
    name: str

@check("{kind}")
def answer(ask, *, name: str = "x"):
    '''It is so.'''
    return passed(Thing(name).name)
"""


def test_a_kind_is_found_and_answers(tmp_path):
    (tmp_path / "one.py").write_text(GOOD.format(kind="one.kind"))
    assert Registry([str(tmp_path)]).function("one.kind")(None, name="y").message == "y"


def test_only_the_file_of_the_kind_is_run(tmp_path):
    (tmp_path / "one.py").write_text(GOOD.format(kind="one.kind"))
    (tmp_path / "heavy.py").write_text("raise RuntimeError\n" + GOOD.format(kind="heavy.kind"))
    assert Registry([str(tmp_path)]).function("one.kind")


def test_the_folder_is_not_importable_and_nothing_is_written_there(tmp_path):
    folder = tmp_path / "checks"
    folder.mkdir()
    (folder / "one_unlikely_name.py").write_text(GOOD.format(kind="one.kind"))
    before = list(sys.path)
    Registry([str(folder)]).function("one.kind")
    assert sys.path == before
    assert "one_unlikely_name" not in sys.modules
    assert [path.name for path in folder.iterdir()] == ["one_unlikely_name.py"]


def test_two_folders_may_have_files_of_one_name(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.py").write_text(GOOD.format(kind=f"{folder}.kind"))
    registry = Registry([str(tmp_path / "a"), str(tmp_path / "b")])
    assert registry.function("a.kind").__module__ != registry.function("b.kind").__module__


def test_a_folder_named_twice_counts_once(tmp_path):
    (tmp_path / "one.py").write_text(GOOD.format(kind="one.kind"))
    assert list(Registry([str(tmp_path), f"{tmp_path}/."]).files()) == ["one.kind"]


def test_a_duplicate_kind_is_refused_with_both_files(tmp_path):
    (tmp_path / "one.py").write_text(GOOD.format(kind="the.kind"))
    (tmp_path / "two.py").write_text(GOOD.format(kind="the.kind"))
    with pytest.raises(CheckFileError, match=r"`the\.kind` is defined in .*one\.py and .*two\.py"):
        Registry([str(tmp_path)]).function("the.kind")


def test_an_unknown_kind_says_where_it_looked(tmp_path):
    with pytest.raises(UnknownKindError, match=f"no check kind `no.such` in {tmp_path}"):
        Registry([str(tmp_path)]).function("no.such")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("@check('x.y')\ndef f(:\n", r"SyntaxError: .* \(line 2\)"),
        ("import no_such_module_at_all\n\n@check('x.y')\ndef f(): ...\n", r"ModuleNotFoundError: .* \(line 1\)"),
        ("def g():\n    return 1 / 0\n\ng()\n@check('x.y')\ndef f(): ...\n", r"ZeroDivisionError: .* \(line 2\)"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path, text, says):
    (tmp_path / "broken.py").write_text(text)
    with pytest.raises(CheckFileError, match=rf"broken\.py is broken: {says}"):
        Registry([str(tmp_path)]).function("x.y")
    assert not [name for name in sys.modules if name.endswith(".broken")]


def test_a_kind_that_is_named_in_a_text_only_is_an_error(tmp_path):
    (tmp_path / "one.py").write_text('"""\n@check("x.y")\n"""\n')
    with pytest.raises(CheckFileError, match=r"one\.py names the check kind `x\.y`, but"):
        Registry([str(tmp_path)]).function("x.y")


def test_a_file_that_is_not_utf8_is_named(tmp_path):
    (tmp_path / "latin.py").write_bytes(b"# \xe9\n@check('x.y')\n")
    with pytest.raises(CheckFileError, match=r"latin\.py cannot be read"):
        Registry([str(tmp_path)]).files()


def test_a_file_may_take_names_from_one_beside_it(tmp_path):
    folder = tmp_path / "checks"
    folder.mkdir()
    (folder / "zz_shared.py").write_text("import itertools\nCOUNT = itertools.count()\n")
    for name in ("one", "two"):
        text = GOOD.format(kind=f"{name}.kind").replace("Thing(name).name", "str(next(COUNT))")
        (folder / f"{name}.py").write_text(f"from .zz_shared import COUNT\n{text}")
    registry = Registry([str(folder)])
    said = [registry.function(kind)(None).message for kind in ("one.kind", "two.kind", "one.kind")]
    assert said == ["0", "1", "2"], "one module for both"
    assert Registry([str(folder)]).function("one.kind")(None).message == "0", "read again by the next registry"
    assert sorted(path.name for path in folder.iterdir()) == ["one.py", "two.py", "zz_shared.py"]
    assert "zz_shared" not in sys.modules


@pytest.mark.parametrize(
    ("shared", "says"),
    [("1 / 0\n", r"shared\.py is broken: ZeroDivisionError: .* \(line 1\)"), (None, r"one\.py is broken: .*shared.*")],
)
def test_what_is_wrong_with_a_file_beside_is_said(tmp_path, shared, says):
    (tmp_path / "one.py").write_text("from .shared import nothing\n" + GOOD.format(kind="one.kind"))
    if shared is not None:
        (tmp_path / "shared.py").write_text(shared)
    before = set(sys.modules)
    with pytest.raises(CheckFileError, match=says):
        Registry([str(tmp_path)]).function("one.kind")
    assert not [name for name in set(sys.modules) - before if name.endswith((".one", ".shared"))]
