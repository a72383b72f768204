"""What is kept: keys, trust stores and the trust policy, read back and refused where they cannot be trusted."""

import json
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from labrunner.notation.problem import NotationError
from labrunner.notation.settings import Key, Settings, settings_of
from tests.unit.notation.signers import certificate, chain, ec_key

SIGNER = certificate(ec_key())


@pytest.fixture
def kept(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "notation")


def add(kept: Settings, name: str, *, default: bool = False) -> Key:
    key, shown = kept.local_key(name)
    secret = ec_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    kept.write(key, secret, mode=0o600, new=True)
    kept.write(shown, SIGNER.public_bytes(Encoding.PEM), mode=0o644)
    made = Key(name, str(key), str(shown))
    kept.add_key(made, default=default)
    return made


def test_the_environment_says_where() -> None:
    assert settings_of({"HOME": "/h"}).folder == Path("/h/.config/notation")
    assert settings_of({"HOME": "/h", "XDG_CONFIG_HOME": "/x"}).folder == Path("/x/notation")
    assert settings_of({"HOME": "/h", "NOTATION_CONFIG": "/n"}).folder == Path("/n")
    with pytest.raises(NotationError, match="neither HOME"):
        settings_of({})


def test_keys_are_listed_chosen_and_forgotten(kept: Settings) -> None:
    assert kept.keys() == ("", [])
    with pytest.raises(NotationError, match="default signing key not set"):
        kept.signing_key()
    one, two = add(kept, "one", default=True), add(kept, "two")
    assert kept.keys() == ("one", [one, two])
    assert (kept.signing_key(), kept.signing_key("two")) == (one, two)
    kept.choose_key("two")
    assert kept.remove_keys(["two"]) == "two"
    assert kept.keys() == ("", [one])
    for wrong in (lambda: kept.signing_key("two"), lambda: kept.choose_key("two"), lambda: kept.remove_keys(["two"])):
        with pytest.raises(NotationError, match="signing key two not found"):
            wrong()
    with pytest.raises(NotationError, match="already exists"):
        kept.add_key(one, default=False)
    assert Path(one.key).exists()


def test_private_keys_are_private_and_never_replaced(kept: Settings) -> None:
    made = add(kept, "one")
    assert stat.S_IMODE(Path(made.key).stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.folder.stat().st_mode) == 0o700
    with pytest.raises(NotationError, match="file exists"):
        kept.write(Path(made.key), b"another", mode=0o600, new=True)
    key, shown = made.load()
    assert (key.public_key(), shown) == (SIGNER.public_key(), [SIGNER])


@pytest.mark.parametrize("text", ["{", "[]", '{"keys": 5}', '{"keys": [{}]}', '{"keys": [{"name": "a", "id": "x"}]}'])
def test_a_list_of_keys_that_cannot_be_used_is_told(kept: Settings, text: str) -> None:
    kept.write(kept.folder / "signingkeys.json", text.encode(), mode=0o600)
    with pytest.raises(NotationError):
        kept.keys()


def test_keys_that_cannot_be_used_are_told_without_their_content(kept: Settings) -> None:
    made = add(kept, "one")
    Path(made.key).write_text("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
    with pytest.raises(NotationError, match="one cannot be used") as caught:
        made.load()
    assert "c2VjcmV0" not in str(caught.value)
    Path(made.key).unlink()
    with pytest.raises(NotationError, match="cannot be read"):
        made.load()


def trust(kept: Settings, store: str, name: str, content: bytes) -> Path:
    path = kept.store("ca", store) / name
    kept.write(path, content, mode=0o600)
    return path


def test_trust_stores_are_read(kept: Settings) -> None:
    trust(kept, "good", "a.pem", SIGNER.public_bytes(Encoding.PEM))
    trust(kept, "good", "b.crt", chain()[2].public_bytes(Encoding.DER))
    assert kept.trusted("ca", "good") == [SIGNER, chain()[2]]
    assert [(kind, store, path.name) for kind, store, path in kept.stored()] == [
        ("ca", "good", "a.pem"),
        ("ca", "good", "b.crt"),
    ]


def test_trust_stores_that_cannot_be_trusted_are_refused(kept: Settings, tmp_path: Path) -> None:
    with pytest.raises(NotationError, match='the trust store "gone" of type "ca" does not exist'):
        kept.trusted("ca", "gone")
    kept.store("ca", "empty").mkdir(parents=True)
    with pytest.raises(NotationError, match="no x509 certificates were found"):
        kept.trusted("ca", "empty")
    trust(kept, "leaf", "a.pem", chain()[0].public_bytes(Encoding.PEM))
    with pytest.raises(NotationError, match="neither the certificate of an authority nor self-signed"):
        kept.trusted("ca", "leaf")
    trust(kept, "text", "a.pem", b"no certificate")
    with pytest.raises(NotationError, match="no certificate could be read"):
        kept.trusted("ca", "text")
    elsewhere = tmp_path / "a.pem"
    elsewhere.write_bytes(SIGNER.public_bytes(Encoding.PEM))
    kept.store("ca", "linked").mkdir()
    (kept.store("ca", "linked") / "a.pem").symlink_to(elsewhere)
    with pytest.raises(NotationError, match="no plain file"):
        kept.trusted("ca", "linked")
    kept.store("ca", "link").symlink_to(kept.store("ca", "leaf"))
    with pytest.raises(NotationError, match="is no folder"):
        kept.trusted("ca", "link")


POLICY = json.dumps(
    {
        "version": "1.0",
        "trustPolicies": [
            {
                "name": "p",
                "registryScopes": ["*"],
                "signatureVerification": {"level": "audit"},
                "trustStores": ["ca:good"],
                "trustedIdentities": ["*"],
            }
        ],
    }
).encode()


def test_the_trust_policy_is_read_where_notation_keeps_it(kept: Settings) -> None:
    with pytest.raises(NotationError, match="trust policy is not present"):
        kept.policies()
    kept.write_policy(POLICY)
    assert (kept.folder / "trustpolicy.json").read_bytes() == POLICY
    assert kept.policies()[0].name == "p"
    kept.write(kept.folder / "trustpolicy.oci.json", POLICY.replace(b'"p"', b'"later"'), mode=0o600)
    assert kept.policies()[0].name == "later"


def test_trust_policies_that_cannot_be_used_are_told(kept: Settings, tmp_path: Path) -> None:
    kept.write_policy(b"{")
    with pytest.raises(NotationError, match="malformed trust policy"):
        kept.policies()
    kept.write_policy(b'{"version": "9"}')
    with pytest.raises(NotationError, match="is invalid"):
        kept.policies()
    (kept.folder / "trustpolicy.json").unlink()
    (tmp_path / "p").write_bytes(POLICY)
    (kept.folder / "trustpolicy.json").symlink_to(tmp_path / "p")
    with pytest.raises(NotationError, match="no plain file"):
        kept.policies()
    kept.write_policy(POLICY)
    assert (tmp_path / "p").exists()
    assert kept.policies()[0].name == "p"
