"""Tasks, their runs and their logs, without HTTP; and when a task is due."""

import base64
import json
from datetime import UTC, datetime

import pytest

from labrunner.emulator.agent import execute
from labrunner.emulator.agent.task_file import TaskFileProblem, read_task_file
from labrunner.emulator.clock import Clock
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.state.cron import Cron, CronProblem
from labrunner.emulator.state.runs import RunRequest
from labrunner.emulator.state.tasks import merged
from labrunner.emulator.world import open_world

DAY = 86400.0


@pytest.fixture
def registry(world):
    made = world.registries.ensure(
        group="labs", name="labacr12345", location="eastus", sku="Premium", subscription=world.resources.subscription
    )
    world.webhooks.ensure(made, name="deletions", actions=["delete"], service_uri="https://example.com/hook")
    return made


def push(world, registry, tag, *, days_ago=0.0, name="mywebapi"):
    """Something of its own (an index of nothing, which needs no blobs), pushed so many days ago."""
    kind = "application/vnd.oci.image.index.v1+json"
    body = {"schemaVersion": 2, "mediaType": kind, "manifests": [], "annotations": {"tag": tag, "days": str(days_ago)}}
    world.clock.offset = -days_ago * DAY
    try:
        return world.images.push(registry.id, name, json.dumps(body).encode(), kind, tag=tag).digest
    finally:
        world.clock.offset = 0.0


def encoded(text):
    return {"type": "EncodedTask", "encodedTaskContent": base64.b64encode(text.encode()).decode()}


def command(text):
    """As az writes it."""
    return encoded(f"version: v1.1.0\nsteps: \n  - cmd: {text}\n    disableWorkingDirectoryOverride: true\n")


def queued(world, registry, step, **more):
    request = RunRequest(kind="QuickRun", step=step, platform={"os": "linux", "architecture": "amd64"}, **more)
    return world.runs.queue(registry.id, request, by=world.directory.signed_in_user())


def ran(world, registry, step, **more):
    """The run as it ended, and its log's lines."""
    run = execute(world, registry, queued(world, registry, step), **more)
    log = world.runs.log(run.uid).decode()
    assert log.endswith("\r\n")
    assert log.count("\n") == log.count("\r\n")
    return run, log.split("\r\n")[:-1]


def tags(world, registry, name="mywebapi"):
    return [tag.name for tag in world.images.tags(registry.id, name)]


def test_a_purge_acts_on_the_registry_and_tells_webhooks_of_manifests_only(world, registry):
    old, new = push(world, registry, "old", days_ago=40), push(world, registry, "new")
    untagged = push(world, registry, "moving", days_ago=50)
    world.clock.offset = -45 * DAY
    world.images.untag(registry.id, "mywebapi", "moving")
    world.clock.offset = 0.0
    run, log = ran(world, registry, command("acr purge --filter 'mywebapi:.*' --ago 30d --untagged"))
    assert run.status == "Succeeded"
    assert f"Deleted {registry.login_server}/mywebapi:old" in log
    assert "Number of deleted tags: 1" in log
    assert log[-1] == f"Run ID: {run.name} was successful after 0s"
    assert tags(world, registry) == ["new"]
    there = {manifest.digest for manifest in world.images.manifests(registry.id, "mywebapi")}
    assert new in there
    assert untagged not in there
    hook = world.webhooks.get(registry, "deletions")
    events = [event.request["content"] for event in world.webhooks.events(hook)]
    assert {event["target"]["digest"] for event in events} == {untagged, old} - there
    assert {event["action"] for event in events} == {"delete"}


def test_a_dry_run_changes_nothing(world, registry):
    push(world, registry, "old", days_ago=40)
    run, log = ran(world, registry, command("acr purge --filter 'mywebapi:.*' --ago 30d --untagged --dry-run"))
    assert run.status == "Succeeded"
    assert "Number of tags to be deleted: 1" in log
    assert "Number of manifests to be deleted: 1" in log
    assert tags(world, registry) == ["old"]


