"""Entra's endpoints, asked by hand and by azure-identity."""

import base64
import json
import re
import sqlite3
import time
from contextlib import closing

import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential, DeviceCodeCredential

from tests.emulator.running import Answer, Emulator, guid
from tests.emulator.signing import (
    ARM,
    AZ,
    DEVICE,
    GRAPH,
    LOGIN,
    bearer,
    claims,
    client_credentials,
    device,
    token,
    user,
)

UNKNOWN = "11111111-2222-3333-4444-555555555555"
DEFAULT = "https://management.azure.com/.default"


def refused(answer: Answer, status: int, error: str, number: int | None) -> str:
    """Its description, when it is an error as Entra's are."""
    found = answer.json
    assert (answer.status, found["error"]) == (status, error), answer.text
    assert found["error_codes"] == ([] if number is None else [number])
    if number is not None:
        assert found["error_description"].startswith(f"AADSTS{number}: ")
        assert found["error_uri"].endswith(f"code={number}")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", found["timestamp"])
    assert guid(found["trace_id"])
    assert guid(found["correlation_id"])
    return str(found["error_description"])


@pytest.mark.parametrize("tenant", ["common", "organizations", None, "labrunner.onmicrosoft.com"])
@pytest.mark.parametrize("version", ["/v2.0", ""])
def test_the_configuration_names_endpoints_that_are_there(emulator: Emulator, tenant: str | None, version: str):
    answer = emulator.ask("GET", f"{LOGIN}/{tenant or emulator.tenant}{version}/.well-known/openid-configuration")
    assert answer.status == 200
    for name in ("token_endpoint", "device_authorization_endpoint"):
        assert emulator.ask("POST", answer.json[name], body=[]).json["error_codes"] == [900144]
    assert emulator.ask("GET", answer.json["authorization_endpoint"]).status == 400
    assert emulator.ask("GET", answer.json["jwks_uri"]).json == {"keys": []}
    if tenant in {"common", "organizations"}:
        assert answer.json["issuer"] == "https://login.microsoftonline.com/{tenantid}/v2.0"
    else:
        assert answer.json["issuer"] == f"{LOGIN}/{emulator.tenant}/v2.0"


def test_instances_are_known_or_not(emulator: Emulator):
    url = f"{LOGIN}/common/discovery/instance?api-version=1.1&authorization_endpoint="
    known = emulator.ask("GET", f"{url}https://login.microsoftonline.com/common/oauth2/authorize").json
    assert known["tenant_discovery_endpoint"] == f"{LOGIN}/common/v2.0/.well-known/openid-configuration"
    assert "login.microsoftonline.com" in known["metadata"][0]["aliases"]
    refused(emulator.ask("GET", f"{url}https://login.example.com/x"), 400, "invalid_instance", 50049)


@pytest.mark.parametrize("endpoint", ["https://[", "%ff", "x", "https://login.microsoftonline.com@evil.example/"])
def test_instances_that_are_no_address(emulator: Emulator, endpoint: str):
    url = f"{LOGIN}/common/discovery/instance?authorization_endpoint={endpoint}"
    refused(emulator.ask("GET", url), 400, "invalid_instance", 50049)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"\xff\xfe", 400),
        (b"grant_type=%ff&client_id=%00", 400),
        (b'{"grant_type": "client_credentials"}', 400),
        (b"&&&===", 400),
        (b"grant_type=client_credentials&client_id=%ed%a0%80&client_secret=%ed%a0%80&scope=x/.default", 400),
        (b"grant_type=client_credentials&client_id={client}&client_secret=x", 400),
        (b"a=" + b"b" * (2 << 20), 413),
    ],
)
def test_bodies_that_no_client_sends(emulator: Emulator, body: bytes, status: int):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for path in ("token", "devicecode"):
        answer = emulator.ask("POST", f"{LOGIN}/{emulator.tenant}/oauth2/v2.0/{path}", headers=headers, body=body)
        assert answer.status == status, answer.text
        assert answer.json["error"]


def test_an_unknown_tenant(emulator: Emulator):
    answer = emulator.ask("GET", f"{LOGIN}/{UNKNOWN}/v2.0/.well-known/openid-configuration")
    assert f"Tenant '{UNKNOWN}' not found" in refused(answer, 400, "invalid_tenant", 90002)
    refused(token(emulator, tenant=UNKNOWN, grant_type="client_credentials"), 400, "invalid_request", 90002)


