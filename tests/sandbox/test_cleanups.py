"""The texts that clean up after the labs take nothing of neighbours, whose names start or end alike."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from labrunner.cli.opening import fill_course
from labrunner.content.load import load
from labrunner.content.variables import generated
from labrunner.record.ledger import differences
from labrunner.sandbox import azure_cli
from labrunner.targets.sandbox import SandboxTarget
from tests.sandbox.conftest import Machines

pytestmark = pytest.mark.sandbox

REGISTRY = "progressacr12345678"
SERVER = f"{REGISTRY}.azurecr.io"

NEIGHBOURS = f"""
az acr login -n {REGISTRY} >/dev/null 2>&1
docker create --name app -p 8080:8080 {SERVER}/mywebapi:theirs 2>/dev/null || true
for name in mywebapi:theirs mywebapi:latest-rc mywebapi:1.0.0-rc mywebapi2:1.0.0 my:latest \\
    myworkerservice:1.0 mybackgroundjob2:latest; do
  docker tag mywebapi:latest {SERVER}/$name
  docker push -q {SERVER}/$name
done
docker tag mywebapi:latest mywebapi:production-2
docker tag mywebapi:latest {SERVER}/mywebapi:latest
docker create --name web -p 8080:8080 {SERVER}/mywebapi:latest
docker rmi {SERVER}/mywebapi:latest
docker create --name my_own-app -p 8080:8080 {SERVER}/mywebapi:theirs
docker volume create mywebapi
docker tag mywebapi:latest mywebapi2:1.0.0
docker create --name myapi-prod mywebapi2:1.0.0
docker create --name myapi-container-2 {SERVER}/mywebapi:theirs
docker volume create myapi-data-2
docker volume create work_sqldata
docker volume create --label com.docker.compose.project=work2 --label com.docker.compose.volume=sqldata theirs
docker network create --label com.docker.compose.project=work --label com.docker.compose.network=theirs theirs
docker create --label com.docker.compose.project=work --label com.docker.compose.service=api --label \\
    com.docker.compose.project.working_dir=/elsewhere mywebapi2:1.0.0
docker create --label com.docker.compose.project=work --label com.docker.compose.service=web --label \\
    com.docker.compose.project.working_dir="$PWD" mywebapi2:1.0.0
echo theirs > docker-compose.override.yml
echo theirs > push-images.sh.bak
scope=$(az acr show -n {REGISTRY} --query id -o tsv)
for name in acr-push-pull-sp-2 my-acr-push-pull-sp; do
  az ad sp create-for-rbac --name $name --role AcrPush --scopes $scope -o none 2>/dev/null
done
az acr webhook create -r {REGISTRY} -n mypushhook2 --uri http://x.example/ --actions push -o none
docker logout {SERVER}
echo '{{"auths": {{"{SERVER}.example.com": {{"auth": "YTpi"}}}}}}' > ~/.docker/config.json
"""
LOGIN_FILE = "~ file ~/.docker/config.json"
"""To bring an image back, Docker logs in."""
SCOPE = f"$(az acr show -n {REGISTRY} --query id -o tsv)"


@pytest.fixture(scope="module")
def course():
    loaded = load(str(Path(__file__).parents[2] / "labs" / "acr-images"), cache=None)
    assert loaded.course is not None
    secrets = {one.name: generated(one.generate) for one in loaded.course.variables if one.generate}
    return fill_course(loaded.course, {"ACR_NAME": REGISTRY, "ACR_LOGIN_SERVER": SERVER, **secrets})


@pytest.fixture(scope="module")
def target(kit, cache, course, tmp_path_factory):
    state = tmp_path_factory.mktemp("state")
    machines = Machines({**os.environ, "XDG_CACHE_HOME": cache, "XDG_STATE_HOME": str(state)}, kit)
    try:
        cli = azure_cli.ensure(machines.env)
        made = SandboxTarget(machines.up(), course, (), tools=kit, needs=("azure", "docker-engine"), cli=cli)
        with closing(made):
            made.prepare(course)
            yield made
    finally:
        machines.end()


def run(target, text, host="local"):
    ran = target.script(text, host=host, timeout=120)
    assert ran.status == 0, (text, ran)


def test_they_leave_neighbours_alone(target, course):
    run(target, f"set -e\n{NEIGHBOURS}")
    neighbours = target.inventory()
    cleanups = [(step.id, cleanup) for lab in course.labs for step in lab.steps for cleanup in step.cleanup]
    assert len(cleanups) > 8
    for step, cleanup in reversed(cleanups):
        if not cleanup.restores:
            run(target, cleanup.run, cleanup.host)
            assert differences(neighbours, target.inventory()) == [], step
    restoring = [(step, cleanup) for step, cleanup in cleanups if cleanup.restores]
    assert restoring
    for step, cleanup in restoring:
        run(target, cleanup.run, cleanup.host)
        found = differences(neighbours, target.inventory())
        assert [line for line in found if not line.startswith("+")] == [LOGIN_FILE], step
        assert f"{SERVER}.example.com" in target.script("cat ~/.docker/config.json").stdout


def test_the_steps_own_application_goes(target, course):
    before = target.inventory()
    run(target, f"az ad sp create-for-rbac --name acr-push-pull-sp --role acrpush --scopes {SCOPE} 2>/dev/null")
    assert target.inventory() != before
    run(target, cleanup_of_applications(course))
    assert target.inventory() == before


def cleanup_of_applications(course):
    cleanups = [cleanup.run for lab in course.labs for step in lab.steps for cleanup in step.cleanup]
    (text,) = [run for run in cleanups if "ad app delete" in run]
    return text
