"""Docker and skopeo, unmodified, against the local Azure of a sandbox: what they say, and what they store.

LABRUNNER_DOCKER names another Docker CLI that the same sequence is asked of.
"""

import hashlib
import json
import os
import re
import secrets
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from labrunner.model import Image, Seed, SeededManifest
from labrunner.sandbox import machine, tools
from labrunner.sandbox.azure import LocalAzure, check_azure
from labrunner.sandbox.control import request
from tests.sandbox.conftest import Machines
from tests.sandbox.registry import REGISTRY, SERVER, prepared, principal
from tests.waiting import wait_for

pytestmark = pytest.mark.sandbox

OTHER_DOCKER = os.environ.get("LABRUNNER_DOCKER")
DOCKERS = {"own": "", **({"other": OTHER_DOCKER} if OTHER_DOCKER else {})}
DIGEST = r"sha256:[0-9a-f]{64}"


@dataclass
class Place:
    """The prepared sandbox. bash(line): what it says; it has to end with the status."""

    sandbox: machine.Sandbox
    skopeo: str
    env: dict[str, str]
    outer: dict[str, str]

    def bash(self, line, status=0, *, timeout=120.0, **more):
        environment = {**self.sandbox.environment(), **self.env, **more}
        ended = self.sandbox.run(["bash", "-o", "pipefail", "-c", line], env=environment, timeout=timeout)
        assert ended.status == status, (line, ended)
        return ended.stdout + ended.stderr

    def user(self, other=""):
        """The same place for somebody with a Docker configuration of his own. other: another CLI's program."""
        name = secrets.token_hex(4)
        folder = Path(self.sandbox.layout.work, name)
        (folder / "bin").mkdir(parents=True)
        if other:
            (folder / "bin" / "docker").symlink_to(other)
        path = f"{folder}/bin:{self.sandbox.environment()['PATH']}"
        env = {"DOCKER_CONFIG": f"{folder}/config", "PATH": path, "DOCKER_BUILDKIT": "0", "F": str(folder)}
        return Place(self.sandbox, self.skopeo, env, self.outer)

    def login(self, user, password):
        return self.bash(f'printf %s "$P" | docker login {SERVER} --username {user} --password-stdin', P=password)


