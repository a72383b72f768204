"""Microsoft Graph, asked by hand."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.emulator.running import Answer, Emulator, guid
from tests.emulator.signing import ARM, GRAPH, bearer, client_credentials, user

V1 = "https://graph.microsoft.com/v1.0"
UNKNOWN = "11111111-2222-3333-4444-555555555555"
# the keys of Azure/azure-cli's recording test_create_for_rbac_service_management_reference
APPLICATION = (
    "@odata.context id deletedDateTime appId applicationTemplateId disabledByMicrosoftStatus createdDateTime "
    "displayName description groupMembershipClaims identifierUris isDeviceOnlyAuthSupported isFallbackPublicClient "
    "nativeAuthenticationApisEnabled notes publisherDomain serviceManagementReference signInAudience tags "
    "tokenEncryptionKeyId uniqueName samlMetadataUrl defaultRedirectUri certification optionalClaims "
    "servicePrincipalLockConfiguration requestSignatureVerification addIns api appRoles info keyCredentials "
    "parentalControlSettings passwordCredentials publicClient requiredResourceAccess verifiedPublisher web spa"
)
SERVICE_PRINCIPAL = (
    "@odata.context id deletedDateTime accountEnabled alternativeNames appDisplayName appDescription appId "
    "applicationTemplateId appOwnerOrganizationId appRoleAssignmentRequired createdDateTime description "
    "disabledByMicrosoftStatus displayName homepage loginUrl logoutUrl notes notificationEmailAddresses "
    "preferredSingleSignOnMode preferredTokenSigningKeyThumbprint replyUrls servicePrincipalNames "
    "servicePrincipalType signInAudience tags tokenEncryptionKeyId samlSingleSignOnSettings addIns appRoles info "
    "keyCredentials oauth2PermissionScopes passwordCredentials resourceSpecificApplicationPermissions verifiedPublisher"
)
PASSWORD = "@odata.context customKeyIdentifier displayName endDateTime hint keyId secretText startDateTime"


class Graph:
    def __init__(self, emulator: Emulator, headers: dict[str, str]) -> None:
        self.emulator = emulator
        self.headers = headers

    def __call__(self, method: str, path: str, body: object = None) -> Answer:
        return self.emulator.ask(method, f"{V1}{path}", headers=self.headers, body=body)

    def application(self, name: str, **other: Any) -> Any:
        made = self("POST", "/applications", {"displayName": name, "keyCredentials": [], **other})
        assert made.status == 201, made.text
        return made.json

    def principal(self, app_id: str) -> Any:
        made = self("POST", "/servicePrincipals", {"appId": app_id, "accountEnabled": True})
        assert made.status == 201, made.text
        return made.json

    def found(self, kind: str, filter_: str) -> list[Any]:
        answer = self("GET", f"/{kind}?$filter={quote(filter_, safe='')}")
        assert answer.status == 200, answer.text
        return list(answer.json["value"])


@pytest.fixture(scope="module")
def graph(emulator: Emulator) -> Graph:
    """As the sandbox's user."""
    return Graph(emulator, bearer(user(emulator)))


def refused(answer: Answer, status: int, code: str, words: str) -> Any:
    error = answer.json["error"]
    assert (answer.status, error["code"]) == (status, code), answer.text
    assert words in error["message"]
    assert sorted(error["innerError"]) == ["client-request-id", "date", "request-id"]
    assert guid(error["innerError"]["request-id"])
    return error


def test_me_is_the_sandboxs_user(graph: Graph):
    me = graph("GET", "/me")
    assert me.headers["OData-Version"] == "4.0"
    assert me.headers["Content-Type"].startswith("application/json;odata.metadata=minimal")
    assert me.json["@odata.context"] == f"{V1}/$metadata#users/$entity"
    assert me.json["userPrincipalName"] == "student@labrunner.onmicrosoft.com"
    assert me.json["displayName"] == "Lab Student"
    for name in (me.json["id"], me.json["id"].upper(), "student@labrunner.onmicrosoft.com"):
        assert graph("GET", f"/users/{name}").json == me.json
    assert graph.found("users", "userPrincipalName eq 'STUDENT@labrunner.onmicrosoft.com'")[0]["id"] == me.json["id"]
    refused(graph("GET", "/users/nobody@example.com"), 404, "Request_ResourceNotFound", "'nobody@example.com'")


