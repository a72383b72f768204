"""acr.pushed compares what the registry has with what the engine has."""

import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote

import pytest

from labrunner.model import Outcome
from tests.unit.checks.cloud import Repository, digest

ASK = {"registry": "myregistry", "repository": "mywebapi", "tag": "1.0.0"}
TAG = "`mywebapi:1.0.0` in the registry `myregistry`"


class Engine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """So much of an engine's API: the version, and images that a test makes. images: name -> digests."""

    daemon_threads = True

    def __init__(self, path):
        self.images = {}
        super().__init__(path, Answers)


class Answers(BaseHTTPRequestHandler):
    """Docker Engine API 1.41: SystemVersion, ImageInspect."""

    def do_GET(self):
        if self.path.endswith("/version"):
            return self.say(200, {"ApiVersion": "1.41", "Version": "20.10.24"})
        name = unquote(self.path.partition("/images/")[2].removesuffix("/json"))
        if name not in self.server.images:
            return self.say(404, {"message": f"No such image: {name}"})
        names = [f"myregistry.azurecr.io/mywebapi@{each}" for each in self.server.images[name]]
        return self.say(200, {"Id": digest("f"), "RepoDigests": names})

    def say(self, status, document):
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *words):
        pass

    def address_string(self):
        return "unix"


@pytest.fixture
def engine(place, azure):
    """At the address that the checks are told; `mywebapi:1.0.0` is in the registry."""
    azure.registries["myregistry"].repositories["mywebapi"] = Repository(
        tags={"1.0.0": digest("a"), "dev": digest("b")}
    )
    with Engine(f"{place}/no-engine.sock") as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


def test_pushed(azure, engine):
    engine.images["mywebapi:latest"] = [digest("c"), digest("a")]
    result = azure.ask("acr.pushed", **ASK, image="mywebapi")
    assert result.outcome is Outcome.PASSED, result
    assert result.message == f"{TAG} is the image `mywebapi:latest` (aaaaaaaaaaaa)."


def test_another_image(azure, engine):
    engine.images["mywebapi:latest"] = [digest("b")]
    result = azure.ask("acr.pushed", **ASK, image="mywebapi:latest")
    assert result.outcome is Outcome.FAILED, result
    assert result.message == (
        f"{TAG} (aaaaaaaaaaaa) is another image than `mywebapi:latest` here (bbbbbbbbbbbb). Tag it and push it again."
    )


def test_an_image_that_was_never_pushed(azure, engine):
    engine.images["mywebapi:latest"] = []
    result = azure.ask("acr.pushed", **ASK, image="mywebapi:latest")
    assert result.outcome is Outcome.FAILED, result
    assert result.message == (
        f"The image `mywebapi:latest` was not pushed yet: it is not {TAG} (aaaaaaaaaaaa). Tag it and push it."
    )


def test_what_is_missing(azure, engine):
    result = azure.ask("acr.pushed", **ASK, image="mywebapi:2")
    assert result.outcome is Outcome.FAILED, result
    assert result.message == f"There is no image `mywebapi:2` here to compare with {TAG}."
    result = azure.ask("acr.pushed", **{**ASK, "tag": "2"}, image="mywebapi:2")
    assert result.outcome is Outcome.FAILED, result
    assert result.message == "`mywebapi` in the registry `myregistry` has no tag `2`; it has `1.0.0` and `dev`."
    result = azure.ask("acr.pushed", **{**ASK, "repository": "api"}, image="mywebapi:2")
    assert result.message == "The registry `myregistry` has no repository `api`; it has `mywebapi`."


def test_without_an_engine_it_is_an_error(azure):
    azure.registries["myregistry"].repositories["mywebapi"] = Repository(tags={"1.0.0": digest("a")})
    result = azure.ask("acr.pushed", **ASK, image="mywebapi")
    assert (result.outcome, result.bug) == (Outcome.ERROR, False)
    assert result.message.startswith("The Docker Engine of the sandbox does not answer.")
