"""Images: what a push needs, and what goes with what."""

import json

from tests.unit.emulator.pushed import CONFIG, IMAGE, INDEX, LAYER, REGISTRY, descriptor, refused


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


def test_a_layer_that_is_elsewhere_need_not_be_there(part):
    away = {"mediaType": LAYER, "digest": "sha256:" + "e" * 64, "size": 5, "urls": ["https://example.com/x"]}
    value = json.loads(part.manifest())
    value["layers"].append(away)
    part.images.push(REGISTRY, "app", json.dumps(value).encode(), IMAGE, tag="v1")
