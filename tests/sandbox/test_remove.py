"""What a session left in a sandbox goes; neighbours that were there before, whatever their names, stay."""

import json
import os
from pathlib import Path

import pytest

from labrunner.checking.api import TargetError
from labrunner.model import Azure, AzureRegistry, Course, Image, WorkFolder
from labrunner.record.ledger import appeared
from labrunner.sandbox import azure_cli
from labrunner.targets.sandbox import SandboxTarget
from tests.sandbox.conftest import Machines

pytestmark = pytest.mark.sandbox

REGISTRY = "progressacr12345678"
SERVER = f"{REGISTRY}.azurecr.io"
AZURE = Azure(resource_group="progress-labs", registries=(AzureRegistry(name=REGISTRY, sku="Premium"),))

NEIGHBOURS = f"""
for name in app-2 app2 my-app ap app.bak app_old; do
  docker run -d --name $name -v $name:/data -v /anonymous web >/dev/null
  docker network create $name >/dev/null
  docker volume create data-$name >/dev/null
done
docker create --name stopped --network my-app -v my-app:/d web >/dev/null
for name in web:production mywebapi:1.0.0 {SERVER}/webapi:1.0.0 {SERVER}/mywebapi:1.0.0-rc {SERVER}/mywebapi:theirs \\
    {SERVER}/my:1.0.0 {SERVER}x/mywebapi:1.0.0; do
  docker tag deaf:latest $name
done
for name in webapi:1.0.0 mywebapi:1.0.0-rc mywebapi:theirs my:1.0.0; do docker push -q {SERVER}/$name; done
docker import - dangling:1 < <(tar -c docs) >/dev/null && docker rmi -f dangling:1 >/dev/null
mkdir -p other/deep empty ~/other
for file in run.sh.bak my-run.sh other/run.sh other/deep/run.sh ~/other/run.sh; do echo theirs > $file; done
"""

SESSION = f"""
docker run -d --name app -v app-data:/data -v /anonymous web >/dev/null
docker network create app >/dev/null
docker run -d --network app --name later web >/dev/null
docker volume create data-app >/dev/null
for tag in 1.0.0 latest build-123; do docker tag web:latest {SERVER}/mywebapi:$tag; done
for tag in 1.0.0 latest build-123; do docker push -q {SERVER}/mywebapi:$tag; done
docker tag web:latest {SERVER}/fresh:1 && docker push -q {SERVER}/fresh:1
echo one > one; printf 'FROM web:latest\\nCOPY one /one\\nRUN echo two > /two\\n' > Dockerfile
DOCKER_BUILDKIT=0 docker build -q -t {SERVER}/built:1 . && docker push -q {SERVER}/built:1
DOCKER_BUILDKIT=0 docker build -q -t built:again .
echo ours > run.sh; mkdir -p made/deep; echo ours > made/deep/run.sh; echo x > empty/file
git init -q made/repository
"""


@pytest.fixture(scope="module")
def machine_of_its_own(kit, cache, tmp_path_factory):
    state = tmp_path_factory.mktemp("state")
    made = Machines({**os.environ, "XDG_CACHE_HOME": cache, "XDG_STATE_HOME": str(state)}, kit)
    yield made
    made.end()