def test_a_locked_tag_stays_until_locks_are_included(world, registry):
    push(world, registry, "old", days_ago=40)
    world.images.change(registry.id, "mywebapi", {"writeEnabled": False}, tag="old")
    ran(world, registry, command("acr purge --filter 'mywebapi:.*' --ago 30d"))
    assert tags(world, registry) == ["old"]
    _, log = ran(world, registry, command("acr purge --filter 'mywebapi:.*' --ago 30d --include-locked"))
    assert f"Unlocked {registry.login_server}/mywebapi:old" in log
    assert tags(world, registry) == []


def test_a_purge_that_acr_refuses_fails_the_run(world, registry):
    push(world, registry, "old", days_ago=40)
    run, log = ran(world, registry, command("acr purge --filter 'mywebapi:.*' --keep 5 --untagged"))
    assert run.status == "Failed"
    assert run.error == "failed during run, err: exit status 1"
    assert "Error: --ago is required when not using --untagged-only" in log
    assert log[-1] == f"Run ID: {run.name} failed after 0s. Error: failed during run, err: exit status 1"


@pytest.mark.parametrize(
    "step",
    [
        command("bash"),
        command("acr tag list --repository mywebapi"),
        command("docker run --rm acr purge"),
        command("acr"),
        encoded("steps:\n  - build: -t x .\n"),
        {"type": "Docker", "contextPath": "https://github.com/a/b"},
        {"type": "FileTask", "taskFilePath": "acb.yaml", "contextPath": "https://github.com/a/b"},
        {**command("acr purge --untagged-only"), "contextPath": "https://github.com/a/b"},
    ],
)
def test_what_cannot_be_run_fails_and_says_so(world, registry, step):
    push(world, registry, "old", days_ago=40)
    run, log = ran(world, registry, step)
    assert run.status == "Failed"
    assert any("labrunner's local Azure runs no containers" in line for line in log)
    assert tags(world, registry) == ["old"]


def test_the_steps_before_the_one_that_fails_are_done(world, registry):
    push(world, registry, "old", days_ago=40)
    text = (
        "steps:\n  - cmd: acr purge --filter mywebapi:old --ago 1d\n  - cmd: bash\n  - cmd: acr purge --untagged-only\n"
    )
    run, _ = ran(world, registry, encoded(text))
    assert run.status == "Failed"
    assert tags(world, registry) == []
    assert len(world.images.manifests(registry.id, "mywebapi")) == 1


def test_variables_and_values_are_filled_in(world, registry):
    push(world, registry, "old", days_ago=40)
    step = command("acr purge -r {{.Run.Registry}} --filter '{{ .Values.repository }}:.*' --ago 1d")
    run, _ = ran(world, registry, step, values={"repository": "mywebapi"})
    assert run.status == "Succeeded"
    assert tags(world, registry) == []
    assert (
        ran(world, registry, command("mcr.microsoft.com/acr/acr-cli:0.16 purge -r $RegistryName --untagged-only"))[
            0
        ].error
        == ""
    )
    run, log = ran(world, registry, command("acr purge --filter '{{.Values.none}}:.*' --ago 1d"))
    assert run.status == "Failed"
    assert "{{.Values.none}}" in log[2]


def test_run_ids_count_up_in_each_registry(world, registry):
    assert [ran(world, registry, command("bash"))[0].name for _ in range(3)] == ["cf1", "cf2", "cf3"]
    assert [run.name for run in world.runs.of(registry.id, top=2)] == ["cf3", "cf2"]


def test_a_run_that_was_interrupted_is_told_of(tmp_path):
    world = open_world(tmp_path / "azure", Clock())
    world.resources.ensure_group("labs", "eastus")
    registry = world.registries.ensure(
        group="labs", name="labacr12345", location="eastus", sku="Basic", subscription=world.resources.subscription
    )
    run = world.runs.begin(queued(world, registry, command("acr purge --untagged-only")).uid)
    assert run.status == "Running"
    world.close()
    world = open_world(tmp_path / "azure", Clock())
    found = world.runs.by_uid(run.uid)
    assert (found.status, found.error != "") == ("Error", True)
    assert world.runs.log(run.uid).endswith(b"\r\n")
    world.close()


