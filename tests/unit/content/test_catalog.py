"""Signatures come from the source; no check file is ever run."""

import os
from pathlib import Path

from labrunner.content.catalog import Parameter, read_catalog

CHECKS = Path(__file__).parents[2] / "courses" / "checks"


def test_a_signature_is_read_with_types_defaults_and_doc():
    signature = read_catalog([str(CHECKS)]).signatures["probe.state"]
    assert signature.says == "The probe is in that state."
    assert signature.at == "checks/probe.py:7"
    assert signature.parameters == (
        Parameter(name="name", type="str", required=True),
        Parameter(name="count", type="int", required=False),
        Parameter(name="ready", type="bool", required=False),
        Parameter(name="tags", type="list[str]", required=False),
        Parameter(name="env", type="dict[str, str]", required=False),
        Parameter(name="share", type="float", required=False),
    )


def test_reading_runs_nothing(tmp_path: Path):
    (tmp_path / "loud.py").write_text(
        "from pathlib import Path\nPath(__file__).with_name('ran').touch()\n"
        "@check('loud.one')\ndef one(ask):\n    'It is.'\n",
        encoding="utf-8",
    )
    catalog = read_catalog([str(tmp_path)])
    assert list(catalog.signatures) == ["loud.one"]
    assert catalog.diagnostics == ()
    assert not (tmp_path / "ran").exists()


def test_a_folder_counts_once_and_a_missing_one_is_empty(tmp_path: Path):
    catalog = read_catalog([str(CHECKS), str(CHECKS / ".." / "checks"), str(tmp_path / "none")])
    assert catalog.diagnostics == ()
    assert set(catalog.signatures) == {"probe.state"}


def test_a_kind_of_two_files_is_refused(tmp_path: Path):
    text = "@check('a.b')\ndef one(ask): ...\n"
    (tmp_path / "one.py").write_text(text, encoding="utf-8")
    (tmp_path / "two.py").write_text(text, encoding="utf-8")
    (found,) = read_catalog([str(tmp_path)]).diagnostics
    where = tmp_path.name
    message = f"the check kind 'a.b' is defined twice; the first is in {where}/one.py:2"
    assert str(found) == f"{where}/two.py:1:2: error: {message}"


def test_unreadable_python_is_a_diagnostic(tmp_path: Path):
    (tmp_path / "nul.py").write_bytes(b"x = '\x00'")
    (tmp_path / "deep.py").write_text("x = " + "(" * 5000, encoding="utf-8")
    found = read_catalog([str(tmp_path)]).diagnostics
    assert [item.file for item in found] == [f"{tmp_path.name}/deep.py", f"{tmp_path.name}/nul.py"]


def test_what_is_no_file_of_the_folder_is_refused_without_waiting(tmp_path: Path):
    (tmp_path / "link.py").symlink_to(CHECKS / "probe.py")
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "folder.py").mkdir()
    catalog = read_catalog([str(tmp_path)])
    assert [item.message.split(":")[0] for item in catalog.diagnostics] == [
        "this is no regular file",
        "a check file must not be a link",
        "this is no regular file",
    ]
    assert not catalog.signatures
    assert not catalog.complete
