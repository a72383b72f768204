"""Runs of registries: `az acr run`, `az acr task run`, list-runs, logs."""

import re
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from labrunner.emulator.agent import execute
from labrunner.emulator.arm.requests import REGISTRY, answer, asker, existing_registry, not_found, object_in, text_in
from labrunner.emulator.arm.tasks import task_there
from labrunner.emulator.clock import iso
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call, Operation
from labrunner.emulator.runlogs.links import log_link
from labrunner.emulator.state.registries import Registry
from labrunner.emulator.state.runs import FINISHED, Run, RunRequest
from labrunner.emulator.state.tasks import merged

__all__ = ["OPERATIONS"]

_RUNS = f"{REGISTRY}/runs"
_RUN = f"{_RUNS}/{{run}}"
_TYPE = "Microsoft.ContainerRegistry/registries/runs"
_RECORDED = "azure-cli's recordings test_acr_task and test_acr_abac_run"
_LARGEST_TOP = 100
_REQUESTS = {
    # The request's type: the step's type, the kind of run.
    "EncodedTaskRunRequest": ("EncodedTask", "QuickRun"),
    "FileTaskRunRequest": ("FileTask", "QuickRun"),
    "DockerBuildRequest": ("Docker", "QuickBuild"),
}
_CLAUSE = re.compile(r"(?P<key>TaskName|Status|RunId|RunType)[ ]+eq[ ]+'(?P<value>[^']*)'", re.IGNORECASE)
_IMAGES = re.compile(r"contains\(OutputImageManifests,[ ]*'[^']*'\)", re.IGNORECASE)


async def _schedule(call: Call) -> web.Response:
    registry = existing_registry(call, "scheduleRun/action")
    body = await call.json()
    kind, step, platform, task = _asked(call, registry, body)
    request = RunRequest(
        kind=kind,
        step=_without_secrets(step),
        platform=platform,
        task=task,
        archived=bool(body.get("isArchiveEnabled")),
    )
    run = call.world.runs.queue(registry.id, request, by=asker(call))
    # As Azure's answer, it shows the run as it was queued; but here it is over before anybody can ask how it goes.
    shown = _run_json(run, queued=True)
    execute(call.world, registry, run, values=_values(step))
    return answer(call, shown)


async def _list(call: Call) -> web.Response:
    registry = existing_registry(call, "runs/read", below="/runs")
    wanted = _filter(call.query.get("$filter", ""))
    top = call.query.get("$top", str(_LARGEST_TOP))
    if not re.fullmatch(r"[0-9]{1,6}", top) or int(top) < 1:
        raise Refusal(400, "InvalidRequest", f"The value '{top}' of $top is not a positive number.")  # guess
    if wanted is None:
        return answer(call, {"value": []})
    found = call.world.runs.of(registry.id, task=wanted.get("taskname", ""), status=wanted.get("status", ""))
    shown = [run for run in found if _fits(run, wanted)][: min(int(top), _LARGEST_TOP)]
    return answer(call, {"value": [_run_json(run) for run in shown]})


async def _get(call: Call) -> web.Response:
    return answer(call, _run_json(_existing(call, "runs/read")))


async def _patch(call: Call) -> web.Response:
    run = _existing(call, "runs/write")
    archived = (await call.json()).get("isArchiveEnabled")
    if archived is not None:
        run = call.world.runs.archive(run, archived=bool(archived), by=asker(call))
    return answer(call, _run_json(run))


async def _cancel(call: Call) -> web.Response:
    run = _existing(call, "runs/cancel/action")
    if run.status not in FINISHED:
        call.world.runs.finish(run.uid, "Canceled", "Canceled.\r\n")
    return answer(call)


async def _log(call: Call) -> web.Response:
    run = _existing(call, "runs/listLogSasUrl/action")
    registry = call.world.registries.by_id(run.registry)
    assert registry is not None
    return answer(call, {"logLink": log_link(call.world, registry, run)})


def _existing(call: Call, action: str) -> Run:
    registry = existing_registry(call, action, below=f"/runs/{call.params['run']}")
    run = call.world.runs.get(registry.id, call.params["run"])
    if run is None:
        raise not_found(call, f"Microsoft.ContainerRegistry/registries/{registry.name}/runs/{call.params['run']}")
    return run


def _asked(call: Call, registry: Registry, body: Mapping[str, Any]) -> tuple[str, dict[str, Any], dict[str, str], str]:
    """The kind of run, its step, its platform, its task's name. Raises Refusal."""
    kind = text_in(body, "type")
    if kind == "TaskRunRequest":
        prefix = f"{registry.id}/tasks/"
        task_id = text_in(body, "taskId")
        if not task_id.lower().startswith(prefix.lower()):
            raise Refusal(400, "InvalidRequest", f"The task ID '{task_id}' is none of this registry.")  # guess
        task = task_there(call, registry, task_id[len(prefix) :])
        override = {
            key: value
            for key, value in object_in(body, "overrideTaskStepProperties").items()
            if value not in (None, [])
        }
        step = merged(task.step, override)
        return _kind_of(step), step, dict(task.properties.get("platform") or {}), task.name
    if kind not in _REQUESTS:
        raise Refusal(400, "InvalidRequest", f"The type '{kind}' of the run request is not supported.")  # guess
    step_type, run_type = _REQUESTS[kind]
    step = {key: value for key, value in body.items() if key not in {"type", "platform", "credentials"}}
    if step.pop("sourceLocation", None) is not None:
        step["contextPath"] = text_in(body, "sourceLocation")
    return run_type, {"type": step_type, **step}, _texts(object_in(body, "platform")), ""