# Task files


def test_what_az_writes_is_read():
    text = "version: v1.1.0\nsteps: \n  - cmd: acr purge --ago 1d\n    disableWorkingDirectoryOverride: true\n"
    text += "    timeout: 3600\n"
    (step,) = read_task_file(text)
    assert (step.id, step.kind, step.text, step.seconds) == ("acb_step_0", "cmd", "acr purge --ago 1d", 3600)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("acr purge --filter 'a:.*'", "acr purge --filter 'a:.*'"),
        ("acr purge  # weekly", "acr purge"),
        ("acr purge --filter a#b:.*", "acr purge --filter a#b:.*"),
        ("'acr purge --filter ''a:.*'''", "acr purge --filter 'a:.*'"),
        (r'"acr purge --filter \"a:\\d\" "', r'acr purge --filter "a:\d" '),
    ],
)
def test_values_are_plain_or_quoted(value, text):
    assert read_task_file(f"# weekly\nstepTimeout: 60\nsteps:\n- id: x\n  cmd: {value}\n")[0].text == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "steps:\n",
        "steps: []\n",
        "steps:\n  - cmd: |\n      acr purge\n",
        "steps:\n  - cmd: a: b\n",
        "steps:\n  - {cmd: acr purge}\n",
        "steps:\n  - cmd: 'acr purge\n",
        "steps:\n  - cmd: a\n    cmd: b\n",
        "steps:\n  - cmd: &a acr purge\n",
        "steps:\n\t- cmd: acr purge\n",
        "env: [a]\nsteps:\n  - cmd: acr purge\n",
        "  - cmd: acr purge\n",
        "steps:\n  - when: ['-']\n",
        "steps:\n  - cmd: a\n    timeout: long\n",
    ],
)
def test_other_yaml_is_refused_and_not_guessed(text):
    with pytest.raises(TaskFileProblem):
        read_task_file(text)


# Settings of tasks


def put(world, registry, **properties):
    settings = {"step": command("acr purge --untagged-only"), **properties}
    return world.tasks.put(
        registry.id,
        "cleanup",
        location="eastus",
        properties=settings,
        tags={},
        by=world.directory.signed_in_user(),
    )


def test_a_task_has_azures_defaults(world, registry):
    found = put(world, registry, credentials={}).properties
    assert list(found) == ["status", "platform", "agentConfiguration", "timeout", "step", "isSystemTask"]
    assert (found["status"], found["timeout"], found["isSystemTask"]) == ("Enabled", 3600, False)


def test_a_task_keeps_no_secret(world, registry):
    secret = "hunter2-hunter2"
    values = [{"name": "a", "value": secret, "isSecret": True}, {"name": "b", "value": "plain"}]
    credentials = {"customRegistries": {"other.example": {"password": {"value": secret, "type": "Opaque"}}}}
    source = {"repositoryUrl": "https://github.com/a/b", "sourceControlAuthProperties": {"token": secret}}
    task = put(
        world,
        registry,
        step={**command("acr purge"), "values": values, "contextAccessToken": secret},
        credentials=credentials,
        trigger={"sourceTriggers": [{"name": "s", "sourceRepository": source}]},
    )
    assert secret not in json.dumps(task.properties)
    assert task.properties["credentials"] == {"customRegistries": {"other.example": None}}
    assert task.step["values"] == [{"name": "a", "isSecret": True}, {"name": "b", "value": "plain"}]


def test_a_task_made_again_keeps_who_made_it_when(world, registry):
    first = put(world, registry)
    world.clock.offset = 60
    second = put(world, registry, status="Disabled")
    assert (first.uid, first.authorship.created) == (second.uid, second.authorship.created)
    assert second.authorship.modified > first.authorship.modified
    assert list(world.tasks.inventory()) == [("task", "labacr12345/cleanup", first.uid)]


