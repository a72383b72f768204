"""Answers as they were recorded from Azure: which keys, in which order, of which types, and which are null.

`shapes` is what az makes of them; here are the answers themselves, asked by hand. Each names its recording: azure-cli,
src/azure-cli/azure/cli/command_modules/{acr,role}/tests/latest/recordings, or azure-sdk-for-js,
sdk/containerregistry/container-registry/recordings/node (of 2023).
"""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.emulator.arm import ROLES, Arm, owner, robot
from tests.emulator.registry import INDEX, Raw, descriptor, image, over_proxy
from tests.emulator.running import REGISTRY, Emulator
from tests.waiting import wait_for

SERVER = f"{REGISTRY}.azurecr.io"
ACR = "Microsoft.ContainerRegistry/registries"
AUTHORIZATION = "providers/Microsoft.Authorization"
Raws = tuple[Raw, str, str]


def outline(value: Any) -> Any:
    """A value as its types; objects as (key, type) pairs, because order counts; a list as the outlines it has."""
    if isinstance(value, dict):
        return [(key, outline(one)) for key, one in value.items()]
    if isinstance(value, list):
        found: list[Any] = []
        for one in map(outline, value):
            found += [one] if one not in found else []
        return {"list": found}
    return "null" if value is None else type(value).__name__


def keys(text: str, kind: str = "str") -> list[tuple[str, Any]]:
    return [(key, kind) for key in text.split()]


TEXTS = {"list": ["str"]}
NONE: dict[str, Any] = {"list": []}


@pytest.fixture(scope="module")
def arm(emulator: Emulator) -> Arm:
    return owner(emulator)


@pytest.fixture(scope="module")
def registry(emulator: Emulator) -> str:
    return f"/subscriptions/{emulator.subscription}/resourceGroups/progress-labs/providers/{ACR}/{REGISTRY}"


# test_built_in_role_definition_scenario, api-version 2022-05-01-preview: Reader, AcrPush, AcrImageSigner
def role(actions: Any) -> Any:
    permission = [("actions", actions), ("notActions", NONE), ("dataActions", NONE), ("notDataActions", NONE)]
    properties = [
        *keys("roleName type description"),
        ("assignableScopes", TEXTS),
        ("permissions", {"list": [permission]}),
        *keys("createdOn updatedOn"),
        *keys("createdBy updatedBy", "null"),
    ]
    return [("properties", properties), *keys("id type name")]


# test_role_assignment_create_update, api-version 2022-04-01: PUT (201, of a new one and of a change), GET, list, DELETE
def assignment(created_by: str, description: str = "null") -> Any:
    properties = [
        *keys("roleDefinitionId principalId principalType scope"),
        *keys("condition conditionVersion", "null"),
        *keys("createdOn updatedOn"),
        ("createdBy", created_by),
        ("updatedBy", "str"),
        ("delegatedManagedIdentityResourceId", "null"),
        ("description", description),
    ]
    return [("properties", properties), *keys("id type name")]


def test_role_definitions(arm: Arm):
    filtered = arm.get(f"{AUTHORIZATION}/roleDefinitions", query="$filter=roleName%20eq%20'Reader'")
    assert outline(filtered) == [("value", {"list": [role(TEXTS)]})]
    found = filtered["value"][0]
    assert (found["properties"]["type"], found["properties"]["assignableScopes"]) == ("BuiltInRole", ["/"])
    assert found["properties"]["description"] == "View all resources, but does not allow you to make any changes."
    assert found["id"] == f"{arm.subscription}/{AUTHORIZATION}/roleDefinitions/{ROLES['Reader']}"
    assert found["name"] == ROLES["Reader"]
    push = arm.get(f"{AUTHORIZATION}/roleDefinitions/{ROLES['AcrPush']}")["properties"]
    assert push["description"] == "acr push"
    assert push["permissions"][0]["actions"] == [f"{ACR}/pull/read", f"{ACR}/push/write"]


