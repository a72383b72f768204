"""`acr purge` case by case, as runs of a registry: which tags and manifests are left.

What is expected here is what acr-cli itself leaves: its program (0.18 and later, commit cfbb835) was run on the same
registries in the local Azure.
"""

import json
from dataclasses import dataclass, field
from typing import Protocol

import pytest

from labrunner.emulator.agent import execute
from labrunner.emulator.clock import Clock
from labrunner.emulator.state.digests import digest_of
from labrunner.emulator.state.runs import RunRequest
from labrunner.emulator.world import open_world
from tests.unit.emulator.test_tasks import command

DAY = 86400.0
INDEX = "application/vnd.oci.image.index.v1+json"
LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


@dataclass(frozen=True)
class Image:
    """What is pushed. tags: each with its age in days. days: of one that has no tag, or loses it. children, subject:
    names of images that were pushed before. locked, locked_tags: nobody may write them."""

    name: str
    tags: dict[str, float] = field(default_factory=dict)
    days: float = 0.0
    repository: str = "web"
    kind: str = INDEX
    children: tuple[str, ...] = ()
    subject: str = ""
    locked: bool = False
    locked_tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """tags, left: what is there afterwards, REPOSITORY:TAG and names of images. counts: of tags and manifests, as the
    log says them; None for a purge that fails."""

    words: str
    images: tuple[Image, ...]
    tags: str
    left: str
    counts: tuple[int, int] | None


class Place(Protocol):
    """A registry that images can be pushed to."""

    def push(self, repository: str, body: bytes, kind: str, tag: str) -> None: ...
    def age(self, repository: str, days: dict[str, float]) -> None: ...
    def untag(self, repository: str, tag: str) -> None: ...
    def lock(self, repository: str, *, tag: str = "", digest: str = "") -> None: ...


def fill(place: Place, images: tuple[Image, ...]) -> dict[str, str]:
    """Push them; their names by digest."""
    bodies: dict[str, tuple[bytes, str]] = {}
    for image in images:
        body = body_of(image, bodies)
        bodies[image.name] = (body, image.kind)
        for tag in image.tags or {"made-for-a-moment": image.days}:
            place.push(image.repository, body, image.kind, tag)
        place.age(image.repository, dict(image.tags) or {"made-for-a-moment": image.days})
        if not image.tags:
            place.untag(image.repository, "made-for-a-moment")
        for tag in image.locked_tags:
            place.lock(image.repository, tag=tag)
        if image.locked:
            place.lock(image.repository, digest=digest_of(body))
    return {digest_of(body): name for name, (body, _) in bodies.items()}


def body_of(image: Image, bodies: dict[str, tuple[bytes, str]]) -> bytes:
    """A manifest without blobs: an index, of nothing or of what was pushed before."""

    def descriptor(name: str) -> dict[str, object]:
        body, kind = bodies[name]
        return {"mediaType": kind, "digest": digest_of(body), "size": len(body)}

    value: dict[str, object] = {"schemaVersion": 2, "mediaType": image.kind}
    value["manifests"] = [descriptor(name) for name in image.children]
    value["annotations"] = {"name": image.name}
    if image.subject:
        value["subject"] = descriptor(image.subject)
    return json.dumps(value).encode()


AGES = (
    Image("a", {"v1": 40}),
    Image("b", {"v2": 20}),
    Image("c", {"v3": 5, "latest": 5}),
)
SHARED = (Image("a", {"1.0": 50, "old": 40}), Image("b", {"2.0": 45, "latest": 1}))
LOCKED = (
    Image("a", {"1.0": 50}, locked_tags=("1.0",)),
    Image("b", {"2.0": 40}, locked=True),
    Image("c", {"3.0": 40}),
)
TREE = (
    Image("child", days=60),
    Image("inner", days=60, children=("child",)),
    Image("outer", {"multi": 60}, children=("inner",)),
    Image("orphan", days=60),
)
REFERRED = (
    Image("a", {"1.0": 60}),
    Image("signature", days=60, subject="a"),
    Image("orphan", days=60),
)
ORPHANS = (Image("o1", days=40), Image("o2", days=20), Image("o3", days=5), Image("kept", {"latest": 60}))
TWO = (
    Image("a", {"1.0": 60}, repository="team/web"),
    Image("b", {"1.0": 60}, repository="team/api"),
    Image("c", {"1.0": 60}),
)

