"""The certificate authority when the clock jumps, and when the disk is full."""

import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from labrunner.emulator.certificates import Authority

HOST = "reg1.azurecr.io"
TODAY = datetime.now(UTC)


class Clock:
    def __init__(self, moment=TODAY):
        self.moment = moment

    def __call__(self):
        return self.moment


def authority(folder, clock):
    return Authority(folder, ("azurecr.io",), public=b"", now=clock)


def certificate(made):
    return x509.load_pem_x509_certificate(made.certificate_file.read_bytes())


def is_trusted(made, server, *, at):
    """Whether a client that reads the authority's file now, and has the time `at`, takes the server's leaf."""
    client = ssl.create_default_context(cafile=str(made.certificate_file))
    here, there = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(here, there, server_hostname=HOST)
    answering = server.wrap_bio(there, here, server_side=True)
    for _ in range(4):
        for side in (asking, answering):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    leaf = x509.load_der_x509_certificate(asking.getpeercert(binary_form=True))
    return leaf.not_valid_before_utc <= at < leaf.not_valid_after_utc


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(days=-2), timedelta(days=31), timedelta(days=4000)])
def test_one_that_is_not_valid_now_is_replaced_at_the_start(tmp_path, jump):
    old = certificate(authority(tmp_path, Clock(TODAY - jump)))
    made = authority(tmp_path, Clock())
    assert certificate(made) != old
    assert certificate(made).not_valid_before_utc <= TODAY < certificate(made).not_valid_after_utc
    assert is_trusted(made, made.context(), at=TODAY)


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(days=31)])
def test_one_that_a_jump_of_the_clock_invalidates_is_replaced_while_it_runs(tmp_path, jump):
    clock = Clock(TODAY - jump)
    made = authority(tmp_path, clock)
    server = made.context()
    old = certificate(made)
    with pytest.raises(ssl.SSLCertVerificationError):
        is_trusted(made, server, at=TODAY)  # its clock has not jumped yet
    clock.moment = TODAY
    with suppress(ssl.SSLCertVerificationError):
        is_trusted(made, server, at=TODAY)  # this client had read the old one
    assert certificate(made) != old
    assert is_trusted(made, server, at=TODAY)


@pytest.mark.parametrize("jump", [timedelta(hours=-14), timedelta(hours=14), timedelta(days=20)])
def test_a_small_jump_needs_no_new_one(tmp_path, jump):
    clock = Clock(TODAY)
    made = authority(tmp_path, clock)
    server = made.context()
    old = certificate(made)
    clock.moment = TODAY + jump
    assert is_trusted(made, server, at=clock.moment)
    assert certificate(made) == old
    assert certificate(authority(tmp_path, clock)) == old


def test_one_that_is_there_needs_no_disk(tmp_path, monkeypatch):
    old = certificate(authority(tmp_path, Clock()))
    before = sorted(path.stat().st_mtime_ns for path in tmp_path.iterdir())
    made = authority(tmp_path, Clock())
    assert is_trusted(made, made.context(), at=TODAY)
    assert certificate(made) == old
    assert sorted(path.stat().st_mtime_ns for path in tmp_path.iterdir()) == before
