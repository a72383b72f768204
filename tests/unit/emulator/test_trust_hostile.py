"""Hostile uploads of trust data: all are refused with notary's error, and nothing of what is stored changes.

Each is a repository's publisher gone wrong, or somebody who may push and has none of the publisher's keys.
"""

import json
import uuid
from collections.abc import Callable, Iterator

import pytest

from labrunner.emulator.clock import Clock
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.trust.serving import served_key
from labrunner.emulator.world import open_world
from tests.unit.emulator.signed import FAR, PAST, Key, Publisher, canonical, changed, described, role, signed, text
from tests.unit.emulator.trusted import RELEASES, Repository

Parts = dict[str, bytes]
Attack = Callable[[Repository], Parts]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """The one that all of them attack, and none may change."""
    world = open_world(tmp_path_factory.mktemp("kept") / "azure", Clock())
    world.resources.ensure_group("labs", "eastus")
    yield Repository(world).publish()
    world.close()


@pytest.fixture
def repository(kept: Repository) -> Repository:
    return kept.copied()


def refused(repository: Repository, parts: Parts) -> Refusal:
    before = repository.everything()
    with pytest.raises(Refusal) as raised:
        repository.upload(**parts)
    assert repository.everything() == before, "a refused upload changed something"
    assert raised.value.status == 400
    return raised.value


def root(content: dict, *keys: Key) -> Attack:
    """A root of the next version that says something else. keys: who signs it, the publisher if nobody."""

    def make(repository: Repository) -> Parts:
        publisher = repository.publisher
        return {"root": signed({**publisher.root_content(2), **content}, *(keys or (publisher.root_key,)))}

    return make


def root_roles(**roles: dict) -> Attack:
    return lambda repository: {"root": repository.publisher.root(2, roles=roles)}


def targets(content: dict) -> Attack:
    """Targets of the next version that say something else, signed by the publisher."""

    def make(repository: Repository) -> Parts:
        publisher = repository.publisher
        return {"targets": signed({**publisher.targets_content(3, "v2"), **content}, publisher.targets_key)}

    return make


def delegations(*names: str) -> Attack:
    return lambda repository: {
        "targets": repository.publisher.targets(3, signers=dict.fromkeys(names, repository.publisher.alice))
    }


def file_of(**meta: object) -> Attack:
    good = {"length": 8, "hashes": {"sha256": text(b"d" * 32)}}
    return targets({"targets": {"v2": {**good, **meta}}})


def with_keys(change: Callable[[dict, Repository], None]) -> Attack:
    """A root whose content somebody changed before it was signed."""

    def make(repository: Repository) -> Parts:
        content = repository.publisher.root_content(2)
        change(content, repository)
        return {"root": signed(content, repository.publisher.root_key)}

    return make


def with_signature(**other: object) -> Attack:
    """Good targets with a signature that is written otherwise."""

    def make(repository: Repository) -> Parts:
        publisher = repository.publisher
        content = publisher.targets_content(3, "v2")
        signature = publisher.targets_key.signature(content, **other)
        return {"targets": json.dumps({"signed": content, "signatures": [signature]}).encode()}

    return make


def by_der(repository: Repository) -> Parts:
    content = repository.publisher.targets_content(3, "v2")
    der = text(repository.publisher.targets_key.der(canonical(content)))
    return with_signature(sig=der)(repository)


def padded(repository: Repository) -> Parts:
    """The same two numbers, and so the same signature, written in more bytes."""
    content = repository.publisher.targets_content(3, "v2")
    pair = repository.publisher.targets_key.raw(canonical(content))
    return with_signature(sig=text(pair[:32] + b"\0" + pair[32:]))(repository)


def strange_root(repository: Repository) -> Parts:
    """Complete and good by itself, but nobody's who had a say before."""
    made = Publisher(repository.place.gun, repository.publisher.served)
    return {"root": made.root(2), "targets": made.targets(3, "evil")}


def other_repository(name: str) -> Attack:
    """What another repository of the registry published."""

    def make(repository: Repository) -> Parts:
        other = Repository(repository.world, uuid.uuid4().hex).publish()
        other.upload(root=other.publisher.root(2), targets=other.publisher.targets(3, "evil"))
        return {name: other.body(name)}

    return make


def other_name(repository: Repository) -> Parts:
    """A root with a certificate for another repository."""
    publisher, new = repository.publisher, Key("progress.azurecr.io/other")
    return {"root": publisher.root(2, others=(new,), roles={"root": role(new)}, by=(publisher.root_key, new))}


