"""Docker Content Trust for real: the Docker CLI against the local Azure's trust server, and against Debian's.

LABRUNNER_DOCKER names another Docker CLI (28 at most) that the same is asked of.
"""

import json
import os
import re
import secrets
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from labrunner.model import Azure, AzureRegistry, Course, WorkFolder
from labrunner.sandbox import azure_cli, machine, tools
from labrunner.sandbox.azure import check_azure
from labrunner.sandbox.control import request as ask_supervisor
from labrunner.targets.sandbox import SandboxTarget
from tests.sandbox.conftest import Machines

pytestmark = pytest.mark.sandbox

REGISTRY = "progressacr12345678"
SERVER = f"{REGISTRY}.azurecr.io"
ORACLE = "localhost:4443"
OTHER_DOCKER = os.environ.get("LABRUNNER_DOCKER")
DOCKERS = {"own": "", **({"other": OTHER_DOCKER} if OTHER_DOCKER else {})}
ROOT, REPOSITORY = "root-passphrase-of-this-test", "repository-passphrase-of-this-test"
UNAUTHORIZED = "you are not authorized to perform this operation: server returned 401."
PRIVATE = ("PRIVATE KEY", ROOT, REPOSITORY)


@dataclass(frozen=True)
class Place:
    """The prepared sandbox, as somebody with a Docker configuration of his own. extra: folder of notary's programs."""

    sandbox: machine.Sandbox
    env: dict[str, str]
    outer: dict[str, str]
    extra: str = ""

    def ran(self, line, **more):
        environment = {**self.sandbox.environment(), **self.env, **more}
        return self.sandbox.run(["bash", "-o", "pipefail", "-c", line], env=environment, timeout=120)

    def bash(self, line, status=0, **more):
        ended = self.ran(line, **more)
        assert ended.status == status, (line, ended)
        return ended.stdout + ended.stderr

    def user(self, other="", **more):
        folder = Path(self.sandbox.layout.work, secrets.token_hex(4))
        (folder / "bin").mkdir(parents=True)
        if other:
            (folder / "bin" / "docker").symlink_to(other)
        path = f"{folder}/bin:{self.sandbox.environment()['PATH']}"
        env = {"DOCKER_CONFIG": f"{folder}/config", "PATH": path, "F": str(folder)}
        env |= {"DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE": ROOT, "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE": REPOSITORY}
        return replace(self, env={**env, "T": "DOCKER_CONTENT_TRUST=1", **more})

    def login(self, user, password):
        said = self.bash(f'printf %s "$P" | docker login {SERVER} -u {user} --password-stdin', P=password)
        assert "Login Succeeded" in said


@pytest.fixture(scope="module")
def kit(cache):
    return tools.ensure({**os.environ, "XDG_CACHE_HOME": cache})


@pytest.fixture(scope="module")
def place(kit, cache, tmp_path_factory):
    """A sandbox with a registry that trusts content, and an image to sign."""
    course = Course(
        id="t",
        title="T",
        path=str(tmp_path_factory.mktemp("course")),
        work=WorkFolder(),
        azure=Azure(resource_group="progress-labs", registries=(AzureRegistry(name=REGISTRY, sku="Premium"),)),
    )
    env = {**os.environ, "XDG_CACHE_HOME": cache}
    made = Machines({**env, "XDG_STATE_HOME": str(tmp_path_factory.mktemp("state"))}, kit)
    target = None
    try:
        sandbox = made.up()
        target = SandboxTarget(sandbox, course, (), tools=kit, needs=("azure",), cli=azure_cli.ensure(env))
        target.prepare()
        found = Place(sandbox, {}, made.env)
        found.bash(f"az acr config content-trust update -r {REGISTRY} --status enabled -o none")
        found.bash("head -c 1000 /dev/urandom > blob; tar -c blob | docker import - web:latest")
        yield found
    finally:
        if target is not None:
            target.close()
        made.end()


@pytest.fixture(scope="module")
def signer(place):
    return principal(place, "AcrPush", "AcrImageSigner")


def principal(place, *roles):
    """A service principal with these roles in the registry: user name and password."""
    registry = place.bash(f"az acr show -n {REGISTRY} --query id -o tsv").strip()
    name = f"sp-{secrets.token_hex(4)}"
    made = json.loads(
        place.bash(f"az ad sp create-for-rbac --name {name} --role {roles[0]} --scopes {registry} 2>/dev/null")
    )
    for role in roles[1:]:
        place.bash(f"az role assignment create --assignee {made['appId']} --role {role} --scope {registry} -o none")
    return made["appId"], made["password"]