def test_an_application_is_as_recorded(graph: Graph):
    made = graph("POST", "/applications", {"displayName": "recorded", "keyCredentials": []})
    assert made.status == 201
    assert list(made.json) == APPLICATION.split()
    assert made.json["@odata.context"] == f"{V1}/$metadata#applications/$entity"
    assert guid(made.json["id"])
    assert guid(made.json["appId"])
    assert made.json["id"] in made.headers["Location"]
    assert (made.json["publisherDomain"], made.json["signInAudience"]) == ("labrunner.onmicrosoft.com", "AzureADMyOrg")
    one = graph("GET", f"/applications/{made.json['id']}")
    assert one.json == made.json
    assert graph("GET", f"/applications(appId='{made.json['appId']}')").json == one.json
    assert graph("GET", f"/applications(appId=%27{made.json['appId']}%27)").json == one.json
    refused(graph("GET", "/applications(uniqueName='x')"), 501, "NotImplemented", "the key (uniqueName='x')")
    listed = graph.found("applications", f"appId eq '{made.json['appId']}'")
    assert listed == [{name: value for name, value in one.json.items() if name != "@odata.context"}]


def test_a_service_principal_is_as_recorded(graph: Graph):
    app = graph.application("principal", identifierUris=["api://principal"])
    made = graph.principal(app["appId"])
    assert list(made) == SERVICE_PRINCIPAL.split()
    assert made["appOwnerOrganizationId"] == graph.emulator.tenant
    assert made["servicePrincipalNames"] == [app["appId"], "api://principal"]
    for text in (
        f"servicePrincipalNames/any(c:c eq '{app['appId']}')",
        "servicePrincipalNames/any(c:c eq 'api://principal')",
        "displayName eq 'principal'",
        "startswith(displayName,'princ')",
        f"appId eq '{app['appId']}' and startswith(displayName,'p')",
    ):
        assert [one["id"] for one in graph.found("servicePrincipals", text)] == [made["id"]], text
    assert graph("GET", f"/servicePrincipals/{made['id']}").json == made
    assert graph("GET", f"/servicePrincipals(appId='{app['appId']}')").json == made


def test_a_secret_is_shown_once_and_opens(graph: Graph):
    app = graph.application("secret")
    graph.principal(app["appId"])
    words = {"displayName": "rbac", "startDateTime": "2025-04-08T09:40:17Z", "endDateTime": "2099-04-08T09:40:17Z"}
    feed = graph.emulator.control.secrets()
    try:
        feed.new()
        made = graph("POST", f"/applications/{app['id']}/addPassword", {"passwordCredential": words})
        assert made.json["secretText"] in feed.new()
    finally:
        feed.close()
    assert (made.status, list(made.json)) == (200, PASSWORD.split())
    secret = made.json["secretText"]
    assert made.json == {**made.json, **words, "hint": secret[:3]}
    (known,) = graph("GET", f"/applications/{app['id']}").json["passwordCredentials"]
    assert known == {**{name: made.json[name] for name in PASSWORD.split()[1:]}, "secretText": None}
    emulator = graph.emulator
    assert client_credentials(emulator, app["appId"], secret, ARM).status == 200
    assert secret not in emulator.log
    gone = graph("POST", f"/applications/{app['id']}/removePassword", {"keyId": made.json["keyId"]})
    assert (gone.status, gone.text) == (204, "")
    again = graph("POST", f"/applications/{app['id']}/removePassword", {"keyId": made.json["keyId"]})
    refused(again, 400, "Request_BadRequest", f"No password credential found with keyId {made.json['keyId']}")
    assert client_credentials(emulator, app["appId"], secret, ARM).json["error_codes"] == [7000215]


