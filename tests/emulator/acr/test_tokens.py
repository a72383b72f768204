"""Who gets which token of a registry, and what a token is good for."""

import base64
import json
import logging

import jwt
import pytest

from tests.emulator.acr.conftest import HOST, Local

NOBODY = "00000000-0000-0000-0000-000000000000"
OTHER = "otheracr12345678.azurecr.io"
REQUIRED = "authentication required, visit https://aka.ms/acr/authorization for more information."
ALL = {"pull", "push", "delete", "metadata_read", "metadata_write"}


def claims(token: str) -> dict:
    return jwt.decode(token, options={"verify_signature": False})


def actions(token: str) -> dict[str, set[str]]:
    return {entry["name"]: set(entry["actions"]) for entry in claims(token)["access"]}


def entra(local: Local, object_id: str, audience: str = "https://containerregistry.azure.net") -> str:
    issue = local.world.tokens.issue
    return local.do(lambda: issue({"oid": object_id, "aud": audience, "tid": "t"}, seconds=3600))


def form(**values: str) -> tuple[bytes, dict[str, str]]:
    from urllib.parse import urlencode

    return urlencode(values).encode(), {"Content-Type": "application/x-www-form-urlencoded"}


def exchange(local: Local, token: str, **more: str):
    body, headers = form(**{"grant_type": "access_token", "service": HOST, "access_token": token, **more})
    return local.raw().ask("POST", "/oauth2/exchange", body, headers)


def test_who_says_nothing_is_told_where_tokens_come_from(local):
    answer = local.raw().ask("GET", "/v2/")
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == f'Bearer realm="https://{HOST}/oauth2/token",service="{HOST}"'
    assert answer.json == {"errors": [{"code": "UNAUTHORIZED", "message": REQUIRED, "detail": None}]}
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert answer.headers["X-Ms-Correlation-Request-Id"]


@pytest.mark.parametrize(
    ("method", "path", "scope", "detail"),
    [
        ("GET", "/v2/_catalog", "registry:catalog:*", [("registry", "catalog", "*")]),
        ("GET", "/acr/v1/_catalog", "registry:catalog:*", [("registry", "catalog", "*")]),
        ("POST", "/v2/a/b/blobs/uploads/", "repository:a/b:pull,push", [("a/b", "pull"), ("a/b", "push")]),
        ("GET", "/v2/a/manifests/latest", "repository:a:pull", [("a", "pull")]),
        ("DELETE", "/v2/a/manifests/latest", "repository:a:delete", [("a", "delete")]),
        ("GET", "/acr/v1/library%2Fhello-world/_tags", "repository:library/hello-world:metadata_read",
         [("library/hello-world", "metadata_read")]),
        ("PATCH", "/acr/v1/a", "repository:a:metadata_write", [("a", "metadata_write")]),
        ("DELETE", "/acr/v1/a/_tags/x", "repository:a:delete", [("a", "delete")]),
    ],
)  # fmt: skip
def test_the_challenge_names_the_scope(local, method, path, scope, detail):
    answer = local.raw().ask(method, path)
    assert answer.headers["WWW-Authenticate"].endswith(f',scope="{scope}"')
    found = answer.json["errors"][0]["detail"]
    whole = [one if len(one) == 3 else ("repository", *one) for one in detail]
    assert found == [dict(zip(("Type", "Name", "Action"), one, strict=True)) for one in whole]


def test_scopes_are_repeated_or_joined(local):
    raw = local.operator()
    token = raw.token("repository:a/b/c:pull,push repository:d:delete", "registry:catalog:*").json["access_token"]
    assert actions(token) == {"a/b/c": {"pull", "push"}, "d": {"delete"}, "catalog": {"*"}}
    found = claims(token)
    assert (found["aud"], found["grant_type"], found["iss"]) == (HOST, "access_token", "Azure Container Registry")
    assert found["exp"] - found["iat"] == 75 * 60


@pytest.mark.parametrize(
    ("roles", "granted"),
    [
        (["AcrPull"], {"pull", "metadata_read"}),
        (["AcrPush"], {"pull", "push", "metadata_read"}),
        (["AcrDelete"], {"delete"}),
        (["AcrPull", "AcrDelete"], {"pull", "metadata_read", "delete"}),
        (["Reader"], {"pull", "metadata_read"}),
        (["Contributor"], ALL),
        (["Owner"], ALL),
    ],
)
def test_what_is_granted_is_what_was_asked_and_may_be_had(local, roles, granted):
    _, credentials = local.principal(*roles)
    token = local.raw(credentials).token("repository:a:pull,push,delete,metadata_read,metadata_write").json
    assert actions(token["access_token"]) == {"a": granted}
    assert actions(local.raw(credentials).token("repository:a:*").json["access_token"]) == {"a": granted}


