"""Which operation answers which request."""

import pytest

from labrunner.emulator.routing import Operation, Router, Service


async def handler(call):
    raise NotImplementedError


def operation(name: str, method: str, path: str) -> Operation:
    return Operation(name=name, method=method, path=path, handler=handler, source="none")


def service(*operations: Operation, hosts: tuple[str, ...] = ("*.azurecr.io",), ignore_case: bool = False) -> Service:
    return Service(
        name="s",
        title="S",
        hosts=hosts,
        operations=operations,
        admit=handler,
        render=lambda refusal, call: None,
        ignore_case=ignore_case,
    )


BLOBS = service(
    operation("base", "GET", "/v2/"),
    operation("blob", "GET", "/v2/{name:path}/blobs/{digest}"),
    operation("start", "POST", "/v2/{name:path}/blobs/uploads/"),
    operation("head", "HEAD", "/v2/{name:path}/manifests/{reference}"),
    operation("get", "GET", "/v2/{name:path}/manifests/{reference}"),
)


@pytest.mark.parametrize(
    ("method", "path", "name", "params"),
    [
        ("GET", "/v2/", "base", {}),
        ("GET", "/v2", "base", {}),
        ("GET", "/v2/a/blobs/sha256:1", "blob", {"name": "a", "digest": "sha256:1"}),
        ("HEAD", "/v2/a/b/c/blobs/sha256:1", "blob", {"name": "a/b/c", "digest": "sha256:1"}),
        ("HEAD", "/v2/a/manifests/1", "head", {"name": "a", "reference": "1"}),
        ("POST", "/v2/a/blobs/uploads", "start", {"name": "a"}),
        ("GET", "/v2/blobs/blobs/x/blobs/y", "blob", {"name": "blobs/blobs/x", "digest": "y"}),
        ("GET", "/v2/..%2f..%2fetc/blobs/x", "blob", {"name": "../../etc", "digest": "x"}),
    ],
)
def test_an_operation_is_found(method, path, name, params):
    found = Router(BLOBS).find(method, path)
    assert found is not None
    assert (found[0].name, found[1]) == (name, params)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/"), ("DELETE", "/v2/"), ("GET", "/v2//blobs/x"), ("GET", "/")]
)
def test_nothing_else_is(method, path):
    assert Router(BLOBS).find(method, path) is None


def test_what_a_path_can_be_asked():
    assert Router(BLOBS).methods("/v2/a/manifests/1") == ["GET", "HEAD"]


def test_case_counts_or_not():
    route = operation("get", "GET", "/subscriptions/{subscription}/resourceGroups/{group}")
    path = "/SUBSCRIPTIONS/1/resourcegroups/My"
    assert Router(service(route)).find("GET", path) is None
    found = Router(service(route, ignore_case=True)).find("GET", path)
    assert found is not None
    assert found[1] == {"subscription": "1", "group": "My"}


@pytest.mark.parametrize(
    ("host", "is_served"),
    [
        ("reg.azurecr.io", True),
        ("reg.eastus.data.azurecr.io", True),
        ("azurecr.io", False),
        (".azurecr.io", False),
        ("reg.azurecr.io.evil.com", False),
    ],
)
def test_the_hosts_of_a_service(host, is_served):
    assert service().serves(host) is is_served
