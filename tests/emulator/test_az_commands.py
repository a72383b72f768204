"""The course's az commands with the real az: exit status, and keys and types of what they print (see `shapes`).

Tasks, runs, applications and signing in have tests of their own (test_tasks_az, test_graph_az, test_entra_az).
"""

from typing import Any

import pytest

from tests.emulator.registry import Raw, over_proxy
from tests.emulator.running import REGISTRY, Az, Emulator
from tests.emulator.shapes import (
    ACCOUNT,
    ANYTHING,
    ASSIGNMENT,
    CREDENTIAL,
    EVENT,
    GROUP,
    LISTED_ASSIGNMENT,
    LOCKS,
    MANIFEST,
    PREMIUM,
    REPOSITORY,
    ROLE,
    SYSTEM_DATA,
    TAG,
    USAGE,
    WEBHOOK,
    misfits,
)
from tests.emulator.shapes import REGISTRY as STANDARD
from tests.emulator.signing import ARM, operator

SERVER = f"{REGISTRY}.azurecr.io"
OTHER = "secondacr12345678"
GROUP_NAME = "az-commands"
HOST = "https://management.azure.com"
VERSION = "api-version=2026-03-01-preview"
NOTHING = None
"""A command that prints nothing."""


def put(emulator: Emulator, path: str, body: Any) -> None:
    answer = emulator.ask("PUT", f"{HOST}{path}?{VERSION}", headers=operator(emulator, ARM), body=body)
    assert answer.status in {200, 201}, answer.text


@pytest.fixture(scope="module")
def words(emulator: Emulator) -> dict[str, str]:
    """What the commands name: {R} the seeded registry, and more. Everything is there when the first command runs."""
    subscription = f"/subscriptions/{emulator.subscription}"
    group = f"{subscription}/resourceGroups/{GROUP_NAME}"
    put(emulator, group, {"location": "eastus"})
    put(emulator, f"{subscription}/resourceGroups/doomed", {"location": "eastus"})
    for name in (OTHER, "doomedacr1"):
        path = f"{group}/providers/Microsoft.ContainerRegistry/registries/{name}"
        put(emulator, path, {"location": "eastus", "sku": {"name": "Standard"}})
    seeded = f"{subscription}/resourceGroups/progress-labs/providers/Microsoft.ContainerRegistry/registries/{REGISTRY}"
    patched = emulator.ask(
        "PATCH",
        f"{HOST}{seeded}?{VERSION}",
        headers=operator(emulator, ARM),
        body={"properties": {"adminUserEnabled": True}},
    )
    assert patched.status == 200, patched.text
    hook = {"location": "eastus", "properties": {"serviceUri": "http://127.0.0.1:1/x", "actions": ["push"]}}
    for name in ("pinged", "doomed"):
        put(emulator, f"{seeded}/webhooks/{name}hook", hook)
    connect = over_proxy(SERVER, emulator.proxy, emulator.bundle)
    raw = Raw(SERVER, connect, emulator.control.operator())
    try:
        raw.use(*(f"repository:{name}:*" for name in ("web", "locked", "doomed")))
        for tag in ("1.0", "2.0", "3.0", "untagged", "deleted"):
            digest = raw.push("web", tag, layer=tag.encode())
        raw.push("locked", "1.0")
        raw.push("doomed", "1.0")
    finally:
        raw.close()
    return {"R": REGISTRY, "O": OTHER, "G": GROUP_NAME, "SCOPE": seeded, "GROUP": group, "S": subscription, "D": digest}


