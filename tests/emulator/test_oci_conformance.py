"""The OCI distribution specification 1.1, by its four workflow categories, over raw HTTP to a running emulator.

Written from the specification's text (opencontainers/distribution-spec, spec.md); its headings are named.
"""

import json
import os
import re
from collections.abc import Iterator

import pytest

from tests.emulator.registry import (
    CONFIG_CONTENT,
    IMAGE,
    INDEX,
    LAYER,
    Raw,
    descriptor,
    digest_of,
    image,
    over_proxy,
)
from tests.emulator.running import REGISTRY, Emulator

HOST = f"{REGISTRY}.azurecr.io"
ACTIONS = "pull,push,delete"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
UNKNOWN = "sha256:" + "0" * 64


@pytest.fixture(scope="module")
def client(emulator: Emulator) -> Iterator[Raw]:
    found = Raw(HOST, over_proxy(HOST, emulator.proxy, emulator.bundle), emulator.control.operator())
    yield found
    found.close()


@pytest.fixture
def raw(client: Raw, request: pytest.FixtureRequest) -> Raw:
    """With a token for the test's own repositories `name` and `name/other`."""
    name = repository(request)
    return client.use(f"repository:{name}:{ACTIONS}", f"repository:{name}/other:{ACTIONS}")


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return repository(request)


def repository(request: pytest.FixtureRequest) -> str:
    return "oci/" + re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")


def location(answer) -> str:
    assert answer.headers["Location"].startswith(("/", f"https://{HOST}/"))
    return answer.headers["Location"].removeprefix(f"https://{HOST}")


# Determining support


def test_support_is_told(raw):
    assert raw.ask("GET", "/v2/").status == 200
    assert raw.ask("GET", "/v2/", bearer="").status == 401


# Pull


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_pulling_a_manifest(raw, name, method):
    digest = raw.push(name, "v1")
    body = json.dumps(image()).encode()
    for reference in ("v1", digest):
        answer = raw.ask(method, f"/v2/{name}/manifests/{reference}", headers={"Accept": IMAGE})
        assert answer.status == 200
        assert answer.headers["Content-Type"] == IMAGE
        assert answer.headers["Docker-Content-Digest"] == digest
        assert answer.headers["Content-Length"] == str(len(body))
        assert answer.body == (body if method == "GET" else b"")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_pulling_a_blob(raw, name, method):
    content = os.urandom(3 << 20)
    digest = raw.blob(name, content)
    answer = raw.ask(method, f"/v2/{name}/blobs/{digest}")
    assert (answer.status, answer.headers["Docker-Content-Digest"]) == (200, digest)
    assert answer.headers["Content-Length"] == str(len(content))
    assert answer.body == (content if method == "GET" else b"")
    part = raw.ask("GET", f"/v2/{name}/blobs/{digest}", headers={"Range": "bytes=1048570-2097160"})
    assert (part.status, part.headers["Content-Range"]) == (206, f"bytes 1048570-2097160/{len(content)}")
    assert part.body == content[1048570:2097161]


def test_pulling_what_is_not_there(raw, name):
    for method in ("GET", "HEAD"):
        assert raw.ask(method, f"/v2/{name}/manifests/nosuch").status == 404
        assert raw.ask(method, f"/v2/{name}/manifests/{UNKNOWN}").status == 404
        assert raw.ask(method, f"/v2/{name}/blobs/{UNKNOWN}").status == 404
    assert raw.ask("GET", f"/v2/{name}/manifests/nosuch").error == (404, "MANIFEST_UNKNOWN")
    assert raw.ask("GET", f"/v2/{name}/blobs/{UNKNOWN}").error == (404, "BLOB_UNKNOWN")


# Push


def test_pushing_a_blob_by_post_then_put(raw, name):
    content = b"monolithic"
    begun = raw.ask("POST", f"/v2/{name}/blobs/uploads/")
    assert begun.status == 202
    path = location(begun)
    answer = raw.ask(
        "PUT", f"{path}?digest={digest_of(content)}", content, {"Content-Type": "application/octet-stream"}
    )
    assert answer.status == 201
    assert location(answer) == f"/v2/{name}/blobs/{digest_of(content)}"
    assert raw.ask("GET", location(answer)).body == content