@pytest.mark.parametrize(
    "properties",
    [
        {"status": "On"},
        {"timeout": 10},
        {"timeout": "3600"},
        {"step": {"type": "Magic"}},
        {"step": None},
        {"step": "acr purge"},
        {"trigger": {"timerTriggers": [{"name": "t1", "schedule": "every day"}]}},
        {"trigger": {"timerTriggers": {"name": "t1"}}},
        {"trigger": {"timerTriggers": [{"schedule": "0 2 * * *"}]}},
        {"credentials": []},
    ],
)
def test_settings_that_are_wrong_are_refused(world, registry, properties):
    with pytest.raises(Refusal) as refused:
        put(world, registry, **properties)
    assert refused.value.status == 400
    assert world.tasks.of(registry.id) == []


def test_a_disabled_task_has_no_timers(world, registry):
    trigger = {
        "timerTriggers": [
            {"name": "t1", "schedule": "0 2 * * *"},
            {"name": "t2", "schedule": "0 3 * * *", "status": "Disabled"},
        ]
    }
    assert put(world, registry, trigger=trigger).timers == {"t1": "0 2 * * *"}
    assert put(world, registry, trigger=trigger, status="Disabled").timers == {}


def test_settings_merge():
    timers = {"timerTriggers": [{"name": "a", "schedule": "1"}, {"name": "b", "schedule": "2"}]}
    there = {"status": "Enabled", "platform": {"os": "linux", "architecture": "amd64"}, "trigger": timers}
    wanted = {
        "platform": {"architecture": "arm"},
        "agentConfiguration": {},
        "trigger": {"timerTriggers": [{"name": "b", "schedule": "3"}]},
    }
    assert merged(there, wanted) == {
        "status": "Enabled",
        "platform": {"os": "linux", "architecture": "arm"},
        "agentConfiguration": {},
        "trigger": {"timerTriggers": [{"name": "a", "schedule": "1"}, {"name": "b", "schedule": "3"}]},
    }
    docker, other = {"step": {"type": "Docker", "a": 1}}, {"step": {"type": "EncodedTask", "b": 2}}
    assert merged(docker, other) == other
    assert merged({"a": {"b": 1}}, {"a": {"b": None}}) == {"a": {}}


# Cron


def moment(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("expression", "after", "due"),
    [
        ("0 2 * * *", "2026-11-23T01:59:59", "2026-11-23T02:00:00"),
        ("0 2 * * *", "2026-11-23T02:00:00", "2026-11-24T02:00:00"),
        ("*/15 * * * *", "2026-11-23T10:07:00", "2026-11-23T10:15:00"),
        ("30 9 * * 1-5", "2026-11-27T10:00:00", "2026-11-30T09:30:00"),
        ("30 9 * * Mon", "2026-11-27T10:00:00", "2026-11-30T09:30:00"),
        ("0 0 1 1 *", "2026-11-23T00:00:00", "2027-01-01T00:00:00"),
        ("0 0 29 Feb *", "2096-03-01T00:00:00", "2104-02-29T00:00:00"),
        ("5,10 8-9 * * *", "2026-11-23T08:10:30", "2026-11-23T09:05:00"),
        ("0 12/6 * * *", "2026-11-23T12:00:00", "2026-11-23T18:00:00"),
    ],
)
def test_when_a_timer_is_due(expression, after, due):
    assert Cron.of(expression).after(moment(after)) == moment(due)


def test_a_day_that_never_comes():
    assert Cron.of("0 0 31 2 *").after(moment("2026-11-23T00:00:00")) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0 2 * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 7",
        "a * * * *",
        "*-5 * * * *",
        "5-1 * * * *",
        "*/0 * * * *",
        "1,,2 * * * *",
        "0 0 0 2 * *",
        "* * * foo *",
    ],
)
def test_what_is_no_cron_expression(text):
    with pytest.raises(CronProblem):
        Cron.of(text)