def test_who_has_no_role_gets_no_token(local):
    principal, credentials = local.principal()
    assert local.raw(credentials).token("repository:a:pull").error == (401, "UNAUTHORIZED")
    assert exchange(local, entra(local, principal.object_id)).error == (401, "UNAUTHORIZED")


def test_a_right_that_was_taken_is_gone_with_the_next_token(local):
    principal, credentials = local.principal("AcrPush")
    raw = local.raw(credentials).use("repository:a:pull,push")
    roles = local.world.roles
    local.do(lambda: [roles.remove(held) for held in roles.held_by(principal.object_id)])
    assert raw.token("repository:a:pull,push").status == 401


@pytest.mark.parametrize(
    "audience",
    ["https://containerregistry.azure.net", "https://management.azure.com/", "https://management.core.windows.net/"],
)
def test_an_entra_token_becomes_a_refresh_token_and_that_an_access_token(local, audience):
    principal, _ = local.principal("AcrPush")
    answer = exchange(local, entra(local, principal.object_id, audience), tenant="t")
    refresh = answer.json["refresh_token"]
    found = claims(refresh)
    assert (found["grant_type"], found["exp"] - found["iat"]) == ("refresh_token", 3 * 3600 + 900)
    assert found["permissions"] == {"Actions": ["read", "write"], "NotActions": None}
    body, headers = form(grant_type="refresh_token", service=HOST, scope="repository:a:pull", refresh_token=refresh)
    token = local.raw().ask("POST", "/oauth2/token", body, headers).json["access_token"]
    assert actions(token) == {"a": {"pull"}}
    assert claims(token)["sub"] == principal.object_id


def test_dockers_login_with_a_refresh_token_gets_one_to_keep(local):
    principal, _ = local.principal("AcrPull")
    refresh = exchange(local, entra(local, principal.object_id)).json["refresh_token"]
    answer = local.raw((NOBODY, refresh)).token(account=NOBODY, client_id="docker", offline_token="true")
    assert set(answer.json) == {"access_token", "refresh_token"}
    kept = local.raw((NOBODY, answer.json["refresh_token"])).token("repository:a:pull")
    assert actions(kept.json["access_token"]) == {"a": {"pull"}}


@pytest.mark.parametrize(
    "audience", ["https://graph.microsoft.com", "https://vault.azure.net", "https://containerregistry.azure.net.evil"]
)
def test_an_entra_token_for_somebody_else_is_not_exchanged(local, audience):
    principal, _ = local.principal("Owner")
    assert exchange(local, entra(local, principal.object_id, audience)).error == (401, "UNAUTHORIZED")


def test_what_cannot_be_exchanged(local):
    principal, _ = local.principal("Owner")
    token = entra(local, principal.object_id)
    assert exchange(local, "x.y.z").error == (401, "UNAUTHORIZED")
    assert exchange(local, entra(local, "nobody")).error == (401, "UNAUTHORIZED")
    assert exchange(local, token, grant_type="other").error == (400, "BAD_REQUEST")
    assert exchange(local, token, service=OTHER).error == (400, "BAD_REQUEST")
    assert exchange(local, "").error == (400, "BAD_REQUEST")
    local.ahead = 3700
    assert exchange(local, token).error == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("body", [b"\xff\xfe", b"&" * 200, b"a=" + b"x" * (2 << 20), b"{}"])
