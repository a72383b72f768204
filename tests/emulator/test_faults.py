"""Each fault as clients see it, what is told of it, and that all is well when it has ended."""

import gc
import http.client
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from azure.containerregistry import ContainerRegistryClient
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential

from tests.emulator.arm import HOST, owner, refused, robot
from tests.emulator.registry import Raw, over_proxy
from tests.emulator.running import REGISTRY, Answer, Emulator
from tests.emulator.signing import ARM, GRAPH, client_credentials, operator
from tests.emulator.test_acr_sdk import push
from tests.waiting import wait_for

SERVER = f"{REGISTRY}.azurecr.io"
RESOURCE = f"resourceGroups/progress-labs/providers/Microsoft.ContainerRegistry/registries/{REGISTRY}"
HOSTS = {
    "arm": (f"{HOST}/tenants?api-version=2022-12-01", ARM),
    "graph": ("https://graph.microsoft.com/v1.0/applications", GRAPH),
}

# The SDK leaves the connection of a streamed answer open when that is an error.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
]


class Watched:
    """The emulator, and the trouble since the test began."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.control = emulator.control
        self.since = self.control.trouble()["seq"]

    def kinds(self) -> dict[str, int]:
        return {entry["kind"]: entry["count"] for entry in self.control.trouble(self.since)["trouble"]}

    def text(self, kind: str) -> str:
        (found,) = (one["text"] for one in self.control.trouble(self.since)["trouble"] if one["kind"] == kind)
        return str(found)

    @property
    def settling(self) -> list[str]:
        return list(self.control.trouble()["settling"])

    def ask(self, service: str) -> Answer:
        url, scope = HOSTS[service]
        return self.emulator.ask("GET", url, headers=self.headers[scope])

    headers: dict[str, dict[str, str]]


@pytest.fixture
def watched(emulator: Emulator) -> Iterator[Watched]:
    found = Watched(emulator)
    found.headers = {scope: operator(emulator, scope) for _, scope in HOSTS.values()}
    yield found
    emulator.control.clear_faults()
    emulator.control.set_clock(0)


@pytest.fixture
def raw(emulator: Emulator) -> Iterator[Raw]:
    """The operator in the registry."""
    found = Raw(SERVER, over_proxy(SERVER, emulator.proxy, emulator.bundle), emulator.control.operator())
    yield found.use("registry:catalog:*", "repository:lab:*")
    emulator.control.clear_faults()
    found.use("repository:lab:*").ask("DELETE", "/acr/v1/lab")
    found.close()


@pytest.fixture
def sdk(clients: Emulator) -> Iterator[ContainerRegistryClient]:
    identity, secret = clients.control.operator()
    with (
        ClientSecretCredential(clients.tenant, identity, secret) as credential,
        ContainerRegistryClient(f"https://{SERVER}", credential, retry_total=3) as found,
    ):
        yield found
        clients.control.clear_faults()
        for name in list(found.list_repository_names()):
            found.delete_repository(name)
    gc.collect()


def outlasted(watched: Watched, kind: str, ask: Callable[[], Any]) -> Any:
    """What is answered at last, when the faults end as soon as one was met."""
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        wait_for(lambda: kind in watched.kinds())
        watched.control.clear_faults()
        return asking.result(30)


def test_without_a_fault_there_is_no_trouble(watched, raw):
    raw.push("lab", "v1", b"x" * 100_000)
    assert raw.ask("GET", "/v2/lab/manifests/nosuch").status == 404
    assert raw.ask("GET", "/v2/_catalog", bearer="").status == 401
    assert raw.ask("GET", "/nosuch/operation").status == 501
    assert watched.ask("arm").status == watched.ask("graph").status == 200
    assert watched.kinds() == {}
    assert watched.settling == []


# throttled


def test_resource_manager_throttles_in_its_words(watched):
    watched.control.set_fault("throttled", retry_after=7)
    answer = watched.ask("arm")
    refused(answer, 429, "SubscriptionRequestsThrottled", "Please try again after '7' seconds.")
    subscription = watched.emulator.subscription
    assert f"Number of requests for subscription '{subscription}' and operation 'GET/TENANTS'" in answer.text
    assert answer.headers["Retry-After"] == "7"
    assert watched.kinds() == {"throttled": 1}
    assert watched.text("throttled") == (
        "Azure Resource Manager refused a request because there were too many (429): wait 7 s."
    )
    watched.control.clear_faults("throttled")
    assert watched.ask("arm").status == 200
    assert watched.kinds() == {"throttled": 1}


def test_graph_and_registry_throttle_in_theirs_and_sign_ins_do_not(watched, raw):
    watched.control.set_fault("throttled")
    refused(watched.ask("graph"), 429, "TooManyRequests", "Too many requests from Identifier:")
    answer = raw.ask("GET", "/v2/_catalog")
    assert answer.error == (429, "TOOMANYREQUESTS")
    assert "https://aka.ms/acr/skus#sku-feature-matrix" in answer.json["errors"][0]["message"]
    assert answer.headers["Retry-After"] == "5"
    assert operator(watched.emulator, ARM)
    assert raw.ask("GET", "/v2/", bearer="").status == 401, "where to get a token is always said"
    assert watched.kinds() == {"throttled": 2}


def test_a_tiers_limit_is_that_of_what_is_written_and_ends_with_the_tier(watched, raw):
    registry = raw.host.partition(".")[0]
    watched.control.set_fault("throttled", registry=registry, tiers=["Basic", "Standard"], step=True)
    raw.push("lab", "before")
    watched.control.set_fault("lower-tier", registry=registry, sku="Standard", step=True)
    assert raw.ask("POST", "/v2/lab/blobs/uploads/").error == (429, "TOOMANYREQUESTS")
    assert raw.ask("GET", "/acr/v1/lab/_tags").status == 200
    assert raw.use("registry:catalog:*", "repository:lab:*").ask("GET", "/v2/_catalog").status == 200
    assert watched.kinds() == {}, "a step wants it so: nobody else is to blame"
    assert watched.control.end_step_faults() == ["throttled", "lower-tier"]
    raw.push("lab", "after")


def test_a_step_may_want_a_registry_to_be_far(watched, raw):
    registry = raw.host.partition(".")[0]
    watched.control.set_fault("latency", registry=registry, delay=2.2, step=True)
    began = time.monotonic()
    assert watched.ask("arm").status == 200
    assert time.monotonic() - began < 2, "the registry alone is"
    assert raw.ask("GET", "/v2/_catalog").status == 200
    assert time.monotonic() - began > 2.2
    assert watched.kinds() == {}


def test_nobody_is_told_to_wait_for_longer_than_it_lasts(watched):
    watched.control.set_fault("throttled", seconds=30, retry_after=60)
    watched.control.set_clock(20)
    assert int(watched.ask("arm").headers["Retry-After"]) in (9, 10)
    watched.control.set_clock(30)
    assert watched.ask("arm").status == 200


def test_the_sdk_waits_as_it_is_told_and_goes_on(watched, sdk):
    """In real time: the SDK sleeps for what Retry-After says."""
    push(sdk, "lab/app", "v1")
    watched.control.set_fault("throttled", services=["acr"], retry_after=2)
    began = time.monotonic()
    assert outlasted(watched, "throttled", lambda: list(sdk.list_repository_names())) == ["lab/app"]
    assert time.monotonic() - began > 1.9


# server-error


@pytest.mark.parametrize(
    ("status", "arm", "graph", "acr"),
    [
        (500, "InternalServerError", "InternalServerError", "UNKNOWN"),
        (503, "ServerTimeout", "ServiceUnavailable", "UNAVAILABLE"),
    ],
)
def test_server_errors_have_each_services_form(watched, raw, status, arm, graph, acr):
    watched.control.set_fault("server-error", status=status)
    refused(watched.ask("arm"), status, arm, f"subscription id '{watched.emulator.subscription}'")
    refused(watched.ask("graph"), status, graph)
    assert raw.ask("GET", "/v2/_catalog").error == (status, acr)
    identity, secret = watched.control.operator()
    answer = client_credentials(watched.emulator, identity, secret, ARM)
    assert (answer.status, answer.json["error"]) == (status, "temporarily_unavailable")
    assert answer.json["error_codes"] == [90033]
    answer = watched.emulator.ask("GET", "https://logs.blob.core.windows.net/logs/run.log")
    assert (answer.status, answer.headers["x-ms-error-code"]) == (
        status,
        "ServerBusy" if status == 503 else "InternalError",
    )
    assert watched.kinds() == {"server-error": 5}
    assert f"({status})" in watched.text("server-error")


def test_what_is_refused_is_not_done(watched, raw):
    raw.push("lab", "v1")
    watched.control.set_fault("server-error", services=["acr"])
    assert raw.ask("DELETE", "/acr/v1/lab/_tags/v1").status == 503
    assert raw.ask("PUT", "/v2/lab/manifests/v2", b"{}").status == 503
    assert watched.ask("arm").status == 200
    watched.control.clear_faults()
    assert raw.ask("GET", "/v2/lab/tags/list").json["tags"] == ["v1"]


def test_the_sdk_tries_again(watched, sdk):
    push(sdk, "lab/app", "v1")
    watched.control.set_fault("server-error", services=["acr"])
    assert outlasted(watched, "server-error", lambda: list(sdk.list_repository_names())) == ["lab/app"]
    watched.control.set_fault("server-error", services=["acr"])
    sdk_without_patience = {"retry_total": 0}
    with pytest.raises(HttpResponseError) as caught:
        list(sdk.list_repository_names(**sdk_without_patience))
    assert caught.value.status_code == 503


# latency


class Asking:
    """A request in a thread of its own, and what became of it."""

    def __init__(self, watched: Watched, service: str = "arm") -> None:
        self.answer: Answer | None = None
        self.error: BaseException | None = None
        self._ask = lambda: watched.ask(service)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.answer = self._ask()
        except (OSError, http.client.HTTPException) as error:
            self.error = error

    def join(self) -> None:
        self._thread.join(10)
        assert not self._thread.is_alive()


def is_held(watched: Watched) -> bool:
    """Whether a request has been seen to wait: the clock is moved until it is slow."""
    watched.control.set_clock(watched.control.status()["clock_offset"] + 0.5)
    return "slow" in watched.kinds()


@pytest.mark.parametrize("delay", [10, 60])
def test_a_slow_answer_is_right_and_told(watched, delay):
    watched.control.set_fault("latency", delay=delay)
    asking = Asking(watched)
    wait_for(lambda: is_held(watched))
    assert asking.answer is None
    assert watched.text("slow") == "Azure Resource Manager let a request wait for more than 2 s."
    watched.control.set_clock(watched.control.status()["clock_offset"] + delay)
    asking.join()
    assert asking.answer is not None
    assert asking.answer.status == 200
    assert watched.kinds() == {"slow": 1}


def test_a_client_that_gives_up_finds_why(watched, emulator):
    """In real time: what is slow is told before it is answered."""
    watched.control.set_fault("latency", delay=30, services=["arm"])
    client = Raw("management.azure.com", over_proxy("management.azure.com", emulator.proxy, emulator.bundle))
    connection = client._connect()
    connection.timeout = 2.5
    client._connection = connection
    with pytest.raises(TimeoutError):
        client.ask("GET", "/tenants?api-version=2022-12-01")
    assert watched.kinds() == {"slow": 1}
    assert watched.ask("graph").status == 200
    watched.control.clear_faults()
    assert watched.ask("arm").status == 200
    assert watched.kinds() == {"slow": 1}


def test_what_is_a_little_late_is_no_trouble(watched):
    watched.control.set_fault("latency", delay=0.2)
    assert watched.ask("arm").status == 200
    assert watched.kinds() == {}


# expired-tokens


def test_resource_manager_and_graph_refuse_tokens_of_before(watched):
    watched.control.set_fault("expired-tokens")
    answer = watched.ask("arm")
    refused(answer, 401, "ExpiredAuthenticationToken", "The access token expiry UTC time '")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    refused(
        watched.ask("graph"), 401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired."
    )
    assert watched.kinds() == {"expired-token": 2}
    assert watched.text("expired-token").startswith("A token for https://graph.microsoft.com was refused")
    watched.headers = {scope: operator(watched.emulator, scope) for _, scope in HOSTS.values()}
    assert watched.ask("arm").status == watched.ask("graph").status == 200, "who signs in again goes on"
    assert watched.kinds() == {"expired-token": 2}


def test_a_registry_refuses_both_its_kinds_of_tokens(watched, raw):
    exchanged = raw.ask(
        "POST",
        "/oauth2/exchange",
        f"grant_type=access_token&service={SERVER}&access_token={watched.headers[ARM]['Authorization'][7:]}".encode(),
        {"Content-Type": "application/x-www-form-urlencoded"},
        bearer="",
    )
    refresh = exchanged.json["refresh_token"]
    watched.control.set_fault("expired-tokens")
    answer = raw.ask("GET", "/v2/_catalog")
    assert answer.error == (401, "UNAUTHORIZED")
    assert answer.headers["WWW-Authenticate"].startswith(f'Bearer realm="https://{SERVER}/oauth2/token"')
    form = f"grant_type=refresh_token&service={SERVER}&scope=registry:catalog:*&refresh_token={refresh}".encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert raw.ask("POST", "/oauth2/token", form, kind, bearer="").error == (401, "UNAUTHORIZED")
    assert watched.kinds() == {"expired-token": 2}
    raw.use("registry:catalog:*")
    assert raw.ask("GET", "/v2/_catalog").status == 200
    watched.control.clear_faults()
    assert raw.ask("POST", "/oauth2/token", form, kind, bearer="").status == 200


# role-delay


@pytest.mark.parametrize("delay", [30, 60])
def test_resource_manager_waits_for_a_role(watched, delay):
    watched.control.set_fault("role-delay", delay=delay)
    asking, principal, _ = robot(watched.emulator)
    group = f"{asking.subscription}/resourceGroups/progress-labs"
    assert owner(watched.emulator).assign(principal, "Reader", group).status == 201
    refused(asking("GET", group), 403, "AuthorizationFailed", "If access was recently granted, please refresh")
    assert asking.get("/subscriptions")["value"] == []
    words = r"The role Reader given to robot \d s ago has not spread yet: it does in (\d+) s\."
    for text in (watched.text("role-not-spread"), *watched.settling):
        said = re.fullmatch(words, text)
        assert said, text
        assert delay - 10 < int(said[1]) <= delay
    assert len(watched.settling) == 1
    watched.control.set_clock(delay - 15)
    assert asking("GET", group).status == 403
    watched.control.set_clock(delay)
    assert asking("GET", group).status == 200
    assert len(asking.get("/subscriptions")["value"]) == 1
    assert watched.kinds() == {"role-not-spread": 3}
    assert watched.settling == []


def test_a_registry_waits_for_a_role(watched, raw, emulator):
    raw.push("lab", "v1")
    asking, principal, credentials = robot(emulator)
    scope = f"{asking.subscription}/{RESOURCE}"
    watched.control.set_fault("role-delay")
    assert owner(emulator).assign(principal, "AcrPush", scope).status == 201
    client = Raw(SERVER, over_proxy(SERVER, emulator.proxy, emulator.bundle), credentials)
    try:
        assert client.token("repository:lab:pull").status == 401
        assert watched.kinds() == {"role-not-spread": 1}
        form = f"grant_type=access_token&service={SERVER}&access_token={asking.headers['Authorization'][7:]}".encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        assert client.ask("POST", "/oauth2/exchange", form, kind).status == 401
        assert watched.kinds() == {"role-not-spread": 2}
        watched.control.set_clock(60)
        client.use("repository:lab:pull,push")
        assert client.ask("GET", "/v2/lab/manifests/v1").status == 200
        assert client.ask("POST", "/oauth2/exchange", form, kind).status == 200
        assert watched.kinds() == {"role-not-spread": 2}
    finally:
        client.close()


def test_half_of_a_right_says_what_the_other_half_waits_for(watched, raw, emulator):
    """Docker's way: the token says less than was asked for, and the push is refused."""
    raw.push("lab", "v1")
    asking, principal, credentials = robot(emulator)
    scope = f"{asking.subscription}/{RESOURCE}"
    assert owner(emulator).assign(principal, "AcrPull", scope).status == 201
    watched.control.set_fault("role-delay")
    assert owner(emulator).assign(principal, "AcrPush", scope).status == 201
    client = Raw(SERVER, over_proxy(SERVER, emulator.proxy, emulator.bundle), credentials)
    try:
        client.use("repository:lab:pull,push")
        assert client.ask("GET", "/v2/lab/manifests/v1").status == 200
        assert watched.kinds() == {}, "what was asked for was answered"
        assert client.ask("DELETE", "/v2/lab/manifests/v1").status == 401
        assert watched.kinds() == {}, "no role will allow that"
        assert client.ask("POST", "/v2/lab/blobs/uploads/").status == 401
        assert watched.text("role-not-spread").startswith("The role AcrPush given to robot")
        watched.control.clear_faults("role-delay")
        client.use("repository:lab:pull,push")
        assert client.ask("POST", "/v2/lab/blobs/uploads/").status == 202
    finally:
        client.close()