def test_a_role_assignment_from_its_making_to_its_end(arm: Arm):
    _, principal, _ = robot(arm.emulator, "recorded")
    scope = arm.group("recorded")
    path = f"{scope}/{AUTHORIZATION}/roleAssignments/{uuid.uuid4()}"
    definition = f"{arm.subscription}/{AUTHORIZATION}/roleDefinitions/{ROLES['Reader']}"
    wanted = {"roleDefinitionId": definition, "principalId": principal, "principalType": "ServicePrincipal"}
    made = arm("PUT", path, {"properties": wanted})
    assert (made.status, outline(made.json)) == (201, assignment("null"))
    assert made.json["properties"]["principalType"] == "ServicePrincipal"
    shown = arm("GET", path)
    assert (shown.status, outline(shown.json)) == (200, assignment("str"))
    author = made.json["properties"]["updatedBy"]
    assert shown.json == {**made.json, "properties": {**made.json["properties"], "createdBy": author}}
    changed = arm("PUT", path, {"properties": {**wanted, "description": "Some"}})
    assert (changed.status, outline(changed.json)) == (201, assignment("null", "str"))
    listed = arm.get(f"{scope}/{AUTHORIZATION}/roleAssignments", query="$filter=atScope()")["value"]
    assert [outline(one) for one in listed if one["id"] == path] == [assignment("str", "str")]
    gone = arm("DELETE", path)
    assert (gone.status, outline(gone.json)) == (200, assignment("str", "str"))


SYSTEM_DATA = keys("createdBy createdByType createdAt lastModifiedBy lastModifiedByType lastModifiedAt")


# test_acr_create_webhook
def test_a_webhook_its_ping_and_its_event(arm: Arm, registry: str):
    hook = f"{registry}/webhooks/recordedhook"
    wanted = {"serviceUri": "http://127.0.0.1:1", "status": "enabled", "actions": ["push"]}
    wanted["customHeaders"] = {"key": "value"}
    made = arm("PUT", hook, {"location": "eastus", "properties": wanted})
    properties = [*keys("status scope"), ("actions", TEXTS), ("provisioningState", "str")]
    shape = [*keys("type id name location"), ("tags", []), ("systemData", SYSTEM_DATA), ("properties", properties)]
    assert (made.status, outline(made.json)) == (200, shape)
    assert made.json["properties"]["scope"] == ""
    assert outline(arm.get(f"{registry}/webhooks")["value"][0]) == shape
    pinged = arm.good("POST", f"{hook}/ping")
    assert outline(pinged) == [("id", "str")]

    def answered() -> Any:
        (event,) = arm.good("POST", f"{hook}/listEvents")["value"]
        return event if "eventResponseMessage" in event else None

    event = wait_for(answered)
    request = [
        ("content", keys("id timestamp action")),
        ("headers", keys("key Content-Type Content-Length")),
        *keys("method requestUri version"),
    ]
    assert [key for key, _ in outline(event)] == ["eventRequestMessage", "eventResponseMessage", "id"]
    assert outline(event["eventRequestMessage"]) == request
    assert event["id"] == pinged["id"] == event["eventRequestMessage"]["content"]["id"]
    assert event["eventRequestMessage"]["headers"]["Content-Length"] == "104"
    assert event["eventRequestMessage"]["requestUri"] == "http://127.0.0.1:1/"
    response = event["eventResponseMessage"]
    assert list(response) == ["content", "headers", "reasonPhrase", "statusCode", "version"]
    assert isinstance(response.pop("headers"), dict)
    assert {type(value) for value in response.values()} == {str}


