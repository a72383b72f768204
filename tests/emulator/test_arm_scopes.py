"""Azure Resource Manager, asked by hand: subscriptions, groups, resources, tags, roles and what is refused."""

import uuid
from urllib.parse import quote

import pytest

from tests.emulator.arm import HOST, ROLES, Arm, owner, refused, robot
from tests.emulator.running import REGISTRY, Emulator, guid
from tests.emulator.signing import GRAPH, bearer, user

UNKNOWN = "11111111-2222-3333-4444-555555555555"


@pytest.fixture(scope="module")
def arm(emulator: Emulator) -> Arm:
    return owner(emulator)


@pytest.fixture(scope="module")
def registry(arm: Arm) -> str:
    return (
        f"{arm.subscription}/resourceGroups/progress-labs/providers/Microsoft.ContainerRegistry/registries/{REGISTRY}"
    )


def query(text: str) -> str:
    return f"$filter={quote(text, safe='')}"


def test_who_asks_nothing_right_is_told_so(emulator: Emulator, arm: Arm):
    refused(arm("GET", "", version=""), 400, "MissingApiVersionParameter", "is required for all requests")
    nobody = Arm(emulator, {})
    answer = nobody("GET", "/subscriptions")
    refused(answer, 401, "AuthenticationFailed", "The 'Authorization' header is missing.")
    assert f"login.microsoftonline.com/{emulator.tenant}" in answer.headers["WWW-Authenticate"]
    refused(
        Arm(emulator, {"Authorization": "Bearer x.y.z"})("GET", "/subscriptions"), 401, "InvalidAuthenticationToken"
    )
    graph = Arm(emulator, bearer(user(emulator, GRAPH)))
    refused(graph("GET", "/subscriptions"), 401, "InvalidAuthenticationTokenAudience")


def test_what_there_is_not_is_501_by_name(arm: Arm):
    refused(arm("GET", "providers/Microsoft.Compute/virtualMachines"), 501, "NotImplemented", "virtualMachines")
    refused(arm("DELETE", ""), 501, "NotImplemented", "knows GET")


def test_answers_are_numbered(arm: Arm):
    arm.headers["x-ms-client-request-id"] = client = str(uuid.uuid4())
    try:
        for answer in (arm("GET", "/tenants"), arm("GET", "resourcegroups/nope")):
            assert guid(answer.headers["x-ms-request-id"])
            assert guid(answer.headers["x-ms-correlation-request-id"])
            assert answer.headers["x-ms-client-request-id"] == client
    finally:
        del arm.headers["x-ms-client-request-id"]


def test_the_subscription_and_its_tenant(emulator: Emulator, arm: Arm):
    found = arm.get("/subscriptions")
    assert found["count"] == {"type": "Total", "value": 1}
    (one,) = found["value"]
    assert one == arm.get("/SUBSCRIPTIONS/" + emulator.subscription.upper())
    assert (one["subscriptionId"], one["tenantId"], one["state"]) == (emulator.subscription, emulator.tenant, "Enabled")
    assert [tenant["tenantId"] for tenant in arm.get("/tenants")["value"]] == [emulator.tenant]
    refused(arm("GET", f"/subscriptions/{UNKNOWN}"), 404, "SubscriptionNotFound", f"'{UNKNOWN}' could not be found")
    refused(arm("GET", "/subscriptions/mine"), 400, "InvalidSubscriptionId", "'mine' is malformed or invalid")


def test_regions_and_providers(arm: Arm):
    names = {region["name"]: region["displayName"] for region in arm.get("locations")["value"]}
    assert names["eastus"] == "East US"
    provider = arm.get("providers/microsoft.containerregistry")
    assert (provider["namespace"], provider["registrationState"]) == ("Microsoft.ContainerRegistry", "Registered")
    assert provider == arm.good("POST", "providers/Microsoft.ContainerRegistry/register")
    assert provider in arm.get("providers")["value"]
    refused(arm("GET", "providers/Microsoft.Nothing"), 404, "InvalidResourceNamespace", "'Microsoft.Nothing'")
    operations = arm.get("/providers/Microsoft.ContainerRegistry/operations")["value"]
    assert "Microsoft.ContainerRegistry/registries/pull/read" in {each["name"] for each in operations}


