"""Faults of the local Azure as the real Docker Engine meets them in a sandbox."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from labrunner.emulator.client import ControlClient
from labrunner.model import Image
from labrunner.sandbox import machine
from tests.sandbox.conftest import Machines
from tests.sandbox.registry import REGISTRY, SERVER, prepared
from tests.waiting import wait_for

pytestmark = pytest.mark.sandbox

COURSE_IMAGE = Image(names=("web:latest",), says="A web service.", files={"/web.sh": "web.sh"}, entrypoint=("/web.sh",))


@dataclass
class Place:
    """A prepared sandbox, and its local Azure's control socket."""

    sandbox: machine.Sandbox
    control: ControlClient

    def bash(self, line, status=0):
        ended = self.sandbox.run(["bash", "-c", f"exec 2>&1; {line}"], env=self.sandbox.environment(), timeout=180)
        assert ended.status == status, (line, ended)
        return ended.stdout

    def kinds(self, seq):
        return [entry["kind"] for entry in self.control.trouble(seq)["trouble"]]

    @property
    def seq(self):
        return self.control.trouble()["seq"]


@pytest.fixture(scope="module")
def lived_in(kit, shared_env, tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    (folder / "web.sh").write_text("#!/bin/sh\nexec sleep 1\n")
    with prepared(Machines(shared_env, kit), folder, images=(COURSE_IMAGE,)) as sandbox:
        found = Place(sandbox, ControlClient(sandbox.layout.azure_control))
        found.bash(f"az acr login -n {REGISTRY}")
        yield found


@pytest.fixture
def place(lived_in):
    yield lived_in
    lived_in.control.clear_faults()
    lived_in.control.set_clock(0)


def test_a_push_outlasts_server_errors(place):
    """The registry fails while a layer is on its way: docker waits, and sends it once more."""
    image, seq = f"{SERVER}/large:v1", place.seq
    place.bash(f"head -c 60000000 /dev/urandom > blob; tar -c blob | docker import - {image}; rm blob")
    uploads = Path(place.sandbox.layout.azure, "blobs", "uploads")
    with ThreadPoolExecutor(1) as pool:
        pushing = pool.submit(place.bash, f"docker push {image}")
        wait_for(lambda: pushing.done() or (uploads.is_dir() and any(uploads.iterdir())), seconds=60)
        place.control.set_fault("server-error", services=["acr"])
        wait_for(lambda: pushing.done() or "server-error" in place.kinds(seq), seconds=60)
        place.control.clear_faults()
        said = pushing.result(180)
    assert "Retrying in 5 seconds" in said
    assert "v1: digest: sha256:" in said
    assert place.kinds(seq) == ["server-error"]


def test_a_push_that_finds_no_registry_says_so(place):
    """Of an image without layers: docker tries each layer five times, over 50 s, and says the same at the end."""
    image, seq = f"{SERVER}/empty:v1", place.seq
    place.bash(f"printf 'FROM scratch\nLABEL a=b\n' | DOCKER_BUILDKIT=0 docker build -q -t {image} -")
    place.control.set_fault("server-error", services=["acr"])
    said = place.bash(f"docker push {image}", 1)
    assert "503 Service Unavailable" in said
    assert place.kinds(seq) == ["server-error"]
    place.control.clear_faults()
    assert "v1: digest: sha256:" in place.bash(f"docker push {image}")


def test_a_login_that_has_expired(place):
    image, seq = f"{SERVER}/web:v2", place.seq
    place.control.set_fault("expired-tokens")
    said = place.bash(f"docker tag web:latest {image}; docker push {image}", 1)
    assert "unauthorized: authentication required" in said
    assert place.kinds(seq) == ["expired-token"]
    place.control.clear_faults()
    assert "v2: digest: sha256:" in place.bash(f"docker push {image}")


def test_a_role_that_has_not_spread(place):
    place.control.set_fault("role-delay")
    scope = place.bash(f"az acr show -n {REGISTRY} --query id -o tsv").strip()
    made = place.bash(f"az ad sp create-for-rbac -n pusher --role AcrPush --scopes {scope} 2>/dev/null")
    about, seq = json.loads(made), place.seq
    login = (
        f"printf %s '{about['password']}' | docker --config conf login {SERVER} -u {about['appId']} --password-stdin"
    )
    assert "unauthorized: " in place.bash(login, 1)
    (told,) = place.control.trouble(seq)["trouble"]
    assert told["kind"] == "role-not-spread"
    assert told["text"].startswith("The role AcrPush given to pusher ")
    place.control.set_clock(60)
    assert "Login Succeeded" in place.bash(login)


def test_a_proxy_that_is_down(place):
    image, seq = f"{SERVER}/web:v3", place.seq
    place.control.set_fault("proxy-down")
    said = place.bash(f"docker tag web:latest {image}; docker push {image}", 1)
    assert "digest" not in said
    assert place.kinds(seq) == ["refused-connection"]
    place.control.clear_faults()
    assert "v3: digest: sha256:" in place.bash(f"docker push {image}")
