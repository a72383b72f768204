"""The acr kinds ask a registry what it holds, and say what is there when it is not what should be."""

import pytest

from tests.findings import error, failed, misused, passed
from tests.unit.checks.cloud import Registry, Repository, digest

REMEDY = "What to do: run `labrunner sandbox up`, then try again."


@pytest.fixture
def api(azure):
    """The repository `mywebapi` of the registry `myregistry`."""
    repository = Repository(tags={"1.0.0": digest("a"), "latest": digest("a"), "dev": digest("b")})
    azure.registries["myregistry"].repositories = {"mywebapi": repository, "tools/worker": Repository()}
    return repository


def test_repositories(azure, api):
    ask = {"registry": "myregistry"}
    assert passed(azure.ask("acr.repositories", **ask, names=["mywebapi", "tools/worker"])) == (
        "The registry `myregistry` has the repositories `mywebapi` and `tools/worker`."
    )
    assert failed(azure.ask("acr.repositories", **ask, names=["mywebapi", "api"])) == (
        "The registry `myregistry` has no repository `api`; it has `mywebapi` and `tools/worker`."
    )
    assert failed(azure.ask("acr.repositories", registry="otherregistry", names=["a", "b"])) == (
        "The registry `otherregistry` has no repositories `a` or `b`; it is empty."
    )


def test_no_repository(azure, api):
    assert passed(azure.ask("acr.no-repository", registry="myregistry", name="api")) == (
        "The registry `myregistry` has no repository `api`."
    )
    assert failed(azure.ask("acr.no-repository", registry="myregistry", name="mywebapi")) == (
        "The registry `myregistry` still has the repository `mywebapi` with the tags `1.0.0`, `dev` and `latest`."
    )
    assert failed(azure.ask("acr.no-repository", registry="myregistry", name="tools/worker")) == (
        "The registry `myregistry` still has the repository `tools/worker`, without tags."
    )


def test_tags(azure, api):
    ask = {"registry": "myregistry", "repository": "mywebapi"}
    assert passed(azure.ask("acr.tags", **ask, tags=["latest"])) == (
        "`mywebapi` in the registry `myregistry` has the tag `latest`."
    )
    assert failed(azure.ask("acr.tags", **ask, tags=["1.0.0", "1.0", "1"])) == (
        "`mywebapi` in the registry `myregistry` has no tags `1.0` or `1`; it has `1.0.0`, `dev` and `latest`."
    )
    assert failed(azure.ask("acr.tags", **{**ask, "repository": "api"}, tags=["1"])) == (
        "The registry `myregistry` has no repository `api`; it has `mywebapi` and `tools/worker`."
    )
    assert failed(azure.ask("acr.tags", **{**ask, "repository": "tools/worker"}, tags=["1"])) == (
        "`tools/worker` in the registry `myregistry` has no tag `1`; it has none at all."
    )


def test_a_long_list_is_read_page_by_page_and_cut_in_the_message(azure, api):
    azure.page = 7
    api.tags = {f"v{number:02}": digest("c") for number in range(40)}
    ask = {"registry": "myregistry", "repository": "mywebapi"}
    assert passed(azure.ask("acr.tags", **ask, tags=["v00", "v39"]))
    message = failed(azure.ask("acr.tags", **ask, tags=["v40"]))
    assert message.endswith("`v14`, `v15` and 24 more.")
    azure.registries["myregistry"].repositories |= {f"r{number:02}": Repository() for number in range(20)}
    assert passed(azure.ask("acr.repositories", registry="myregistry", names=["r19"]))
    api.untagged = [f"sha256:{number:064}" for number in range(20)]
    assert passed(azure.ask("acr.manifests", **ask, untagged=20, tagged=1))