@pytest.fixture(scope="module")
def target(machine_of_its_own, kit, tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    Path(folder, "web.sh").write_text("#!/bin/sh\ntrap 'exit 0' TERM\nwhile :; do sleep 1 & wait; done\n")
    Path(folder, "deaf.sh").write_text("#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1; done\n")
    images = tuple(
        Image(
            names=(f"{name}:latest",),
            says="Stands in.",
            files={"/run.sh": f"{name}.sh"},
            entrypoint=("/bin/sh", "/run.sh"),
        )
        for name in ("web", "deaf")
    )
    work = WorkFolder(git=True, files={"docs/notes.md": "web.sh"})
    course = Course(id="t", title="T", path=str(folder), images=images, work=work, azure=AZURE)
    sandbox = machine_of_its_own.up()
    made = SandboxTarget(sandbox, course, (), tools=kit, needs=("azure",), cli=azure_cli.ensure(machine_of_its_own.env))
    made.prepare()
    do(made, f"az acr login -n {REGISTRY}")
    yield made
    made.close()


def do(target, text):
    ran = target.script(f"set -e\n{text}", timeout=60)
    assert ran.status == 0, ran
    return ran.stdout


@pytest.fixture
def clean(target):
    """The target; after the test it is as before."""
    before = target.inventory()
    yield target
    do(target, "docker ps -aq --no-trunc | xargs -r docker rm -f -v >/dev/null")
    left = target.remove(appeared(before, target.inventory()))
    assert target.inventory() == before, left


def by_name(told):
    return {(entry.kind, entry.name): why for entry, why in told.items()}


def test_all_that_a_session_made_goes_and_nothing_of_its_neighbours(target):
    start = target.inventory()
    do(target, NEIGHBOURS)
    neighbours = target.inventory()
    do(target, SESSION)
    made = appeared(neighbours, target.inventory())
    assert {entry.kind for entry in made} == {
        *("container", "image", "image-tag", "volume", "network", "file", "folder"),
        *("repository-tag", "repository-manifest"),
    }
    assert len([entry for entry in made if entry.kind == "volume"]) == 3
    assert len([entry for entry in made if entry.kind == "image"]) == 2, "what a build left on its way, too"
    told = target.remove(made)
    assert {entry: why for entry, why in told.items() if why} == {}
    assert target.inventory() == neighbours
    assert set(target.remove(made).values()) == {""}, "gone already"
    assert do(target, "docker start stopped && docker ps -q | wc -l").split()[-1] == "7"
    do(target, "docker ps -aq --no-trunc | xargs -r docker rm -f -v >/dev/null")
    target.remove(appeared(start, target.inventory()))
    assert target.inventory() == start


def test_names_that_mean_something_else_by_now_are_kept_and_told(clean):
    before = clean.inventory()
    make = f"""
    docker volume create data; docker network create net; docker create --name box web
    docker tag web mywebapi:1; docker tag web {SERVER}/mywebapi:1; docker push -q {SERVER}/mywebapi:1; echo one > file
    """
    do(clean, make)
    made = appeared(before, clean.inventory())
    do(clean, "docker volume rm data; docker network rm net; docker rm box")
    do(
        clean,
        f"""
        until [ "$(date -u +%FT%TZ)" != "$(date -u -d "$(stat -c @%Y file)" +%FT%TZ)" ]; do :; done
        docker volume create data; docker network create net; docker create --name box web
        docker tag deaf mywebapi:1; docker tag deaf {SERVER}/mywebapi:1; docker push -q {SERVER}/mywebapi:1
        echo 2 > file
        """,
    )
    there = clean.inventory()
    told = by_name(clean.remove(made))
    another = "That name means another one by now, which is left alone."
    assert told == {
        ("volume", "data"): another,
        ("network", "net"): another,
        ("container", "box"): another,
        ("image-tag", "mywebapi:1"): another,
        ("image-tag", f"{SERVER}/mywebapi:1"): another,
        ("repository-tag", f"{REGISTRY}/mywebapi:1"): another,
        ("repository-manifest", f"{REGISTRY}/mywebapi"): "",
        ("file", "work/file"): "It has been changed since, and is left alone.",
    }
    assert {entry.kind for entry in there - clean.inventory()} == {"repository-manifest"}


def test_what_others_have_taken_into_use_stays(clean):
    before = clean.inventory()
    do(
        clean,
        """
        docker volume create data; docker network create net; docker tag web ours:1
        printf 'FROM web\nENV A=1\n' | DOCKER_BUILDKIT=0 docker build -q -t base:1 -
        printf 'FROM web\nENV A=2\n' | DOCKER_BUILDKIT=0 docker build -q -t used:1 -
        printf 'FROM web\nENV A=3\n' | DOCKER_BUILDKIT=0 docker build -q -t shared:1 -
        docker create --name ours web
        """,
    )
    made = appeared(before, clean.inventory())
    do(
        clean,
        """
        docker create --name theirs --network net -v data:/d web
        docker create --name user used:1; docker tag shared:1 theirs:1; docker rename ours taken
        printf 'FROM base:1\nENV B=1\n' | DOCKER_BUILDKIT=0 docker build -q -t child:1 -
        """,
    )
    theirs = clean.inventory() - frozenset(made) - before
    told = clean.remove(made)
    said = by_name(told)
    assert said["volume", "data"].startswith("The Docker Engine does not remove it: remove data: volume is in use")
    assert said["network", "net"] == "The container theirs is connected to it."
    assert said["image-tag", "used:1"].startswith("The Docker Engine does not remove it: conflict")
    assert said["image-tag", "shared:1"] == ""
    assert said["image-tag", "ours:1"] == ""
    assert said["container", "ours"] == "It is called taken by now."
    whys = sorted(why for entry, why in told.items() if entry.kind == "image")
    assert whys[0] == "It is also called theirs:1, which stays."
    assert theirs <= clean.inventory()
    assert (
        do(clean, "docker start theirs user && docker run --rm --entrypoint true child:1; echo well").split()[-1]
        == "well"
    )
    do(clean, "docker rmi -f child:1 theirs:1; docker rm -f user theirs")


def test_an_image_that_was_there_keeps_its_last_name(clean):
    nameless = do(clean, "tar -c docs | docker import - x:1").strip()
    do(clean, "tar -c docs .git | docker import - x:1")
    before = clean.inventory()
    assert nameless in {entry.id for entry in before}
    do(clean, f"docker tag {nameless} ours:1; docker tag {nameless} ours:2")
    told = sorted(clean.remove(appeared(before, clean.inventory())).values())
    assert told == ["", "It is the last name of an image that is not among these, and that would go with it."]
    assert do(clean, f"docker image inspect -f '{{{{.Id}}}}' {nameless}").strip() == nameless


def test_a_volume_stays_when_only_its_container_goes(clean):
    before = clean.inventory()
    do(clean, "docker run -d --name box -v /anonymous -v named:/d web")
    made = appeared(before, clean.inventory())
    (box,) = [entry for entry in made if entry.kind == "container"]
    assert clean.remove([box]) == {box: ""}
    assert set(made) - {box} <= clean.inventory()
    assert len(made) == 3


def test_what_is_in_azure_goes_and_applications_of_such_names_stay(clean):
    before_all = clean.inventory()
    subscription = json.loads(do(clean, "az account show"))["id"]
    scope = f"/subscriptions/{subscription}/resourceGroups/progress-labs"
    for name in ("acr-push-pull-sp-2", "my-acr-push-pull-sp", "acr-push"):
        do(clean, f"az ad sp create-for-rbac --name {name} --role AcrPush --scopes {scope} -o none 2>/dev/null")
    do(clean, f"az acr webhook create -r {REGISTRY} -n pushhook2 --uri http://x.example/ --actions push -o none")
    before = clean.inventory()
    do(clean, f"az ad sp create-for-rbac --name acr-push-pull-sp --role AcrPush --scopes {scope} -o none 2>/dev/null")
    do(clean, f"az acr webhook create -r {REGISTRY} -n pushhook --uri http://x.example/ --actions push -o none")
    do(
        clean,
        "az acr create -g progress-labs -n another12345 --sku Basic -o none; az group create -n more -l eastus -o none",
    )
    made = appeared(before, clean.inventory())
    assert {entry.kind for entry in made} == {
        *("application", "service-principal", "client-secret", "role-assignment", "webhook", "registry"),
        "resource-group",
    }
    assert set(clean.remove(made).values()) == {""}
    assert clean.inventory() == before
    clean.remove(appeared(before_all, before))


def test_a_sign_in_of_the_session_ends_with_it(target):
    start = target.inventory()
    made = json.loads(do(target, "az ad sp create-for-rbac --name signs-in 2>/dev/null"))
    who, word, tenant = (made[name] for name in ("appId", "password", "tenant"))
    before = target.inventory()
    do(target, f"az login --service-principal -u {who} -p '{word}' --tenant {tenant} --allow-no-subscriptions -o none")
    (account,) = [entry for entry in appeared(before, target.inventory()) if entry.kind == "az-account"]
    assert account.name == who
    assert target.remove([account]) == {account: ""}
    files = [path for path in Path(target.script("echo ~/.azure").stdout.strip()).rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if word.encode() in path.read_bytes()]
    target.prepare()
    assert target.remove([account]) == {account: "Somebody else is signed in by now."}
    assert set(target.remove(appeared(start, target.inventory())).values()) == {""}


def test_nothing_is_removed_of_an_engine_that_is_gone(target):
    """Last: it breaks the sandbox."""
    do(target, "docker create --name box web")
    (box,) = [entry for entry in target.inventory() if entry.name == "box"]
    do(target, "kill -9 $(cat /run/docker.pid)")
    with pytest.raises(TargetError, match="Docker Engine") as caught:
        target.remove([box])
    assert "labrunner sandbox up" in caught.value.remedy
