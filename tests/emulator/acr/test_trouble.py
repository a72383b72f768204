"""Trouble that nobody put there."""

import hashlib

import pytest

from labrunner.emulator import server
from tests.emulator.acr.conftest import Local


def kinds(local: Local) -> dict[str, int]:
    return {entry["kind"]: entry["count"] for entry in local.do(local.world.trouble.since)}


def test_an_answer_that_takes_long_is_told_but_not_of_a_layer(local: Local, monkeypatch: pytest.MonkeyPatch):
    raw = local.operator("registry:catalog:*", "repository:lab:*")
    layer = b"x" * (server._SMALL + 1)
    begun = raw.begin("lab")
    chunked = raw.begin("lab")
    monkeypatch.setattr(server, "SLOW_SECONDS", 0.0)
    digest = "sha256:" + hashlib.sha256(layer).hexdigest()
    assert raw.ask("PUT", f"{begun}?digest={digest}", layer).status == 201
    assert raw.ask("PATCH", chunked, iter([b"y"])).status == 202
    assert raw.ask("GET", f"/v2/lab/blobs/{digest}").body == layer
    assert kinds(local) == {}
    assert raw.ask("GET", "/v2/_catalog").status == 200
    assert kinds(local) == {"slow": 1}


def test_a_defect_of_our_own_is_told(local: Local, monkeypatch: pytest.MonkeyPatch):
    raw = local.operator("registry:catalog:*")
    monkeypatch.setattr(local.world.images, "repositories", None)
    assert raw.ask("GET", "/v2/_catalog").status == 500
    assert kinds(local) == {"server-error": 1}


def test_a_token_whose_time_is_over_is_told(local: Local):
    raw = local.operator("registry:catalog:*")
    local.ahead = 3601
    assert raw.ask("GET", "/v2/_catalog").status == 401
    assert kinds(local) == {"expired-token": 1}
