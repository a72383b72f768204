"""What a repository's trust server takes, what it signs itself, and what goes with what."""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from labrunner.emulator.clock import Clock
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.removal import remove
from labrunner.emulator.trust.canonical import decode, encode
from labrunner.emulator.trust.keys import PublicKey
from labrunner.emulator.trust.serving import Place, current, rotated_key, served_key, signed_tags
from labrunner.emulator.trust.updates import update
from labrunner.emulator.world import World, open_world
from tests.unit.emulator.signed import DIGEST, Key, canonical, described, role
from tests.unit.emulator.trusted import Repository

DAY = 24 * 3600.0


@pytest.fixture
def repository(world: World) -> Repository:
    return Repository(world).publish()


@pytest.fixture
def clocked(tmp_path: Path) -> Iterator[tuple[World, list[float]]]:
    """One whose machine has another time: the list's only number."""
    moment = [1_800_000_000.0]
    world = open_world(tmp_path / "clocked", Clock(machine=lambda: moment[0]))
    world.resources.ensure_group("labs", "eastus")
    yield world, moment
    world.close()


def verified(repository: Repository, role: str) -> dict:
    """A role's content, if the key that the root names for it has signed it."""
    body = repository.body(role)
    value = json.loads(body)
    root = json.loads(repository.body("root"))["signed"]
    (key_id,) = root["roles"][role]["keyids"]
    public = base64.b64decode(root["keys"][key_id]["keyval"]["public"])
    (one,) = value["signatures"]
    assert (one["keyid"], one["method"]) == (key_id, "eddsa")
    Ed25519PublicKey.from_public_bytes(public).verify(base64.b64decode(one["sig"]), canonical(value["signed"]))
    return value["signed"]


def test_the_first_upload_is_described_and_signed(world):
    repository = Repository(world)
    assert current(repository.place, "root") is None
    assert current(repository.place, "timestamp") is None
    root, targets = repository.publisher.root(), repository.publisher.targets(1, "v1")
    repository.upload(root=root, targets=targets)
    assert (repository.body("root"), repository.body("targets")) == (root, targets)
    snapshot, timestamp = verified(repository, "snapshot"), verified(repository, "timestamp")
    assert (snapshot["_type"], snapshot["version"]) == ("Snapshot", 1)
    assert snapshot["meta"] == {"root": described(root), "targets": described(targets)}
    assert (timestamp["_type"], timestamp["version"]) == ("Timestamp", 1)
    assert timestamp["meta"] == {"snapshot": described(repository.body("snapshot"))}


def test_every_upload_makes_a_new_snapshot_and_a_new_timestamp(repository):
    before = verified(repository, "snapshot")
    repository.upload(targets=(targets := repository.publisher.targets(3, "v1", "v2", signers=repository.signers)))
    after = verified(repository, "snapshot")
    assert after["version"] == before["version"] + 1
    assert after["meta"] == {**before["meta"], "targets": described(targets)}
    assert verified(repository, "timestamp")["version"] == after["version"]


def test_what_is_current_is_found_by_role_by_digest_and_by_version(repository, world):
    registry, name = repository.place.registry.id, repository.place.repository
    body = repository.body("targets")
    digest = hashlib.sha256(body).hexdigest()
    assert world.trust.by_digest(registry, name, "targets", digest.upper()).body == body
    assert world.trust.by_digest(registry, name, "root", digest) is None
    assert world.trust.by_digest(registry, "other", "targets", digest) is None
    assert world.trust.by_version(registry, name, "targets", 2).body == body
    assert world.trust.by_version(registry, name, "targets", 1).body != body
    assert world.trust.by_version(registry, name, "targets", 3) is None


def test_it_is_there_after_a_restart(tmp_path):
    with_clock = open_world(tmp_path / "again", Clock())
    with_clock.resources.ensure_group("labs", "eastus")
    repository = Repository(with_clock).publish()
    before = repository.everything()
    with_clock.close()
    again = open_world(tmp_path / "again", Clock())
    try:
        there = repository.within(again)
        assert there.everything() == before
        there.upload(targets=there.publisher.targets(3, "v2", signers=there.signers))
        assert verified(there, "timestamp")["version"] == 3
    finally:
        again.close()


