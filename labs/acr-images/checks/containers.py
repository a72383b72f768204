"""What the course asks the Docker Engine of its containers: by image and port, and which one wrote a file."""

import io
import re
import socket
import tarfile
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, NotFound

from labrunner.checking.api import Context, Finding, TargetError, check, failed, passed

TIMEOUT = 10
LARGEST = 65536
GONE = "The Docker Engine of the sandbox does not answer"
NAMED_BY_DOCKER = re.compile(r"/[a-z]+_[a-z]+[0-9]?")
"""What Docker calls a container that nobody has named."""
ID = re.compile(r"\b[0-9a-f]{12}\b")
"""A container's id as its host name has it."""


@check("container.serving")
def serving(ask: Context, *, image: str, port: str) -> Finding:
    """One running container has the port of the host, and was made of the image by that name."""
    return _serving(_containers(ask), image, port)


@check("container.only-there")
def only_there(ask: Context, *, image: str, port: str, there: str) -> Finding:
    """As `container.serving`, on another host of the target; and this machine has no such container without a name
    of somebody's choice."""
    for about in _containers(ask):
        if about["Image"] == image and any(NAMED_BY_DOCKER.fullmatch(name) for name in about.get("Names") or ()):
            return failed(f"{_named(about)}, made of `{image}`, runs on your own machine, not on `{there}`.")
    url = ask.engines.get(there)
    if url is None:
        raise TargetError(f"This target has no host `{there}`", "Run the lab in the sandbox.")
    found = _serving(_containers(ask, url), image, port)
    return Finding(found.ok, f"On `{there}`: {found.message}")


def _serving(containers: list[dict[str, Any]], image: str, port: str) -> Finding:
    running = [about for about in containers if about["State"] == "running" and port in _ports(about)]
    if len(running) == 1 and running[0]["Image"] == image:
        return passed(f"{_named(running[0])} is made of `{image}`, runs, and has port {port}.")
    if running:
        said = " and ".join(f"{_named(about)}, made of `{about['Image']}`," for about in running)
        return failed(f"{said} has port {port}, not one of `{image}`.")
    ended = [about for about in containers if about["State"] != "running" and about["Image"] == image]
    also = f" {_named(ended[0])} is made of `{image}`, but it is {ended[0]['State']}." if ended else ""
    return failed(f"No running container has port {port}.{also}")


@check("container.inherits")
def inherits(ask: Context, *, name: str, path: str) -> Finding:
    """A file in the container names the container that wrote it, and that was another one, which is gone."""
    containers = _containers(ask)
    own = next((about["Id"] for about in containers if f"/{name}" in (about.get("Names") or ())), None)
    if own is None:
        return failed(f"There is no container `{name}`.")
    written = _file(ask, own, path)
    if written is None:
        return failed(f"The container `{name}` has no file `{path}`.")
    found = ID.search(written)
    if found is None:
        return failed(f"`{path}` in the container `{name}` names no container that wrote it.")
    if own.startswith(found[0]):
        return failed(f"`{path}` was written by this container `{name}` itself, so it has not outlived one.")
    if any(about["Id"].startswith(found[0]) for about in containers):
        return failed(f"The container {found[0]}, which wrote `{path}`, is still there: it has not been replaced.")
    return passed(f"`{path}` was written by the container {found[0]}, which is gone, and `{name}` has it.")


def _file(ask: Context, container: str, path: str) -> str | None:
    """The beginning of a file in a container; None if there is none. Raises TargetError."""
    try:
        engine = ask.once(f"course-engine {ask.engine_url}", lambda: _connect(ask.engine_url))
        pieces, _ = engine.get_archive(container, path)
        packed = io.BytesIO(b"".join(pieces))
    except NotFound:
        return None
    except (OSError, APIError, DockerException, requests.RequestException) as error:
        raise TargetError(GONE, ask.remedy) from error
    with tarfile.open(fileobj=packed) as archive:
        member = archive.next()
        content = archive.extractfile(member) if member and member.isfile() else None
        return content.read(LARGEST).decode(errors="replace") if content else None


def _containers(ask: Context, url: str = "") -> list[dict[str, Any]]:
    """All of them, the newest first. url: of another engine than this machine's. Raises TargetError."""
    url = url or ask.engine_url
    try:
        engine = ask.once(f"course-engine {url}", lambda: _connect(url))
        return list(engine.containers(all=True))
    except (OSError, APIError, DockerException, requests.RequestException) as error:
        raise TargetError(GONE, ask.remedy) from error


def _connect(url: str) -> docker.APIClient:
    """Raises OSError if nobody listens there. The SDK would find out too, but leave a socket open."""
    with socket.socket(socket.AF_UNIX) as knock:
        knock.settimeout(TIMEOUT)
        knock.connect(url.removeprefix("unix://"))
    engine = docker.APIClient(base_url=url, version="auto", timeout=TIMEOUT)
    engine.trust_env = False
    return engine


def _ports(about: dict[str, Any]) -> set[str]:
    """The ports of the host that lead to it."""
    return {str(binding["PublicPort"]) for binding in about.get("Ports") or () if binding.get("PublicPort")}


def _named(about: dict[str, Any]) -> str:
    return f"The container `{(about.get('Names') or ['?'])[0].lstrip('/')}`"