@pytest.fixture(scope="module")
def place(kit, cache, shared_env, tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    (folder / "web.sh").write_text("#!/bin/sh\nexec httpd -f -p 8080 -h /app\n")
    image = Image(
        names=("web:latest",),
        says="A web service.",
        files={"/app/web.sh": "web.sh"},
        entrypoint=("/bin/sh", "/app/web.sh"),
        ports=("8080/tcp",),
        workdir="/app",
    )
    skopeo = tools.unpack_extra("skopeo", Path(cache, "labrunner", "extra", "skopeo"), shared_env)
    machines = Machines(shared_env, kit)
    with prepared(machines, folder, images=(image,), show=(str(skopeo.parent),)) as sandbox:
        found = Place(sandbox, str(skopeo), {}, shared_env)
        found.bash(f"az acr update -n {REGISTRY} --admin-enabled true -o none")
        yield found


@pytest.fixture(scope="module")
def admin(place):
    shown = json.loads(place.bash(f"az acr credential show -n {REGISTRY}"))
    return shown["username"], shown["passwords"][0]["value"]


@pytest.fixture(params=DOCKERS)
def docker(request, place):
    """Somebody with that Docker CLI, not signed in."""
    return place.user(DOCKERS[request.param])


def fresh(who, *, size=1000):
    """An image that nobody has, and its repository's name."""
    name = f"r{secrets.token_hex(4)}"
    image = f"{SERVER}/{name}:v1"
    who.bash(f"head -c {size} /dev/urandom > $F/blob; tar -C $F -c blob | docker import - {image}")
    return name


def digest_at(place, name, tag="v1"):
    return place.bash(f"az acr repository show -n {REGISTRY} --image {name}:{tag} --query digest -o tsv").strip()


def test_every_way_to_log_in(docker, place, admin):
    assert "Login Succeeded" in docker.bash(f"az acr login -n {REGISTRY}")
    config = json.loads(docker.bash("cat $DOCKER_CONFIG/config.json"))
    assert SERVER in config["auths"]
    assert "Removing login credentials" in docker.bash(f"docker logout {SERVER}")
    assert "Login Succeeded" in docker.login(*admin)
    appid, secret = principal(place, "AcrPush")
    assert "Login Succeeded" in docker.login(appid, secret)
    docker.bash(f"docker logout {SERVER}")
    for user, password in ((admin[0], "wrong"), (appid, "wrong"), ("nobody", secret)):
        said = docker.bash(f"printf %s {password} | docker login {SERVER} -u {user} --password-stdin", 1)
        assert re.search(rf'Get "?https://{re.escape(SERVER)}/v2/"?: unauthorized: ', said)
        assert "Login Succeeded" not in said


def test_push_and_pull(docker, place, admin):
    docker.login(*admin)
    name = fresh(docker)
    image = f"{SERVER}/{name}"
    said = docker.bash(f"docker push {image}:v1")
    assert ": Pushed" in said
    pushed = re.search(rf"v1: digest: ({DIGEST}) size: \d+", said)[1]
    assert digest_at(place, name) == pushed
    docker.bash(f"docker tag {image}:v1 {image}:v2")
    again = docker.bash(f"docker push {image}:v2")
    assert ": Layer already exists" in again
    assert f"v2: digest: {pushed} " in again
    docker.bash(f"docker rmi {image}:v1 {image}:v2")
    pulled = docker.bash(f"docker pull {image}:v1")
    assert ": Pull complete" in pulled
    assert f"Digest: {pushed}" in pulled
    assert f"Status: Downloaded newer image for {image}:v1" in pulled
    assert f"Status: Image is up to date for {image}:v1" in docker.bash(f"docker pull {image}:v1")
    docker.bash(f"docker rmi {image}:v1")
    assert f"Status: Downloaded newer image for {image}@{pushed}" in docker.bash(f"docker pull {image}@{pushed}")
    docker.bash(f"docker rmi {image}@{pushed}")
    unknown = docker.bash(f"docker pull {image}:nosuchtag", 1)
    assert f"manifest for {image}:nosuchtag not found: manifest unknown: " in unknown
    nobody = docker.bash(f"docker pull {SERVER}/nosuchrepository:v1", 1)
    assert f"manifest for {SERVER}/nosuchrepository:v1 not found: manifest unknown: " in nobody or (
        f"repository {SERVER}/nosuchrepository not found: name unknown: " in nobody
    )


def test_what_a_repository_has_from_the_past_is_pulled_like_what_was_pushed(docker, place, admin):
    docker.login(*admin)
    name = fresh(docker)
    pushed = re.search(DIGEST, docker.bash(f"docker push {SERVER}/{name}:v1"))[0]
    docker.bash(f"docker rmi {SERVER}/{name}:v1")
    manifests = (
        SeededManifest(from_=f"{name}:v1", tags=("old",), days=40.0),
        SeededManifest(index_of=(f"{name}:v1",), tags=("multi",)),
    )
    seed = Seed(registry=REGISTRY, repository=f"{name}-past", manifests=manifests)
    azure = LocalAzure(place.sandbox)
    assert azure.seed(seed) == ""
    image = f"{SERVER}/{name}-past"
    assert f"Digest: {pushed}" in docker.bash(f"docker pull {image}:old")
    assert f"Digest: {digest_at(place, f'{name}-past', 'multi')}" in docker.bash(f"docker pull {image}:multi")
    (child,) = json.loads(docker.bash(f"docker manifest inspect {image}:multi"))["manifests"]
    assert child["digest"] == pushed
    said = azure.seed(replace(seed, manifests=(SeededManifest(from_=f"{name}:v2"),)))
    assert said == f"`{name}` in the registry `{REGISTRY}` has no tag `v2`"


def test_who_is_nobody_pushes_and_pulls_nothing(docker, place, admin):
    docker.login(*admin)
    name = fresh(docker)
    docker.bash(f"docker push {SERVER}/{name}:v1; docker logout {SERVER}")
    docker.bash(f"docker tag {SERVER}/{name}:v1 {SERVER}/{name}:v2")
    assert "unauthorized: authentication required" in docker.bash(f"docker push {SERVER}/{name}:v2", 1)
    docker.bash(f"docker rmi {SERVER}/{name}:v1")
    said = docker.bash(f"docker pull {SERVER}/{name}:v1", 1)
    assert "unauthorized: authentication required" in said
    tags = place.bash(f"az acr repository show-tags -n {REGISTRY} --repository {name} -o tsv")
    assert tags.split() == ["v1"]


def test_who_may_only_pull_is_denied_a_push(docker, place, admin):
    docker.login(*admin)
    name = fresh(docker)
    docker.bash(f"docker push {SERVER}/{name}:v1")
    assert "Login Succeeded" in docker.login(*principal(place, "AcrPull"))
    docker.bash(f"docker tag {SERVER}/{name}:v1 {SERVER}/{name}:v2")
    said = docker.bash(f"docker push {SERVER}/{name}:v2", 1)
    assert "denied: requested access to the resource is denied" in said
    docker.bash(f"docker rmi {SERVER}/{name}:v1 {SERVER}/{name}:v2")
    assert "Downloaded newer image" in docker.bash(f"docker pull {SERVER}/{name}:v1")
    tags = place.bash(f"az acr repository show-tags -n {REGISTRY} --repository {name} -o tsv")
    assert tags.split() == ["v1"]


def test_run_pulls_and_build_begins_with_an_image_of_the_registry(docker, place, admin):
    docker.login(*admin)
    name = f"r{secrets.token_hex(4)}"
    base, built = f"{SERVER}/{name}:base", f"{SERVER}/{name}:built"
    docker.bash(f"docker tag web:latest {base}; docker push {base}; docker rmi {base}")
    docker.bash("docker rmi -f web:latest; docker image prune -af")
    said = docker.bash(f"docker run -d --name {name} -p 18080:8080 {base}")
    try:
        assert f"Unable to find image '{base}' locally" in said
        assert f"Status: Downloaded newer image for {base}" in said
        page = docker.bash("curl -sS --retry 20 --retry-connrefused --retry-delay 1 http://127.0.0.1:18080/web.sh")
        assert "exec httpd" in page
    finally:
        docker.bash(f"docker rm -f {name}")
    docker.bash(f"docker rmi {base}")
    docker.bash(f"printf 'FROM {base}\\nRUN echo built > /app/b\\n' > $F/Dockerfile")
    docker.bash(f"docker build -q -t {built} -f $F/Dockerfile $F/bin")
    said = docker.bash(f"docker push {built}")
    assert ": Pushed" in said
    assert ": Layer already exists" in said
    docker.bash(f"docker rmi {built}")
    docker.bash(f"docker pull -q {built}")
    assert docker.bash(f"docker run --rm --entrypoint cat {built} /app/b") == "built\n"
    docker.bash(f"docker tag {base} web:latest || (docker pull -q {base}; docker tag {base} web:latest)")


class TestSkopeo:
    @pytest.fixture
    def user(self, place, admin):
        user = place.user()
        user.env["PATH"] = f"{place.skopeo}:{user.env['PATH']}"
        user.env["REGISTRY_AUTH_FILE"] = ""
        login = f"skopeo login {SERVER} -u {admin[0]} --password-stdin --authfile $F/auth"
        user.bash(f'printf %s "$P" | {login}', P=admin[1])
        user.bash('echo \'{"default": [{"type": "insecureAcceptAnything"}]}\' > $F/policy')
        user.env["S"] = f"skopeo --policy {user.env['F']}/policy"
        return user

    def names(self, user, name):
        return json.loads(user.bash(f"skopeo list-tags --authfile $F/auth docker://{SERVER}/{name}"))["Tags"]

    def raw(self, user, image):
        return user.bash(f"skopeo inspect --raw --authfile $F/auth docker://{SERVER}/{image}")

    def test_copies_between_an_archive_a_folder_a_layout_and_the_registry(self, user):
        name = fresh(user)
        image = f"docker://{SERVER}/{name}"
        user.bash(f"docker save -o $F/a.tar {SERVER}/{name}:v1")
        user.bash(f"$S copy --authfile $F/auth docker-archive:$F/a.tar {image}:archive")
        user.bash(f"$S copy --authfile $F/auth {image}:archive dir:$F/d")
        user.bash(f"$S copy --authfile $F/auth dir:$F/d {image}:dir")
        user.bash(f"$S copy --authfile $F/auth --format oci {image}:dir oci:$F/o:x")
        user.bash(f"$S copy --authfile $F/auth oci:$F/o:x {image}:oci")
        user.bash(f"$S copy --authfile $F/auth --preserve-digests {image}:oci docker://{SERVER}/{name}/other:oci")
        assert sorted(self.names(user, name)) == ["archive", "dir", "oci"]
        assert self.raw(user, f"{name}:archive") == self.raw(user, f"{name}:dir")
        assert self.raw(user, f"{name}:oci") == self.raw(user, f"{name}/other:oci")
        about = json.loads(user.bash(f"skopeo inspect --authfile $F/auth {image}:oci"))
        assert about["Name"] == f"{SERVER}/{name}"
        assert set(about["RepoTags"]) == {"archive", "dir", "oci"}
        manifest = json.loads(self.raw(user, f"{name}:oci"))
        assert manifest["config"]["mediaType"] == "application/vnd.oci.image.config.v1+json"
        assert about["Layers"] == [layer["digest"] for layer in manifest["layers"]]
        denied = user.bash(f"skopeo inspect docker://{SERVER}/{name}:oci", 1)
        assert "unauthorized: authentication required" in denied

    def test_an_index_with_all_of_its_images(self, user):
        name = fresh(user)
        image = f"docker://{SERVER}/{name}"
        user.bash(f"docker save -o $F/a.tar {SERVER}/{name}:v1")
        user.bash("$S copy --format oci docker-archive:$F/a.tar oci:$F/o:x")
        layout = Path(user.env["F"], "o")
        inner = json.loads((layout / "index.json").read_text())["manifests"][0]
        platforms = [{"os": "linux", "architecture": each} for each in ("amd64", "arm64")]
        entries = [{k: inner[k] for k in ("mediaType", "digest", "size")} | {"platform": p} for p in platforms]
        kind = "application/vnd.oci.image.index.v1+json"
        index = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": entries}).encode()
        digest = hashlib.sha256(index).hexdigest()
        (layout / "blobs" / "sha256" / digest).write_bytes(index)
        outer = {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(index)}
        outer["annotations"] = {"org.opencontainers.image.ref.name": "all"}
        (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [outer]}))
        user.bash(f"$S copy --all --authfile $F/auth oci:$F/o:all {image}:all")
        assert self.raw(user, f"{name}:all").encode() == index
        user.bash(f"$S copy --all --authfile $F/auth {image}:all docker://{SERVER}/{name}/copy:all")
        assert self.raw(user, f"{name}/copy:all").encode() == index
        assert json.loads(self.raw(user, f"{name}/copy@{inner['digest']}"))["layers"]

    def test_sync_and_delete(self, user):
        name = fresh(user)
        image = f"docker://{SERVER}/{name}"
        user.bash(f"docker save -o $F/a.tar {SERVER}/{name}:v1")
        for tag in ("one", "two"):
            user.bash(f"$S copy --authfile $F/auth docker-archive:$F/a.tar {image}:{tag}")
        user.bash(f"mkdir $F/s && $S sync --authfile $F/auth --scoped --src docker --dest dir {SERVER}/{name} $F/s")
        assert {path.name for path in Path(user.env["F"], "s").glob("*/*")} == {f"{name}:one", f"{name}:two"}
        user.bash(f"$S sync --authfile $F/auth --src docker --dest docker {SERVER}/{name} {SERVER}/mirror{name}")
        assert sorted(self.names(user, f"mirror{name}/{name}")) == ["one", "two"]
        assert self.raw(user, f"mirror{name}/{name}:two") == self.raw(user, f"{name}:two")
        user.bash(f"skopeo delete --authfile $F/auth {image}:one")
        gone = user.bash(f"skopeo inspect --authfile $F/auth {image}:two", 1)
        assert "manifest unknown" in gone  # skopeo deletes the digest, and both tags had the same
        assert sorted(self.names(user, f"mirror{name}/{name}")) == ["one", "two"]