def test_the_state_is_its_owners_alone(repository, world, tmp_path):
    files = [path for path in (tmp_path / "azure").iterdir() if path.name.startswith("state.sqlite")]
    assert files
    assert {path.stat().st_mode & 0o077 for path in files} == {0}


def test_root_keys_are_rotated(repository):
    publisher, new = repository.publisher, Key(repository.place.gun)
    root = publisher.root(2, others=(new,), roles={"root": role(new)}, by=(publisher.root_key, new))
    repository.upload(root=root)
    with pytest.raises(Refusal):
        repository.upload(root=publisher.root(3))
    publisher.root_key = new
    repository.upload(root=publisher.root(3))
    assert json.loads(repository.body("root"))["signed"]["version"] == 3


def test_targets_keys_are_rotated(repository):
    publisher = repository.publisher
    old, publisher.targets_key = publisher.targets_key, Key()
    targets = publisher.targets(3, "v1", signers=repository.signers)
    repository.upload(root=publisher.root(2), targets=targets)
    with pytest.raises(Refusal, match="invalid"):
        repository.upload(targets=publisher.targets(4, by=(old,)))
    assert repository.body("targets") == targets


@pytest.mark.parametrize("name", ["snapshot", "timestamp"])
def test_the_registrys_keys_are_rotated(repository, name):
    publisher = repository.publisher
    old = served_key(repository.place, name)
    new = rotated_key(repository.place, name)
    assert served_key(repository.place, name) == old, "it signs until a root names the new one"
    publisher.served[name] = new.json()
    repository.upload(root=publisher.root(2))
    assert served_key(repository.place, name) == new
    verified(repository, name)
    held = repository.world.trust.keys(repository.place.registry.id, repository.place.repository, name)
    assert [key.key_id for key in held] == [new.id], "the old one is let go of"


def test_a_key_asked_for_twice_is_the_same_and_private_to_its_repository(world):
    one, other = Repository(world), Repository(world, "other")
    assert served_key(one.place, "timestamp") == served_key(one.place, "timestamp")
    keys = {served_key(each.place, name).id for each in (one, other) for name in ("snapshot", "timestamp")}
    assert len(keys) == 4


def test_a_publisher_may_sign_the_snapshot_and_give_it_back(repository):
    publisher, mine = repository.publisher, Key()
    root = publisher.root(2, others=(mine,), roles={"snapshot": role(mine)})
    bodies = {"targets": repository.body("targets"), "targets/releases": repository.body("targets/releases")}
    snapshot = publisher.snapshot(3, mine, root=root, **bodies)
    repository.upload(root=root, snapshot=snapshot)
    assert repository.body("snapshot") == snapshot
    assert verified(repository, "timestamp")["meta"] == {"snapshot": described(snapshot)}
    publisher.served["snapshot"] = served_key(repository.place, "snapshot").json()
    repository.upload(root=publisher.root(3))
    assert verified(repository, "snapshot")["version"] == 4
    assert set(verified(repository, "snapshot")["meta"]) == {"root", "targets", "targets/releases"}


def test_a_repository_may_have_a_long_name(world):
    assert Repository(world, "a" * 200).publish().body("timestamp")


def test_two_of_three_have_to_sign(world):
    repository = Repository(world)
    publisher, others = repository.publisher, (Key(), Key())
    three = (publisher.targets_key, *others)
    root = publisher.root(others=others, roles={"targets": role(*three, threshold=2)})
    for by in (three[:1], (three[0], three[0]), (three[0], Key())):
        with pytest.raises(Refusal) as refused:
            repository.upload(root=root, targets=publisher.targets(1, by=by))
        assert "did not meet threshold for targets" in refused.value.detail["Error"]["Msg"]
    repository.upload(root=root, targets=publisher.targets(1, by=three[1:]))


def test_what_has_expired_is_signed_anew(clocked):
    world, moment = clocked
    repository = Repository(world).publish()
    timestamp, snapshot = repository.body("timestamp"), repository.body("snapshot")
    moment[0] += 13 * DAY
    assert current(repository.place, "timestamp").body == timestamp
    moment[0] += 2 * DAY
    assert current(repository.place, "timestamp").body != timestamp
    assert current(repository.place, "snapshot").body == snapshot
    assert verified(repository, "timestamp")["meta"] == {"snapshot": described(snapshot)}
    moment[0] += 3 * 365 * DAY
    assert current(repository.place, "snapshot").body != snapshot
    assert verified(repository, "snapshot")["meta"] == json.loads(snapshot)["signed"]["meta"]
    assert verified(repository, "timestamp")["meta"] == {"snapshot": described(repository.body("snapshot"))}


