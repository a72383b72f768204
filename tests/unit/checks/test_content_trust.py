"""The kinds of content trust: what a trust server says, what Docker keeps here, and which Docker it is."""

import base64
import json

import pytest

from tests.findings import error, failed, misused, passed
from tests.unit.checks.cloud import OPERATOR, Repository, digest

ASK = {"registry": "myregistry", "repository": "mywebapi"}
GUN = "myregistry.azurecr.io/mywebapi"
PUBLIC = base64.b64encode(b"the public half").decode()
PEM = f"-----BEGIN PUBLIC KEY-----\nrole: mykey\n\n{PUBLIC}\n-----END PUBLIC KEY-----\n"
KEY = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n{headers}\n\nhunter2hunter2\n-----END ENCRYPTED PRIVATE KEY-----\n"


def hashed(letter):
    return {"hashes": {"sha256": base64.b64encode(bytes.fromhex(letter * 64)).decode()}, "length": 1}


def targets(signers=(), **tags):
    """The metadata of a role. signers: (name, public key)."""
    keys = {name: {"keytype": "ecdsa", "keyval": {"public": key}} for name, key in signers}
    roles = [{"name": f"targets/{name}", "keyids": [name], "paths": [""]} for name in keys]
    roles += [{"name": "targets/releases", "keyids": list(keys), "paths": [""]}] if roles else []
    signed = {"targets": {tag.replace("_", "."): hashed(letter) for tag, letter in tags.items()}}
    return {"signed": {**signed, "delegations": {"keys": keys, "roles": roles}}, "signatures": []}


@pytest.fixture
def trust(azure):
    """What the trust server of `myregistry` has; `v1`, `v2` and `moved` are in `mywebapi`."""
    registry = azure.registries["myregistry"]
    registry.repositories = {"mywebapi": Repository(tags={"v1": digest("a"), "v2": digest("b"), "moved": digest("c")})}
    azure.docker[(OPERATOR, azure.secret)] = {"pull"}
    return registry.trust


def test_the_policy(azure):
    azure.registries["myregistry"].properties = {"policies": {"trustPolicy": {"status": "enabled"}}}
    assert passed(azure.ask("trust.policy", registry="myregistry", status="enabled")) == (
        "In the registry `myregistry`, content trust is enabled."
    )
    assert failed(azure.ask("trust.policy", registry="myregistry", status="disabled")) == (
        "In the registry `myregistry`, content trust is enabled, not disabled."
    )
    assert "There is no registry `third12`" in failed(azure.ask("trust.policy", registry="third12", status="enabled"))
    misused(azure.ask("trust.policy", registry="myregistry", status="on"))


def test_a_tag_is_signed_over_the_image_that_it_is(azure, trust):
    assert failed(azure.ask("trust.signed", **ASK, tag="v1")) == (
        "`mywebapi:v1` (aaaaaaaaaaaa) is not signed; no tag of this repository is."
    )
    trust["mywebapi", "targets"] = targets(v1="a", moved="d")
    assert passed(azure.ask("trust.signed", **ASK, tag="v1")) == "`mywebapi:v1` (aaaaaaaaaaaa) is signed."
    assert "the signature of this tag is of another image" in failed(azure.ask("trust.signed", **ASK, tag="moved"))
    assert "signed are `moved` and `v1`" in failed(azure.ask("trust.signed", **ASK, tag="v2"))
    trust["mywebapi", "targets/releases"] = targets(v2="b")
    passed(azure.ask("trust.signed", **ASK, tag="v2"))
    assert "has no tag `v3`" in failed(azure.ask("trust.signed", **ASK, tag="v3"))


def test_nothing_of_a_repository(azure, trust):
    passed(azure.ask("trust.no-data", **ASK))
    trust["mywebapi", "targets"] = targets()
    assert failed(azure.ask("trust.no-data", **ASK)) == (
        "The trust server of the registry `myregistry` has trust data of `mywebapi`."
    )
    trust["mywebapi", "targets"] = targets(v1="a")
    assert "for `v1`" in failed(azure.ask("trust.no-data", **ASK))


def test_who_may_not_ask_is_no_answer(azure, trust):
    azure.docker.clear()
    assert "refuses the identity that checks ask with" in error(azure.ask("trust.no-data", **ASK))