def test_a_group_from_its_making_to_its_end(arm: Arm):
    path = "resourcegroups/Whole-Life"
    assert arm("HEAD", path).status == 404
    refused(arm("GET", path), 404, "ResourceGroupNotFound", "Resource group 'Whole-Life' could not be found.")
    made = arm("PUT", path, {"location": "West US", "tags": {"a": "1"}})
    assert made.status == 201
    assert made.json == {
        "id": f"{arm.subscription}/resourceGroups/Whole-Life",
        "name": "Whole-Life",
        "type": "Microsoft.Resources/resourceGroups",
        "location": "westus",
        "tags": {"a": "1"},
        "properties": {"provisioningState": "Succeeded"},
    }
    assert arm("HEAD", path.lower()).status == 204
    assert arm("PUT", path, {"location": "westus"}).status == 200
    assert "tags" not in arm.get(path)
    assert arm.good("PATCH", path, {"tags": {"b": "2"}})["tags"] == {"b": "2"}
    listed = arm.get("resourcegroups", query=query("tagName eq 'B' and tagValue eq '2'"))["value"]
    assert [group["name"] for group in listed] == ["Whole-Life"]
    assert arm.get("resourcegroups", query=query("tagName eq 'b' and tagValue eq '3'"))["value"] == []
    refused(arm("GET", "resourcegroups", query=query("color eq 'red'")), 400, "InvalidFilterInQueryString")
    gone = arm("DELETE", path)
    assert (gone.status, gone.text) == (202, "")
    assert gone.headers["Location"].startswith(f"{HOST}{arm.subscription}/operationresults/")
    assert int(gone.headers["x-ms-retry-after-ms"]) < 1000
    done = arm.emulator.ask("GET", gone.headers["Location"], headers=arm.headers)
    assert (done.status, done.text) == (200, "")
    refused(arm("GET", "operationresults/unknown"), 404, "OperationNotFound")
    assert arm("HEAD", path).status == 404
    refused(arm("DELETE", path), 404, "ResourceGroupNotFound")


def test_groups_that_cannot_be(arm: Arm):
    refused(arm("PUT", "resourcegroups/new", {}), 400, "LocationRequired")
    refused(arm("PUT", "resourcegroups/a%20b", {"location": "eastus"}), 400, "InvalidResourceGroup")
    refused(arm("PUT", "resourcegroups/%2e%2e%2fx", {"location": "eastus"}), 400, "InvalidResourceGroup")
    refused(arm("PUT", "resourcegroups/new", {"location": "mars"}), 400, "LocationNotAvailableForResourceGroup")
    for body in (b"{", b"[]", b"\xff", {"location": 1}, {"location": "eastus", "tags": {"a": 1}}, {"tags": []}):
        answer = arm("PUT", "resourcegroups/new", body)
        assert answer.status == 400, (body, answer.text)
    refused(
        arm("PUT", "resourcegroups/progress-labs", {"location": "westus"}),
        409,
        "InvalidResourceGroupLocation",
        "eastus",
    )
    assert arm("HEAD", "resourcegroups/new").status == 404


def test_resources_are_listed_and_filtered(arm: Arm, registry: str):
    kind = "Microsoft.ContainerRegistry/registries"
    (one,) = arm.get("resources", query=query(f"resourceType eq '{kind}' and name eq '{REGISTRY.upper()}'"))["value"]
    assert (one["id"], one["type"], one["sku"]) == (registry, kind, {"name": "Premium", "tier": "Premium"})
    assert sorted(one) == ["id", "location", "name", "sku", "systemData", "tags", "type"]
    inside = arm.get("resourcegroups/progress-labs/resources")["value"]
    assert [each["name"] for each in inside] == [REGISTRY, f"{REGISTRY}/mypushhook"]
    for text, count in (
        ("resourceGroup eq 'Progress-Labs'", 2),
        ("substringof('pushhook', name)", 1),
        ("location eq 'westus'", 0),
        ("tagName eq 'none'", 0),
    ):
        assert len(arm.get("resources", query=query(text))["value"]) == count, text
    assert len(arm.get("resources", query="$top=1")["value"]) == 1
    refused(arm("GET", "resources", query=query("color eq 'red'")), 400, "InvalidFilterInQueryString", "color eq 'red'")
    refused(arm("GET", "resourcegroups/nope/resources"), 404, "ResourceGroupNotFound")


