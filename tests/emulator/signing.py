"""Signing in by hand, as the clients do it."""

import base64
import json
from typing import Any

from tests.emulator.running import Answer, Emulator

AZ = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
ARM = "https://management.core.windows.net//.default"
GRAPH = "https://graph.microsoft.com//.default"
LOGIN = "https://login.microsoftonline.com"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def token(emulator: Emulator, *, tenant: str | None = None, **form: str) -> Answer:
    """POST to the token endpoint."""
    url = f"{LOGIN}/{tenant or emulator.tenant}/oauth2/v2.0/token"
    return emulator.ask("POST", url, body=list(form.items()))


def client_credentials(emulator: Emulator, client_id: str, secret: str, scope: str) -> Answer:
    return token(emulator, grant_type="client_credentials", client_id=client_id, client_secret=secret, scope=scope)


def operator(emulator: Emulator, scope: str = GRAPH) -> dict[str, str]:
    """The operator's Authorization header."""
    client_id, secret = emulator.control.operator()
    return bearer(client_credentials(emulator, client_id, secret, scope))


def device(emulator: Emulator, scope: str, *, client_id: str = AZ) -> Any:
    """A begun device code flow."""
    url = f"{LOGIN}/organizations/oauth2/v2.0/devicecode"
    answer = emulator.ask("POST", url, body=[("client_id", client_id), ("scope", scope)])
    assert answer.status == 200, answer.text
    return answer.json


def user(emulator: Emulator, scope: str = GRAPH) -> Answer:
    """The sandbox's user, signed in with a device code."""
    begun = device(emulator, f"{scope} openid profile offline_access")
    emulator.control.approve(begun["user_code"])
    return token(emulator, grant_type=DEVICE, client_id=AZ, device_code=begun["device_code"], client_info="1")


def bearer(answer: Answer) -> dict[str, str]:
    assert answer.status == 200, answer.text
    return {"Authorization": f"Bearer {answer.json['access_token']}"}


def claims(text: str) -> Any:
    """What a token says."""
    part = text.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