def test_what_entra_does_not_have_here_is_501_by_name(emulator: Emulator):
    answer = emulator.ask("POST", f"{LOGIN}/common/oauth2/token", body=[("grant_type", "password")])
    assert "does not have the operation POST /common/oauth2/token" in refused(answer, 501, "NotImplemented", None)


def test_a_service_principals_token(clients: Emulator):
    client_id, secret = clients.control.operator()
    with ClientSecretCredential(clients.tenant, client_id, secret) as credential:
        found = credential.get_token(DEFAULT)
    assert 3500 < found.expires_on - time.time() <= 3600
    said = claims(found.token)
    assert said["aud"] == "https://management.azure.com"
    assert said["iss"] == f"https://sts.windows.net/{clients.tenant}/"
    assert (said["tid"], said["appid"], said["idtyp"], said["ver"]) == (clients.tenant, client_id, "app", "1.0")
    assert said["oid"] == said["sub"]
    assert guid(said["oid"])
    assert said["nbf"] == said["iat"] == said["exp"] - 3599
    assert said["uti"]
    assert "scp" not in said


@pytest.mark.parametrize(
    ("client", "secret", "words"),
    [
        ("operator", "wrong", "AADSTS7000215: Invalid client secret provided."),
        (UNKNOWN, "wrong", f"AADSTS700016: Application with identifier '{UNKNOWN}' was not found in the directory"),
    ],
)
def test_azure_identity_says_why_it_may_not(clients: Emulator, client: str, secret: str, words: str):
    client_id = clients.control.operator()[0] if client == "operator" else client
    credential = ClientSecretCredential(clients.tenant, client_id, secret)
    with credential, pytest.raises(ClientAuthenticationError) as raised:
        credential.get_token(DEFAULT)
    assert words in str(raised.value)


def test_azure_identity_signs_a_user_in_with_a_device_code(clients: Emulator):
    def approve(uri: str, code: str, _: object) -> None:
        assert uri == f"{LOGIN}/common/oauth2/deviceauth"
        clients.control.approve(code)

    with DeviceCodeCredential(client_id=AZ, prompt_callback=approve, timeout=20) as credential:
        assert claims(credential.get_token(DEFAULT).token)["upn"] == "student@labrunner.onmicrosoft.com"


@pytest.mark.parametrize(
    ("form", "status", "error", "number"),
    [
        ({}, 400, "invalid_request", 900144),
        ({"grant_type": "magic"}, 400, "unsupported_grant_type", 70003),
        ({"grant_type": "client_credentials"}, 400, "invalid_request", 900144),
        ({"grant_type": "client_credentials", "client_id": UNKNOWN}, 401, "invalid_client", 7000218),
        (
            {"grant_type": "client_credentials", "client_id": UNKNOWN, "client_assertion": "a.b.c", "scope": ARM},
            400,
            "invalid_client",
            None,
        ),
        ({"grant_type": "refresh_token", "client_id": AZ}, 400, "invalid_request", 900144),
        ({"grant_type": "refresh_token", "client_id": AZ, "refresh_token": "1.x"}, 400, "invalid_grant", 9002313),
        ({"grant_type": DEVICE, "client_id": AZ, "device_code": "x"}, 400, "bad_verification_code", 70018),
        (
            {"grant_type": "authorization_code", "client_id": AZ, "code": "x", "redirect_uri": "http://localhost"},
            400,
            "invalid_grant",
            70000,
        ),
        ({"grant_type": "authorization_code", "client_id": UNKNOWN}, 400, "unauthorized_client", 700016),
    ],
)
def test_what_the_token_endpoint_refuses(
    emulator: Emulator, form: dict[str, str], status: int, error: str, number: int | None
):
    refused(token(emulator, **form), status, error, number)


@pytest.mark.parametrize(
    ("scope", "error", "number"),
    [
        ("", "invalid_request", 90014),
        ("https://vault.azure.net/.default", "invalid_resource", 500011),
        ("https://management.azure.com/user_impersonation", "invalid_scope", 1002012),
        ("openid", "invalid_scope", 1002012),
        (f"{DEFAULT} https://graph.microsoft.com/.default", "invalid_scope", 28000),
    ],
)
def test_scopes_that_no_token_is_for(emulator: Emulator, scope: str, error: str, number: int):
    refused(client_credentials(emulator, *emulator.control.operator(), scope), 400, error, number)


