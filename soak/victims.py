"""What is killed, and how it is found."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from labrunner.sandbox import machine
from labrunner.sandbox.control import request
from labrunner.sandbox.errors import SandboxError
from labrunner.sandbox.layout import layout

__all__ = ["VICTIMS", "Scene"]


@dataclass(frozen=True, slots=True)
class Scene:
    """A run that is under way in a sandbox."""

    runner: "subprocess.Popen[bytes]"
    sandbox: str
    env: Mapping[str, str]


def _kill_runner(scene: Scene) -> bool:
    if scene.runner.poll() is not None:
        return False
    os.kill(scene.runner.pid, signal.SIGKILL)
    return True


def _kill_supervisor(scene: Scene) -> bool:
    reply = _status(scene)
    if reply is None:
        return False
    os.kill(reply.pid, signal.SIGKILL)
    return True


def _kill_emulator(scene: Scene) -> bool:
    reply = _status(scene)
    return reply is not None and _kill_inside(scene, reply.azure_pid)


def _kill_engine(scene: Scene) -> bool:
    reply = _status(scene)
    return reply is not None and _kill_inside(scene, reply.engine_pid)


def _status(scene: Scene):
    try:
        return request(layout(scene.sandbox, scene.env).control, "status")
    except SandboxError:
        return None


def _kill_inside(scene: Scene, pid: int) -> bool:
    if not pid:
        return False
    try:
        sandbox = machine.attach(scene.sandbox, scene.env, engine=False)
        return sandbox.run(["bash", "-c", f"kill -KILL {pid}"], timeout=10.0).status == 0
    except SandboxError:
        return False


VICTIMS: Mapping[str, Callable[[Scene], bool]] = {
    "runner": _kill_runner,
    "supervisor": _kill_supervisor,
    "emulator": _kill_emulator,
    "dockerd": _kill_engine,
}
"""Each gives whether it hit anything."""
