"""One run from its beginning to its end, and the log that it leaves."""

import base64
import binascii
import re
import shlex
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from labrunner.emulator.agent.contents import RegistryContents
from labrunner.emulator.agent.task_file import Step, TaskFileProblem, read_task_file
from labrunner.emulator.clock import Clock
from labrunner.emulator.purge.command import purge
from labrunner.emulator.state.registries import Registry
from labrunner.emulator.state.runs import Run
from labrunner.emulator.world import World

__all__ = ["execute"]

_LIMITS = "labrunner's local Azure runs no containers: of all that a task can do, it can do `acr purge`."
_PURGE = re.compile(r"(?:acr|(?:mcr\.microsoft\.com/)?acr/acr-cli(?::[\w.-]+|@sha256:[0-9a-f]{64})?)")
_VARIABLE = re.compile(r"\{\{[ ]*\.(?P<name>[\w.]+)[ ]*\}\}|\$(?P<alias>Registry|RegistryName|ID|OS|Architecture)\b")
_ERROR = "failed during run, err: exit status 1"
"""Source for this and the lines that a run ends with: logs shown in Azure/azure-cli issue 21846 and
MicrosoftDocs/azure-docs issues 40399 and 46056. Lines about networks and containers are left out: there are none."""


def execute(world: World, registry: Registry, run: Run, *, values: Mapping[str, str] | None = None) -> Run:
    """Run what was queued; gives it back as it ended. values: for `{{.Values.NAME}}`, and kept nowhere.

    Every deletion is a transaction of its own; when the program ends meanwhile, the next one tells that the
    run was interrupted.
    """
    run = world.runs.begin(run.uid)
    log = _Log(world.clock)
    log.say(f"Running on labrunner's local Azure, registry: {registry.login_server}")
    try:
        steps = _steps(run.step)
        for step in steps:
            _run_step(world, registry, run, step, log, values or {})
    except _StepFailed as failed:
        log.line(f"failed to run step ID: {failed.step}: {failed.why}")
        return _ended(world, run, log, "Failed")
    except TaskFileProblem as problem:
        log.say(f"The task cannot be run: {problem}")
        log.say(_LIMITS)
        return _ended(world, run, log, "Failed")
    except Exception:
        # Whatever happened, a run must not look as if it went on for ever.
        log.say("labrunner's local Azure has a defect here; its own log says more.")
        _ended(world, run, log, "Error")
        raise
    return _ended(world, run, log, "Succeeded")


class _StepFailed(Exception):  # noqa: N818 - an outcome
    def __init__(self, step: str, why: str) -> None:
        super().__init__(why)
        self.step = step
        self.why = why


class _Log:
    """Lines, most with the time in front as the agent's own have it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text.replace("\r", " ").replace("\n", " "))

    def say(self, text: str) -> None:
        moment = datetime.fromtimestamp(self._clock.now(), UTC)
        self.line(f"{moment:%Y/%m/%d %H:%M:%S} {text}")

    @property
    def text(self) -> str:
        return "".join(f"{line}\r\n" for line in self.lines)


def _ended(world: World, run: Run, log: _Log, status: str) -> Run:
    seconds = round(world.clock.now() - (run.started or run.created))
    log.line("")
    if status == "Succeeded":
        log.line(f"Run ID: {run.name} was successful after {seconds}s")
        return world.runs.finish(run.uid, status, log.text)
    log.line(f"Run ID: {run.name} failed after {seconds}s. Error: {_ERROR}")
    return world.runs.finish(run.uid, status, log.text, error=_ERROR)


def _steps(step: Mapping[str, object]) -> list[Step]:
    """The steps of a run. Raises TaskFileProblem."""
    kind = step.get("type")
    if kind != "EncodedTask":
        what = {"Docker": "it builds an image", "FileTask": "its steps are in a file of a source context"}
        raise TaskFileProblem(what.get(str(kind), f"it is of type '{kind}'"))
    if step.get("contextPath"):
        raise TaskFileProblem("it has a source context")
    content = step.get("encodedTaskContent")
    try:
        text = base64.b64decode(content if isinstance(content, str) else "", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise TaskFileProblem("its content is not base64 of UTF-8 text") from error
    return read_task_file(text)


def _run_step(world: World, registry: Registry, run: Run, step: Step, log: _Log, values: Mapping[str, str]) -> None:
    begun = world.clock.now()
    log.say(f"Executing step ID: {step.id}. Timeout(sec): {step.seconds}, Working directory: ''")
    words = _words(step, lambda name: _variable(name, registry, run, values), log)
    if step.kind != "cmd" or len(words) < 2 or not _PURGE.fullmatch(words[0]) or words[1] != "purge":
        log.say(f"This step is: {step.kind}: {' '.join(words[:2])}")
        log.say(_LIMITS)
        raise _StepFailed(step.id, "not available in the local Azure")
    status = purge(words[2:], RegistryContents(world, registry), now=world.clock.now(), say=log.line)
    if status:
        log.say(f"Container failed during run: {step.id}. No retries remaining.")
        raise _StepFailed(step.id, f"exit status {status}")
    seconds = max(world.clock.now() - begun, 0.0)
    log.say(f"Step ID: {step.id} marked as successful (elapsed time in seconds: {seconds:.6f})")


def _words(step: Step, variable: Callable[[str], str | None], log: _Log) -> list[str]:
    def filled(found: re.Match[str]) -> str:
        name = found["name"] or f"Run.{found['alias']}"
        value = variable(name)
        if value is None:
            log.say(f"The variable {found[0]} is not known to labrunner's local Azure.")
            raise _StepFailed(step.id, "unknown variable")
        return value

    text = _VARIABLE.sub(filled, step.text)
    try:
        return shlex.split(text)
    except ValueError as error:
        log.say(f"The command cannot be split into words: {error}.")
        raise _StepFailed(step.id, "invalid command") from error


def _variable(name: str, registry: Registry, run: Run, values: Mapping[str, str]) -> str | None:
    """Source: Microsoft, "ACR Tasks reference: YAML", run variables and their aliases."""
    if name.startswith("Values."):
        return values.get(name.removeprefix("Values."))
    return {
        "Run.ID": run.name,
        "Run.Registry": registry.login_server,
        "Run.RegistryName": registry.name.lower(),
        "Run.OS": run.platform.get("os", "linux"),
        "Run.Architecture": run.platform.get("architecture", "amd64"),
        "Run.TaskName": run.task or "quicktask",
    }.get(name)