def test_which_tags_are_signed(repository):
    digest = f"sha256:{DIGEST.hex()}"
    assert signed_tags(repository.place) == {("v1", digest), ("released", digest)}
    repository.upload(targets=repository.publisher.targets(3, signers=repository.signers))
    assert signed_tags(repository.place) == {("released", digest)}


def test_trust_goes_with_its_registry_and_with_nothing_else(world):
    repository, other = Repository(world).publish(), Repository(world, "other").publish()
    elsewhere = Repository(world, registry="elsewhere").publish()
    listed = [thing for thing in world.inventory() if thing[0] == "trust-data"]
    assert [name for _, name, _ in listed] == ["elsewhere/app", "progress/app", "progress/other"]
    registry = next(thing for thing in world.inventory() if thing[:2] == ("registry", "progress"))
    assert remove(world, [registry]) == ["The trust-data app is in it, and would go with it."]
    assert remove(world, [listed[1]]) == [""]
    assert repository.everything() == []
    assert other.body("root")
    assert remove(world, [listed[2], registry]) == ["", ""]
    assert elsewhere.body("root")


def test_trust_made_anew_is_another(repository, world):
    (before,) = [thing for thing in world.inventory() if thing[0] == "trust-data"]
    world.trust.delete(repository.place.registry.id, repository.place.repository)
    Repository(world).publish()
    (after,) = [thing for thing in world.inventory() if thing[0] == "trust-data"]
    assert before[:2] == after[:2]
    assert before[2] != after[2]
    assert remove(world, [before]) == ["That name means another one by now, which is left alone."]


def test_a_key_is_shown_to_nobody(repository, world):
    place = repository.place
    (key,) = world.trust.keys(place.registry.id, place.repository, "timestamp")
    assert len(key.private) == 32
    assert repr(key.private) not in repr(key)
    assert "private" not in repr(key)


RSA = {bits: rsa.generate_private_key(public_exponent=65537, key_size=bits) for bits in (1024, 2048)}
PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)


@pytest.mark.parametrize(("bits", "good"), [(2048, True), (1024, False)])
@pytest.mark.parametrize(("method", "scheme"), [("rsapss", PSS), ("rsapkcs1v15", padding.PKCS1v15())])
def test_rsa_keys_sign_if_they_are_long_enough(bits, good, method, scheme):
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    key = PublicKey("rsa", RSA[bits].public_key().public_bytes(*form))
    signature = RSA[bits].sign(b"message", scheme, hashes.SHA256())
    assert key.verifies(method, signature, b"message") is good
    assert not key.verifies(method, signature, b"another")
    assert not key.verifies("rsapss" if method == "rsapkcs1v15" else "rsapkcs1v15", signature, b"message")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None, False]}, b'{"a":[true,null,false],"b":1}'),
        ({"é": 'a"b\\c', "z": "</é\n\u2028>"}, '{"z":"</é\n\u2028>","é":"a\\"b\\\\c"}'.encode()),
        ({"": {}, "n": -9007199254740992}, b'{"":{},"n":-9007199254740992}'),
    ],
)
def test_the_canonical_text(value, text):
    assert encode(value) == text


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":2}',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":NaN}',
        b'{"a":9007199254740993}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":"\\ud800"}',
        b'{"a":"\xff"}',
        b"[" * 100_000,
        b'{"a":1} x',
        b'{"a":',
        b"",
    ],
)
def test_what_could_be_read_otherwise_is_no_json(data):
    with pytest.raises(ValueError):  # noqa: PT011 - any
        decode(data)


def test_an_upload_is_in_one_transaction(repository, monkeypatch):
    before = repository.everything()

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("labrunner.emulator.trust.updates.settle_keys", fail)
    with pytest.raises(OSError, match="no space"):
        update(repository.place, {"root": repository.publisher.root(2)})
    assert repository.everything() == before


def test_places_are_told_apart(world):
    assert Place(world=world, registry=Repository(world).place.registry, repository="a/b").gun == (
        "progress.azurecr.io/a/b"
    )
