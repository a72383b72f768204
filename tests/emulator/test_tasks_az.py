"""ACR Tasks as az uses them: quick runs, tasks, runs, logs. Keys and types are those of azure-cli's recordings."""

import http.client
import io
import json
import re
import ssl
from urllib.parse import urlsplit

import pytest
from azure.containerregistry import ContainerRegistryClient
from azure.identity import ClientSecretCredential

from tests.emulator.running import REGISTRY

SERVER = f"{REGISTRY}.azurecr.io"
KIND = "application/vnd.oci.image.index.v1+json"
PURGE = "acr purge --filter 'mywebapi:.*' --ago 90d --untagged"
TASK = {
    # Recorded (test_acr_task), in az's own words: null is what Azure did not send.
    "agentConfiguration": dict,
    "creationDate": str,
    "id": str,
    "isSystemTask": bool,
    "location": str,
    "name": str,
    "platform": dict,
    "provisioningState": str,
    "resourceGroup": str,
    "status": str,
    "step": dict,
    "systemData": dict,
    "timeout": int,
    "trigger": dict,
    "type": str,
}
RUN = {
    "agentConfiguration": dict,
    "createTime": str,
    "finishTime": str,
    "id": str,
    "isArchiveEnabled": bool,
    "lastUpdatedTime": str,
    "name": str,
    "platform": dict,
    "provisioningState": str,
    "resourceGroup": str,
    "runId": str,
    "runType": str,
    "startTime": str,
    "status": str,
    "systemData": dict,
    "task": str,
    "type": str,
}


def has(found, wanted):
    """Whether what is not null is as wanted, key by key and type by type."""
    return {key: type(value) for key, value in found.items() if value is not None} == wanted


@pytest.fixture
def registry(clients):
    """The registry's data as the operator sees it, through the SDK."""
    identity, secret = clients.control.operator()
    credential = ClientSecretCredential(clients.tenant, identity, secret)
    with (
        ContainerRegistryClient(f"https://{SERVER}", credential, audience="https://management.azure.com") as client,
        credential,
    ):
        yield client


def push(registry, repository, tag):
    """Something that needs no blobs; returns its digest."""
    body = {"schemaVersion": 2, "mediaType": KIND, "manifests": [], "annotations": {"tag": tag}}
    return registry.set_manifest(repository, io.BytesIO(json.dumps(body).encode()), tag=tag, media_type=KIND)


def tags(registry, repository):
    return {tag.name for tag in registry.list_tag_properties(repository)}


def quick(az, command, *more):
    return az.run("acr", "run", "--registry", REGISTRY, "--cmd", command, *more, "/dev/null")


