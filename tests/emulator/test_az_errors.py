"""What goes wrong with the real az: exit status, and the words of its message that matter."""

from collections.abc import Callable
from contextlib import closing

import pytest

from tests.emulator.registry import IMAGE, Raw, image, over_proxy
from tests.emulator.running import REGISTRY, Az, Emulator
from tests.emulator.signing import ARM, operator

SERVER = f"{REGISTRY}.azurecr.io"
VERSION = "api-version=2026-03-01-preview"
LOCKED = "The operation is disallowed on this registry, repository or image."
ABSENT = "could not be found in subscription 'labrunner sandbox ("


@pytest.fixture(scope="module")
def words(emulator: Emulator) -> dict[str, str]:
    """What the commands name. web:locked must neither be written nor deleted; {O} is a Standard registry elsewhere."""
    subscription = f"/subscriptions/{emulator.subscription}"
    group = f"{subscription}/resourceGroups/elsewhere"
    scope = f"{subscription}/resourceGroups/progress-labs/providers/Microsoft.ContainerRegistry/registries/{REGISTRY}"
    standard = {"location": "eastus", "sku": {"name": "Standard"}}
    other = f"{group}/providers/Microsoft.ContainerRegistry/registries/standardacr1"
    for path, body in ((group, {"location": "eastus"}), (other, standard)):
        url = f"https://management.azure.com{path}?{VERSION}"
        answer = emulator.ask("PUT", url, headers=operator(emulator, ARM), body=body)
        assert answer.status in {200, 201}, answer.text
    raw = Raw(SERVER, over_proxy(SERVER, emulator.proxy, emulator.bundle), emulator.control.operator())
    try:
        raw.use("repository:web:*")
        raw.push("web", "1.0")
        raw.push("web", "locked", layer=b"locked")
        locks = b'{"writeEnabled": false, "deleteEnabled": false}'
        answer = raw.ask("PATCH", "/acr/v1/web/_tags/locked", locks, {"Content-Type": "application/json"})
        assert answer.status == 200, answer
    finally:
        raw.close()
    return {"R": REGISTRY, "O": "standardacr1", "S": subscription, "SCOPE": scope}


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("acr create --name no --resource-group elsewhere --sku Basic", 1, "between 5 and 50 characters in length"),
        ("acr create --name not_so --resource-group elsewhere --sku Basic", 1, "alpha numeric characters only"),
        (
            "acr create --name {R} --resource-group elsewhere --sku Basic",
            1,
            f"(AlreadyInUse) The registry DNS name {SERVER}",
        ),
        (
            "acr create --name freeacr1 --resource-group nogroup --sku Basic",
            2,
            "(ResourceGroupNotFound) Resource group 'nogroup'",
        ),
        (
            "acr create --name freeacr1 --resource-group elsewhere --sku Basic --location nowhere",
            1,
            "(LocationNotAvailable",
        ),
        (
            "acr create --name freeacr1 --resource-group elsewhere --sku Gold",
            2,
            "'Gold' is not a valid value for '--sku'",
        ),
        ("acr update --name {O} --data-endpoint-enabled true", 1, "not supported for the SKU Standard"),
        (
            "acr update --name nosuchacr1 --admin-enabled true",
            1,
            f"'nosuchacr1' and type 'Microsoft.ContainerRegistry/registries' {ABSENT}",
        ),
        (
            "acr show --name nosuchacr1 --resource-group elsewhere",
            3,
            "'Microsoft.ContainerRegistry/registries/nosuchacr1' under resource group 'elsewhere'",
        ),
        ("acr show --name nosuchacr1 --resource-group nogroup", 3, "(ResourceGroupNotFound)"),
        ("acr show --name {R} --resource-group elsewhere", 3, "(ResourceNotFound)"),
        ("acr delete --name nosuchacr1 --yes", 1, ABSENT),
        (
            "acr credential show --name {O}",
            1,
            "Run 'az acr update -n standardacr1 --admin-enabled true' to enable admin first.",
        ),
        ("acr config content-trust show --registry {O}", 1, "only supported for managed registries in Premium SKU"),
        ("group show --name nogroup", 3, "(ResourceGroupNotFound) Resource group 'nogroup' could not be found."),
        ("group delete --name nogroup --yes", 3, "(ResourceGroupNotFound)"),
        ("group create --name elsewhere --location westus", 1, "(InvalidResourceGroupLocation)"),
        (
            "acr repository list --name nosuchacr1",
            1,
            "Could not connect to the registry login server 'nosuchacr1.azurecr.io'.",
        ),
        ("acr repository show --name {R} --repository nosuch", 3, "repository name not known to registry"),
        ("acr repository show-tags --name {R} --repository nosuch", 1, "repository name not known to registry"),
        ("acr repository show --name {R} --image web:nosuch", 3, "the specified tag does not exist"),
        ("acr repository untag --name {R} --image web:nosuch", 1, "the specified tag does not exist"),
        ("acr repository delete --name {R} --image web:nosuch --yes", 1, "the specified tag does not exist"),
        ("acr repository delete --name {R} --repository nosuch --yes", 1, "repository name not known to registry"),
        ("acr repository untag --name {R} --image web:locked", 1, LOCKED),
        ("acr repository delete --name {R} --image web:locked --yes", 1, LOCKED),
        ("acr repository delete --name {R} --repository web --yes", 1, LOCKED),
        ("acr webhook show --registry {R} --name nosuchhook", 3, "webhooks/nosuchhook' under resource group"),
        ("acr webhook list-events --registry {R} --name nosuchhook", 3, "(ResourceNotFound)"),
        (
            "acr webhook create --registry {R} --name bad --uri http://127.0.0.1/x --actions push",
            1,
            "5 to 50 alphanumeric",
        ),
        (
            "acr webhook create --registry {R} --name badaddress --uri nowhere --actions push",
            1,
            "must be an http or https",
        ),
        (
            "role assignment create --assignee 00000000-0000-0000-0000-000000000001 --role AcrPull --scope {SCOPE}",
            1,
            "Cannot find user or service principal",
        ),
        (
            "role assignment create --assignee student@labrunner.onmicrosoft.com --role Nobody --scope {SCOPE}",
            1,
            "Role 'Nobody' doesn't exist.",
        ),
    ],
)
def test_what_cannot_be_done_is_said(az: Az, words: dict[str, str], line: str, status: int, said: str):
    ran = az.run(*(word.format(**words) for word in line.split()))
    assert (ran.status, ran.out) == (status, ""), ran.err
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_a_locked_tag_is_not_overwritten(emulator: Emulator, words: dict[str, str]):
    raw = Raw(SERVER, over_proxy(SERVER, emulator.proxy, emulator.bundle), emulator.control.operator())
    try:
        raw.use("repository:web:*")
        raw.blob("web", b"another")
        answer = raw.manifest("web", "locked", image(b"another"), IMAGE)
        assert answer.error[0] in {403, 405}
        assert LOCKED in answer.json["errors"][0]["message"]
    finally:
        raw.close()


