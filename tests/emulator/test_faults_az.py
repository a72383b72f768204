"""Faults as the real az shows them, and as it gets over them."""

import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from tests.emulator.arm import owner
from tests.emulator.running import REGISTRY, Az, Emulator
from tests.waiting import wait_for

GROUP = "progress-labs"
SHOW = ("acr", "show", "--name", REGISTRY, "--query", "name")
LIST = ("acr", "repository", "list", "--name", REGISTRY)


@pytest.fixture(autouse=True)
def control(emulator: Emulator) -> Iterator[object]:
    yield emulator.control
    emulator.control.clear_faults()
    emulator.control.set_clock(0)


class Since:
    """The trouble from now on."""

    def __init__(self, az: Az) -> None:
        self.control = az.emulator.control
        self.seq = self.control.trouble()["seq"]

    def kinds(self) -> dict[str, str]:
        return {entry["kind"]: entry["text"] for entry in self.control.trouble(self.seq)["trouble"]}

    def outlasts(self, az: Az, words: Sequence[str], kind: str) -> str:
        """What az prints at the end, when the faults end as soon as it has met one."""
        process = az.begin(words)
        try:
            wait_for(lambda: kind in self.kinds(), seconds=30)
            assert process.poll() is None
            self.control.clear_faults()
            out, err = process.communicate(timeout=60)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
        assert process.returncode == 0, err
        return str(out).strip()


def test_az_waits_as_resource_manager_tells_it_and_goes_on(az: Az):
    """In real time: az sleeps for what Retry-After says."""
    since = Since(az)
    az.emulator.control.set_fault("throttled", services=["arm"], retry_after=1)
    assert since.outlasts(az, SHOW, "throttled") == f'"{REGISTRY}"'


def test_az_says_that_a_registry_throttles(az: Az):
    since = Since(az)
    az.emulator.control.set_fault("throttled", services=["acr"])
    ran = az.run("acr", "login", "--name", REGISTRY, "--expose-token")
    assert ran.status == 1
    assert f"Too many requests, access to registry '{REGISTRY}.azurecr.io' was denied." in ran.err
    assert list(since.kinds()) == ["throttled"]
    az.emulator.control.clear_faults()
    assert az.json("acr", "login", "--name", REGISTRY, "--expose-token")["accessToken"]


def test_az_gets_over_a_server_error_and_shows_one_that_stays(az: Az, new_az: Callable[[], Az]):
    since = Since(az)
    az.emulator.control.set_fault("server-error", services=["arm"])
    assert since.outlasts(az, SHOW, "server-error") == f'"{REGISTRY}"'
    assert since.kinds()["server-error"] == "Azure Resource Manager answered a request with a server error (503)."
    az.emulator.control.set_fault("server-error", services=["entra"])
    ran = new_az().login(*az.emulator.control.operator())
    assert ran.status == 1
    assert "503" in ran.err or "AADSTS90033" in ran.err


def test_az_is_told_that_its_token_has_expired_until_it_signs_in_again(new_az: Callable[[], Az]):
    az = new_az()
    assert az.login_user().status == 0
    since = Since(az)
    az.emulator.control.set_fault("expired-tokens")
    ran = az.run(*SHOW)
    assert ran.status == 1
    assert "(ExpiredAuthenticationToken) The access token expiry UTC time" in ran.err
    assert list(since.kinds()) == ["expired-token"]
    assert az.run("account", "clear").status == 0, "or az takes tokens that it keeps for good ones"
    assert az.login_user().status == 0
    assert az.json(*SHOW) == REGISTRY


def test_az_meets_a_role_that_has_not_spread(az: Az, new_az: Callable[[], Az]):
    control = az.emulator.control
    scope = az.json("acr", "show", "--name", REGISTRY, "--query", "id")
    control.set_fault("role-delay")
    made = az.json("ad", "sp", "create-for-rbac", "--name", "lab-puller", "--scopes", scope, "--role", "AcrPull")
    since = Since(az)
    puller = new_az()
    refused = puller.login(made["appId"], made["password"])
    assert refused.status == 1
    assert "No subscriptions found for" in refused.err
    assert since.kinds()["role-not-spread"].startswith("The role AcrPull given to lab-puller")
    control.set_clock(60)
    signed_in = puller.login(made["appId"], made["password"])
    assert signed_in.status == 0, signed_in.err
    assert owner(az.emulator).get("providers/Microsoft.Authorization/roleAssignments")


def test_az_lists_what_was_there_a_while_ago(az: Az):
    from tests.emulator.registry import Raw, over_proxy

    emulator, since = az.emulator, Since(az)
    host = f"{REGISTRY}.azurecr.io"
    raw = Raw(host, over_proxy(host, emulator.proxy, emulator.bundle), emulator.control.operator())
    try:
        emulator.control.set_fault("list-lag", delay=60)
        raw.use("repository:web:*").push("web", "1.0")
    finally:
        raw.close()
    assert az.json(*LIST) == []
    assert since.kinds() == {"stale-list": "The list of repositories lags behind: it lacks the latest changes."}
    emulator.control.set_clock(60)
    assert az.json(*LIST) == ["web"]


def test_az_gets_over_a_proxy_that_is_away_for_a_while(az: Az):
    since = Since(az)
    az.emulator.control.set_fault("proxy-down")
    assert since.outlasts(az, SHOW, "refused-connection") == f'"{REGISTRY}"'


def test_a_slow_answer_only_takes_its_time(az: Az):
    """In real time."""
    since = Since(az)
    az.emulator.control.set_fault("latency", delay=2.5, services=["arm"])
    began = time.monotonic()
    assert az.json(*SHOW) == REGISTRY
    assert time.monotonic() - began > 2.5
    assert list(since.kinds()) == ["slow"]
