"""Images: what a push needs, what a tag is, what a lock forbids, and what goes with what."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from labrunner.emulator.clock import Clock
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.state.blobs import Blobs
from labrunner.emulator.state.images import Images
from labrunner.emulator.state.manifests import read_manifest
from labrunner.emulator.store import Store

REGISTRY = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/progress"
IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
DAY = 24 * 3600.0
ENTRY = b'{"schemaVersion": 2, "manifests": [{"digest": "sha256:' + b"a" * 64 + b'", %s}]}'


class Part:
    """Images on a folder, and short words for what tests do with them."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.store = Store(folder / "state.sqlite")
        self.blobs = Blobs(folder / "blobs")
        self.images = Images(self.store, self.blobs, self.clock)

    def blob(self, content: bytes, repository: str = "app") -> dict[str, Any]:
        upload = self.blobs.begin("o")
        descriptor = upload.open()
        upload.append(descriptor, [content])
        os.close(descriptor)
        digest = upload.seal("sha256")
        self.blobs.keep(upload, digest)
        self.images.links.add(REGISTRY, repository, digest)
        return {"mediaType": LAYER, "digest": digest, "size": len(content)}

    def manifest(self, layer: bytes = b"layer", repository: str = "app", **more: Any) -> bytes:
        config = self.blob(b'{"os": "linux", "architecture": "arm64"}', repository) | {"mediaType": CONFIG}
        value = {"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [self.blob(layer, repository)]}
        return json.dumps({**value, **more}).encode()

    def push(self, tag: str = "", layer: bytes = b"layer", repository: str = "app", **more: Any) -> str:
        body = self.manifest(layer, repository, **more)
        return self.images.push(REGISTRY, repository, body, IMAGE, tag=tag).digest

    def tags(self, **more: Any) -> list[str]:
        return [tag.name for tag in self.images.tags(REGISTRY, "app", **more)]

    def lock(self, name: str = "writeEnabled", **what: str) -> None:
        assert self.images.change(REGISTRY, "app", {name: False}, **what)


@pytest.fixture
def part(tmp_path: Path) -> Iterator[Part]:
    found = Part(tmp_path)
    yield found
    found.store.close()


def descriptor(digest: str) -> dict[str, Any]:
    return {"mediaType": IMAGE, "digest": digest, "size": 1}


@contextmanager
def refused(status: int, code: str) -> Iterator[None]:
    with pytest.raises(Refusal) as caught:
        yield
    assert (caught.value.status, caught.value.code) == (status, code)


def locked() -> AbstractContextManager[None]:
    return refused(405, "REGISTRY_DISALLOWED_OPERATION")


def test_a_push_makes_repository_manifest_and_tag(part):
    digest = part.push("v1", b"x" * 1000)
    repository = part.images.repository(REGISTRY, "app")
    manifest = part.images.manifest(REGISTRY, "app", digest)
    assert (repository.tags, repository.manifests) == (1, 1)
    assert (manifest.os, manifest.architecture, manifest.config_media_type) == ("linux", "arm64", CONFIG)
    assert (manifest.image_size, manifest.tags) == (1000, ("v1",))
    assert part.images.content(REGISTRY.upper(), "app", digest) == part.manifest(b"x" * 1000)
    assert part.images.usage_bytes(REGISTRY) == 1000 + 40 + manifest.size


def test_registries_do_not_see_each_other(part):
    digest = part.push("v1")
    other = REGISTRY + "2"
    assert part.images.repositories(other) == []
    assert part.images.manifest(other, "app", digest) is None
    assert part.images.links.size(other, "app", part.blob(b"layer")["digest"]) is None
    assert part.images.usage_bytes(other) == 0
    part.images.forget(REGISTRY)
    assert part.images.repositories(REGISTRY) == []
    assert list(part.images.inventory()) == []
    assert part.images.usage_bytes(REGISTRY) == 0


def test_nothing_is_stored_of_a_manifest_whose_blob_is_missing(part):
    body = part.manifest().replace(part.blob(b"layer")["digest"].encode(), b"sha256:" + b"0" * 64)
    with refused(404, "MANIFEST_BLOB_UNKNOWN"):
        part.images.push(REGISTRY, "app", body, IMAGE, tag="v1")
    assert part.images.repositories(REGISTRY) == []


def test_a_blob_of_another_repository_does_not_do(part):
    body = part.manifest(repository="other")
    with refused(404, "MANIFEST_BLOB_UNKNOWN"):
        part.images.push(REGISTRY, "app", body, IMAGE)


def test_an_index_needs_its_manifests_and_counts_them(part):
    one, two = part.push(layer=b"1" * 10), part.push(layer=b"2" * 20)
    body = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor(one), descriptor(two)]}
    pushed = part.images.push(REGISTRY, "app", json.dumps(body).encode(), INDEX, tag="multi")
    manifest = part.images.manifest(REGISTRY, "app", pushed.digest)
    assert (manifest.image_size, manifest.os, manifest.config_media_type) == (30, "", "")
    body["manifests"].append(descriptor("sha256:" + "1" * 64))
    with refused(404, "MANIFEST_BLOB_UNKNOWN"):
        part.images.push(REGISTRY, "app", json.dumps(body).encode(), INDEX, tag="multi2")


