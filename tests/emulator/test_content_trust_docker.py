"""Docker Content Trust for real: the Docker CLI against the local Azure's trust server, and against Debian's.

LABRUNNER_DOCKER names another Docker CLI (28 at most) that the same is asked of.
"""

import base64
import json
import os
import re
import secrets
import signal
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from labrunner.sandbox import machine, tools
from labrunner.sandbox.azure import check_azure
from labrunner.sandbox.control import request as ask_supervisor
from tests.sandbox.conftest import Machines
from tests.sandbox.registry import REGISTRY, SERVER, prepared, principal
from tests.waiting import wait_for

pytestmark = pytest.mark.sandbox

ORACLE = "localhost:4443"
OTHER_DOCKER = os.environ.get("LABRUNNER_DOCKER")
DOCKERS = {"own": "", **({"other": OTHER_DOCKER} if OTHER_DOCKER else {})}
ROOT, REPOSITORY = "root-passphrase-of-this-test", "repository-passphrase-of-this-test"
UNAUTHORIZED = "you are not authorized to perform this operation: server returned 401."
PRIVATE = ("PRIVATE KEY", ROOT, REPOSITORY)


@dataclass(frozen=True)
class Place:
    """The prepared sandbox, as somebody with a Docker configuration of his own. extra: folder of notary's programs."""

    sandbox: machine.Sandbox
    env: dict[str, str]
    outer: dict[str, str]
    extra: str = ""

    def ran(self, line, **more):
        environment = {**self.sandbox.environment(), **self.env, **more}
        return self.sandbox.run(["bash", "-o", "pipefail", "-c", line], env=environment, timeout=120)

    def bash(self, line, status=0, **more):
        ended = self.ran(line, **more)
        assert ended.status == status, (line, ended)
        return ended.stdout + ended.stderr

    def user(self, other="", **more):
        folder = Path(self.sandbox.layout.work, secrets.token_hex(4))
        (folder / "bin").mkdir(parents=True)
        if other:
            (folder / "bin" / "docker").symlink_to(other)
        path = f"{folder}/bin:{self.sandbox.environment()['PATH']}"
        env = {"DOCKER_CONFIG": f"{folder}/config", "PATH": path, "F": str(folder)}
        env |= {"DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE": ROOT, "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE": REPOSITORY}
        return replace(self, env={**env, "T": "DOCKER_CONTENT_TRUST=1", **more})

    def login(self, user, password):
        said = self.bash(f'printf %s "$P" | docker login {SERVER} -u {user} --password-stdin', P=password)
        assert "Login Succeeded" in said


@pytest.fixture(scope="module")
def kit(cache):
    return tools.ensure({**os.environ, "XDG_CACHE_HOME": cache})


@pytest.fixture(scope="module")
def place(kit, cache, tmp_path_factory):
    """A sandbox with a registry that trusts content, and an image to sign."""
    env = {**os.environ, "XDG_CACHE_HOME": cache, "XDG_STATE_HOME": str(tmp_path_factory.mktemp("state"))}
    with prepared(Machines(env, kit), tmp_path_factory.mktemp("course")) as sandbox:
        found = Place(sandbox, {}, env)
        found.bash(f"az acr config content-trust update -r {REGISTRY} --status enabled -o none")
        found.bash("head -c 1000 /dev/urandom > blob; tar -c blob | docker import - web:latest")
        yield found


@pytest.fixture(scope="module")
def signer(place):
    return principal(place, "AcrPush", "AcrImageSigner")


@pytest.fixture(scope="module")
def notary(place, cache):
    """Debian's notary-server, in the sandbox, and its client: the folder of their programs, and the server's CA."""
    package = tools.unpack_extra("notary", Path(cache, "labrunner", "extra", "notary"), place.outer)
    place.sandbox.show([str(package.parent)])
    folder = Path(place.sandbox.layout.work, "notary")
    folder.mkdir()
    _certify(folder)
    storage = {"trust_service": {"type": "local"}, "storage": {"backend": "memory"}, "logging": {"level": "error"}}
    server = {"http_addr": ORACLE.replace("localhost", "127.0.0.1")}
    server |= {"tls_key_file": str(folder / "key.pem"), "tls_cert_file": str(folder / "cert.pem")}
    (folder / "server.json").write_text(json.dumps({**storage, "server": server}))
    program = f"{package}/notary-server -config {folder}/server.json > {folder}/log 2>&1"
    pid = place.bash(f"({program}) & echo $!").strip()
    try:
        place.bash(f"curl -sSk --retry 50 --retry-connrefused --retry-delay 1 https://{ORACLE}/v2/")
        yield package, folder / "cert.pem"
    finally:
        place.ran(f"kill {pid}; pkill -P {pid}")


