"""What a fresh sandbox holds."""

from pathlib import Path

import pytest

from labrunner.sandbox import stock
from tests.sandbox.conftest import inside

pytestmark = pytest.mark.sandbox


@pytest.fixture
def sandbox(machines, course, kit):
    made = machines.up()
    stock.prepare(made, course, busybox=kit.busybox)
    return made


def tags(sandbox):
    return sorted(inside(sandbox, "docker images --format '{{.Repository}}:{{.Tag}}'").split())


def test_the_images_are_there_recent_and_labelled(sandbox):
    assert tags(sandbox) == ["deaf:latest", "web:1.0", "web:latest"]
    age = inside(sandbox, "docker images --format '{{.CreatedSince}}' web")
    assert "hours" in age or "minutes" in age or "seconds" in age
    label = inside(sandbox, "docker inspect -f '{{index .Config.Labels \"labrunner.stand-in\"}}' web")
    assert label.strip() == "Stands in for a web service."


def test_an_image_runs_and_hears_term(sandbox):
    said = inside(
        sandbox,
        "docker run -d --name web1 web >/dev/null; docker exec web1 sh -c 'pwd; id -un'; docker stop web1",
    )
    assert said.splitlines()[:2] == ["/app", "root"]


def test_the_work_folder_is_a_clean_repository(sandbox):
    said = inside(sandbox, "git log --format='%an %s'; git status --porcelain; cat docs/notes.md; git rev-parse HEAD")
    assert said.splitlines()[:2] == ["Learner Start", "# Notes"]
    assert not Path(sandbox.layout.home, ".gitconfig").exists()


def test_prepare_restores_what_is_missing_and_nothing_else(sandbox, course, kit):
    inside(sandbox, "docker tag deaf web:latest && docker rmi web:1.0 deaf:latest && rm docs/notes.md && echo x > own")
    before = inside(sandbox, "docker inspect -f '{{.Id}}' web:latest")
    stock.prepare(sandbox, course, busybox=kit.busybox)
    assert tags(sandbox) == ["deaf:latest", "web:1.0", "web:latest"]
    assert inside(sandbox, "docker inspect -f '{{.Id}}' web:latest") == before
    assert inside(sandbox, "docker inspect -f '{{.Id}}' deaf:latest") == before
    assert inside(sandbox, "docker inspect -f '{{.Id}}' web:1.0") != before
    assert inside(sandbox, "cat own docs/notes.md") == "x\n# Notes\n"


def test_reset_is_a_fresh_start(sandbox, course, kit):
    inside(
        sandbox,
        "docker network create more && docker volume create data && docker tag web other:1"
        " && docker run -d --network more -v data:/d -v /anonymous --name web1 web && echo x > own"
        " && mkdir -p ~/.docker && echo '{}' > ~/.docker/config.json && echo x > /tmp/x && docker commit web1 more:1",
    )
    stock.empty(sandbox)
    stock.prepare(sandbox, course, busybox=kit.busybox)
    assert tags(sandbox) == ["deaf:latest", "web:1.0", "web:latest"]
    assert inside(sandbox, "docker ps -aq; docker volume ls -q; ls -A ~; ls /tmp | grep -x x || true") == ""
    assert inside(sandbox, "docker network ls --format '{{.Name}}' | sort").split() == ["bridge", "host", "none"]
    assert inside(sandbox, "ls -A | sort").split() == [".git", "docs"]
    assert inside(sandbox, "touch ~/x x /tmp/x && docker info >/dev/null && echo whole") == "whole\n"