def test_tags_of_resources_and_groups(arm: Arm):
    group = arm.group("tagged")
    for scope in (group, arm.registry(group, "taggedreg1")):
        path = f"{scope}/providers/Microsoft.Resources/tags/default"
        assert arm.good("PUT", path, {"properties": {"tags": {"a": "1", "b": "2"}}})["properties"] == {
            "tags": {"a": "1", "b": "2"}
        }
        merged = arm.good("PATCH", path, {"operation": "Merge", "properties": {"tags": {"b": "3", "c": "4"}}})
        assert merged["properties"]["tags"] == {"a": "1", "b": "3", "c": "4"}
        left = arm.good("PATCH", path, {"operation": "Delete", "properties": {"tags": {"a": "1", "b": "other"}}})
        assert left["properties"]["tags"] == {"b": "3", "c": "4"}
        assert arm.get(scope)["tags"] == {"b": "3", "c": "4"}
        refused(arm("PATCH", path, {"operation": "Turn"}), 400, "InvalidTagsOperation")
        assert arm("DELETE", path).status == 200
        assert arm.get(path)["properties"]["tags"] == {}
    refused(arm("GET", f"{group}/nope/providers/Microsoft.Resources/tags/default"), 404, "ResourceNotFound")
    assert len(arm.get("resources", query=query("tagName eq 'b'"))["value"]) == 0


def test_role_definitions(arm: Arm, registry: str):
    path = f"{registry}/providers/Microsoft.Authorization/roleDefinitions"
    (role,) = arm.get(path, query=query("roleName eq 'acrPULL'"))["value"]
    assert role["id"] == f"{arm.subscription}/providers/Microsoft.Authorization/roleDefinitions/{ROLES['AcrPull']}"
    assert role["properties"]["roleName"] == "AcrPull"
    assert role["properties"]["permissions"] == [
        {
            "actions": ["Microsoft.ContainerRegistry/registries/pull/read"],
            "notActions": [],
            "dataActions": [],
            "notDataActions": [],
        }
    ]
    assert arm.get(f"{path}/{ROLES['AcrPull']}") == role
    assert arm.get(f"/providers/Microsoft.Authorization/roleDefinitions/{ROLES['AcrPull']}") == role
    assert len(arm.get(path, query=query("atScopeAndBelow() and type eq 'BuiltInRole'"))["value"]) > 20
    assert arm.get(path, query=query("type eq 'CustomRole'"))["value"] == []
    assert arm.get(path, query=query("roleName eq 'Nobody'"))["value"] == []
    refused(arm("GET", path, query=query("name eq 'x'")), 400, "InvalidFilterInQueryString")
    refused(arm("GET", f"{path}/{UNKNOWN}"), 404, "RoleDefinitionDoesNotExist", UNKNOWN)


