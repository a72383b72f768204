"""The things of a sandbox's Docker Engine: listed for the ledger, and removed, each by its id."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from labrunner.record.ledger import Entry
from labrunner.sandbox import engine
from labrunner.sandbox.errors import SandboxError
from labrunner.sandbox.running import remedy_up
from labrunner.sandbox.stock import Machine, docker_client

__all__ = ["KINDS", "engine_entries", "remove_engine_entries"]

_PREDEFINED = frozenset({"bridge", "host", "none"})
_UNTAGGED = "<none>:<none>"


def engine_entries(sandbox: Machine) -> Iterator[Entry]:
    """All but the networks that every engine has. Images that a build left behind, too. Raises SandboxError."""
    sandbox.check_engine()
    address = sandbox.address
    try:
        for image in engine.ask(address, "/images/json?all=1"):
            yield Entry("image", image["Id"].removeprefix("sha256:")[:12], image["Id"])
            for tag in image.get("RepoTags") or ():
                if tag != _UNTAGGED:
                    yield Entry("image-tag", tag, image["Id"])
        for container in engine.ask(address, "/containers/json?all=1"):
            yield Entry("container", (container["Names"] or ["?"])[0].lstrip("/"), container["Id"])
        for volume in engine.ask(address, "/volumes")["Volumes"] or ():
            yield Entry("volume", volume["Name"], f"{volume['Name']}@{volume.get('CreatedAt', '')}")
        for network in engine.ask(address, "/networks"):
            if network["Name"] not in _PREDEFINED:
                yield Entry("network", network["Name"], network["Id"])
    except (OSError, ValueError, KeyError) as error:
        raise SandboxError(f"the Docker Engine stopped answering: {error}", remedy_up(sandbox.name)) from error


def remove_engine_entries(sandbox: Machine, entries: Sequence[Entry]) -> dict[Entry, str]:
    """Remove those that are still what they were: "" = gone, else a sentence that says why not. Raises SandboxError.

    Nothing goes along with another: no volume with its container, no image with its last name, no parent with an
    image, unless it is among the entries.
    """
    told: dict[Entry, str] = {}
    sandbox.check_engine()
    with docker_client(sandbox) as client:
        for kind, take in _TAKERS.items():
            waiting = [entry for entry in entries if entry.kind == kind]
            while waiting:  # an image goes when those that were made from it have gone
                there = [entry for entry in engine_entries(sandbox) if entry.kind == kind]
                told |= {entry: _removed(client.api, entry, there, entries, take) for entry in waiting}
                left = [entry for entry in waiting if told[entry]]
                waiting = left if len(left) < len(waiting) else []
    return told


def _removed(api: Any, entry: Entry, there: Sequence[Entry], entries: Sequence[Entry], take: "_Take") -> str:  # noqa: ANN401 - the SDK
    import docker.errors

    if entry not in there:
        if entry.kind in ("container", "network") and (called := [one.name for one in there if one.id == entry.id]):
            return f"It is called {called[0]} by now."
        another = entry.kind != "image" and any(one.name == entry.name for one in there)
        return "That name means another one by now, which is left alone." if another else ""
    try:
        return take(api, entry, entries)
    except docker.errors.NotFound:
        return ""
    except docker.errors.APIError as error:
        if error.response is None:
            raise
        return f"The Docker Engine does not remove it: {str(error.explanation or error).strip().rstrip('.')}."


def _container(api: Any, entry: Entry, _entries: Sequence[Entry]) -> str:  # noqa: ANN401 - the SDK
    api.remove_container(entry.id, force=True, v=False)
    return ""


def _image_tag(api: Any, entry: Entry, entries: Sequence[Entry]) -> str:  # noqa: ANN401 - the SDK
    about = api.inspect_image(entry.name)
    if about["Id"] != entry.id:
        return "That name means another one by now, which is left alone."
    others = [tag for tag in about.get("RepoTags") or () if tag not in (entry.name, _UNTAGGED)]
    if not others and not any(one.kind == "image" and one.id == entry.id for one in entries):
        return "It is the last name of an image that is not among these, and that would go with it."
    api.remove_image(entry.name, force=False, noprune=True)
    return ""


def _image(api: Any, entry: Entry, _entries: Sequence[Entry]) -> str:  # noqa: ANN401 - the SDK
    tags = [tag for tag in api.inspect_image(entry.id).get("RepoTags") or () if tag != _UNTAGGED]
    if tags:
        return f"It is also called {tags[0]}, which stays."
    api.remove_image(entry.id, force=False, noprune=True)
    return ""


def _volume(api: Any, entry: Entry, _entries: Sequence[Entry]) -> str:  # noqa: ANN401 - the SDK
    about = api.inspect_volume(entry.name)
    if f"{about['Name']}@{about.get('CreatedAt', '')}" != entry.id:
        return "That name means another one by now, which is left alone."
    api.remove_volume(entry.name, force=False)
    return ""


def _network(api: Any, entry: Entry, _entries: Sequence[Entry]) -> str:  # noqa: ANN401 - the SDK
    for container in api.containers(all=True):  # a stopped one would not start again, and the engine does not mind
        for name, about in container["NetworkSettings"]["Networks"].items():
            if about.get("NetworkID") == entry.id or name in (entry.name, entry.id):
                return f"The container {container['Names'][0].lstrip('/')} is connected to it."
    api.remove_network(entry.id)
    return ""


_Take = Callable[[Any, Entry, Sequence[Entry]], str]
_TAKERS: dict[str, _Take] = {
    "container": _container,
    "image-tag": _image_tag,
    "image": _image,
    "volume": _volume,
    "network": _network,
}
"""By kind, in the order in which they can go. Each removes what is there, or says why not."""

KINDS = frozenset(_TAKERS)
