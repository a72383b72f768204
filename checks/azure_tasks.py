"""Checks of ACR Tasks: what a registry is to run, and what its runs have said. Asked of Azure Resource Manager."""

import base64
from typing import Any
from urllib.parse import quote

from labrunner.checking.api import Context, Finding, check, failed, passed
from labrunner.checking.wording import cut

from .azure_session import ARM, TIMEOUT, Azure, azure_of, few, finding, given, server_of

TASKS = "2019-06-01-preview"
LATEST = 20
"""So many runs are looked at, the newest first."""


@check("arm.task")
@finding
def task(
    ask: Context, *, registry: str, name: str, schedule: str = "", contains: str = "", enabled: bool | None = None
) -> Finding:
    """The registry has the task, with a timer of that schedule, a text in what it runs, enabled or not."""
    server_of(registry)
    azure = azure_of(ask)
    address = azure.registry(registry)["id"]
    found = _task(azure, address, name)
    if found is None:
        others = [str(each["name"]) for each in azure.all(f"{ARM}{address}/tasks", {"api-version": TASKS})]
        has = f"it has {few(others)}" if others else "it has none"
        return failed(f"The registry `{registry}` has no task `{name}`; {has}.")
    properties = found.get("properties") or {}
    timers = (properties.get("trigger") or {}).get("timerTriggers") or []
    schedules = [str(timer.get("schedule")) for timer in timers if timer.get("status") != "Disabled"]
    wrong = []
    if schedule and schedule not in schedules:
        has = f"it has {few(schedules)}" if schedules else "it has none"
        wrong.append(f"no timer of the schedule `{cut(schedule)}`; {has}")
    if contains and contains not in (runs := _what(properties)):
        wrong.append(f"no `{cut(contains)}` in what it runs; that is `{cut(runs)}`")
    if enabled is not None and (properties.get("status") == "Enabled") is not enabled:
        wrong.append(f"the status {properties.get('status')}")
    if wrong:
        return failed(f"The task `{name}` of the registry `{registry}` has {'; and '.join(wrong)}.")
    asked = [
        f"with the schedule `{cut(schedule)}`" if schedule else "",
        f"running `{cut(contains)}`" if contains else "",
    ]
    asked.append("" if enabled is None else "enabled" if enabled else "disabled")
    return passed(", ".join([f"The registry `{registry}` has the task `{name}`", *filter(None, asked)]) + ".")


@check("arm.no-task")
@finding
def no_task(ask: Context, *, registry: str, name: str) -> Finding:
    """The registry does not have the task (any more)."""
    server_of(registry)
    azure = azure_of(ask)
    if _task(azure, azure.registry(registry)["id"], name) is None:
        return passed(f"The registry `{registry}` has no task `{name}`.")
    return failed(f"The registry `{registry}` still has the task `{name}`.")


@check("arm.run")
@finding
def run(
    ask: Context, *, registry: str, task: str = "", status: str = "", contains: str = "", timer: bool | None = None
) -> Finding:
    """One of the registry's latest runs is of that task, ended so, has said a text, was started by a timer or not."""
    given(task=task or None, status=status or None, contains=contains or None, timer=timer)
    server_of(registry)
    azure = azure_of(ask)
    url = f"{ARM}{azure.registry(registry)['id']}/runs"
    filters = {"$filter": f"TaskName eq '{task}'"} if task else {}
    seen = []
    for each in azure.all(url, {"api-version": TASKS, "$top": str(LATEST), **filters}):
        about = each.get("properties") or {}
        if timer is not None and bool(about.get("timerTrigger")) is not timer:
            continue
        seen.append(f"{about.get('runId')}, {about.get('status')}")
        if status and about.get("status") != status:
            continue
        if contains and contains not in _log(azure, each["id"]):
            continue
        right = _right(status=status, contains=contains, timer=timer)
        which = f"task `{task}`" if task else f"registry `{registry}`"
        return passed(f"The run `{about.get('runId')}` of the {which} {right}.")
    of = f" of the task `{task}`" if task else ""
    wanted = [f"ended as {status}" if status else "", f"said `{cut(contains)}`" if contains else ""]
    which = f" that {' and '.join(part for part in wanted if part)}" if any(wanted) else ""
    there = f"the latest are {few(seen)}" if seen else "there is none at all"
    return failed(f"The registry `{registry}` has no run{of}{which}; {there}.")


def _right(*, status: str, contains: str, timer: bool | None) -> str:
    """What is right with a run, by what was asked."""
    ended = {"": "", "Succeeded": "has succeeded"}.get(status, f"has ended as {status}")
    started = {None: "", True: "was started by a timer", False: "was started by no timer"}[timer]
    said = f"has said `{cut(contains)}`" if contains else ""
    return " and ".join(part for part in (started, ended, said) if part) or "is there"


def _task(azure: Azure, address: str, name: str) -> dict[str, Any] | None:
    """The task of the registry of that resource id, if it is there."""
    return azure.get(f"{ARM}{address}/tasks/{quote(name, safe='')}", {"api-version": TASKS})


def _what(properties: dict[str, Any]) -> str:
    """What a task runs, as far as it is kept with it."""
    try:
        step = properties.get("step") or {}
        return base64.b64decode(step.get("encodedTaskContent") or "", validate=True).decode()
    except ValueError:
        return ""


def _log(azure: Azure, run_id: str) -> str:
    """What a run has said. Its link is good for whoever has it, and is shown to nobody."""
    found = azure.post(f"{ARM}{run_id}/listLogSasUrl", {"api-version": TASKS})
    link = str((found or {}).get("logLink") or "")
    if not link.startswith("https://"):
        return ""
    host = link.removeprefix("https://").partition("/")[0]
    with azure.asking(host):
        answer = azure.session.get(link, timeout=TIMEOUT, allow_redirects=False)
    if answer.status_code == 404:
        return ""
    if answer.status_code != 200:
        azure.refused(host, answer.status_code, "")
    return answer.content.decode("utf-8", "replace")
