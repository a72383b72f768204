"""Checks of what a registry holds: repositories, tags, manifests and their attributes; and that it answers at all.

Asked with azure-containerregistry at the registry's own name. A registry that is not there is a failed finding.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from azure.containerregistry import ContainerRegistryClient
from azure.core.exceptions import ResourceNotFoundError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import SansIOHTTPPolicy

from labrunner.checking.api import Context, Finding, check, failed, passed
from labrunner.checking.wording import listed

from .azure_session import (
    ARM,
    TIMEOUT,
    Azure,
    MissingError,
    a_repository,
    a_tag,
    azure_of,
    few,
    finding,
    given,
    server_of,
    some,
)

ATTRIBUTES = {
    "delete_enabled": ("can_delete", "deleteEnabled"),
    "write_enabled": ("can_write", "writeEnabled"),
    "list_enabled": ("can_list", "listEnabled"),
    "read_enabled": ("can_read", "readEnabled"),
}
"""Argument -> the SDK's name, and the one that `az acr repository show` prints."""


# Repositories


@check("acr.repositories")
@finding
def repositories(ask: Context, *, registry: str, names: list[str]) -> Finding:
    """The registry has all these repositories, others allowed."""
    wanted = [a_repository(name) for name in some("names", names)]
    with _registry(ask, registry) as client:
        found = set(client.list_repository_names())
    missing = [name for name in wanted if name not in found]
    if missing:
        return failed(_no_repositories(registry, missing, found))
    return passed(f"The registry `{registry}` has {_counted('repository', 'repositories', wanted)}.")


@check("acr.no-repository")
@finding
def no_repository(ask: Context, *, registry: str, name: str) -> Finding:
    """The registry does not have the repository (any more)."""
    with _registry(ask, registry) as client:
        found = a_repository(name) in set(client.list_repository_names())
        if found:
            tags = _tags(client, registry, name)
            has = f" with {_counted('tag', 'tags', tags)}" if tags else ", without tags"
            return failed(f"The registry `{registry}` still has the repository `{name}`{has}.")
    return passed(f"The registry `{registry}` has no repository `{name}`.")


# Tags


@check("acr.tags")
@finding
def tags(ask: Context, *, registry: str, repository: str, tags: list[str]) -> Finding:
    """A repository of the registry has all these tags, others allowed."""
    wanted = [a_tag(tag) for tag in some("tags", tags)]
    with _registry(ask, registry) as client:
        found = _tags(client, registry, a_repository(repository))
    missing = [tag for tag in wanted if tag not in found]
    if missing:
        return failed(_no_tags(registry, repository, missing, found))
    return passed(f"`{repository}` in the registry `{registry}` has {_counted('tag', 'tags', wanted)}.")


@check("acr.no-tag")
@finding
def no_tag(ask: Context, *, registry: str, repository: str, tag: str, keeps: list[str] | None = None) -> Finding:
    """A repository of the registry does not have the tag (any more); one that is not there has none."""
    kept = [a_tag(name) for name in keeps or ()]
    with _registry(ask, registry) as client:
        if kept:
            found = _tags(client, registry, a_repository(repository))
            missing = [name for name in kept if name not in found]
            if missing:
                return failed(_no_tags(registry, repository, missing, found))
        try:
            there = client.get_tag_properties(a_repository(repository), a_tag(tag))
        except ResourceNotFoundError:
            names = set(client.list_repository_names())  # for a registry that is not there, this does not pass
        else:
            return failed(
                f"`{repository}` in the registry `{registry}` still has the tag `{tag}` {short(there.digest)}."
            )
    where = f"`{repository}` in the registry `{registry}`"
    if kept:
        return passed(f"{where} has no tag `{tag}`; it still has {few(kept)}.")
    if repository in names:
        return passed(f"{where} has no tag `{tag}`.")
    return passed(f"The registry `{registry}` has no repository `{repository}`, so no tag `{tag}` in it.")


@check("acr.only-tags")
@finding
def only_tags(ask: Context, *, registry: str, repository: str, tags: list[str]) -> Finding:
    """A repository of the registry has all these tags, and no other one."""
    wanted = [a_tag(tag) for tag in some("tags", tags)]
    with _registry(ask, registry) as client:
        found = _tags(client, registry, a_repository(repository))
    missing = [tag for tag in wanted if tag not in found]
    others = [tag for tag in found if tag not in wanted]
    if missing:
        return failed(_no_tags(registry, repository, missing, found))
    if others:
        return failed(f"`{repository}` in the registry `{registry}` has {_counted('tag', 'tags', others)}, too.")
    return passed(
        f"`{repository}` in the registry `{registry}` has {_counted('tag', 'tags', wanted)}, and no other one."
    )


