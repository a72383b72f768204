"""Images on a folder, and short words for what tests do with them."""

import json
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from labrunner.emulator.clock import Clock
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.state.blobs import Blobs
from labrunner.emulator.state.images import Images
from labrunner.emulator.store import Store

REGISTRY = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/progress"
IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


class Part:
    """What is in one registry."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.store = Store(folder / "state.sqlite")
        self.blobs = Blobs(folder / "blobs")
        self.images = Images(self.store, self.blobs, self.clock)

    def blob(self, content: bytes, repository: str = "app") -> dict[str, Any]:
        upload = self.blobs.begin("o")
        descriptor = upload.open()
        upload.append(descriptor, [content])
        os.close(descriptor)
        digest = upload.seal("sha256")
        self.blobs.keep(upload, digest)
        self.images.links.add(REGISTRY, repository, digest)
        return {"mediaType": LAYER, "digest": digest, "size": len(content)}

    def manifest(self, layer: bytes = b"layer", repository: str = "app", **more: Any) -> bytes:
        config = self.blob(b'{"os": "linux", "architecture": "arm64"}', repository) | {"mediaType": CONFIG}
        value = {"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [self.blob(layer, repository)]}
        return json.dumps({**value, **more}).encode()

    def push(self, tag: str = "", layer: bytes = b"layer", repository: str = "app", **more: Any) -> str:
        body = self.manifest(layer, repository, **more)
        return self.images.push(REGISTRY, repository, body, IMAGE, tag=tag).digest

    def tags(self, **more: Any) -> list[str]:
        return [tag.name for tag in self.images.tags(REGISTRY, "app", **more)]

    def lock(self, name: str = "writeEnabled", **what: str) -> None:
        assert self.images.change(REGISTRY, "app", {name: False}, **what)


def descriptor(digest: str) -> dict[str, Any]:
    return {"mediaType": IMAGE, "digest": digest, "size": 1}


@contextmanager
def refused(status: int, code: str) -> Iterator[None]:
    with pytest.raises(Refusal) as caught:
        yield
    assert (caught.value.status, caught.value.code) == (status, code)


def locked() -> AbstractContextManager[None]:
    return refused(405, "REGISTRY_DISALLOWED_OPERATION")