def new_root_key(days: float = 3650, *, certified: bool = True) -> Attack:
    def make(repository: Repository) -> Parts:
        publisher, new = repository.publisher, Key(repository.place.gun if certified else "", days)
        return {"root": publisher.root(2, others=(new,), roles={"root": role(new)}, by=(publisher.root_key, new))}

    return make


def taken_over(repository: Repository) -> Parts:
    """The new root's own key has signed, the old one has not."""
    new = Key(repository.place.gun)
    return {"root": repository.publisher.root(2, others=(new,), roles={"root": role(new)}, by=(new,))}


def one_for_two(repository: Repository) -> Parts:
    publisher, other = repository.publisher, Key(repository.place.gun)
    both = {"root": role(publisher.root_key, other, threshold=2)}
    return {"root": publisher.root(2, others=(other,), roles=both, by=(publisher.root_key, publisher.root_key))}


def strange_timestamp_key(repository: Repository) -> Parts:
    strange = Key()
    return {"root": repository.publisher.root(2, others=(strange,), roles={"timestamp": role(strange)})}


def snapshot_without_a_key(repository: Repository) -> Parts:
    strange = Key()
    return {"root": repository.publisher.root(2, others=(strange,), roles={"snapshot": role(strange)})}


def others_served_key(repository: Repository) -> Parts:
    """The registry holds that key, but for another repository."""
    publisher = repository.publisher
    publisher.served["timestamp"] = served_key(Repository(repository.world, "other").place, "timestamp").json()
    return {"root": publisher.root(2)}


def targets_key_alone(repository: Repository) -> Parts:
    repository.publisher.targets_key = Key()
    return {"root": repository.publisher.root(2)}


def forged(name: str, **content: object) -> Attack:
    return lambda repository: {name: changed(repository.body(name), **content)}


def replayed(name: str) -> Attack:
    return lambda repository: {name: repository.body(name)}


def rolled_back(repository: Repository) -> Parts:
    trust, place = repository.world.trust, repository.place
    old = trust.by_version(place.registry.id, place.repository, "targets", 1)
    assert old is not None
    return {"targets": old.body}


def signed_by(name: str) -> Attack:
    """Good targets, signed with another of the publisher's own keys."""
    return lambda repository: {"targets": repository.publisher.targets(3, by=(getattr(repository.publisher, name),))}


def released(version: int = 2, by: str = "alice", **content: object) -> Attack:
    def make(repository: Repository) -> Parts:
        return {RELEASES: repository.released(version, "v2", by=getattr(repository.publisher, by), **content)}

    return make


def as_role(name: str, source: str) -> Attack:
    """What is signed for one role, sent for another."""
    return lambda repository: {name: repository.body(source)}


def outside_paths(repository: Repository) -> Parts:
    publisher = repository.publisher
    content = publisher.targets_content(3, signers=repository.signers)
    content["delegations"]["roles"][0]["paths"] = ["release-"]
    return {"targets": signed(content, publisher.targets_key), RELEASES: repository.released(2, "latest")}


def wider_paths(repository: Repository) -> Parts:
    """A delegation gives on more than it was given."""
    publisher, deep = repository.publisher, f"{RELEASES}/deep"
    content = publisher.targets_content(3, signers=repository.signers)
    content["delegations"]["roles"][0]["paths"] = ["release-"]
    return {
        "targets": signed(content, publisher.targets_key),
        RELEASES: repository.released(2, "release-1", signers={deep: publisher.alice}),
        deep: repository.released(1, "latest"),
    }


def dropped_signer(repository: Repository) -> Parts:
    return {"targets": repository.publisher.targets(3), RELEASES: repository.released(2, "v2")}


def good_and_bad(repository: Repository) -> Parts:
    return {"root": repository.publisher.root(2), "targets": repository.publisher.targets(3, by=(Key(),))}


def snapshot_of_a_stranger(repository: Repository) -> Parts:
    bodies = {name: repository.body(name) for name in ("root", "targets")}
    return {"snapshot": repository.publisher.snapshot(3, Key(), **bodies)}


def raw(name: str, data: bytes) -> Attack:
    return lambda repository: {name: data}


def truncated(name: str) -> Attack:
    return lambda repository: {name: repository.publisher.targets(3)[:-20]}