CASES = {
    "ago: what is older goes, manifests stay": Case(
        "--filter 'web:.*' --ago 30d", AGES, "web:latest web:v2 web:v3", "a b c", (1, 0)
    ),
    "ago with hours": Case("--filter 'web:.*' --ago 19d23h", AGES, "web:latest web:v3", "a b c", (2, 0)),
    "ago 0d: any age": Case("--filter 'web:.*' --ago 0d", AGES, "", "a b c", (4, 0)),
    "a filter is found anywhere in a tag": Case(
        "--filter 'web:t' --ago 0d", AGES, "web:v1 web:v2 web:v3", "a b c", (1, 0)
    ),
    "a filter with an anchor": Case("--filter 'web:^v' --ago 0d", AGES, "web:latest", "a b c", (3, 0)),
    "a filter of one tag": Case("--filter 'web:^v2$' --ago 0d", AGES, "web:latest web:v1 web:v3", "a b c", (1, 0)),
    "two filters of one repository": Case(
        "--filter 'web:^v1$' --filter 'w.b:^v3$' --ago 0d", AGES, "web:latest web:v2", "a b c", (2, 0)
    ),
    "a filter that nothing fits": Case(
        "--filter 'nothing:.*' --ago 0d --untagged", AGES, "web:latest web:v1 web:v2 web:v3", "a b c", (0, 0)
    ),
    "repositories match as a whole": Case("--filter 'team/.*:.*' --ago 30d --untagged", TWO, "web:1.0", "c", (2, 2)),
    "keep: the newest of those that would go": Case(
        "--filter 'web:.*' --ago 10d --keep 1", AGES, "web:latest web:v2 web:v3", "a b c", (1, 0)
    ),
    "keep counts for manifests, too": Case(
        "--filter 'web:.*' --ago 0d --keep 3 --untagged", AGES, "web:latest web:v2 web:v3", "a b c", (1, 0)
    ),
    "keep more than there are": Case(
        "--filter 'web:.*' --ago 10d --keep 9 --untagged", AGES, "web:latest web:v1 web:v2 web:v3", "a b c", (0, 0)
    ),
    "keep counts what the filter fits": Case(
        "--filter 'web:^v' --ago 0d --keep 1", AGES, "web:latest web:v3", "a b c", (2, 0)
    ),
    "a dry run changes nothing": Case(
        "--filter 'web:.*' --ago 10d --dry-run", AGES, "web:latest web:v1 web:v2 web:v3", "a b c", (2, 0)
    ),
    "a dry run knows which manifests would lose their last tag": Case(
        "--filter 'web:.*' --ago 30d --dry-run --untagged", SHARED, "web:1.0 web:2.0 web:latest web:old", "a b", (3, 1)
    ),
    "several tags on a digest: with the last one goes the manifest": Case(
        "--filter 'web:.*' --ago 30d --untagged", SHARED, "web:latest", "b", (3, 1)
    ),
    "several tags on a digest: one that stays keeps the manifest": Case(
        "--filter 'web:^1' --ago 0d --untagged", SHARED, "web:2.0 web:latest web:old", "a b", (1, 0)
    ),
    "untagged minds the age": Case(
        "--filter 'web:^$' --ago 30d --untagged", ORPHANS, "web:latest", "kept o2 o3", (0, 1)
    ),
    "untagged-only leaves tags, whatever their age": Case("--untagged-only", ORPHANS, "web:latest", "kept", (0, 3)),
    "untagged-only minds an age, if there is one": Case(
        "--untagged-only --ago 10d", ORPHANS, "web:latest", "kept o3", (0, 2)
    ),
    "untagged-only keeps the newest": Case("--untagged-only --keep 1", ORPHANS, "web:latest", "kept o3", (0, 2)),
    "untagged-only in some repositories": Case(
        "--untagged-only --filter 'team/web:.*'",
        (Image("a", days=9, repository="team/web"), Image("b", {"1": 9}, repository="team/web"), Image("c", days=9)),
        "team/web:1",
        "b c",
        (0, 1),
    ),
    "what is locked stays": Case("--filter 'web:.*' --ago 30d --untagged", LOCKED, "web:1.0", "a b", (2, 1)),
    "what is locked goes, if asked for": Case(
        "--filter 'web:.*' --ago 30d --untagged --include-locked", LOCKED, "", "", (3, 3)
    ),
    "children of a tagged index stay, through another index": Case(
        "--filter 'web:^$' --ago 0d --untagged", TREE, "web:multi", "child inner outer", (0, 1)
    ),
    "with its last tag an index goes, and its children": Case(
        "--filter 'web:.*' --ago 30d --untagged", TREE, "", "", (1, 4)
    ),
    "children of a docker manifest list stay": Case(
        "--untagged-only",
        (Image("child", days=9), Image("list", {"multi": 9}, kind=LIST, children=("child",)), Image("orphan", days=9)),
        "web:multi",
        "child list",
        (0, 1),
    ),
    "what refers to another manifest stays": Case("--untagged-only", REFERRED, "web:1.0", "a signature", (0, 1)),
    "keep without an age is refused": Case(
        "--filter 'web:.*' --keep 5 --untagged", AGES, "web:latest web:v1 web:v2 web:v3", "a b c", None
    ),
    "an age without a filter is refused": Case(
        "--ago 30d --untagged", AGES, "web:latest web:v1 web:v2 web:v3", "a b c", None
    ),
}


