"""The Docker Engine's API, and names of images as it takes them: what the checks of several files ask.

The engine is the one at the target's own address; nothing of DOCKER_HOST, contexts or proxies is looked at.
Questions about a thing that is not there are failed findings; an engine that does not answer is a TargetError.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import docker
import requests
from docker.errors import APIError, DockerException, NotFound

from labrunner.checking.api import Context, TargetError

TIMEOUT = 10
GONE = "The Docker Engine of the sandbox does not answer"


@contextmanager
def asking_engine(ask: Context) -> Iterator[docker.APIClient]:
    """The engine's API. Raises TargetError when it does not answer, or answers that it is in trouble itself."""
    try:
        yield ask.once("docker-engine", _connect(ask.engine_url, ask.remedy))
    except APIError as error:
        # Engines answer 400 or 500 for a name that is none; that is the course's mistake, not the engine's.
        if not error.is_server_error() or "invalid reference format" in str(error.explanation):
            raise
        raise TargetError(f"The Docker Engine has a problem of its own: {error.explanation}", ask.remedy) from error
    except requests.exceptions.RequestException as error:
        raise TargetError(GONE, ask.remedy) from error


def _knock(url: str, remedy: str) -> None:
    """Raise TargetError if nobody listens there. The SDK would find out too, but leave a socket open."""
    if not url:  # the SDK would take the machine's own engine
        raise TargetError("There is no Docker Engine here", "run the lab in the sandbox")
    if not url.startswith("unix://"):
        return
    with socket.socket(socket.AF_UNIX) as knock:
        knock.settimeout(TIMEOUT)
        try:
            knock.connect(url.removeprefix("unix://"))
        except OSError as error:
            raise TargetError(GONE, remedy) from error


def _connect(url: str, remedy: str) -> Callable[[], docker.APIClient]:
    def connect() -> docker.APIClient:
        _knock(url, remedy)
        try:
            client = docker.APIClient(base_url=url, version="auto", timeout=TIMEOUT)
        except DockerException as error:
            raise TargetError(GONE, remedy) from error
        client.trust_env = False
        return client

    return connect


def split(image: str) -> tuple[str, str]:
    """Repository and tag; `latest` where none is given. A port of the registry is no tag."""
    head, colon, tail = image.rpartition(":")
    return (head, tail) if colon and "/" not in tail else (image, "latest")


def full(image: str) -> str:
    """The name with its tag, so that no part of an image id can be meant."""
    return image if "@" in image else ":".join(split(image))


def short_id(identity: str) -> str:
    """An id as `docker images` shows it."""
    return identity.removeprefix("sha256:")[:12]


def image_id(engine: docker.APIClient, image: str) -> str:
    """Empty if there is no such image."""
    try:
        return str(engine.inspect_image(full(image))["Id"])  # type: ignore[no-untyped-call]
    except NotFound:
        return ""