@pytest.mark.parametrize(
    ("scope", "audience"),
    [
        (ARM, "https://management.core.windows.net/"),
        (DEFAULT, "https://management.azure.com"),
        (GRAPH, "https://graph.microsoft.com/"),
        ("https://containerregistry.azure.net/.default", "https://containerregistry.azure.net"),
    ],
)
def test_a_token_is_for_the_resource_that_was_named(emulator: Emulator, scope: str, audience: str):
    answer = client_credentials(emulator, *emulator.control.operator(), scope)
    assert claims(answer.json["access_token"])["aud"] == audience
    assert sorted(answer.json) == ["access_token", "expires_in", "ext_expires_in", "token_type"]


def test_a_secret_in_the_authorization_header(emulator: Emulator):
    client_id, secret = emulator.control.operator()
    url = f"{LOGIN}/{emulator.tenant}/oauth2/v2.0/token"
    body = [("grant_type", "client_credentials"), ("scope", ARM)]

    def ask(text: str) -> Answer:
        encoded = base64.b64encode(text.encode()).decode()
        return emulator.ask("POST", url, headers={"Authorization": f"Basic {encoded}"}, body=body)

    assert ask(f"{client_id}:{secret}").status == 200
    refused(ask(f"{client_id}:wrong"), 401, "invalid_client", 7000215)
    garbled = emulator.ask("POST", url, headers={"Authorization": "Basic !"}, body=body)
    refused(garbled, 400, "invalid_request", 9002313)


def test_client_credentials_need_a_tenant(emulator: Emulator):
    form = {"grant_type": "client_credentials", "client_id": UNKNOWN, "client_secret": "x", "scope": ARM}
    refused(token(emulator, tenant="organizations", **form), 400, "invalid_request", 50059)


def test_a_device_is_told_to_wait_and_then_signs_in_once(emulator: Emulator):
    begun = device(emulator, f"{ARM} openid profile offline_access")
    assert (begun["expires_in"], begun["interval"]) == (900, 1)
    assert begun["user_code"] in begun["message"]
    form = {"grant_type": DEVICE, "client_id": AZ, "device_code": begun["device_code"]}
    refused(token(emulator, tenant="organizations", **form), 400, "authorization_pending", 70016)
    assert begun["user_code"] in emulator.control.device_codes()
    emulator.control.approve(begun["user_code"])
    answer = token(emulator, tenant="organizations", client_info="1", **form).json
    student = claims(answer["id_token"])
    assert (student["aud"], student["iss"]) == (AZ, f"{LOGIN}/{emulator.tenant}/v2.0")
    assert (student["preferred_username"], student["name"]) == ("student@labrunner.onmicrosoft.com", "Lab Student")
    who = json.loads(base64.urlsafe_b64decode(answer["client_info"] + "=="))
    assert who == {"uid": student["oid"], "utid": emulator.tenant}
    access = claims(answer["access_token"])
    assert (access["scp"], access["idtyp"], access["oid"]) == ("user_impersonation", "user", student["oid"])
    assert access["upn"] == access["unique_name"] == "student@labrunner.onmicrosoft.com"
    assert ARM in answer["scope"].split()
    refused(token(emulator, **form), 400, "bad_verification_code", 70018)


def test_a_device_code_is_its_clients_own(emulator: Emulator):
    begun = device(emulator, ARM)
    emulator.control.approve(begun["user_code"])
    other = {"grant_type": DEVICE, "client_id": UNKNOWN, "device_code": begun["device_code"]}
    refused(token(emulator, **other), 400, "bad_verification_code", 70018)


def test_a_client_that_nobody_knows_gets_no_device_code(emulator: Emulator):
    url = f"{LOGIN}/organizations/oauth2/v2.0/devicecode"
    unknown = emulator.ask("POST", url, body=[("client_id", UNKNOWN), ("scope", ARM)])
    refused(unknown, 400, "unauthorized_client", 700016)
    refused(emulator.ask("POST", url, body=[("client_id", AZ)]), 400, "invalid_request", 900144)


def test_a_refresh_token_brings_other_resources_and_a_new_refresh_token(emulator: Emulator):
    first = user(emulator, ARM).json
    form = {"grant_type": "refresh_token", "client_id": AZ, "refresh_token": first["refresh_token"]}
    again = token(emulator, scope=f"{GRAPH} offline_access openid profile", client_info="1", **form)
    assert again.status == 200
    assert claims(again.json["access_token"])["aud"] == "https://graph.microsoft.com/"
    assert again.json["refresh_token"] != first["refresh_token"]
    assert token(emulator, scope=ARM, **{**form, "refresh_token": again.json["refresh_token"]}).status == 200
    refused(token(emulator, scope=ARM, **{**form, "client_id": UNKNOWN}), 400, "invalid_grant", 70000)
    refused(token(emulator, **form), 400, "invalid_request", 900144)


