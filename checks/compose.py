"""Checks of Compose projects, asked of the Docker Engine's API by the labels that Compose 1 and 2 both give.

Without a name a project is that of the work folder, which Compose calls after the folder.
"""

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import docker

from labrunner.checking.api import Context, Finding, check, failed, passed
from labrunner.checking.wording import listed

from .docker_containers import as_asked, differences
from .docker_engine import asking_engine

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"


@check("compose.service")
def service(  # noqa: PLR0913 - the keys of a service in a Compose file
    ask: Context,
    *,
    service: str,
    state: str = "running",
    image: str = "",
    env: Mapping[str, str] | None = None,
    ports: Mapping[str, str] | None = None,
    volumes: Mapping[str, str] | None = None,
    networks: list[str] | None = None,
    project: str = "",
) -> Finding:
    """A service has one container, in a state, made of an image, with variables and ports as in `docker.container`.

    `volumes` maps a path in the container to a volume of the project, `networks` are networks of the project; both by
    the names that the Compose file has.
    """
    project = project or _project(ask.work)
    mounts = {path: f"{project}_{name}" for path, name in (volumes or {}).items()}
    with asking_engine(ask) as engine:
        found = [about for about in _containers(engine, project) if about["Labels"].get(SERVICE) == service]
        if len(found) != 1:
            return failed(_not_one(project, service, found))
        about = engine.inspect_container(found[0]["Id"])
        name = about["Name"].lstrip("/")
        said = differences(
            engine, name, about, state=state, image=image, env=env or {}, ports=ports or {}, mounts=mounts
        )
    joined = about["NetworkSettings"]["Networks"]
    outside = [network for network in networks or () if f"{project}_{network}" not in joined]
    if outside:
        said.append(f"The container `{name}` is not in the network {listed(outside, last='or')}, but in {_in(joined)}.")
    asked = {"image": image, "variables": env, "ports": ports, "volumes": volumes, "networks": networks}
    return failed(" ".join(said)) if said else passed(f"The service `{service}` {as_asked(about, state, asked)}")


@check("compose.down")
def down(ask: Context, *, keeps: list[str] | None = None, project: str = "") -> Finding:
    """No container and no network of the project is left (any more); the volumes that it `keeps` are there.

    A project that was never up has none of its volumes.
    """
    project = project or _project(ask.work)
    with asking_engine(ask) as engine:
        left = [_name(about) for about in _containers(engine, project)]
        left += [about["Name"] for about in engine.networks(filters={"label": f"{PROJECT}={project}"})]
        there = {about["Name"] for about in engine.volumes()["Volumes"] or ()}
    if left:
        return failed(f"Of the Compose project `{project}`, {listed(left)} {'is' if len(left) == 1 else 'are'} left.")
    missing = [name for name in keeps or () if f"{project}_{name}" not in there]
    if missing:
        return failed(f"The Compose project `{project}` has no volume {listed(missing, last='or')}.")
    kept = f"; its volume {listed(keeps)} is kept" if keeps else ""
    return passed(f"Nothing of the Compose project `{project}` runs{kept}.")


def _project(work: str) -> str:
    """The name that Compose gives a project in that folder (compose/cli/command.py, get_project_name, of 1.29.2)."""
    return re.sub(r"[^-_a-z0-9]", "", PurePath(work).name.lower()) or "default"


def _containers(engine: docker.APIClient, project: str) -> list[dict[str, Any]]:
    """Those of `run` are left out: they are no service's."""
    labels = [f"{PROJECT}={project}", "com.docker.compose.oneoff=False"]
    return list(engine.containers(all=True, filters={"label": labels}))


def _name(about: Mapping[str, Any]) -> str:
    return str((about["Names"] or ["?"])[0]).lstrip("/")


def _not_one(project: str, service: str, found: list[dict[str, Any]]) -> str:
    if found:
        return f"The service `{service}` has {len(found)} containers, not one: {listed(map(_name, found))}."
    return f"The service `{service}` of the Compose project `{project}` has no container."


def _in(networks: Mapping[str, Any]) -> str:
    return listed(sorted(networks)) if networks else "none"
