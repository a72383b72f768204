"""Envelopes: what is signed is read back, and everything that was changed, left out or added is refused."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from labrunner.notation.algorithms import PrivateKey, algorithm_of
from labrunner.notation.certificates import read_certificates
from labrunner.notation.descriptors import Descriptor
from labrunner.notation.envelopes import EnvelopeError, read, sign, verify
from tests.unit.notation.signers import AGENT, IMAGE, NOW, certificate, chain, ec_key, rsa_key

VECTORS = Path(__file__).with_name("vectors")
SCHEME, AT, AUTHENTIC = (
    "io.cncf.notary.signingScheme",
    "io.cncf.notary.signingTime",
    "io.cncf.notary.authenticSigningTime",
)
EXPIRY = "io.cncf.notary.expiry"


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decoded(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def made(
    headers: dict[str, Any] | None = None,
    *,
    key: PrivateKey | None = None,
    certificates: Any = None,
    payload: bytes | None = None,
    lacks: tuple[str, ...] = (),
    **parts: Any,
) -> bytes:
    """An envelope that its key has signed, with these headers changed and these top-level parts replaced."""
    own = key or ec_key()
    values: dict[str, Any] = {
        "alg": algorithm_of(own).jws,
        "cty": "application/vnd.cncf.notary.payload.v1+json",
        "crit": [SCHEME],
        SCHEME: "notary.x509",
        AT: "2026-05-04T12:30:15Z",
        **(headers or {}),
    }
    protected = encoded(json.dumps({name: value for name, value in values.items() if name not in lacks}).encode())
    content = encoded(json.dumps({"targetArtifact": IMAGE.json()}).encode() if payload is None else payload)
    signature = algorithm_of(own).sign(own, f"{protected}.{content}".encode())
    shown = [certificate(own)] if certificates is None else certificates
    x5c = [base64.b64encode(each.public_bytes(Encoding.DER)).decode() for each in shown]
    whole = {"payload": content, "protected": protected, "header": {"x5c": x5c}, "signature": encoded(signature)}
    return json.dumps({**whole, **parts}).encode()


@pytest.mark.parametrize("key", [rsa_key(2048), ec_key(), ec_key(curve="SECP521R1")])
def test_what_was_signed_is_read_back(key: PrivateKey) -> None:
    target = Descriptor(IMAGE.media_type, IMAGE.digest, IMAGE.size, {"build": "7"})
    raw = sign(target, key, [certificate(key)], now=NOW, agent=AGENT, lasts=timedelta(hours=2))
    found = verify(raw)
    assert found.target == target
    assert (found.scheme, found.signed_at, found.expiry) == ("notary.x509", NOW, NOW + timedelta(hours=2))
    assert found.agent == AGENT
    assert found.critical == (SCHEME, EXPIRY)
    assert found == read(raw)


def test_a_chain_signs() -> None:
    raw = sign(IMAGE, ec_key(0), chain(), now=NOW, agent=AGENT)
    assert verify(raw).certificates == chain()


def test_what_notation_itself_signed_is_verified() -> None:
    """Made with notation 1.3.2."""
    found = verify((VECTORS / "rsa-2048.json").read_bytes())
    assert list(found.certificates) == read_certificates((VECTORS / "rsa-2048.crt").read_bytes())
    assert found.target.annotations == {"build": "7"}
    assert found.agent == "notation-go/1.3.2"
    assert found.algorithm.jws == "PS256"
    assert found.expiry is not None
    assert found.expiry - found.signed_at == timedelta(hours=24)


def test_who_may_not_sign_does_not() -> None:
    with pytest.raises(EnvelopeError, match="not valid when"):
        sign(IMAGE, ec_key(), [certificate(ec_key())], now=NOW + timedelta(days=9), agent=AGENT)
    with pytest.raises(EnvelopeError, match="not the one of the certificate"):
        sign(IMAGE, ec_key(1), [certificate(ec_key())], now=NOW, agent=AGENT)
    with pytest.raises(EnvelopeError, match="lacks digitalSignature"):
        sign(IMAGE, ec_key(), [certificate(ec_key(), uses=())], now=NOW, agent=AGENT)
    with pytest.raises(EnvelopeError, match="no signature algorithm"):
        sign(IMAGE, rsa_key(1024), [certificate(rsa_key(1024))], now=NOW, agent=AGENT)


def test_the_envelope_made_here_is_good() -> None:
    assert verify(made()).target == IMAGE


def changed(change: Callable[[dict[str, Any]], None]) -> bytes:
    value = json.loads(made())
    change(value)
    return json.dumps(value).encode()


def _another_payload(value: dict[str, Any]) -> None:
    payload = decoded(value["payload"])
    payload["targetArtifact"]["digest"] = "sha256:" + "0" * 64
    value["payload"] = encoded(json.dumps(payload).encode())


def _another_header(value: dict[str, Any]) -> None:
    protected = decoded(value["protected"])
    protected[AT] = "2026-05-05T12:30:15Z"
    value["protected"] = encoded(json.dumps(protected).encode())


def _another_signature(value: dict[str, Any]) -> None:
    value["signature"] = json.loads(made(key=ec_key(5)))["signature"]


def _another_certificate(value: dict[str, Any]) -> None:
    """The same name, another key."""
    value["header"] = json.loads(made(key=ec_key(5)))["header"]


@pytest.mark.parametrize("change", [_another_payload, _another_header, _another_signature, _another_certificate])
def test_what_was_changed_after_signing_is_refused(change: Callable[[dict[str, Any]], None]) -> None:
    raw = changed(change)
    with pytest.raises(EnvelopeError, match="the signature is not one of its certificate's key"):
        verify(raw)
    read(raw)  # and nothing else is wrong with it


def test_the_key_decides_not_the_header() -> None:
    """RFC 8725, 2.1: what the signature says of its algorithm is not to be believed."""
    for wrong in ("none", "HS256", "PS256", "ES384", "", None):
        with pytest.raises(EnvelopeError, match="must be signed with ES256"):
            verify(made({"alg": wrong}))


@pytest.mark.parametrize(
    ("headers", "lacks", "words"),
    [
        ({"cty": "application/json"}, (), "content type"),
        ({}, ("cty",), "content type"),
        ({SCHEME: "notary.x510"}, (), "scheme"),
        ({}, (SCHEME,), "scheme"),
        ({}, (AT,), "must have io.cncf.notary.signingTime"),
        ({AUTHENTIC: "2026-05-04T12:30:15Z"}, (), "must not have io.cncf.notary.authenticSigningTime"),
        ({SCHEME: "notary.x509.signingAuthority"}, (), "must have io.cncf.notary.authenticSigningTime"),
        ({AT: "yesterday"}, (), "is no time"),
        ({AT: "2026-13-04T12:30:15Z"}, (), "is no time"),
        ({AT: 5}, (), "is no time"),
        ({EXPIRY: "2026-05-04T12:30:15Z", "crit": [SCHEME, EXPIRY]}, (), "expires before"),
        ({EXPIRY: "2026-06-04T12:30:15Z"}, (), "not marked as critical: io.cncf.notary.expiry"),
        ({"crit": []}, (), "not marked as critical: io.cncf.notary.signingScheme"),
        ({"crit": "all"}, (), "does not say which"),
        ({}, ("crit",), "does not say which"),
        ({"crit": [SCHEME, "gone"]}, (), "headers that are not there"),
        ({"crit": [SCHEME, SCHEME]}, (), "headers that are not there"),
        ({"crit": [SCHEME, "alg"]}, (), "headers that are not there"),
    ],
)
def test_signed_headers_are_as_the_specification_says(
    headers: dict[str, Any], lacks: tuple[str, ...], words: str
) -> None:
    with pytest.raises(EnvelopeError, match=words):
        verify(made(headers, lacks=lacks))


def test_a_signing_authority_says_its_own_time() -> None:
    headers = {
        SCHEME: "notary.x509.signingAuthority",
        AUTHENTIC: "2026-05-04T14:30:15+02:00",
        "crit": [SCHEME, AUTHENTIC],
    }
    found = verify(made(headers, lacks=(AT,)))
    assert (found.scheme, found.signed_at) == ("notary.x509.signingAuthority", NOW)
    with pytest.raises(EnvelopeError, match=r"not marked as critical: io\.cncf"):
        verify(made({**headers, "crit": [SCHEME]}, lacks=(AT,)))


@pytest.mark.parametrize(
    "payload",
    [b"[]", b"{}", b"no json", b'{"targetArtifact": {}}', b'{"targetArtifact": {"digest": "sha256:1", "size": 1}}'],
)
def test_payloads_that_name_nothing_are_refused(payload: bytes) -> None:
    with pytest.raises(EnvelopeError, match="payload"):
        verify(made(payload=payload))


@pytest.mark.parametrize(
    "certificates",
    [
        [],
        [chain()[0]],
        [certificate(ec_key(), purposes=()), chain()[2]],
        [certificate(ec_key(), uses=("key_agreement",))],
    ],
)
def test_certificates_that_break_a_rule_are_refused(certificates: Any) -> None:
    with pytest.raises(EnvelopeError):
        verify(made(certificates=certificates))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        made(extra=1),
        made(payload=None, header=None),
        made(header={}),
        made(header={"x5c": []}),
        made(header={"x5c": "text"}),
        made(header={"x5c": [5]}),
        made(header={"x5c": ["bm8gY2VydGlmaWNhdGU="]}),
        made(header={"x5c": ["%%%"]}),
        made(signature=""),
        made(signature="a+b/"),
        made(signature=None),
        made(protected="e30"),
        made(protected="e30="),
        made(protected="bm9wZQ"),
        made(protected=encoded(b'{"alg": "ES256", "alg": "none"}')),
        b'{"payload": "", ' + made()[1:],
        b".".join([b"eyJ", b"eyJ", b"abc"]),
    ],
)
def test_what_is_no_envelope_is_refused(raw: bytes) -> None:
    with pytest.raises(EnvelopeError):
        read(raw)
    with pytest.raises(EnvelopeError):
        verify(raw)


def test_a_signature_has_one_way_to_be_written() -> None:
    """Trailing bits that decode to nothing: another envelope with the same content."""
    value = json.loads(made(key=rsa_key()))
    last = value["signature"][-1]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    value["signature"] = value["signature"][:-1] + alphabet[alphabet.index(last) ^ 1]
    with pytest.raises(EnvelopeError):
        verify(json.dumps(value).encode())