def azure_pid(sandbox):
    """As this machine counts."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            line = (entry / "cmdline").read_bytes().split(b"\0")
            if b"--state" in line and sandbox.layout.azure.encode() in line:
                return int(entry.name)
    raise AssertionError("there is no local Azure")


def test_a_push_that_the_azure_dies_in_leaves_nothing_and_can_be_repeated(place, admin, kit):
    """The push is given up when docker waits to try again: it would do so four times, over 50 s."""
    user = place.user()
    user.login(*admin)
    name = fresh(user, size=30_000_000)
    uploads = Path(place.sandbox.layout.azure, "blobs", "uploads")
    with ThreadPoolExecutor(1) as pool:
        line = f"docker push {SERVER}/{name}:v1 >$F/said 2>&1 & echo $! >$F/pid; wait $!"
        pushing = pool.submit(user.bash, line, 143)
        wait_for(lambda: any(path.stat().st_size > 1_000_000 for path in uploads.glob("*/*")), seconds=30)
        os.kill(azure_pid(place.sandbox), signal.SIGKILL)
        wait_for(lambda: not request(place.sandbox.layout.control, "status").azure_pid, seconds=30)
        wait_for(lambda: "Retrying in " in Path(user.env["F"], "said").read_text() or pushing.done(), seconds=30)
        user.bash("kill $(cat $F/pid)")
        pushing.result(120)
    machine.up(place.sandbox.name, place.outer, kit)
    check_azure(place.sandbox.layout, patience=30)
    assert name not in place.bash(f"az acr repository list -n {REGISTRY} -o tsv").split()
    assert "manifest unknown" in user.bash(f"docker pull {SERVER}/{name}:v1", 1)
    pushed = re.search(rf"digest: ({DIGEST})", user.bash(f"docker push {SERVER}/{name}:v1"))[1]
    user.bash(f"docker rmi {SERVER}/{name}:v1")
    assert f"Digest: {pushed}" in user.bash(f"docker pull {SERVER}/{name}:v1")
    assert digest_at(place, name) == pushed


def test_eight_push_and_pull_at_once_while_others_are_deleted(place, admin):
    user = place.user()
    user.login(*admin)
    base = fresh(user)
    shared = f"s{secrets.token_hex(4)}"
    delete = (
        'scope="service=$S&scope=repository:$R:delete";'
        ' t=$(curl -sSf -u "$U:$P" "https://$S/oauth2/token?$scope" | jq -r .access_token)'
        ' && curl -sSf -o /dev/null -X DELETE -H "Authorization: Bearer $t" https://$S/v2/$R/manifests/$D'
    )

    def work(number):
        kept = {}
        for turn in range(3):
            image = f"{SERVER}/{shared}:w{number}-{turn}"
            user.bash(
                f"printf 'FROM {SERVER}/{base}:v1\\nLABEL a={number}-{turn}\\nCOPY f /f\\n' > $F/Dockerfile{number};"
                f"mkdir -p $F/c{number}; head -c 200000 /dev/urandom > $F/c{number}/f;"
                f"docker build -q -t {image} -f $F/Dockerfile{number} $F/c{number}"
            )
            digest = re.search(rf"digest: ({DIGEST})", user.bash(f"docker push {image}"))[1]
            assert f"Digest: {digest}" in user.bash(f"docker rmi -f {image} >/dev/null; docker pull {image}")
            if turn == 1:
                user.bash(delete, U=admin[0], P=admin[1], S=SERVER, R=shared, D=digest)
            else:
                kept[f"w{number}-{turn}"] = digest
        return kept

    kept = {}
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(work, range(8)):
            kept |= found
    listed = json.loads(place.bash(f"az acr manifest list-metadata -r {REGISTRY} -n {shared} -o json 2>/dev/null"))
    assert {tag: each["digest"] for each in listed for tag in each.get("tags") or ()} == kept
