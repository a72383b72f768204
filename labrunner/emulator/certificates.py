"""The sandbox's certificate authority, and a leaf for each host name that is asked for.

The authority is made per state folder, short-lived, constrained by name to the emulated domains (RFC 5280, 4.2.1.10),
its key 0600; it goes into no system store. Leaves are made when they are asked for. When the clock has left the time
that it is valid for, before its start or after its end, a new one is made.
"""

import os
import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["Authority"]

_DAYS = 30
_RENEW_BEFORE = timedelta(days=7)
_BACKDATED = timedelta(days=1)
"""A clock that goes back by hours (to another system's time zone, say) needs no new authority."""


class Authority:
    """Signs for the emulated host names. bundle: certifi's authorities and this one, for clients (PEM)."""

    def __init__(
        self, folder: Path, domains: Iterable[str], *, public: bytes, now: Callable[[], datetime] | None = None
    ) -> None:
        """domains: the host names, or the parents of the host names, that may be signed for. public: the authorities
        that clients are to go on trusting (PEM). now: the time, with its zone, as clients have it (default: the
        system's). Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.bundle = folder / "ca-bundle.pem"
        self.certificate_file = folder / "ca.pem"
        self._domains = tuple(domains)
        self._public = public
        self._now = now or (lambda: datetime.now(UTC))
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._folder = folder
        self._key, self._certificate = self._load(folder / "ca.key") or self._make(folder / "ca.key")
        self._publish()
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())

    def context(self) -> ssl.SSLContext:
        """A server's context that answers each client with a leaf for the name it asks for (SNI)."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._load_leaf(context, self._domains[0])

        def choose(socket: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
            if name is None:
                return None
            if not self.may_sign(name):
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            self._renew_if_due()
            socket.context = self._context_of(name)
            return None

        context.sni_callback = choose
        return context

    def may_sign(self, name: str) -> bool:
        """Whether that host name is one of the emulated ones, or below one."""
        return any(name == domain or name.endswith(f".{domain}") for domain in self._domains)

    def _context_of(self, name: str) -> ssl.SSLContext:
        if name not in self._contexts:
            if len(self._contexts) > 256:
                self._contexts.clear()
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._load_leaf(context, name)
            self._contexts[name] = context
        return self._contexts[name]

    def _renew_if_due(self) -> None:
        """Clients that read the file for each connection go on; others have to be started anew."""
        if not self._certificate.not_valid_before_utc <= self._now() < self._certificate.not_valid_after_utc:
            self._key, self._certificate = self._make(self._folder / "ca.key")
            self._contexts.clear()
            self._publish()

    def _publish(self) -> None:
        pem = self._certificate.public_bytes(serialization.Encoding.PEM)
        _replace(self.certificate_file, pem, 0o644)
        _replace(self.bundle, self._public.rstrip(b"\n") + b"\n" + pem, 0o644)

    def _load_leaf(self, context: ssl.SSLContext, name: str) -> None:
        """The ssl module reads files only: one in memory, for a disk may be full."""
        leaf = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self._certificate.subject)
            .public_key(self._leaf_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._certificate.not_valid_before_utc)
            .not_valid_after(self._certificate.not_valid_after_utc)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        descriptor = os.memfd_create("leaf", os.MFD_CLOEXEC)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_private_pem(self._leaf_key) + leaf.public_bytes(serialization.Encoding.PEM))
            file.flush()
            context.load_cert_chain(f"/proc/self/fd/{descriptor}")

    def _load(self, path: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None:
        """What an earlier start left, unless it is not valid yet, runs out soon or was made for other names."""
        try:
            pem = path.read_bytes()
            key = serialization.load_pem_private_key(pem, None)
            certificate = x509.load_pem_x509_certificate(pem)
            constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
        except (OSError, ValueError, x509.ExtensionNotFound):
            return None
        permitted = {name.value for name in constraints.permitted_subtrees or ()}
        now = self._now()
        fresh = certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - _RENEW_BEFORE
        if not fresh or permitted != set(self._domains) or not isinstance(key, ec.EllipticCurvePrivateKey):
            return None
        return key, certificate

    def _make(self, path: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "labrunner sandbox (not Azure)")])
        now = self._now()
        usage = {field: field in ("key_cert_sign", "crl_sign") for field in _USAGES}
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _BACKDATED)
            .not_valid_after(now + timedelta(days=_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.KeyUsage(**usage), critical=True)
            .add_extension(x509.NameConstraints([x509.DNSName(name) for name in self._domains], None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        _replace(path, _private_pem(key) + certificate.public_bytes(serialization.Encoding.PEM), 0o600)
        return key, certificate


_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _replace(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all; nothing is written where it is so already."""
    with suppress(OSError):
        if path.read_bytes() == content:
            return
    beside = path.with_name(f"{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    beside.replace(path)
