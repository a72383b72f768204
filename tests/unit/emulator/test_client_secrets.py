"""What a client secret looks like, how long it opens, and what goes with it."""

import re
import sqlite3
from contextlib import closing

from tests.unit.emulator.tenant import DAY, Tenant


def test_a_secret_looks_like_azures_and_is_kept_as_a_hash(tenant: Tenant):
    made, _, secret = tenant.application()
    assert re.fullmatch(r"[A-Za-z0-9]{3}8Q~[A-Za-z0-9_.~-]{34}", secret)
    (known,) = tenant.directory.client_secrets.of(made)
    assert (known.hint, known.name) == (secret[:3], "rbac")
    assert secret in tenant.issued.all()
    with closing(sqlite3.connect(tenant.path)) as db:
        rows = [tuple(row) for row in db.execute("SELECT * FROM client_secret")]
    assert rows
    assert not any(secret in str(row) or secret.encode() in bytes(str(row), "utf-8") for row in rows)


def test_a_secret_expires(tenant: Tenant):
    made, _, secret = tenant.application()
    tenant.clock.offset = DAY + 1
    assert tenant.problem(made.app_id, secret) == "expired"


def test_a_secret_that_was_removed_opens_nothing_and_the_other_still_does(tenant: Tenant):
    made, _, first = tenant.application()
    (known,) = tenant.directory.client_secrets.of(made)
    now = tenant.clock.now()
    _, second = tenant.directory.client_secrets.add(made, name=None, starts=now, ends=now + DAY)
    assert tenant.directory.client_secrets.remove(made, known.key_id.upper())
    assert not tenant.directory.client_secrets.remove(made, known.key_id)
    assert tenant.problem(made.app_id, first) == "wrong"
    assert tenant.directory.authenticate(made.app_id, second) is not None


def test_a_service_principals_own_secret_goes_with_it(tenant: Tenant):
    made, principal, of_application = tenant.application()
    now = tenant.clock.now()
    _, own = tenant.directory.client_secrets.add(principal, name="own", starts=now, ends=now + DAY)
    assert tenant.directory.authenticate(made.app_id, own) is not None
    assert [secret.name for secret in tenant.directory.client_secrets.of(principal)] == ["own"]
    tenant.directory.remove_service_principal(principal)
    assert tenant.problem(made.app_id, of_application) == "no-service-principal"
    assert tenant.problem(made.app_id, own) == "wrong"
