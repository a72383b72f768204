"""The local Azure inside a sandbox: held, found again, prepared, signed in to with the real az."""

import json
import os
import re
import secrets
import signal
import threading
import time
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from labrunner.checking.api import TargetError
from labrunner.cli.sandbox import _as_text
from labrunner.content.find import checks_folder
from labrunner.emulator.client import ControlClient
from labrunner.emulator.damage import DATABASE
from labrunner.model import Azure, AzureRegistry, AzureWebhook, Check, Outcome
from labrunner.record.redaction import MARK, Redactor
from labrunner.sandbox import azure_cli, machine
from labrunner.sandbox.azure import SecretsSource, check_azure, damage
from labrunner.sandbox.control import request
from labrunner.sandbox.errors import SandboxError
from labrunner.targets.sandbox import SandboxTarget
from tests.sandbox.conftest import inside
from tests.waiting import wait_for

pytestmark = pytest.mark.sandbox

REGISTRY = "progressacr12345678"
AZURE = Azure(
    resource_group="progress-labs",
    registries=(
        AzureRegistry(
            name=REGISTRY,
            sku="Premium",
            webhooks=(AzureWebhook(name="mypushhook", service_uri="https://example.com/hook"),),
        ),
    ),
)


@pytest.fixture(scope="session")
def cli(cache):
    """azure-cli."""
    return azure_cli.ensure({**os.environ, "XDG_CACHE_HOME": cache})


@pytest.fixture
def make_target(kit, course):
    """To make targets with; they are closed at the end."""
    made = []

    def make(sandbox, *, cli=None, needs=("azure",), folders=()):
        made.append(SandboxTarget(sandbox, replace(course, azure=AZURE), folders, tools=kit, needs=needs, cli=cli))
        return made[-1]

    yield make
    for target in made:
        target.close()