def test_a_secret_that_has_expired_and_an_application_without_a_principal(graph: Graph):
    app = graph.application("expired")
    past = datetime.now(UTC) - timedelta(days=1)
    words = {"startDateTime": (past - timedelta(days=1)).isoformat(), "endDateTime": past.isoformat()}
    path = f"/applications/{app['id']}/addPassword"
    old = graph("POST", path, {"passwordCredential": words}).json["secretText"]
    new = graph("POST", path, {}).json["secretText"]
    expired = client_credentials(graph.emulator, app["appId"], old, ARM)
    assert (expired.status, expired.json["error"], expired.json["error_codes"]) == (401, "invalid_client", [7000222])
    assert f"for app '{app['appId']}' are expired" in expired.json["error_description"]
    alone = client_credentials(graph.emulator, app["appId"], new, ARM)
    assert (alone.status, alone.json["error_codes"]) == (401, [7000229])


def test_a_service_principal_has_secrets_of_its_own(graph: Graph):
    app = graph.application("own secret")
    principal = graph.principal(app["appId"])
    made = graph("POST", f"/servicePrincipals/{principal['id']}/addPassword", {"passwordCredential": {}}).json
    assert client_credentials(graph.emulator, app["appId"], made["secretText"], ARM).status == 200
    assert graph("GET", f"/applications/{app['id']}").json["passwordCredentials"] == []
    assert len(graph("GET", f"/servicePrincipals/{principal['id']}").json["passwordCredentials"]) == 1
    path = f"/servicePrincipals/{principal['id']}/removePassword"
    assert graph("POST", path, {"keyId": made["keyId"]}).status == 204


def test_an_application_is_changed(graph: Graph):
    app = graph.application("before", web={"homePageUrl": "https://example.com"})
    path = f"/applications/{app['id']}"
    changed = graph("PATCH", path, {"displayName": "after", "web": {"redirectUris": ["https://x"]}, "tags": ["t"]})
    assert (changed.status, changed.text) == (204, "")
    now = graph("GET", path).json
    assert (now["displayName"], now["tags"]) == ("after", ["t"])
    assert (now["web"]["homePageUrl"], now["web"]["redirectUris"]) == ("https://example.com", ["https://x"])
    assert now["web"]["implicitGrantSettings"] == app["web"]["implicitGrantSettings"]


def test_removing_an_application_removes_its_principal_and_ends_its_tokens(graph: Graph):
    app = graph.application("to go")
    principal = graph.principal(app["appId"])
    secret = graph("POST", f"/applications/{app['id']}/addPassword", {}).json["secretText"]
    own = Graph(graph.emulator, bearer(client_credentials(graph.emulator, app["appId"], secret, GRAPH)))
    assert own("GET", "/applications").status == 403
    gone = graph("DELETE", f"/applications/{app['id']}")
    assert (gone.status, gone.text) == (204, "")
    refused(graph("GET", f"/applications/{app['id']}"), 404, "Request_ResourceNotFound", app["id"])
    refused(graph("GET", f"/servicePrincipals/{principal['id']}"), 404, "Request_ResourceNotFound", principal["id"])
    refused(graph("DELETE", f"/applications/{app['id']}"), 404, "Request_ResourceNotFound", app["id"])
    refused(own("GET", "/applications"), 401, "Authorization_IdentityNotFound", "could not be established")
    assert client_credentials(graph.emulator, app["appId"], secret, ARM).json["error_codes"] == [700016]


def test_removing_a_principal_leaves_its_application(graph: Graph):
    app = graph.application("stays")
    principal = graph.principal(app["appId"])
    assert graph("DELETE", f"/servicePrincipals/{principal['id']}").status == 204
    assert graph("GET", f"/applications/{app['id']}").status == 200
    assert graph.principal(app["appId"])["id"] != principal["id"]


