"""Signing in and looking around with the real az, and with what takes its tokens from it."""

import subprocess
import sys
from collections.abc import Callable

from tests.emulator.running import Az, Emulator, guid
from tests.emulator.signing import claims, operator

STUDENT = "student@labrunner.onmicrosoft.com"


def test_a_device_code(az: Az):
    account = az.json("account", "show")
    assert account["user"] == {"name": STUDENT, "type": "user"}
    assert (account["tenantId"], account["id"]) == (az.emulator.tenant, az.emulator.subscription)
    assert (account["name"], account["environmentName"]) == ("labrunner sandbox", "AzureCloud")


def test_an_access_token(az: Az):
    found = az.json("account", "get-access-token")
    assert sorted(found) == ["accessToken", "expiresOn", "expires_on", "subscription", "tenant", "tokenType"]
    said = claims(found["accessToken"])
    assert (said["aud"], said["upn"]) == ("https://management.core.windows.net/", STUDENT)
    registry = az.json("account", "get-access-token", "--resource", "https://containerregistry.azure.net")
    assert claims(registry["accessToken"])["aud"] == "https://containerregistry.azure.net"
    wrong = az.run("account", "get-access-token", "--resource", "https://vault.azure.net")
    assert wrong.status == 1
    assert "AADSTS500011: The resource principal named https://vault.azure.net was not found" in wrong.err


def test_a_service_principal(new_az: Callable[[], Az]):
    az = new_az()
    client_id, secret = az.emulator.control.operator()
    ran = az.login(client_id, secret)
    assert ran.status == 0, ran.err
    assert ran.json[0]["user"] == {"name": client_id, "type": "servicePrincipal"}
    me = az.run("ad", "signed-in-user", "show")
    assert me.status == 1
    assert "/me request is only valid with delegated authentication flow." in me.err


def test_sign_ins_that_fail(new_az: Callable[[], Az]):
    az = new_az()
    client_id, _ = az.emulator.control.operator()
    wrong = az.login(client_id, "canary-az-secret-51d0")
    assert wrong.status == 1
    assert "AADSTS7000215: Invalid client secret provided." in wrong.err
    unknown = az.login("11111111-2222-3333-4444-555555555555", "x")
    assert unknown.status == 1
    assert "AADSTS700016: Application with identifier '11111111-2222-3333-4444-555555555555'" in unknown.err
    password = az.run("login", "-u", STUDENT, "-p", "canary-az-password-51d0")
    assert password.status == 1
    assert "takes no passwords" in password.err
    assert "canary-az" not in az.emulator.log
    assert az.run("account", "show").status == 1


def test_a_token_that_az_keeps_is_renewed_after_a_restart_of_az(az: Az):
    """Every az is a new process: it lives on its refresh token."""
    me = az.json("ad", "signed-in-user", "show")
    assert (me["userPrincipalName"], guid(me["id"])) == (STUDENT, True)


IDENTITY = """
import sys
from azure.identity import AzureCliCredential
print(AzureCliCredential(process_timeout=60).get_token("https://management.azure.com/.default").token)
"""


def test_azure_identity_takes_its_token_from_az(az: Az):
    folder = az.program.rpartition("/")[0]
    environment = {**az.environment(), "PATH": f"{folder}:/usr/bin:/bin"}
    ran = subprocess.run(
        [sys.executable, "-c", IDENTITY], env=environment, capture_output=True, text=True, timeout=90, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert claims(ran.stdout.strip())["upn"] == STUDENT


def test_roles_of_a_service_principal_that_is_gone_stay_without_a_name(az: Az):
    emulator: Emulator = az.emulator
    scope = f"/subscriptions/{emulator.subscription}/resourceGroups/progress-labs"
    made = az.json("ad", "sp", "create-for-rbac", "-n", "orphan", "--role", "acrpull", "--scopes", scope)
    (before,) = az.json("role", "assignment", "list", "--assignee", made["appId"], "--scope", scope)
    assert (before["principalName"], before["roleDefinitionName"]) == (made["appId"], "AcrPull")
    assert az.run("ad", "app", "delete", "--id", made["appId"]).status == 0
    after = [one for one in az.json("role", "assignment", "list", "--scope", scope) if one["id"] == before["id"]]
    assert [one["principalName"] for one in after] == [""]
    url = f"https://management.azure.com{before['id']}?api-version=2022-04-01"
    headers = operator(emulator, "https://management.azure.com/.default")
    assert emulator.ask("DELETE", url, headers=headers).status == 200