# test_acr_create_webhook: `acr show-usage` of a Standard registry
def test_usages_of_a_standard_registry(arm: Arm):
    path = arm.registry(arm.group("usages"), "recordedacr1", sku="Standard")
    arm.good(
        "PUT",
        f"{path}/webhooks/onehook",
        {"location": "eastus", "properties": {"serviceUri": "http://127.0.0.1:1/", "actions": ["push"]}},
    )
    size = {"name": "Size", "limit": 107374182400, "currentValue": 0, "unit": "Bytes"}
    hooks = {"name": "Webhooks", "limit": 10, "currentValue": 1, "unit": "Count"}
    assert json.dumps(arm.get(f"{path}/listUsages")) == json.dumps({"value": [size, hooks]})


# test_acr_create_with_regional_endpoints_enabled (api-version 2026-03-01-preview), a new Premium registry
def test_a_registry_and_its_replications(arm: Arm, registry: str):
    policy = [("status", "str")]
    policies = [
        ("quarantinePolicy", policy),
        ("trustPolicy", keys("type status")),
        ("retentionPolicy", [("days", "int"), *keys("lastUpdatedTime status")]),
        ("exportPolicy", policy),
        ("azureADAuthenticationAsArmPolicy", policy),
        ("softDeletePolicy", [("retentionDays", "int"), *keys("lastUpdatedTime status")]),
    ]
    properties = [
        *keys("loginServer creationDate provisioningState"),
        ("adminUserEnabled", "bool"),
        ("networkRuleSet", [("defaultAction", "str"), ("ipRules", NONE)]),
        ("policies", policies),
        ("encryption", policy),
        ("dataEndpointEnabled", "bool"),
        ("regionalEndpoints", "str"),
        ("dataEndpointHostNames", NONE),
        ("regionalEndpointHostNames", NONE),
        ("endpointProtocol", "str"),
        ("privateEndpointConnections", NONE),
        *keys("publicNetworkAccess networkRuleBypassOptions"),
        ("networkRuleBypassAllowedForTasks", "bool"),
        ("zoneRedundancy", "str"),
        ("anonymousPullEnabled", "bool"),
        *keys("metadataSearch roleAssignmentMode autoGeneratedDomainNameLabelScope"),
    ]
    shape = [("sku", keys("name tier")), *keys("type id name location"), ("tags", []), ("systemData", SYSTEM_DATA)]
    assert outline(arm.get(registry)) == [*shape, ("properties", properties)]
    assert arm.get(f"{registry}/replications") == {"value": []}


@pytest.fixture(scope="module")
def pushed(emulator: Emulator) -> Iterator[Raws]:
    """The registry's data plane, an image that is pushed and tagged, and an index that is not tagged."""
    raw = Raw(SERVER, over_proxy(SERVER, emulator.proxy, emulator.bundle), emulator.control.operator())
    try:
        raw.use("repository:lab/app:*", "repository:gone:*", "registry:catalog:*")
        digest = raw.push("lab/app", "v1")
        raw.push("gone", "latest")
        platform = {"architecture": "amd64", "os": "linux"}
        entry = {**descriptor(json.dumps(image()).encode(), image()["mediaType"]), "digest": digest}
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [{**entry, "platform": platform}]}
        made = raw.manifest("lab/app", "multi", index, INDEX)
        assert made.status == 201, made
        raw.ask("DELETE", "/acr/v1/lab%2Fapp/_tags/multi")
        yield raw, digest, made.headers["Docker-Content-Digest"]
    finally:
        raw.close()


CHANGEABLE = ("changeableAttributes", keys("deleteEnabled writeEnabled readEnabled listEnabled", "bool"))
OF = keys("registry imageName")
SET = b'{"deleteEnabled":true,"writeEnabled":true,"listEnabled":true,"readEnabled":true}'
MANIFEST = [("digest", "str"), ("imageSize", "int"), *keys("createdTime lastUpdateTime")]


def told(answer: Any) -> Any:
    assert answer.status == 200, answer
    return outline(answer.json)


