"""The docker kinds on a real engine: each passes for the right state, and says what is wrong with any other."""

import os
import signal
from pathlib import Path

import pytest

from labrunner.model import Check, Outcome
from tests.findings import failed, passed
from tests.waiting import wait_for

pytestmark = pytest.mark.sandbox


def test_image_and_no_image(shared):
    assert failed(shared.ask("docker.image", image="one:1.0")) == (
        "Docker has no image `one` at all, so it has no tag `1.0`."
    )
    assert passed(shared.ask("docker.no-image", image="one:1.0"))
    number = shared.image("one:1.0")
    assert passed(shared.ask("docker.image", image="one:1.0"))
    assert failed(shared.ask("docker.image", image="one")) == "Docker has no tag `latest` of `one`. It has `1.0`."
    assert failed(shared.ask("docker.no-image", image="one:1.0")) == f"Docker still has the image `one:1.0` ({number})."
    assert failed(shared.ask("docker.image", image=number)), "the beginning of an id is no name"


def test_same_image_names_what_is_missing_and_what_is_another(shared):
    number = shared.image("same:latest")
    registry = "acr.example.io:5000/same"
    images = ["same:latest", f"{registry}:1.0.0", f"{registry}:latest"]
    assert failed(shared.ask("docker.same-image", images=images)) == (
        f"Docker has no image `{registry}` at all, so it has no tags `1.0.0` or `latest`."
    )
    shared.bash(f"for tag in 1.0.0 latest; do docker tag same:latest {registry}:$tag; done")
    assert passed(shared.ask("docker.same-image", images=images)).endswith(f"are one image ({number}).")
    shared.bash(f"docker rmi {registry}:1.0.0")
    assert (
        failed(shared.ask("docker.same-image", images=images))
        == f"Docker has no tag `1.0.0` of `{registry}`. It has `latest`."
    )
    other = shared.image("same-other:1")
    shared.bash(f"docker tag same-other:1 {registry}:1.0.0")
    assert failed(shared.ask("docker.same-image", images=images)) == (
        f"`{registry}:1.0.0` is another image ({other}) than `same:latest` ({number}). Tag it again."
    )
    shared.bash("docker rmi same:latest")
    assert "`same:latest`" not in failed(shared.ask("docker.same-image", images=["same:latest"]))


def test_tags(shared):
    shared.image("tags:1.0")
    assert failed(shared.ask("docker.tags", repository="tags", tags=["1.0", "dev", "prod"])) == (
        "Docker has no tags `dev` or `prod` of `tags`. It has `1.0`."
    )
    shared.bash("docker tag tags:1.0 tags:dev; docker tag tags:1.0 other/tags:prod")
    assert failed(shared.ask("docker.tags", repository="tags", tags=["1.0", "dev", "prod"]))
    shared.bash("docker tag tags:1.0 tags:prod")
    assert passed(shared.ask("docker.tags", repository="tags", tags=["1.0", "dev", "prod"]))


def test_tag_like_a_pattern(shared):
    number = shared.image("like:latest")
    ask = {"repository": "like", "like": "{stamp}", "same_as": "like:latest"}
    assert (
        failed(shared.ask("docker.tag-like", **ask))
        == "Docker has no tag like `<a date and time>` of `like`. It has `latest`."
    )
    other = shared.image("like:20240101-120000")
    assert failed(shared.ask("docker.tag-like", **ask)) == (
        f"`like:20240101-120000` is another image ({other}) than `like:latest` ({number}). Tag it again."
    )
    assert passed(shared.ask("docker.tag-like", repository="like", like="{stamp}"))
    shared.bash("docker tag like:latest like:20250101-120000")
    assert passed(shared.ask("docker.tag-like", **ask)) == "Docker has the tag `20250101-120000` of `like`."
    shared.bash("docker rmi like:latest")
    assert failed(shared.ask("docker.tag-like", **ask)) == "Docker has no image `like:latest` to compare with."


