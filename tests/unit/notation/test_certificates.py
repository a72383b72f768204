"""The rules for certificates, each broken once (signature-specification, Certificate Requirements)."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from labrunner.notation.algorithms import algorithm_of
from labrunner.notation.certificates import (
    CertificateError,
    check_chain,
    may_be_trusted,
    names_revocation,
    read_certificates,
    subject,
    trial_certificate,
)
from tests.unit.notation.signers import NOW, authority, certificate, chain, ec_key, name, rsa_key

SIGNER, BETWEEN, ROOT = chain()


def test_a_self_signed_one_and_a_chain_are_good() -> None:
    check_chain([certificate(ec_key())], at=NOW)
    check_chain([SIGNER, BETWEEN, ROOT], at=NOW)
    check_chain([certificate(ec_key(), purposes=())])


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        ({"uses": None}, "it has no keyUsage"),
        ({"uses_critical": False}, "keyUsage is not marked critical"),
        ({"uses": ("content_commitment",)}, "lacks digitalSignature"),
        ({"uses": ("digital_signature", "key_cert_sign")}, "key_cert_sign"),
        ({"uses": ("digital_signature", "key_encipherment")}, "key_encipherment"),
        ({"uses": ("digital_signature", "key_agreement", "encipher_only")}, "key_agreement, encipher_only"),
        ({"purposes": (ExtendedKeyUsageOID.SERVER_AUTH,)}, "must not have serverAuth"),
        ({"purposes": (ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.CLIENT_AUTH)}, "clientAuth"),
        ({"purposes": (ExtendedKeyUsageOID.TIME_STAMPING,)}, "timeStamping"),
        ({"purposes": (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)}, "anyExtendedKeyUsage"),
        ({"authority": True}, "says that it is an authority"),
    ],
)
def test_what_a_signer_may_not_have(broken: dict[str, object], rule: str) -> None:
    with pytest.raises(CertificateError, match=rule):
        check_chain([certificate(ec_key(), **broken)])
    with pytest.raises(CertificateError, match=rule):
        check_chain([certificate(ec_key(), by=(BETWEEN.subject, ec_key(1)), **broken), BETWEEN, ROOT])


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        ({"authority": None}, "basicConstraints must be there"),
        ({"authority": False}, "basicConstraints must be there"),
        ({"authority_critical": False}, "basicConstraints must be there, critical"),
        ({"uses": None}, "it has no keyUsage"),
        ({"uses_critical": False}, "keyUsage is not marked critical"),
        ({"uses": ("crl_sign",)}, "lacks keyCertSign"),
    ],
)
def test_what_an_authority_must_have(broken: dict[str, object], rule: str) -> None:
    between = authority(ec_key(1), "between", by=(ROOT.subject, ec_key(2)), **broken)
    with pytest.raises(CertificateError, match=rule):
        check_chain([SIGNER, between, ROOT])


def test_an_authority_allows_only_so_many_below_it() -> None:
    root = authority(ec_key(2), "root", depth=0)
    with pytest.raises(CertificateError, match="it allows 0 authorities below it, and there are 1"):
        check_chain([SIGNER, BETWEEN, root])
    check_chain([certificate(ec_key(0), by=(root.subject, ec_key(2))), root])


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ([], "no certificate"),
        ([SIGNER], "ends with it, and it is not self-signed"),
        ([SIGNER, BETWEEN], "ends with it, and it is not self-signed"),
        ([SIGNER, ROOT], "was not issued by"),
        ([BETWEEN, SIGNER, ROOT], "was not issued by"),
        ([SIGNER, ROOT, BETWEEN], "was not issued by|self-signed"),
        ([SIGNER, BETWEEN, ROOT, ROOT], "the chain does not end with it"),
        ([SIGNER, BETWEEN, authority(ec_key(3), "root")], "was not issued by"),
        ([certificate(ec_key()), BETWEEN, ROOT], "the chain does not end with it"),
    ],
)
def test_a_chain_is_whole_and_in_order(given: list[x509.Certificate], rule: str) -> None:
    with pytest.raises(CertificateError, match=rule):
        check_chain(given)


def test_each_of_a_chain_must_be_valid_when_it_signs() -> None:
    old = authority(ec_key(2), "root", ends=NOW - timedelta(hours=1))
    with pytest.raises(CertificateError, match=r"CN=root.*was not valid when the signature was made"):
        check_chain([SIGNER, BETWEEN, old], at=NOW)
    check_chain([SIGNER, BETWEEN, old])


def test_weak_keys_and_foreign_ones_are_refused() -> None:
    for key in (rsa_key(1024), ec_key(curve="SECP256K1")):
        with pytest.raises(CertificateError, match="no signature algorithm"):
            check_chain([certificate(key)])
    builder = x509.CertificateBuilder().subject_name(name("e")).issuer_name(name("e")).serial_number(1)
    own = ed25519.Ed25519PrivateKey.generate()
    found = builder.public_key(own.public_key()).not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1))
    with pytest.raises(CertificateError, match="SHA-1, or with something older or unknown"):
        check_chain([found.sign(own, None)])
    assert not isinstance(own, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)


def test_short_digests_are_refused() -> None:
    with pytest.raises(CertificateError, match="SHA-1"):
        check_chain([certificate(ec_key(), digest=hashes.SHA224())])


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        (rsa_key(2048), "PS256"),
        (rsa_key(3072), "PS384"),
        (ec_key(), "ES256"),
        (ec_key(curve="SECP384R1"), "ES384"),
        (ec_key(curve="SECP521R1"), "ES512"),
    ],
)
def test_the_key_decides_the_algorithm(key: object, wanted: str) -> None:
    found = algorithm_of(key)
    assert found.jws == wanted
    signature = found.sign(key, b"content")
    assert found.verifies(key.public_key(), signature, b"content")
    assert not found.verifies(key.public_key(), signature, b"Content")
    assert not found.verifies(key.public_key(), signature[:-1], b"content")
    assert not found.verifies(key.public_key(), b"", b"content")
    assert not found.verifies("no key", signature, b"content")


def test_a_trial_certificate_may_sign_for_a_day() -> None:
    made = trial_certificate("labs.example", rsa_key(), now=NOW)
    check_chain([made], at=NOW)
    assert subject(made.subject) == "CN=labs.example,O=Notary,L=Seattle,ST=WA,C=US"
    assert made.not_valid_after_utc - made.not_valid_before_utc == timedelta(days=1)
    assert may_be_trusted(made)
    assert not may_be_trusted(SIGNER)
    assert may_be_trusted(BETWEEN)


def test_places_of_revocation_are_seen() -> None:
    point = x509.DistributionPoint([x509.UniformResourceIdentifier("http://crl.example/")], None, None, None)
    place = x509.UniformResourceIdentifier("http://ocsp.example/")
    ocsp = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, place)
    assert names_revocation(certificate(ec_key(), extra=(x509.CRLDistributionPoints([point]),)))
    assert names_revocation(certificate(ec_key(), extra=(x509.AuthorityInformationAccess([ocsp]),)))
    assert not names_revocation(SIGNER)


def test_files_of_certificates_are_pem_or_der() -> None:
    assert read_certificates(SIGNER.public_bytes(Encoding.DER)) == [SIGNER]
    both = SIGNER.public_bytes(Encoding.PEM) + ROOT.public_bytes(Encoding.PEM)
    assert read_certificates(both) == [SIGNER, ROOT]
    for wrong in (b"", b"hello", b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"):
        with pytest.raises(CertificateError):
            read_certificates(wrong)
