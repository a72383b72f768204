"""Tasks of registries: `az acr task create`, show, list, update, delete."""

from typing import Any

from aiohttp import web

from labrunner.emulator.arm.requests import (
    REGISTRY,
    answer,
    asker,
    existing_registry,
    not_found,
    object_in,
    tags_in,
    text_in,
)
from labrunner.emulator.arm.shapes import system_data
from labrunner.emulator.clock import iso
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call, Operation
from labrunner.emulator.state.registries import Registry
from labrunner.emulator.state.tasks import Task, merged

__all__ = ["OPERATIONS", "task_there"]

_TASKS = f"{REGISTRY}/tasks"
_TASK = f"{_TASKS}/{{task}}"
_TYPE = "Microsoft.ContainerRegistry/registries/tasks"
_RECORDED = "azure-cli's recording test_acr_task"


async def _list(call: Call) -> web.Response:
    registry = existing_registry(call, "tasks/read", below="/tasks")
    return answer(call, {"value": [_task_json(call, task) for task in call.world.tasks.of(registry.id)]})


async def _get(call: Call) -> web.Response:
    return answer(call, _task_json(call, _existing(call, "tasks/read")))


async def _details(call: Call) -> web.Response:
    return answer(call, _task_json(call, _existing(call, "tasks/listDetails/action")))


async def _put(call: Call) -> web.Response:
    registry = existing_registry(call, "tasks/write", below=_below(call))
    body = await call.json()
    _refuse_identity(body)
    task = call.world.tasks.put(
        registry.id,
        call.params["task"],
        location=text_in(body, "location") or registry.location,
        properties=object_in(body, "properties"),
        tags=tags_in(body) or {},
        by=asker(call),
    )
    # 200, also for a new one (recorded). az shows a task only then.
    return answer(call, _task_json(call, task))


async def _patch(call: Call) -> web.Response:
    there = _existing(call, "tasks/write")
    body = await call.json()
    _refuse_identity(body)
    tags = tags_in(body)
    task = call.world.tasks.put(
        there.registry,
        there.name,
        location=there.location,
        properties=merged(there.properties, object_in(body, "properties")),
        tags=there.tags if tags is None else tags,
        by=asker(call),
    )
    return answer(call, _task_json(call, task))


async def _delete(call: Call) -> web.Response:
    registry = existing_registry(call, "tasks/delete", below=_below(call))
    task = call.world.tasks.get(registry.id, call.params["task"])
    if task is None:
        return answer(call, status=204)
    call.world.tasks.delete(task)
    return answer(call)


def task_there(call: Call, registry: Registry, name: str) -> Task:
    """A registry's task. Raises Refusal (404)."""
    task = call.world.tasks.get(registry.id, name)
    if task is None:
        raise not_found(call, f"Microsoft.ContainerRegistry/registries/{registry.name}/tasks/{name}")
    return task


def _existing(call: Call, action: str) -> Task:
    return task_there(call, existing_registry(call, action, below=_below(call)), call.params["task"])


def _below(call: Call) -> str:
    return f"/tasks/{call.params['task']}"


def _refuse_identity(body: dict[str, Any]) -> None:
    if text_in(object_in(body, "identity"), "type", "None") != "None":
        raise Refusal(
            501,
            "NotImplemented",
            "labrunner's local Azure has no managed identities: create the task without --assign-identity.",
        )


def _task_json(call: Call, task: Task) -> dict[str, Any]:
    """Keys, types and their order are those of the recordings."""
    created = iso(task.authorship.created).replace("Z", "+00:00")
    found: dict[str, Any] = {
        "type": _TYPE,
        "properties": {"provisioningState": "Succeeded", "creationDate": created, **task.properties},
        "id": task.id,
        "name": task.name,
        "location": task.location,
        "systemData": system_data(call, task.authorship),
    }
    if task.tags:
        found["tags"] = dict(task.tags)
    return found


_NO_SECRETS = "Secret values, access tokens and credentials are thrown away, and shown to nobody"

OPERATIONS = (
    Operation(name="Tasks_List", method="GET", path=_TASKS, handler=_list, source=_RECORDED),
    Operation(
        name="Tasks_Create",
        method="PUT",
        path=_TASK,
        handler=_put,
        source=f"{_RECORDED}; guess: the words for wrong names, timeouts and schedules",
        differs=f"No managed identities (501). {_NO_SECRETS}. Base images and sources start no runs; timers do, by the "
        "local Azure's clock, once for all their times that a jump of it passes",
    ),
    Operation(name="Tasks_Get", method="GET", path=_TASK, handler=_get, source=_RECORDED),
    Operation(name="Tasks_Update", method="PATCH", path=_TASK, handler=_patch, source=_RECORDED, differs=_NO_SECRETS),
    Operation(name="Tasks_Delete", method="DELETE", path=_TASK, handler=_delete, source=_RECORDED),
    Operation(
        name="Tasks_GetDetails",
        method="POST",
        path=f"{_TASK}/listDetails",
        handler=_details,
        source=_RECORDED,
        differs=_NO_SECRETS,
    ),
)