def test_principals_that_cannot_be_made(graph: Graph):
    app = graph.application("twice")
    graph.principal(app["appId"])
    again = graph("POST", "/servicePrincipals", {"appId": app["appId"]})
    refused(again, 409, "Request_MultipleObjectsWithSameKeyValue", f"{app['appId']} is already in use")
    unknown = graph("POST", "/servicePrincipals", {"appId": UNKNOWN})
    error = refused(unknown, 400, "Request_BadRequest", "does not reference a valid application object")
    assert error["details"][0]["code"] == "NoBackingApplicationObject"
    refused(graph("POST", "/servicePrincipals", {}), 400, "Request_BadRequest", "A value is required")
    refused(graph("POST", "/servicePrincipals", {"appId": app["appId"], "x": 1}), 400, "Request_BadRequest", "'x'")
    refused(
        graph("POST", "/servicePrincipals", {"appId": app["appId"], "accountEnabled": False}),
        400,
        *("Request_BadRequest", "accountEnabled"),
    )


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        ({}, 400, "A value is required for property 'displayName'"),
        ({"displayName": ""}, 400, "Invalid value specified for property 'displayName'"),
        ({"displayName": "x" * 257}, 400, "Invalid value specified for property 'displayName'"),
        ({"displayName": ["x"]}, 400, "Invalid value specified for property 'displayName'"),
        ({"displayName": "x", "wrong": 1}, 400, "Invalid property 'wrong'"),
        ({"displayName": "x", "id": UNKNOWN}, 400, "Invalid property 'id'"),
        ({"displayName": "x", "web": "no"}, 400, "Invalid value specified for property 'web'"),
        ({"displayName": "x", "web": {"wrong": 1}}, 400, "Invalid value specified for property 'web'"),
        ({"displayName": "x", "tags": "no"}, 400, "Invalid value specified for property 'tags'"),
        ({"displayName": "x", "notes": "n" * 70000}, 400, "larger than"),
        ({"displayName": "x", "keyCredentials": [{}]}, 501, "'keyCredentials'"),
        ({"displayName": "x", "passwordCredentials": [{}]}, 501, "'passwordCredentials'"),
    ],
)
def test_applications_that_cannot_be_made(graph: Graph, sent: object, status: int, words: str):
    before = graph.found("applications", "displayName eq 'x'")
    refused(
        graph("POST", "/applications", sent), status, "Request_BadRequest" if status == 400 else "NotImplemented", words
    )
    assert graph.found("applications", "displayName eq 'x'") == before


def test_an_identifier_uri_is_one_applications(graph: Graph):
    first = graph.application("one", identifierUris=["api://only"])
    taken = graph("POST", "/applications", {"displayName": "two", "identifierUris": ["api://only"]})
    refused(taken, 400, "Request_BadRequest", "api://only")
    assert graph("PATCH", f"/applications/{first['id']}", {"identifierUris": ["api://only"]}).status == 204


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"1", b"", b"\xff", b"[" * 100000, b'{"a": NaN}', b'{"displayName": "\\ud800"}']
)
def test_bodies_that_are_no_json(graph: Graph, body: bytes):
    for path in ("/applications", "/servicePrincipals", "/directoryObjects/getByIds"):
        headers = {**graph.headers, "Content-Type": "application/json"}
        answer = graph.emulator.ask("POST", f"{V1}{path}", headers=headers, body=body)
        refused(answer, 400, "BadRequest", "Unable to read JSON request payload")


def test_a_body_of_another_type(graph: Graph):
    headers = {**graph.headers, "Content-Type": "text/plain"}
    answer = graph.emulator.ask("POST", f"{V1}/applications", headers=headers, body=b'{"displayName": "x"}')
    refused(answer, 400, "BadRequest", "Please ensure Content-Type header is set")


