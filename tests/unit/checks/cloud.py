"""A small real server for all of Azure's host names, behind a proxy, that says what a test wants it to say.

Just enough of Entra, Resource Manager, Graph and one registry per name for the checks; what it does not know is 501, as
in the local Azure. Tokens are not verified: who may ask is not what these tests are about.
"""

import base64
import json
import re
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from labrunner.checking.api import CheckResult
from labrunner.emulator.certificates import Authority
from labrunner.emulator.server import DOMAINS

TENANT = "11111111-1111-1111-1111-111111111111"
SUBSCRIPTION = "22222222-2222-2222-2222-222222222222"
OPERATOR = "33333333-3333-3333-3333-333333333333"
ROLES = {"AcrPull": "7f951dda-4ed3-4680-a7ca-43fe172d538d", "AcrPush": "8311e382-0749-4cb8-b61a-304f252e45ec"}
UNLOCKED = {"deleteEnabled": True, "writeEnabled": True, "listEnabled": True, "readEnabled": True}
TIMES = {"createdTime": "2026-01-01T00:00:00Z", "lastUpdateTime": "2026-01-01T00:00:00Z"}


def digest(letter: str) -> str:
    """One that is easily told from others."""
    return f"sha256:{letter * 64}"


@dataclass
class Repository:
    """tags: tag -> digest. untagged: digests. locks: tag, or "" for the repository -> attributes other than true."""

    tags: dict[str, str] = field(default_factory=dict)
    untagged: list[str] = field(default_factory=list)
    locks: dict[str, dict[str, bool]] = field(default_factory=dict)


@dataclass
class Registry:
    """webhooks: name -> properties. events: webhook -> (action, repository, tag), the newest first. trust: (repository,
    role) -> metadata."""

    sku: str = "Standard"
    properties: dict[str, object] = field(default_factory=dict)
    trust: dict[tuple[str, str], dict] = field(default_factory=dict)
    repositories: dict[str, Repository] = field(default_factory=dict)
    webhooks: dict[str, dict] = field(default_factory=dict)
    events: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)


