"""What the attributes of repositories, manifests and tags forbid."""

import pytest

from tests.unit.emulator.pushed import REGISTRY, descriptor, locked


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
