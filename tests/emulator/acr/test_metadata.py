"""/acr/v1: keys, types and words as they were recorded; locks over HTTP; pages; what webhooks are told."""

import re

import pytest

from tests.emulator.acr.conftest import HOST, Local
from tests.emulator.registry import IMAGE, INDEX, descriptor, image

ALL = "pull,push,delete,metadata_read,metadata_write"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z")
UNLOCKED = {"deleteEnabled": True, "writeEnabled": True, "readEnabled": True, "listEnabled": True}
DISALLOWED = (405, "REGISTRY_DISALLOWED_OPERATION")


@pytest.fixture
def raw(local: Local):
    return local.operator(f"repository:lab/app:{ALL}", f"repository:other:{ALL}", "registry:catalog:*")


def times(found: dict) -> dict:
    """Without its times, once they are such."""
    assert MOMENT.fullmatch(found.pop("createdTime"))
    assert MOMENT.fullmatch(found.pop("lastUpdateTime"))
    return found


def events(local: Local) -> list[tuple]:
    world, registry = local.world, local.registry
    hook = local.do(lambda: world.webhooks.of(registry))[0]
    found = [event.request["content"] for event in local.do(lambda: world.webhooks.events(hook))]
    return [(one["action"], one["target"].get("tag"), one["target"]["digest"]) for one in reversed(found)]


def test_a_repository(raw):
    raw.push("lab/app", "v1")
    for path in ("/acr/v1/lab/app", "/acr/v1/lab%2Fapp"):
        assert times(raw.ask("GET", path).json) == {
            "registry": HOST,
            "imageName": "lab/app",
            "manifestCount": 1,
            "tagCount": 1,
            "changeableAttributes": UNLOCKED,
        }


def test_a_tag_and_its_list(raw):
    digest = raw.push("lab/app", "v1")
    found = raw.ask("GET", "/acr/v1/lab/app/_tags/v1").json
    tag = {"name": "v1", "digest": digest, "signed": False, "changeableAttributes": UNLOCKED}
    assert times(found["tag"]) == tag
    assert (found["registry"], found["imageName"]) == (HOST, "lab/app")
    listed = raw.ask("GET", "/acr/v1/lab/app/_tags").json
    assert [times(one) for one in listed.pop("tags")] == [tag]
    assert listed == {"registry": HOST, "imageName": "lab/app"}


def test_a_manifest_says_what_is_known_of_it(raw):
    digest = raw.push("lab/app", "v1", b"x" * 700)
    raw.ask("DELETE", "/acr/v1/lab/app/_tags/v1")
    expected = {
        "digest": digest,
        "imageSize": 700,
        "architecture": "amd64",
        "os": "linux",
        "mediaType": IMAGE,
        "configMediaType": "application/vnd.oci.image.config.v1+json",
        "changeableAttributes": UNLOCKED,
    }
    assert times(raw.ask("GET", f"/acr/v1/lab/app/_manifests/{digest}").json["manifest"]) == expected
    raw.push("lab/app", "v2", b"x" * 700)
    (listed,) = raw.ask("GET", "/acr/v1/lab/app/_manifests").json["manifests"]
    assert times(listed) == {**expected, "tags": ["v2"]}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [{**descriptor(b"", IMAGE), "digest": digest}]}
    pushed = raw.manifest("lab/app", "multi", index, INDEX).headers["Docker-Content-Digest"]
    found = times(raw.ask("GET", f"/acr/v1/lab/app/_manifests/{pushed}").json["manifest"])
    expected = {
        "digest": pushed,
        "imageSize": 700,
        "mediaType": INDEX,
        "tags": ["multi"],
        "changeableAttributes": UNLOCKED,
    }
    assert found == {**expected, "references": [{"digest": digest}]}
    listed = raw.ask("GET", "/acr/v1/lab/app/_manifests").json["manifests"]
    assert [times(one) for one in listed if one["digest"] == pushed] == [expected]


def test_what_an_index_names(raw):
    digest = raw.push("lab/app", "v1")
    platform = {"architecture": "arm", "os": "linux", "variant": "v7"}
    entry = {**descriptor(b"", IMAGE), "digest": digest, "platform": platform}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
    pushed = raw.manifest("lab/app", "multi", index, INDEX).headers["Docker-Content-Digest"]
    found = raw.ask("GET", f"/acr/v1/lab/app/_manifests/{pushed}").json["manifest"]
    assert found["references"] == [{"digest": digest, "architecture": "arm", "os": "linux"}]