def _certify(folder):
    """A key and a certificate for the oracle's address, valid for an hour."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(minutes=5)).not_valid_after(now + timedelta(hours=1))
    builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(*form))


SEQUENCE = (
    ("docker push --disable-content-trust $I:unsigned", 0),
    ("env $T docker pull $I:unsigned", 1),
    ("docker trust inspect $I:v1", 1),
    ("docker push --disable-content-trust=false $I:v1", 0),
    ("docker push --disable-content-trust=false $I:v1", 0),
    ("docker trust inspect $I:v1", 0),
    ("docker rmi $I:v1", 0),
    ("env $T docker pull $I:v1", 0),
    ("env $T docker pull $I:unsigned", 1),
    ("env $T docker run --rm $I:unsigned true", 125),
    ("cd $F; docker trust key generate alice", 0),
    ("cd $F; docker trust signer add --key alice.pub alice $I", 0),
    ("env $T docker push $I:v2", 0),
    ("docker trust sign $I:v3", 0),
    ("docker trust inspect --pretty $I", 0),
    ("docker trust revoke -y $I:v2", 0),
    ("env $T docker pull $I:v2", 1),
    ("docker trust inspect --pretty $I", 0),
    ("docker trust revoke -y $I", 0),
    ("docker trust inspect $I", 0),
    ("env $T docker push $I:v4", 0),
    ("docker trust signer remove -f alice $I", 0),
    ("docker trust inspect $I", 0),
)
"""What is asked, and the status that each has to end with. The images are there already."""


def fresh(user):
    """A repository's name in the registry that nobody has; images of it, not pushed."""
    image = f"{SERVER}/r{secrets.token_hex(4)}"
    for tag in ("unsigned", "v1", "v2", "v3", "v4", "v5", "v6"):
        user.bash(f"docker tag web:latest {image}:{tag}")
    return image


def transcript(user, image):
    """What all of the sequence says, but for what differs from run to run."""
    said = []
    for line, status in SEQUENCE:
        ended = user.ran(line, I=image)
        assert ended.status == status, (line, ended)
        said += [f"$ {line}", *_plain(ended.stdout, image, user), *_plain(ended.stderr, image, user)]
    return said


def _plain(text, image, user):
    """Without names, ids and times, and without what an engine says of layers that it has or has not."""
    for name, word in ((image, "IMAGE"), (image.partition("/")[2], "NAME"), (user.env["F"], "FOLDER")):
        text = text.replace(name, word)
    text = re.sub(r"\b[0-9a-f]{64}\b", "ID", text)
    text = re.sub(r"\b[0-9a-f]{12}\b", "KEY", text)
    text = re.sub(r'time="[^"]*"', "TIME", text)
    return [line.rstrip() for line in text.splitlines() if not re.match(r"(KEY: |Status: )", line)]


@dataclass(frozen=True)
class Asked:
    """What a Docker CLI (`program`, "" for the sandbox's own) said of the local Azure's trust server."""

    program: str
    image: str
    said: list[str]


@pytest.fixture(scope="module", params=DOCKERS)
def asked(request, place, signer):
    program = DOCKERS[request.param] and os.path.realpath(DOCKERS[request.param])
    if program:
        place.sandbox.show([program])
    user = place.user(program)
    user.login(*signer)
    image = fresh(user)
    return Asked(program, image, transcript(user, image))


def test_what_docker_does_with_it(asked, place):
    said = "\n".join(asked.said)
    assert f"{SERVER} does not have trust data for IMAGE" in said
    assert 'Finished initializing "IMAGE"' in said
    assert "Successfully signed IMAGE:v1" in said
    assert "Tagging IMAGE@sha256:ID as IMAGE:v1" in said
    assert said.count("No valid trust data for unsigned") == 2
    assert "Successfully added signer: alice to IMAGE" in said
    assert re.search(r"v1 +ID +\(Repo Admin\)\nv2 +ID +alice\nv3 +ID +alice\n", said)
    assert "Successfully deleted signature for IMAGE:v2" in said
    assert "No valid trust data for v2" in said
    name = asked.image.partition("/")[2]
    tags = place.bash(
        f"az acr repository show-tags -n {REGISTRY} --repository {name} --detail --query '[].[name,signed]' -o tsv"
    )
    assert dict(line.split() for line in tags.splitlines())["unsigned"] == "False"
    assert dict(line.split() for line in tags.splitlines())["v1"] == "True"


def test_debians_server_makes_docker_say_the_same(asked, place, signer, notary):
    oracle = place.user(asked.program, DOCKER_CONTENT_TRUST_SERVER=f"https://{ORACLE}")
    oracle.login(*signer)
    oracle.bash(f"mkdir -p $DOCKER_CONFIG/tls/{ORACLE}; cp {notary[1]} $DOCKER_CONFIG/tls/{ORACLE}/ca.crt")
    theirs = transcript(oracle, fresh(oracle))
    assert [line.replace(ORACLE, SERVER) for line in theirs] == asked.said


