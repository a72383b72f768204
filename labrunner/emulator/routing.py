"""From a request to the one operation that answers it. What no operation answers is 501, by name."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from aiohttp import web

from labrunner.emulator.refusal import Refusal

if TYPE_CHECKING:
    from labrunner.emulator.state.principals import Principal
    from labrunner.emulator.world import World

__all__ = ["Call", "Handler", "Operation", "Router", "Service", "json_response"]

_BODY_LIMIT = 1 << 20
_PLACEHOLDER = re.compile(r"\{(?P<name>\w+)(?P<many>:path)?\}")


@dataclass(slots=True, kw_only=True)
class Call:
    """One request on its way. host: the true host name that was asked. params: what the path's placeholders hold,
    percent-decoded. principal: who asks, once the service has admitted them. held: seconds a fault held it back. full:
    whether the disk had no room for what was sent. meant: whether a step of a lab wants it refused."""

    world: "World"
    service: "Service"
    request: web.BaseRequest
    host: str
    operation: "Operation | None" = None
    params: Mapping[str, str] = field(default_factory=dict)
    principal: "Principal | None" = None
    held: float = 0.0
    full: bool = False
    meant: bool = False

    @property
    def query(self) -> Mapping[str, str]:
        """The query's parameters, decoded; of a repeated one, the first."""
        return self.request.query

    def header(self, name: str) -> str:
        """A header's value, "" if it is absent; of a repeated one, all, joined by commas (RFC 9110, 5.3)."""
        return ", ".join(self.request.headers.getall(name, []))

    async def body(self, *, limit: int = _BODY_LIMIT) -> bytes:
        """The whole body. Raises Refusal for one of more than `limit` bytes."""
        data = bytearray()
        async for part in self.request.content.iter_any():
            data += part
            if len(data) > limit:
                raise Refusal(413, "RequestEntityTooLarge", f"The request body is larger than {limit} bytes.")
        return bytes(data)

    async def json(self) -> dict[str, Any]:
        """The body as a JSON object ({} for an empty one). Raises Refusal."""
        data = await self.body()
        if not data.strip():
            return {}
        try:
            value = json.loads(data, parse_constant=_refuse_constant)
            json.dumps(value, ensure_ascii=False).encode()  # half a surrogate could be neither kept nor sent
        except (ValueError, RecursionError) as error:
            raise Refusal(
                400, "InvalidRequestContent", "The request content was invalid and could not be deserialized."
            ) from error
        if not isinstance(value, dict):
            raise Refusal(400, "InvalidRequestContent", "The request content is not a JSON object.")
        return value

    async def form(self) -> dict[str, str]:
        """The body as an HTML form. Raises Refusal."""
        from urllib.parse import parse_qsl

        try:
            return dict(parse_qsl((await self.body()).decode("ascii"), keep_blank_values=True))
        except ValueError as error:
            raise Refusal(400, "invalid_request", "The request body is no form.") from error


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What the local Azure can be asked.

    name: as Azure's reference names it (`Registries_Get`). path: a template; `{name}` is one segment, `{name:path}`
    one or more. source: where the shapes and words come from. differs: what is known to be other than Azure.
    open: asked without credentials.
    """

    name: str
    method: str
    path: str
    handler: Handler
    source: str
    differs: str = ""
    open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One of Azure's services. hosts: exact names, or `*.suffix` for any one name before it.

    admit: authenticates the call and sets its principal, for every operation that is not open. render: an error in the
    service's shape. ignore_case: whether its paths ignore case (ARM's do). resolves: whether a host name of its would
    resolve; without it, every one does.
    """

    name: str
    title: str
    hosts: tuple[str, ...]
    operations: tuple[Operation, ...]
    admit: Callable[[Call], Awaitable[None]]
    render: Callable[[Refusal, Call], web.Response]
    ignore_case: bool = False
    resolves: "Callable[[World, str], bool] | None" = None

    def serves(self, host: str) -> bool:
        """Whether that host name is one of this service's."""
        for pattern in self.hosts:
            if pattern == host:
                return True
            if pattern.startswith("*."):
                name = host.removesuffix(pattern[1:])
                if name != host and name and "/" not in name:
                    return True
        return False


class Router:
    """Finds a service's operation for a request."""

    def __init__(self, service: Service) -> None:
        flags = re.IGNORECASE if service.ignore_case else 0
        self._routes = [(op, re.compile(_expression(op.path), flags)) for op in service.operations]

    def find(self, method: str, raw_path: str) -> tuple[Operation, dict[str, str]] | None:
        """The operation and its parameters. raw_path: as it was sent, still percent-encoded."""
        path = raw_path.rstrip("/") or "/"
        wanted = "GET" if method == "HEAD" else method
        fallback = None
        for operation, expression in self._routes:
            found = expression.fullmatch(path)
            if found is None:
                continue
            params = {name: unquote(value) for name, value in found.groupdict().items()}
            if operation.method == method:
                return operation, params
            if operation.method == wanted and fallback is None:
                fallback = operation, params
        return fallback

    def methods(self, raw_path: str) -> list[str]:
        """What that path can be asked at all."""
        path = raw_path.rstrip("/") or "/"
        return sorted({op.method for op, expression in self._routes if expression.fullmatch(path)})


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON (RFC 8259, 6)")


def _expression(template: str) -> str:
    parts, at = [], 0
    for found in _PLACEHOLDER.finditer(template):
        parts.append(re.escape(template[at : found.start()]))
        parts.append(f"(?P<{found['name']}>{'[^/]+(?:/[^/]+)*' if found['many'] else '[^/]+'})")
        at = found.end()
    parts.append(re.escape(template[at:]))
    return "".join(parts).rstrip("/") or "/"


def json_response(
    value: object,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    content_type: str = "application/json",
) -> web.Response:
    """A JSON answer."""
    return web.Response(
        status=status,
        body=json.dumps(value, ensure_ascii=False).encode(),
        headers={**(headers or {}), "Content-Type": f"{content_type}; charset=utf-8"},
    )
