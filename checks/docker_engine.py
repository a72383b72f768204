"""Checks of images, containers and volumes, asked of the Docker Engine's API (never of the docker CLI).

The engine is the one at the target's own address; nothing of DOCKER_HOST, contexts or proxies is looked at.
Questions about a thing that is not there are failed findings; an engine that does not answer is a TargetError.
"""

import io
import socket
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, NotFound

from labrunner.checking.api import Context, Finding, TargetError, check, failed, passed
from labrunner.checking.wording import cut, listed, shown

TIMEOUT = 10
GONE = "The Docker Engine of the sandbox does not answer"
LOG_LINES = 2000
TAGS_SHOWN = 16
LARGEST = 1024 * 1024
ANY = "any"


# Images and tags


@check("docker.image")
def image(ask: Context, *, image: str) -> Finding:
    """The engine has the image."""
    with asking_engine(ask) as engine:
        if _image_id(engine, image):
            return passed(f"The image `{full(image)}` is there.")
        repository, tag = _split(image)
        return failed(_no_tags(repository, [tag], _tags(engine, repository)))


@check("docker.no-image")
def no_image(ask: Context, *, image: str) -> Finding:
    """The engine does not have the image (any more)."""
    with asking_engine(ask) as engine:
        found = _image_id(engine, image)
    name = full(image)
    return failed(f"The image `{name}` is still there ({_short(found)}).") if found else passed(f"No image `{name}`.")


@check("docker.same-image")
def same_image(ask: Context, *, images: list[str]) -> Finding:
    """All these names exist, and are one image (a tag is a pointer, not a copy); the first one is the measure."""
    with asking_engine(ask) as engine:
        ids = {full(name): _image_id(engine, name) for name in images}
        missing: dict[str, list[str]] = {}
        for name in (name for name, found in ids.items() if not found):
            repository, tag = _split(name)
            missing.setdefault(repository, []).append(tag)
        said = [_no_tags(repository, tags, _tags(engine, repository)) for repository, tags in missing.items()]
    there = {name: found for name, found in ids.items() if found}
    measure = next(iter(there), "")
    for name, found in there.items():
        if found != there[measure]:
            said.append(_another(name, found, measure, there[measure]))
    if said:
        return failed(" ".join(said))
    return passed(f"{listed(ids)} are one image ({_short(there[measure])}).")


@check("docker.tags")
def tags(ask: Context, *, repository: str, tags: list[str]) -> Finding:
    """A repository of the engine has all these tags, others allowed."""
    with asking_engine(ask) as engine:
        found = _tags(engine, repository)
    missing = [tag for tag in tags if tag not in found]
    if missing:
        return failed(_no_tags(repository, missing, found))
    return passed(f"`{repository}` has {'the tag' if len(tags) == 1 else 'the tags'} {listed(tags)}.")


@check("docker.tag-like")
def tag_like(ask: Context, *, repository: str, like: str, same_as: str = "") -> Finding:
    """A repository has a tag that a pattern with placeholders describes; with `same_as`, one that is that image."""
    from labrunner.matching import compile_pattern
    from labrunner.matching import like as is_like

    with asking_engine(ask) as engine:
        found = {tag: of for tag, of in _tags(engine, repository).items() if is_like(like, tag)}
        if not found:
            words = compile_pattern(like).in_words
            return failed(f"`{repository}` has no tag like `{words}`.{_has(_tags(engine, repository))}")
        wanted = _image_id(engine, same_as) if same_as else ""
    if not same_as or wanted in found.values():
        names = [tag for tag, of in found.items() if not same_as or of == wanted]
        return passed(f"`{repository}` has the {'tag' if len(names) == 1 else 'tags'} {listed(names)}.")
    if not wanted:
        return failed(f"There is no image `{full(same_as)}` to compare with.")
    tag, other = next(iter(found.items()))
    return failed(_another(f"{repository}:{tag}", other, full(same_as), wanted))


@check("docker.tag-from")
def tag_from(ask: Context, *, repository: str, run: str, same_as: str = "") -> Finding:
    """A repository has the tag that a command, run by bash in the work folder, says (`git rev-parse --short HEAD`)."""
    ran = ask.run(["bash", "-c", run])
    tag = ran.stdout.strip()
    if ran.status != 0 or not tag:
        return failed(f"`{run}` says no tag: status {ran.status}, {cut(ran.stderr + ran.stdout) or 'no output'}.")
    with asking_engine(ask) as engine:
        found = _tags(engine, repository)
        if tag not in found:
            return failed(f"{_no_tags(repository, [tag], found)} (That is what `{run}` says.)")
        wanted = _image_id(engine, same_as) if same_as else found[tag]
    if not wanted:
        return failed(f"There is no image `{full(same_as)}` to compare with.")
    if found[tag] != wanted:
        return failed(_another(f"{repository}:{tag}", found[tag], full(same_as), wanted))
    return passed(f"`{repository}` has the tag `{tag}`, as `{run}` says.")


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
        is_now = about["State"]["Status"]
    return failed(" ".join(said)) if said else passed(f"The container `{name}` is {is_now}, as it should be.")


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


# What the kinds share; names without an underscore are for other files of this folder too


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
        raise TargetError("This target has no Docker Engine", "run the lab in the sandbox")
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


def _split(image: str) -> tuple[str, str]:
    """Repository and tag; `latest` where none is given. A port of the registry is no tag."""
    head, colon, tail = image.rpartition(":")
    return (head, tail) if colon and "/" not in tail else (image, "latest")


def full(image: str) -> str:
    """The name with its tag, so that no part of an image id can be meant."""
    return image if "@" in image else ":".join(_split(image))


def _short(identity: str) -> str:
    """An id as `docker images` shows it."""
    return identity.removeprefix("sha256:")[:12]


def _image_id(engine: docker.APIClient, image: str) -> str:
    """Empty if there is no such image."""
    try:
        return str(engine.inspect_image(full(image))["Id"])  # type: ignore[no-untyped-call]
    except NotFound:
        return ""


def _tags(engine: docker.APIClient, repository: str) -> dict[str, str]:
    """Tag -> image id."""
    return {
        tag: about["Id"]
        for about in engine.images()
        for name, tag in (_split(full) for full in about["RepoTags"] or ())
        if name == repository
    }


def _no_tags(repository: str, missing: list[str], found: Mapping[str, str]) -> str:
    if not found:
        return f"There is no image `{repository}` at all, so it has no {_tag_words(missing)}."
    return f"`{repository}` has no {_tag_words(missing)}.{_has(found)}"


def _tag_words(tags: list[str]) -> str:
    return f"{'tag' if len(tags) == 1 else 'tags'} {listed(tags, last='or')}"


def _has(found: Mapping[str, str]) -> str:
    names = sorted(found)
    more = len(names) - TAGS_SHOWN
    if more > 0:
        return f" It has {', '.join(f'`{name}`' for name in names[:TAGS_SHOWN])} and {more} more."
    return f" It has {listed(names)}." if names else ""


def _another(name: str, identity: str, measure: str, wanted: str) -> str:
    return f"`{name}` is another image ({_short(identity)}) than `{measure}` ({_short(wanted)}). Tag it again."


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
    wanted = _image_id(engine, image)
    made_of = about["Config"]["Image"]
    if (about["Image"] if wanted else full(made_of)) != (wanted or full(image)):
        yield f"The container `{name}` is made of `{made_of}` ({_short(about['Image'])}), not of `{full(image)}`."


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
