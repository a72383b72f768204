"""Run by test_recovery_state.py in a mount namespace: fills the disk that a sandbox is on, breaks it, frees the disk.

python full_disk.py NAME     prints JSON: what was said at each moment
"""

import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from labrunner.model import Azure, AzureRegistry, Course, Image, WorkFolder
from labrunner.sandbox import azure_cli, machine, stock, tools
from labrunner.sandbox.azure import LocalAzure, check_azure
from labrunner.sandbox.control import request
from labrunner.sandbox.errors import SandboxError
from labrunner.sandbox.layout import layout

ENV = dict(os.environ)
COURSE = Course(
    id="t",
    title="T",
    path=str(Path(__file__).parent),
    images=(Image(names=("web:latest",), says="Stands in.", files={"/x": "full_disk.py"}, entrypoint=("/x",)),),
    work=WorkFolder(files={"x": "full_disk.py"}),
)
WANTED = Azure(resource_group="group", registries=(AzureRegistry(name="wanted1234", sku="Basic"),))
CLI = azure_cli.ensure(ENV)
BALLAST = Path(ENV["XDG_STATE_HOME"], "ballast")


def fill():
    with BALLAST.open("ab", buffering=0) as file:
        for size in (1 << 20, 512):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))


def refused(act):
    """What was said; None: it was done."""
    try:
        act()
    except SandboxError as error:
        return [str(error), error.remedy]
    return None


def inside(sandbox, text):
    result = sandbox.run(["bash", "-c", text])
    return [result.status, result.stdout, result.stderr]


def prepare_azure(sandbox):
    azure = LocalAzure(sandbox)
    azure.install(CLI)
    azure.prepare(WANTED, lambda _: None)


def machine_has(sandbox, kit):
    """What was refused is done now. The images are removed again, to be refused again."""
    stock.prepare(sandbox, COURSE, busybox=kit.busybox)
    prepare_azure(sandbox)
    assert "wanted1234" in {name for _, name, _ in LocalAzure(sandbox).inventory()}
    LocalAzure(sandbox).reset()
    inside(sandbox, "docker rmi -f web; rm -rf x ~/.azure")


def kill(part, place):
    reply = request(place.control, "status")
    if part == "supervisor":
        os.kill(reply.pid, signal.SIGKILL)
    elif part in ("engine", "azure"):
        pid = reply.engine_pid if part == "engine" else reply.azure_pid
        space = Path(f"/proc/{reply.pid}/ns/pid").readlink()
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                seen_as = next(x for x in (entry / "status").read_text().splitlines() if x.startswith("NSpid:"))
                if (entry / "ns/pid").readlink() == space and seen_as.split()[-1] == str(pid):
                    os.kill(int(entry.name), signal.SIGKILL)


def look(name):
    """Each moment -> what was said."""
    kit, place, told = tools.ready(ENV), layout(name, ENV), {}
    fill()
    told["first"] = refused(lambda: machine.up(name, ENV, kit))
    BALLAST.unlink()
    sandbox = machine.up(name, ENV, kit)
    known = check_azure(place, patience=30)["subscription"]
    inside(sandbox, "docker volume create data; echo kept > kept")
    for part in ("running", "engine", "azure", "supervisor"):
        fill()
        status = machine.status(name, ENV)
        told[f"status {part}"] = [status.state, status.detail, status.remedy]
        told[f"write {part}"] = inside(sandbox, "docker volume create more; head -c 5000000 /dev/zero > large")
        told[f"azure {part}"] = refused(lambda: prepare_azure(machine.attach(name, ENV)))
        told[f"stock {part}"] = refused(lambda: stock.prepare(machine.attach(name, ENV), COURSE, busybox=kit.busybox))
        kill(part, place)
        told[f"up {part}"] = refused(lambda: machine.up(name, ENV, kit))
        BALLAST.unlink()
        began = time.monotonic()
        sandbox = machine.up(name, ENV, kit)
        told[f"same {part}"] = check_azure(place, patience=30)["subscription"] == known
        told[f"seconds {part}"] = time.monotonic() - began
        machine_has(sandbox, kit)
        known = check_azure(place)["subscription"]
        told[f"after {part}"] = inside(
            sandbox, "rm -f large; docker volume ls -q | grep data; cat kept; docker volume create more"
        )
        told[f"healthy {part}"] = machine.status(name, ENV).state
    fill()
    told["down"] = machine.down(name, ENV)
    return told


def main(name):
    try:
        told = look(name)
    finally:
        BALLAST.unlink(missing_ok=True)
        machine.down(name, ENV, force=True)
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