def test_a_body_that_is_no_form(local, body):
    for path in ("/oauth2/exchange", "/oauth2/token"):
        answer = local.raw().ask("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status in {400, 413}, answer


def spoilt(token: str) -> str:
    head, body, signature = token.split(".")
    found = json.loads(base64.urlsafe_b64decode(body + "=="))
    found["access"] = [{"type": "repository", "name": "a", "actions": ["push", "pull"]}]
    changed = base64.urlsafe_b64encode(json.dumps(found).encode()).decode().rstrip("=")
    return f"{head}.{changed}.{signature}"


def test_a_token_of_somebody_else_or_changed_or_expired_opens_nothing(local):
    raw = local.operator("repository:a:pull")
    unsigned = jwt.encode(claims(raw.bearer), None, algorithm="none")
    own = jwt.encode(claims(raw.bearer), "k" * 32, algorithm="HS256")
    other = local.raw(local.do(local.world.directory.operator), host=OTHER).use("repository:a:pull").bearer
    refresh = raw.token(offline_token="true").json["refresh_token"]
    principal, _ = local.principal("Owner")
    assert raw.ask("GET", "/v2/a/tags/list").status == 404
    for token in (spoilt(raw.bearer), unsigned, own, other, refresh, entra(local, principal.object_id), "x", "a.b.c"):
        answer = raw.ask("GET", "/v2/a/tags/list", bearer=token)
        assert answer.error == (401, "UNAUTHORIZED"), token
        assert 'scope="repository:a:pull",error="invalid_token"' in answer.headers["WWW-Authenticate"]
    local.ahead = 3590
    assert raw.ask("GET", "/v2/a/tags/list").status == 404
    local.ahead = 3601
    assert raw.ask("GET", "/v2/a/tags/list").error == (401, "UNAUTHORIZED")
    body, headers = form(grant_type="refresh_token", service=HOST, scope="repository:a:pull", refresh_token=raw.bearer)
    assert raw.ask("POST", "/oauth2/token", body, headers).error == (401, "UNAUTHORIZED")


def test_a_registry_made_again_does_not_know_the_tokens_of_the_first(local):
    raw = local.operator("repository:a:pull")
    old, world = local.registry, local.world

    def again() -> None:
        world.registries.delete(old)
        world.registries.ensure(
            group=old.group, name=old.name, location="eastus", sku="Basic", subscription=old.subscription
        )

    local.do(again)
    assert raw.ask("GET", "/v2/a/tags/list").error == (401, "UNAUTHORIZED")


def test_a_token_does_only_what_it_says(local):
    raw = local.operator("repository:a:pull")
    answer = raw.ask("POST", "/v2/a/blobs/uploads/")
    assert answer.error == (401, "UNAUTHORIZED")
    assert answer.headers["WWW-Authenticate"].endswith('scope="repository:a:pull,push",error="insufficient_scope"')
    assert raw.ask("GET", "/v2/b/tags/list").status == 401
    assert raw.ask("GET", "/v2/_catalog").status == 401
    assert raw.ask("GET", "/acr/v1/a").error == (404, "NAME_UNKNOWN")  # recorded: pull reads metadata
    assert raw.ask("PATCH", "/acr/v1/a", b"{}").status == 401
    assert raw.ask("GET", "/v2/").status == 200


def test_the_admin_user_when_it_is_enabled(local):
    world, registry = local.world, local.registry
    password = local.do(lambda: world.registries.passwords(registry))["password"]
    raw = local.raw((registry.name, password))
    assert raw.token("repository:a:pull").error == (401, "UNAUTHORIZED")
    local.do(lambda: world.registries.change(registry, admin_enabled=True))
    raw.use("repository:a:pull,push,delete,metadata_write")
    assert actions(raw.bearer) == {"a": ALL - {"metadata_read"}}
    raw.push("a", "v1")
    assert local.raw(("somebody", password)).token("repository:a:pull").error == (401, "UNAUTHORIZED")
    local.do(lambda: world.registries.change(registry, admin_enabled=False))
    assert raw.ask("GET", "/v2/a/tags/list").error == (401, "UNAUTHORIZED")


def test_passwords_open_without_a_token(local):
    _, credentials = local.principal("AcrPull")
    local.operator("repository:a:pull,push").push("a", "v1")
    raw = local.raw(credentials)
    assert raw.ask("GET", "/v2/", headers=raw.basic()).status == 200
    assert raw.ask("GET", "/acr/v1/a/_tags", headers=raw.basic()).json["tags"][0]["name"] == "v1"
    assert raw.ask("GET", "/acr/v1/_catalog", headers=raw.basic()).json == {"repositories": ["a"]}
    answer = raw.ask("DELETE", "/acr/v1/a", headers=raw.basic())
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("value", ["Basic", "Basic ???", "Basic " + base64.b64encode(b"no colon").decode(), "Digest x"])
def test_credentials_that_are_none(local, value):
    for path in ("/v2/", f"/oauth2/token?service={HOST}"):
        assert local.raw().ask("GET", path, headers={"Authorization": value}).error == (401, "UNAUTHORIZED")


def test_a_wrong_secret_is_refused_in_azures_words_and_kept_nowhere(local, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    _, (app_id, _) = local.principal("AcrPush")
    canary = "correct-horse-battery-staple"
    words = {
        app_id: "Invalid clientid or client secret.",
        NOBODY: "Invalid clientid or client secret.",
        "11111111-2222-3333-4444-555555555555": "Application not registered with AAD.",
        "progressacr12345678": REQUIRED,
        "": REQUIRED,
    }
    for user, said in words.items():
        answer = local.raw((user, canary)).token("repository:a:pull")
        assert (answer.status, answer.json["errors"][0]["message"]) == (401, said), user
        values = {"grant_type": "password", "service": HOST, "username": user, "password": canary}
        body, headers = form(**values)
        assert local.raw().ask("POST", "/oauth2/token", body, headers).status == 401
    for file in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert canary.encode() not in file.read_bytes(), file
    assert canary not in caplog.text
    assert base64.b64encode(f"{app_id}:{canary}".encode()).decode() not in caplog.text


def test_everybody_may_pull_where_that_is_switched_on(local):
    local.operator("repository:a:pull,push").push("a", "v1")
    raw = local.raw()
    body, headers = form(grant_type="password", service=HOST, scope="repository:a:pull,metadata_read,push")
    assert raw.ask("POST", "/oauth2/token", body, headers).error == (401, "UNAUTHORIZED")
    assert raw.token("repository:a:pull").error == (401, "UNAUTHORIZED")
    world, registry = local.world, local.registry
    local.do(
        lambda: world.registries.change(registry, properties={**registry.properties, "anonymousPullEnabled": True})
    )
    token = raw.ask("POST", "/oauth2/token", body, headers).json["access_token"]
    assert actions(token) == {"a": {"pull", "metadata_read"}}
    assert claims(token)["sub"] == "acr_anon_pull"
    raw.use("repository:a:pull", "registry:catalog:*")
    assert raw.ask("GET", "/v2/a/manifests/v1").status == 200
    assert raw.ask("GET", "/v2/_catalog").json == {"repositories": ["a"]}
    assert raw.ask("POST", "/v2/a/blobs/uploads/").status == 401
    local.do(
        lambda: world.registries.change(registry, properties={**registry.properties, "anonymousPullEnabled": False})
    )
    assert raw.ask("GET", "/v2/a/manifests/v1").status == 401


def test_every_token_is_told_before_it_is_given(local):
    raw = local.operator("repository:a:pull")
    refresh = raw.token(offline_token="true").json["refresh_token"]
    known = local.do(local.world.issued.all)
    assert raw.bearer in known
    assert refresh in known


def test_a_host_that_is_no_registry(local):
    raw = local.raw(host="nosuchregistry.azurecr.io")
    assert raw.ask("GET", "/v2/").error == (404, "NAME_UNKNOWN")
    assert raw.token().error == (404, "NAME_UNKNOWN")


def test_with_permissions_by_repository_other_roles_count(local):
    """Microsoft: AcrPull, AcrPush, AcrDelete, Contributor and Owner are not looked at there."""
    world, registry = local.world, local.registry
    mode = {**registry.properties, "roleAssignmentMode": "AbacRepositoryPermissions"}
    local.do(lambda: world.registries.change(registry, properties=mode))
    for roles, may in (
        (("AcrPush", "AcrDelete", "Owner"), set()),
        (("Container Registry Repository Reader",), {"pull", "metadata_read"}),
        (("Container Registry Repository Writer", "AcrDelete"), ALL - {"delete"}),
        (("Container Registry Repository Contributor",), ALL),
    ):
        principal, credentials = local.principal(*roles)
        assert exchange(local, entra(local, principal.object_id)).status == 200, "who has a role there may log in"
        raw = local.raw(credentials).use("repository:a:pull,push,delete,metadata_read,metadata_write")
        assert actions(raw.bearer).get("a", set()) == may, roles
        assert raw.ask("GET", "/acr/v1/_catalog").status == 401
    _, credentials = local.principal("Container Registry Repository Catalog Lister")
    raw = local.raw(credentials).use("registry:catalog:*")
    assert raw.ask("GET", "/acr/v1/_catalog").status == 200
    nobody, _ = local.principal()
    assert exchange(local, entra(local, nobody.object_id)).status == 401


def test_with_permissions_by_repository_acrpush_is_denied_in_the_words_that_docker_shows(local):
    world, registry = local.world, local.registry
    mode = {**registry.properties, "roleAssignmentMode": "AbacRepositoryPermissions"}
    local.do(lambda: world.registries.change(registry, properties=mode))
    _, credentials = local.principal("AcrPush")
    raw = local.raw(credentials).use("repository:a:pull,push")
    answer = raw.ask("POST", "/v2/a/blobs/uploads/")
    assert answer.error == (401, "UNAUTHORIZED")
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
