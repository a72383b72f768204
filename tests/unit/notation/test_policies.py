"""Trust policies: what a document may say (trust-store-trust-policy, Trust Policy Constraints)."""

import json
from typing import Any

import pytest

from labrunner.notation.policies import PolicyError, policy_for, read_policies
from labrunner.notation.subjects import SubjectError, is_part_of, parse_subject

GOOD: dict[str, Any] = {
    "name": "images",
    "registryScopes": ["registry.example/my/image"],
    "signatureVerification": {"level": "strict"},
    "trustStores": ["ca:labs.example"],
    "trustedIdentities": ["x509.subject: C=US, ST=WA, O=Tests"],
}


def document(*statements: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"version": "1.0", "trustPolicies": list(statements), **more}).encode()


def test_a_statement_is_read() -> None:
    (found,) = read_policies(document(GOOD))
    assert found.name == "images"
    assert found.scopes == ("registry.example/my/image",)
    assert found.stores == (("ca", "labs.example"),)
    assert found.identities == ({"C": "US", "ST": "WA", "O": "Tests"},)
    assert set(found.actions.values()) == {"enforce"}
    assert not found.skips


@pytest.mark.parametrize(
    ("verification", "wanted"),
    [
        ({"level": "strict"}, "enforce enforce enforce enforce enforce"),
        ({"level": "permissive"}, "enforce enforce log log log"),
        ({"level": "audit"}, "enforce log log log log"),
        ({"level": "strict", "override": {"expiry": "log"}}, "enforce enforce enforce log enforce"),
        ({"level": "audit", "override": {"authenticity": "enforce"}}, "enforce enforce log log log"),
        ({"level": "strict", "override": {"revocation": "skip"}}, "enforce enforce enforce enforce skip"),
    ],
)
def test_levels(verification: dict[str, Any], wanted: str) -> None:
    (found,) = read_policies(document({**GOOD, "signatureVerification": verification}))
    assert " ".join(found.actions.values()) == wanted
    assert list(found.actions) == ["integrity", "authenticity", "authenticTimestamp", "expiry", "revocation"]


def test_a_repository_s_own_statement_comes_before_the_one_for_all() -> None:
    rest = {**GOOD, "name": "rest", "registryScopes": ["*"]}
    found = read_policies(document(rest, GOOD))
    own, other = policy_for(found, "registry.example/my/image"), policy_for(found, "registry.example/other")
    assert own is not None
    assert other is not None
    assert (own.name, other.name) == ("images", "rest")
    assert policy_for(read_policies(document(GOOD)), "registry.example/my") is None