def test_a_role_is_given_seen_refused_twice_and_taken(emulator: Emulator, arm: Arm, registry: str):
    _, principal, _ = robot(emulator)
    made = arm.assign(principal, "AcrPull", registry)
    assert made.status == 201
    held = made.json
    assert (held["properties"]["principalId"], held["properties"]["scope"]) == (principal, registry)
    assert held["properties"]["principalType"] == "ServicePrincipal"
    assert held["id"] == f"{registry}/providers/Microsoft.Authorization/roleAssignments/{held['name']}"
    refused(
        arm.assign(principal, "AcrPull", registry), 409, "RoleAssignmentExists", f"is {held['name'].replace('-', '')}."
    )
    group = registry.partition("/providers/")[0]

    def listed(scope: str, text: str = "") -> set[str]:
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments"
        return {each["name"] for each in arm.get(path, query=query(text) if text else "")["value"]}

    mine = f"principalId eq '{principal}'"
    assert listed(registry, mine) == listed(group, mine) == listed(arm.subscription, mine) == {held["name"]}
    assert listed(registry, f"assignedTo('{principal}') and atScope()") == {held["name"]}
    assert held["name"] not in listed(group, "atScope()")
    owners = listed(arm.subscription, "atScope()")
    assert owners & listed(registry, "atScope()") == owners  # inherited
    assert held["name"] in listed(group)
    refused(
        arm("GET", f"{registry}/providers/Microsoft.Authorization/roleAssignments", query=query("scope eq 'x'")),
        400,
        "InvalidFilterInQueryString",
    )
    assert held["properties"]["createdBy"] is None  # recorded: of a PUT's answer alone
    held["properties"]["createdBy"] = held["properties"]["updatedBy"]
    assert arm.get(held["id"]) == held
    elsewhere = f"{group}/providers/Microsoft.Authorization/roleAssignments/{held['name']}"
    refused(arm("GET", elsewhere), 404, "RoleAssignmentNotFound")
    assert arm("DELETE", elsewhere).status == 204
    assert arm("DELETE", held["id"]).json == held
    assert arm("DELETE", held["id"]).status == 204
    refused(arm("GET", held["id"]), 404, "RoleAssignmentNotFound")


def test_roles_that_cannot_be_given(emulator: Emulator, arm: Arm, registry: str):
    _, principal, _ = robot(emulator)
    refused(arm.assign(UNKNOWN, "AcrPull", registry), 400, "PrincipalNotFound", UNKNOWN.replace("-", ""))
    refused(arm.assign(principal, "AcrPull", f"{registry}x"), 404, "ResourceNotFound")
    refused(arm.assign(principal, "AcrPull", f"{arm.subscription}/resourceGroups/nope"), 404, "ResourceGroupNotFound")
    assignments = f"{registry}/providers/Microsoft.Authorization/roleAssignments"
    definition = f"/providers/Microsoft.Authorization/roleDefinitions/{ROLES['AcrPull']}"
    properties = {"roleDefinitionId": definition, "principalId": principal}
    refused(arm("PUT", f"{assignments}/mine", {"properties": properties}), 400, "InvalidRoleAssignmentId", "'mine'")
    for change, status, code in (
        ({"roleDefinitionId": definition[:-1] + "0"}, 400, "RoleDefinitionDoesNotExist"),
        ({"principalType": "User"}, 400, "UnmatchedPrincipalType"),
        ({"condition": "@Resource[x]"}, 501, "NotImplemented"),
        ({"principalId": 7}, 400, "InvalidRequestContent"),
    ):
        body = {"properties": {**properties, **change}}
        refused(arm("PUT", f"{assignments}/{uuid.uuid4()}", body), status, code)
    assert arm.get(assignments, query=query(f"principalId eq '{principal}'"))["value"] == []