# recording_should_list_repositories, recording_sets_repository_properties: GET and PATCH
def test_repositories(pushed: Raws):
    raw, *_ = pushed
    assert told(raw.ask("GET", "/acr/v1/_catalog")) == [("repositories", TEXTS)]
    counts = keys("manifestCount tagCount", "int")
    shape = [*OF, *keys("createdTime lastUpdateTime"), *counts, CHANGEABLE]
    assert told(raw.ask("GET", "/acr/v1/lab%2Fapp")) == shape
    assert told(raw.ask("PATCH", "/acr/v1/lab%2Fapp", SET)) == shape


# recording_should_list_tags, recording_sets_tag_properties: GET and PATCH
def test_tags(pushed: Raws):
    raw, *_ = pushed
    tag = [*keys("name digest createdTime lastUpdateTime"), ("signed", "bool"), CHANGEABLE]
    assert told(raw.ask("GET", "/acr/v1/lab%2Fapp/_tags")) == [*OF, ("tags", {"list": [tag]})]
    for answer in (
        raw.ask("GET", "/acr/v1/lab%2Fapp/_tags/v1"),
        raw.ask("PATCH", "/acr/v1/lab%2Fapp/_tags/v1", SET),
    ):
        assert told(answer) == [*OF, ("tag", tag)]


# recording_should_list_registry_manifests, recording_sets_manifest_properties: GET and PATCH,
# recording_should_retrive_registry_artifact_properties_for_a_tag (an index). configMediaType is recorded of a pushed
# image without tags; where it stands among tags is a guess.
def test_manifests(pushed: Raws):
    raw, digest, index = pushed
    known = keys("architecture os mediaType configMediaType")
    one = [*MANIFEST, *known, ("tags", TEXTS), CHANGEABLE]
    listed = raw.ask("GET", "/acr/v1/lab%2Fapp/_manifests")
    assert [key for key, _ in told(listed)] == ["registry", "imageName", "manifests"]
    outlines = {found["digest"]: outline(found) for found in listed.json["manifests"]}
    assert outlines == {digest: one, index: [*MANIFEST, ("mediaType", "str"), CHANGEABLE]}
    path = "/acr/v1/lab%2Fapp/_manifests"
    for answer in (raw.ask("GET", f"{path}/{digest}"), raw.ask("PATCH", f"{path}/{digest}", SET)):
        assert told(answer) == [*OF, ("manifest", one)]
    references = ("references", {"list": [keys("digest architecture os")]})
    shown = told(raw.ask("GET", f"{path}/{index}"))
    assert shown == [*OF, ("manifest", [*MANIFEST, ("mediaType", "str"), CHANGEABLE, references])]


# recording_deletes_repository_of_given_name (of 2021: the 202; of 2023: the 404), recording_deletes_a_given_tag
def test_what_is_deleted(pushed: Raws):
    raw, digest, _ = pushed
    assert raw.manifest("lab/app", "away", image()).headers["Docker-Content-Digest"] == digest
    untagged = raw.ask("DELETE", "/acr/v1/lab%2Fapp/_tags/away")
    assert (untagged.status, untagged.body) == (202, b"")
    found = raw.ask("GET", "/acr/v1/lab%2Fapp/_tags/away")
    assert found.status == 404
    assert found.json == {"errors": [{"code": "TAG_UNKNOWN", "message": "the specified tag does not exist"}]}
    gone = raw.ask("DELETE", "/acr/v1/gone")
    assert (gone.status, outline(gone.json)) == (202, [("manifestsDeleted", TEXTS), ("tagsDeleted", TEXTS)])
    error = {"code": "NAME_UNKNOWN", "message": "repository name not known to registry", "detail": {"name": "gone"}}
    again = raw.ask("DELETE", "/acr/v1/gone")
    assert (again.status, again.json) == (404, {"errors": [error]})


def test_an_outline_sees_order_null_and_what_a_list_has():
    assert outline({"a": 1, "b": None}) != outline({"b": None, "a": 1})
    assert outline([1, 2, "x", None]) == {"list": ["int", "str", "null"]}
    assert outline({"a": {}}) == [("a", [])]
