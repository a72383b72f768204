import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from labrunner.emulator.clock import Clock
from labrunner.emulator.issued import Issued
from labrunner.emulator.state.directory import Application, CredentialProblem, Directory, ServicePrincipal
from labrunner.emulator.store import Store

DAY = 24 * 3600.0


class Tenant:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = Clock()
        self.store = Store(path)
        self.issued = Issued(self.store, now=self.clock.now)
        self.directory = Directory(self.store, self.issued, self.clock)
        self.directory.found()

    def application(self, name: str = "builder") -> tuple[Application, ServicePrincipal, str]:
        made = self.directory.add_application(name, owner=self.directory.user().object_id, properties={})
        principal = self.directory.add_service_principal(made, properties={})
        now = self.clock.now()
        return made, principal, self.directory.add_secret(made, name="rbac", starts=now, ends=now + DAY)[1]


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[Tenant]:
    made = Tenant(tmp_path / "state.sqlite")
    yield made
    made.store.close()


def problem(tenant: Tenant, app_id: str, secret: str) -> str:
    with pytest.raises(CredentialProblem) as raised:
        tenant.directory.sign_in(app_id, secret)
    return raised.value.kind


def test_a_tenant_is_founded_once_and_kept(tenant: Tenant):
    directory = tenant.directory
    before = directory.tenant, directory.user(), directory.operator()
    directory.found()
    again = Tenant(tenant.path)
    try:
        assert (again.directory.tenant, again.directory.user(), again.directory.operator()) == before
    finally:
        again.store.close()


def test_the_user_and_the_operator_are_principals_and_only_the_user_is_made_known(tenant: Tenant):
    directory = tenant.directory
    user = directory.signed_in_user()
    assert (user.kind, user.name) == ("user", "student@labrunner.onmicrosoft.com")
    assert directory.principal(user.object_id.upper()) == user
    operator = directory.authenticate(*directory.operator())
    assert operator is not None
    assert operator.kind == "operator"
    assert directory.principal(operator.object_id) == operator
    assert directory.principal("nobody") is None
    assert list(directory.inventory()) == []
    assert directory.operator()[1] in tenant.issued.all()


def test_a_secret_looks_like_azures_and_is_kept_as_a_hash(tenant: Tenant):
    made, _, secret = tenant.application()
    assert re.fullmatch(r"[A-Za-z0-9]{3}8Q~[A-Za-z0-9_.~-]{34}", secret)
    (known,) = tenant.directory.secrets(made)
    assert (known.hint, known.name) == (secret[:3], "rbac")
    assert secret in tenant.issued.all()
    with closing(sqlite3.connect(tenant.path)) as db:
        rows = [tuple(row) for row in db.execute("SELECT * FROM client_secret")]
    assert rows
    assert not any(secret in str(row) or secret.encode() in bytes(str(row), "utf-8") for row in rows)


def test_who_signs_in_with_what(tenant: Tenant):
    made, principal, secret = tenant.application()
    found = tenant.directory.sign_in(made.app_id.upper(), secret)
    assert (found.object_id, found.kind, found.app_id) == (principal.object_id, "service-principal", made.app_id)
    assert tenant.directory.authenticate(made.app_id, secret) == found
    assert tenant.directory.authenticate(made.app_id, "") is None
    assert problem(tenant, made.app_id, secret + "x") == "wrong"
    assert problem(tenant, made.app_id, "\ud800") == "wrong"
    assert problem(tenant, principal.object_id, secret) == "unknown"
    assert problem(tenant, tenant.directory.operator()[0], secret) == "wrong"


def test_a_secret_expires(tenant: Tenant):
    made, _, secret = tenant.application()
    tenant.clock.offset = DAY + 1
    assert problem(tenant, made.app_id, secret) == "expired"


def test_a_secret_that_was_removed_opens_nothing_and_the_other_still_does(tenant: Tenant):
    made, _, first = tenant.application()
    (known,) = tenant.directory.secrets(made)
    now = tenant.clock.now()
    _, second = tenant.directory.add_secret(made, name=None, starts=now, ends=now + DAY)
    assert tenant.directory.remove_secret(made, known.key_id.upper())
    assert not tenant.directory.remove_secret(made, known.key_id)
    assert problem(tenant, made.app_id, first) == "wrong"
    assert tenant.directory.authenticate(made.app_id, second) is not None


def test_a_service_principals_own_secret_goes_with_it(tenant: Tenant):
    made, principal, of_application = tenant.application()
    now = tenant.clock.now()
    _, own = tenant.directory.add_secret(principal, name="own", starts=now, ends=now + DAY)
    assert tenant.directory.authenticate(made.app_id, own) is not None
    assert [secret.name for secret in tenant.directory.secrets(principal)] == ["own"]
    tenant.directory.remove_service_principal(principal)
    assert problem(tenant, made.app_id, of_application) == "no-service-principal"
    assert problem(tenant, made.app_id, own) == "wrong"


def test_removing_an_application_removes_all_that_hangs_on_it(tenant: Tenant):
    made, principal, secret = tenant.application()
    token = tenant.directory.refresh_tokens.issue(client_id=made.app_id, object_id=tenant.directory.user().object_id)
    assert [kind for kind, _, _ in tenant.directory.inventory()] == [
        "application",
        "client-secret",
        "service-principal",
    ]
    tenant.directory.remove_application(made)
    assert list(tenant.directory.inventory()) == []
    assert problem(tenant, made.app_id, secret) == "unknown"
    assert tenant.directory.principal(principal.object_id) is None
    assert tenant.directory.refresh_tokens.find(token) is None


def test_a_name_that_changes_is_the_service_principals_as_well(tenant: Tenant):
    made, principal, _ = tenant.application()
    tenant.directory.update_application(made, name="renamed", properties={"notes": "x"})
    found = tenant.directory.application(made.object_id)
    assert found is not None
    assert (found.name, found.properties) == ("renamed", {"notes": "x"})
    assert tenant.directory.principal(principal.object_id).name == "renamed"


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
    tenant.clock.offset = 200 * DAY
    tokens.issue(client_id="az", object_id="student")
    assert tokens.find(old) is None