def test_keys_are_rotated_and_trust_goes_on_after_a_restart(place, signer, notary, kit):
    user = place.user()
    user.login(*signer)
    image = fresh(user)
    user.bash(f"docker push --disable-content-trust=false {image}:v1")
    env = {name: ROOT if name == "ROOT" else REPOSITORY for name in ("ROOT", "TARGETS", "SNAPSHOT", "DELEGATION")}
    env = {f"NOTARY_{name}_PASSPHRASE": value for name, value in env.items()}
    env["NOTARY_AUTH"] = base64.b64encode(":".join(signer).encode()).decode()
    client = f"{notary[0]}/notary -s https://{SERVER} -d $DOCKER_CONFIG/trust"
    before = set(re.findall(r"[0-9a-f]{64}", user.bash(f"docker trust inspect --pretty {image} | grep Key:")))
    for role in ("targets", "snapshot -r", "timestamp -r", "snapshot", "snapshot -r"):
        said = user.bash(f"{client} key rotate {image} {role}", **env)
        assert "Successfully rotated" in said
    after = set(re.findall(r"[0-9a-f]{64}", user.bash(f"docker trust inspect --pretty {image} | grep Key:")))
    assert len(before & after) == 1  # the root's stays, the repository's is another
    user.bash(f"docker push --disable-content-trust=false {image}:v2")
    restart(place, kit)
    user.bash(f"env $T docker pull {image}:v2")
    user.bash(f"docker push --disable-content-trust=false {image}:v3")
    listed = json.loads(user.bash(f"docker trust inspect {image}"))[0]["SignedTags"]
    assert [tag["SignedTag"] for tag in listed] == ["v1", "v2", "v3"]
    assert "Successfully deleted" in user.bash(f"{client} delete --remote {image}", **env)
    assert user.bash(f"docker trust inspect {image}", 1).startswith("[]")


def restart(place, kit):
    """The local Azure dies and is started anew."""
    layout = place.sandbox.layout
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            line = (entry / "cmdline").read_bytes().split(b"\0")
            if b"--state" in line and layout.azure.encode() in line:
                os.kill(int(entry.name), signal.SIGKILL)
    wait_for(lambda: not ask_supervisor(layout.control, "status").azure_pid, seconds=30)
    machine.up(place.sandbox.name, place.outer, kit)
    check_azure(layout, patience=30)


def test_signing_is_for_image_signers_only(place):
    """Neither the admin user may nor the registry's owner, until somebody gives the owner the role."""
    shown = place.bash(
        f"az acr update -n {REGISTRY} --admin-enabled true -o none; az acr credential show -n {REGISTRY}"
    )
    admin = place.user()
    admin.login(json.loads(shown)["username"], json.loads(shown)["passwords"][0]["value"])
    assert UNAUTHORIZED in admin.bash(f"docker push --disable-content-trust=false {fresh(admin)}:v1", 1)
    owner = place.user()
    owner.bash(f"az acr login -n {REGISTRY}")
    image = fresh(owner)
    assert UNAUTHORIZED in owner.bash(f"docker push --disable-content-trust=false {image}:v1", 1)
    me = "$(az ad signed-in-user show --query id -o tsv)"
    scope = f"$(az acr show -n {REGISTRY} --query id -o tsv)"
    place.bash(f"az role assignment create --assignee {me} --role AcrImageSigner --scope {scope} -o none")
    owner.bash(f"az acr login -n {REGISTRY}")
    assert "Successfully signed" in owner.bash(f"docker push --disable-content-trust=false {image}:v1")
    assert f"Tagging {image}@sha256:" in admin.bash(f"env $T docker pull {image}:v1")


def test_disabling_deletes_the_signatures_and_refuses_new_ones(place, signer):
    user = place.user()
    user.login(*signer)
    image = fresh(user)
    user.bash(f"docker push --disable-content-trust=false {image}:v1")
    try:
        place.bash(f"az acr config content-trust update -r {REGISTRY} --status disabled -o none")
        said = user.bash(f"docker push --disable-content-trust=false {fresh(user)}:v1", 1)
        assert "unable to reach trust server at this time: 405." in said
        user.bash(f"docker pull {image}:v1")
    finally:
        place.bash(f"az acr config content-trust update -r {REGISTRY} --status enabled -o none")
    other = place.user()
    other.login(*signer)
    assert f"does not have trust data for {image}" in other.bash(f"env $T docker pull {image}:v1", 1)


def test_no_key_and_no_passphrase_is_in_a_log(place):
    logs = [path for path in Path(place.sandbox.layout.folder, "log").iterdir() if path.is_file()]
    text = "\n".join(path.read_text(errors="replace") for path in logs)
    assert "_trust/tuf/" in text
    assert not [word for word in PRIVATE if word in text]
