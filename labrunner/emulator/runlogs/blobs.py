"""Reading a log: all of it or a range, and whether it is complete."""

import hashlib
import re
import uuid
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from aiohttp import web

from labrunner.emulator.clock import iso
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call, Operation
from labrunner.emulator.runlogs.links import account_of, check_link
from labrunner.emulator.state.runs import Run

__all__ = ["OPERATIONS", "admit", "render"]

_VERSION = "2021-12-02"
_COMPLETE = {
    "Succeeded": "successful",
    "Failed": "failed",
    "Canceled": "canceled",
    "Timeout": "timedout",
    "Error": "internalerror",
}
_RANGE = re.compile(r"bytes=(?P<first>[0-9]{1,15})-(?P<last>[0-9]{1,15})?")


async def admit(call: Call) -> None:
    """Nobody signs in here: a link opens the one blob it is for, which the operation checks."""
    del call


def render(refusal: Refusal, call: Call) -> web.Response:
    """An error as Azure Storage writes it (Microsoft: "Status and error codes")."""
    request, now = str(uuid.uuid4()), iso(call.world.clock.now())
    detail = ""
    if refusal.detail is not None:
        detail = f"<AuthenticationErrorDetail>{escape(str(refusal.detail))}</AuthenticationErrorDetail>"
    body = (
        '<?xml version="1.0" encoding="utf-8"?>'
        f"<Error><Code>{escape(refusal.code)}</Code><Message>{escape(refusal.message)}\nRequestId:{request}\nTime:{now}"
        f"</Message>{detail}</Error>"
    )
    headers = {
        "Content-Type": "application/xml",
        "x-ms-error-code": refusal.code,
        "x-ms-request-id": request,
        "x-ms-version": _VERSION,
        **refusal.headers,
    }
    return web.Response(status=refusal.status, body=body.encode(), headers=headers)


async def _read(call: Call) -> web.Response:
    run = _run(call)
    log = call.world.runs.log(run.uid)
    first, last = 0, len(log) - 1
    status = 200
    headers = _headers(run, log)
    wanted = call.header("x-ms-range") or call.header("Range")
    if wanted and call.request.method != "HEAD":
        first, last = _range(wanted, len(log))
        status = 206
        headers["Content-Range"] = f"bytes {first}-{last}/{len(log)}"
    return web.Response(status=status, body=log[first : last + 1], headers=headers)


async def _other(call: Call) -> web.Response:
    if not account_of(call.host):
        raise Refusal(404, "ResourceNotFound", "The specified resource does not exist.")
    raise _unknown()


def _run(call: Call) -> Run:
    """The run whose log the link opens. Raises Refusal."""
    account = account_of(call.host)
    if not account:
        raise Refusal(404, "ResourceNotFound", "The specified resource does not exist.")
    container, name = call.params["container"], call.params["run"]
    check_link(call.world, account, f"/{container}/logs/{name}/rawtext.log", call.query)
    registry = next((found for found in call.world.registries.all() if found.uid.replace("-", "") == container), None)
    run = call.world.runs.get(registry.id, name) if registry else None
    if run is None:
        raise _unknown()
    return run


def _headers(run: Run, log: bytes) -> dict[str, str]:
    modified = datetime.fromtimestamp(run.updated, UTC)
    headers = {
        "Content-Type": "text/plain; charset=utf-8",
        "Last-Modified": f"{modified:%a, %d %b %Y %H:%M:%S GMT}",
        "ETag": f'"0x{hashlib.sha256(log + run.status.encode()).hexdigest()[:15].upper()}"',
        "Accept-Ranges": "bytes",
        "x-ms-blob-type": "AppendBlob",
        "x-ms-request-id": str(uuid.uuid4()),
        "x-ms-version": _VERSION,
    }
    if run.status in _COMPLETE:
        headers["x-ms-meta-Complete"] = _COMPLETE[run.status]
    return headers


def _range(text: str, size: int) -> tuple[int, int]:
    found = _RANGE.fullmatch(text.strip())
    first = int(found["first"]) if found else size
    last = min(int(found["last"]) if found and found["last"] else size - 1, size - 1)
    if first > last:
        raise Refusal(
            416,
            "InvalidRange",
            "The range specified is invalid for the current size of the resource.",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return first, last


def _unknown() -> Refusal:
    return Refusal(404, "BlobNotFound", "The specified blob does not exist.")


OPERATIONS = (
    Operation(
        name="Blob_Get",
        method="GET",
        path="/{container}/logs/{run}/rawtext.log",
        handler=_read,
        source="az's _stream_utils and its storage SDK; Microsoft, Get Blob, Create a service SAS",
        differs="HEAD too. No versions, snapshots, leases or conditions",
        open=True,
    ),
    Operation(
        name="Blob_Get (any other)",
        method="GET",
        path="/{blob:path}",
        handler=_other,
        source="Microsoft, Blob service error codes",
        differs="There are no other blobs and no other accounts: 404",
        open=True,
    ),
)
