"""azure-cli is warmed once, in the background, by a mistake of its own."""

import sys
from pathlib import Path

import pytest

from labrunner.sandbox import azure_warming
from tests.waiting import wait_for

AZ = """\
import os, sys
from pathlib import Path
import rarely
with Path({log!r}).open("a") as log:
    idle = os.sched_getscheduler(0) == os.SCHED_IDLE
    log.write(f"{{sys.argv}} {{os.environ['AZURE_CORE_COLLECT_TELEMETRY']}} {{idle}}\\n")
{end}
"""


@pytest.mark.parametrize("end", ["sys.exit(2)", "raise RuntimeError('no')"])
def test_it_makes_the_bytecode_once_whatever_comes_of_the_command(tmp_path: Path, end: str) -> None:
    root, log = tmp_path / "az", tmp_path / "log"
    package = tmp_path / "site" / "azure" / "cli"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(AZ.format(log=str(log), end=end))
    (tmp_path / "site" / "rarely.py").write_text("x = 1\n")
    python = root / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(
        f'#!/bin/sh\nshift\nexec {sys.executable} -E -c \'import runpy, sys; sys.path.insert(0, "{tmp_path}/site"); '
        'sys.argv.pop(0); runpy.run_path(sys.argv[0], run_name="__main__")\' "$@"\n'
    )
    python.chmod(0o755)
    azure_warming.begin(root)
    wait_for((root / "warm").exists)
    assert list((tmp_path / "site").rglob("rarely*.pyc"))
    assert log.read_text() == "['az', 'acr', 'lst'] no True\n"
    assert not (root / "warming").exists()
    azure_warming.begin(root)
    assert log.read_text().count("\n") == 1


def test_an_azure_cli_that_is_gone_is_no_failure(tmp_path: Path) -> None:
    azure_warming.begin(tmp_path / "gone")