def test_a_signer_has_the_key_of_the_file(azure, trust, place):
    ask = {**ASK, "name": "mysigner", "key": "mykey.pub"}
    assert "There is no file `mykey.pub`" in failed(azure.ask("trust.signer", **ask))
    (place / "work" / "mykey.pub").write_text("no key")
    assert "cannot be read as a public key" in failed(azure.ask("trust.signer", **ask))
    (place / "work" / "mykey.pub").write_text(PEM)
    assert "has no signer `mysigner`; there is none." in failed(azure.ask("trust.signer", **ask))
    other = base64.b64encode(b"another half").decode()
    trust["mywebapi", "targets"] = targets([("mysigner", other)])
    assert "has another key" in failed(azure.ask("trust.signer", **ask))
    trust["mywebapi", "targets"] = targets([("mysigner", PUBLIC)])
    passed(azure.ask("trust.signer", **ask))
    assert "there is `mysigner`" in failed(azure.ask("trust.signer", **{**ask, "name": "you"}))


def test_signing_takes_a_right_of_its_own(azure, place):
    (place / "home" / ".docker").mkdir()
    auths = {"myregistry.azurecr.io": {"auth": base64.b64encode(b"me:hunter2").decode()}}
    (place / "home" / ".docker" / "config.json").write_text(json.dumps({"auths": auths}))
    azure.docker["me", "hunter2"] = {"pull", "push"}
    assert "may not sign `mywebapi`" in failed(azure.ask("acr.can-sign", **ASK))
    azure.docker["me", "hunter2"] = {"pull", "push", "sign"}
    passed(azure.ask("acr.can-sign", **ASK))


@pytest.mark.parametrize(
    ("headers", "mode", "first", "says"),
    [
        ("role: root", 0o600, "ENCRYPTED PRIVATE", ""),
        ("role: root", 0o640, "ENCRYPTED PRIVATE", "has the permissions 0640: others can read it"),
        ("role: root", 0o600, "EC PRIVATE", "has no passphrase"),
        ("role: targets", 0o600, "ENCRYPTED PRIVATE", "Docker has no root key in `~/.docker/trust/private`."),
    ],
)
def test_a_private_key(ask, place, headers, mode, first, says):
    folder = place / "home" / ".docker" / "trust" / "private"
    folder.mkdir(parents=True)
    path = folder / "abc.key"
    path.write_text(KEY.format(headers=headers).replace("ENCRYPTED PRIVATE", first))
    path.chmod(mode)
    result = ask("trust.key", role="root")
    assert says in (failed(result) if says else passed(result))
    assert "hunter2" not in result.message


def test_a_private_key_of_a_repository(ask, place):
    folder = place / "home" / ".docker" / "trust" / "private"
    folder.mkdir(parents=True)
    (folder / "abc.key").write_text(KEY.format(headers=f"gun: {GUN}\nrole: targets"))
    (folder / "abc.key").chmod(0o600)
    passed(ask("trust.key", role="targets", **ASK))
    passed(ask("trust.key", role="targets"))
    assert failed(ask("trust.key", role="targets", registry="myregistry", repository="other")) == (
        "Docker has no repository key (role `targets`) for `myregistry.azurecr.io/other` in `~/.docker/trust/private`."
    )
    assert failed(ask("trust.key", role="mykey")) == "Docker has no signer key `mykey` in `~/.docker/trust/private`."


def kept(place, metadata):
    folder = place / "home" / ".docker" / "trust" / "tuf" / GUN / "metadata"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "targets.json").write_text(json.dumps(metadata))


def test_what_was_never_verified_here_is_neither_verified_nor_refused(azure, trust, place):
    assert "has verified no signature" in failed(azure.ask("trust.verified", **ASK, tag="v1"))
    assert "has verified nothing of" in failed(azure.ask("trust.refused", **ASK, tag="v2"))
    kept(place, targets(v1="a"))
    assert f"`{GUN}:v1` is signed, so Docker does not refuse it." in failed(azure.ask("trust.refused", **ASK, tag="v1"))
    assert "has no tag `v9`" in failed(azure.ask("trust.refused", **ASK, tag="v9"))
    assert "has verified no signature" in failed(azure.ask("trust.verified", **ASK, tag="v2"))


@pytest.mark.parametrize(
    ("version", "says"), [("20.10.24+dfsg1", ""), ("28.5.2", ""), ("29.7.2", "The Docker CLI is 29.7.2, which is not")]
)
def test_which_docker_it_is(azure, place, version, says):
    (place / "bin").mkdir()
    (place / "bin" / "docker").write_text(f"#!/bin/sh\necho {version}\n")
    (place / "bin" / "docker").chmod(0o755)
    result = azure.ask("docker.cli", below=29)
    assert says in (failed(result) if says else passed(result))


def test_without_a_docker_nobody_knows(azure, place):
    (place / "bin").mkdir()
    (place / "bin" / "docker").write_text("#!/bin/sh\nexit 1\n")
    (place / "bin" / "docker").chmod(0o755)
    assert "does not say which version" in error(azure.ask("docker.cli", below=29))
