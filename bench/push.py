"""`docker push` of 200 MB that nothing can compress: to the local Azure, and to docker-registry behind TLS.

Both are in one sandbox and served by its Docker Engine, which is the client. docker-registry is the distribution's, at
localhost, which the engine reaches without the proxy.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.table import Row, Section, seconds
from bench.timing import Bench, MeasureError, interleaved, paired
from labrunner.emulator.client import ControlClient
from labrunner.places import cache_dir
from labrunner.sandbox import machine
from labrunner.sandbox.running import Sandbox
from labrunner.sandbox.tools import unpack_extra

__all__ = ["measure"]

TITLE = "Push"
ROUNDS = 5
MEGABYTES = 200
MOST_RATIO = 1.3
MOST_GROWTH_MB = 50
REGISTRY = "benchregistry"
OURS = f"{REGISTRY}.azurecr.io"
THEIRS = "localhost:5000"


def measure(bench: Bench) -> Section:
    """A new image for each round, and each registry first in turn."""
    sandbox = machine.attach(bench.sandbox, bench.env)
    control = ControlClient(sandbox.layout.azure_control)
    _login(sandbox, control)
    pushed = {"ours": 0, "registry": 0}
    with _docker_registry(bench, sandbox):
        for name in ("ours", "registry"):
            _push(sandbox, name, pushed, megabytes=1)  # what is loaded on first use is no part of a push
        pid = int(control.status()["pid"])
        before = _resident(sandbox, pid)
        contenders = {name: partial(_push, sandbox, name, pushed) for name in ("ours", "registry")}
        took = interleaved(contenders, ROUNDS, bench, TITLE)
        growth = (_resident(sandbox, pid, peak=True) - before) / 1e6
    ratio = paired(took["ours"], took["registry"])
    return Section(
        title=f"{TITLE} (docker push of {MEGABYTES} MB of random data)",
        rows=[
            Row(
                what="to the local Azure",
                figure=seconds(took["ours"]),
                ratio=f"{ratio:.2f}x docker-registry",
                goal=f"<= {MOST_RATIO}x",
                met=ratio <= MOST_RATIO,
            ),
            Row(what="to docker-registry behind TLS", figure=seconds(took["registry"])),
            Row(
                what="memory that the local Azure grew by",
                figure=f"{growth:.1f} MB",
                goal=f"<= {MOST_GROWTH_MB} MB",
                met=growth <= MOST_GROWTH_MB,
            ),
        ],
    )


def _login(sandbox: Sandbox, control: ControlClient) -> None:
    entry = {"name": REGISTRY, "resource_group": "bench", "location": "eastus", "sku": "Premium"}
    control.seed({"registries": [entry]})
    user, secret = control.operator()
    env = {**sandbox.environment(), "SECRET": secret}
    line = f'printf %s "$SECRET" | docker login {OURS} --username {user} --password-stdin'
    _bash(sandbox, line, env=env)


@contextmanager
def _docker_registry(bench: Bench, sandbox: Sandbox) -> Iterator[None]:
    """Runs for as long as the context does."""
    folder = Path(sandbox.layout.work, "docker-registry")
    folder.mkdir()
    extra = Path(cache_dir(bench.env), "extra", "docker-registry")
    program = unpack_extra("docker-registry", extra, os.environ) / "docker-registry"
    sandbox.show([str(extra)])
    subject = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    files = ("-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem"))
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    made = subprocess.run(
        [bench.program("openssl"), "req", "-x509", *curve, *files, *subject], capture_output=True, check=False
    )
    if made.returncode:
        raise MeasureError(f"no certificate for docker-registry: {made.stderr.decode()}")
    (folder / "config.yml").write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder}/data}}}}\n"
        f"http: {{addr: '{THEIRS}', tls: {{certificate: {folder}/certificate.pem, key: {folder}/key.pem}}}}\n"
    )
    process = subprocess.Popen(
        sandbox.enter([str(program), "serve", str(folder / "config.yml")]),
        env=sandbox.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _bash(sandbox, f"until curl -ksf https://{THEIRS}/v2/ >/dev/null; do sleep 0.05; done")
        yield
    finally:
        # nsenter stands outside of the sandbox's process namespace: its child is the one to end
        sandbox.run(["bash", "-c", "kill $(pidof docker-registry)"])
        process.wait(10)


def _push(sandbox: Sandbox, name: str, pushed: dict[str, int], *, megabytes: int = MEGABYTES) -> float:
    """Seconds of one push."""
    pushed[name] += 1
    image = f"{OURS if name == 'ours' else THEIRS}/big:{pushed[name]}"
    _bash(
        sandbox,
        f"mkdir -p big && head -c {megabytes}M /dev/urandom >big/data && tar -c big | docker import - {image}",
    )
    began = time.perf_counter()
    _bash(sandbox, f"docker push -q {image}")
    took = time.perf_counter() - began
    _bash(sandbox, f"docker rmi {image}")
    return took


def _bash(sandbox: Sandbox, line: str, *, env: dict[str, str] | None = None) -> None:
    ended = sandbox.run(["bash", "-o", "pipefail", "-c", line], env=env, timeout=120)
    if ended.status:
        raise MeasureError(f"`{line}` ended with {ended.status}: {ended.stderr}")


def _resident(sandbox: Sandbox, pid: int, *, peak: bool = False) -> int:
    """Bytes of memory of a process inside, now or at its peak."""
    key = "VmHWM:" if peak else "VmRSS:"
    for line in Path(f"/proc/{sandbox.pid}/root/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024
    raise MeasureError(f"process {pid} of the sandbox tells nothing of its memory")