def _kind_of(step: Mapping[str, Any]) -> str:
    return "QuickBuild" if step.get("type") == "Docker" else "QuickRun"


def _texts(value: Mapping[str, object]) -> dict[str, str]:
    return {key: text for key, text in value.items() if isinstance(text, str)}


def _values(step: Mapping[str, Any]) -> dict[str, str]:
    found = step.get("values")
    entries = found if isinstance(found, list) else []
    return {
        str(entry.get("name")): str(entry["value"])
        for entry in entries
        if isinstance(entry, dict) and entry.get("value") is not None
    }


def _without_secrets(step: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a run's step: what it needs, and no value or argument, of which some are secret."""
    return {key: step[key] for key in ("type", "encodedTaskContent", "contextPath", "taskFilePath") if step.get(key)}


def _filter(text: str) -> dict[str, str] | None:
    """What `$filter` asks for, by key in lower case; None if nothing can fit it. Raises Refusal."""
    wanted: dict[str, str] = {}
    for clause in re.split(r"[ ]+and[ ]+", text.strip()) if text.strip() else ():
        if _IMAGES.fullmatch(clause):
            return None  # no run here makes images
        found = _CLAUSE.fullmatch(clause)
        if found is None:
            raise Refusal(400, "InvalidRequest", f"The filter '{clause[:200]}' is not supported.")  # guess
        wanted[found["key"].lower()] = found["value"]
    return wanted


def _fits(run: Run, wanted: Mapping[str, str]) -> bool:
    shown = {"runid": run.name, "runtype": run.kind}
    return all(wanted.get(key, value).lower() == value.lower() for key, value in shown.items())


def _run_json(run: Run, *, queued: bool = False) -> dict[str, Any]:
    """Keys, types and their order are those of the recordings. queued: as the answer to scheduling it."""
    properties: dict[str, Any] = {
        "runId": run.name,
        "status": run.status,
        "lastUpdatedTime": _moment(run.updated, digits=0),
    }
    if not queued:
        properties |= {"runType": run.kind, "createTime": _moment(run.created)}
        if run.started is not None:
            properties["startTime"] = _moment(run.started)
        if run.finished is not None:
            properties["finishTime"] = _moment(run.finished)
        if run.task:
            properties["task"] = run.task
        if run.timer[0]:
            name, due = run.timer
            properties["timerTrigger"] = {"timerTriggerName": name, "scheduleOccurrence": _moment(due, digits=0)}
        properties |= {"platform": dict(run.platform), "agentConfiguration": {"cpu": run.cpu}}
        if run.error:
            properties["runErrorMessage"] = run.error
    properties |= {"provisioningState": "Succeeded", "isArchiveEnabled": run.archived}
    modified = {
        "lastModifiedBy": run.modified_by,
        "lastModifiedByType": run.modified_by_type,
        "lastModifiedAt": _moment(run.created),
    }
    return {"type": _TYPE, "properties": properties, "id": run.id, "name": run.name, "systemData": modified}


def _moment(seconds: float, *, digits: int = 7) -> str:
    return iso(seconds, digits=digits).replace("Z", "+00:00")


OPERATIONS = (
    Operation(
        name="Registries_ScheduleRun",
        method="POST",
        path=f"{REGISTRY}/scheduleRun",
        handler=_schedule,
        source=f"{_RECORDED}; az's get_yaml_template; Azure/acr-cli for what `acr purge` does and says",
        differs="Only steps `cmd: acr purge ...` run, at once, with the registry's own rights; any other step, builds "
        "included, makes the run end Failed with a log that says so. The expressions of --filter are Python's where "
        ".NET's differ, and have 5 seconds. A run is over before az can wait for it: with `--no-logs`, az ends 0 also "
        "when it failed",
    ),
    Operation(
        name="Runs_List",
        method="GET",
        path=_RUNS,
        handler=_list,
        source=f"{_RECORDED}; az's list-runs for $filter and $top",
        differs="At most 100 runs",
    ),
    Operation(name="Runs_Get", method="GET", path=_RUN, handler=_get, source=_RECORDED),
    Operation(name="Runs_Update", method="PATCH", path=_RUN, handler=_patch, source=_RECORDED),
    Operation(
        name="Runs_Cancel",
        method="POST",
        path=f"{_RUN}/cancel",
        handler=_cancel,
        source="the service's specification; guess: nothing happens to a run that is over",
    ),
    Operation(
        name="Runs_GetLogSasUrl",
        method="POST",
        path=f"{_RUN}/listLogSasUrl",
        handler=_log,
        source="az's _stream_utils; guess: the link's host, path and life",
    ),
)
