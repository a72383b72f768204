"""Links to logs of runs: who has one may read that log, for an hour."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from labrunner.emulator.refusal import Refusal
from labrunner.emulator.runlogs import SERVICE
from labrunner.emulator.runlogs.links import account_of, check_link, log_link
from labrunner.emulator.state.runs import RunRequest


@pytest.fixture
def link(world):
    registry = world.registries.ensure(
        group="labs", name="labacr12345", location="eastus", sku="Basic", subscription=world.resources.subscription
    )
    request = RunRequest(kind="QuickRun", step={}, platform={})
    run = world.runs.queue(registry.id, request, by=world.directory.signed_in_user())
    return urlsplit(log_link(world, registry, run))


def check(world, link, *, path="", **changed):
    query = {**dict(parse_qsl(link.query)), **changed}
    check_link(
        world, account_of(link.hostname), path or link.path, {key: value for key, value in query.items() if value}
    )


def test_a_link_opens_its_log(world, link):
    assert SERVICE.serves(link.hostname)
    check(world, link)


def test_the_signature_is_told_as_a_secret(world, link):
    assert dict(parse_qsl(link.query))["sig"] in world.issued.all()


@pytest.mark.parametrize(
    "changed",
    [
        {"sig": "AAAA"},
        {"sig": "é"},
        {"se": "2999-01-01T00:00:00Z"},
        {"sp": "rw"},
        {"sr": "c"},
        {"path": "/other/logs/cf1/rawtext.log"},
    ],
)
def test_a_link_that_was_changed_opens_nothing(world, link, changed):
    with pytest.raises(Refusal) as refused:
        check(world, link, **changed)
    assert (refused.value.status, refused.value.code) == (403, "AuthenticationFailed")
    assert refused.value.detail == "Signature did not match."


def test_without_a_signature_nothing_is_public(world, link):
    with pytest.raises(Refusal) as refused:
        check(world, link, sig="")
    assert (refused.value.status, refused.value.code) == (409, "PublicAccessNotPermitted")


@pytest.mark.parametrize("seconds", [3601.0, -301.0])
def test_a_link_has_its_time(world, link, seconds):
    world.clock.offset = seconds
    with pytest.raises(Refusal) as refused:
        check(world, link)
    assert (refused.value.status, refused.value.code) == (403, "AuthenticationFailed")
    assert "not valid in the specified time frame" in refused.value.detail


def test_a_reset_closes_all_links(world, link):
    world.reset()
    with pytest.raises(Refusal):
        check(world, link)


def test_other_accounts_are_none():
    assert account_of("azcliprod.blob.core.windows.net") == ""
    assert account_of("acrtaskprodeastus.blob.core.windows.net") == "acrtaskprodeastus"