def test_tag_from_a_command(shared):
    number = shared.image("from:latest")
    ask = {"repository": "from", "run": "cat revision", "same_as": "from:latest"}
    assert failed(shared.ask("docker.tag-from", **ask)) == (
        "`cat revision` says no tag: status 1, cat: revision: No such file or directory."
    )
    (shared.work / "revision").write_text("abc1234\n")
    assert failed(shared.ask("docker.tag-from", **ask)) == (
        "Docker has no tag `abc1234` of `from`. It has `latest`. (That is what `cat revision` says.)"
    )
    other = shared.image("from:abc1234")
    assert failed(shared.ask("docker.tag-from", **ask)) == (
        f"`from:abc1234` is another image ({other}) than `from:latest` ({number}). Tag it again."
    )
    shared.bash("docker tag from:latest from:abc1234")
    assert (
        passed(shared.ask("docker.tag-from", **ask))
        == "Docker has the tag `abc1234` of `from`, as `cat revision` says."
    )


def test_a_container(shared):
    shared.image("web:1")
    ask = {
        "name": "web",
        "image": "web:1",
        "env": {"MODE": "Production"},
        "ports": {"8080/tcp": "8080"},
        "mounts": {"/data": "web-data"},
    }
    assert failed(shared.ask("docker.container", **ask)).startswith("There is no container `web`.")
    shared.bash("docker run -d --name web -e MODE=Production -p 8080:8080 -v web-data:/data web:1 httpd -f -p 8080")
    try:
        assert passed(shared.ask("docker.container", **ask)) == "The container `web` is running, as it should be."
        of_any = "The container `web` is there, with its image, variables, ports and mounts."
        assert passed(shared.ask("docker.container", **ask, state="any")) == of_any
        assert passed(shared.ask("docker.container", name="web", state="any")) == "The container `web` is there."
        (answer,) = shared.checker.ask([Check(kind="http.get", args={"url": "http://localhost:8080/", "status": 404})])
        assert passed(answer)
        wrong = {
            "state": "exited",
            "image": "web:2",
            "env": {"MODE": "Test", "MORE": "x"},
            "ports": {"8080": "9090", "1/udp": "1"},
            "mounts": {"/data": "other", "/more": "x"},
        }
        assert failed(shared.ask("docker.container", name="web", **wrong)).split(". ") == [
            "The container `web` is running, not exited",
            f"The container `web` is made of `web:1` ({shared.bash('docker images -q web:1')}), not of `web:2`",
            "In the container `web`, `MODE` is `Production`, not `Test`",
            "The container `web` has no variable `MORE`",
            "Port 8080/tcp of the container `web` is published at `8080`, not at `9090`",
            "Port 1/udp of the container `web` is published nowhere, not at `1`",
            "At /data of the container `web` is `web-data`, not `other`",
            "Nothing is mounted at /more of the container `web`.",
        ]
        shared.bash("docker kill web")
        assert (
            failed(shared.ask("docker.container", **ask))
            == "The container `web` is exited with status 137, not running."
        )
        assert failed(shared.ask("docker.no-container", name="web")) == "The container `web` is still there (exited)."
        number = shared.bash("docker ps -aqf name=web")
        assert passed(shared.ask("docker.no-container", name=number)), "the beginning of an id is no name"
    finally:
        shared.bash("docker rm -f web")
    assert passed(shared.ask("docker.no-container", name="web"))


def test_a_container_of_a_moved_tag_is_of_another_image(shared):
    shared.image("moved:1")
    shared.bash("docker create --name moved moved:1 sleep 1")
    ask = {"name": "moved", "state": "created", "image": "moved:1"}
    assert passed(shared.ask("docker.container", **ask))
    shared.image("moved:1")
    assert "is made of `" in failed(shared.ask("docker.container", **ask))
    shared.bash("docker rm moved")