def test_what_is_not_there(raw):
    raw.push("lab/app", "v1")
    name = {"name": "other"}
    for method, path in (
        ("GET", "/acr/v1/other"),
        ("PATCH", "/acr/v1/other"),
        ("DELETE", "/acr/v1/other"),
        ("GET", "/acr/v1/other/_tags"),
        ("GET", "/acr/v1/other/_manifests"),
        ("GET", "/v2/other/tags/list"),
    ):
        answer = raw.ask(method, path)
        assert answer.error == (404, "NAME_UNKNOWN"), path
        (error,) = answer.json["errors"]
        assert (error["message"], error["detail"]) == ("repository name not known to registry", name)
    for method in ("GET", "PATCH", "DELETE"):
        answer = raw.ask(method, "/acr/v1/lab/app/_tags/nosuch")
        assert answer.json == {"errors": [{"code": "TAG_UNKNOWN", "message": "the specified tag does not exist"}]}, (
            method
        )
        assert answer.status == 404
    for method in ("GET", "PATCH"):
        answer = raw.ask(method, "/acr/v1/lab/app/_manifests/sha256:" + "0" * 64)
        assert (answer.status, answer.json) == (
            404,
            {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]},
        )


def test_attributes_are_set_one_by_one(raw):
    digest = raw.push("lab/app", "v1")
    for path, key in (
        ("/acr/v1/lab/app", None),
        ("/acr/v1/lab/app/_tags/v1", "tag"),
        (f"/acr/v1/lab/app/_manifests/{digest}", "manifest"),
    ):
        found = raw.ask("PATCH", path, b'{"writeEnabled": false, "unknown": 1, "listEnabled": null}').json
        attributes = (found[key] if key else found)["changeableAttributes"]
        assert attributes == {**UNLOCKED, "writeEnabled": False}
        found = raw.ask("PATCH", path, b'{"deleteEnabled": false}').json
        assert (found[key] if key else found)["changeableAttributes"]["writeEnabled"] is False
        found = raw.ask("PATCH", path, b'{"writeEnabled": true, "deleteEnabled": true}').json
        assert (found[key] if key else found)["changeableAttributes"] == UNLOCKED
        for body in (b"[]", b"{", b'{"writeEnabled": "false"}', b'{"writeEnabled": 0}', b"\xff"):
            assert raw.ask("PATCH", path, body).error == (400, "BAD_REQUEST"), body


def test_a_locked_tag_is_neither_pushed_nor_removed(raw, local):
    digest = raw.push("lab/app", "v1")
    raw.ask("PATCH", "/acr/v1/lab/app/_tags/v1", b'{"writeEnabled": false}')
    raw.blob("lab/app", b"other")
    refused = raw.manifest("lab/app", "v1", image(b"other"))
    assert refused.error == DISALLOWED
    assert (
        "https://aka.ms/acr/faq/#why-does-my-pull-or-push-request-fail-with-disallowed-operation"
        in refused.json["errors"][0]["message"]
    )
    assert raw.ask("DELETE", "/acr/v1/lab/app/_tags/v1").error == DISALLOWED
    assert raw.ask("DELETE", "/v2/lab/app/manifests/v1").error == DISALLOWED
    assert raw.ask("DELETE", f"/v2/lab/app/manifests/{digest}").error == DISALLOWED
    assert raw.ask("DELETE", "/acr/v1/lab/app").error == DISALLOWED
    assert raw.ask("GET", "/v2/lab/app/manifests/v1").headers["Docker-Content-Digest"] == digest
    assert events(local) == [("push", "v1", digest)]


def test_what_may_not_be_read_or_listed(raw):
    digest = raw.push("lab/app", "v1")
    raw.ask("PATCH", "/acr/v1/lab/app/_tags/v1", b'{"readEnabled": false}')
    assert raw.ask("GET", "/v2/lab/app/manifests/v1").error == DISALLOWED
    assert raw.ask("HEAD", "/v2/lab/app/manifests/v1").status == 405
    assert raw.ask("GET", f"/v2/lab/app/manifests/{digest}").status == 200
    raw.ask("PATCH", "/acr/v1/lab/app", b'{"readEnabled": false, "listEnabled": false}')
    assert raw.ask("GET", f"/v2/lab/app/manifests/{digest}").error == DISALLOWED
    assert raw.ask("GET", f"/v2/lab/app/blobs/{image()['layers'][0]['digest']}").error == DISALLOWED
    assert raw.ask("GET", "/v2/_catalog").json == {"repositories": []}


def test_untagging_leaves_the_manifest_and_deleting_takes_all(raw, local):
    digest = raw.push("lab/app", "v1")
    raw.push("lab/app", "v2")
    assert raw.ask("DELETE", "/acr/v1/lab/app/_tags/v1").status == 202
    assert raw.ask("GET", "/v2/lab/app/tags/list").json == {"name": "lab/app", "tags": ["v2"]}
    assert raw.ask("DELETE", f"/v2/lab/app/manifests/{digest}").status == 202
    assert raw.ask("GET", "/acr/v1/lab/app").error == (404, "NAME_UNKNOWN")
    assert raw.ask("GET", "/v2/_catalog").json == {"repositories": []}
    answer = raw.ask("DELETE", f"/v2/lab/app/manifests/{digest}")
    assert answer.error == (404, "MANIFEST_UNKNOWN")
    assert answer.json["errors"][0]["message"] == f"manifest {digest} is not found"
    assert events(local) == [("push", "v1", digest), ("push", "v2", digest), ("delete", None, digest)]