def test_the_level_skip_needs_no_trust() -> None:
    statement = {"name": "u", "registryScopes": ["a.example/u"], "signatureVerification": {"level": "skip"}}
    assert read_policies(document(statement))[0].skips
    with pytest.raises(PolicyError, match="must name no trust stores"):
        read_policies(document({**statement, "trustStores": ["ca:x"]}))
    with pytest.raises(PolicyError, match="not for all repositories"):
        read_policies(document({**statement, "registryScopes": ["*"]}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, "has no name"),
        ({"name": 5}, "has no name"),
        ({"registryScopes": []}, "must name a repository"),
        ({"registryScopes": ["*", "a.example/b"]}, 'has "\\*", which is for all, and others'),
        ({"registryScopes": ["a.example/*"]}, "is no repository"),
        ({"registryScopes": ["a.example/b:1"]}, "is no repository"),
        ({"registryScopes": ["https://a.example/b"]}, "is no repository"),
        ({"registryScopes": ["a.example"]}, "is no repository"),
        ({"registryScopes": ["a.example/B"]}, "is no repository"),
        ({"registryScopes": "a.example/b"}, "must be a list of texts"),
        ({"signatureVerification": {}}, 'must have a "level"'),
        ({"signatureVerification": {"level": "Strict"}}, 'must have a "level"'),
        ({"signatureVerification": {"level": []}}, 'must have a "level"'),
        ({"signatureVerification": "strict"}, 'must have a "level"'),
        ({"signatureVerification": {"level": "skip", "override": {"expiry": "log"}}}, "not for the level"),
        ({"signatureVerification": {"level": "audit", "override": {"integrity": "log"}}}, 'not "integrity"'),
        ({"signatureVerification": {"level": "audit", "override": {"expiry": "skip"}}}, 'set "expiry" to enforce, log'),
        ({"signatureVerification": {"level": "audit", "override": {"hope": "log"}}}, 'not "hope"'),
        ({"signatureVerification": {"level": "audit", "verifyTimestamp": "never"}}, "verifyTimestamp"),
        ({"trustStores": []}, "must name something"),
        ({"trustStores": ["labs.example"]}, "not written as TYPE:NAME"),
        ({"trustStores": ["key:labs.example"]}, "not written as TYPE:NAME"),
        ({"trustStores": ["ca:../../etc"]}, "not written as TYPE:NAME"),
        ({"trustStores": ["ca:.."]}, "not written as TYPE:NAME"),
        ({"trustedIdentities": []}, "must name something"),
        ({"trustedIdentities": ["*", "x509.subject: C=US, ST=WA, O=T"]}, "which is for all, and others"),
        ({"trustedIdentities": ["anybody"]}, "not written as TYPE:VALUE"),
        ({"trustedIdentities": ["x509.subject:"]}, "not written as TYPE:VALUE"),
        ({"trustedIdentities": ["x509.subject: CN=me"]}, "no C and no ST and no O"),
        ({"trustedIdentities": ["x509.subject: C=US, ST=WA, O=T", "x509.subject: C=US, ST=WA, O=T, CN=x"]}, "includes"),
    ],
)
def test_what_a_statement_may_not_say(change: dict[str, Any], words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        read_policies(document({**GOOD, **change}))


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"[]", "no JSON object"),
        (b"{}", '"version" must be "1.0"'),
        (document(GOOD, version="2.0"), '"version" must be "1.0"'),
        (document(), "must have a statement"),
        (b'{"version": "1.0", "trustPolicies": ["x"]}', "a statement is no JSON object"),
        (document(GOOD, {**GOOD, "registryScopes": ["a.example/b"]}), 'the name "images" may be in one'),
        (document(GOOD, {**GOOD, "name": "again"}), "the registry scope .* may be in one"),
    ],
)
def test_what_a_document_may_not_be(raw: bytes, words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        read_policies(raw)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("C=US, ST=WA, O=Tests", {"C": "US", "ST": "WA", "O": "Tests"}),
        ("CN=a, C=US, S=WA, O=Tests", {"CN": "a", "C": "US", "ST": "WA", "O": "Tests"}),
        (r"C=US,ST=WA,O=Acme\, Inc.", {"C": "US", "ST": "WA", "O": "Acme, Inc."}),
        (r"C=US,ST=WA,O=\41cme", {"C": "US", "ST": "WA", "O": "Acme"}),
    ],
)
def test_names_of_signers(text: str, wanted: dict[str, str]) -> None:
    assert parse_subject(text) == wanted


@pytest.mark.parametrize(
    "text",
    ["", "C=US", "C=US,ST=WA,O=", "C=US,C=US,ST=WA,O=T", "C=US,S=WA,ST=WA,O=T", "C=US,ST=WA,O=#0401", "C=US+ST=WA,O=T",
     "C=US,ST=WA,O=T,", r"C=US,ST=WA,O=\ff"],
)  # fmt: skip
def test_what_is_no_name_of_a_signer(text: str) -> None:
    with pytest.raises(SubjectError):
        parse_subject(text)


def test_a_part_of_a_name() -> None:
    name = parse_subject("C=US, ST=WA, O=Tests, CN=me")
    assert is_part_of(parse_subject("C=US, ST=WA, O=Tests"), name)
    assert not is_part_of(parse_subject("C=US, ST=WA, O=tests"), name)
    assert not is_part_of(parse_subject("C=US, ST=WA, O=Tests, OU=x"), name)