def test_logs(shared):
    shared.image("talk:1")
    shared.bash("docker run --name talk talk:1 sh -c 'echo Now listening; echo on port 8080 >&2'")
    assert passed(shared.ask("docker.logs", container="talk", contains="port 8080"))
    message = failed(shared.ask("docker.logs", container="talk", contains="port 9090"))
    assert message.startswith("The log of `talk` does not contain `port 9090`. Its last line: ")
    shared.bash("docker rm talk")
    assert failed(shared.ask("docker.logs", container="talk", contains="x")).startswith("There is no container `talk`.")


def test_volumes(shared):
    assert failed(shared.ask("docker.volume", name="mydata")) == "There is no volume `mydata`."
    assert passed(shared.ask("docker.no-volume", name="mydata"))
    shared.bash("docker volume create mydata")
    assert passed(shared.ask("docker.volume", name="mydata"))
    assert failed(shared.ask("docker.no-volume", name="mydata")) == "The volume `mydata` is still there."


def test_a_state_that_comes_later_is_waited_for(shared):
    shared.image("late:1")
    shared.sandbox.run(["bash", "-c", "(sleep 0.7; docker tag late:1 late:2) </dev/null >/dev/null 2>&1 &"])
    (result,) = shared.checker.ask([Check(kind="docker.image", args={"image": "late:2"}, within=10)])
    assert (result.outcome, result.asked > 2) == (Outcome.PASSED, True)


def test_a_name_that_is_no_reference_is_a_defect_of_the_course(shared):
    result = shared.ask("docker.image", image="Not A Name")
    assert (result.outcome, result.bug) == (Outcome.ERROR, True)


def test_many_questions_are_answered_in_order(shared):
    shared.image("many:1")
    checks = [Check(kind="docker.image", args={"image": f"many:{number}"}) for number in range(1, 101)]
    results = shared.checker.ask(checks, once=True)
    assert [result.outcome for result in results] == [Outcome.PASSED, *[Outcome.FAILED] * 99]


def test_an_engine_that_was_killed_is_an_error_and_its_return_is_noticed(mortal):
    mortal.image("x:1")
    assert passed(mortal.ask("docker.image", image="x:1"))
    os.kill(engine_of(mortal.sandbox.pid), signal.SIGKILL)
    (result,) = mortal.checker.ask([Check(kind="docker.image", args={"image": "x:2"}, within=30)])
    assert (result.outcome, result.bug) == (Outcome.ERROR, False)
    assert result.message.startswith("The Docker Engine of the sandbox does not answer. What to do: ")
    assert result.seconds < 15


def test_an_engine_that_hangs_is_an_error(mortal):
    passed(mortal.ask("docker.no-image", image="x:1"))
    number = engine_of(mortal.sandbox.pid)
    os.kill(number, signal.SIGSTOP)
    try:
        result = mortal.ask("docker.no-image", image="x:1")
    finally:
        os.kill(number, signal.SIGCONT)
    assert (result.outcome, result.bug) == (Outcome.ERROR, False)
    assert "does not answer" in result.message


def test_a_sandbox_that_is_gone_is_an_error(mortal):
    passed(mortal.ask("docker.no-image", image="x:1"))
    os.kill(mortal.sandbox.pid, signal.SIGKILL)
    wait_for_end(mortal.sandbox.pid)
    result = mortal.ask("docker.no-image", image="x:1")
    assert (result.outcome, result.bug) == (Outcome.ERROR, False)
    assert "No answer from the process that asks the check docker.no-image" in result.message


def wait_for_end(number: int) -> None:
    """The kernel lets a namespace's first process go when all the others are gone."""
    wait_for(lambda: not Path(f"/proc/{number}/ns/pid").exists())


def engine_of(supervisor: int) -> int:
    """The process id of the engine that this supervisor holds."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            same = (place / "ns/pid_for_children").readlink() == Path(f"/proc/{supervisor}/ns/pid").readlink()
            if same and (place / "comm").read_text() == "dockerd\n":
                return int(place.name)
        except (OSError, ProcessLookupError):
            continue
    raise AssertionError("no dockerd")