@check("acr.older-tags")
@finding
def older_tags(ask: Context, *, registry: str, repository: str, tags: list[str], days: int) -> Finding:
    """A repository of the registry has all these tags, last updated over so many days ago, by the machine's clock."""
    wanted = [a_tag(tag) for tag in some("tags", tags)]
    before = datetime.now(UTC) - timedelta(days=days)
    with _registry(ask, registry) as client:
        try:
            found = {each.name: each.last_updated_on for each in client.list_tag_properties(a_repository(repository))}
        except ResourceNotFoundError as error:
            raise _missing_repository(client, registry, repository) from error
    missing = [tag for tag in wanted if tag not in found]
    if missing:
        return failed(_no_tags(registry, repository, missing, found))
    young = [tag for tag in wanted if found[tag] >= before]
    where = f"`{repository}` in the registry `{registry}`"
    if young:
        return failed(f"In {where}, {_counted('tag', 'tags', young)} changed within the last {days} days.")
    return passed(f"In {where}, {_counted('tag', 'tags', wanted)} did not change within the last {days} days.")


@check("acr.same-digest")
@finding
def same_digest(ask: Context, *, registry: str, repository: str, tags: list[str]) -> Finding:
    """All these tags are there, and are one image (one digest); the first one is the measure."""
    wanted = [a_tag(tag) for tag in some("tags", tags, least=2)]
    with _registry(ask, registry) as client:
        found = _tags(client, registry, a_repository(repository))
    missing = [tag for tag in wanted if tag not in found]
    said = [_no_tags(registry, repository, missing, found)] if missing else []
    there = [tag for tag in wanted if tag in found]
    said += [
        f"`{repository}:{tag}` is another image {short(found[tag])} than `{repository}:{there[0]}` "
        f"{short(found[there[0]])} in the registry `{registry}`. Tag it again and push it."
        for tag in there[1:]
        if found[tag] != found[there[0]]
    ]
    if said:
        return failed(" ".join(said))
    return passed(f"In `{repository}`, {listed(wanted)} are one image {short(found[wanted[0]])}.")


# Manifests and attributes


@check("acr.manifests")
@finding
def manifests(
    ask: Context, *, registry: str, repository: str, tagged: int | None = None, untagged: int | None = None
) -> Finding:
    """A repository of the registry has so many manifests with tags, and so many without."""
    wanted = given(tagged=tagged, untagged=untagged)
    with _registry(ask, registry) as client:
        try:
            has_tags = [bool(each.tags) for each in client.list_manifest_properties(a_repository(repository))]
        except ResourceNotFoundError as error:
            raise _missing_repository(client, registry, repository) from error
    found = {"tagged": has_tags.count(True), "untagged": has_tags.count(False)}
    where = f"`{repository}` in the registry `{registry}`"
    wrong = [
        f"{found[name]} {name} {_manifests(found[name])}, not {count}"
        for name, count in wanted.items()
        if found[name] != count
    ]
    if wrong:
        return failed(f"{where} has {' and '.join(wrong)}.")
    right = [f"{count} {name} {_manifests(count)}" for name, count in wanted.items()]
    return passed(f"{where} has {' and '.join(right)}.")


@check("acr.attributes")
@finding
def attributes(
    ask: Context,
    *,
    registry: str,
    repository: str,
    tag: str = "",
    delete_enabled: bool | None = None,
    write_enabled: bool | None = None,
    list_enabled: bool | None = None,
    read_enabled: bool | None = None,
) -> Finding:
    """A repository, or one tag of it, is locked or unlocked: what may be done with it."""
    wanted = given(
        delete_enabled=delete_enabled,
        write_enabled=write_enabled,
        list_enabled=list_enabled,
        read_enabled=read_enabled,
    )
    with _registry(ask, registry) as client:
        found = _attributes(client, registry, a_repository(repository), a_tag(tag) if tag else "")
    name = f"{repository}:{tag}" if tag else repository
    pairs = [(ATTRIBUTES[each][1], getattr(found, ATTRIBUTES[each][0]), value) for each, value in wanted.items()]
    wrong = [
        f"`{said}` is {_truth(is_now)}, not {_truth(value)}" for said, is_now, value in pairs if is_now is not value
    ]
    if wrong:
        return failed(f"For `{name}` in the registry `{registry}`, {' and '.join(wrong)}.")
    right = [f"`{said}` is {_truth(value)}" for said, _, value in pairs]
    return passed(f"For `{name}` in the registry `{registry}`, {' and '.join(right)}.")


# The registry itself


