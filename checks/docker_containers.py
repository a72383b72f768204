"""Checks of containers and volumes, asked of the Docker Engine's API (never of the docker CLI)."""

import io
import tarfile
from collections.abc import Iterator, Mapping
from typing import Any

import docker
from docker.errors import NotFound

from labrunner.checking.api import Context, Finding, check, failed, passed
from labrunner.checking.wording import cut, listed, shown

from .docker_engine import asking_engine, full, image_id, short_id

LOG_LINES = 2000
LARGEST = 1024 * 1024
ANY = "any"


# Containers


@check("docker.container")
def container(
    ask: Context,
    *,
    name: str,
    state: str = "running",
    image: str = "",
    env: Mapping[str, str] | None = None,
    ports: Mapping[str, str] | None = None,
    mounts: Mapping[str, str] | None = None,
) -> Finding:
    """A container is in a state, made of an image, with variables, ports and mounts.

    `ports` maps a port of the container to one of the host (`8080/tcp: "8080"`), `mounts` a path in the container to
    a volume's name or a folder of the host.
    """
    with asking_engine(ask) as engine:
        about = _container(engine, name)
        if about is None:
            return failed(f"There is no container `{name}`.{_names(engine)}")
        said = differences(
            engine, name, about, state=state, image=image, env=env or {}, ports=ports or {}, mounts=mounts or {}
        )
    asked = {"image": image, "variables": env, "ports": ports, "mounts": mounts}
    return failed(" ".join(said)) if said else passed(f"The container `{name}` {as_asked(about, state, asked)}")


@check("docker.file")
def file(ask: Context, *, container: str, path: str, contains: str = "") -> Finding:
    """A file in a container, or in a volume of it, is there, and holds a text. The container need not run."""
    with asking_engine(ask) as engine:
        if _container(engine, container) is None:
            return failed(f"There is no container `{container}`.{_names(engine)}")
        text = file_in(engine, container, path)
    if text is None:
        return failed(f"The container `{container}` has no file `{path}`.")
    if contains not in text:
        return failed(f"`{path}` in the container `{container}` does not contain `{contains}`. It is: {_said(text)}")
    return passed(f"`{path}` in the container `{container}` is there" + (", and as it should be." if contains else "."))


@check("docker.no-container")
def no_container(ask: Context, *, name: str) -> Finding:
    """No container has that name, running or stopped."""
    with asking_engine(ask) as engine:
        about = _container(engine, name)
    if about is None:
        return passed(f"There is no container `{name}`.")
    return failed(f"The container `{name}` is still there ({about['State']['Status']}).")


@check("docker.logs")
def logs(ask: Context, *, container: str, contains: str) -> Finding:
    """The last 2,000 lines that a container wrote hold a text."""
    with asking_engine(ask) as engine:
        try:
            text = engine.logs(container, tail=LOG_LINES).decode(errors="replace")
        except NotFound:
            return failed(f"There is no container `{container}`.{_names(engine)}")
    if contains in text:
        return passed(f"The log of `{container}` contains `{contains}`.")
    last = text.strip().rpartition("\n")[2]
    return failed(
        f"The log of `{container}` does not contain `{contains}`. "
        + (f"Its last line: {cut(last)}" if last else "It is empty.")
    )


# Volumes


@check("docker.volume")
def volume(ask: Context, *, name: str) -> Finding:
    """The engine has the volume."""
    return (
        passed(f"The volume `{name}` is there.") if _has_volume(ask, name) else failed(f"There is no volume `{name}`.")
    )


@check("docker.no-volume")
def no_volume(ask: Context, *, name: str) -> Finding:
    """The engine does not have the volume (any more)."""
    return failed(f"The volume `{name}` is still there.") if _has_volume(ask, name) else passed(f"No volume `{name}`.")


def _container(engine: docker.APIClient, name: str) -> dict[str, Any] | None:
    """The container of exactly that name (an id's beginning is not a name)."""
    try:
        about: dict[str, Any] = engine.inspect_container(name)
    except NotFound:
        return None
    return about if about["Name"].lstrip("/") == name else None


def _names(engine: docker.APIClient) -> str:
    names = sorted(name.lstrip("/") for about in engine.containers(all=True) for name in about["Names"])
    return f" There is {listed(names[:8])}." if names else " There is none at all."


