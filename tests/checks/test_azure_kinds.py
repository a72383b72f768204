"""The Azure kinds, asked by a real worker of a local Azure, about what real clients did there."""

import base64
import json
import re
import socket
import subprocess
import sys
import time
import uuid
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest
import requests
from azure.containerregistry import ContainerRegistryClient
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import ClientSecretCredential
from requests.adapters import HTTPAdapter

from labrunner.checking.api import AzureContext
from labrunner.checking.client import WorkerChecker, WorkerContext
from labrunner.model import Check, Outcome
from tests.emulator.running import REGISTRY, SEED, start
from tests.findings import failed, passed

CHECKS = str(Path(__file__).parents[2] / "checks")
SERVER = f"{REGISTRY}.azurecr.io"
ARM = "https://management.azure.com"
GRAPH = "https://graph.microsoft.com"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class AtOnce(HTTPAdapter):
    """Without Nagle's algorithm, which costs each upload 40 ms."""

    def proxy_manager_for(self, *words, **options):
        return super().proxy_manager_for(
            *words, socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)], **options
        )


class Azure:
    """A local Azure, what changes it, and a worker that asks it."""

    def __init__(self, emulator, home):
        self.emulator = emulator
        self.home = home
        identity, secret = emulator.control.operator()
        self.context = AzureContext(
            tenant=emulator.tenant, subscription=emulator.subscription, client_id=identity, client_secret=secret
        )
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.proxies = {"https": emulator.proxy}
        self.session.verify = str(emulator.bundle)
        self.session.mount("https://", AtOnce())
        transport = RequestsTransport(
            session=self.session, session_owner=False, use_env_settings=False, connection_verify=str(emulator.bundle)
        )
        client = {"transport": transport, "proxies": {"https": emulator.proxy}}
        self.credential = ClientSecretCredential(emulator.tenant, identity, secret, **client)
        self.images = ContainerRegistryClient(SERVER, self.credential, audience=ARM, **client)
        group = f"/subscriptions/{emulator.subscription}/resourceGroups/progress-labs"
        self.registry = f"{ARM}{group}/providers/Microsoft.ContainerRegistry/registries/{REGISTRY}"
        self.checker = self.new_checker()

    def new_checker(self):
        return WorkerChecker(
            lambda: subprocess.Popen(
                [sys.executable, "-m", "labrunner.checking.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={name: value for name, value in self.emulator.environment.items() if name != "HOME"},
                cwd=Path(CHECKS).parent,
            ),
            (CHECKS,),
            WorkerContext(
                engine_url="unix:///nonexistent/docker.sock",
                home=str(self.home),
                work=str(self.home),
                env={"PATH": "/usr/bin:/bin"},
                remedy="start it again",
                azure=self.context,
            ),
        )

    def close(self):
        self.checker.close()
        self.images.close()
        self.credential.close()
        self.session.close()

    def ask(self, kind, **args):
        return self.checker.ask([Check(kind=kind, args=args)], once=True)[0]

    def call(self, method, url, body=None, **params):
        base = GRAPH if url.startswith(GRAPH) else ARM
        headers = {"Authorization": f"Bearer {self.credential.get_token(f'{base}/.default').token}"}
        answer = self.session.request(method, url, json=body, params=params, headers=headers, timeout=10)
        assert answer.ok, answer.text
        return answer.json() if answer.content else {}

    def push(self, repository, tag, content):
        """An image like no other; its digest."""
        layers = []
        for text in (json.dumps({"of": content}), content):
            digest, size = self.images.upload_blob(repository, BytesIO(text.encode()))
            layers.append({"mediaType": CONFIG, "digest": digest, "size": size})
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": layers[0], "layers": layers[1:]}
        return self.images.set_manifest(repository, manifest, tag=tag, media_type=MANIFEST)

    def application(self, name):
        """A new application that may do nothing; (object id of its principal, app id, secret)."""
        made = self.call("POST", f"{GRAPH}/v1.0/applications", {"displayName": name})
        secret = self.call("POST", f"{GRAPH}/v1.0/applications/{made['id']}/addPassword", {"passwordCredential": {}})
        principal = self.call("POST", f"{GRAPH}/v1.0/servicePrincipals", {"appId": made["appId"]})
        return principal["id"], made["appId"], secret["secretText"], made["id"]

    def assign(self, principal, role, scope):
        """The assignment's address."""
        authorization = f"{scope}/providers/Microsoft.Authorization"
        found = self.call(
            "GET",
            f"{authorization}/roleDefinitions",
            **{"$filter": f"roleName eq '{role}'", "api-version": "2022-04-01"},
        )
        properties = {"principalId": principal, "roleDefinitionId": found["value"][0]["id"]}
        url = f"{authorization}/roleAssignments/{uuid.uuid4()}?api-version=2022-04-01"
        self.call("PUT", url, {"properties": {**properties, "principalType": "ServicePrincipal"}})
        return url

    def docker_config(self, **entry):
        (self.home / ".docker").mkdir(exist_ok=True)
        (self.home / ".docker/config.json").write_text(json.dumps({"auths": {SERVER: entry} if entry else {}}))


@pytest.fixture(scope="module")
def azure(tmp_path_factory):
    """One for all tests of the module; use names of your own in it."""
    emulator = start(tmp_path_factory.mktemp("e"), seed=SEED)
    try:
        with closing(Azure(emulator, tmp_path_factory.mktemp("home"))) as made:
            yield made
    finally:
        emulator.end()


def test_what_was_pushed_and_removed(azure):
    ask = {"registry": REGISTRY, "repository": "team/api"}
    assert passed(azure.ask("acr.no-repository", registry=REGISTRY, name="team/api"))
    assert failed(azure.ask("acr.repositories", registry=REGISTRY, names=["team/api"]))
    first = azure.push("team/api", "1.0", "one")
    assert azure.push("team/api", "latest", "one") == first
    assert passed(azure.ask("acr.repositories", registry=REGISTRY, names=["team/api"]))
    assert failed(azure.ask("acr.no-repository", registry=REGISTRY, name="team/api")).endswith(
        "still has the repository `team/api` with the tags `1.0` and `latest`."
    )
    assert passed(azure.ask("acr.tags", **ask, tags=["1.0", "latest"]))
    assert passed(azure.ask("acr.same-digest", **ask, tags=["1.0", "latest"]))
    assert passed(azure.ask("acr.manifests", **ask, tagged=1, untagged=0))
    azure.push("team/api", "latest", "two")
    short = first.removeprefix("sha256:")[:12]
    assert f"than `team/api:1.0` ({short})" in failed(azure.ask("acr.same-digest", **ask, tags=["1.0", "latest"]))
    azure.push("team/api", "1.0", "three")
    assert passed(azure.ask("acr.manifests", **ask, tagged=2, untagged=1))
    assert failed(azure.ask("acr.no-tag", **ask, tag="1.0"))
    azure.images.delete_tag("team/api", "1.0")
    assert passed(azure.ask("acr.no-tag", **ask, tag="1.0"))
    assert failed(azure.ask("acr.tags", **ask, tags=["1.0"])).endswith("has no tag `1.0`; it has `latest`.")
    assert failed(azure.ask("acr.manifests", **ask, untagged=1)).endswith("has 2 untagged manifests, not 1.")
    azure.images.delete_repository("team/api")
    assert passed(azure.ask("acr.no-repository", registry=REGISTRY, name="team/api"))


def test_more_tags_than_a_page_holds(azure):
    tags = [f"v{number:03}" for number in range(105)]
    manifest = azure.images.get_manifest("many", azure.push("many", tags[0], "one")).manifest
    for tag in tags:
        azure.images.set_manifest("many", manifest, tag=tag, media_type=MANIFEST)
    assert passed(azure.ask("acr.tags", registry=REGISTRY, repository="many", tags=tags))
    assert passed(azure.ask("acr.same-digest", registry=REGISTRY, repository="many", tags=tags))
    assert passed(azure.ask("acr.manifests", registry=REGISTRY, repository="many", tagged=1))
    assert failed(azure.ask("acr.tags", registry=REGISTRY, repository="many", tags=["v105"])).endswith("and 89 more.")


def test_locks(azure):
    azure.push("locked", "1", "one")
    ask = {"registry": REGISTRY, "repository": "locked"}
    assert passed(azure.ask("acr.attributes", **ask, delete_enabled=True, write_enabled=True))
    azure.images.update_tag_properties("locked", "1", can_write=False)
    assert passed(azure.ask("acr.attributes", **ask, tag="1", write_enabled=False, delete_enabled=True))
    assert failed(azure.ask("acr.attributes", **ask, write_enabled=False)).endswith(
        "`writeEnabled` is true, not false."
    )
    azure.images.update_repository_properties("locked", can_delete=False)
    assert passed(azure.ask("acr.attributes", **ask, delete_enabled=False, list_enabled=True, read_enabled=True))


def test_the_registry_and_its_settings(azure):
    assert passed(azure.ask("acr.answers", registry=REGISTRY))
    assert passed(azure.ask("arm.registry", registry=REGISTRY, sku="Premium", admin_enabled=False))
    changes = {"properties": {"adminUserEnabled": True, "dataEndpointEnabled": True}}
    azure.call("PATCH", azure.registry, changes, **{"api-version": "2023-07-01"})
    assert passed(azure.ask("arm.registry", registry=REGISTRY, admin_enabled=True, data_endpoint_enabled=True))
    assert failed(azure.ask("arm.registry", registry=REGISTRY, sku="Basic", admin_enabled=False)) == (
        f"The SKU of the registry `{REGISTRY}` is Premium, not Basic. "
        f"The admin user of the registry `{REGISTRY}` is enabled, not disabled."
    )


NAMES = {
    "acr.answers": {},
    "acr.attributes": {"repository": "x", "write_enabled": True},
    "acr.can-pull": {"repository": "x"},
    "acr.manifests": {"repository": "x", "tagged": 0},
    "acr.no-repository": {"name": "x"},
    "acr.no-tag": {"repository": "x", "tag": "1"},
    "acr.repositories": {"names": ["x"]},
    "acr.same-digest": {"repository": "x", "tags": ["1", "2"]},
    "acr.tags": {"repository": "x", "tags": ["1"]},
    "arm.no-role": {"principal": "x", "role": "AcrPush"},
    "arm.registry": {},
    "arm.role": {"principal": "x", "role": "AcrPush"},
    "arm.webhook": {"name": "mypushhook"},
}


@pytest.mark.parametrize("kind", NAMES)
def test_a_wrong_name_of_a_registry_is_failed(azure, kind):
    (azure.home / ".docker").mkdir(exist_ok=True)
    auths = {"auths": {"nosuchregistry.azurecr.io": {"auth": base64.b64encode(b"u:p").decode()}}}
    (azure.home / ".docker/config.json").write_text(json.dumps(auths))
    assert failed(azure.ask(kind, registry="nosuchregistry", **NAMES[kind])) == (
        f"There is no registry `nosuchregistry`; there is `{REGISTRY}`."
    )


def test_webhook_and_its_events(azure):
    ask = {"registry": REGISTRY, "name": "mypushhook"}
    event = {**ask, "action": "push", "repository": "hooked"}
    assert passed(azure.ask("arm.webhook", **ask, actions=["push"], enabled=True))
    assert failed(azure.ask("arm.webhook", **ask, actions=["delete"]))
    assert failed(azure.ask("arm.webhook-event", **event)).startswith(
        "The webhook `mypushhook` recorded no push of `hooked`; it recorded "
    )
    azure.push("hooked", "1.0", "one")
    assert passed(azure.ask("arm.webhook-event", **event))
    assert passed(azure.ask("arm.webhook-event", **event, tag="1.0"))
    assert failed(azure.ask("arm.webhook-event", **event, tag="1.1"))


def test_application_role_and_what_docker_may_do(azure):
    ask = {"registry": REGISTRY, "principal": "it's a pusher"}
    assert passed(azure.ask("entra.no-application", name="it's a pusher"))
    principal, identity, secret, thing = azure.application("it's a pusher")
    assert passed(azure.ask("entra.application", name="it's a pusher"))
    assert "`it's a pusher`" in failed(azure.ask("entra.application", name="a pusher"))
    assert failed(azure.ask("entra.no-application", name="it's a pusher"))

    assert failed(azure.ask("arm.role", **ask, role="AcrPush")).endswith("; it has no role there at all.")
    pull = azure.assign(principal, "AcrPull", azure.registry)
    assert failed(azure.ask("arm.role", **ask, role="AcrPush")).endswith("; it has `AcrPull`.")
    assert passed(azure.ask("arm.role", **ask, role="acrpull"))
    assert passed(azure.ask("arm.no-role", **ask, role="AcrPush"))

    can = {"registry": REGISTRY, "repository": "pushed/by-it"}
    azure.docker_config(auth=base64.b64encode(f"{identity}:{secret}".encode()).decode())
    assert passed(azure.ask("acr.can-pull", **can))
    message = failed(azure.ask("acr.can-push", **can))
    assert message.endswith("may not push `pushed/by-it`: its credentials only let it `pull`.")
    group = azure.assign(principal, "AcrPush", azure.registry.partition("/providers/")[0])
    assert passed(azure.ask("arm.role", **ask, role="AcrPush")), "one above the registry counts"
    assert passed(azure.ask("acr.can-push", **can))

    given = azure.session.get(
        f"https://{SERVER}/oauth2/token",
        params={"service": SERVER, "account": identity, "client_id": "docker", "offline_token": "true"},
        auth=(identity, secret),
        timeout=10,
    ).json()
    azure.docker_config(auth=base64.b64encode(b"00000000:").decode(), identitytoken=given["refresh_token"])
    assert passed(azure.ask("acr.can-push", **can))

    for assignment in (pull, group):
        azure.call("DELETE", assignment)
    assert passed(azure.ask("arm.no-role", **ask, role="AcrPush"))
    assert failed(azure.ask("acr.can-pull", **can))
    azure.docker_config(auth=base64.b64encode(f"{identity}:wrong".encode()).decode())
    message = failed(azure.ask("acr.can-pull", **can))
    assert message == f"The registry `{REGISTRY}` refuses the credentials that Docker holds for `{SERVER}`."
    azure.docker_config()
    assert failed(azure.ask("acr.can-pull", **can)) == f"Docker is not logged in to `{SERVER}`."

    azure.call("DELETE", f"{GRAPH}/v1.0/applications/{thing}")
    assert passed(azure.ask("entra.no-application", name="it's a pusher"))


def test_the_admin_user_may_push(azure):
    changes = {"properties": {"adminUserEnabled": True}}
    azure.call("PATCH", azure.registry, changes, **{"api-version": "2023-07-01"})
    found = azure.call("POST", f"{azure.registry}/listCredentials", **{"api-version": "2023-07-01"})
    text = f"{found['username']}:{found['passwords'][0]['value']}"
    azure.docker_config(auth=base64.b64encode(text.encode()).decode())
    assert passed(azure.ask("acr.can-push", registry=REGISTRY, repository="anything"))


def test_what_is_pushed_later_is_waited_for(azure):
    waits = []

    def push_at_first(check, message):
        waits.append(message)
        if len(waits) == 1:
            azure.push("later", "1", "one")

    asked = Check(kind="acr.tags", args={"registry": REGISTRY, "repository": "later", "tags": ["1"]}, within=20.0)
    (result,) = azure.checker.ask([asked], on_wait=push_at_first)
    assert passed(result)
    assert result.asked == len(waits) + 1 >= 2


def test_questions_are_cheap(azure):
    """A hundred, each about another repository or the one before: far below what a learner notices."""
    azure.push("cheap", "1", "one")
    asks = [
        Check(kind="acr.tags", args={"registry": REGISTRY, "repository": "cheap", "tags": ["1"]}),
        Check(kind="acr.repositories", args={"registry": REGISTRY, "names": ["cheap"]}),
    ]
    began = time.monotonic()
    results = azure.checker.ask(asks * 50)
    seconds = time.monotonic() - began
    assert {result.outcome for result in results} == {Outcome.PASSED}
    assert seconds < 5.0, f"100 questions took {seconds:.2f} s"


def test_an_azure_that_is_gone_is_an_error(tmp_path):
    emulator = start(tmp_path / "e", seed=SEED)
    try:
        (tmp_path / "home").mkdir()
        with closing(Azure(emulator, tmp_path / "home")) as azure:
            assert passed(azure.ask("arm.registry", registry=REGISTRY))
            assert passed(azure.ask("acr.no-repository", registry=REGISTRY, name="x"))
            emulator.end()
            for kind in ("arm.registry", "acr.answers"):
                result = azure.ask(kind, registry=REGISTRY)
                assert (result.outcome, result.bug) == (Outcome.ERROR, False)
                assert result.message.startswith("`management.azure.com` does not answer (")
                assert result.message.endswith("What to do: start it again.")
            assert azure.ask("acr.no-repository", registry=REGISTRY, name="x").outcome is Outcome.ERROR
            with closing(azure.new_checker()) as fresh:
                (result,) = fresh.ask([Check(kind="entra.no-application", args={"name": "x"})])
                assert result.message.startswith("`login.microsoftonline.com` does not answer (")
    finally:
        emulator.end()


def test_tags_that_are_left_and_how_old_they_are(azure):
    ask = {"registry": REGISTRY, "repository": "aged"}
    for tag in ("1", "2", "3"):
        azure.push("aged", tag, "one")
    assert passed(azure.ask("acr.only-tags", **ask, tags=["1", "2", "3"]))
    assert failed(azure.ask("acr.only-tags", **ask, tags=["1", "2"])).endswith("has the tag `3`, too.")
    assert failed(azure.ask("acr.only-tags", **ask, tags=["1", "4"])).endswith(
        "has no tag `4`; it has `1`, `2` and `3`."
    )
    aged = [{"from": f"aged:{tag}", "tags": [tag], "days": days} for tag, days in (("1", 31), ("2", 29))]
    assert azure.emulator.control.seed_images({"registry": REGISTRY, "repository": "aged", "manifests": aged}) == ""
    assert passed(azure.ask("acr.older-tags", **ask, tags=["1"], days=30))
    assert "the tags `2` and `3` changed within" in failed(
        azure.ask("acr.older-tags", **ask, tags=["1", "2", "3"], days=30)
    )
    assert "has no tag `9`" in failed(azure.ask("acr.older-tags", **ask, tags=["9"], days=30))
    azure.images.delete_tag("aged", "3")
    assert passed(azure.ask("acr.no-tag", **ask, tag="3", keeps=["1", "2"])).endswith("it still has `1` and `2`.")
    assert "has no tag `3`" in failed(azure.ask("acr.no-tag", **ask, tag="4", keeps=["1", "3"]))
    assert failed(azure.ask("acr.no-tag", **ask, tag="1", keeps=["2"])).startswith("`aged` in the registry")
    azure.images.delete_repository("aged")
    assert "has no repository `aged`" in failed(azure.ask("acr.no-tag", **ask, tag="3", keeps=["1"]))


def test_tasks_and_their_runs(azure):
    content = base64.b64encode(b"version: v1.1.0\nsteps: \n  - cmd: acr purge --untagged-only\n").decode()
    step = {"type": "EncodedTask", "encodedTaskContent": content}
    timers = [{"name": "t1", "schedule": "0 2 * * *"}]
    version = {"api-version": "2019-06-01-preview"}
    ask = {"registry": REGISTRY, "name": "nightly"}
    assert passed(azure.ask("arm.no-task", **ask))
    assert failed(azure.ask("arm.task", **ask)).endswith("has no task `nightly`; it has none.")
    properties = {"step": step, "trigger": {"timerTriggers": timers}}
    task = azure.call("PUT", f"{azure.registry}/tasks/nightly", {"properties": properties}, **version)
    right = passed(azure.ask("arm.task", **ask, schedule="0 2 * * *", contains="--untagged-only", enabled=True))
    there = f"The registry `{REGISTRY}` has the task `nightly`"
    assert right == f"{there}, with the schedule `0 2 * * *`, running `--untagged-only`, enabled."
    assert passed(azure.ask("arm.task", **ask)) == f"{there}."
    said = failed(azure.ask("arm.task", **ask, schedule="0 3 * * *", contains="--dry-run", enabled=False))
    for part in (
        "no timer of the schedule `0 3 * * *`; it has `0 2 * * *`",
        "no `--dry-run` in what",
        "status Enabled",
    ):
        assert part in said
    assert failed(azure.ask("arm.no-task", **ask)).endswith("still has the task `nightly`.")
    run = {"registry": REGISTRY, "task": "nightly"}
    assert failed(azure.ask("arm.run", **run)).endswith("has no run of the task `nightly`; there is none at all.")
    azure.call("POST", f"{azure.registry}/scheduleRun", {"type": "TaskRunRequest", "taskId": task["id"]}, **version)
    right = passed(azure.ask("arm.run", **run, status="Succeeded", contains="Number of deleted tags: 0", timer=False))
    what = "was started by no timer and has succeeded and has said `Number of deleted tags: 0`."
    assert re.fullmatch(f"The run `cf[0-9]+` of the task `nightly` {what}", right)
    assert passed(azure.ask("arm.run", **run, status="Succeeded")).endswith("of the task `nightly` has succeeded.")
    assert passed(azure.ask("arm.run", **run)).endswith("of the task `nightly` is there.")
    assert "the latest are `cf" in failed(azure.ask("arm.run", **run, status="Failed"))
    assert failed(azure.ask("arm.run", **run, contains="deleted tags: 9"))
    assert failed(azure.ask("arm.run", **run, timer=True))
    azure.call("PATCH", f"{azure.registry}/tasks/nightly", {"properties": {"status": "Disabled"}}, **version)
    assert passed(azure.ask("arm.task", **ask, enabled=False))
    azure.call("DELETE", f"{azure.registry}/tasks/nightly", **version)
    assert passed(azure.ask("arm.no-task", **ask))
    assert failed(azure.ask("arm.no-task", registry="nosuchregistry", name="nightly")).startswith(
        "There is no registry `nosuchregistry`"
    )