# list-lag


def test_lists_lag_and_single_things_do_not(watched, sdk):
    push(sdk, "lab/app", "v1")
    watched.control.set_fault("list-lag", delay=60)
    digest = push(sdk, "lab/app", "v2", b"other")
    push(sdk, "lab/new", "v1")
    assert watched.kinds() == {}
    (text,) = watched.settling
    assert re.fullmatch(
        r"The lists of repositories, tags and manifests lack the latest changes: they are up to date in (60|5\d) s\.",
        text,
    )
    assert list(sdk.list_repository_names()) == ["lab/app"]
    assert [tag.name for tag in sdk.list_tag_properties("lab/app")] == ["v1"]
    assert digest not in [found.digest for found in sdk.list_manifest_properties("lab/app")]
    with pytest.raises(ResourceNotFoundError):
        list(sdk.list_tag_properties("lab/new"))
    assert sdk.get_tag_properties("lab/app", "v2").digest == digest
    assert sdk.get_manifest("lab/app", "v2").digest == digest
    assert watched.kinds() == {"stale-list": 4}
    watched.control.set_clock(61)
    seen = watched.kinds()
    assert list(sdk.list_repository_names()) == ["lab/app", "lab/new"]
    assert [tag.name for tag in sdk.list_tag_properties("lab/app")] == ["v1", "v2"]
    assert digest in [found.digest for found in sdk.list_manifest_properties("lab/app")]
    assert [tag.name for tag in sdk.list_tag_properties("lab/new")] == ["v1"]
    assert watched.kinds() == seen
    assert watched.settling == []


