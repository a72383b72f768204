"""What nobody should send: the right refusal, nothing stored, and never a 5xx of ours."""

import json
import os
import socket
import ssl

import pytest

from labrunner.emulator.acr.names import is_name, is_tag
from tests.emulator.acr.conftest import HOST, Local
from tests.emulator.registry import IMAGE, INDEX, descriptor, digest_of, image
from tests.waiting import wait_for

ALL = "pull,push,delete,metadata_read,metadata_write"


@pytest.fixture
def raw(local: Local):
    return local.operator(f"repository:a:{ALL}", "registry:catalog:*")


@pytest.fixture
def nothing(local: Local):
    """Nothing is stored when the test is over."""
    yield
    assert local.do(lambda: list(local.world.images.inventory())) == []
    assert [path for path in stored(local) if path.parts[-3] != "uploads"] == []


def stored(local: Local):
    return [path for path in local.world.blobs._folder.rglob("*") if path.is_file()]


NAMES = [
    "..",
    "a/../b",
    "..%2f..%2fetc",
    "%2e%2e/%2e%2e/state.sqlite",
    "A",
    "library/Upper",
    "a..b",
    "-a",
    "a_",
    "a//b",
    "a%20b",
    "a%00",
    "a%0d%0aX-Evil:%201",
    "a%22b",
    "%ff",
    "x" * 256,
    "a:b",
    "%c3%a9",
]


REQUESTS = [
    ("GET", "/v2/{}/tags/list"),
    ("POST", "/v2/{}/blobs/uploads/"),
    ("PUT", "/v2/{}/manifests/latest"),
    ("GET", "/v2/{}/blobs/sha256:" + "a" * 64),
    ("DELETE", "/acr/v1/{}"),
    ("GET", "/acr/v1/{}/_manifests"),
]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_are_none(raw, nothing, name):
    for method, path in REQUESTS:
        answer = ask_raw(raw, method, path.format(name))
        if "//" in name:
            assert answer.startswith(b"HTTP/1.1 501 ")  # no operation has such a path
            continue
        assert answer.startswith(b"HTTP/1.1 400 "), answer
        assert b'"code": "NAME_INVALID"' in answer
        assert b"x-evil" not in answer.partition(b"\r\n\r\n")[0].lower()


def ask_raw(raw, method: str, path: str, head: str = "", body: bytes = b"") -> bytes:
    """Past the client's own checks."""
    with wrap(raw) as client:
        client.sendall(
            f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n"
            f"Authorization: Bearer {raw.bearer}\r\n{head}\r\n".encode("latin-1")
            + body
        )
        return client.makefile("rb").read()


def wrap(raw) -> ssl.SSLSocket:
    connection = raw._connect()
    connection.connect()
    return connection.sock


@pytest.mark.parametrize(
    ("text", "good"),
    [("a", 1), ("a/b/c", 1), ("a.b_c__d---e", 1), ("0", 1), ("a___b", 0), ("a.", 0), ("a/", 0), ("/a", 0), ("", 0),
     ("a\n", 0), ("a" * 255, 1), ("a" * 256, 0)],
)  # fmt: skip
def test_names_by_the_specification(text, good):
    assert is_name(text) is bool(good)


@pytest.mark.parametrize(
    ("text", "good"),
    [("v1.0", 1), ("_x", 1), ("A-b", 1), (".x", 0), ("-x", 0), ("a" * 128, 1), ("a" * 129, 0), ("a/b", 0), ("a\n", 0)],
)
def test_tags_by_the_specification(text, good):
    assert is_tag(text) is bool(good)


@pytest.mark.parametrize("reference", [".x", "-x", "a" * 129, "a%2Fb", "..%2F..", "%00", "a b".replace(" ", "%20")])
def test_tags_that_are_none(raw, nothing, reference):
    assert raw.manifest("a", reference, image()).error == (400, "TAG_INVALID")
    assert raw.ask("GET", f"/v2/a/manifests/{reference}").error == (404, "MANIFEST_UNKNOWN")
    assert raw.ask("DELETE", f"/v2/a/manifests/{reference}").error == (404, "MANIFEST_UNKNOWN")
    assert raw.ask("GET", f"/acr/v1/a/_tags/{reference}").error == (404, "TAG_UNKNOWN")


BAD_DIGESTS = ["sha256:short", "sha256:" + "A" * 64, "md5:" + "a" * 32, "sha256:..%2F..%2Fx", "x", "sha512:" + "a" * 64]


