"""The Compose kinds and files in containers, on a real engine with the sandbox's own Compose."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from labrunner.model import Check, Course
from labrunner.sandbox import tools
from labrunner.targets.sandbox import SandboxTarget
from tests.checks.conftest import CHECKS
from tests.findings import failed, passed

pytestmark = pytest.mark.sandbox

COURSE_CHECKS = str(Path(__file__).parents[2] / "labs" / "acr-images" / "checks")
FILE = """\
version: '3.8'
services:
  web:
    image: compose-base:1
    command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1 & wait $$!; done"]
    environment: [MODE=fast]
    ports: ["18080:80"]
    networks: [front]
    volumes: ["kept:/data"]
volumes:
  kept:
networks:
  front:
"""
RIGHT = {
    "service": "web",
    "image": "compose-base:1",
    "env": {"MODE": "fast"},
    "ports": {"80/tcp": "18080"},
    "volumes": {"/data": "kept"},
    "networks": ["front"],
}


@pytest.fixture
def project(shared):
    """A folder with a project that is not up; its name is the project's."""
    shared.image("compose-base:1")
    shared.bash("mkdir -p shop")
    Path(shared.work, "shop/docker-compose.yml").write_text(FILE)
    yield "shop"
    shared.bash("cd shop && docker-compose down -v 2>&1")


def compose(shared, words):
    shared.bash(f"cd shop && docker-compose {words} 2>&1")


def test_a_service_is_what_the_file_says(shared, project):
    assert failed(shared.ask("compose.service", service="web", project=project)) == (
        "The service `web` of the Compose project `shop` has no container."
    )
    compose(shared, "up -d")
    assert passed(shared.ask("compose.service", project=project, **RIGHT)) == (
        "The service `web` is running, as it should be."
    )
    compose(shared, "stop -t 2")
    assert "is exited with status 0, not running" in failed(shared.ask("compose.service", project=project, **RIGHT))
    for asked, said in (
        ({"state": "exited"}, "has ended, as it should have."),
        ({"state": "any"}, "is there, with its image, variables, volumes and networks."),
    ):
        answer = shared.ask("compose.service", project=project, **{**RIGHT, "ports": {}}, **asked)
        assert passed(answer) == f"The service `web` {said}"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("image", "compose-base:2", "is made of `compose-base:1`"),
        ("env", {"MODE": "slow"}, "`MODE` is `fast`, not `slow`"),
        ("ports", {"80/tcp": "18081"}, "is published at `18080`, not at `18081`"),
        ("volumes", {"/data": "lost"}, "is `shop_kept`, not `shop_lost`"),
        ("volumes", {"/other": "kept"}, "Nothing is mounted at /other"),
        ("networks", ["front", "back"], "is not in the network `back`, but in `shop_front`."),
    ],
)
def test_what_is_otherwise_is_named(shared, project, key, value, said):
    compose(shared, "up -d")
    assert said in failed(shared.ask("compose.service", project=project, **{**RIGHT, key: value}))


def test_two_containers_of_a_service_are_not_one(shared, project):
    shared.bash("sed -i '/ports:/d' shop/docker-compose.yml")
    compose(shared, "up -d --scale web=2")
    assert "has 2 containers, not one" in failed(shared.ask("compose.service", service="web", project=project))


def test_down_leaves_the_volumes(shared, project):
    assert failed(shared.ask("compose.down", keeps=["kept"], project=project)) == (
        "The Compose project `shop` has no volume `kept`."
    )
    compose(shared, "up -d")
    said = failed(shared.ask("compose.down", project=project))
    assert "of the Compose project `shop`" in said.lower().replace("compose project", "Compose project")
    assert "`shop_front`" in said
    compose(shared, "down")
    assert passed(shared.ask("compose.down", keeps=["kept"], project=project)) == (
        "Nothing of the Compose project `shop` runs; its volume `kept` is kept."
    )
    compose(shared, "down -v")
    assert failed(shared.ask("compose.down", keeps=["kept"], project=project))


def test_without_a_name_it_is_the_work_folders_project(shared):
    assert "of the Compose project `work`" in failed(shared.ask("compose.service", service="web"))
    shared.image("compose-base:1")
    Path(shared.work, "docker-compose.yml").write_text(FILE)
    try:
        shared.bash("docker-compose up -d 2>&1")
        assert passed(shared.ask("compose.service", **RIGHT))
    finally:
        shared.bash("docker-compose down -v 2>&1; rm docker-compose.yml")


def test_a_file_in_a_container_and_its_volume(shared):
    shared.image("files:1")
    ask = {"container": "files", "path": "/data/marker.txt"}
    assert "There is no container `files`." in failed(shared.ask("docker.file", **ask))
    shared.bash("docker create --name files -v files-data:/data files:1 sh")
    assert failed(shared.ask("docker.file", **ask)) == "The container `files` has no file `/data/marker.txt`."
    assert "has no file" in failed(shared.ask("docker.file", container="files", path="/data")), "a folder is no file"
    shared.bash("docker run --rm -v files-data:/data files:1 sh -c 'echo was here > /data/marker.txt'")
    assert passed(shared.ask("docker.file", **ask, contains="was here"))
    assert failed(shared.ask("docker.file", **ask, contains="is here")).endswith(
        "does not contain `is here`. It is: was here"
    )
    shared.bash("docker rm files && docker volume rm files-data")


def test_a_marker_must_have_outlived_its_container(shared):
    kit = tools.ensure(dict(os.environ))
    target = SandboxTarget(shared.sandbox, Course(id="t", title="t"), folders=(CHECKS, COURSE_CHECKS), tools=kit)
    with closing(target):

        def ask():
            check = Check(kind="container.inherits", args={"name": "heir", "path": "/data/marker"})
            return target.checker().ask([check], once=True)[0]

        shared.image("heir:1")
        make = "docker create --name heir -v heir-data:/data heir:1 sh"
        mark = "docker run --rm -v heir-data:/data heir:1 sh -c 'echo by {} > /data/marker'"
        assert failed(ask()) == "There is no container `heir`."
        shared.bash(make)
        assert failed(ask()) == "The container `heir` has no file `/data/marker`."
        shared.bash(mark.format("nobody"))
        assert failed(ask()).endswith("names no container that wrote it.")
        own = shared.bash("docker inspect -f '{{.Id}}' heir")[:12]
        shared.bash(mark.format(own))
        assert "so it has not outlived one" in failed(ask())
        shared.bash(f"docker rename heir other && {make}")
        assert f"The container {own}, which wrote `/data/marker`, is still there" in failed(ask())
        shared.bash("docker rm other")
        assert passed(ask()).startswith(f"`/data/marker` was written by the container {own}, which is gone")
        shared.bash("docker rm heir && docker volume rm heir-data")