def said(text):
    """The log's lines, without the times."""
    return [re.sub(r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d ", "", line) for line in text.splitlines()]


@pytest.fixture
def task(az):
    """The course's task, as its text makes it."""
    words = ["acr", "task", "create", "--name", "cleanup-old-images", "--registry", REGISTRY, "--cmd", PURGE]
    yield az.json(*words, "--schedule", "0 2 * * *", "--context", "/dev/null")
    az.run("acr", "task", "delete", "--name", "cleanup-old-images", "--registry", REGISTRY, "--yes")


def test_a_purge_runs_and_shows_its_log(az, registry):
    push(registry, "purged", "1.0.0")
    push(registry, "purged", "2.0.0")
    ran = quick(az, "acr purge --filter 'purged:^1' --ago 0d")
    assert ran.status == 0, ran.err
    queued = re.search(r"Queued a run with ID: (cf\d+)\n", ran.err)
    assert queued
    lines = said(ran.out)
    for line in (
        "Deleting tags for repository: purged",
        f"Deleted {SERVER}/purged:1.0.0",
        "Number of deleted tags: 1",
        "Number of deleted manifests: 0",
    ):
        assert line in lines
    assert lines[-1] == "" or lines[-1].startswith("Run ID")
    assert f"Run ID: {queued[1]} was successful after" in ran.out
    assert tags(registry, "purged") == {"2.0.0"}


def test_a_dry_run_lets_all_be(az, registry):
    push(registry, "dry", "1.0.0")
    ran = quick(az, "acr purge --filter 'dry:.*' --ago 0d --dry-run")
    assert ran.status == 0, ran.err
    assert f"Would delete: {SERVER}/dry:1.0.0" in said(ran.out)
    assert tags(registry, "dry") == {"1.0.0"}


def test_a_purge_without_ago_fails_as_acr_refuses_it(az):
    ran = quick(az, "acr purge --filter 'mywebapi:.*' --keep 5 --untagged")
    assert ran.status == 1
    assert "Error: --ago is required when not using --untagged-only" in said(ran.out)
    assert ran.err.splitlines()[-1] == "ERROR: Run failed"


def test_any_other_command_fails_and_says_why(az):
    ran = quick(az, "bash -c 'echo hello'")
    assert ran.status == 1
    assert "labrunner's local Azure runs no containers" in ran.out
    assert "hello" not in ran.out
    assert ran.err.splitlines()[-1] == "ERROR: Run failed"


def test_a_run_without_its_log(az):
    ran = quick(az, "acr purge --untagged-only", "--no-logs")
    found = ran.json
    assert has(found, {key: kind for key, kind in RUN.items() if key != "task"})
    assert (found["status"], found["runType"]) == ("Succeeded", "QuickRun")
    # az asks whether a run failed only when it had to wait for it.
    assert quick(az, "bash", "--no-logs").json["status"] == "Failed"


def test_a_task_as_the_course_makes_it(az, task):
    assert has(task, TASK)
    assert task["name"] == "cleanup-old-images"
    assert task["trigger"]["timerTriggers"] == [{"name": "t1", "schedule": "0 2 * * *", "status": "Enabled"}]
    assert task["trigger"]["baseImageTrigger"]["name"] == "defaultBaseimageTriggerName"
    assert (task["step"]["type"], task["timeout"], task["status"]) == ("EncodedTask", 3600, "Enabled")
    shown = az.json("acr", "task", "show", "--name", "cleanup-old-images", "--registry", REGISTRY)
    assert shown == task
    (listed,) = az.json("acr", "task", "list", "--registry", REGISTRY)
    assert listed == task


def test_a_task_is_a_row_of_a_table_when_it_is_made_and_listed(az, task):
    words = ["--name", "cleanup-old-images", "--registry", REGISTRY, "--cmd", PURGE, "--context", "/dev/null"]
    made = az.run("acr", "task", "create", *words, "--schedule", "0 2 * * *", "--output", "table")
    listed = az.run("acr", "task", "list", "--registry", REGISTRY, "--output", "table")
    for ran in (made, listed):
        assert ran.status == 0, ran.err
        head, _, row = ran.out.splitlines()
        assert head.split("  ")[0] == "NAME"
        assert row.split() == ["cleanup-old-images", "linux", "Enabled", "BASE_IMAGE,", "TIMER"]


def test_a_task_runs_when_it_is_told_to(az, registry, task):
    push(registry, "mywebapi", "1.0.0")
    of_task = ["--name", "cleanup-old-images", "--registry", REGISTRY]
    assert az.json("acr", "task", "list-runs", *of_task) == []
    ran = az.run("acr", "task", "run", *of_task)
    assert ran.status == 0, ran.err
    assert "Number of deleted tags: 0" in said(ran.out)
    (found,) = az.json("acr", "task", "list-runs", *of_task)
    assert has(found, RUN)
    assert (found["task"], found["status"], found["runType"]) == ("cleanup-old-images", "Succeeded", "QuickRun")
    logs = az.run("acr", "task", "logs", *of_task)
    assert logs.status == 0, logs.err
    assert logs.out == ran.out
    table = az.run("acr", "task", "list-runs", *of_task, "--output", "table").out.splitlines()
    assert table[0].split() == ["RUN", "ID", "TASK", "PLATFORM", "STATUS", "TRIGGER", "STARTED", "DURATION"]
    assert table[2].split()[:5] == [found["runId"], "cleanup-old-images", "linux", "Succeeded", "Manual"]
    shown = az.json("acr", "task", "show-run", "--registry", REGISTRY, "--run-id", found["runId"])
    assert shown == found
    failed = az.json("acr", "task", "list-runs", *of_task, "--run-status", "Failed")
    assert failed == []


def test_a_task_is_changed_and_deleted(az, task):
    of_task = ["--name", "cleanup-old-images", "--registry", REGISTRY]
    changed = az.json("acr", "task", "update", *of_task, "--status", "Disabled")
    assert changed["status"] == "Disabled"
    assert changed["step"] == task["step"]
    assert changed["trigger"] == task["trigger"]
    added = az.json("acr", "task", "timer", "add", *of_task, "--timer-name", "t2", "--schedule", "0 3 * * *")
    assert [timer["name"] for timer in added["trigger"]["timerTriggers"]] == ["t1", "t2"]
    gone = az.run("acr", "task", "delete", *of_task, "--yes")
    assert (gone.status, gone.out) == (0, "")
    missing = az.run("acr", "task", "show", *of_task)
    assert missing.status == 3
    assert "(ResourceNotFound)" in missing.err


def test_a_schedule_that_is_none_is_refused(az):
    words = ["--name", "cleanup-never", "--registry", REGISTRY, "--cmd", PURGE, "--context", "/dev/null"]
    ran = az.run("acr", "task", "create", *words, "--schedule", "every day at two")
    assert ran.status == 1
    assert "cron" in ran.err
    assert "cleanup-never" not in az.run("acr", "task", "list", "--registry", REGISTRY).out


def test_who_may_only_look_may_not_run(az, new_az):
    scope = az.json("acr", "show", "--name", REGISTRY)["id"]
    made = az.json("ad", "sp", "create-for-rbac", "--name", "looker", "--role", "Reader", "--scopes", scope)
    looker = new_az()
    signed_in = looker.login(made["appId"], made["password"])
    assert signed_in.status == 0, signed_in.err
    ran = quick(looker, "acr purge --untagged-only")
    assert ran.status == 1
    assert "(AuthorizationFailed)" in ran.err
    assert "'Microsoft.ContainerRegistry/registries/scheduleRun/action'" in ran.err


def get(emulator, url, method="GET", **headers):
    """One request for a blob, as any client."""
    address, target = urlsplit(emulator.proxy), urlsplit(url)
    context = ssl.create_default_context(cafile=str(emulator.bundle))
    connection = http.client.HTTPSConnection(address.hostname, address.port, context=context, timeout=30)
    connection.set_tunnel(target.hostname, 443)
    try:
        connection.request(method, f"{target.path}?{target.query}", headers=headers)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def log_url(az):
    """A link to the log of a run that failed."""
    run = quick(az, "bash", "--no-logs").json
    path = f"{run['id']}/listLogSasUrl?api-version=2019-06-01-preview"
    return az.json("rest", "--method", "post", "--url", f"https://management.azure.com{path}")["logLink"]


def test_a_log_is_read_whole_and_in_part(emulator, log_url):
    status, headers, body = get(emulator, log_url)
    assert status == 200
    assert body.endswith(b"\r\n")
    assert headers["x-ms-meta-Complete"] == "failed"
    assert headers["x-ms-blob-type"] == "AppendBlob"
    head = get(emulator, log_url, "HEAD")
    assert (head[0], head[2]) == (200, b"")
    assert int(head[1]["Content-Length"]) == len(body)
    assert head[1]["ETag"] == headers["ETag"]
    status, headers, part = get(emulator, log_url, **{"x-ms-range": "bytes=5-9"})
    assert (status, part, headers["Content-Range"]) == (206, body[5:10], f"bytes 5-9/{len(body)}")
    status, headers, part = get(emulator, log_url, Range="bytes=0-99999")
    assert (status, part) == (206, body)
    status, headers, _ = get(emulator, log_url, Range=f"bytes={len(body)}-")
    assert (status, headers["x-ms-error-code"]) == (416, "InvalidRange")


@pytest.mark.parametrize(
    ("old", "new", "status", "code"),
    [
        ("sig=", "sig=A", 403, "AuthenticationFailed"),
        ("se=2", "se=9", 403, "AuthenticationFailed"),
        ("/logs/cf", "/logs/cf9", 403, "AuthenticationFailed"),
        ("&sig=", "&other=", 409, "PublicAccessNotPermitted"),
        ("rawtext.log", "other.log", 404, "BlobNotFound"),
        ("acrtaskprod", "azcliprod", 404, "ResourceNotFound"),
    ],
)
def test_a_link_that_was_changed_opens_nothing(emulator, log_url, old, new, status, code):
    found, headers, body = get(emulator, log_url.replace(old, new, 1))
    assert (found, headers["x-ms-error-code"]) == (status, code)
    assert f"<Code>{code}</Code>".encode() in body


def test_no_signature_of_a_link_is_in_the_log_of_the_emulator(emulator, log_url):
    get(emulator, log_url)
    assert "sig=" not in emulator.log
