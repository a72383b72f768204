"""What holds for every kind of the checks folder."""

import fnmatch
import inspect
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from labrunner.checking.client import DirectChecker, WorkerContext
from labrunner.checking.registry import Registry
from labrunner.content.catalog import read_catalog
from labrunner.model import Check, Outcome

CHECKS = str(Path(__file__).parents[3] / "checks")
REGISTRY = Registry([CHECKS])
AZURE_KINDS = {
    "acr.answers": {"registry": "myregistry"},
    "acr.attributes": {"registry": "myregistry", "repository": "x", "write_enabled": False},
    "acr.can-pull": {"registry": "myregistry", "repository": "x"},
    "acr.can-push": {"registry": "myregistry", "repository": "x"},
    "acr.manifests": {"registry": "myregistry", "repository": "x", "untagged": 0},
    "acr.no-repository": {"registry": "myregistry", "name": "x"},
    "acr.no-tag": {"registry": "myregistry", "repository": "x", "tag": "1"},
    "acr.older-tags": {"registry": "myregistry", "repository": "x", "tags": ["1"], "days": 30},
    "acr.only-tags": {"registry": "myregistry", "repository": "x", "tags": ["1"]},
    "acr.pushed": {"registry": "myregistry", "repository": "x", "tag": "1", "image": "x"},
    "acr.repositories": {"registry": "myregistry", "names": ["x"]},
    "acr.same-digest": {"registry": "myregistry", "repository": "x", "tags": ["1", "2"]},
    "acr.tags": {"registry": "myregistry", "repository": "x", "tags": ["1"]},
    "acr.can-sign": {"registry": "myregistry", "repository": "x"},
    "arm.no-role": {"registry": "myregistry", "principal": "x", "role": "AcrPush"},
    "arm.no-task": {"registry": "myregistry", "name": "mytask"},
    "arm.registry": {"registry": "myregistry"},
    "arm.role": {"registry": "myregistry", "principal": "x", "role": "AcrPush"},
    "arm.run": {"registry": "myregistry", "task": "mytask"},
    "arm.task": {"registry": "myregistry", "name": "mytask"},
    "arm.webhook": {"registry": "myregistry", "name": "myhook"},
    "arm.webhook-event": {"registry": "myregistry", "name": "myhook", "action": "push", "repository": "x"},
    "entra.application": {"name": "x"},
    "entra.no-application": {"name": "x"},
    "notation.signed": {"registry": "myregistry", "repository": "x", "tag": "1", "key": "x"},
    "trust.no-data": {"registry": "myregistry", "repository": "x"},
    "trust.policy": {"registry": "myregistry", "status": "enabled"},
    "trust.refused": {"registry": "myregistry", "repository": "x", "tag": "1"},
    "trust.signed": {"registry": "myregistry", "repository": "x", "tag": "1"},
    "trust.signer": {"registry": "myregistry", "repository": "x", "name": "y", "key": "y.pub"},
}
KINDS = {
    *AZURE_KINDS,
    "command.result",
    "compose.down",
    "compose.service",
    "docker.container",
    "docker.cli",
    "docker.file",
    "docker.image",
    "docker.login",
    "docker.logs",
    "docker.no-container",
    "docker.no-image",
    "docker.no-login",
    "docker.no-volume",
    "docker.same-image",
    "docker.tag-from",
    "docker.tag-like",
    "docker.tags",
    "docker.volume",
    "file.absent",
    "file.exists",
    "file.json",
    "http.get",
    "notation.key",
    "notation.policy",
    "notation.refuses",
    "notation.trusted",
    "notation.verifies",
    "trust.key",
    "trust.verified",
}
ENGINE_KINDS = {
    "compose.down": {"keeps": ["x"]},
    "compose.service": {"service": "x"},
    "docker.container": {"name": "x"},
    "docker.file": {"container": "x", "path": "/x"},
    "docker.image": {"image": "x"},
    "docker.logs": {"container": "x", "contains": "x"},
    "docker.no-container": {"name": "x"},
    "docker.no-image": {"image": "x"},
    "docker.no-volume": {"name": "x"},
    "docker.same-image": {"images": ["x", "y"]},
    "docker.tag-from": {"repository": "x", "run": "echo 1"},
    "docker.tag-like": {"repository": "x", "like": "1"},
    "docker.tags": {"repository": "x", "tags": ["1"]},
    "docker.volume": {"name": "x"},
}
ONE_OF_EACH_FILE = set({path: kind for kind, path in REGISTRY.files().items()}.values())


def test_the_kinds_are_these():
    assert set(REGISTRY.files()) == KINDS


def test_the_catalog_reads_them_all_without_running_them():
    catalog = read_catalog([CHECKS])
    assert catalog.diagnostics == ()
    assert set(catalog.signatures) == KINDS


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_kind_has_a_reference_text_and_named_typed_arguments(kind):
    function = REGISTRY.function(kind)
    first = inspect.getdoc(function).splitlines()[0]
    assert first.endswith(".")
    context, *arguments = inspect.signature(function).parameters.values()
    assert context.name == "ask"
    assert {argument.kind for argument in arguments} == {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize("kind", sorted(ENGINE_KINDS))
def test_an_engine_that_does_not_answer_is_an_error_and_never_failed(ask, kind):
    result = ask(kind, **ENGINE_KINDS[kind])
    assert (result.outcome, result.bug) == (Outcome.ERROR, False)
    assert result.message == (
        "The Docker Engine of the sandbox does not answer. What to do: run `labrunner sandbox up`, then try again."
    )


def test_without_an_engine_that_of_the_machine_is_never_asked(place):
    with closing(DirectChecker((CHECKS,), WorkerContext(engine_url="", home=str(place), work=str(place)))) as checker:
        (result,) = checker.ask([Check(kind="docker.image", args={"image": "x"})])
    assert result.outcome is Outcome.ERROR
    assert result.message == "There is no Docker Engine here. What to do: run the lab in the sandbox."


@pytest.mark.parametrize("kind", sorted(AZURE_KINDS))
def test_a_target_without_azure_is_an_error_and_never_failed(ask, kind):
    result = ask(kind, **AZURE_KINDS[kind])
    assert (result.outcome, result.bug) == (Outcome.ERROR, False)
    assert "no Azure" in result.message


@pytest.mark.parametrize("library", ["azure", "docker", ""])
def test_a_file_pays_for_no_library_of_others(library):
    """All files of one library in one process, since each that starts pays for the library."""
    libraries = {kind: "docker" if kind in ENGINE_KINDS else "" for kind in KINDS} | dict.fromkeys(AZURE_KINDS, "azure")
    libraries |= dict.fromkeys([*fnmatch.filter(KINDS, "notation.*"), *fnmatch.filter(KINDS, "trust.*")], "azure")
    both = {"acr.pushed", "trust.refused", "trust.verified"}
    kinds = sorted(kind for kind in ONE_OF_EACH_FILE - both if libraries[kind] == library)
    assert kinds
    program = (
        f"import sys; from labrunner.checking.registry import Registry; registry = Registry([{CHECKS!r}]); "
        f"[registry.function(kind) for kind in {kinds!r}]; print(*{{'docker', 'azure', 'checks'}} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", program], check=True, timeout=30, capture_output=True, text=True)
    assert ran.stdout.split() == [library] * bool(library)
