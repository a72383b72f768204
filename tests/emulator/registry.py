"""A registry's client that hides nothing: raw HTTP, and short words for what the specification has."""

import base64
import hashlib
import http.client
import json
import socket
import ssl
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

__all__ = ["IMAGE", "INDEX", "LAYER", "Answer", "Raw", "descriptor", "digest_of", "image", "over_proxy", "over_tls"]

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
CONFIG = "application/vnd.oci.image.config.v1+json"
_SECONDS = 30.0

Connect = Callable[[], http.client.HTTPSConnection]


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def descriptor(content: bytes, media_type: str = LAYER, algorithm: str = "sha256") -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content, algorithm), "size": len(content)}


def over_proxy(host: str, proxy: str, bundle: Path) -> Connect:
    """As clients come: CONNECT through the proxy, TLS to the true name."""
    address, context = urlsplit(proxy), ssl.create_default_context(cafile=str(bundle))

    def connect() -> http.client.HTTPSConnection:
        connection = http.client.HTTPSConnection(
            address.hostname or "", address.port, context=context, timeout=_SECONDS, blocksize=1 << 18
        )
        connection.set_tunnel(host, 443)
        return connection

    return connect


def over_tls(host: str, port: int, bundle: Path) -> Connect:
    """As clients come that resolve the name themselves."""
    context = ssl.create_default_context(cafile=str(bundle))

    class Connection(http.client.HTTPSConnection):
        def connect(self) -> None:
            bare = socket.create_connection(("127.0.0.1", port), timeout=_SECONDS)
            bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as the client itself does
            try:
                self.sock = context.wrap_socket(bare, server_hostname=host)
            except BaseException:
                bare.close()
                raise

    # its own context would read all public authorities, and be used for nothing
    return lambda: Connection(host, timeout=_SECONDS, context=context)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str]:
        """Status and code; asserts the form of errors."""
        (error,) = self.json["errors"]
        assert isinstance(error["message"], str)
        return self.status, error["code"]


class Raw:
    """One connection, and the token that `use` asked for. credentials: user and password for Basic."""

    def __init__(self, host: str, connect: Connect, credentials: tuple[str, str] | None = None) -> None:
        self.host = host
        self._connect = connect
        self._connection: http.client.HTTPSConnection | None = None
        self.credentials = credentials
        self.bearer = ""

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def another(self) -> "Raw":
        """The same client on a connection of its own."""
        found = Raw(self.host, self._connect, self.credentials)
        found.bearer = self.bearer
        return found

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        bearer: str | None = None,
    ) -> Answer:
        """bearer: "" for none. An iterable body is sent in chunks."""
        token = self.bearer if bearer is None else bearer
        wanted = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
        if body is None and method in {"POST", "PUT", "PATCH"}:
            body = b""
        connection = self._connection = self._connection or self._connect()
        try:
            chunked = body is not None and not isinstance(body, bytes)
            with suppress(BrokenPipeError, ConnectionResetError, ssl.SSLError):  # refused before the body was read
                connection.request(method, path, body=body, headers=wanted, encode_chunked=chunked)
            answer = connection.getresponse()
            found = Answer(answer.status, answer.headers, answer.read())  # type: ignore[arg-type]
        except BaseException:
            self.close()
            raise
        if answer.will_close:
            self.close()
        return found

    def basic(self) -> dict[str, str]:
        assert self.credentials is not None
        return {"Authorization": "Basic " + base64.b64encode(":".join(self.credentials).encode()).decode()}

    def token(self, *scopes: str, **more: str) -> Answer:
        query = urlencode([("service", self.host), *(("scope", scope) for scope in scopes), *more.items()])
        return self.ask("GET", f"/oauth2/token?{query}", headers=self.basic() if self.credentials else {}, bearer="")

    def use(self, *scopes: str) -> "Raw":
        """Ask with a token of these scopes from now on."""
        answer = self.token(*scopes)
        assert answer.status == 200, answer
        self.bearer = answer.json["access_token"]
        return self

    def begin(self, name: str) -> str:
        answer = self.ask("POST", f"/v2/{name}/blobs/uploads/")
        assert answer.status == 202, answer
        return answer.headers["Location"]

    def blob(self, name: str, content: bytes, algorithm: str = "sha256") -> str:
        digest = digest_of(content, algorithm)
        answer = self.ask("PUT", f"{self.begin(name)}?digest={digest}", content)
        assert answer.status == 201, answer
        return digest

    def manifest(self, name: str, reference: str, value: Mapping[str, Any] | bytes, media_type: str = IMAGE) -> Answer:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.ask("PUT", f"/v2/{name}/manifests/{reference}", body, {"Content-Type": media_type})

    def push(self, name: str, tag: str, layer: bytes = b"layer", **more: Any) -> str:
        """An image with its blobs; its digest."""
        value = image(layer, **more)
        self.blob(name, CONFIG_CONTENT)
        self.blob(name, layer)
        answer = self.manifest(name, tag, value)
        assert answer.status == 201, answer
        return answer.headers["Docker-Content-Digest"]


CONFIG_CONTENT = b'{"os": "linux", "architecture": "amd64"}'


def image(layer: bytes = b"layer", **more: Any) -> dict[str, Any]:
    config = descriptor(CONFIG_CONTENT, CONFIG)
    return {"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [descriptor(layer)], **more}
