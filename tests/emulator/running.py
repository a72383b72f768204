"""A local Azure that runs by itself, and the real az that talks to it."""

import http.client
import json
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from labrunner.emulator.client import ControlClient
from tests.emulator.az_forks import AzForks
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
REGISTRY = "progressacr12345678"
SEED = {
    "registries": [
        {
            "name": REGISTRY,
            "resource_group": "progress-labs",
            "location": "eastus",
            "sku": "Premium",
            "webhooks": [{"name": "mypushhook", "actions": ["push"], "service_uri": "https://example.com/hook"}],
        }
    ]
}
_START_SECONDS = 30.0
AZ_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a client's process left."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.status == 0, self.err
        return json.loads(self.out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: Message
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(slots=True, kw_only=True)
class Emulator:
    """One running `python -m labrunner.emulator`. environment: what a client is given so that it finds it."""

    folder: Path
    process: "subprocess.Popen[str]"
    proxy: str
    bundle: Path
    control: ControlClient
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def tenant(self) -> str:
        return str(self.control.status()["tenant"])

    @property
    def subscription(self) -> str:
        return str(self.control.status()["subscription"])

    def ask(self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: object = None) -> "Answer":
        """One request by hand, through the proxy. body: JSON, or a form when it is a list of pairs, or bytes."""
        parts = urlsplit(url)
        port = int(self.proxy.rpartition(":")[2])
        sent = dict(headers or {})
        if isinstance(body, list):
            body, kind = urlencode(body).encode(), "application/x-www-form-urlencoded"
        elif body is None or isinstance(body, bytes):
            kind = "application/octet-stream"
        else:
            body, kind = json.dumps(body).encode(), "application/json"
        if body is not None:
            sent.setdefault("Content-Type", kind)
        context = ssl.create_default_context(cafile=str(self.bundle))
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)
        connection.set_tunnel(parts.netloc, 443)
        try:
            path = f"{parts.path}?{parts.query}" if parts.query else parts.path
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            return Answer(status=answer.status, headers=answer.headers, text=answer.read().decode())
        finally:
            connection.close()

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8")

    def end(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


def start(folder: Path, *, seed: Mapping[str, Any] | None = None) -> Emulator:
    """Start one with its state in `folder` (short: unix sockets have short paths), on ports that are free.

    Starting again with the same folder goes on with what is there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    control = str(folder / "control")
    words = ["-m", "labrunner.emulator", "--state", str(folder / "azure"), "--proxy", "127.0.0.1:0"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["SSL_CERT_FILE"] = os.devnull  # as in a sandbox: it starts faster
    with (folder / "log").open("a", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, *words, "--control", control],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    said = [process.stdout.readline(), process.stdout.readline()]  # ends early if the process does
    found = dict(line.strip().partition("=")[::2] for line in said)
    if "SSL_CERT_FILE" not in found:
        process.kill()
        process.wait(10)
        process.stdout.close()
        raise AssertionError(f"the emulator did not start: {(folder / 'log').read_text()}")
    proxy, bundle = found["HTTPS_PROXY"], found["SSL_CERT_FILE"]
    emulator = Emulator(
        folder=folder,
        process=process,
        proxy=proxy,
        bundle=Path(bundle),
        control=ControlClient(control),
        environment=client_environment(folder, proxy=proxy, bundle=str(Path(bundle).with_name("ca.pem"))),
    )
    try:
        if seed is not None:
            emulator.control.seed(dict(seed))
    except BaseException:
        emulator.end()
        raise
    return emulator


def client_environment(folder: Path, *, proxy: str, bundle: str) -> dict[str, str]:
    """As in a sandbox: the local Azure's authority alone, since az reads the file anew for each connection."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "HTTPS_PROXY": proxy,
        "https_proxy": proxy,
        "NO_PROXY": "localhost,127.0.0.1",
        "no_proxy": "localhost,127.0.0.1",
        "REQUESTS_CA_BUNDLE": bundle,
        "SSL_CERT_FILE": bundle,
        "CURL_CA_BUNDLE": bundle,
        "AZURE_CORE_LOGIN_EXPERIENCE_V2": "off",
        "AZURE_CORE_COLLECT_TELEMETRY": "no",
        "AZURE_CORE_NO_COLOR": "yes",
    }


class Az:
    """The real az with a configuration of its own. forks: where its commands are run, else each is a start of it."""

    def __init__(self, program: str, emulator: Emulator, config: Path, forks: AzForks | None = None) -> None:
        self.emulator = emulator
        self.config = config
        self.extra: dict[str, str] = {}
        self.program = program
        self.forks = forks

    def environment(self) -> dict[str, str]:
        return {**self.emulator.environment, "AZURE_CONFIG_DIR": str(self.config), **self.extra}

    def run(self, *words: str, stdin: str = "", seconds: float = AZ_SECONDS) -> Ran:
        if self.forks is not None:
            status, out, err = self.forks.run(words, self.environment(), stdin=stdin, seconds=seconds)
            return Ran(status=status, out=out, err=err)
        done = subprocess.run(
            [self.program, *words],
            env=self.environment(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        return Ran(status=done.returncode, out=done.stdout, err=done.stderr)

    def begin(self, words: Sequence[str]) -> "subprocess.Popen[str]":
        """For what waits for somebody; whoever calls ends it."""
        return subprocess.Popen(
            [self.program, *words],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def json(self, *words: str) -> Any:
        """What a command that must succeed prints."""
        return self.run(*words, "--output", "json").json

    def login(self, client_id: str, secret: str) -> Ran:
        """As a service principal, or as the operator."""
        tenant = self.emulator.tenant
        return self.run("login", "--service-principal", "-u", client_id, "-p", secret, "--tenant", tenant)

    def login_user(self) -> Ran:
        """As the sandbox's user, by a device code that is approved through the control socket."""
        control = self.emulator.control
        with ThreadPoolExecutor(1) as pool:
            login = pool.submit(self.run, "login", "--use-device-code", "--output", "json", seconds=60.0)
            codes = wait_for(lambda: control.device_codes() or login.done(), seconds=60.0)
            if codes is not True:
                control.approve(codes[0])
            return login.result()


def guid(value: object) -> bool:
    """Whether that is one, as Azure writes them."""
    return bool(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", str(value)))
