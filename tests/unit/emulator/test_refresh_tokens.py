"""How long a refresh token is kept, and as what."""

import sqlite3
import time
from contextlib import closing

from tests.unit.emulator.tenant import DAY, Tenant


def test_a_refresh_token_survives_a_restart_as_a_hash_and_is_bound(tenant: Tenant):
    tokens = tenant.directory.refresh_tokens
    token = tokens.issue(client_id="az", object_id="student")
    assert token in tenant.issued.all()
    with closing(sqlite3.connect(tenant.path)) as db:
        assert token not in str(db.execute("SELECT * FROM refresh_token").fetchall())
    again = Tenant(tenant.path)
    try:
        found = again.directory.refresh_tokens.find(token)
        assert (found.client_id, found.object_id) == ("az", "student")
        assert found.expires > again.clock.now() + 80 * DAY
        assert again.directory.refresh_tokens.find(token + "x") is None
        assert again.directory.refresh_tokens.find("\ud800") is None
    finally:
        again.store.close()


def test_refresh_tokens_that_ran_out_long_ago_are_forgotten(tenant: Tenant):
    tokens = tenant.directory.refresh_tokens
    old = tokens.issue(client_id="az", object_id="student")
    tenant.clock.machine = lambda: time.time() + 200 * DAY
    tokens.issue(client_id="az", object_id="student")
    assert tokens.find(old) is None
