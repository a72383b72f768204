"""The page docs/emulator.md, written from the operations themselves.

python -m labrunner.emulator.reference > docs/emulator.md
"""

import sys
from collections.abc import Iterable, Iterator

from labrunner.emulator.routing import Operation, Service

__all__ = ["page"]

_HEAD = """\
# The local Azure

<!-- Written by `python -m labrunner.emulator.reference`: change the operations, not this page. -->

A stand-in for the parts of Azure that container images need, under the true host names. The real `az`, the real Docker
Engine and the Azure SDKs talk to it unchanged. In the [sandbox](sandbox.md) it starts by itself.

It is no Azure: nothing leaves the machine, nothing costs money, and it takes no password of yours. Its pages say so.

## By itself

    python -m labrunner.emulator --state DIR

It listens as an HTTPS proxy on 127.0.0.1:3128 and prints the two variables that a client needs: `HTTPS_PROXY`, and
`SSL_CERT_FILE`, a file with its certificate authority (for az also as `REQUESTS_CA_BUNDLE`). `--seed FILE.json` makes
registries at the start; `--tls HOST:PORT` listens without a proxy, for clients that resolve names themselves, and
`--hosts FILE` keeps a hosts file true for them: Azure's names and each registry's, as long as it is there.
`--control PATH` is the socket for its own user, described in `labrunner/emulator/control.py`. The certificate authority
is made for the state folder, lives 30 days, can sign for the emulated names only, and is put into no system store.

Proxy and listeners belong on loopback: who reaches them has a whole Azure to play with, and nothing else.

## What it answers

Everything below is asked under `https://`. What is not in these tables is answered with 501 and the name of what was
asked, and logged; never with a made-up success. *Source* says where shapes and words come from: recordings of
azure-cli's tests, az's and the SDKs' own source, specifications, Microsoft's documentation. *guess* says that none of
them tells.
"""

_TAIL = """\

## How it differs from Azure as a whole

- One tenant, one subscription, one user who owns it. Tokens are signed with a key of its own, symmetrically.
- Every change is done when it is answered; where Azure takes minutes (a new role's effect, a deletion), it takes none.
- Any `api-version` is accepted.
- No network rules, private links, replications, encryption keys, connected registries or scope maps.
- Nothing is throttled.
- Layers are kept on the disk of this machine, without quota.
"""


def page(services: Iterable[Service]) -> str:
    """The whole page, Markdown."""
    parts = [_HEAD]
    parts += ["\n".join(_section(service)) for service in services]
    return "\n".join(parts) + _TAIL


def _section(service: Service) -> Iterator[str]:
    yield f"### {service.title}"
    yield ""
    yield "Hosts: " + ", ".join(f"`{host}`" for host in service.hosts)
    yield ""
    yield "| operation | request | source | differs |"
    yield "| --- | --- | --- | --- |"
    for operation in service.operations:
        yield _row(operation)
    yield ""


def _row(operation: Operation) -> str:
    cells = (operation.name, f"`{operation.method} {operation.path}`", operation.source, operation.differs)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main() -> int:
    """Print the page."""
    from labrunner.emulator.server import services

    sys.stdout.write(page(services()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
