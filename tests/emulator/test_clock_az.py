"""The local Azure's clock, moved by its control socket, as az sees it; and tags that a seed has made older."""

import io
import json

import pytest
from azure.containerregistry import ContainerRegistryClient
from azure.identity import ClientSecretCredential

from tests.emulator.running import REGISTRY

DAY = 86400.0
KIND = "application/vnd.oci.image.index.v1+json"
PURGE = "acr purge --filter 'mywebapi:.*' --ago 90d --untagged"
OF_TASK = ("--name", "cleanup-old-images", "--registry", REGISTRY)


@pytest.fixture
def clock(emulator):
    yield emulator.control
    emulator.control.set_clock(0)


@pytest.fixture
def task(az):
    words = ["acr", "task", "create", *OF_TASK, "--cmd", PURGE, "--schedule", "0 2 * * *", "--context", "/dev/null"]
    yield az.json(*words)
    az.run("acr", "task", "delete", *OF_TASK, "--yes")


def push(clients, tag):
    """Something that needs no blobs."""
    identity, secret = clients.control.operator()
    credential = ClientSecretCredential(clients.tenant, identity, secret)
    server = f"https://{REGISTRY}.azurecr.io"
    body = {"schemaVersion": 2, "mediaType": KIND, "manifests": [], "annotations": {"tag": tag}}
    with credential, ContainerRegistryClient(server, credential, audience="https://management.azure.com") as client:
        client.set_manifest("mywebapi", io.BytesIO(json.dumps(body).encode()), tag=tag, media_type=KIND)


def tags(az):
    return az.json("acr", "repository", "show-tags", "--name", REGISTRY, "--repository", "mywebapi")


def test_a_task_that_the_clock_passes_has_run_and_az_stays_signed_in(az, clients, clock, task):
    push(clients, "1.0.0")
    clock.set_clock(1 * DAY)
    (run,) = az.json("acr", "task", "list-runs", *OF_TASK)
    assert (run["task"], run["status"], run["runType"]) == ("cleanup-old-images", "Succeeded", "AutoRun")
    assert run["timerTrigger"]["timerTriggerName"] == "t1"
    assert run["timerTrigger"]["scheduleOccurrence"].endswith("T02:00:00+00:00")
    table = az.run("acr", "task", "list-runs", *OF_TASK, "--output", "table").out.splitlines()
    assert table[2].split()[3:5] == ["Succeeded", "Timer"]
    assert "1.0.0" in tags(az)
    clock.set_clock(100 * DAY)
    assert len(az.json("acr", "task", "list-runs", *OF_TASK)) == 2
    logs = az.run("acr", "task", "logs", *OF_TASK)
    assert "Number of deleted tags: 1" in logs.out, logs
    assert az.run("acr", "repository", "show", "--name", REGISTRY, "--repository", "mywebapi").status == 3


def test_tags_are_as_old_as_a_seed_wants_them_and_purge_sees_that(az, clients):
    for tag in ("0.8.0", "0.9.0", "1.0.0"):
        push(clients, tag)
    entries = [{"from": f"mywebapi:{tag}", "tags": [tag], "days": days} for tag, days in (("0.8.0", 40), ("0.9.0", 29))]
    assert clients.control.seed_images({"registry": REGISTRY, "repository": "mywebapi", "manifests": entries}) == ""
    purged = az.run(
        *("acr", "run", "--registry", REGISTRY, "--cmd"),
        *("acr purge --filter 'mywebapi:.*' --ago 30d --untagged", "/dev/null"),
    )
    assert "Number of deleted tags: 1" in purged.out, purged
    assert "Number of deleted manifests: 1" in purged.out, purged
    assert tags(az) == ["0.9.0", "1.0.0"]