def test_a_tag_moves_and_leaves_its_manifest_untagged(part):
    first = part.push("latest", b"1")
    part.clock.offset = 100
    second = part.push("latest", b"2")
    tag = part.images.tag(REGISTRY, "app", "latest")
    left = part.images.manifest(REGISTRY, "app", first)
    assert tag.digest == second
    assert tag.updated - tag.created >= 100
    assert (left.tags, left.updated - left.created >= 100) == ((), True)
    assert [name for kind, name, _ in part.images.inventory() if kind == "repository-manifest"] == ["progress/app"]


def test_pushing_the_same_again_changes_no_time(part):
    part.push("v1")
    before = part.images.tag(REGISTRY, "app", "v1")
    part.clock.offset = 100
    part.push("v1")
    assert part.images.tag(REGISTRY, "app", "v1") == before


def test_untagging_removes_the_tag_only(part):
    digest = part.push("v1")
    part.push("v2")
    assert part.images.untag(REGISTRY, "app", "v1").digest == digest
    assert part.tags() == ["v2"]
    assert part.images.untag(REGISTRY, "app", "v1") is None
    part.images.untag(REGISTRY, "app", "v2")
    assert part.images.repository(REGISTRY, "app").manifests == 1


def test_deleting_a_manifest_takes_its_tags_and_the_last_one_its_repository(part):
    digest = part.push("v1")
    part.push("v2")
    other = part.push("other", b"other")
    assert [manifest.digest for manifest in part.images.delete_manifest(REGISTRY, "app", digest)] == [digest]
    assert part.tags() == ["other"]
    assert part.images.delete_manifest(REGISTRY, "app", digest) == []
    part.images.delete_manifest(REGISTRY, "app", other)
    assert part.images.repository(REGISTRY, "app") is None


def test_referrers_are_found_and_go_with_their_subject(part):
    subject = part.push("v1")
    signature = part.push(layer=b"signature", subject=descriptor(subject), artifactType="application/x-signature")
    note = part.push(layer=b"note", subject=descriptor(signature), annotations={"a": "b"})
    found = part.images.referrers(REGISTRY, "app", subject)
    assert [(one.digest, one.artifact_type) for one in found] == [(signature, "application/x-signature")]
    assert part.images.referrers(REGISTRY, "app", subject, artifact_type="application/x-other") == []
    (second,) = part.images.referrers(REGISTRY, "app", signature)
    assert (second.artifact_type, second.annotations) == (CONFIG, {"a": "b"})
    gone = part.images.delete_manifest(REGISTRY, "app", subject)
    assert {manifest.digest for manifest in gone} == {subject, signature, note}


def test_a_locked_tag_keeps_its_manifest_and_its_place(part):
    digest = part.push("v1")
    part.lock(tag="v1")
    for attempt in (
        lambda: part.push("v1", b"other"),
        lambda: part.images.untag(REGISTRY, "app", "v1"),
        lambda: part.images.delete_manifest(REGISTRY, "app", digest),
        lambda: part.images.delete_repository(REGISTRY, "app"),
    ):
        with locked():
            attempt()
    part.push("v2", b"other")
    assert part.images.tag(REGISTRY, "app", "v1").digest == digest


def test_a_referrer_that_is_locked_keeps_its_subject(part):
    subject = part.push("v1")
    signature = part.push(layer=b"signature", subject=descriptor(subject))
    part.lock("deleteEnabled", digest=signature)
    with locked():
        part.images.delete_manifest(REGISTRY, "app", subject)
    assert part.images.manifest(REGISTRY, "app", subject) is not None


def test_what_may_not_be_deleted_may_be_overwritten(part):
    part.push("v1")
    part.lock("deleteEnabled", tag="v1")
    with locked():
        part.images.untag(REGISTRY, "app", "v1")
    second = part.push("v1", b"other")
    assert part.images.tag(REGISTRY, "app", "v1").digest == second


def test_a_locked_repository_takes_and_loses_nothing(part):
    digest = part.push("v1")
    part.lock()
    for attempt in (
        lambda: part.push("v2"),
        part.push,
        lambda: part.images.untag(REGISTRY, "app", "v1"),
        lambda: part.images.delete_manifest(REGISTRY, "app", digest),
        lambda: part.images.delete_repository(REGISTRY, "app"),
        lambda: part.images.delete_blob(REGISTRY, "app", part.blob(b"layer")["digest"]),
    ):
        with locked():
            attempt()
    part.images.change(REGISTRY, "app", {"writeEnabled": True})
    part.push("v2")


@pytest.mark.parametrize("what", [{}, {"digest": True}, {"tag": "v1"}])
def test_what_may_not_be_read_is_not_pulled(part, what):
    digest = part.push("v1")
    part.images.readable(REGISTRY, "app", digest, "v1")
    part.lock("readEnabled", **({"digest": digest} if "digest" in what else what))
    with locked():
        part.images.readable(REGISTRY, "app", digest, "v1")


