"""az's own commands for applications and service principals."""

from collections.abc import Callable

from tests.emulator.running import Az, guid


def test_create_for_rbac_list_sign_in_delete(az: Az, new_az: Callable[[], Az]):
    assert az.json("ad", "sp", "list", "--display-name", "builder") == []
    made = az.json("ad", "sp", "create-for-rbac", "--name", "builder", "--skip-assignment")
    assert sorted(made) == ["appId", "displayName", "password", "tenant"]
    assert (made["displayName"], made["tenant"], len(made["password"])) == ("builder", az.emulator.tenant, 40)
    (listed,) = az.json("ad", "sp", "list", "--display-name", "build")
    assert (listed["appId"], listed["servicePrincipalType"]) == (made["appId"], "Application")
    shown = az.json("ad", "sp", "show", "--id", made["appId"])
    assert shown["id"] == listed["id"]
    own = new_az()
    ran = own.run(
        *("login", "--service-principal", "-u", made["appId"], "-p", made["password"]),
        *("--tenant", made["tenant"], "--allow-no-subscriptions"),
    )
    assert ran.status == 0, ran.err
    denied = own.run("ad", "sp", "list", "--display-name", "builder")
    assert denied.status == 1
    assert "Insufficient privileges to complete the operation." in denied.err
    assert az.run("ad", "app", "delete", "--id", made["appId"]).status == 0
    assert az.json("ad", "sp", "list", "--display-name", "builder") == []
    gone = az.run("ad", "sp", "show", "--id", made["appId"])
    assert gone.status == 3
    assert f"Resource '{made['appId']}' does not exist" in gone.err


def test_create_for_rbac_again_patches_and_takes_the_old_secret_away(az: Az):
    first = az.json("ad", "sp", "create-for-rbac", "--name", "again")
    again = az.run("ad", "sp", "create-for-rbac", "--name", "again")
    assert "Found an existing application instance" in again.err
    assert again.json["appId"] == first["appId"]
    assert again.json["password"] != first["password"]
    assert len(az.json("ad", "sp", "list", "--display-name", "again")) == 1
    assert len(az.json("ad", "app", "credential", "list", "--id", first["appId"])) == 1


def test_an_application_and_a_principal_by_hand(az: Az):
    app = az.json("ad", "app", "create", "--display-name", "by hand", "--identifier-uris", "api://by-hand")
    assert guid(app["appId"])
    principal = az.json("ad", "sp", "create", "--id", app["appId"])
    assert principal["servicePrincipalNames"] == [app["appId"], "api://by-hand"]
    assert az.json("ad", "sp", "show", "--id", "api://by-hand")["id"] == principal["id"]
    reset = az.json("ad", "sp", "credential", "reset", "--id", app["appId"])
    assert len(reset["password"]) == 40
    (known,) = az.json("ad", "sp", "credential", "list", "--id", app["appId"])
    assert known["hint"] == reset["password"][:3]
    assert az.run("ad", "sp", "credential", "delete", "--id", app["appId"], "--key-id", known["keyId"]).status == 0
    added = az.json("ad", "app", "credential", "reset", "--id", app["appId"], "--append")
    assert len(added["password"]) == 40
    assert az.run("ad", "app", "update", "--id", app["appId"], "--display-name", "renamed").status == 0
    assert az.json("ad", "sp", "show", "--id", app["appId"])["displayName"] == "renamed"
    (mine,) = [one for one in az.json("ad", "sp", "list", "--show-mine") if one["appId"] == app["appId"]]
    assert mine["id"] == principal["id"]
    (owner,) = az.json("ad", "app", "owner", "list", "--id", app["appId"])
    assert owner["displayName"] == "Lab Student"
    assert az.run("ad", "sp", "delete", "--id", app["appId"]).status == 0
    assert az.run("ad", "app", "delete", "--id", "api://by-hand").status == 0
    missing = az.run("ad", "app", "delete", "--id", "api://by-hand")
    assert missing.status == 1
    assert "doesn't exist" in missing.err


def test_tables_and_queries(az: Az):
    az.json("ad", "sp", "create-for-rbac", "--name", "in-a-table")
    table = az.run("ad", "app", "list", "--display-name", "in-a-table", "--output", "table")
    assert table.status == 0
    assert table.out.split("\n")[0].split() == ["DisplayName", "Id", "AppId", "CreatedDateTime"]
    found = az.run("ad", "sp", "list", "--display-name", "in-a-table", "--query", "[].appId", "--output", "tsv")
    assert guid(found.out.strip())
    me = az.run("ad", "signed-in-user", "show", "--query", "id", "--output", "tsv")
    assert guid(me.out.strip())
