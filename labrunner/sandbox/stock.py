"""What a fresh sandbox holds for a course: its stand-in images in the engine, its files in the work folder.

`prepare` brings about what is missing and touches nothing else, so that it can be called before every run; `empty`
removes everything. The Docker SDK is imported where it is used: it costs 0.2 s.
"""

import contextlib
import os
import shutil
from collections.abc import Container, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from labrunner.model import Course, Image
from labrunner.sandbox import images
from labrunner.sandbox.errors import SandboxError
from labrunner.sandbox.room import told
from labrunner.sandbox.running import Sandbox

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["Machine", "docker_client", "empty", "prepare"]

_GIT = (
    *("git", "-c", "init.defaultBranch=main", "-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false"),
    *("-c", "user.name=Learner", "-c", "user.email=learner@example.com", "-c", "core.autocrlf=false"),
)
_GIT_ENV = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_DATE": "2026-01-01T09:00:00Z",
    "GIT_COMMITTER_DATE": "2026-01-01T09:00:00Z",
}


class Machine(Protocol):
    """A machine with an engine: a `Sandbox`, or its `RemoteHost`."""

    name: str

    @property
    def address(self) -> str:
        """The engine's socket, as a path of this machine."""

    @property
    def engine_url(self) -> str:
        """The engine, from outside."""

    def check_engine(self) -> dict[str, Any]:
        """What the engine says of itself. Raises SandboxError if it does not answer, or is another one's."""


@contextlib.contextmanager
def docker_client(sandbox: Machine, *, timeout: float = 30.0) -> Iterator["DockerClient"]:
    """The SDK's client of the sandbox's engine. What the SDK raises inside comes out as SandboxError."""
    import docker
    import docker.errors
    import requests

    client = None
    try:
        client = docker.DockerClient(base_url=sandbox.engine_url, timeout=int(timeout))
        yield client
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        sandbox.check_engine()  # says it better when the engine is gone
        raise SandboxError(f"the Docker Engine of sandbox '{sandbox.name}' failed: {error}") from error
    finally:
        if client is not None:
            client.close()


def prepare(sandbox: Sandbox, course: Course, *, busybox: str) -> None:
    """Load the course's stand-in images that are missing and make the work folder's content that is missing.

    A name that means something else by now is left alone. busybox: a static binary. Raises SandboxError.
    """
    sandbox.check_engine()
    with told(sandbox.layout):
        if course.images:
            with docker_client(sandbox) as client:
                _restore_images(client, sandbox, course, busybox)
        _make_work_folder(sandbox, course)


def empty(sandbox: Sandbox) -> None:
    """Empty the sandbox: containers, volumes, networks, images, HOME, work folder, /tmp.

    Only ever the engine that says by its labels that it is this sandbox's. Raises SandboxError.
    """
    sandbox.check_engine()
    with docker_client(sandbox) as client:
        _empty_engine(client)
    _empty_folder(sandbox.layout.home)
    _empty_folder(sandbox.layout.work)
    _empty_folder(sandbox.layout.tmp, keep=sandbox.mounted_below("/tmp"))  # noqa: S108


def _restore_images(client: "DockerClient", sandbox: Sandbox, course: Course, busybox: str) -> None:
    here = {tag: image["Id"] for image in client.api.images() for tag in image.get("RepoTags") or ()}
    wanted = [image for image in course.images if any(_full(name) not in here for name in image.names)]
    if not wanted:
        return
    made = [_build(image, sandbox, course, busybox) for image in wanted]
    by_content = {
        (about.get("Labels") or {}).get(images.CONTENT_LABEL): about["Id"]
        for about in client.api.images(filters={"label": images.CONTENT_LABEL}, all=True)
    }
    to_load = []
    for image in made:
        missing = tuple(name for name in image.names if _full(name) not in here)
        if image.content in by_content:
            for name in missing:
                repository, _, tag = _full(name).rpartition(":")
                client.api.tag(by_content[image.content], repository, tag)
        else:
            to_load.append(images.StandIn(tuple(map(_full, missing)), image.content, image.config, image.layers))
    if to_load:
        client.images.load(images.archive(to_load))


def _full(name: str) -> str:
    """The name with its tag, as the engine lists it."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def _build(image: Image, sandbox: Sandbox, course: Course, busybox: str) -> images.StandIn:
    files = {path: _course_file(course, source) for path, source in image.files.items()}
    return images.stand_in(
        image,
        base=images.base_layer(busybox),
        files=files,
        sandbox=sandbox.name,
        machine=os.uname().machine,
        day=datetime.now(UTC),
    )


def _course_file(course: Course, source: str) -> bytes:
    path = Path(os.path.realpath(f"{course.path}/{source}"))
    if not path.is_relative_to(os.path.realpath(course.path)):
        raise SandboxError(f"{source} is not in the course's folder", "Run `labrunner lint` on the course.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise SandboxError(f"{path} cannot be read: {error.strerror}", "Run `labrunner lint` on the course.") from error


def _make_work_folder(sandbox: Sandbox, course: Course) -> None:
    work = Path(sandbox.layout.work)
    for name, source in course.work.files.items():
        path = Path(os.path.realpath(work / name))
        if not path.is_relative_to(work):
            raise SandboxError(f"{name} is outside of the work folder", "Run `labrunner lint` on the course.")
        if not path.exists():
            content = _course_file(course, source)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(0o755 if content.startswith(b"#!") else 0o644)
    if course.work.git and not (work / ".git" / "HEAD").exists():
        for line in (("init", "-q"), ("add", "-A"), ("commit", "-q", "--allow-empty", "-m", "Start")):
            result = sandbox.run([*_GIT, *line], env={**sandbox.environment(), **_GIT_ENV})
            if result.status:
                raise SandboxError(
                    f"git {line[0]} failed in the work folder: {(result.stderr or result.stdout).strip()}"
                )


def _empty_engine(client: "DockerClient") -> None:
    import docker.errors

    api: Any = client.api
    for container in api.containers(all=True):
        with suppress(docker.errors.NotFound):
            api.remove_container(container["Id"], force=True, v=True)
    for volume in api.volumes()["Volumes"] or ():
        with suppress(docker.errors.NotFound):
            api.remove_volume(volume["Name"], force=True)
    for network in api.networks():
        if network["Name"] not in ("bridge", "host", "none"):
            with suppress(docker.errors.NotFound):
                api.remove_network(network["Id"])
    for image in api.images():
        with suppress(docker.errors.NotFound):
            api.remove_image(image["Id"], force=True)
    api.prune_builds()


def _empty_folder(folder: str, *, keep: Container[str] = ()) -> None:
    """Remove what is in it; the folder itself stays, since it is mounted inside.

    keep: names of entries. The kernel would take off, in the sandbox, whatever is mounted on a folder removed here.
    """
    try:
        for entry in os.scandir(folder):
            if entry.name in keep:
                continue
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                Path(entry.path).unlink()
    except OSError as error:
        raise SandboxError(f"{error.filename} cannot be removed: {error.strerror}") from error