def test_what_is_deleted_is_listed_for_a_while(watched, raw):
    raw.push("lab", "v1")
    raw.push("lab", "v9", b"nine")
    watched.control.set_fault("list-lag")
    assert raw.ask("DELETE", "/acr/v1/lab/_tags/v9").status == 202
    assert raw.ask("GET", "/v2/lab/tags/list").json["tags"] == ["v1", "v9"]
    assert watched.text("stale-list") == "The list of lab's tags lags behind: it lacks the latest changes."
    assert raw.ask("GET", "/v2/lab/manifests/v9").status == 404
    watched.control.clear_faults()
    assert raw.ask("GET", "/v2/lab/tags/list").json["tags"] == ["v1"]


# proxy-down


def test_the_proxy_ends_connections_also_those_that_stand(watched, raw):
    assert raw.ask("GET", "/v2/_catalog").status == 200
    watched.control.set_fault("proxy-down")
    assert watched.kinds() == {}, "nobody has asked yet"
    for _ in range(2):
        with pytest.raises((OSError, http.client.HTTPException)):
            raw.ask("GET", "/v2/_catalog")
    assert watched.kinds() == {"refused-connection": 1}, "the first was the standing one"
    with pytest.raises((OSError, http.client.HTTPException)):
        watched.ask("arm")
    assert watched.kinds() == {"refused-connection": 2}
    assert watched.text("refused-connection") == "The proxy to Azure was down and ended a connection."
    watched.control.clear_faults()
    assert raw.ask("GET", "/v2/_catalog").status == 200
    assert watched.ask("arm").status == 200


def test_a_request_under_way_is_cut_and_told(watched):
    watched.control.set_fault("latency", delay=60)
    asking = Asking(watched)
    wait_for(lambda: is_held(watched))
    watched.control.set_fault("proxy-down")
    asking.join()
    assert asking.error is not None
    assert watched.kinds()["refused-connection"] == 1
