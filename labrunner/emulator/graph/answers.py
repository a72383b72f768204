"""Single things and lists, as Graph's answers hold them: contexts, pages, selected properties."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from labrunner.emulator.graph.filters import parse
from labrunner.emulator.graph.problems import bad_request, unsupported
from labrunner.emulator.routing import Call, json_response

__all__ = ["CONTEXT", "app_id_of", "body", "entity", "listing", "nothing"]

CONTEXT = "https://graph.microsoft.com/v1.0/$metadata#"
_TYPE = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false"
_HEADERS = {"OData-Version": "4.0", "Cache-Control": "no-cache"}
_PAGE = 100
_MOST = 999

Row = Mapping[str, Any]


async def body(call: Call) -> dict[str, Any]:
    """The JSON object that was sent. Raises Refusal."""
    data = await call.body()
    try:
        value = json.loads(data, parse_constant=_no_number)
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        raise _unreadable() from error
    if not isinstance(value, dict) or "json" not in call.header("Content-Type").lower():
        raise _unreadable()
    return value


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _unreadable() -> Exception:
    return bad_request(
        "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON "
        "format.",
        code="BadRequest",
    )


def app_id_of(call: Call) -> str:
    """The alternate key `(appId='...')` of the path; "" if it names an object id. Raises Refusal."""
    if "key" not in call.params:
        return ""
    found = re.fullmatch(r"appId='([^']*)'", call.params["key"])
    if found is None:
        raise unsupported(f"the key ({call.params['key'][:100]})")
    return found[1]


def nothing() -> web.Response:
    """Done."""
    return web.Response(status=204, headers={"Cache-Control": "no-cache"})


def entity(
    call: Call, row: Row, *, context: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """One thing. context: what follows `$metadata#`."""
    names = _options(call, known={"$select"})
    return json_response(
        {"@odata.context": f"{CONTEXT}{context}", **_selected(row, names.get("$select"))},
        status=status,
        headers={**_HEADERS, **(headers or {})},
        content_type=_TYPE,
    )


def listing(
    call: Call, rows: Iterable[Row], *, context: str, kind: str, properties: Mapping[str, bool]
) -> web.Response:
    """Those that the query asks for. kind, properties: see `filters.parse`."""
    options = _options(call, known={"$select", "$filter", "$top", "$skiptoken", "$count"})
    found = list(rows)
    if options.get("$filter") is not None:
        test = parse(options["$filter"], properties=properties, kind=kind)
        found = [row for row in found if test(row)]
    size, start = _number(options, "$top", _PAGE, least=1, most=_MOST), _number(options, "$skiptoken", 0)
    answer: dict[str, Any] = {"@odata.context": f"{CONTEXT}{context}"}
    if options.get("$count", "false").lower() == "true":
        answer["@odata.count"] = len(found)
    if start + size < len(found):
        link = call.request.rel_url.update_query({"$skiptoken": str(start + size)})
        answer["@odata.nextLink"] = f"https://{call.host}{link}"
    answer["value"] = [_selected(row, options.get("$select")) for row in found[start : start + size]]
    return json_response(answer, headers=_HEADERS, content_type=_TYPE)


def _options(call: Call, *, known: set[str]) -> dict[str, str]:
    found = {}
    for name, value in call.query.items():
        canonical = name.lower() if name.startswith("$") else f"${name.lower()}"  # the $ may be left out
        if canonical not in known:
            raise unsupported(f"the query option '{name}' here")
        found[canonical] = value
    return found


def _selected(row: Row, names: str | None) -> dict[str, Any]:
    if not names:
        return dict(row)
    wanted = [name.strip() for name in names.split(",")]
    for name in wanted:
        if name not in row:
            raise bad_request(f"Parsing OData Select and Expand failed: Could not find a property named '{name}'.")
    return {name: row[name] for name in row if name in wanted or name == "@odata.type"}


def _number(options: Mapping[str, str], name: str, default: int, *, least: int = 0, most: int = 10**9) -> int:
    text = options.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise bad_request(f"Invalid value '{text[:40]}' for the query option '{name}'.", code="BadRequest")  # guess
    return int(text)