@pytest.fixture(scope="module")
def puller(az: Az, new_az: Callable[[], Az], words: dict[str, str]) -> tuple[Az, str, str]:
    """An az of a service principal that may pull; its id and secret."""
    made = az.json("ad", "sp", "create-for-rbac", "--name", "puller", "--role", "AcrPull", "--scopes", words["SCOPE"])
    found = new_az()
    ran = found.login(made["appId"], made["password"])
    assert ran.status == 0, ran.err
    return found, made["appId"], made["password"]


def test_a_wrong_secret_and_an_unknown_application(new_az: Callable[[], Az], puller: tuple[Az, str, str]):
    _, app, secret = puller
    wrong = new_az().login(app, "not-" + secret)
    assert wrong.status == 1
    assert "AADSTS7000215: Invalid client secret provided." in wrong.err
    unknown = new_az().login("00000000-0000-0000-0000-000000000001", secret)
    assert unknown.status == 1
    assert "AADSTS700016" in unknown.err
    assert secret not in wrong.err + unknown.err


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        # Who may pull may not read the registry itself: az looks for it in a list where it is not.
        ("acr update --name {R} --admin-enabled true", 1, ABSENT),
        ("acr delete --name {R} --yes", 1, ABSENT),
        ("acr show --name {R} --resource-group progress-labs", 1, "(AuthorizationFailed) The client '"),
        (
            "acr create --name {R} --resource-group progress-labs --sku Basic --location eastus",
            1,
            "(AuthorizationFailed)",
        ),
        ("acr repository untag --name {R} --image web:1.0", 1, "authentication required"),
        ("acr repository delete --name {R} --image web:1.0 --yes", 1, "authentication required"),
        ("acr repository update --name {R} --image web:1.0 --write-enabled false", 1, "authentication required"),
        ("group create --name mine --location eastus", 1, "'Microsoft.Resources/subscriptions/resourceGroups/write'"),
        ("role assignment list --all", 1, "'Microsoft.Authorization/roleAssignments/read'"),
    ],
)
def test_who_may_only_pull_may_do_no_more(
    puller: tuple[Az, str, str], emulator: Emulator, words: dict[str, str], line: str, status: int, said: str
):
    ran = puller[0].run(*(word.format(**words) for word in line.split()))
    assert ran.status == status, ran.err
    assert said in ran.err
    with closing(Raw(SERVER, over_proxy(SERVER, emulator.proxy, emulator.bundle), emulator.control.operator())) as raw:
        answer = raw.use("repository:web:metadata_read").ask("GET", "/acr/v1/web/_tags/1.0")
    assert answer.json["tag"]["changeableAttributes"]["writeEnabled"], answer


def test_who_may_only_pull_gets_no_token_to_push_with(emulator: Emulator, puller: tuple[Az, str, str]):
    az, app, secret = puller
    assert "web" in az.json("acr", "repository", "list", "--name", REGISTRY)
    raw = Raw(SERVER, over_proxy(SERVER, emulator.proxy, emulator.bundle), (app, secret))
    try:
        raw.use("repository:web:pull,push")
        assert raw.ask("GET", "/v2/web/manifests/1.0", headers={"Accept": IMAGE}).status == 200
        answer = raw.ask("POST", "/v2/web/blobs/uploads/")
        assert answer.error == (401, "UNAUTHORIZED")
        assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    finally:
        raw.close()