@pytest.mark.parametrize(
    "words",
    [
        {"endDateTime": "soon"},
        {"endDateTime": 1},
        {"endDateTime": "2000-01-01T00:00:00Z"},
        {"endDateTime": "9999-12-31T23:59:59.9999999Z"},
        {"startDateTime": "9999-01-01T00:00:00Z"},
        {"startDateTime": "0001-01-01T00:00:00+23:59"},
        {"displayName": 1},
    ],
)
def test_secrets_that_cannot_be_added(graph: Graph, words: dict[str, Any]):
    app = graph.application("no secrets")
    answer = graph("POST", f"/applications/{app['id']}/addPassword", {"passwordCredential": words})
    refused(answer, 400, "Request_BadRequest", next(iter(words)))
    wrong = graph("POST", f"/applications/{app['id']}/addPassword", {"passwordCredential": "x"})
    refused(wrong, 400, "Request_BadRequest", "passwordCredential")
    assert graph("GET", f"/applications/{app['id']}").json["passwordCredentials"] == []


def test_things_by_their_ids(graph: Graph):
    app = graph.application("by id")
    principal, me = graph.principal(app["appId"]), graph("GET", "/me").json
    ids = [app["id"], principal["id"].upper(), me["id"], UNKNOWN]
    types = ["user", "group", "servicePrincipal", "directoryObjectPartnerReference"]  # what az asks for
    found = graph("POST", "/directoryObjects/getByIds", {"ids": ids, "types": types}).json
    assert found["@odata.context"] == f"{V1}/$metadata#directoryObjects"
    assert {one["id"]: one["@odata.type"] for one in found["value"]} == {
        me["id"]: "#microsoft.graph.user",
        principal["id"]: "#microsoft.graph.servicePrincipal",
    }
    assert len(graph("POST", "/directoryObjects/getByIds", {"ids": ids}).json["value"]) == 3
    assert graph("GET", f"/directoryObjects/{app['id']}").json["@odata.type"] == "#microsoft.graph.application"
    refused(graph("GET", f"/directoryObjects/{UNKNOWN}"), 404, "Request_ResourceNotFound", UNKNOWN)
    for wrong in ({}, {"ids": "x"}, {"ids": [1]}, {"ids": [], "types": "user"}, {"ids": ["x"] * 1001}):
        assert graph("POST", "/directoryObjects/getByIds", wrong).status == 400


def test_what_somebody_owns(graph: Graph):
    app = graph.application("mine")
    principal, me = graph.principal(app["appId"]), graph("GET", "/me").json
    owners = graph("GET", f"/applications/{app['id']}/owners").json["value"]
    assert [one["id"] for one in owners] == [me["id"]]
    assert {app["id"], principal["id"]} <= {one["id"] for one in graph("GET", "/me/ownedObjects").json["value"]}


def test_pages_selections_and_counts(graph: Graph):
    names = {f"paged {number}" for number in range(5)}
    for name in names:
        graph.application(name)
    text = quote("startswith(displayName,'paged')", safe="")
    answer = graph("GET", f"/applications?$filter={text}&$top=2&$select=displayName,id&$count=true").json
    assert answer["@odata.count"] == 5
    found = answer["value"]
    while "@odata.nextLink" in answer:
        answer = graph("GET", answer["@odata.nextLink"].removeprefix(V1)).json
        found += answer["value"]
    assert {one["displayName"] for one in found} == names
    assert len(found) == 5
    assert sorted(found[0]) == ["displayName", "id"]


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("$search=x", 501, "the query option '$search'"),
        ("$orderby=displayName", 501, "the query option '$orderby'"),
        ("$expand=owners", 501, "the query option '$expand'"),
        ("wrong=1", 501, "the query option 'wrong'"),
        ("$top=0", 400, "'$top'"),
        ("$top=x", 400, "'$top'"),
        ("$select=wrong", 400, "'wrong'"),
        ("$filter=wrong%20eq%20'x'", 400, "'wrong'"),
        ("$filter=endswith(displayName,'x')", 501, "'endswith'"),
    ],
)
def test_what_a_query_may_not_ask(graph: Graph, query: str, status: int, words: str):
    graph.application("there is one")
    answer = graph("GET", f"/applications?{query}")
    assert answer.status == status, answer.text
    assert words in answer.json["error"]["message"]