PRINTED: list[tuple[str, Any]] = [
    ("account show", {**ACCOUNT, "environmentName": str}),
    ("account list", [{**ACCOUNT, "cloudName": str}]),
    (
        "account get-access-token",
        {
            "accessToken": str,
            "expiresOn": str,
            "expires_on": int,
            "subscription": str,
            "tenant": str,
            "tokenType": str,
        },
    ),
    ("group create --name new-group --location eastus", GROUP),
    ("group create --name {G} --location eastus", GROUP),
    ("group show --name {G}", GROUP),
    ("group list", [GROUP]),
    ("group exists --name {G}", bool),
    ("group delete --name doomed --yes", NOTHING),
    # test_check_name_availability; of a taken name: the specification's example
    ("acr check-name --name freename123", {"availableLoginServerName": str, "nameAvailable": bool}),
    ("acr check-name --name {R}", {"message": str, "nameAvailable": bool, "reason": str}),
    ("acr create --name createdacr1 --resource-group {G} --sku Basic", STANDARD),
    ("acr create --name createdacr2 --resource-group {G} --sku Premium --admin-enabled true", PREMIUM),
    ("acr create --name {O} --resource-group {G} --sku Standard", STANDARD),
    ("acr show --name {R}", PREMIUM),
    ("acr show --name {O} --resource-group {G}", STANDARD),
    ("acr list --resource-group progress-labs", [PREMIUM]),
    ("acr list", [{**STANDARD, "networkRuleSet": ANYTHING}]),
    ("acr update --name {R} --admin-enabled true", PREMIUM),
    ("acr update --name {R} --data-endpoint-enabled true", {**PREMIUM, "dataEndpointHostNames": [str]}),
    ("acr update --name createdacr1 --sku Premium", PREMIUM),
    ("acr update --name createdacr2 --sku Standard", STANDARD),
    ("acr update --name {O} --tags course=acr", {**STANDARD, "tags": {"course": str}}),
    ("acr show-endpoints --name {R}", {"dataEndpoints": [{"endpoint": str, "region": str}], "loginServer": str}),
    ("acr credential show --name {R}", CREDENTIAL),
    ("acr credential renew --name {R} --password-name password2", CREDENTIAL),
    ("acr show-usage --name {R}", USAGE),
    ("acr delete --name doomedacr1 --yes", NOTHING),
    (  # test_acr_login_expose_token
        "acr login --name {R} --expose-token",
        {"accessToken": str, "loginServer": str, "refreshToken": str, "username": str},
    ),
    ("acr repository list --name {R}", [str]),
    ("acr repository show-tags --name {R} --repository web", [str]),
    ("acr repository show-tags --name {R} --repository web --detail --orderby time_desc", [TAG]),
    ("acr repository show --name {R} --repository web", REPOSITORY),
    ("acr repository show --name {R} --image web:1.0", TAG),
    ("acr repository show --name {R} --image web@{D}", MANIFEST),
    ("acr repository update --name {R} --image locked:1.0 --write-enabled false", TAG),
    ("acr repository update --name {R} --image locked:1.0 --write-enabled true --delete-enabled true", TAG),
    ("acr repository update --name {R} --repository locked --list-enabled true", REPOSITORY),
    ("acr repository update --name {R} --image web@{D} --delete-enabled true", MANIFEST),
    (
        "acr repository show-manifests --name {R} --repository web",
        [{"digest": str, "tags": [ANYTHING], "timestamp": str}],
    ),
    ("acr repository show-manifests --name {R} --repository locked --detail", [MANIFEST]),
    ("acr manifest list-metadata --registry {R} --name locked", [MANIFEST]),
    ("acr manifest show-metadata --registry {R} --name web@{D}", MANIFEST),
    (
        "acr manifest show --registry {R} --name web:1.0",
        {"config": dict, "layers": [dict], "mediaType": str, "schemaVersion": int},
    ),
    ("acr repository untag --name {R} --image web:untagged", NOTHING),
    ("acr repository delete --name {R} --image web:deleted --yes", NOTHING),
    (
        "acr repository delete --name {R} --repository doomed --yes",
        {"manifestsDeleted": [str], "tagsDeleted": [str]},
    ),
    ("acr webhook create --registry {R} --name madehook --uri http://127.0.0.1:1/x --actions push delete", WEBHOOK),
    ("acr webhook list --registry {R}", [WEBHOOK]),
    ("acr webhook show --registry {R} --name mypushhook", WEBHOOK),
    ("acr webhook update --registry {R} --name mypushhook --status enabled --scope web:*", WEBHOOK),
    ("acr webhook get-config --registry {R} --name mypushhook", {"serviceUri": str}),
    ("acr webhook ping --registry {R} --name pingedhook", {"id": str}),
    ("acr webhook delete --registry {R} --name doomedhook", NOTHING),
    ("acr config content-trust show --registry {R}", {"status": str, "type": str}),
    ("acr replication list --registry {R}", [ANYTHING]),
    ("role definition list --name AcrPush", [ROLE]),
    ("role assignment list --scope {SCOPE}", [ANYTHING]),
    ("role assignment list --all", [{**LISTED_ASSIGNMENT, "resourceGroup": ANYTHING}]),
]


@pytest.mark.parametrize(("line", "shape"), PRINTED, ids=[line for line, _ in PRINTED])
def test_a_command_prints_what_azure_makes_it_print(az: Az, words: dict[str, str], line: str, shape: Any):
    ran = az.run(*(word.format(**words) for word in line.split()), "--output", "json")
    assert ran.status == 0, ran.err
    assert "ERROR" not in ran.err
    if shape is NOTHING:
        assert ran.out == ""
    else:
        assert list(misfits(ran.json, shape)) == []