def twin(repository: Repository) -> Parts:
    """Read as JSON usually is, it is the good one; read as Go does, the other."""
    evil = json.dumps(repository.publisher.targets_content(9, "evil"))
    return {"targets": repository.publisher.targets(3)[:-1] + f', "Signed": {evil}}}'.encode()}


def twice(repository: Repository) -> Parts:
    evil = json.dumps(repository.publisher.targets_content(9, "evil"))
    return {"targets": f'{{"signed": {evil}, '.encode() + repository.publisher.targets(3)[1:]}


ROOT, TARGETS, SNAPSHOT = "ErrBadRoot", "ErrBadTargets", "ErrBadSnapshot"
NOT_TRUSTED = "could not rotate trust to a new trusted root"
THRESHOLD = "valid signatures did not meet threshold for"
ATTACKS: dict[str, tuple[Attack, str, str]] = {
    "a stranger's root": (strange_root, ROOT, NOT_TRUSTED),
    "a root signed by the new key alone": (taken_over, ROOT, NOT_TRUSTED),
    "a root changed after it was signed": (forged("root", version=2, expires=FAR), ROOT, NOT_TRUSTED),
    "a root signed by nobody": (lambda r: {"root": signed(r.publisher.root_content(2))}, ROOT, NOT_TRUSTED),
    "a root that skips a version": (root({"version": 3}), ROOT, "must increment the version. Current 1, new 3"),
    "an expired root": (root({"expires": PAST}), ROOT, "root expired at Fri Jan 1 00:00:00 UTC 2016"),
    "a root of another type": (root({"_type": "Targets"}), ROOT, "expected type Root, not Targets"),
    "another repository's root": (other_repository("root"), ROOT, "unable to retrieve valid leaf certificates"),
    "a root for another name": (other_name, ROOT, "unable to retrieve valid leaf certificates"),
    "a root with an expired certificate": (new_root_key(days=-1), ROOT, "unable to retrieve valid leaf certificates"),
    "a root without a certificate": (new_root_key(certified=False), ROOT, "unable to retrieve valid leaf"),
    "one root key signing for two": (one_for_two, ROOT, "failed to validate integrity of roots"),
    "a root without timestamps": (with_keys(lambda c, _: c["roles"].pop("timestamp")), ROOT, "missing timestamp role"),
    "a threshold of none": (root_roles(targets={"keyids": [], "threshold": 0}), ROOT, "invalid threshold"),
    "a threshold that nobody meets": (root_roles(targets={"keyids": [], "threshold": 1}), ROOT, "fewer keys"),
    "a key that is not listed": (root_roles(targets={"keyids": ["0" * 64], "threshold": 1}), ROOT, "without corresp"),
    "a key under another's id": (
        with_keys(lambda c, r: c["keys"].__setitem__(r.publisher.targets_key.id, Key().json)),
        ROOT,
        "key ID is not valid for key content",
    ),
    "a key with its private part": (
        with_keys(lambda c, r: c["keys"][r.publisher.targets_key.id]["keyval"].__setitem__("private", "AAAA")),
        ROOT,
        "has its private part",
    ),
    "a timestamp key of somebody else": (strange_timestamp_key, ROOT, "no timestamp keys exist on the server"),
    "a timestamp key of another repository": (others_served_key, ROOT, "no timestamp keys exist on the server"),
    "a snapshot key without a snapshot": (snapshot_without_a_key, "ErrBadHierarchy", "no snapshot was included"),
    "a targets key without targets": (targets_key_alone, TARGETS, f"{THRESHOLD} targets"),
    "targets changed after they were signed": (forged("targets", version=3), TARGETS, f"{THRESHOLD} targets"),
    "targets signed by the root key": (signed_by("root_key"), TARGETS, f"{THRESHOLD} targets"),
    "targets signed by a signer": (signed_by("alice"), TARGETS, f"{THRESHOLD} targets"),
    "targets signed by nobody": (
        lambda r: {"targets": signed(r.publisher.targets_content(3))},
        TARGETS,
        "tuf: data has no signatures",
    ),
    "expired targets": (targets({"expires": PAST}), TARGETS, "targets expired at"),
    "targets of another repository": (other_repository("targets"), TARGETS, f"{THRESHOLD} targets"),
    "targets of another type": (targets({"_type": "Root"}), TARGETS, "expected type Targets, not Root"),
    "a snapshot as targets": (as_role("targets", "snapshot"), TARGETS, "expected type Targets, not Snapshot"),
    "version nothing": (targets({"version": 0}), TARGETS, "version cannot be less than one"),
    "version for ever": (targets({"version": 1 << 40}), TARGETS, "version is too large"),
    "a digest that is too short": (file_of(hashes={"sha256": text(b"d" * 31)}), TARGETS, "sha256 checksum invalid"),
    "a target without a digest": (file_of(hashes={}), TARGETS, "at least one supported hash needed"),
    "a target less than nothing long": (file_of(length=-1), TARGETS, "no length"),
    "a delegation to the root": (delegations("root"), TARGETS, "delegation role root invalid"),
    "a delegation to a grandchild": (delegations("targets/a/b"), TARGETS, "delegation role targets/a/b invalid"),
    "a delegation upwards": (delegations("targets/../root"), TARGETS, "delegation role targets/../root invalid"),
    "a signature in another form": (by_der, TARGETS, f"{THRESHOLD} targets"),
    "a signature with room in it": (padded, TARGETS, f"{THRESHOLD} targets"),
    "a signature by another method": (with_signature(method="eddsa"), TARGETS, f"{THRESHOLD} targets"),
    "a signature by an unknown method": (with_signature(method="none"), TARGETS, f"{THRESHOLD} targets"),
    "a signature under another's name": (with_signature(keyid="0" * 64), TARGETS, f"{THRESHOLD} targets"),
    "a signature of nothing": (with_signature(sig=""), TARGETS, f"{THRESHOLD} targets"),
    "a role that nobody delegated": (
        lambda r: {"targets/bob": r.released(1)},
        TARGETS,
        "tuf: invalid role targets/bob. delegation does not",
    ),
    "a role below a missing one": (
        lambda r: {"targets/bob/x": r.released(1)},
        TARGETS,
        "invalid role targets/bob/x. delegation",
    ),
    "a signer's role signed by the repository's key": (released(by="targets_key"), TARGETS, f"{THRESHOLD} {RELEASES}"),
    "an expired signer's role": (released(expires=PAST), TARGETS, f"{RELEASES} expired at"),
    "a signer's role as the targets": (as_role("targets", RELEASES), TARGETS, f"{THRESHOLD} targets"),
    "the targets as a signer's role": (as_role(RELEASES, "targets"), TARGETS, f"{THRESHOLD} {RELEASES}"),
    "a target outside a signer's paths": (outside_paths, TARGETS, f"{RELEASES} may not sign latest"),
    "a path that was not given": (wider_paths, TARGETS, f"{RELEASES}/deep may not sign latest"),
    "a signer who was removed": (dropped_signer, TARGETS, f"tuf: invalid role {RELEASES}. delegation"),
    "a good root with bad targets": (good_and_bad, TARGETS, f"{THRESHOLD} targets"),
    "a stranger's snapshot": (snapshot_of_a_stranger, SNAPSHOT, f"{THRESHOLD} snapshot"),
    "the snapshot with another version": (forged("snapshot", version=9), SNAPSHOT, f"{THRESHOLD} snapshot"),
    "a name that differs in case": (twin, TARGETS, "Signed is written otherwise"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_it_is_refused(repository, name):
    attack, kind, words = ATTACKS[name]
    refusal = refused(repository, attack(repository))
    assert (refusal.code, refusal.detail["Name"]) == ("INVALID_UPDATE", kind)
    assert words in refusal.detail["Error"]["Msg"]


@pytest.mark.parametrize(
    ("attack", "code"),
    [
        (replayed("root"), "VERSION"),
        (replayed("targets"), "VERSION"),
        (replayed(RELEASES), "VERSION"),
        (replayed("snapshot"), "VERSION"),
        (rolled_back, "VERSION"),
        (released(1), "VERSION"),
        (lambda r: {"targets": r.publisher.targets(2, "evil", signers=r.signers)}, "VERSION"),
        (raw("targets", b""), "MALFORMED_JSON"),
        (raw("targets", b"[]"), "MALFORMED_JSON"),
        (raw("targets", b'{"signed": ' * 50_000), "MALFORMED_JSON"),
        (raw("root", b'{"signed": {"version": 1e400}}'), "MALFORMED_JSON"),
        (raw("root", b"\xff\xfe"), "MALFORMED_JSON"),
        (raw("snapshot", b'{"signed": {}, "signatures": []} {}'), "MALFORMED_JSON"),
        (truncated("targets"), "MALFORMED_JSON"),
        (twice, "MALFORMED_JSON"),
        (targets({"version": True}), "MALFORMED_JSON"),
        (targets({"version": "3"}), "MALFORMED_JSON"),
        (targets({"expires": "tomorrow"}), "MALFORMED_JSON"),
        (targets({"expires": "2036-13-01T00:00:00Z"}), "MALFORMED_JSON"),
        (with_signature(sig="%"), "MALFORMED_JSON"),
    ],
)
def test_it_is_refused_by_its_code(repository, attack, code):
    assert refused(repository, attack(repository)).code == code


@pytest.mark.parametrize("wanted", ["root", "signed", "signatures", "keys", "roles", "targets"])
def test_a_part_that_is_missing_or_something_else_is_refused(repository, wanted):
    """Every value of a good file replaced by every kind of another."""
    name = "targets" if wanted == "targets" else "root"
    good = repository.publisher.targets(3) if name == "targets" else repository.publisher.root(2)
    for other in (None, 7, "x", [], ["x"], {"x": 1}, [[]], True):
        value = json.loads(good)
        if wanted in value:
            value[wanted] = other
        elif wanted in value["signed"]:
            value["signed"][wanted] = other
        else:
            value = other
        refused(repository, {name: json.dumps(value).encode()})


def test_a_first_upload_needs_a_root_and_targets(world):
    repository = Repository(world)
    publisher = repository.publisher
    for parts, words in (
        ({"targets": publisher.targets()}, "no pre-existing root"),
        ({"root": publisher.root()}, "targets must be loaded first"),
        ({RELEASES: repository.released()}, "no pre-existing root"),
        ({}, "no pre-existing root"),
    ):
        refusal = refused(repository, parts)
        assert refusal.detail["Name"] == "ErrValidation"
        assert words in refusal.detail["Error"]["Msg"]


@pytest.mark.parametrize("wrong", ["root", "targets", RELEASES, "missing", "length", "strange", "expired", "old"])
def test_a_publishers_own_snapshot_has_to_be_true(repository, wrong):
    publisher, mine = repository.publisher, Key()
    made = {"root": publisher.root(2, others=(mine,), roles={"snapshot": role(mine)})}
    made |= {name: repository.body(name) for name in ("targets", RELEASES)}
    content = json.loads(publisher.snapshot(2 if wrong == "old" else 3, mine, **made))["signed"]
    if wrong in made:
        content["meta"][wrong] = described(made[wrong] + b" ")
    elif wrong == "missing":
        del content["meta"]["root"]
    elif wrong == "length":
        content["meta"]["targets"]["length"] += 1
    elif wrong == "strange":
        content["meta"]["targets/bob"] = described(b"")
    elif wrong == "expired":
        content["expires"] = PAST
    refusal = refused(repository, {"root": made["root"], "snapshot": signed(content, mine)})
    assert refusal.code == ("VERSION" if wrong == "old" else "INVALID_UPDATE")


def test_a_publishers_own_snapshot_lists_what_comes_with_it(repository):
    publisher, mine = repository.publisher, Key()
    made = {"root": publisher.root(2, others=(mine,), roles={"snapshot": role(mine)})}
    made |= {RELEASES: repository.released(2), "snapshot": b""}
    listed = {"root": made["root"], "targets": repository.body("targets")}
    refusal = refused(repository, {**made, "snapshot": publisher.snapshot(3, mine, **listed)})
    assert refusal.detail["Name"] == SNAPSHOT
    assert refusal.detail["Error"]["Msg"].endswith(f"were provided for {RELEASES}")


def test_a_role_below_one_that_lost_its_key_is_refused(world):
    repository = Repository(world).publish()
    publisher, bob, deep = repository.publisher, Key(), f"{RELEASES}/deep"
    repository.upload(
        **{RELEASES: repository.released(2, signers={deep: bob}), deep: repository.released(1, "v1", by=bob)}
    )
    repository.upload(targets=publisher.targets(3, signers={RELEASES: Key()}))
    refusal = refused(repository, {deep: repository.released(2, "v2", by=bob)})
    assert refusal.detail["Error"]["Msg"] == f"{THRESHOLD} {RELEASES}"


def test_of_two_that_began_at_the_same_one_is_refused(world):
    repository = Repository(world).publish()
    publisher = repository.publisher
    first = publisher.targets(3, "first", signers=repository.signers)
    second = publisher.targets(3, "second", signers=repository.signers)
    repository.upload(targets=first)
    assert refused(repository, {"targets": second}).code == "VERSION"
    assert repository.body("targets") == first


def test_there_are_enough_of_them():
    assert len(ATTACKS) >= 40