def test_pushing_a_blob_by_a_single_post(raw, name):
    content = b"single"
    answer = raw.ask("POST", f"/v2/{name}/blobs/uploads/?digest={digest_of(content)}", content)
    assert answer.status == 201
    assert raw.ask("GET", location(answer)).body == content


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_pushing_a_blob_in_chunks(raw, name, algorithm):
    content = os.urandom(10_000)
    digest = digest_of(content, algorithm)
    path = location(raw.ask("POST", f"/v2/{name}/blobs/uploads/?digest-algorithm={algorithm}"))
    for start in (0, 4000):
        part = content[start : start + 4000]
        answer = raw.ask("PATCH", path, part, {"Content-Range": f"{start}-{start + len(part) - 1}"})
        assert (answer.status, answer.headers["Range"]) == (202, f"0-{start + len(part) - 1}")
        path = location(answer)
    again = raw.ask("PATCH", path, content[:4000], {"Content-Range": "0-3999"})
    assert again.status == 416
    status = raw.ask("GET", path)
    assert (status.status, status.headers["Range"], location(status)) == (204, "0-7999", path)
    answer = raw.ask("PUT", f"{path}?digest={digest}", content[8000:], {"Content-Range": "8000-9999"})
    assert answer.status == 201
    assert raw.ask("GET", f"/v2/{name}/blobs/{digest}").body == content


def test_pushing_a_blob_in_a_stream_as_docker_does(raw, name):
    content = os.urandom(5 << 20)
    path = location(raw.ask("POST", f"/v2/{name}/blobs/uploads/"))
    parts = (content[start : start + 32768] for start in range(0, len(content), 32768))
    answer = raw.ask("PATCH", path, parts)
    assert (answer.status, answer.headers["Range"]) == (202, f"0-{len(content) - 1}")
    assert answer.headers["Docker-Upload-Uuid"] in path
    assert raw.ask("PUT", f"{location(answer)}?digest={digest_of(content)}").status == 201
    assert raw.ask("GET", f"/v2/{name}/blobs/{digest_of(content)}").body == content


def test_cancelling_an_upload(raw, name):
    path = location(raw.ask("POST", f"/v2/{name}/blobs/uploads/"))
    raw.ask("PATCH", path, b"x")
    assert raw.ask("DELETE", path).status == 204
    assert raw.ask("GET", path).error == (404, "BLOB_UPLOAD_UNKNOWN")
    assert raw.ask("PATCH", path, b"y").error == (404, "BLOB_UPLOAD_UNKNOWN")


def test_mounting_a_blob_from_another_repository(raw, name):
    digest = raw.blob(f"{name}/other", b"shared")
    assert raw.ask("HEAD", f"/v2/{name}/blobs/{digest}").status == 404
    answer = raw.ask("POST", f"/v2/{name}/blobs/uploads/?mount={digest}&from={name}/other")
    assert (answer.status, location(answer)) == (201, f"/v2/{name}/blobs/{digest}")
    assert raw.ask("GET", location(answer)).body == b"shared"


def test_a_mount_that_cannot_be_becomes_an_upload(raw, name):
    for query in (f"mount={UNKNOWN}&from={name}/other", f"mount={UNKNOWN}", f"mount={UNKNOWN}&from=nosuch"):
        answer = raw.ask("POST", f"/v2/{name}/blobs/uploads/?{query}")
        assert answer.status == 202
        assert raw.ask("PUT", f"{location(answer)}?digest={digest_of(b'x')}", b"x").status == 201


