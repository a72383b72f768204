"""What a target has, in the words of those who work with it: a line for each kind, and nothing twice."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

from labrunner.record.ledger import Entry

__all__ = ["called", "counted", "lines", "of_their_own"]

_REMOTE = "remote-"
_WORK = "work/"
_NOUNS = {
    "container": ("container", "containers"),
    "volume": ("volume", "volumes"),
    "network": ("network", "networks"),
    "image-tag": ("image", "images"),
    "image": ("image without a name", "images without a name"),
    "folder": ("folder", "folders"),
    "file": ("file", "files"),
    "resource-group": ("resource group", "resource groups"),
    "registry": ("registry", "registries"),
    "repository-tag": ("tag in a registry", "tags in a registry"),
    "repository-manifest": ("image without a tag in a registry", "images without a tag in a registry"),
    "trust-data": ("signing data", "signing data"),
    "webhook": ("webhook", "webhooks"),
    "task": ("task", "tasks"),
    "application": ("application in Azure", "applications in Azure"),
    "service-principal": ("service principal", "service principals"),
    "client-secret": ("secret of an application", "secrets of applications"),
    "role-assignment": ("role that was given", "roles that were given"),
    "az-account": ("sign-in to Azure", "sign-ins to Azure"),
}
"""By kind, one and several of them, in the order in which they are told."""
_COUNTED = {**_NOUNS, "image-tag": ("image tag", "image tags")}
"""For a number without names: a tag is no image of its own."""
_NAMELESS = frozenset({"image"})
_TAGGED = frozenset({"image-tag", "repository-tag"})
_TAG_OF = {"image": "image-tag", "repository-manifest": "repository-tag"}
_IN_REGISTRY = frozenset({"repository-tag", "repository-manifest", "trust-data", "webhook", "task"})
_LOGINS = "~/.docker/config.json"


def of_their_own(entries: Collection[Entry]) -> Iterator[Entry]:
    """The things without those that another one stands for: an image for which its tag does, files of a folder."""
    names = {(entry.kind, entry.name) for entry in entries}
    ids = {(entry.kind, entry.id) for entry in entries}
    return (entry for entry in sorted(entries) if not _is_part(entry, names, ids))


def lines(entries: Collection[Entry]) -> Iterator[str]:
    """The things, a line for each kind: `volumes: data, logs`."""
    told: dict[str, list[str]] = {}
    for entry in of_their_own(entries):
        told.setdefault(entry.kind, []).append(_name(entry))
    order = [f"{host}{kind}" for host in ("", _REMOTE) for kind in _NOUNS]
    for kind in sorted(told, key=lambda kind: (order.index(kind) if kind in order else len(order), kind)):
        yield _line(kind, told[kind])


def counted(kinds: Iterable[str]) -> str:
    """How many of each kind there are, in the order of first appearance: `2 image tags, 1 container`."""
    numbers = Counter(kinds)
    return ", ".join(f"{number} {_noun(kind, number, _COUNTED)}" for kind, number in numbers.items())


def called(entry: Entry) -> str:
    """One thing: `the volume data`, `the container web on the remote host`."""
    return f"the {_line(entry.kind, [_name(entry)], always=True).replace(': ', ' ', 1)}"


def _line(kind: str, names: list[str], *, always: bool = False) -> str:
    local = kind.removeprefix(_REMOTE)
    noun = _noun(kind, len(names), _NOUNS)
    if local in _NAMELESS and not always:
        return f"{len(names)} {noun}"
    return f"{noun}: {_tagged(names) if local in _TAGGED else _counted(names)}"


def _noun(kind: str, number: int, nouns: Mapping[str, tuple[str, str]]) -> str:
    local = kind.removeprefix(_REMOTE)
    one, several = nouns.get(local, (local.replace("-", " "),) * 2)
    return f"{one if number == 1 else several}{' on the remote host' if kind != local else ''}"


def _tagged(names: list[str]) -> str:
    """Each image once, with its tags."""
    tags: dict[str, list[str]] = {}
    for name in names:
        image, _, tag = name.rpartition(":")
        tags.setdefault(image, []).append(tag)
    several = any(len(found) > 1 for found in tags.values())
    listed = [
        f"{image} with the tags {', '.join(found)}" if len(found) > 1 else f"{image}:{found[0]}"
        for image, found in tags.items()
    ]
    return ("; " if several else ", ").join(listed)


def _counted(names: list[str]) -> str:
    unique = dict.fromkeys(names)
    return ", ".join(name if names.count(name) == 1 else f"{name} ({names.count(name)} times)" for name in unique)


def _name(entry: Entry) -> str:
    kind = entry.kind.removeprefix(_REMOTE)
    if kind == "role-assignment":
        return entry.name.partition(" of ")[0]
    if entry.name == _LOGINS:
        return f"{_LOGINS} (what Docker keeps of logins)"
    name = entry.name.removeprefix(_WORK)
    return f"{name}/" if kind == "folder" else name


def _is_part(entry: Entry, names: Collection[tuple[str, str]], ids: Collection[tuple[str, str]]) -> bool:
    kind = entry.kind.removeprefix(_REMOTE)
    if kind in _TAG_OF:
        tag = entry.kind.replace(kind, _TAG_OF[kind])
        if (tag, entry.id) in ids:
            return True
    return any(whole in names for whole in _wholes(kind, entry.name))


def _wholes(kind: str, name: str) -> Iterator[tuple[str, str]]:
    """Kind and name of what goes with a thing of that kind in it."""
    if kind in _IN_REGISTRY:
        yield "registry", name.partition("/")[0]
    elif kind == "service-principal":
        yield "application", name
    elif kind == "client-secret":
        yield "application", name.rpartition("/")[0]
    elif kind in ("file", "folder"):
        parts = name.split("/")
        yield from (("folder", "/".join(parts[:end])) for end in range(1, len(parts)))
