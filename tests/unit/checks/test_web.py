"""http.get against a real server on this machine."""

import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from labrunner.model import Outcome


class Site(BaseHTTPRequestHandler):
    """A few pages."""

    def do_GET(self):
        status, body = {
            "/api/health": (200, b'{"status": "Healthy", "entries": [{"name": "db", "up": true}], "token": "s3cret"}'),
            "/moved": (302, b""),
            "/plain?x=1": (200, b"plain text"),
        }.get(self.path, (404, b"no such page"))
        self.send_response(status)
        self.send_header("Location", "/plain?x=1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def port():
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@contextmanager
def raw_server(answer: bytes):
    """Says `answer` to the first client and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            client, _ = listener.accept()
            with client:
                client.recv(4096)
                client.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    ("path", "args", "outcome", "says"),
    [
        ("/api/health", {}, "passed", "answers with status 200"),
        ("/api/health", {"json": {"status": "Healthy", "entries.0.up": "true"}}, "passed", ""),
        ("/api/health", {"json": {"status": "Sick"}}, "failed", "`status` is `Healthy`, not `Sick`."),
        ("/api/health", {"json": {"token": "x"}}, "failed", "`token` is another value (not shown), not `x`."),
        ("/api/health", {"json": {"entries.1": "x"}}, "failed", "has no `entries.1`"),
        ("/plain?x=1", {"contains": "plain"}, "passed", ""),
        ("/plain?x=1", {"contains": "fancy"}, "failed", "does not contain `fancy`. It is: plain text"),
        ("/plain?x=1", {"json": {"a": "b"}}, "failed", "is no JSON. It is: plain text"),
        ("/other", {}, "failed", "answers with status 404, not 200."),
        ("/other", {"status": 404}, "passed", ""),
        ("/moved", {}, "failed", "answers with status 302, not 200."),
    ],
)
def test_answers(ask, port, path, args, outcome, says):
    result = ask("http.get", url=f"http://localhost:{port}{path}", **args)
    assert result.outcome == outcome, result
    assert says in result.message


def test_a_proxy_of_the_environment_is_not_asked(ask, port, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert ask("http.get", url=f"http://127.0.0.1:{port}/api/health").outcome is Outcome.PASSED


def test_nothing_that_listens_is_the_state_and_no_error(ask):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    result = ask("http.get", url=f"http://localhost:{port}/")
    assert result.outcome is Outcome.FAILED
    assert result.message == f"Nothing listens at localhost:{port} (connection refused)."


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"])
def test_a_server_that_does_not_speak_http_is_the_state_too(ask, answer):
    with raw_server(answer) as port:
        result = ask("http.get", url=f"http://127.0.0.1:{port}/", contains="abc")
    assert result.outcome is Outcome.FAILED, result


@pytest.mark.parametrize("url", ["http://example.com/", "https://localhost/", "http://10.0.0.1/", "file:///etc/passwd"])
def test_another_machine_is_never_asked(ask, url):
    result = ask("http.get", url=url)
    assert (result.outcome, result.bug) == (Outcome.ERROR, True)
    assert "another address of this machine" in result.message