def test_what_is_not_listed_is_left_out(part):
    hidden, _ = part.push("v1"), part.push("v2", b"other")
    part.lock("listEnabled", tag="v1")
    part.lock("listEnabled", digest=hidden)
    assert part.tags() == ["v2"]
    assert hidden not in [manifest.digest for manifest in part.images.manifests(REGISTRY, "app")]
    part.lock("listEnabled")
    assert part.images.repositories(REGISTRY) == []
    assert part.images.repository(REGISTRY, "app") is not None


def test_lists_go_on_where_they_ended_in_every_order(part):
    names = ["c", "a", "d", "b"]
    for number, name in enumerate(names):
        part.clock.offset = number * 10
        part.push(name, name.encode())
    for order, expected in (("", sorted(names)), ("timeasc", names), ("timedesc", names[::-1])):
        seen: list[str] = []
        while page := part.tags(order=order, last=seen[-1] if seen else "", count=3):
            seen += page
        assert seen == expected
        digests = [part.images.tag(REGISTRY, "app", name).digest for name in names]
        found = [manifest.digest for manifest in part.images.manifests(REGISTRY, "app", order=order)]
        assert found == {"": sorted(digests), "timeasc": digests, "timedesc": digests[::-1]}[order]
    assert part.tags(digest=part.images.tag(REGISTRY, "app", "a").digest) == ["a"]


def test_blobs_that_no_manifest_needs_are_swept_after_a_day_only(part):
    digest = part.push("v1", b"needed")
    needed, loose, asked = part.blob(b"needed"), part.blob(b"loose"), part.blob(b"asked for")
    future = time.time() + 1

    def there() -> list[bool]:
        return [part.images.links.size(REGISTRY, "app", one["digest"]) is not None for one in (needed, loose, asked)]

    part.images.links.sweep(file_before=future)
    part.clock.offset = DAY - 60
    assert part.images.links.size(REGISTRY, "app", asked["digest"]) is not None
    part.clock.offset = DAY + 60
    part.images.links.sweep(file_before=future)
    assert there() == [True, False, True]
    assert part.blobs.size(loose["digest"]) is None
    part.images.delete_manifest(REGISTRY, "app", digest)
    part.clock.offset = 3 * DAY
    part.images.links.sweep(file_before=future)
    assert part.blobs.size(needed["digest"]) is None


def test_sweeping_is_done_by_the_hour(part):
    loose = part.blob(b"loose")["digest"]
    os.utime(part.blobs.path(loose), (1000, 1000))
    part.clock.offset = DAY + 60
    part.images.links.tidy()
    assert part.blobs.size(loose) is None


@pytest.mark.parametrize(
    ("body", "content_type", "why"),
    [
        (b"{", IMAGE, "not JSON"),
        (b"[" * 100_000, IMAGE, "not JSON"),
        (b"\xff\xfe", IMAGE, "not JSON"),
        (b"[]", IMAGE, "not a JSON object"),
        (b"{}", IMAGE, "schemaVersion"),
        (b'{"schemaVersion": 2}', "text/plain", "not supported"),
        (b'{"schemaVersion": 2}', "", "not supported"),
        (b'{"schemaVersion": 2, "mediaType": 5}', IMAGE, "not supported"),
        (b'{"schemaVersion": 2, "mediaType": "%s"}' % INDEX.encode(), IMAGE, "was sent as"),
        (b'{"schemaVersion": 2}', IMAGE, "config"),
        (b'{"schemaVersion": 2, "config": {}, "manifests": []}', IMAGE, "'manifests'"),
        (b'{"schemaVersion": 2, "manifests": [], "layers": []}', INDEX, "'layers'"),
        (b'{"schemaVersion": 2, "manifests": {}}', INDEX, "not a list"),
        (b'{"schemaVersion": 2, "manifests": [{"digest": "../../x", "size": 1}]}', INDEX, "manifests[0]"),
        (b'{"schemaVersion": 2, "manifests": [], "subject": 1}', INDEX, "subject"),
        (b'{"schemaVersion": 2, "manifests": [], "annotations": {"a": 1}}', INDEX, "annotations"),
        (b'{"schemaVersion": 2, "manifests": [], "artifactType": []}', INDEX, "artifactType"),
        (ENTRY % b'"size": -1', INDEX, "size"),
        (ENTRY % b'"size": true', INDEX, "size"),
        (ENTRY % b'"size": 1, "mediaType": 1', INDEX, "mediaType"),
    ],
)
def test_what_is_no_manifest_is_refused_and_says_why(body, content_type, why):
    with pytest.raises(Refusal) as caught:
        read_manifest(body, content_type)
    assert (caught.value.status, caught.value.code) == (400, "MANIFEST_INVALID")
    assert why in caught.value.detail["description"]


def test_a_layer_that_is_elsewhere_need_not_be_there(part):
    away = {"mediaType": LAYER, "digest": "sha256:" + "e" * 64, "size": 5, "urls": ["https://example.com/x"]}
    value = json.loads(part.manifest())
    value["layers"].append(away)
    part.images.push(REGISTRY, "app", json.dumps(value).encode(), IMAGE, tag="v1")