def test_locks_are_four_switches(az: Az, words: dict[str, str]):
    shown = az.json("acr", "repository", "show", "--name", words["R"], "--image", "web:3.0")
    assert shown["changeableAttributes"] == dict.fromkeys(LOCKS, True)


def test_order_of_tags(az: Az, words: dict[str, str]):
    line = ["acr", "repository", "show-tags", "--name", words["R"], "--repository", "web", "--orderby"]
    newest, oldest = az.json(*line, "time_desc"), az.json(*line, "time_asc")
    assert oldest[:3] == ["1.0", "2.0", "3.0"]
    assert newest == oldest[::-1]


def test_what_a_webhook_was_told(az: Az, emulator: Emulator, words: dict[str, str]):
    pinged = az.json("acr", "webhook", "ping", "--registry", words["R"], "--name", "pingedhook")
    events = az.json("acr", "webhook", "list-events", "--registry", words["R"], "--name", "pingedhook")
    assert events[0]["id"] == pinged["id"]
    (event,) = [one for one in events if one["id"] == pinged["id"]]
    assert list(misfits({**event, "eventResponseMessage": None}, {**EVENT, "eventResponseMessage": ANYTHING})) == []
    pushes = [one for one in events if one["eventRequestMessage"]["content"]["action"] == "push"]
    content = pushes[-1]["eventRequestMessage"]["content"]
    assert (content["target"]["repository"], content["target"]["tag"]) == ("web", "1.0")
    assert (content["request"]["host"], content["request"]["method"]) == (SERVER, "PUT")
    assert list(misfits(pushes[-1]["eventResponseMessage"], EVENT["eventResponseMessage"])) == []


def test_a_role_is_given_listed_and_taken_away(az: Az, new_az: Any, words: dict[str, str]):
    scope = words["SCOPE"]
    made = az.run("ad", "sp", "create-for-rbac", "--name", "puller", "--role", "acrpull", "--scopes", scope)
    shape = {"appId": str, "displayName": str, "password": str, "tenant": str}  # test_create_for_rbac_...
    assert list(misfits(made.json, shape)) == []
    listed = az.json("role", "assignment", "list", "--scope", scope)
    assert list(misfits(listed, [LISTED_ASSIGNMENT])) == []
    assert [(one["roleDefinitionName"], one["principalName"]) for one in listed] == [("AcrPull", made.json["appId"])]
    given = ["--assignee", made.json["appId"], "--role", "AcrPush", "--scope", words["GROUP"]]
    assert list(misfits(az.json("role", "assignment", "create", *given), ASSIGNMENT)) == []
    again = az.json("role", "assignment", "create", *given)  # az shows what there is, and sends nothing more
    assert list(misfits(again, LISTED_ASSIGNMENT)) == []
    held = az.json("role", "assignment", "list", "--assignee", made.json["appId"], "--all")
    assert sorted(one["roleDefinitionName"] for one in held) == ["AcrPull", "AcrPush"]
    taken = az.run("role", "assignment", "delete", *given)
    assert (taken.status, taken.out) == (0, ""), taken.err
    held = az.json("role", "assignment", "list", "--assignee", made.json["appId"], "--all")
    assert [one["roleDefinitionName"] for one in held] == ["AcrPull"]
    inherited = az.json("role", "assignment", "list", "--scope", scope, "--include-inherited")
    assert {one["roleDefinitionName"] for one in inherited} == {"AcrPull", "Owner"}


def test_check_health_goes_through_all_steps(az: Az, words: dict[str, str]):
    ran = az.run("acr", "check-health", "--name", words["R"], "--ignore-errors", "--yes")
    assert ran.status == 0, ran.err
    # Here, and not in a sandbox, nobody answers for the name: the last step that az gets to by name is DNS.
    assert "CONNECTIVITY_DNS_ERROR" in ran.err
    assert "Please refer to https://aka.ms/acr/health-check for more information." in ran.err


def test_a_registrys_system_data_names_who_made_it(az: Az, words: dict[str, str]):
    data = az.json("acr", "show", "--name", words["R"])["systemData"]
    assert list(misfits(data, SYSTEM_DATA)) == []
    assert (data["createdBy"], data["createdByType"]) == ("student@labrunner.onmicrosoft.com", "User")
