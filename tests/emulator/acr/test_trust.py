"""The trust server over HTTP: who may ask it what, how uploads are read, and what it answers."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pytest

from tests.emulator.acr.conftest import HOST, Local
from tests.emulator.acr.test_tokens import actions
from tests.emulator.registry import Answer, Raw
from tests.unit.emulator.signed import Publisher

GUN = f"{HOST}/app"
TUF = f"/v2/{GUN}/_trust/tuf"
SCOPE = f"repository:{GUN}:push,pull"
BOUNDARY = "b0undary"
DISPOSITION = 'Content-Disposition: form-data; name="files"'


def part(role: str, body: bytes, *, named: str = "filename") -> bytes:
    head = f'--{BOUNDARY}\r\n{DISPOSITION}; {named}="{role}"\r\nContent-Type: application/octet-stream\r\n\r\n'
    return head.encode() + body + b"\r\n"


def form(*parts: bytes, end: str = f"--{BOUNDARY}--\r\n") -> bytes:
    return b"".join(parts) + end.encode()


def post(raw: Raw, body: bytes, *, kind: str = f"multipart/form-data; boundary={BOUNDARY}", at: str = TUF) -> Answer:
    return raw.ask("POST", f"{at}/", body, {"Content-Type": kind})


def set_trust(local: Local, status: str) -> None:
    def change() -> None:
        registry = local.world.registries.find(HOST.partition(".")[0])
        assert registry is not None
        policies = {**registry.properties["policies"], "trustPolicy": {"type": "Notary", "status": status}}
        local.world.registries.change(registry, properties={**registry.properties, "policies": policies})

    local.do(change)


@dataclass(frozen=True)
class Place:
    local: Local
    signer: Raw
    publisher: Publisher

    def stored(self) -> Any:
        return self.local.do(
            lambda: [tuple(row) for row in self.local.world.store.rows("SELECT * FROM trust_metadata")]
        )

    def publish(self) -> "Place":
        parts = part("root", self.publisher.root()), part("targets.json", self.publisher.targets(1, "v1"))
        answer = post(self.signer, form(*parts))
        assert (answer.status, answer.body) == (200, b"")
        return self


@pytest.fixture
def place(local: Local) -> Place:
    set_trust(local, "enabled")
    _, credentials = local.principal("AcrPush", "AcrImageSigner")
    raw = local.raw(credentials).use(SCOPE)
    served = {role: raw.ask("GET", f"{TUF}/{role}.key").json for role in ("snapshot", "timestamp")}
    return Place(local, raw, Publisher(GUN, served))


@pytest.mark.parametrize(
    ("roles", "given"),
    [
        (("AcrPush", "AcrImageSigner"), {"pull", "push", "sign"}),
        (("AcrPush",), {"pull", "push"}),
        (("AcrImageSigner", "AcrPull"), {"pull"}),
        (("AcrPull",), {"pull"}),
        (("Contributor",), {"pull", "push"}),
        (("Owner",), {"pull", "push"}),
    ],
)
def test_who_may_sign(place, roles, given):
    place.publish()
    _, credentials = place.local.principal(*roles)
    raw = place.local.raw(credentials).use(SCOPE)
    assert actions(raw.bearer) == {GUN: given}
    assert raw.ask("GET", f"{TUF}/root.json").status == 200
    before = place.stored()
    asked = [
        post(raw, form(part("targets", place.publisher.targets(2, "v2")))),
        raw.ask("GET", f"{TUF}/timestamp.key"),
        raw.ask("POST", f"{TUF}/timestamp.key"),
        raw.ask("DELETE", f"{TUF}/"),
    ]
    if "sign" in given:
        assert [answer.status for answer in asked] == [200] * 4
    else:
        assert [answer.error for answer in asked] == [(401, "UNAUTHORIZED")] * 4
        assert 'error="insufficient_scope"' in asked[0].headers["WWW-Authenticate"]
        assert place.stored() == before


def test_the_admin_user_and_nobody_may_not_sign(place):
    place.publish()

    def password() -> tuple[str, str]:
        registry = place.local.world.registries.change(place.local.world.registries.all()[1], admin_enabled=True)
        return registry.name, place.local.world.registries.passwords(registry)["password"]

    admin = place.local.raw(place.local.do(password)).use(SCOPE)
    upload = form(part("targets", place.publisher.targets(2)))
    assert actions(admin.bearer) == {GUN: {"pull", "push"}}
    assert post(admin, upload).error == (401, "UNAUTHORIZED")
    assert post(place.local.raw(), upload).error == (401, "UNAUTHORIZED")
    basic = admin.ask("GET", f"{TUF}/root.json", headers=admin.basic(), bearer="")
    assert basic.status == 200
    answer = admin.ask("POST", f"{TUF}/", upload, admin.basic(), bearer="")
    assert answer.error == (401, "UNAUTHORIZED")


def test_a_token_for_images_is_none_for_trust(place):
    images = place.local.raw(place.signer.credentials).use("repository:app:push,pull")
    assert actions(images.bearer) == {"app": {"pull", "push"}}
    assert images.ask("GET", f"{TUF}/root.json").error == (401, "UNAUTHORIZED")
    everything = place.local.raw(place.signer.credentials).use(f"repository:{GUN}:*")
    assert {"pull", "push", "sign"} <= actions(everything.bearer)[GUN]
    assert place.signer.ask("GET", "/v2/app/manifests/v1").error == (401, "UNAUTHORIZED")


def test_a_role_that_was_taken_away_ends_with_the_token(place):
    place.publish()
    world = place.local.world
    me = place.local.do(lambda: [one for one in world.roles.assignments() if one.principal_type == "ServicePrincipal"])
    for assignment in me:
        place.local.do(lambda one=assignment: world.roles.remove(one))
    again = place.local.raw(place.signer.credentials)
    assert again.token(SCOPE).error == (401, "UNAUTHORIZED")


def test_what_is_disabled_is_405_for_everybody(place):
    place.publish()
    set_trust(place.local, "disabled")
    for method, path in (("GET", "root.json"), ("GET", "timestamp.key"), ("POST", ""), ("DELETE", "")):
        assert place.signer.ask(method, f"{TUF}/{path}").error == (405, "UNSUPPORTED")
    assert place.local.raw().ask("GET", f"{TUF}/root.json").error == (401, "UNAUTHORIZED")


def test_metadata_by_name_by_digest_and_by_version(place):
    place.publish()
    for role in ("root", "targets", "snapshot", "timestamp"):
        current = place.signer.ask("GET", f"{TUF}/{role}.json")
        assert current.status == 200
        assert current.headers["Cache-Control"] == "max-age=0, no-cache, no-store"
        assert current.headers["Last-Modified"].endswith(" GMT")
        for name in (f"{role}.{sha256(current.body).hexdigest()}", f"1.{role}"):
            answer = place.signer.ask("GET", f"{TUF}/{name}.json")
            assert (answer.status, answer.body) == (200, current.body)
            assert answer.headers["Cache-Control"] == "public, max-age=2592000"
        assert place.signer.ask("HEAD", f"{TUF}/{role}.json").status == 200


@pytest.mark.parametrize(
    "name",
    [
        "targets/releases",
        "2.root",
        f"root.{'0' * 64}",
        f"1.root.{'0' * 64}",
        "root.0123",
        "mirror",
        "Root",
        "targets/..%2Froot",
        "targets%2F",
        "%00",
        "1" * 40 + ".root",
        "root.json",
    ],
)
def test_what_is_not_there(place, name):
    answer = place.publish().signer.ask("GET", f"{TUF}/{name}.json")
    assert answer.error == (404, "METADATA_NOT_FOUND")
    assert answer.json["errors"][0]["message"] == "You have requested metadata that does not exist."


def test_other_repositories_are_others(place):
    place.publish()
    raw = place.local.raw(place.signer.credentials)
    for gun in (f"{HOST}/other", "otheracr12345678.azurecr.io/app", "app", f"{HOST}/app/app"):
        raw.use(f"repository:{gun}:push,pull")
        assert raw.ask("GET", f"/v2/{gun}/_trust/tuf/root.json").error == (404, "METADATA_NOT_FOUND")
    raw.use("repository:otheracr12345678.azurecr.io/app:push,pull")
    upload = form(part("root", place.publisher.root()), part("targets", place.publisher.targets()))
    answer = post(raw, upload, at="/v2/otheracr12345678.azurecr.io/app/_trust/tuf")
    assert answer.error == (401, "UNAUTHORIZED"), "push there does not come with sign"
    raw.use(f"repository:{HOST}/other:push,pull")
    answer = post(raw, upload, at=f"/v2/{HOST}/other/_trust/tuf")
    assert answer.error == (400, "INVALID_UPDATE")
    assert answer.json["errors"][0]["detail"]["Name"] == "ErrBadRoot"


def test_an_upload_of_nothing_is_what_docker_sends_to_sign_the_same_again(place):
    """The registry signs anew what it signs itself; without a root there is nothing to sign."""
    assert post(place.signer, form()).error == (400, "INVALID_UPDATE")
    before = place.publish().stored()
    assert post(place.signer, form()).status == 200
    after = place.stored()
    new = [row for row in after if row not in before]
    assert {role for row in new for role in ("root", "targets", "snapshot", "timestamp") if role in row} == {
        "snapshot",
        "timestamp",
    }


ROOT, TARGETS = part("root", b"{}"), part("targets", b"{}")


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b"", "application/json", "MALFORMED_UPLOAD"),
        (b"{}", "multipart/form-data", "MALFORMED_UPLOAD"),
        (b"", f"multipart/form-data; boundary={BOUNDARY}", "MALFORMED_UPLOAD"),
        (form(ROOT, TARGETS)[:-4], "", "MALFORMED_UPLOAD"),
        (form(ROOT, TARGETS, end=""), "", "MALFORMED_UPLOAD"),
        (form(ROOT, TARGETS)[:80], "", "MALFORMED_UPLOAD"),
        (form(ROOT, ROOT), "", "MALFORMED_UPLOAD"),
        (form(*[ROOT] * 200), "", "MALFORMED_UPLOAD"),
        (form(ROOT), "multipart/form-data; boundary=other", "MALFORMED_UPLOAD"),
        (form(part("root", b"{}", named="file")), "", "NO_FILENAME"),
        (form(part("", b"{}")), "", "NO_FILENAME"),
        (form(part(".json", b"{}")), "", "NO_FILENAME"),
        (form(part("timestamp", b"{}")), "", "INVALID_ROLE"),
        (form(part("mirror", b"{}")), "", "INVALID_ROLE"),
        (form(part("targets/../root", b"{}")), "", "INVALID_ROLE"),
        (form(part("targets/", b"{}")), "", "INVALID_ROLE"),
        (form(part("targets/UP", b"{}")), "", "INVALID_ROLE"),
        (form(part("targets/" + "a" * 300, b"{}")), "", "INVALID_ROLE"),
        (form(part("root", b"{")), "", "MALFORMED_JSON"),
        (form(ROOT, TARGETS), "", "INVALID_UPDATE"),
    ],
)
def test_an_upload_that_is_none_is_refused(place, body, kind, code):
    before = place.publish().stored()
    answer = post(place.signer, body, kind=kind or f"multipart/form-data; boundary={BOUNDARY}")
    assert answer.error == (400, code)
    assert place.stored() == before


def test_an_upload_that_is_too_large_is_refused(place):
    answer = post(place.signer, form(part("root", b" " * (9 << 20))))
    assert answer.status == 413


def test_an_upload_that_is_cut_off_changes_nothing(place):
    before = place.publish().stored()
    whole = form(part("targets", place.publisher.targets(2)))
    raw = place.signer.another()
    connection = raw._connect()
    connection.putrequest("POST", f"{TUF}/")
    connection.putheader("Authorization", f"Bearer {raw.bearer}")
    connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
    connection.putheader("Content-Length", str(len(whole)))
    connection.endheaders(whole[:-30])
    connection.close()
    assert post(place.signer, form(part("targets", place.publisher.targets(1)))).error == (400, "VERSION")
    assert place.stored() == before


def test_of_eight_at_once_one_is_taken(place):
    place.publish()
    bodies = {f"v{number}": place.publisher.targets(2, f"v{number}") for number in range(8)}

    def push(tag: str) -> Answer:
        raw = place.signer.another()
        try:
            return post(raw, form(part("targets", bodies[tag])))
        finally:
            raw.close()

    with ThreadPoolExecutor(8) as pool:
        answers = dict(zip(bodies, pool.map(push, bodies), strict=True))
    taken = [tag for tag, answer in answers.items() if answer.status == 200]
    assert len(taken) == 1
    assert {answer.error for tag, answer in answers.items() if tag not in taken} == {(400, "VERSION")}
    assert place.signer.ask("GET", f"{TUF}/targets.json").body == bodies[taken[0]]
    assert place.signer.ask("GET", f"{TUF}/timestamp.json").json["signed"]["version"] == 2


def test_keys(place):
    for role in ("snapshot", "timestamp"):
        first = place.signer.ask("GET", f"{TUF}/{role}.key")
        assert first.json == place.publisher.served[role]
        assert (first.json["keytype"], first.json["keyval"]["private"]) == ("ed25519", None)
        assert place.signer.ask("POST", f"{TUF}/{role}.key").json != first.json
    for role in ("root", "targets", "mirror"):
        assert place.signer.ask("GET", f"{TUF}/{role}.key").error == (400, "INVALID_ROLE")
        assert place.signer.ask("POST", f"{TUF}/{role}.key").error == (400, "INVALID_ROLE")


def test_deleting(place):
    place.publish()
    assert place.signer.ask("DELETE", f"{TUF}/").status == 200
    assert place.stored() == []
    assert place.signer.ask("GET", f"{TUF}/root.json").error == (404, "METADATA_NOT_FOUND")
    assert place.signer.ask("DELETE", f"{TUF}/").status == 200
    assert place.signer.ask("GET", f"{TUF}/timestamp.key").json != place.publisher.served["timestamp"]


def test_what_it_does_not_have_is_told(place):
    for path in (f"/v2/{GUN}/_trust/changefeed", "/v2/_trust/changefeed"):
        assert place.signer.ask("GET", path).error == (501, "NotImplemented")


def test_no_key_is_in_an_answer_or_in_the_log(place, caplog):
    caplog.set_level(logging.DEBUG)
    place.publish()
    place.signer.ask("POST", f"{TUF}/timestamp.key")
    said = [place.signer.ask("GET", f"{TUF}/{name}").body for name in ("root.json", "timestamp.json", "timestamp.key")]
    said += [post(place.signer, form(part("root", b"{}"))).body]
    world = place.local.world
    held = place.local.do(lambda: [row["private"] for row in world.store.rows("SELECT private FROM trust_keys")])
    assert len(held) == 3
    text = caplog.text.encode() + b"".join(said)
    assert b"_trust/tuf" in text
    for key in held:
        for form_of in (bytes(key), key.hex().encode(), json.dumps(list(key)).encode(), repr(bytes(key)).encode()):
            assert form_of not in text