def differences(
    engine: docker.APIClient,
    name: str,
    about: Mapping[str, Any],
    *,
    state: str,
    image: str,
    env: Mapping[str, str],
    ports: Mapping[str, str],
    mounts: Mapping[str, str],
) -> list[str]:
    """In what an inspected container is not as it should be, a sentence for each."""
    return [
        *(_wrong_state(name, about, state) if state != ANY else ()),
        *(_wrong_image(engine, name, about, image) if image else ()),
        *_wrong_variables(name, about, env),
        *_wrong_ports(name, about, ports),
        *_wrong_mounts(name, about, mounts),
    ]


def as_asked(about: Mapping[str, Any], state: str, asked: Mapping[str, object]) -> str:
    """How an inspected container is that is as it should be: its state, or, where any will do, what else was asked."""
    if state == ANY:
        parts = [name for name, wanted in asked.items() if wanted]
        what = " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part) if parts else ""
        return f"is there, with its {what}." if what else "is there."
    is_now = about["State"]["Status"]
    return "has ended, as it should have." if is_now == "exited" else f"is {is_now}, as it should be."


def file_in(engine: docker.APIClient, container: str, path: str) -> str | None:
    """The text of a container's file, as much of it as a check may read; None if there is no such file."""
    try:
        pieces, _ = engine.get_archive(container, path)
    except NotFound:
        return None
    packed = io.BytesIO(b"".join(pieces))
    with tarfile.open(fileobj=packed) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            return content.read(LARGEST).decode(errors="replace") if content else None
    return None


def _said(text: str) -> str:
    return cut(text) or "empty"


def _wrong_state(name: str, about: Mapping[str, Any], state: str) -> Iterator[str]:
    is_now = about["State"]["Status"]
    if is_now != state:
        status = f" with status {about['State']['ExitCode']}" if is_now == "exited" else ""
        reason = f": {cut(about['State']['Error'])}" if about["State"].get("Error") else "."
        yield f"The container `{name}` is {is_now}{status}, not {state}{reason}"


def _wrong_image(engine: docker.APIClient, name: str, about: Mapping[str, Any], image: str) -> Iterator[str]:
    wanted = image_id(engine, image)
    made_of = about["Config"]["Image"]
    if (about["Image"] if wanted else full(made_of)) != (wanted or full(image)):
        yield f"The container `{name}` is made of `{made_of}` ({short_id(about['Image'])}), not of `{full(image)}`."


def _wrong_variables(name: str, about: Mapping[str, Any], wanted: Mapping[str, str]) -> Iterator[str]:
    found = dict(entry.partition("=")[::2] for entry in about["Config"]["Env"] or ())
    for key, value in wanted.items():
        if key not in found:
            yield f"The container `{name}` has no variable `{key}`."
        elif found[key] != value:
            yield f"In the container `{name}`, `{key}` is {shown(key, found[key])}, not {shown(key, value)}."


def _wrong_ports(name: str, about: Mapping[str, Any], wanted: Mapping[str, str]) -> Iterator[str]:
    # A container that does not run has its wishes only.
    bound = {**(about["HostConfig"].get("PortBindings") or {}), **(about["NetworkSettings"].get("Ports") or {})}
    for port, on_host in wanted.items():
        inside = port if "/" in port else f"{port}/tcp"
        found = list(dict.fromkeys(binding["HostPort"] for binding in bound.get(inside) or ()))
        if on_host not in found:
            where = f"at {listed(found)}" if found else "nowhere"
            yield f"Port {inside} of the container `{name}` is published {where}, not at `{on_host}`."


def _wrong_mounts(name: str, about: Mapping[str, Any], wanted: Mapping[str, str]) -> Iterator[str]:
    found = {mount["Destination"]: mount for mount in about["Mounts"]}
    for path, source in wanted.items():
        mount = found.get(path)
        if mount is None:
            yield f"Nothing is mounted at {path} of the container `{name}`."
        elif source not in {mount.get("Name"), mount.get("Source")}:
            is_now = mount.get("Name") or mount.get("Source")
            yield f"At {path} of the container `{name}` is `{is_now}`, not `{source}`."


def _has_volume(ask: Context, name: str) -> bool:
    with asking_engine(ask) as engine:
        try:
            engine.inspect_volume(name)
        except NotFound:
            return False
    return True