def test_a_service_principal_has_no_rights_in_the_directory(graph: Graph):
    app = graph.application("no rights")
    graph.principal(app["appId"])
    secret = graph("POST", f"/applications/{app['id']}/addPassword", {}).json["secretText"]
    own = Graph(graph.emulator, bearer(client_credentials(graph.emulator, app["appId"], secret, GRAPH)))
    refused(own("GET", "/me"), 400, "BadRequest", "/me request is only valid with delegated authentication flow.")
    for method, path in (
        ("GET", "/applications"),
        ("POST", "/applications"),
        ("GET", f"/applications/{app['id']}"),
        ("PATCH", f"/applications/{app['id']}"),
        ("DELETE", f"/applications/{app['id']}"),
        ("POST", f"/applications/{app['id']}/addPassword"),
        ("GET", "/servicePrincipals"),
        ("POST", "/servicePrincipals"),
        ("GET", "/users"),
        ("POST", "/directoryObjects/getByIds"),
    ):
        denied = own(method, path, {} if method in {"POST", "PATCH"} else None)
        refused(denied, 403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    assert graph("GET", f"/applications/{app['id']}").status == 200


def test_the_operator_may_but_is_nowhere(graph: Graph):
    emulator = graph.emulator
    client_id, secret = emulator.control.operator()
    operator = Graph(emulator, bearer(client_credentials(emulator, client_id, secret, GRAPH)))
    app = operator.application("by the operator")
    assert graph("GET", f"/applications/{app['id']}/owners").json["value"] == []
    assert operator("GET", "/me").status == 400
    for kind in ("applications", "servicePrincipals"):
        assert client_id not in operator("GET", f"/{kind}?$top=999").text
        refused(operator("GET", f"/{kind}(appId='{client_id}')"), 404, "Request_ResourceNotFound", client_id)


@pytest.mark.parametrize("name", ["\xff", "x" * 1000, "a\tb"])
def test_a_request_id_that_cannot_be_said_again(emulator: Emulator, name: str):
    error = refused(
        emulator.ask("GET", f"{V1}/me", headers={"client-request-id": name}), 401, "InvalidAuthenticationToken", "empty"
    )
    assert error["innerError"]["client-request-id"] == error["innerError"]["request-id"]


@pytest.mark.parametrize("path", ["%00", "%ff", "..%2f..%2fetc", "%ed%a0%80", "a" * 5000, "'", "%25"])
def test_ids_that_are_none(graph: Graph, path: str):
    for kind in ("applications", "servicePrincipals", "users", "directoryObjects"):
        assert graph("GET", f"/{kind}/{path}").status == 404
    for kind in ("applications", "servicePrincipals", "users"):
        answer = graph("GET", f"/{kind}?$filter=id%20eq%20'{path}'")
        assert answer.status == 400 if path == "'" else answer.json["value"] == []


def test_nobody_without_a_token(emulator: Emulator):
    answer = emulator.ask("GET", f"{V1}/me", headers={"client-request-id": UNKNOWN})
    error = refused(answer, 401, "InvalidAuthenticationToken", "Access token is empty.")
    assert error["innerError"]["client-request-id"] == UNKNOWN


def test_what_graph_does_not_have_here_is_501_by_name(graph: Graph):
    refused(graph("GET", "/groups"), 501, "NotImplemented", "does not have the operation GET /v1.0/groups")
    refused(graph("PUT", "/applications"), 501, "NotImplemented", "That path knows GET, POST")


def test_the_inventory_has_what_was_made(graph: Graph):
    app = graph.application("in the inventory")
    principal = graph.principal(app["appId"])
    secret = graph("POST", f"/applications/{app['id']}/addPassword", {"passwordCredential": {"displayName": "s"}}).json
    found = graph.emulator.control.inventory()
    assert ("application", "in the inventory", app["id"]) in found
    assert ("service-principal", "in the inventory", principal["id"]) in found
    assert ("client-secret", "in the inventory/s", secret["keyId"]) in found
