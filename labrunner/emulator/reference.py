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

## Faults on purpose

For tests and for instructors it does badly when it is told to, through the control socket: `POST /faults` with
`{"name": ..., "seconds": 30}` (without `seconds`: until it is cleared) and what else the fault has; `GET /faults`;
`DELETE /faults` or `DELETE /faults/NAME`. Setting one again replaces it. None outlives the program or a `POST /reset`.

| fault | what happens | parameters |
| --- | --- | --- |
| `latency` | answers begin late | `delay` 5, `services` all |
| `throttled` | 429 with `Retry-After`, never longer than the fault lasts; a registry's `/v2/` answers (guess) | \
`retry_after` 5, `services` arm, graph, acr; `tiers`: of registries of these alone, and only what writes to them |
| `server-error` | that status, and nothing is done | `status` 503 (500, 502, 504), `services` all |
| `expired-tokens` | access tokens, and a registry's refresh tokens, that were issued before are refused as expired; \
new ones are good | |
| `role-delay` | a role given meanwhile has its effect later; taking one away works at once | `delay` 60 |
| `list-lag` | the lists of repositories, tags and manifests are as they were a while ago, with what was deleted and \
without what was pushed, but never older than the fault; a tag, a manifest or a repository asked for by name is as it \
is (guess: how far Azure's lists are behind, and which) | `delay` 30 |
| `proxy-down` | the proxy ends every connection, also those that stand; `--tls` listens on | |
| `lower-tier` | registries are of a lower tier than they were made with, until somebody gives one a tier | `sku` \
Standard |
| `fewer-roles` | of what the user was given before, only these roles are left, at the subscription; roles given \
meanwhile count beside them | `roles` Role Based Access Control Administrator |

`services` is a list of `arm`, `graph`, `acr`, `entra`, `runlogs`. `latency`, `throttled` and `lower-tier` can be about
one `registry` alone. With `"step": true` a fault is a lab's own ([fault](course-format.md#fault)): it is no trouble,
and `DELETE /faults?of=step` ends those. Times are seconds by the emulator's clock, which
`POST /clock` with `{"offset": seconds}` moves ahead of the machine's: a request that waits is answered as soon as its
time has come by that clock, and what a fault delays comes about. When a fault ends, or is cleared, everything is as if
it had never been. Where words come from is said in `labrunner/emulator/overload.py`; those of Graph and of a registry
for server errors, and of Entra for 429, are a guess. az keeps tokens that it takes for good ones: after
`expired-tokens` it needs `az account clear` before `az login`.

`GET /trouble?since=SEQ` tells what was really answered amiss after that number, whoever caused it, and not which faults
are set: `{"seq": ..., "trouble": [{"kind", "count", "text", "last"}], "settling": [...]}`. The kinds are `throttled`
(429), `server-error` (5xx but 501), `slow` (more than 2 seconds; told while the client still waits), `expired-token`,
`role-not-spread` (refused, though a role that allows it was given), `stale-list` (another list than the true one) and
`refused-connection`. `text` is the latest one's cause in a sentence, `last` its moment; 256 of each kind are
remembered. `settling` says what will become true by itself, and in how many seconds.

## Content trust

A registry has a trust server (Notary v1, as Docker Content Trust wants it) under its own name, as long as its content
trust is enabled: `az acr config content-trust update --registry NAME --status enabled`, Premium. Who signs needs the
role AcrImageSigner beside AcrPush, and a login after it was given; an owner needs it too, and the admin user cannot.
Disabling deletes the trust data of all repositories. What is uploaded is verified against what is there: signatures,
thresholds, key ids, versions, expiry, roles and delegations. The registry signs timestamps itself and, unless the
publisher does, snapshots, with keys that are kept in the state folder and shown to nobody.

## How it differs from Azure as a whole

- One tenant, one subscription, one user who owns it. Tokens are signed with a key of its own, symmetrically.
- Every change is done when it is answered; where Azure takes minutes (a new role's effect, a deletion), it takes
  none, but for faults on purpose.
- Any `api-version` is accepted.
- No network rules, private links, replications, encryption keys, connected registries or scope maps.
- Content trust can still be enabled. Azure refuses that since 31 May 2026, but for registries that had it before.
- Nothing is throttled, but for faults on purpose.
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