def test_no_tag(azure, api):
    ask = {"registry": "myregistry", "repository": "mywebapi"}
    assert passed(azure.ask("acr.no-tag", **ask, tag="1")) == "`mywebapi` in the registry `myregistry` has no tag `1`."
    assert failed(azure.ask("acr.no-tag", **ask, tag="dev")) == (
        "`mywebapi` in the registry `myregistry` still has the tag `dev` (bbbbbbbbbbbb)."
    )
    assert passed(azure.ask("acr.no-tag", registry="myregistry", repository="api", tag="dev")) == (
        "The registry `myregistry` has no repository `api`, so no tag `dev` in it."
    )


def test_same_digest(azure, api):
    ask = {"registry": "myregistry", "repository": "mywebapi"}
    assert passed(azure.ask("acr.same-digest", **ask, tags=["latest", "1.0.0"])) == (
        "In `mywebapi`, `latest` and `1.0.0` are one image (aaaaaaaaaaaa)."
    )
    assert failed(azure.ask("acr.same-digest", **ask, tags=["latest", "dev", "1.0"])) == (
        "`mywebapi` in the registry `myregistry` has no tag `1.0`; it has `1.0.0`, `dev` and `latest`. "
        "`mywebapi:dev` is another image (bbbbbbbbbbbb) than `mywebapi:latest` (aaaaaaaaaaaa) in the registry "
        "`myregistry`. Tag it again and push it."
    )
    assert failed(azure.ask("acr.same-digest", **ask, tags=["x", "y"])).startswith(
        "`mywebapi` in the registry `myregistry` has no tags `x` or `y`"
    )


def test_manifests(azure, api):
    ask = {"registry": "myregistry", "repository": "mywebapi"}
    api.untagged = [digest("d")]
    assert passed(azure.ask("acr.manifests", **ask, tagged=2, untagged=1)) == (
        "`mywebapi` in the registry `myregistry` has 2 tagged manifests and 1 untagged manifest."
    )
    assert passed(azure.ask("acr.manifests", **ask, tagged=2))
    assert failed(azure.ask("acr.manifests", **ask, tagged=2, untagged=0)) == (
        "`mywebapi` in the registry `myregistry` has 1 untagged manifest, not 0."
    )
    assert failed(azure.ask("acr.manifests", registry="myregistry", repository="api", untagged=0)).startswith(
        "The registry `myregistry` has no repository `api`"
    )


def test_attributes(azure, api):
    ask = {"registry": "myregistry", "repository": "mywebapi"}
    api.locks = {"": {"deleteEnabled": False}, "dev": {"writeEnabled": False}}
    assert passed(azure.ask("acr.attributes", **ask, delete_enabled=False, write_enabled=True)) == (
        "For `mywebapi` in the registry `myregistry`, `deleteEnabled` is false and `writeEnabled` is true."
    )
    assert passed(azure.ask("acr.attributes", **ask, tag="dev", write_enabled=False, list_enabled=True))
    assert failed(azure.ask("acr.attributes", **ask, tag="latest", write_enabled=False, read_enabled=True)) == (
        "For `mywebapi:latest` in the registry `myregistry`, `writeEnabled` is true, not false."
    )
    assert failed(azure.ask("acr.attributes", **ask, tag="1", write_enabled=False)).endswith(
        "has no tag `1`; it has `1.0.0`, `dev` and `latest`."
    )
    assert failed(azure.ask("acr.attributes", registry="myregistry", repository="x", read_enabled=True)) == (
        "The registry `myregistry` has no repository `x`; it has `mywebapi` and `tools/worker`."
    )


def test_answers(azure):
    assert passed(azure.ask("acr.answers", registry="myregistry")) == (
        "`myregistry.azurecr.io` answers as a registry does: status 401, and where one signs in."
    )
    azure.broken["myregistry.azurecr.io"] = 418
    assert failed(azure.ask("acr.answers", registry="myregistry")) == (
        "`myregistry.azurecr.io` answers with status 418, not with a registry's 401."
    )