@pytest.mark.parametrize("digest", BAD_DIGESTS)
def test_digests_that_are_none(raw, nothing, digest):
    for method in ("GET", "DELETE"):
        assert raw.ask(method, f"/v2/a/blobs/{digest}").error == (400, "DIGEST_INVALID")
    assert raw.ask("GET", f"/v2/a/referrers/{digest}").error == (400, "DIGEST_INVALID")
    assert raw.ask("PUT", f"{raw.begin('a')}?digest={digest}", b"x").error == (400, "DIGEST_INVALID")
    assert raw.ask("POST", f"/v2/a/blobs/uploads/?digest={digest}", b"x").error == (400, "DIGEST_INVALID")
    if ":" in digest:
        assert raw.manifest("a", digest, image()).error == (400, "DIGEST_INVALID")
    assert raw.ask("POST", f"/v2/a/blobs/uploads/?mount={digest}&from=..%2F..").status == 202


def test_another_digest_than_the_contents(raw, nothing, local):
    wrong = digest_of(b"other")
    location = raw.begin("a")
    answer = raw.ask("PUT", f"{location}?digest={wrong}", b"content")
    assert answer.error == (400, "DIGEST_INVALID")
    assert answer.json["errors"][0]["message"] == "provided digest did not match uploaded content"
    assert raw.ask("GET", location).error == (404, "BLOB_UPLOAD_UNKNOWN")
    assert raw.ask("POST", f"/v2/a/blobs/uploads/?digest={wrong}", b"content").error == (400, "DIGEST_INVALID")
    assert raw.ask("PUT", f"{raw.begin('a')}?digest={digest_of(b'x', 'sha512')}", b"y").error == (400, "DIGEST_INVALID")
    for digest in (wrong, digest_of(b"content")):
        assert raw.ask("HEAD", f"/v2/a/blobs/{digest}").status == 404
    assert stored(local) == []


def test_a_manifest_under_another_digest(raw):
    raw.push("a", "v1")
    body = json.dumps(image()).encode()
    assert raw.manifest("a", digest_of(b"other"), body).error == (400, "DIGEST_INVALID")
    assert raw.manifest("a", digest_of(body, "sha512"), body).status == 201
    assert raw.ask("GET", f"/v2/a/manifests/{digest_of(body, 'sha512')}").body == body


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"", IMAGE),
        (b"{", IMAGE),
        (b"null", IMAGE),
        (b"[" * 500_000, IMAGE),
        (b'{"schemaVersion": 1}', "application/vnd.docker.distribution.manifest.v1+prettyjws"),
        (b"{}", "text/html"),
        (b"{}", ""),
        (json.dumps(image()).encode(), INDEX),
        (json.dumps({**image(), "manifests": []}).encode(), IMAGE),
        (json.dumps({**image(), "layers": [descriptor(b"x") | {"size": 10**40}]}).encode(), IMAGE),
        (json.dumps({**image(), "mediaType": ["x"]}).encode(), IMAGE),
        (b'{"schemaVersion": 2, "config": {"digest": "\xff"}}', IMAGE),
    ],
)
def test_manifests_that_are_none(raw, nothing, body, media_type):
    assert raw.manifest("a", "v1", body, media_type).error == (400, "MANIFEST_INVALID")


def test_a_manifest_without_its_blobs(raw, nothing):
    answer = raw.manifest("a", "v1", image())
    assert answer.error == (404, "MANIFEST_BLOB_UNKNOWN")
    assert answer.json["errors"][0]["detail"]["digest"].startswith("sha256:")
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor(b"x", IMAGE)]}
    assert raw.manifest("a", "v1", index, INDEX).error == (404, "MANIFEST_BLOB_UNKNOWN")


def test_a_manifest_that_is_too_large(raw, nothing):
    body = json.dumps({**image(), "annotations": {"x": "y" * (4 << 20)}}).encode()
    assert raw.manifest("a", "v1", body).error == (413, "SIZE_INVALID")


def test_a_blob_that_is_too_large(raw, nothing, local):
    local.world.blobs.limit = 1000
    big = b"x" * 1001
    assert raw.ask("PATCH", raw.begin("a"), big).error == (413, "SIZE_INVALID")
    assert raw.ask("PATCH", raw.begin("a"), iter([big[:600], big[600:]])).error == (413, "SIZE_INVALID")
    assert raw.ask("POST", f"/v2/a/blobs/uploads/?digest={digest_of(big)}", big).error == (413, "SIZE_INVALID")
    location = raw.begin("a")
    assert raw.ask("PATCH", location, big[:600]).status == 202
    assert raw.ask("PATCH", location, big[:600]).error == (413, "SIZE_INVALID")
    assert raw.ask("GET", location).headers["Range"] == "0-599"


