"""A sandbox with a registry of its own, for those who ask it with real clients."""

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from labrunner.model import Azure, AzureRegistry, Course, Image, WorkFolder
from labrunner.sandbox import azure_cli, machine
from labrunner.targets.sandbox import SandboxTarget
from tests.sandbox.conftest import Machines

REGISTRY = "progressacr12345678"
SERVER = f"{REGISTRY}.azurecr.io"


@contextmanager
def prepared(
    machines: Machines, folder: Path, *, images: tuple[Image, ...] = (), show: Sequence[str] = ()
) -> Iterator[machine.Sandbox]:
    """A new sandbox with `REGISTRY` (Premium), the images of a course in that folder, and `show` of this machine to be
    seen. It is gone after it."""
    azure = Azure(resource_group="progress-labs", registries=(AzureRegistry(name=REGISTRY, sku="Premium"),))
    course = Course(id="t", title="T", path=str(folder), images=images, work=WorkFolder(), azure=azure)
    try:
        sandbox = machines.up()
        sandbox.show(show)
        cli = azure_cli.ensure(machines.env)
        with closing(SandboxTarget(sandbox, course, (), tools=machines.kit, needs=("azure",), cli=cli)) as target:
            target.prepare()
            yield sandbox
    finally:
        machines.end()


def principal(place, *roles):
    """A service principal with these roles in the registry: user name and password. place: has `bash`."""
    registry = place.bash(f"az acr show -n {REGISTRY} --query id -o tsv").strip()
    name = f"sp-{secrets.token_hex(4)}"
    made = json.loads(
        place.bash(f"az ad sp create-for-rbac --name {name} --role {roles[0]} --scopes {registry} 2>/dev/null")
    )
    for role in roles[1:]:
        place.bash(f"az role assignment create --assignee {made['appId']} --role {role} --scope {registry} -o none")
    return made["appId"], made["password"]