@pytest.mark.parametrize("media_type", [IMAGE, DOCKER])
def test_pushing_an_image(raw, name, media_type):
    raw.blob(name, CONFIG_CONTENT)
    raw.blob(name, b"layer")
    body = json.dumps({**image(), "mediaType": media_type}).encode()
    for reference in ("v1", digest_of(body)):
        answer = raw.manifest(name, reference, body, media_type)
        assert answer.status == 201
        assert location(answer) == f"/v2/{name}/manifests/{digest_of(body)}"
        assert answer.headers["Docker-Content-Digest"] == digest_of(body)
    pulled = raw.ask("GET", location(answer), headers={"Accept": media_type})
    assert (pulled.body, pulled.headers["Content-Type"]) == (body, media_type)


@pytest.mark.parametrize("media_type", [INDEX, DOCKER_LIST])
def test_pushing_an_index_after_its_manifests(raw, name, media_type):
    child = {**descriptor(b"", IMAGE), "digest": raw.push(name, "child"), "platform": {"os": "linux"}}
    index = {"schemaVersion": 2, "mediaType": media_type, "manifests": [child]}
    answer = raw.manifest(name, "multi", index, media_type)
    assert answer.status == 201
    nested = {
        **index,
        "manifests": [{**descriptor(b"", media_type), "digest": answer.headers["Docker-Content-Digest"]}],
    }
    assert raw.manifest(name, "nested", nested, media_type).status == 201
    pulled = raw.ask("GET", f"/v2/{name}/manifests/nested", headers={"Accept": media_type})
    assert pulled.json == nested


def test_an_image_without_layers_and_an_artifact(raw, name):
    raw.blob(name, b"{}")
    empty = descriptor(b"{}", "application/vnd.oci.empty.v1+json")
    value = {"schemaVersion": 2, "mediaType": IMAGE, "config": empty, "layers": [], "unknown": {"kept": True}}
    body = json.dumps(value).encode()
    assert raw.manifest(name, "bare", body).status == 201
    assert raw.ask("GET", f"/v2/{name}/manifests/bare").body == body
    assert raw.manifest(name, "art", {**value, "layers": [empty], "artifactType": "application/x"}).status == 201


def test_a_manifest_must_have_its_blobs(raw, name):
    answer = raw.manifest(name, "v1", image(b"not pushed"))
    assert answer.error == (404, "MANIFEST_BLOB_UNKNOWN")
    assert raw.ask("HEAD", f"/v2/{name}/manifests/v1").status == 404


def test_a_tag_moves(raw, name):
    first, second = raw.push(name, "latest", b"1"), raw.push(name, "latest", b"2")
    assert raw.ask("HEAD", f"/v2/{name}/manifests/latest").headers["Docker-Content-Digest"] == second
    assert raw.ask("HEAD", f"/v2/{name}/manifests/{first}").status == 200


def test_pushing_a_manifest_with_a_subject(raw, name):
    subject = {**descriptor(b"", IMAGE), "digest": UNKNOWN}
    raw.push(name, "v1")
    answer = raw.manifest(name, "signature", image(subject=subject))
    assert (answer.status, answer.headers["OCI-Subject"]) == (201, UNKNOWN)
    assert "OCI-Subject" not in raw.manifest(name, "v2", image()).headers


# Content discovery


def test_listing_tags(raw, name):
    for tag in ("b", "a", "test10", "C", "test2"):
        raw.push(name, tag)
    ordered = sorted(("a", "b", "C", "test10", "test2"))
    assert raw.ask("GET", f"/v2/{name}/tags/list").json == {"name": name, "tags": ordered}
    first = raw.ask("GET", f"/v2/{name}/tags/list?n=3")
    assert first.json["tags"] == ordered[:3]
    link = re.fullmatch(r'<([^>]+)>; ?rel="next"', first.headers["Link"])
    rest = raw.ask("GET", link[1])
    assert (rest.json["tags"], "Link" in rest.headers) == (ordered[3:], False)
    assert raw.ask("GET", f"/v2/{name}/tags/list?n=2&last={ordered[1]}").json["tags"] == ordered[2:4]
    assert raw.ask("GET", f"/v2/{name}/tags/list?n=0").json["tags"] == []
    assert raw.ask("GET", f"/v2/{name}/other/tags/list").error == (404, "NAME_UNKNOWN")


