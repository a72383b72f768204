"""What the course's containers without a name of their own are known by: image and port, asked of the Docker Engine."""

import socket
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException

from labrunner.checking.api import Context, Finding, TargetError, check, failed, passed

TIMEOUT = 10


@check("container.serving")
def serving(ask: Context, *, image: str, port: str) -> Finding:
    """One running container has the port of the host, and was made of the image by that name."""
    containers = _containers(ask)
    running = [about for about in containers if about["State"] == "running" and port in _ports(about)]
    if len(running) == 1 and running[0]["Image"] == image:
        return passed(f"{_named(running[0])} is made of `{image}`, runs, and has port {port}.")
    if running:
        said = " and ".join(f"{_named(about)}, made of `{about['Image']}`," for about in running)
        return failed(f"{said} has port {port}, not one of `{image}`.")
    ended = [about for about in containers if about["State"] != "running" and about["Image"] == image]
    also = f" {_named(ended[0])} is made of `{image}`, but it is {ended[0]['State']}." if ended else ""
    return failed(f"No running container has port {port}.{also}")


def _containers(ask: Context) -> list[dict[str, Any]]:
    """All of them, the newest first. Raises TargetError."""
    try:
        engine = ask.once("course-engine", lambda: _connect(ask.engine_url))
        return list(engine.containers(all=True))
    except (OSError, APIError, DockerException, requests.RequestException) as error:
        raise TargetError("The Docker Engine of the sandbox does not answer", ask.remedy) from error


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