def test_who_has_no_right_is_told_which(emulator: Emulator, arm: Arm, registry: str):
    nobody, principal, (app_id, _) = robot(emulator)
    assert nobody.get("/subscriptions")["value"] == []
    assert arm.assign(principal, "AcrPull", registry).status == 201
    assert len(nobody.get("/subscriptions")["value"]) == 1
    assert nobody.get("resources")["value"] == []
    assert nobody.get("providers/Microsoft.ContainerRegistry/registries")["value"] == []
    assert nobody.get("resourcegroups")["value"] == []
    group = registry.partition("/providers/")[0]
    prefix = "Microsoft.ContainerRegistry/registries"
    for method, path, action in (
        ("GET", registry, f"{prefix}/read"),
        ("PUT", registry, f"{prefix}/write"),
        ("PATCH", registry, f"{prefix}/write"),
        ("DELETE", registry, f"{prefix}/delete"),
        ("POST", f"{registry}/listCredentials", f"{prefix}/listCredentials/action"),
        ("POST", f"{registry}/regenerateCredential", f"{prefix}/regenerateCredential/action"),
        ("GET", f"{registry}/listUsages", f"{prefix}/listUsages/read"),
        ("GET", f"{registry}/webhooks", f"{prefix}/webhooks/read"),
        ("GET", f"{registry}/webhooks/mypushhook", f"{prefix}/webhooks/read"),
        ("PUT", f"{registry}/webhooks/mypushhook", f"{prefix}/webhooks/write"),
        ("DELETE", f"{registry}/webhooks/mypushhook", f"{prefix}/webhooks/delete"),
        ("POST", f"{registry}/webhooks/mypushhook/ping", f"{prefix}/webhooks/ping/action"),
        ("POST", f"{registry}/webhooks/mypushhook/listEvents", f"{prefix}/webhooks/listEvents/action"),
        ("POST", f"{registry}/webhooks/mypushhook/getCallbackConfig", f"{prefix}/webhooks/getCallbackConfig/action"),
        ("GET", group, "Microsoft.Resources/subscriptions/resourceGroups/read"),
        ("PUT", group, "Microsoft.Resources/subscriptions/resourceGroups/write"),
        ("DELETE", group, "Microsoft.Resources/subscriptions/resourceGroups/delete"),
        (
            "GET",
            f"{group}/providers/Microsoft.Authorization/roleAssignments",
            "Microsoft.Authorization/roleAssignments/read",
        ),
        (
            "GET",
            f"{group}/providers/Microsoft.Authorization/roleDefinitions",
            "Microsoft.Authorization/roleDefinitions/read",
        ),
        ("GET", f"{registry}x", f"{prefix}/read"),  # what there is not is not told apart
    ):
        answer = nobody(method, path, {} if method in {"PUT", "PATCH"} else None)
        refused(
            answer,
            403,
            "AuthorizationFailed",
            f"The client '{app_id}' with object id '{principal}' does not have authorization to perform action "
            f"'{action}' over scope '",
        )
    refused(nobody.assign(principal, "Owner", registry), 403, "AuthorizationFailed", "roleAssignments/write")
    assert arm.get(registry)["name"] == REGISTRY


def test_a_reader_reads_and_a_contributor_gives_no_roles(emulator: Emulator, arm: Arm, registry: str):
    who, principal, _ = robot(emulator)
    assert arm.assign(principal, "Reader", registry).status == 201
    assert who.get(registry)["name"] == REGISTRY
    assert [each["name"] for each in who.get("providers/Microsoft.ContainerRegistry/registries")["value"]] == [REGISTRY]
    refused(who("PATCH", registry, {}), 403, "AuthorizationFailed")
    refused(who("POST", f"{registry}/listCredentials"), 403, "AuthorizationFailed")
    assert arm.assign(principal, "Contributor", arm.subscription).status == 201
    path = who.registry(who.group("robots"), "robotsreg1")
    assert who.get(path)["systemData"]["createdByType"] == "Application"
    refused(who.assign(principal, "Owner", path), 403, "AuthorizationFailed")


def test_what_was_in_a_group_and_granted_there_goes_with_it(emulator: Emulator, arm: Arm):
    who, principal, _ = robot(emulator)
    group = arm.group("shortlived")
    path = arm.registry(group, "shortlived1")
    hook = {"location": "eastus", "properties": {"serviceUri": "http://localhost/", "actions": ["push"]}}
    arm.good("PUT", f"{path}/webhooks/pushes", hook)
    assert arm.assign(principal, "Reader", group).status == 201
    assert who.get(path)["name"] == "shortlived1"
    assert arm("DELETE", "resourcegroups/SHORTLIVED").status == 202
    assert [kind for kind, name, _ in emulator.control.inventory() if "shortlived" in name] == []
    arm.registry(arm.group("shortlived"), "shortlived1")
    assert arm.get(f"{path}/webhooks")["value"] == []
    refused(who("GET", path), 403, "AuthorizationFailed")
    assert arm.assign(principal, "Reader", path).status == 201
    assert arm("DELETE", path).status == 202
    arm.registry(group, "shortlived1")
    refused(who("GET", path), 403, "AuthorizationFailed")
