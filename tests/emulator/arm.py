"""Azure Resource Manager asked by hand, as one identity or another."""

import uuid
from typing import Any

from tests.emulator.running import Answer, Emulator
from tests.emulator.signing import ARM, GRAPH, bearer, client_credentials, user

HOST = "https://management.azure.com"
ROLES = {
    "Owner": "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "AcrPull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "AcrPush": "8311e382-0749-4cb8-b61a-304f252e45ec",
    "AcrDelete": "c2f4ef07-c644-48eb-af81-4b1b4947fb11",
}


class Arm:
    """One identity's requests. subscription: its scope."""

    def __init__(self, emulator: Emulator, headers: dict[str, str]) -> None:
        self.emulator = emulator
        self.headers = headers
        self.subscription = f"/subscriptions/{emulator.subscription}"

    def __call__(
        self, method: str, path: str, body: object = None, *, query: str = "", version: str = "2022"
    ) -> Answer:
        """path: after the subscription if it does not begin with a slash."""
        where = path if path.startswith("/") else f"{self.subscription}/{path}".rstrip("/")
        asked = "&".join(part for part in (f"api-version={version}" if version else "", query) if part)
        return self.emulator.ask(method, f"{HOST}{where}?{asked}", headers=self.headers, body=body)

    def get(self, path: str, **other: Any) -> Any:
        return self.good("GET", path, **other)

    def good(self, method: str, path: str, body: object = None, **other: Any) -> Any:
        answer = self(method, path, body, **other)
        assert answer.status in {200, 201}, answer.text
        return answer.json if answer.text else None

    def group(self, name: str) -> str:
        """A new group; its path."""
        self.good("PUT", f"resourcegroups/{name}", {"location": "eastus"})
        return f"{self.subscription}/resourceGroups/{name}"

    def registry(self, group: str, name: str, *, sku: str = "Basic", **properties: Any) -> str:
        """A new registry; its path."""
        path = f"{group}/providers/Microsoft.ContainerRegistry/registries/{name}"
        self.good("PUT", path, {"location": "eastus", "sku": {"name": sku}, "properties": properties})
        return path

    def assign(self, principal: str, role: str, scope: str) -> Answer:
        return self(
            "PUT",
            f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}",
            {
                "properties": {
                    "roleDefinitionId": f"{self.subscription}/providers/Microsoft.Authorization/roleDefinitions/"
                    f"{ROLES[role]}",
                    "principalId": principal,
                }
            },
        )


def owner(emulator: Emulator) -> Arm:
    """The sandbox's user."""
    return Arm(emulator, bearer(user(emulator, ARM)))


def robot(emulator: Emulator, name: str = "robot") -> tuple[Arm, str, tuple[str, str]]:
    """A new service principal without any right, its object id, and its credentials."""
    graph = bearer(user(emulator, GRAPH))

    def post(path: str, body: object) -> Any:
        answer = emulator.ask("POST", f"https://graph.microsoft.com/v1.0{path}", headers=graph, body=body)
        assert answer.status in {200, 201}, answer.text
        return answer.json

    made = post("/applications", {"displayName": name})
    principal = post("/servicePrincipals", {"appId": made["appId"]})
    secret = post(f"/applications/{made['id']}/addPassword", {"passwordCredential": {}})["secretText"]
    headers = bearer(client_credentials(emulator, made["appId"], secret, ARM))
    return Arm(emulator, headers), principal["id"], (made["appId"], secret)


def refused(answer: Answer, status: int, code: str, words: str = "") -> None:
    error = answer.json["error"]
    assert (answer.status, error["code"]) == (status, code), answer.text
    assert words in error["message"], error["message"]