def test_deleting_a_repository_says_what_went(raw, local):
    one, two = raw.push("lab/app", "v1"), raw.push("lab/app", "v2", b"2")
    raw.push("other", "v1")
    answer = raw.ask("DELETE", "/acr/v1/lab/app")
    assert answer.status == 202
    assert {key: sorted(value) for key, value in answer.json.items()} == {
        "manifestsDeleted": sorted((one, two)),
        "tagsDeleted": ["v1", "v2"],
    }
    assert raw.ask("GET", "/v2/_catalog").json == {"repositories": ["other"]}
    assert {digest for action, _, digest in events(local) if action == "delete"} == {one, two}


def test_what_is_refused_tells_no_webhook(raw, local):
    raw.manifest("lab/app", "v1", image())
    raw.manifest("lab/app", "v1", b"{")
    assert events(local) == []


def pages(raw, path: str, key: str, name=lambda entry: entry) -> list[list]:
    found = []
    while path:
        answer = raw.ask("GET", path)
        assert answer.status == 200, answer
        found.append([name(entry) for entry in answer.json[key]])
        link = answer.headers.get("Link", "")
        if link:
            assert re.fullmatch(r'<[^>]+>; rel="next"', link)
        path = link[1 : link.find(">")] if link else ""
    return found


def test_lists_come_in_pages(raw, local):
    for number, tag in enumerate(("b", "e", "a", "d", "c")):
        local.world.clock.offset = number * 60
        raw.push("lab/app", tag, tag.encode())
    raw.push("other", "x")
    assert pages(raw, "/v2/lab/app/tags/list?n=2", "tags") == [["a", "b"], ["c", "d"], ["e"]]
    assert pages(raw, "/v2/_catalog?n=1", "repositories") == [["lab/app"], ["other"]]
    assert pages(raw, "/acr/v1/_catalog?n=1", "repositories") == [["lab/app"], ["other"]]
    of = {
        "": [["a", "b"], ["c", "d"], ["e"]],
        "timeasc": [["b", "e"], ["a", "d"], ["c"]],
        "timedesc": [["c", "d"], ["a", "e"], ["b"]],
    }
    for order, expected in of.items():
        path = f"/acr/v1/lab%2Fapp/_tags?n=2&orderby={order}"
        assert pages(raw, path, "tags", lambda tag: tag["name"]) == expected, order
        manifests = pages(raw, f"/acr/v1/lab/app/_manifests?n=2&orderby={order}", "manifests", lambda one: one["tags"])
        if order:
            assert [[tag for (tag,) in page] for page in manifests] == expected
    link = raw.ask("GET", "/acr/v1/lab/app/_tags?n=1").headers["Link"]
    assert link == '</acr/v1/lab%2Fapp/_tags?last=a&n=1&orderby=>; rel="next"'
    assert raw.ask("GET", "/v2/lab/app/tags/list?last=c").json["tags"] == ["d", "e"]
    assert raw.ask("GET", "/acr/v1/lab/app/_tags?orderby=none").status == 200


def test_a_hundred_are_a_page_and_the_last_one_has_no_link(raw):
    raw.push("lab/app", "t000")
    for number in range(1, 101):
        assert raw.manifest("lab/app", f"t{number:03}", image()).status == 201
    found = pages(raw, "/acr/v1/lab/app/_tags", "tags", lambda tag: tag["name"])
    assert [len(page) for page in found] == [100, 1]
    assert [tag for page in found for tag in page] == [f"t{number:03}" for number in range(101)]
    assert [len(page) for page in pages(raw, "/v2/lab/app/tags/list?n=101", "tags")] == [101]
    assert raw.ask("GET", "/v2/lab/app/tags/list?n=0").json["tags"] == []


@pytest.mark.parametrize("count", ["-1", "x", "1e3", "9" * 30, "%00"])
def test_pages_of_no_number(raw, count):
    raw.push("lab/app", "v1")
    for path in ("/v2/_catalog", "/v2/lab/app/tags/list", "/acr/v1/lab/app/_tags", "/acr/v1/lab/app/_manifests"):
        assert raw.ask("GET", f"{path}?n={count}").error == (400, "PAGINATION_NUMBER_INVALID")
    assert raw.ask("GET", "/acr/v1/lab/app/_tags?orderby=size").error == (400, "UNSUPPORTED")


def test_tags_of_one_manifest(raw):
    digest = raw.push("lab/app", "v1")
    raw.push("lab/app", "v2")
    raw.push("lab/app", "other", b"2")
    found = raw.ask("GET", f"/acr/v1/lab/app/_tags?digest={digest}").json["tags"]
    assert [tag["name"] for tag in found] == ["v1", "v2"]