def test_parts_out_of_order(raw):
    content = os.urandom(1000)
    location = raw.begin("a")
    assert raw.ask("PATCH", location, content[:500], {"Content-Range": "0-499"}).status == 202
    for start, part in ((0, content[:500]), (400, content[400:]), (600, content[600:])):
        answer = raw.ask("PATCH", location, part, {"Content-Range": f"{start}-{start + len(part) - 1}"})
        assert answer.error == (416, "RANGE_INVALID")
        assert answer.headers["Range"] == "0-499"
    assert raw.ask("PATCH", location, b"xyz", {"Content-Range": "500-999"}).error == (400, "SIZE_INVALID")
    for said in ("500", "-", "a-b", "999-500", "500-" + "9" * 40):
        assert raw.ask("PATCH", location, b"x", {"Content-Range": said}).error == (400, "BLOB_UPLOAD_INVALID"), said
    digest = digest_of(content)
    assert raw.ask("PUT", f"{location}?digest={digest}", content[400:], {"Content-Range": "400-999"}).status == 416
    assert raw.ask("PUT", f"{location}?digest={digest}", content[500:], {"Content-Range": "500-999"}).status == 201
    assert raw.ask("GET", f"/v2/a/blobs/{digest}").body == content


def test_uploads_of_somebody_else(raw, local):
    mine = raw.begin("a")
    other = local.operator(f"repository:b:{ALL}")
    stolen = mine.replace("/v2/a/", "/v2/b/")
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        assert other.ask(method, mine, b"x" if method in {"PATCH", "PUT"} else None).status == 401
        query = f"?digest={digest_of(b'')}"
        assert other.ask(method, stolen + query).error == (404, "BLOB_UPLOAD_UNKNOWN")
    foreign = local.raw(local.do(local.world.directory.operator), host="otheracr12345678.azurecr.io")
    foreign.use(f"repository:a:{ALL}")
    assert foreign.ask("GET", mine).error == (404, "BLOB_UPLOAD_UNKNOWN")
    for identity in ("..", "..%2F..%2Fstate.sqlite", "x", "%00", "0" * 300):
        assert raw.ask("GET", f"/v2/a/blobs/uploads/{identity}").error == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_blob_that_another_repository_has_is_not_shown(raw, local):
    digest = raw.blob("a", b"secret of a")
    other = local.operator(f"repository:b:{ALL}")
    assert other.ask("GET", f"/v2/b/blobs/{digest}").error == (404, "BLOB_UNKNOWN")
    refused = other.ask("POST", f"/v2/b/blobs/uploads/?mount={digest}&from=a")
    assert refused.error == (401, "UNAUTHORIZED")
    assert 'scope="repository:b:pull,push repository:a:pull"' in refused.headers["WWW-Authenticate"]
    assert other.ask("POST", f"/v2/b/blobs/uploads/?mount={digest}").status == 202
    other.use(f"repository:b:{ALL}", "repository:a:pull")
    assert other.ask("POST", f"/v2/b/blobs/uploads/?mount={digest}&from=a").status == 201
    assert other.ask("GET", f"/v2/b/blobs/{digest}").body == b"secret of a"


def test_a_body_that_ends_too_early_leaves_the_upload_usable(raw, nothing, local):
    location = raw.begin("a")
    with wrap(raw) as client:
        client.sendall(
            f"PATCH {location} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {raw.bearer}\r\n"
            "Content-Length: 1000\r\n\r\n".encode()
            + b"x" * 600
        )
        client.shutdown(socket.SHUT_RDWR)
    content = b"x" * 600 + b"y" * 400
    size = settled(raw, location)
    assert size in {0, 600}
    answer = raw.ask("PUT", f"{location}?digest={digest_of(content)}", content[size:])
    assert answer.status == 201
    assert raw.ask("DELETE", f"/v2/a/blobs/{digest_of(content)}").status == 202
    local.do(lambda: local.world.images.links.sweep(file_before=2e9 * 2))


def settled(raw, location: str) -> int:
    """How far the upload came, once nobody writes to it any more."""
    for _ in range(200):
        answer = raw.ask("PATCH", location, b"")
        if answer.status == 202:
            break
    first, last = raw.ask("GET", location).headers["Range"].split("-")
    return int(last) + 1 if int(last) > int(first) else 0


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: -1\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Content-Length: 1e3\r\n",
    ],
)
def test_heads_that_contradict_themselves(raw, nothing, head):
    answer = ask_raw(raw, "PATCH", raw.begin("a"), head, b"abc")
    assert answer[9:10] == b"4", answer