def test_everything_that_is_issued_is_told_before_its_answer_is_here(emulator: Emulator):
    feed = emulator.control.secrets()
    try:
        feed.new()
        answer = user(emulator, ARM).json
        told = feed.new()
        assert {answer["access_token"], answer["refresh_token"], answer["id_token"]} <= set(told)
        begun = device(emulator, ARM)
        assert begun["device_code"] in feed.new()
    finally:
        feed.close()


def test_passwords_are_refused_and_neither_logged_nor_kept(emulator: Emulator):
    canary = "canary-password-3f9c"
    secret = "canary-secret-77aa"
    form = {"client_id": AZ, "username": "student@labrunner.onmicrosoft.com", "scope": ARM}
    said = refused(
        token(emulator, grant_type="password", password=canary, **form), 400, "unsupported_grant_type", 70003
    )
    assert "local stand-in takes no passwords" in said
    client_credentials(emulator, UNKNOWN, secret, ARM)
    realm = emulator.ask("GET", f"{LOGIN}/common/userrealm/student@labrunner.onmicrosoft.com?api-version=1.0")
    assert realm.json["account_type"] == "Managed"
    for word in (canary, secret):
        assert word not in emulator.log
        for path in (emulator.folder / "azure").rglob("*"):
            if path.is_file():
                assert word.encode() not in path.read_bytes(), path


def test_no_token_is_in_the_log(emulator: Emulator):
    answer = user(emulator, ARM).json
    for name in ("access_token", "refresh_token", "id_token"):
        assert answer[name] not in emulator.log


def graph(emulator: Emulator, text: str) -> Answer:
    return emulator.ask("GET", "https://graph.microsoft.com/v1.0/users", headers={"Authorization": f"Bearer {text}"})


def test_tokens_that_are_forged_expired_or_for_somebody_else(emulator: Emulator):
    answer = user(emulator)
    good = answer.json["access_token"]
    said = claims(good)
    assert graph(emulator, good).status == 200
    with closing(sqlite3.connect(emulator.folder / "azure" / "state.sqlite")) as db:
        (key,) = db.execute("SELECT key FROM signing").fetchone()
    assert graph(emulator, jwt.encode(said, key, algorithm="HS256")).status == 200
    head, body, signature = good.split(".")
    cases = {
        "forged: another key": (jwt.encode(said, "k" * 64, algorithm="HS256"), "Signature is invalid."),
        "forged: no key": (jwt.encode(said, None, algorithm="none"), "Signature is invalid."),
        "forged: changed": (f"{head}.{body[:-4]}AAAA.{signature}", "Signature is invalid."),
        "forged: no token at all": ("nonsense", "CompactToken parsing failed with error code: 80049217"),
        "expired": (
            jwt.encode({**said, "exp": int(time.time()) - 1}, key, algorithm="HS256"),
            "Lifetime validation failed, the token is expired.",
        ),
        "no end": (
            jwt.encode({name: said[name] for name in said if name != "exp"}, key, algorithm="HS256"),
            "Lifetime validation failed, the token is expired.",
        ),
        "audience": (user(emulator, ARM).json["access_token"], "Invalid audience."),
        "an id token": (answer.json["id_token"], "Invalid audience."),
    }
    for name, (text, words) in cases.items():
        found = graph(emulator, text)
        assert (found.status, found.json["error"]["code"]) == (401, "InvalidAuthenticationToken"), name
        assert words in found.json["error"]["message"], name
    gone = jwt.encode({**said, "oid": UNKNOWN}, key, algorithm="HS256")
    assert graph(emulator, gone).json["error"]["code"] == "Authorization_IdentityNotFound"


def test_a_refresh_token_survives_a_restart(new_folder):
    from tests.emulator.running import start

    folder = new_folder()
    running = start(folder)
    try:
        first = user(running, ARM).json
    finally:
        running.end()
    running = start(folder)
    try:
        form = {"grant_type": "refresh_token", "client_id": AZ, "refresh_token": first["refresh_token"]}
        again = token(running, scope=GRAPH, **form)
        me = running.ask("GET", "https://graph.microsoft.com/v1.0/me", headers=bearer(again))
        assert me.json["id"] == claims(first["access_token"])["oid"]
        running.control.reset()
        refused(token(running, scope=GRAPH, **form), 400, "invalid_grant", 9002313)
    finally:
        running.end()