class Inside:
    """A registry of a World."""

    def __init__(self, world, registry):
        self.world = world
        self.id = registry.id

    def push(self, repository, body, kind, tag):
        self.world.images.push(self.id, repository, body, kind, tag=tag)

    def age(self, repository, days):
        now = self.world.clock.now()
        assert self.world.images.age(self.id, repository, {tag: now - age * DAY for tag, age in days.items()}) == []

    def untag(self, repository, tag):
        assert self.world.images.untag(self.id, repository, tag)

    def lock(self, repository, *, tag="", digest=""):
        assert self.world.images.change(self.id, repository, {"writeEnabled": False}, digest=digest, tag=tag)


@pytest.fixture
def world(tmp_path):
    made = open_world(tmp_path / "state", Clock())
    yield made
    made.close()


def test_there_are_cases_of_each_kind():
    assert len(CASES) >= 20


@pytest.mark.parametrize("name", CASES)
def test_what_is_left_is_what_acr_leaves(world, name):
    case = CASES[name]
    registry = world.registries.ensure(
        group="labs", name="labacr12345", location="eastus", sku="Basic", subscription=world.resources.subscription
    )
    names = fill(Inside(world, registry), case.images)
    request = RunRequest(kind="QuickRun", step=command(f"acr purge {case.words}"), platform={})
    run = execute(world, registry, world.runs.queue(registry.id, request, by=world.directory.signed_in_user()))
    log = world.runs.log(run.uid).decode()
    repositories = [found.name for found in world.images.repositories(registry.id)]
    tags = sorted(f"{name}:{tag.name}" for name in repositories for tag in world.images.tags(registry.id, name))
    left = sorted(names[each.digest] for name in repositories for each in world.images.manifests(registry.id, name))
    assert (" ".join(tags), " ".join(left)) == (case.tags, case.left), log
    if case.counts is None:
        assert run.status == "Failed"
        return
    assert run.status == "Succeeded", log
    verb = "to be deleted" if "--dry-run" in case.words else None
    for kind, count in zip(("tags", "manifests"), case.counts, strict=True):
        assert (f"Number of {kind} {verb}: {count}" if verb else f"Number of deleted {kind}: {count}") in log, log
