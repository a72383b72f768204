"""Keys and certificates of signers, good ones and such as no signature may have."""

import functools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from labrunner.notation.algorithms import PrivateKey
from labrunner.notation.descriptors import Descriptor

NOW = datetime(2026, 5, 4, 12, 30, 15, tzinfo=UTC)
IMAGE = Descriptor.of(b'{"an": "image"}', "application/vnd.oci.image.manifest.v1+json")
AGENT = "tests/1"
CODE = (ExtendedKeyUsageOID.CODE_SIGNING,)


@functools.cache
def rsa_key(bits: int = 2048, number: int = 0) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@functools.cache
def ec_key(number: int = 0, curve: str = "SECP256R1") -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(getattr(ec, curve)())


def name(common: str, **more: str) -> x509.Name:
    parts = {"C": "US", "ST": "WA", "O": "Tests", **more, "CN": common}
    kinds = {
        "C": NameOID.COUNTRY_NAME,
        "ST": NameOID.STATE_OR_PROVINCE_NAME,
        "O": NameOID.ORGANIZATION_NAME,
        "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
        "CN": NameOID.COMMON_NAME,
    }
    return x509.Name([x509.NameAttribute(kinds[kind], value) for kind, value in parts.items()])


def usage(*names: str) -> x509.KeyUsage:
    every = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
        *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{each: each in names for each in every})


def certificate(
    key: PrivateKey,
    *,
    common: str = "signer",
    subject: x509.Name | None = None,
    by: tuple[x509.Name, PrivateKey] | None = None,
    begins: datetime = NOW - timedelta(days=1),
    ends: datetime = NOW + timedelta(days=1),
    uses: Sequence[str] | None = ("digital_signature",),
    uses_critical: bool = True,
    purposes: Sequence[x509.ObjectIdentifier] = CODE,
    authority: bool | None = None,
    authority_critical: bool = True,
    depth: int | None = None,
    digest: hashes.HashAlgorithm | None = None,
    extra: Sequence[x509.ExtensionType] = (),
) -> x509.Certificate:
    """by: the issuer's name and key; None: itself."""
    own = subject or name(common)
    issuer, signer = by or (own, key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )
    if uses is not None:
        builder = builder.add_extension(usage(*uses), critical=uses_critical)
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    if authority is not None:
        constraint = x509.BasicConstraints(ca=authority, path_length=depth)
        builder = builder.add_extension(constraint, critical=authority_critical)
    for each in extra:
        builder = builder.add_extension(each, critical=False)
    return builder.sign(signer, digest or hashes.SHA256())


def authority(key: PrivateKey, common: str, **more: object) -> x509.Certificate:
    values: dict[str, object] = {"uses": ("key_cert_sign",), "purposes": (), "authority": True, **more}
    return certificate(key, common=common, **values)  # type: ignore[arg-type]


@functools.cache
def chain() -> tuple[x509.Certificate, ...]:
    """Signer (ec_key(0)), intermediate (ec_key(1)), root (ec_key(2))."""
    root = authority(ec_key(2), "root")
    between = authority(ec_key(1), "between", by=(root.subject, ec_key(2)))
    return certificate(ec_key(0), by=(between.subject, ec_key(1))), between, root
