"""Whether a signature counts: each validation failing alone, at each level."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509

from labrunner.notation.descriptors import Descriptor
from labrunner.notation.envelopes import JWS, sign
from labrunner.notation.policies import Policy, read_policies
from labrunner.notation.problem import NotationError
from labrunner.notation.verification import Outcome, evaluate
from tests.unit.notation.signers import AGENT, IMAGE, NOW, certificate, chain, ec_key, name
from tests.unit.notation.test_envelopes import AT, AUTHENTIC, SCHEME, made

SIGNER = certificate(ec_key())
UNTRUSTED = "does not contain any trusted certificate"


def policy(level: str = "strict", **more: Any) -> Policy:
    statement: dict[str, Any] = {
        "name": "images",
        "registryScopes": ["*"],
        "signatureVerification": {"level": level},
        "trustStores": ["ca:good"],
        "trustedIdentities": ["*"],
        **more,
    }
    return read_policies(json.dumps({"version": "1.0", "trustPolicies": [statement]}).encode())[0]


def evaluated(
    raw: bytes,
    wanted: Policy | None = None,
    *,
    trusted: Sequence[x509.Certificate] = (SIGNER,),
    image: Descriptor = IMAGE,
    after: timedelta = timedelta(),
    metadata: Mapping[str, str] | None = None,
    media_type: str = JWS,
) -> Outcome:
    def stores(kind: str, named: str) -> Sequence[x509.Certificate]:
        if (kind, named) not in (("ca", "good"), ("signingAuthority", "good")):
            raise NotationError("there is no such trust store")
        return trusted

    own = wanted or policy()
    return evaluate(raw, media_type, image, own, stores, now=NOW + after, metadata=metadata or {})


def signed(**more: Any) -> bytes:
    return sign(IMAGE, ec_key(), [SIGNER], now=NOW, agent=AGENT, **more)


@pytest.mark.parametrize("level", ["strict", "permissive", "audit"])
def test_a_good_signature_counts_at_every_level(level: str) -> None:
    found = evaluated(signed(), policy(level))
    assert (found.refused, found.logged) == ("", ())
    assert found.envelope is not None


def test_a_chain_counts_by_its_root_or_by_any_other() -> None:
    raw = sign(IMAGE, ec_key(0), chain(), now=NOW, agent=AGENT)
    for each in chain():
        assert evaluated(raw, trusted=[each]).refused == ""
    assert UNTRUSTED in evaluated(raw, trusted=[SIGNER]).refused


@pytest.mark.parametrize("level", ["strict", "permissive", "audit"])
@pytest.mark.parametrize("raw", [b"", b"{}", made(key=ec_key(7)).replace(b'"payload": "eyJ', b'"payload": "eyK')])
def test_what_is_not_whole_counts_at_no_level(level: str, raw: bytes) -> None:
    found = evaluated(raw, policy(level), trusted=[certificate(ec_key(7))])
    assert found.refused
    assert found.envelope is None


@pytest.mark.parametrize("level", ["strict", "permissive", "audit"])
def test_a_signature_of_another_image_counts_at_no_level(level: str) -> None:
    other = Descriptor.of(b"another image", IMAGE.media_type)
    for image in (
        other,
        Descriptor("text/plain", IMAGE.digest, IMAGE.size),
        Descriptor(IMAGE.media_type, IMAGE.digest, 1),
    ):
        assert evaluated(signed(), policy(level), image=image).refused == "it is the signature of another image"


@pytest.mark.parametrize(("level", "refuses"), [("strict", True), ("permissive", True), ("audit", False)])
def test_somebody_else_s_signature(level: str, refuses: bool) -> None:
    """With a certificate of the very same name, too."""
    for trusted in ([certificate(ec_key(1))], [certificate(ec_key(1), common="signer")]):
        found = evaluated(signed(), policy(level), trusted=trusted)
        assert (UNTRUSTED in found.refused) is refuses
        assert [check for check, _ in found.logged] == ([] if refuses else ["authenticity"])


@pytest.mark.parametrize(("level", "refuses"), [("strict", True), ("permissive", False), ("audit", False)])
def test_an_expired_signature(level: str, refuses: bool) -> None:
    raw = signed(lasts=timedelta(minutes=5))
    assert evaluated(raw, policy(level), after=timedelta(minutes=4, seconds=59)).refused == ""
    found = evaluated(raw, policy(level), after=timedelta(minutes=5))
    assert ("has expired" in found.refused) is refuses
    assert [check for check, _ in found.logged] == ([] if refuses else ["expiry"])


@pytest.mark.parametrize(("level", "refuses"), [("strict", True), ("permissive", False), ("audit", False)])
def test_an_expired_certificate(level: str, refuses: bool) -> None:
    found = evaluated(signed(), policy(level), after=timedelta(days=2))
    assert ("is not valid now" in found.refused) is refuses
    assert [check for check, _ in found.logged] == ([] if refuses else ["authenticTimestamp"])


def test_only_trusted_identities_count() -> None:
    wrong = "is none of the trusted identities"
    assert evaluated(signed(), policy(trustedIdentities=["x509.subject: C=US, ST=WA, O=Tests"])).refused == ""
    assert wrong in evaluated(signed(), policy(trustedIdentities=["x509.subject: C=US, ST=WA, O=Other"])).refused
    assert wrong in evaluated(signed(), policy(trustedIdentities=["plugin.example: anybody"])).refused
    twice = certificate(ec_key(), subject=x509.Name([*name("a"), *name("b")]))
    raw = sign(IMAGE, ec_key(), [twice], now=NOW, agent=AGENT)
    found = evaluated(raw, policy(trustedIdentities=["x509.subject: C=US, ST=WA, O=Tests"]), trusted=[twice])
    assert "it has C twice" in found.refused or "it has CN twice" in found.refused


def test_what_cannot_be_verified_here_is_refused() -> None:
    point = x509.DistributionPoint([x509.UniformResourceIdentifier("http://crl.example/")], None, None, None)
    told = certificate(ec_key(), extra=(x509.CRLDistributionPoints([point]),))
    raw = sign(IMAGE, ec_key(), [told], now=NOW, agent=AGENT)
    assert "cannot be asked here" in evaluated(raw, trusted=[told]).refused
    skips = {"level": "strict", "override": {"revocation": "skip"}}
    assert evaluated(raw, policy(signatureVerification=skips), trusted=[told]).refused == ""
    both = ["ca:good", "tsa:times"]
    assert "timestamps are not verified here" in evaluated(signed(), policy(trustStores=both)).refused
    late = {"level": "strict", "verifyTimestamp": "afterCertExpiry"}
    assert evaluated(signed(), policy(trustStores=both, signatureVerification=late)).refused == ""
    assert "only application/jose+json" in evaluated(signed(), media_type="application/cose").refused
    plugin = made({"io.cncf.notary.verificationPlugin": "p", "crit": [SCHEME, "io.cncf.notary.verificationPlugin"]})
    assert "verified by who understands io.cncf.notary.verificationPlugin" in evaluated(plugin).refused


def test_a_signing_authority_has_its_own_stores() -> None:
    headers = {SCHEME: "notary.x509.signingAuthority", AUTHENTIC: "2026-05-04T12:30:15Z", "crit": [SCHEME, AUTHENTIC]}
    raw = made(headers, lacks=(AT,), certificates=[SIGNER])
    assert "names no trust store of type signingAuthority" in evaluated(raw).refused
    own = policy(trustStores=["signingAuthority:good"])
    assert evaluated(raw, own, after=timedelta(days=30)).refused == ""
    early = made({**headers, AUTHENTIC: "2020-05-04T12:30:15Z"}, lacks=(AT,), certificates=[SIGNER])
    assert "is not valid when it signed" in evaluated(early, own).refused


def test_a_trust_store_that_is_not_there_is_told() -> None:
    with pytest.raises(NotationError, match="no such trust store"):
        evaluated(signed(), policy(trustStores=["ca:gone"]))


def test_what_the_signer_said_may_be_asked_for() -> None:
    target = Descriptor(IMAGE.media_type, IMAGE.digest, IMAGE.size, {"build": "7"})
    raw = sign(target, ec_key(), [SIGNER], now=NOW, agent=AGENT)
    assert evaluated(raw, metadata={"build": "7"}).refused == ""
    assert evaluated(raw, metadata={"build": "8"}).refused == "the signer did not say that of it"
    assert evaluated(raw, metadata={"build": "7", "by": "me"}).refused