def azure_pid(sandbox):
    """As this machine counts."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if b"--state" in words and sandbox.layout.azure.encode() in words:
                return int(entry.name)
    raise AssertionError("there is no local Azure")


def killed(sandbox):
    os.kill(azure_pid(sandbox), signal.SIGKILL)
    wait_for(lambda: not request(sandbox.layout.control, "status").azure_pid)


def test_it_runs_beside_the_engine_and_answers_us_alone(machines):
    sandbox = machines.up()
    about = check_azure(sandbox.layout, patience=30)
    assert machine.status(sandbox.name, machines.env).state == "running"
    control = Path(sandbox.layout.azure_control)
    assert control.stat().st_mode & 0o777 == 0o600
    assert control.parent.stat().st_mode & 0o777 == 0o700
    assert inside(sandbox, "ls /run/labrunner/* -d").split() == [sandbox.layout.run]
    assert inside(sandbox, f"ls -A {sandbox.layout.run}").split() == ["shell"]
    told = json.loads(Path(sandbox.layout.config).read_text())
    assert about["pid"] == request(sandbox.layout.control, "status").azure_pid
    assert not any(word in json.dumps(told).lower() for word in ("secret", "password"))


def test_true_names_lead_to_it_by_the_proxy_and_by_address(machines):
    sandbox = machines.up()
    check_azure(sandbox.layout, patience=30)
    asked = "curl -sS -o /dev/null -w '%{http_code} %{remote_ip} %{remote_port}' "
    asked += "https://management.azure.com/tenants?api-version=2022-12-01"
    assert inside(sandbox, asked) == "401 10.99.0.1 3128"
    assert inside(sandbox, asked.replace("curl", "curl --noproxy '*'")) == "401 10.99.0.1 443"
    assert inside(sandbox, "getent hosts login.microsoftonline.com").split()[0] == "10.99.0.1"
    assert inside(sandbox, "cat /etc/hosts") == Path(sandbox.layout.hosts).read_text()
    refused = sandbox.run(["bash", "-c", "echo x >> /etc/hosts || echo x > $PATH/az"])
    assert refused.status != 0
    elsewhere = sandbox.run(["curl", "-sS", "https://example.com/"])
    assert elsewhere.status != 0
    env = Path(f"/proc/{sandbox.pid}/root/run/docker.pid").read_text().strip()
    seen = inside(sandbox, f"tr '\\0' '\\n' < /proc/{env}/environ").splitlines()
    assert {"HTTPS_PROXY=http://10.99.0.1:3128", f"SSL_CERT_FILE={sandbox.layout.authorities}"} <= set(seen)


def test_one_that_was_killed_is_told_and_started_again_with_what_it_knew(machines):
    sandbox = machines.up()
    before = check_azure(sandbox.layout, patience=30)
    engine = request(sandbox.layout.control, "status").engine_pid
    killed(sandbox)
    status = machine.status(sandbox.name, machines.env)
    assert status.state == "azure-down"
    assert "ended by signal 9" in status.detail
    assert status.remedy == f"labrunner sandbox up --sandbox {sandbox.name}"
    text = _as_text(status)
    assert "its local Azure is not" in text
    assert status.remedy in text
    machines.up(sandbox.name)
    again = check_azure(sandbox.layout, patience=30)
    assert again["subscription"] == before["subscription"]
    assert again["pid"] != before["pid"]
    assert request(sandbox.layout.control, "status").engine_pid == engine
    assert machine.status(sandbox.name, machines.env).state == "running"


def test_damaged_state_is_said_by_all_that_meet_it_until_a_reset(machines, make_target):
    sandbox = machines.up()
    check_azure(sandbox.layout, patience=30)
    inside(sandbox, "echo kept > kept")
    assert machine.down(sandbox.name, machines.env, keep=True)
    file = Path(sandbox.layout.azure, DATABASE)
    file.write_bytes(b"no database")
    sandbox = machines.up(sandbox.name)
    found = damage(sandbox.layout)
    assert str(found) == (
        f"the local Azure of sandbox '{sandbox.name}' cannot go on,"
        f" its state is damaged: {file}: file is not a database"
    )
    status = machine.status(sandbox.name, machines.env)
    assert (status.state, status.detail, status.remedy) == ("azure-damaged", str(found), found.remedy)
    assert f"`labrunner sandbox reset --sandbox {sandbox.name}`" in found.remedy
    machines.up(sandbox.name)
    assert file.read_bytes() == b"no database"
    assert inside(sandbox, "cat kept") == "kept\n"
    assert inside(sandbox, "docker ps -q") == ""
    target = make_target(sandbox, needs=("azure",))
    with pytest.raises(TargetError) as raised:
        target.health()
    assert (str(raised.value), raised.value.remedy) == (str(found), found.remedy)
    target.reset()
    target.health()
    assert machine.status(sandbox.name, machines.env).state == "running"
    assert damage(sandbox.layout) is None


def test_labs_that_do_not_need_it_neither_wait_for_it_nor_miss_it(machines, make_target, course):
    sandbox = machines.up()
    check_azure(sandbox.layout, patience=30)
    os.kill(azure_pid(sandbox), signal.SIGSTOP)
    target = make_target(sandbox, needs=("docker-engine",))
    began = time.monotonic()
    target.prepare()
    target.health()
    assert {entry.kind for entry in target.inventory()} == {"file", "folder", "image", "image-tag"}
    assert not {"az", "notation", "ssh"} & {*target.tools()}
    assert time.monotonic() - began < 5
    assert target.script("command -v az || echo none").stdout in ("none\n", "/usr/bin/az\n")
    os.kill(azure_pid(sandbox), signal.SIGKILL)
    target.health()
    assert target.secrets() == []


def test_one_that_is_gone_is_the_machines_fault(machines, make_target, cli):
    sandbox = machines.up()
    check_azure(sandbox.layout, patience=30)
    killed(sandbox)
    target = make_target(sandbox, cli=cli)
    for ask in (target.health, target.inventory, target.prepare, target.checker, target.reset):
        with pytest.raises(TargetError, match="the local Azure of sandbox") as caught:
            ask()
        assert caught.value.remedy == f"labrunner sandbox up --sandbox {sandbox.name}"


def test_a_prepared_sandbox_is_signed_in_and_can_push(machines, make_target, cli):
    sandbox = machines.up()
    target = make_target(sandbox, cli=cli, needs=("azure", "remote-host"))
    said = []
    target.prepare(say=lambda progress: said.append(progress.phase))
    assert said == ["signing in to the local Azure"]
    tools = target.tools()
    assert list(tools) == ["docker", "docker-engine", "bash", "git", "notation", "ssh", "az"]
    assert tools["az"] == "2.86.0"
    assert tools["ssh"][0].isdigit()
    assert re.match(r"(labrunner )?[0-9]+\.[0-9]", tools["notation"])
    shown = json.loads(inside(sandbox, "az account show"))
    about = check_azure(sandbox.layout)
    assert (shown["id"], shown["user"]) == (about["subscription"], {"name": about["user"], "type": "user"})
    server = f"{REGISTRY}.azurecr.io"
    inside(sandbox, f"az acr login -n {REGISTRY}; docker tag web:latest {server}/web:1 && docker push {server}/web:1")
    assert json.loads(inside(sandbox, f"az acr repository list -n {REGISTRY}")) == ["web"]
    assert inside(sandbox, f"getent hosts {server}").split()[0] == "10.99.0.1"
    kinds = {(entry.kind, entry.name) for entry in target.inventory()}
    assert {
        ("registry", REGISTRY),
        ("resource-group", "progress-labs"),
        ("webhook", f"{REGISTRY}/mypushhook"),
        ("repository-tag", f"{REGISTRY}/web:1"),
        ("az-account", about["user"]),
    } <= kinds
    said.clear()
    target.prepare(say=lambda progress: said.append(progress.phase))
    assert said == []
    target.prepare()
    inside(sandbox, "az logout")
    target.prepare(say=lambda progress: said.append(progress.phase))
    assert said == ["signing in to the local Azure"]


def test_reset_is_a_fresh_azure_with_a_fresh_identity(machines, make_target, cli):
    sandbox = machines.up()
    target = make_target(sandbox, cli=cli, folders=(checks_folder(),))
    target.prepare()
    question = Check(kind="arm.registry", args={"registry": REGISTRY, "sku": "Premium"})
    assert target.checker().ask([question], once=True)[0].outcome is Outcome.PASSED
    fresh = {(entry.kind, entry.name) for entry in target.inventory() if entry.kind not in ("file", "role-assignment")}
    shell = target.shell("local")
    inside(sandbox, f"az acr update -n {REGISTRY} --admin-enabled true -o none; az group create -n more -l eastus")
    assert ("resource-group", "more") in {(entry.kind, entry.name) for entry in target.inventory()}
    target.reset()
    after = {(entry.kind, entry.name) for entry in target.inventory() if entry.kind not in ("file", "role-assignment")}
    assert after == fresh
    assert inside(sandbox, f"az acr show -n {REGISTRY} --query adminUserEnabled") == "false\n"
    assert target.checker().ask([question], once=True)[0].outcome is Outcome.PASSED
    assert target.shell("local") is not shell


def test_every_registry_has_an_address_as_long_as_it_is_there(machines, make_target, cli):
    sandbox = machines.up()
    make_target(sandbox, cli=cli).prepare()
    name = f"other{secrets.token_hex(4)}"
    server = f"{name}.azurecr.io"
    look_up = f"getent ahostsv4 {server} | cut -d ' ' -f 1 | uniq"
    assert inside(sandbox, look_up) == ""
    inside(sandbox, f"az acr create -g progress-labs -n {name} --sku Basic -o none")
    assert inside(sandbox, look_up) == "10.99.0.1\n"
    assert f"\n10.99.0.1\t{REGISTRY}.azurecr.io\n" in inside(sandbox, "cat /etc/hosts")
    health = inside(sandbox, f"az acr check-health -n {name} --ignore-errors --yes 2>&1")
    assert f"DNS lookup to {server} at IP 10.99.0.1 : OK" in health
    assert "Challenge endpoint https://" in health
    assert "DNS_ERROR" not in health
    asked = f"curl -sS --noproxy '*' -o /dev/null -w '%{{http_code}} %{{remote_ip}}' https://{server}/v2/"
    assert inside(sandbox, asked) == "401 10.99.0.1"
    killed(sandbox)
    machines.up(sandbox.name)
    check_azure(sandbox.layout, patience=30)
    assert inside(sandbox, look_up) == "10.99.0.1\n"
    inside(sandbox, f"az acr delete -n {name} --yes")
    assert inside(sandbox, look_up) == ""
    assert inside(sandbox, f"getent hosts {REGISTRY}.azurecr.io").split()[0] == "10.99.0.1"


def test_every_secret_is_known_before_anybody_can_show_it(machines, make_target, cli):
    sandbox = machines.up()
    target = make_target(sandbox, cli=cli)
    target.prepare()
    redactor = Redactor(source=target.secrets)
    scope = "/subscriptions/" + check_azure(sandbox.layout)["subscription"]
    for _ in range(2):
        made = json.loads(
            inside(sandbox, f"az ad sp create-for-rbac --name x --role AcrPull --scopes {scope} 2>/dev/null")
        )
        assert redactor.redact_values(f"x {made['password']} y") == f"x {MARK} y"
    token = inside(sandbox, f"az acr login -n {REGISTRY} --expose-token --query accessToken -o tsv 2>/dev/null").strip()
    assert redactor.redact_values(token) == MARK
    _, operator = ControlClient(sandbox.layout.azure_control).operator()
    assert redactor.redact_values(operator) == MARK
    killed(sandbox)
    assert redactor.redact_values(token) == MARK
    machines.up(sandbox.name)
    check_azure(sandbox.layout, patience=30)
    made = json.loads(inside(sandbox, "az ad sp create-for-rbac --name z 2>/dev/null"))
    assert redactor.redact_values(made["password"]) == MARK


def test_secrets_do_not_pile_up_where_nobody_reads_them(machines, make_target, cli):
    """More of them than a socket holds, before anybody asks: whoever asks then gets them all, at once."""
    sandbox = machines.up()
    check_azure(sandbox.layout, patience=30)
    place = sandbox.layout
    with closing(SecretsSource(place.azure_control)) as source:
        source.new()
        client, secret = ControlClient(place.azure_control).operator()
        tenant = check_azure(place)["tenant"]
        ask = (
            f"curl -sS 'https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token?n=[1-500]' -w '\\n'"
            f" -d grant_type=client_credentials -d client_id={client} --data-urlencode 'client_secret={secret}'"
            " --data-urlencode 'scope=https://management.azure.com/.default'"
        )
        tokens = {json.loads(line)["access_token"] for line in inside(sandbox, ask).splitlines()}
        assert len(tokens) == 500
        os.kill(azure_pid(sandbox), signal.SIGSTOP)  # what it holds back itself does not count
        assert tokens <= set(source.new())


def test_no_secret_is_in_an_argument_or_a_log(machines, make_target, cli):
    sandbox = machines.up()
    target = make_target(sandbox, cli=cli)
    seen: set[bytes] = set()
    over = threading.Event()

    def watch():
        while not over.is_set():
            for entry in Path("/proc").glob("[0-9]*"):
                with suppress(OSError):
                    seen.add((entry / "cmdline").read_bytes())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        target.prepare()
        target.checker().ask([], once=True)
        inside(sandbox, f"az acr login -n {REGISTRY}; az acr repository list -n {REGISTRY}")
    finally:
        over.set()
        thread.join()
    secrets = [value.encode() for value in target.secrets()]
    assert len(secrets) > 5
    assert any(b"azure.cli" in words for words in seen)
    ours = [words for words in seen if b"login\0--username" not in words]  # az 2.86 starts `docker login` so
    texts = b"\n".join([*ours, *(path.read_bytes() for path in Path(sandbox.layout.folder, "log").iterdir())])
    assert not [value for value in secrets if value in texts]


def test_down_leaves_nothing_of_it(machines, make_target, cli):
    sandbox = machines.up()
    target = make_target(sandbox, cli=cli)
    target.prepare()
    target.close()
    pid = azure_pid(sandbox)
    machine.down(sandbox.name, machines.env)
    assert not Path(f"/proc/{pid}").exists()
    assert not Path(sandbox.layout.folder).exists()
    assert not Path(sandbox.layout.run).exists()
    with pytest.raises(SandboxError, match="is not running"):
        check_azure(sandbox.layout)


def test_kept_data_is_found_again(machines, make_target, cli):
    sandbox = machines.up()
    make_target(sandbox, cli=cli).prepare()
    before = check_azure(sandbox.layout)
    machine.down(sandbox.name, machines.env, keep=True)
    again = machines.up(sandbox.name)
    target = make_target(again, cli=cli)
    said = []
    target.prepare(say=said.append)
    assert said == []
    assert check_azure(again.layout)["subscription"] == before["subscription"]
    assert inside(again, f"az acr show -n {REGISTRY} --query name -o tsv") == f"{REGISTRY}\n"