ASKED = {
    "acr.answers": {},
    "acr.attributes": {"repository": "mywebapi", "write_enabled": True},
    "acr.can-pull": {"repository": "mywebapi"},
    "acr.can-push": {"repository": "mywebapi"},
    "acr.manifests": {"repository": "mywebapi", "tagged": 2},
    "acr.no-repository": {"name": "none"},
    "acr.no-tag": {"repository": "mywebapi", "tag": "none"},
    "acr.pushed": {"repository": "mywebapi", "tag": "dev", "image": "mywebapi"},
    "acr.repositories": {"names": ["mywebapi"]},
    "acr.same-digest": {"repository": "mywebapi", "tags": ["1.0.0", "latest"]},
    "acr.tags": {"repository": "mywebapi", "tags": ["dev"]},
    "arm.no-role": {"principal": "none", "role": "AcrPush"},
    "arm.registry": {},
    "arm.role": {"principal": "none", "role": "AcrPush"},
    "arm.webhook": {"name": "myhook"},
    "arm.webhook-event": {"name": "myhook", "action": "push", "repository": "mywebapi"},
}


@pytest.fixture
def logged_in(place):
    """Docker with some credentials for both servers."""
    (place / "home/.docker").mkdir()
    entries = ", ".join(f'"{name}.azurecr.io": {{"auth": "dTpw"}}' for name in ("myregistry", "myregistri"))
    (place / "home/.docker/config.json").write_text(f'{{"auths": {{{entries}}}}}')


@pytest.mark.parametrize("kind", ASKED)
def test_a_registry_that_is_not_there_is_failed_and_those_that_are_there_are_named(azure, api, logged_in, kind):
    assert failed(azure.ask(kind, registry="myregistri", **ASKED[kind])) == (
        "There is no registry `myregistri`; there is `myregistry` and `otherregistry`."
    )


@pytest.mark.parametrize("kind", ["acr.repositories", "acr.no-tag", "acr.can-pull"])
def test_a_server_that_does_not_answer_for_a_wrong_name_is_failed_too(azure, api, logged_in, kind):
    azure.broken["myregistri.azurecr.io"] = 0
    assert failed(azure.ask(kind, registry="myregistri", **ASKED[kind])).startswith("There is no registry `myregistri`")


def test_without_any_registry_that_is_said(azure):
    azure.registries.clear()
    assert failed(azure.ask("arm.registry", registry="myregistry")) == (
        "There is no registry `myregistry`, and no other one in the subscription."
    )


@pytest.mark.parametrize("kind", sorted(kind for kind in ASKED if kind.startswith("acr.")))
def test_a_registry_in_trouble_is_an_error_with_its_remedy(azure, api, logged_in, kind):
    azure.broken["myregistry.azurecr.io"] = 501
    message = error(azure.ask(kind, registry="myregistry", **ASKED[kind]))
    assert message.startswith("`myregistry.azurecr.io` answers with status 501")
    assert message.endswith(REMEDY)


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (0, "does not answer ("),
        (401, "refuses the identity that checks ask with (status 401). "),
        (403, "refuses the identity that checks ask with (status 403). "),
        (500, "answers with status 500: it is broken. "),
        (503, "answers with status 503: it is broken. "),
    ],
)
def test_what_the_trouble_is_is_said(azure, api, status, says):
    azure.broken["myregistry.azurecr.io"] = status
    message = error(azure.ask("acr.tags", registry="myregistry", **ASKED["acr.tags"]))
    assert message.startswith(f"`myregistry.azurecr.io` {says}")
    assert message.endswith(REMEDY)


@pytest.mark.parametrize("kind", ASKED)
def test_a_wrong_secret_of_the_checks_is_an_error_that_does_not_say_it(azure, api, logged_in, kind):
    azure.secret = "another"
    if kind in ("acr.can-pull", "acr.can-push"):
        azure.docker[("u", "p")] = ["pull", "push"]
        assert passed(azure.ask(kind, registry="myregistry", **ASKED[kind])), "these ask as Docker"
        return
    message = error(azure.ask(kind, registry="myregistry", **ASKED[kind]))
    assert message == f"`login.microsoftonline.com` refuses the identity that checks ask with (AADSTS7000215). {REMEDY}"