@check("acr.answers")
@finding
def answers(ask: Context, *, registry: str) -> Finding:
    """The registry's server answers as a registry does: it asks for a sign-in."""
    server = server_of(registry)
    azure = azure_of(ask)
    azure.registry(registry)
    with azure.asking(server):
        answer = azure.session.get(f"https://{server}/v2/", timeout=TIMEOUT, allow_redirects=False)
    challenge = answer.headers.get("WWW-Authenticate", "")
    if answer.status_code == 401 and challenge.lower().startswith("bearer "):
        return passed(f"`{server}` answers as a registry does: status 401, and where one signs in.")
    if answer.status_code >= 500:
        azure.refused(server, answer.status_code, answer.text)
    return failed(f"`{server}` answers with status {answer.status_code}, not with a registry's 401.")


# What the kinds share


class _Remembered(SansIOHTTPPolicy[Any, Any]):
    """Sends the access token that the same question was last answered with.

    The SDK asks without one, is challenged, and gets two tokens for each question. A token that is no longer good is
    challenged all the same.
    """

    def __init__(self) -> None:
        self._headers: dict[tuple[str, str], str] = {}

    def on_request(self, request: PipelineRequest[Any]) -> None:
        header = self._headers.get(self._key(request))
        if header:
            request.http_request.headers["Authorization"] = header

    def on_response(
        self,
        request: PipelineRequest[Any],
        response: PipelineResponse[Any, Any],  # noqa: ARG002 - what a policy is called with
    ) -> None:
        header = request.http_request.headers.get("Authorization")
        if header and self._key(request)[1].startswith("/acr/"):
            self._headers[self._key(request)] = header

    @staticmethod
    def _key(request: PipelineRequest[Any]) -> tuple[str, str]:
        return request.http_request.method, urlsplit(request.http_request.url).path


@contextmanager
def _registry(ask: Context, name: str) -> Iterator[ContainerRegistryClient]:
    """The client of that registry. Raises MissingError if there is none, TargetError if it does not answer."""
    server = server_of(name)
    azure = azure_of(ask)
    client = ask.once(f"azure {server}", lambda: _connect(azure, server))
    with azure.asking(server, registry=name):
        yield client


def _connect(azure: Azure, server: str) -> ContainerRegistryClient:
    return ContainerRegistryClient(
        server,
        azure,
        audience=ARM,
        transport=azure.transport,
        retry_total=0,
        per_call_policies=[_Remembered()],
    )


def digest_of(ask: Context, registry: str, repository: str, tag: str) -> str:
    """The digest of a tag. Raises MissingError."""
    with _registry(ask, registry) as client:
        found = _tags(client, registry, a_repository(repository))
        if a_tag(tag) not in found:
            raise MissingError(_no_tags(registry, repository, [tag], found))
        return found[tag]


def _tags(client: ContainerRegistryClient, registry: str, repository: str) -> dict[str, str]:
    """Tag -> digest. Raises MissingError."""
    try:
        return {each.name: each.digest for each in client.list_tag_properties(repository)}
    except ResourceNotFoundError as error:
        raise _missing_repository(client, registry, repository) from error


def _attributes(client: ContainerRegistryClient, registry: str, repository: str, tag: str) -> object:
    """The properties of the tag, or of the repository. Raises MissingError."""
    try:
        if tag:
            return client.get_tag_properties(repository, tag)
        return client.get_repository_properties(repository)
    except ResourceNotFoundError as error:
        found = _tags(client, registry, repository)
        raise MissingError(_no_tags(registry, repository, [tag], found)) from error


def _missing_repository(client: ContainerRegistryClient, registry: str, repository: str) -> MissingError:
    return MissingError(_no_repositories(registry, [repository], set(client.list_repository_names())))


def _no_repositories(registry: str, missing: list[str], found: Iterable[str]) -> str:
    names = few(found)
    what = f"{'repository' if len(missing) == 1 else 'repositories'} {listed(missing, last='or')}"
    return f"The registry `{registry}` has no {what}; {f'it has {names}' if names else 'it is empty'}."


def _no_tags(registry: str, repository: str, missing: list[str], found: Iterable[str]) -> str:
    names = few(found)
    what = f"{'tag' if len(missing) == 1 else 'tags'} {listed(missing, last='or')}"
    has = f"it has {names}" if names else "it has none at all"
    return f"`{repository}` in the registry `{registry}` has no {what}; {has}."


def _counted(one: str, many: str, names: Iterable[str]) -> str:
    found = list(names)
    return f"the {one if len(found) == 1 else many} {few(found)}"


def _manifests(count: int) -> str:
    return "manifest" if count == 1 else "manifests"


def short(digest: str) -> str:
    """A digest for a message."""
    return f"({digest.removeprefix('sha256:')[:12]})"


def _truth(value: object) -> str:
    return "unknown" if value is None else str(value).lower()
