"""Who there is, who signs in, and what goes with an application."""

from tests.unit.emulator.tenant import Tenant


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


def test_who_signs_in_with_what(tenant: Tenant):
    made, principal, secret = tenant.application()
    found = tenant.directory.sign_in(made.app_id.upper(), secret)
    assert (found.object_id, found.kind, found.app_id) == (principal.object_id, "service-principal", made.app_id)
    assert tenant.directory.authenticate(made.app_id, secret) == found
    assert tenant.directory.authenticate(made.app_id, "") is None
    assert tenant.problem(made.app_id, secret + "x") == "wrong"
    assert tenant.problem(made.app_id, "\ud800") == "wrong"
    assert tenant.problem(principal.object_id, secret) == "unknown"
    assert tenant.problem(tenant.directory.operator()[0], secret) == "wrong"


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
    assert tenant.problem(made.app_id, secret) == "unknown"
    assert tenant.directory.principal(principal.object_id) is None
    assert tenant.directory.refresh_tokens.find(token) is None


def test_a_name_that_changes_is_the_service_principals_as_well(tenant: Tenant):
    made, principal, _ = tenant.application()
    tenant.directory.update_application(made, name="renamed", properties={"notes": "x"})
    found = tenant.directory.application(made.object_id)
    assert found is not None
    assert (found.name, found.properties) == ("renamed", {"notes": "x"})
    assert tenant.directory.principal(principal.object_id).name == "renamed"