def test_listing_referrers(raw, name):
    target = raw.push(name, "v1")
    subject = {**descriptor(b"", IMAGE), "digest": target}
    note = image(subject=subject, artifactType="application/x-note", annotations={"org.example": "1"})
    signature = image(subject=subject, config={**descriptor(CONFIG_CONTENT, "application/x-signature")})
    bundle = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [],
        "subject": subject,
        "artifactType": "application/x-b",
    }
    sizes = {}
    for value, media_type in ((note, IMAGE), (signature, IMAGE), (bundle, INDEX)):
        body = json.dumps(value).encode()
        sizes[digest_of(body)] = len(body)
        assert raw.manifest(name, digest_of(body), body, media_type).headers["OCI-Subject"] == target
    answer = raw.ask("GET", f"/v2/{name}/referrers/{target}")
    assert (answer.status, answer.headers["Content-Type"]) == (200, INDEX)
    assert (answer.json["schemaVersion"], answer.json["mediaType"]) == (2, INDEX)
    found = {one["artifactType"]: one for one in answer.json["manifests"]}
    assert set(found) == {"application/x-note", "application/x-signature", "application/x-b"}
    assert found["application/x-note"]["annotations"] == {"org.example": "1"}
    assert found["application/x-b"]["mediaType"] == INDEX
    assert {one["digest"]: one["size"] for one in found.values()} == sizes
    only = raw.ask("GET", f"/v2/{name}/referrers/{target}?artifactType=application/x-note")
    assert [one["artifactType"] for one in only.json["manifests"]] == ["application/x-note"]
    assert only.headers["OCI-Filters-Applied"] == "artifactType"
    nothing = raw.ask("GET", f"/v2/{name}/other/referrers/{UNKNOWN}")
    assert (nothing.status, nothing.json["manifests"]) == (200, [])


# Content management


def test_deleting_a_tag(raw, name):
    digest = raw.push(name, "v1")
    raw.push(name, "v2")
    assert raw.ask("DELETE", f"/v2/{name}/manifests/v1").status == 202
    assert raw.ask("HEAD", f"/v2/{name}/manifests/v1").status == 404
    assert raw.ask("HEAD", f"/v2/{name}/manifests/v2").status == 200
    assert raw.ask("HEAD", f"/v2/{name}/manifests/{digest}").status == 200
    assert raw.ask("DELETE", f"/v2/{name}/manifests/v1").error == (404, "MANIFEST_UNKNOWN")


def test_deleting_a_manifest(raw, name):
    digest = raw.push(name, "v1")
    assert raw.ask("DELETE", f"/v2/{name}/manifests/{digest}").status == 202
    for reference in ("v1", digest):
        assert raw.ask("GET", f"/v2/{name}/manifests/{reference}").error == (404, "MANIFEST_UNKNOWN")
    assert raw.ask("DELETE", f"/v2/{name}/manifests/{digest}").error == (404, "MANIFEST_UNKNOWN")


def test_deleting_a_blob(raw, name):
    digest = raw.blob(name, b"to go")
    assert raw.ask("DELETE", f"/v2/{name}/blobs/{digest}").status == 202
    assert raw.ask("GET", f"/v2/{name}/blobs/{digest}").error == (404, "BLOB_UNKNOWN")
    assert raw.ask("DELETE", f"/v2/{name}/blobs/{digest}").error == (404, "BLOB_UNKNOWN")
    assert raw.blob(name, b"to go") == digest


# Errors


def test_errors_have_the_form_of_the_specification(raw, name):
    answer = raw.ask("GET", f"/v2/{name}/manifests/nosuch")
    assert answer.headers["Content-Type"].startswith("application/json")
    (error,) = answer.json["errors"]
    assert error == {"code": "MANIFEST_UNKNOWN", "message": 'manifest tagged by "nosuch" is not found'}


def test_a_layer_that_is_not_distributed_need_not_be_pushed(raw, name):
    away = {**descriptor(b"away"), "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"}
    raw.push(name, "v1")
    assert raw.manifest(name, "v2", {**image(), "layers": [descriptor(b"layer", LAYER), away]}).status == 201
