"""What a check is told of its target, on both sides of the wire."""

import json
import os
import subprocess
import sys

import pytest

from labrunner.checking.api import AzureContext, TargetError
from labrunner.checking.context import AskingContext, WorkerContext
from labrunner.checking.wire import config_line, read_config
from labrunner.shell.program import run_program

AZURE = AzureContext(tenant="t", subscription="s", client_id="c", client_secret="x-secret-x")


@pytest.mark.parametrize("azure", [None, AZURE])
def test_it_comes_over_the_wire_as_it_was(azure):
    about = WorkerContext(engine_url="unix:///x", home="/h", work="/w", env={"A": "b"}, remedy="r", azure=azure)
    assert read_config(config_line(("/checks",), about)) == (("/checks",), about)


def test_azure_is_there_or_an_error_with_a_remedy():
    about = WorkerContext(engine_url="", home="/h", work="/w", remedy="do this", azure=AZURE)
    assert AskingContext(about, runner=run_program).azure == AZURE
    without = AskingContext(WorkerContext(engine_url="", home="/h", work="/w", remedy="do this"), runner=run_program)
    with pytest.raises(TargetError, match="no Azure") as caught:
        _ = without.azure
    assert caught.value.remedy == "do this"


def test_the_secret_is_in_no_message():
    about = WorkerContext(engine_url="", home="/h", work="/w", azure=AZURE)
    assert "x-secret-x" not in f"{AZURE} {AZURE!r} {about!r}"


def test_a_workers_own_environment_leads_to_azure_and_nowhere_else(tmp_path):
    (tmp_path / "kinds.py").write_text(
        "import os\nfrom labrunner.checking.api import check, passed\n"
        "@check('t.env')\ndef env(ask):\n    '''.'''\n    return passed(' '.join(sorted(os.environ)))\n"
    )
    given = {
        "HTTPS_PROXY": "http://p",
        "no_proxy": "localhost",
        "SSL_CERT_FILE": "/ca",
        "HTTP_PROXY": "x",
        "HOME": "/h",
    }
    request = {"ask": 1, "once": True, "checks": [{"kind": "t.env", "args": {}, "within": 0}]}
    about = WorkerContext(engine_url="", home="/h", work=str(tmp_path))
    line = [sys.executable, "-m", "labrunner.checking.worker"]
    environment = {**given, "PYTHONPATH": os.getcwd()}  # noqa: PTH109
    with subprocess.Popen(line, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(config_line((str(tmp_path),), about) + json.dumps(request).encode() + b"\n")
        worker.stdin.flush()
        said = [json.loads(worker.stdout.readline()) for _ in range(2)]
    assert said[1]["result"]["message"] == "HOME HTTPS_PROXY SSL_CERT_FILE no_proxy"
