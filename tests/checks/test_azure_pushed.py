"""The Azure kinds inside a sandbox: what the real docker did there, asked by the worker of a run."""

import pytest

from labrunner.emulator.client import ControlClient
from labrunner.model import Check
from tests.emulator.running import REGISTRY, SEED
from tests.findings import failed, passed

pytestmark = pytest.mark.sandbox

SERVER = f"{REGISTRY}.azurecr.io"
REPOSITORY = {"registry": REGISTRY, "repository": "team/api"}
PUSHED = {**REPOSITORY, "tag": "1.0", "image": "api:latest"}


def test_login_push_and_what_follows_from_it(with_azure):
    control = ControlClient(with_azure.sandbox.layout.azure_control)
    control.seed(SEED)
    identity, secret = control.operator()
    with_azure.image("api:latest")
    assert failed(with_azure.ask("acr.can-push", **REPOSITORY)).startswith(f"Docker is not logged in to `{SERVER}`")
    (with_azure.work / "secret").write_text(secret)
    with_azure.bash(f"docker login {SERVER} -u {identity} --password-stdin < secret")
    assert passed(with_azure.ask("acr.can-push", **REPOSITORY))
    assert passed(with_azure.ask("acr.answers", registry=REGISTRY))

    missing = f"The registry `{REGISTRY}` has no repository `team/api`; it is empty."
    assert failed(with_azure.ask("acr.pushed", **PUSHED)) == missing
    with_azure.bash(f"docker tag api:latest {SERVER}/team/api:1.0; docker push {SERVER}/team/api:1.0")
    assert passed(with_azure.ask("acr.pushed", **PUSHED)).startswith(
        f"`team/api:1.0` in the registry `{REGISTRY}` is the"
    )
    assert passed(with_azure.ask("acr.manifests", **REPOSITORY, tagged=1, untagged=0))
    event = {"registry": REGISTRY, "name": "mypushhook", "action": "push", "repository": "team/api", "tag": "1.0"}
    assert passed(with_azure.ask("arm.webhook-event", **event))

    with_azure.image("api:new")
    with_azure.bash("docker tag api:new api:latest")
    assert "was not pushed yet" in failed(with_azure.ask("acr.pushed", **PUSHED))
    with_azure.bash(f"docker tag api:latest {SERVER}/team/api:2.0; docker push {SERVER}/team/api:2.0")
    assert "is another image than `api:latest` here" in failed(with_azure.ask("acr.pushed", **PUSHED))
    with_azure.bash(f"docker logout {SERVER}")
    assert failed(with_azure.ask("acr.can-pull", **REPOSITORY)) == f"Docker is not logged in to `{SERVER}`."


def test_a_run_of_labs_without_azure_asks_none(shared):
    assert shared.checker.ask([Check(kind="acr.answers", args={"registry": REGISTRY})])[0].message.startswith(
        "this target has no Azure"
    )