def test_a_chunk_that_is_none(raw, nothing):
    answer = ask_raw(raw, "PATCH", raw.begin("a"), "Transfer-Encoding: chunked\r\n", b"zz\r\nabc\r\n")
    assert answer[9:10] in {b"4", b""}, answer


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("bytes=0-3", (206, b"0123", "bytes 0-3/10")),
        ("bytes=4-", (206, b"456789", "bytes 4-9/10")),
        ("bytes=-3", (206, b"789", "bytes 7-9/10")),
        ("bytes=-100", (206, b"0123456789", "bytes 0-9/10")),
        ("bytes=8-100", (206, b"89", "bytes 8-9/10")),
        ("bytes=10-", (416, None, "bytes */10")),
        ("bytes=-0", (416, None, "bytes */10")),
        ("bytes=5-2", (200, b"0123456789", None)),
        ("bytes=0-1,4-5", (200, b"0123456789", None)),
        ("lines=1-2", (200, b"0123456789", None)),
        ("bytes=" + "9" * 400 + "-", (200, b"0123456789", None)),
        ("bytes=-", (200, b"0123456789", None)),
    ],
)
def test_parts_of_a_blob(raw, said, expected):
    digest = raw.blob("a", b"0123456789")
    answer = raw.ask("GET", f"/v2/a/blobs/{digest}", headers={"Range": said})
    status, body, where = expected
    assert (answer.status, answer.headers.get("Content-Range")) == (status, where)
    if body is not None:
        assert (answer.body, answer.headers["Content-Length"]) == (body, str(len(body)))


def test_an_empty_blob(raw):
    digest = raw.blob("a", b"")
    answer = raw.ask("GET", f"/v2/a/blobs/{digest}")
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", "0")
    assert raw.ask("GET", f"/v2/a/blobs/{digest}", headers={"Range": "bytes=0-"}).status == 416


def test_a_second_writer_is_refused(raw, local):
    location = raw.begin("a")
    with wrap(raw) as client:
        client.sendall(
            f"PATCH {location} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {raw.bearer}\r\n"
            "Content-Length: 10\r\n\r\n".encode()
            + b"abc"
        )
        upload = local.world.blobs.upload(f"{local.registry.uid}/a", location.rpartition("/")[2])
        wait_for(lambda: upload._held)
        for method, path in (
            ("PATCH", location),
            ("PUT", f"{location}?digest={digest_of(b'x')}"),
            ("DELETE", location),
        ):
            answer = raw.ask(method, path, b"x" if method != "DELETE" else None)
            assert answer.error == (409, "BLOB_UPLOAD_INVALID")
        client.sendall(b"defghij")
        assert client.recv(100).startswith(b"HTTP/1.1 202 ")
    assert raw.ask("PUT", f"{location}?digest={digest_of(b'abcdefghij')}").status == 201


def test_uploads_side_by_side_do_not_mix(raw):
    contents = [os.urandom(5000) for _ in range(4)]
    locations = [raw.begin("a") for _ in contents]
    for start in range(0, 5000, 1000):
        for location, content in zip(locations, contents, strict=True):
            assert raw.ask("PATCH", location, content[start : start + 1000]).status == 202
    for location, content in zip(locations, contents, strict=True):
        assert raw.ask("PUT", f"{location}?digest={digest_of(content)}").status == 201
        assert raw.ask("GET", f"/v2/a/blobs/{digest_of(content)}").body == content


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/v2/{HOST}/a/_trust/changefeed"),
        ("PUT", f"/v2/{HOST}/a/_trust/tuf/root.json"),
        ("PUT", "/v2/_catalog"),
        ("GET", "/v1/search"),
        ("GET", "/acr/v1"),
        ("POST", "/acr/v1/a/_tags"),
        ("OPTIONS", "/v2/"),
    ],
)
def test_what_is_not_there_is_501_by_name(raw, method, path):
    answer = raw.ask(method, path)
    assert answer.error == (501, "NotImplemented")
    assert f"{method} {path.rstrip('/') if path == '/v2/' else path}"[:20] in answer.json["errors"][0]["message"]


def test_manifests_are_served_as_they_are_and_to_who_takes_them(raw):
    digest = raw.push("a", "v1")
    body = json.dumps(image()).encode()
    for accept in ("", "*/*", "application/*", IMAGE, f"text/html, {IMAGE};q=0.5", f"application/json,{IMAGE.upper()}"):
        answer = raw.ask("GET", "/v2/a/manifests/v1", headers={"Accept": accept} if accept else {})
        assert (answer.status, answer.body, answer.headers["Content-Type"]) == (200, body, IMAGE), accept
        assert answer.headers["ETag"] == f'"{digest}"'
    repeated = ask_raw(raw, "GET", "/v2/a/manifests/v1", f"Accept: {INDEX}\r\nAccept: {IMAGE}\r\n")
    assert repeated.startswith(b"HTTP/1.1 200 ")
    answer = raw.ask("GET", "/v2/a/manifests/v1", headers={"Accept": INDEX})
    assert answer.error == (404, "MANIFEST_UNKNOWN")
    head = raw.ask("HEAD", "/v2/a/manifests/v1")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(body)))
    assert head.headers["Docker-Content-Digest"] == digest