@pytest.mark.parametrize("host", ["management.azure.com", "login.microsoftonline.com", "graph.microsoft.com"])
@pytest.mark.parametrize(
    ("status", "says"),
    [
        (0, "does not answer ("),
        (500, "answers with status 500"),
        (501, "answers with status 501"),
        (403, "refuses the identity that checks ask with (status 403)"),
    ],
)
def test_azure_in_trouble_is_an_error_with_its_remedy(azure, host, status, says):
    azure.broken[host] = status
    ask = {"registry": "myregistry", "principal": "x", "role": "AcrPush"}
    message = error(azure.ask("arm.role", **ask))
    assert message.startswith(f"`{host}` {says}")
    assert message.endswith(REMEDY)


def test_the_same_question_again_is_one_request(azure, api):
    ask = {"registry": "myregistry", "repository": "mywebapi", "tags": ["dev"]}
    passed(azure.ask("acr.tags", **ask))
    del azure.asked[:]
    passed(azure.ask("acr.tags", **ask))
    assert azure.asked == ["GET myregistry.azurecr.io/acr/v1/mywebapi/_tags"]


def test_a_registry_that_came_later_is_found(azure, api):
    assert failed(azure.ask("acr.repositories", registry="newregistry", names=["x"]))
    azure.registries["newregistry"] = Registry(repositories={"x": Repository()})
    assert passed(azure.ask("acr.repositories", registry="newregistry", names=["x"]))


def test_a_name_ignores_case(azure, api):
    assert passed(azure.ask("acr.tags", registry="MyRegistry", repository="mywebapi", tags=["dev"]))
    assert passed(azure.ask("arm.registry", registry="MyRegistry"))


WRONG = {
    "a server for a registry": ("acr.tags", {"registry": "myregistry.azurecr.io", "repository": "x", "tags": ["1"]}),
    "a URL for a registry": ("arm.registry", {"registry": "https://myregistry.azurecr.io"}),
    "a registry without a name": ("acr.answers", {"registry": ""}),
    "no repositories": ("acr.repositories", {"registry": "myregistry", "names": []}),
    "no tags": ("acr.tags", {"registry": "myregistry", "repository": "x", "tags": []}),
    "one tag to compare": ("acr.same-digest", {"registry": "myregistry", "repository": "x", "tags": ["1"]}),
    "no number": ("acr.manifests", {"registry": "myregistry", "repository": "x"}),
    "no attribute": ("acr.attributes", {"registry": "myregistry", "repository": "x", "tag": "1"}),
    "a repository with a tag": ("acr.tags", {"registry": "myregistry", "repository": "x:1", "tags": ["1"]}),
    "a repository with its server": (
        "acr.no-repository",
        {"registry": "myregistry", "name": "myregistry.azurecr.io/mywebapi"},
    ),
    "a tag with a repository": ("acr.no-tag", {"registry": "myregistry", "repository": "x", "tag": "x:1"}),
    "an empty tag": ("acr.no-tag", {"registry": "myregistry", "repository": "x", "tag": ""}),
    "a path": ("acr.can-push", {"registry": "myregistry", "repository": "../x"}),
    "no actions": ("arm.webhook", {"registry": "myregistry", "name": "myhook", "actions": []}),
    "an unknown action": ("arm.webhook", {"registry": "myregistry", "name": "myhook", "actions": ["pull"]}),
    "a webhook with a path": ("arm.webhook", {"registry": "myregistry", "name": "a/../../b"}),
    "an unknown SKU": ("arm.registry", {"registry": "myregistry", "sku": "Gold"}),
    "an unknown role": ("arm.role", {"registry": "myregistry", "principal": "x", "role": "AcrPuhs"}),
    "an application without a name": ("entra.no-application", {"name": " "}),
}


@pytest.mark.parametrize(("kind", "args"), WRONG.values(), ids=WRONG)
def test_what_a_course_got_wrong_passes_nothing(azure, api, kind, args):
    assert misused(azure.ask(kind, **args)).startswith(f"The check {kind} is broken: ValueError: ")
