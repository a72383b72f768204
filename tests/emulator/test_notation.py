"""labrunner's stand-in for notation against a registry, and notation itself beside it where it is installed.

LABRUNNER_NOTATION names notation's program where it is not on the PATH.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.emulator.registry import IMAGE, Raw, descriptor, digest_of, over_proxy
from tests.emulator.running import REGISTRY, ROOT, Emulator, Ran

HOST = f"{REGISTRY}.azurecr.io"
STAND_IN = (sys.executable, "-m", "labrunner.notation")
REAL = os.environ.get("LABRUNNER_NOTATION") or shutil.which("notation")
PROGRAMS = {"stand-in": STAND_IN, **({"notation": (REAL,)} if REAL else {})}
PAIRS = [(one, other) for one in PROGRAMS for other in PROGRAMS if one != other] or [("stand-in", "stand-in")]
UNSIGNED = "no signature is associated with"
REFUSED = "signature verification failed for all the signatures associated with"


@dataclass(frozen=True)
class Notation:
    """One of the programs, with a home of its own."""

    line: tuple[str, ...]
    env: Mapping[str, str]

    def __call__(self, *words: str, answer: str = "") -> Ran:
        done = subprocess.run(
            [*self.line, *words],
            env=dict(self.env),
            cwd=ROOT,
            input=answer,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Ran(status=done.returncode, out=done.stdout, err=done.stderr)

    def done(self, *words: str) -> str:
        ran = self(*words)
        assert ran.status == 0, ran
        return ran.out

    @property
    def folder(self) -> Path:
        return Path(self.env["HOME"], ".config", "notation")

    def trust(self, store: str, level: str = "strict", *, identity: str = "*", scope: str = "*") -> None:
        statement = {
            "name": "p",
            "registryScopes": [scope],
            "signatureVerification": {"level": level},
            "trustStores": [f"ca:{store}"],
            "trustedIdentities": [identity],
        }
        file = Path(self.env["HOME"], "policy.json")
        file.write_text(json.dumps({"version": "1.0", "trustPolicies": [statement]}))
        self.done("policy", "import", "--force", str(file))


@pytest.fixture
def registry(emulator: Emulator) -> Iterator[Raw]:
    found = Raw(HOST, over_proxy(HOST, emulator.proxy, emulator.bundle), emulator.control.operator())
    yield found
    found.close()


@pytest.fixture
def push(registry: Raw, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Pushes an image with that layer; its name by digest."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    registry.use(f"repository:{name}:pull,push,delete")

    def pushed(layer: str) -> str:
        return f"{HOST}/{name}@{registry.push(name, layer, layer.encode())}"

    return pushed


@pytest.fixture
def new(emulator: Emulator, tmp_path: Path) -> Callable[..., Notation]:
    """Makes one of the programs, logged in as Docker is, in a home that both may share."""

    def make(program: str = "stand-in", home: str = "home", *, login: bool = True) -> Notation:
        place = tmp_path / home
        (place / ".docker").mkdir(parents=True, exist_ok=True)
        if login:
            auth = base64.b64encode(":".join(emulator.control.operator()).encode()).decode()
            (place / ".docker" / "config.json").write_text(json.dumps({"auths": {HOST: {"auth": auth}}}))
        return Notation(PROGRAMS[program], {**emulator.environment, "HOME": str(place)})

    return make


@pytest.mark.parametrize("program", PROGRAMS)
def test_from_a_key_to_a_verified_image(program: str, new: Callable[..., Notation], push: Callable[[str], str]) -> None:
    notation, image = new(program), push("a")
    assert "has no associated signature" in notation.done("ls", image)
    refused = notation("sign", image)
    assert (refused.status, "default signing key not set" in refused.err) == (1, True)
    made = notation.done("cert", "generate-test", "--default", "labs.example")
    assert "Successfully added labs.example.crt to named store labs.example of type ca" in made
    assert "* labs.example" in notation.done("key", "ls")
    assert "ca           labs.example   labs.example.crt" in notation.done("cert", "ls")
    assert f"Successfully signed {image}" in notation.done("sign", "--force-referrers-tag=false", image)
    assert re.search(r"└── application/vnd.cncf.notary.signature\n    └── sha256:\w{64}\n", notation.done("ls", image))
    shown = json.loads(notation.done("inspect", "--output", "json", image))
    assert shown["Signatures"][0]["signedArtifact"]["digest"] == image.partition("@")[2]
    without = notation("verify", image)
    assert (without.status, "trust policy is not present" in without.err) == (1, True)
    notation.trust("labs.example", identity="x509.subject: C=US, ST=WA, O=Notary, CN=labs.example")
    assert notation.done("verify", image) == f"Successfully verified signature for {image}\n"
    again = notation("verify", image.partition("@")[0] + ":a")
    assert (again.status, "Always verify the artifact using digest" in again.err) == (0, True)


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_must_be_refused(
    program: str, new: Callable[..., Notation], push: Callable[[str], str], registry: Raw
) -> None:
    notation, image, other = new(program), push("a"), push("b")
    notation.done("cert", "generate-test", "--default", "labs.example")
    notation.done("cert", "generate-test", "stranger.example")
    notation.trust("labs.example")
    notation.done("sign", "--force-referrers-tag=false", image)
    unsigned = notation("verify", other)
    assert (unsigned.status, UNSIGNED in unsigned.err) == (1, True)
    forge(registry, image, other)
    forged = notation("verify", other)
    assert (forged.status, REFUSED in forged.err) == (1, True)
    third = push("c")
    notation.done("sign", "--key", "stranger.example", third)
    stranger = notation("verify", third)
    assert (stranger.status, REFUSED in stranger.err) == (1, True)
    notation.trust("labs.example", "audit")
    warned = notation("verify", third)
    assert (warned.status, 'authenticity was set to "log"' in warned.err) == (0, True)
    notation.trust("labs.example", scope=f"{HOST}/elsewhere")
    assert notation("verify", image).status == 1


def forge(registry: Raw, image: str, other: str) -> None:
    """Hang the signature of an image on another one."""
    name, digest = image.removeprefix(f"{HOST}/").split("@")
    (found,) = registry.ask("GET", f"/v2/{name}/referrers/{digest}").json["manifests"]
    manifest = registry.ask("GET", f"/v2/{name}/manifests/{found['digest']}", headers={"Accept": IMAGE}).json
    wanted = other.partition("@")[2]
    content = registry.ask("GET", f"/v2/{name}/manifests/{wanted}", headers={"Accept": IMAGE}).body
    manifest["subject"] = descriptor(content, IMAGE)
    body = json.dumps(manifest).encode()
    assert registry.manifest(name, digest_of(body), body).status == 201


def test_an_envelope_that_was_tampered_with_is_refused(
    new: Callable[..., Notation], push: Callable[[str], str], registry: Raw
) -> None:
    """Its payload is made to name the other image: the signature is broken by that."""
    notation, image, other = new(), push("a"), push("b")
    notation.done("cert", "generate-test", "--default", "labs.example")
    notation.trust("labs.example")
    notation.done("sign", "--force-referrers-tag=false", image)
    name, digest = image.removeprefix(f"{HOST}/").split("@")
    (found,) = registry.ask("GET", f"/v2/{name}/referrers/{digest}").json["manifests"]
    manifest = registry.ask("GET", f"/v2/{name}/manifests/{found['digest']}", headers={"Accept": IMAGE}).json
    envelope = registry.ask("GET", f"/v2/{name}/blobs/{manifest['layers'][0]['digest']}").json
    content = registry.ask("GET", f"/v2/{name}/manifests/{other.partition('@')[2]}", headers={"Accept": IMAGE}).body
    payload = json.dumps({"targetArtifact": descriptor(content, IMAGE)}).encode()
    envelope["payload"] = base64.urlsafe_b64encode(payload).rstrip(b"=").decode()
    blob = json.dumps(envelope).encode()
    registry.blob(name, blob)
    manifest["layers"] = [descriptor(blob, "application/jose+json")]
    manifest["subject"] = descriptor(content, IMAGE)
    body = json.dumps(manifest).encode()
    assert registry.manifest(name, digest_of(body), body).status == 201
    refused = notation("verify", other)
    assert refused.status == 1
    assert "the signature is not one of its certificate's key over this content" in refused.err
    assert REFUSED in refused.err


def test_one_good_signature_among_bad_ones_is_enough(
    new: Callable[..., Notation], push: Callable[[str], str], registry: Raw
) -> None:
    notation, image, other = new(), push("a"), push("b")
    notation.done("cert", "generate-test", "--default", "labs.example")
    notation.done("cert", "generate-test", "stranger.example")
    notation.trust("labs.example")
    notation.done("sign", "--force-referrers-tag=false", other)
    forge(registry, other, image)
    notation.done("sign", "--key", "stranger.example", image)
    assert notation("verify", image).status == 1
    notation.done("sign", "-m", "build=7", "--expiry", "1h", image)
    assert "build   7" in notation.done("verify", "-m", "build=7", image)
    assert notation("verify", "-m", "build=8", image).status == 1
    assert "max-signatures value 0 must be a positive number" in notation("verify", "--max-signatures", "0", image).err


def test_signatures_are_listed_under_a_tag_too(new: Callable[..., Notation], push: Callable[[str], str], registry: Raw):
    """For registries without the referrers API; as notation 1.3.2 does by default."""
    notation, image = new(), push("a")
    notation.done("cert", "generate-test", "--default", "labs.example")
    name, digest = image.removeprefix(f"{HOST}/").split("@")
    notation.done("sign", image)
    notation.done("sign", image)
    index = registry.ask(
        "GET",
        f"/v2/{name}/manifests/{digest.replace(':', '-')}",
        headers={"Accept": "application/vnd.oci.image.index.v1+json"},
    ).json
    listed = {entry["digest"] for entry in index["manifests"]}
    assert listed == set(re.findall(r"── (sha256:\w{64})", notation.done("ls", image)))
    assert listed


def test_what_stands_in_the_way_is_said(new: Callable[..., Notation], push: Callable[[str], str]) -> None:
    image = push("a")
    stranger = new(home="nobody", login=False)
    refused = stranger("ls", image)
    assert (refused.status, "response status code 401" in refused.err) == (1, True)
    notation = new()
    assert "not found" in notation("ls", f"{image.partition('@')[0]}:gone").err
    assert "not found" in notation("ls", f"{image[:-64]}{'0' * 64}").err
    nowhere = notation("ls", "nowhere.example/a:1")
    assert (nowhere.status, nowhere.out) == (1, "")
    assert nowhere.err.startswith('Error: GET "https://nowhere.example/v2/a/manifests/1": ')
    wrong = new(home="wrong")
    auth = base64.b64encode(b"somebody:else").decode()
    Path(wrong.env["HOME"], ".docker", "config.json").write_text(json.dumps({"auths": {HOST: {"auth": auth}}}))
    assert "response status code 401" in wrong("ls", image).err


def test_commands_that_ask_first(new: Callable[..., Notation]) -> None:
    notation = new()
    notation.done("cert", "generate-test", "labs.example")
    delete = ("cert", "delete", "--type", "ca", "--store", "labs.example", "labs.example.crt")
    assert notation(*delete, answer="n\n").status == 0
    assert "labs.example.crt" in notation.done("cert", "ls")
    assert "Successfully deleted labs.example.crt" in notation(*delete, answer="y\n").out
    assert notation.done("cert", "ls") == ""
    notation.trust("labs.example")
    before = notation.done("policy", "show")
    Path(notation.env["HOME"], "policy.json").write_text(before.replace("strict", "audit"))
    ran = notation("policy", "import", f"{notation.env['HOME']}/policy.json")
    assert (ran.status, "do you want to overwrite it? [y/N]" in ran.out) == (0, True)
    assert notation.done("policy", "show") == before
    assert notation("policy", "import", f"{notation.env['HOME']}/policy.json", answer="y\n").status == 0
    assert "audit" in notation.done("policy", "show")


def test_it_says_what_it_is_and_what_it_has(new: Callable[..., Notation]) -> None:
    notation = new()
    assert "not the Notary Project's own program" in notation.done("version")
    assert "labrunner's stand-in" in notation.done("--help")
    assert "--force-referrers-tag" in notation.done("sign", "--help")
    assert notation.done("help", "sign") == notation.done("sign", "-h")
    for words in (("login",), ("cert", "cleanup"), ("frobnicate",)):
        ran = notation(*words)
        assert (ran.status, ran.out) == (1, "")
        assert 'unknown command "' in ran.err


@pytest.mark.parametrize(("signer", "verifier"), PAIRS)
def test_each_verifies_what_the_other_signed(
    signer: str, verifier: str, new: Callable[..., Notation], push: Callable[[str], str]
) -> None:
    """Keys, trust stores and policies of one are used by the other; each shows the same of a signature."""
    image, signs, verifies = push("a"), new(signer), new(verifier)
    signs.done("cert", "generate-test", "--default", "--bits", "3072", "labs.example")
    signs.trust("labs.example", identity="x509.subject: C=US, ST=WA, O=Notary")
    signs.done("sign", "-m", "build=7", "--expiry", "2h", image)
    assert verifies.done("verify", image) == signs.done("verify", image)
    for words in (("ls",), ("inspect", "--output", "json"), ("key", "ls"), ("cert", "ls"), ("policy", "show")):
        about = () if words[0] in ("key", "cert", "policy") else (image,)
        assert verifies.done(*words, *about) == signs.done(*words, *about), words
    second = push("b")
    verifies.done("sign", second)
    assert signs.done("verify", second) == f"Successfully verified signature for {second}\n"
