"""The proxy: tunnels to emulated hosts end here, with a certificate for the very name; others are refused in words."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import web

from labrunner.emulator.certificates import Authority
from labrunner.emulator.proxy import serve_proxy

BIG = bytes(range(256)) * 4096


class Running:
    """A proxy in a thread of its own; `port`, and `authority` whose bundle a client needs."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder, ("azurecr.io", "management.azure.com"), public=b"")
        self.loop = asyncio.new_event_loop()
        self.port = 0
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._up.wait(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._serve())
        self._up.set()
        self.loop.run_forever()
        self.server.close()
        self.loop.run_until_complete(self.http.shutdown(0.1))
        self.loop.close()

    async def _serve(self) -> None:
        async def answer(request: web.BaseRequest) -> web.Response:
            body = await request.read()
            return web.Response(body=f"{request.host}{request.path} ".encode() + body)

        self.http = web.Server(answer, access_log=None)
        self.server = await serve_proxy(
            "127.0.0.1",
            0,
            emulated=lambda host: host.endswith(".azurecr.io"),
            context=self.authority.context(),
            handler=self.http,
        )
        self.port = self.server.sockets[0].getsockname()[1]

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("tls"))
    try:
        yield running
    finally:
        running.close()


def said(proxy: Running, text: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as client:
        client.sendall(text)
        return client.makefile("rb").read()


def tunnel(proxy: Running, host: str, *, name: str | None = None) -> ssl.SSLSocket:
    client = socket.create_connection(("127.0.0.1", proxy.port), timeout=10)
    client.sendall(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(1)
    assert head.startswith(b"HTTP/1.1 200 "), head
    context = ssl.create_default_context(cafile=str(proxy.authority.bundle))
    try:
        return context.wrap_socket(client, server_hostname=name or host)
    except BaseException:
        client.close()
        raise


def test_a_tunnel_to_an_emulated_host_is_answered_under_its_name(proxy):
    with tunnel(proxy, "reg1234.azurecr.io") as client:
        client.sendall(b"GET /v2/ HTTP/1.1\r\nHost: reg1234.azurecr.io\r\nConnection: close\r\n\r\n")
        assert client.makefile("rb").read().endswith(b"\r\n\r\nreg1234.azurecr.io/v2/ ")


def test_what_is_sent_with_the_handshakes_last_bytes_is_not_lost(proxy):
    request = b"POST /a HTTP/1.1\r\nHost: reg1234.azurecr.io\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(
        BIG
    )
    for _ in range(20):
        with tunnel(proxy, "reg1234.azurecr.io") as client:
            client.sendall(request + BIG)
            assert client.makefile("rb").read().endswith(BIG)


def test_one_connection_serves_many_requests(proxy):
    with tunnel(proxy, "reg1234.azurecr.io") as client:
        stream = client.makefile("rb")
        for number in range(3):
            client.sendall(f"GET /{number} HTTP/1.1\r\nHost: reg1234.azurecr.io\r\n\r\n".encode())
            while stream.readline().strip():
                pass
            expected = f"reg1234.azurecr.io/{number} ".encode()
            assert stream.read(len(expected)) == expected


@pytest.mark.parametrize("host", ["registry-1.docker.io", "evilazurecr.io", "127.0.0.1", "reg1234.azurecr.io:80"])
def test_any_other_host_is_refused_by_name(proxy, host):
    authority = host if host.endswith(":80") else f"{host}:443"
    answer = said(proxy, f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
    assert answer.startswith(f"HTTP/1.1 403 The sandbox has no way to {authority}: ".encode()), answer


def test_plain_http_is_refused(proxy):
    assert said(proxy, b"GET http://example.com/ HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\r\n\r\n", b"CONNECT\r\n\r\n", b"\r\n\r\n"])
def test_what_is_no_proxy_request_is_refused(proxy, garbage):
    assert said(proxy, garbage).startswith(b"HTTP/1.1 400 ")


def test_a_head_without_end_is_refused(proxy):
    assert said(proxy, b"CONNECT " + b"a" * 20000).startswith(b"HTTP/1.1 431 ")


def test_a_certificate_is_for_the_emulated_names_only(proxy):
    with pytest.raises(ssl.SSLError):
        tunnel(proxy, "reg1234.azurecr.io", name="example.com")


def test_the_authority_is_constrained_private_and_kept(tmp_path):
    first = Authority(tmp_path, ("azurecr.io",), public=b"")
    assert (tmp_path / "ca.key").stat().st_mode & 0o777 == 0o600
    pem = first.certificate_file.read_bytes()
    assert Authority(tmp_path, ("azurecr.io",), public=b"").certificate_file.read_bytes() == pem
    assert Authority(tmp_path, ("azurecr.io", "azure.com"), public=b"").certificate_file.read_bytes() != pem


def test_a_client_refuses_a_leaf_that_the_authority_may_not_sign(tmp_path):
    """The constraint holds also if somebody takes the key."""
    authority = Authority(tmp_path, ("azurecr.io",), public=b"")
    authority._domains = ("example.com",)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority._load_leaf(server, "www.example.com")
    client = ssl.create_default_context(cafile=str(authority.bundle))
    here, there = ssl.MemoryBIO(), ssl.MemoryBIO()
    back, forth = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(here, there, server_hostname="www.example.com")
    answering = server.wrap_bio(back, forth, server_side=True)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
        shake_hands(asking, there, back, answering, forth, here)


def shake_hands(asking, there, back, answering, forth, here):
    for _ in range(4):
        for side, source, sink in ((asking, there, back), (answering, forth, here)):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
            sink.write(source.read())