@dataclass
class Cloud:
    """What the server says. page: items of a page. broken: host -> the status that it answers everything with, or 0 for
    no answer. docker: what (user, password), or ("", identity token), may do. secret: the operator's. asked: `METHOD
    host/path` of each request. ask: asks a check."""

    registries: dict[str, Registry] = field(default_factory=dict)
    applications: dict[str, str] = field(default_factory=dict)
    assigned: list[tuple[str, str]] = field(default_factory=list)
    docker: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    broken: dict[str, int] = field(default_factory=dict)
    page: int = 100
    secret: str = "operator-hunter2"
    ask: Callable[..., CheckResult] | None = None
    asked: list[str] = field(default_factory=list)

    def answer(self, ask: "Asked") -> "Answer":
        self.asked.append(f"{ask.method} {ask.host}{ask.path}")
        if ask.host in self.broken:
            return Answer({"error": {"code": "Broken", "message": "it is broken"}}, self.broken[ask.host])
        if ask.host == "login.microsoftonline.com":
            return self.entra(ask)
        if not ask.host.endswith(".azurecr.io"):
            if not ask.header("Authorization").startswith("Bearer "):
                return Answer({"error": {"code": "AuthenticationFailed", "message": "no token"}}, 401)
            return self.graph(ask) if ask.host == "graph.microsoft.com" else self.arm(ask)
        return self.registry(ask)

    def entra(self, ask: "Asked") -> "Answer":
        base = f"https://{ask.host}/{TENANT}"
        if ask.path.endswith("/.well-known/openid-configuration"):
            return Answer(
                {
                    "issuer": f"{base}/v2.0",
                    "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                    "token_endpoint": f"{base}/oauth2/v2.0/token",
                }
            )
        if ask.form.get("client_secret") != self.secret:
            return Answer({"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret"}, 401)
        return Answer({"token_type": "Bearer", "expires_in": 3600, "access_token": jwt({"aud": ask.form["scope"]})})

    def arm(self, ask: "Asked") -> "Answer":
        if ask.path == f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ContainerRegistry/registries":
            return self.paged(ask, "value", [arm_registry(name, each) for name, each in self.registries.items()])
        if definition := re.search(r"/roleDefinitions/([^/]+)$", ask.path):
            return Answer(next(arm_role(name) for name, guid in ROLES.items() if guid == definition[1]))
        found = re.fullmatch(r".*/registries/(\w+)/(.*)", ask.path)
        if found is None or found[1] not in self.registries:
            return Answer({"error": {"code": "ResourceNotFound", "message": "not found"}}, 404)
        registry, rest = self.registries[found[1]], found[2]
        if rest == "webhooks":
            return self.paged(ask, "value", [arm_webhook(ask, name, of) for name, of in registry.webhooks.items()])
        if rest == "providers/Microsoft.Authorization/roleDefinitions":
            named = re.fullmatch(r"roleName eq '(.*)'", ask.query["$filter"])
            return Answer({"value": [arm_role(name) for name in ROLES if name.lower() == named[1].lower()]})
        if rest == "providers/Microsoft.Authorization/roleAssignments" and ask.query["$filter"] == "atScope()":
            return self.paged(ask, "value", [arm_assignment(*each) for each in self.assigned])
        hook, _, events = rest.removeprefix("webhooks/").partition("/")
        if hook not in registry.webhooks:
            return Answer({"error": {"code": "ResourceNotFound", "message": "not found"}}, 404)
        if not events:
            return Answer(arm_webhook(ask, hook, registry.webhooks[hook]))
        assert ask.method == "POST" or "skip" in ask.query
        return self.paged(ask, "value", [arm_event(*each) for each in registry.events.get(hook, ())])

    def graph(self, ask: "Asked") -> "Answer":
        wanted = re.fullmatch(r"displayName eq '(.*)'", ask.query.get("$filter", "displayName eq '.*'"))[1]
        found = [
            {"id": f"object-{guid}", "appId": guid, "displayName": name}
            for name, guid in self.applications.items()
            if wanted in (".*", name.replace("'", "''"))
        ]
        return self.paged(ask, "value", found, link="@odata.nextLink")

    def registry(self, ask: "Asked") -> "Answer":
        registry = self.registries.get(ask.host.partition(".")[0])
        if registry is None:
            return Answer({"errors": [{"code": "NAME_UNKNOWN", "message": "no such registry"}]}, 404)
        if ask.path.startswith("/oauth2/"):
            return self.tokens(ask)
        if not ask.header("Authorization").startswith("Bearer "):
            realm = f'Bearer realm="https://{ask.host}/oauth2/token",service="{ask.host}",scope="some:thing:read"'
            return Answer({"errors": [{"code": "UNAUTHORIZED"}]}, 401, {"WWW-Authenticate": realm})
        if trust := re.fullmatch(rf"/v2/{re.escape(ask.host)}/(.+)/_trust/tuf/(.+)[.]json", ask.path):
            found = registry.trust.get((trust[1], trust[2]))
            return Answer({"errors": [{"code": "METADATA_NOT_FOUND"}]}, 404) if found is None else Answer(found)
        if ask.path == "/acr/v1/_catalog":
            return self.paged(ask, "repositories", list(registry.repositories))
        name, _, rest = ask.path.removeprefix("/acr/v1/").partition("/_")
        repository = registry.repositories.get(name)
        if repository is None:
            return Answer({"errors": [{"code": "NAME_UNKNOWN", "message": "repository name not known"}]}, 404)
        if rest == "tags":
            return self.paged(ask, "tags", [acr_tag(repository, tag) for tag in repository.tags])
        if rest == "manifests":
            return self.paged(ask, "manifests", acr_manifests(repository))
        if not rest:
            about = {"registry": ask.host, "imageName": name, "tagCount": 1, "manifestCount": 1, **TIMES}
            return Answer({**about, "changeableAttributes": {**UNLOCKED, **repository.locks.get("", {})}})
        tag = rest.removeprefix("tags/")
        if tag not in repository.tags:
            return Answer({"errors": [{"code": "TAG_UNKNOWN", "message": "the tag is not known"}]}, 404)
        return Answer({"registry": ask.host, "imageName": name, "tag": acr_tag(repository, tag)})

    def tokens(self, ask: "Asked") -> "Answer":
        if ask.path == "/oauth2/exchange":
            return Answer({"refresh_token": jwt({"exp": 4000000000})})
        asked = {**ask.query, **ask.form}
        if asked.get("grant_type") == "refresh_token" and asked.get("scope") == "some:thing:read":
            return Answer({"access_token": jwt({"aud": ask.host})})
        basic = base64.b64decode(ask.header("Authorization").removeprefix("Basic ")).decode()
        user, _, password = basic.partition(":")
        may = self.docker.get(("", asked["refresh_token"]) if ask.method == "POST" else (user, password))
        if may is None:
            return Answer({"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}, 401)
        kind, name, wanted = asked["scope"].split(":")
        signing = ["sign"] if "sign" in may and name.startswith(f"{ask.host}/") else []
        access = {"type": kind, "name": name, "actions": [each for each in wanted.split(",") if each in may] + signing}
        return Answer({"access_token": jwt({"access": [access]})})

    def paged(self, ask: "Asked", name: str, items: list, *, link: str = "nextLink") -> "Answer":
        begin = int(ask.query.get("skip", 0))
        end = begin + self.page
        url = f"{ask.path}?skip={end}" + (f"&$filter={ask.query['$filter']}" if "$filter" in ask.query else "")
        url = url.replace(" ", "%20").replace("'", "%27")
        more = len(items) > end
        if ask.host.endswith(".azurecr.io"):
            return Answer({name: items[begin:end]}, 200, {"Link": f'<{url}>; rel="next"'} if more else {})
        return Answer({name: items[begin:end], **({link: f"https://{ask.host}{url}"} if more else {})})


@dataclass(frozen=True)
class Asked:
    method: str
    host: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    headers: dict[str, str]

    def header(self, name: str) -> str:
        return self.headers.get(name.lower(), "")


@dataclass(frozen=True)
class Answer:
    document: object
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def jwt(claims: dict) -> str:
    """A token as its holder reads it."""
    parts = (base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in ({}, claims))
    return ".".join([*parts, "signature-hunter2"])


def arm_registry(name: str, registry: Registry) -> dict:
    return {
        "id": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/{name}",
        "name": name,
        "sku": {"name": registry.sku},
        "properties": registry.properties,
    }


def arm_webhook(ask: Asked, name: str, properties: dict) -> dict:
    return {"id": f"{ask.path.partition('/webhooks')[0]}/webhooks/{name}", "name": name, "properties": properties}


def arm_event(action: str, repository: str, tag: str) -> dict:
    target = {"target": {"repository": repository, "tag": tag}} if repository else {}
    return {"id": "1", "eventRequestMessage": {"content": {"action": action, **target}}}


def arm_role(name: str) -> dict:
    path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{ROLES[name]}"
    return {"id": path, "name": ROLES[name], "properties": {"roleName": name}}


def arm_assignment(principal: str, role: str) -> dict:
    return {"properties": {"principalId": f"object-{principal}", "roleDefinitionId": arm_role(role)["id"]}}


def acr_tag(repository: Repository, tag: str) -> dict:
    locks = {**UNLOCKED, **repository.locks.get(tag, {})}
    return {"name": tag, "digest": repository.tags[tag], "signed": False, **TIMES, "changeableAttributes": locks}


def acr_manifests(repository: Repository) -> list[dict]:
    tagged = {of: [tag for tag, each in repository.tags.items() if each == of] for of in repository.tags.values()}
    return [
        *({"digest": of, "tags": tags, "imageSize": 1, **TIMES} for of, tags in tagged.items()),
        *({"digest": of, "imageSize": 1, **TIMES} for of in repository.untagged),
    ]


@contextmanager
def serve(folder):
    """(proxy URL, CA file, say): say(cloud) makes the server say what that one says."""
    authority = Authority(folder, DOMAINS, public=b"")
    context = authority.context()
    said: list[Cloud] = [Cloud()]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_CONNECT(self):
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            self.connection = context.wrap_socket(self.connection, server_side=True)
            self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
            self.close_connection = False

        def finish(self):
            super().finish()
            self.connection.close()

        def do_GET(self):
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            answer = said[0].answer(
                Asked(
                    method=self.command,
                    host=self.headers["Host"],
                    path=unquote(parts.path),
                    query={name: values[0] for name, values in parse_qs(parts.query).items()},
                    form={name: values[0] for name, values in parse_qs(body).items()},
                    headers={name.lower(): value for name, value in self.headers.items()},
                )
            )
            if not answer.status:
                self.close_connection = True
                return
            content = json.dumps(answer.document).encode()
            self.send_response(answer.status)
            headers = {"Content-Type": "application/json", "Content-Length": str(len(content)), **answer.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()

        do_POST = do_GET  # noqa: N815 - the name that http.server calls

        def log_message(self, *words):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield (
                f"http://127.0.0.1:{server.server_port}",
                str(authority.certificate_file),
                lambda cloud: said.__setitem__(0, cloud),
            )
        finally:
            server.shutdown()
            thread.join()
