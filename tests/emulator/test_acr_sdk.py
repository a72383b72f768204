"""Every operation of azure-containerregistry, with azure-identity's credentials, under the true names."""

import gc
import hashlib
import io
import json
import os

import pytest
from azure.containerregistry import (
    ArtifactManifestOrder,
    ArtifactTagOrder,
    ContainerRegistryClient,
    DigestValidationError,
    RepositoryProperties,
)
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential

from tests.emulator.registry import Raw, over_proxy
from tests.emulator.running import REGISTRY, Emulator

ENDPOINT = f"https://{REGISTRY}.azurecr.io"
OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


# The SDK leaves the connection of a streamed answer open when that is an error.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def client(clients: Emulator):
    identity, secret = clients.control.operator()
    with (
        ClientSecretCredential(clients.tenant, identity, secret) as credential,
        ContainerRegistryClient(ENDPOINT, credential) as found,
    ):
        yield found
        for name in list(found.list_repository_names()):
            found.update_repository_properties(name, can_write=True, can_delete=True)
            found.delete_repository(name)
    gc.collect()


@pytest.mark.parametrize("audience", ["https://management.azure.com", "https://containerregistry.azure.net"])
def test_the_audiences_that_the_documentation_names(clients, audience):
    identity, secret = clients.control.operator()
    with (
        ClientSecretCredential(clients.tenant, identity, secret) as credential,
        ContainerRegistryClient(ENDPOINT, credential, audience=audience) as found,
    ):
        assert list(found.list_repository_names()) == []


def push(client: ContainerRegistryClient, name: str, tag: str | None, content: bytes = b"layer") -> str:
    config = b'{"os": "linux", "architecture": "arm64"}'
    config_digest, config_size = client.upload_blob(name, io.BytesIO(config))
    digest, size = client.upload_blob(name, io.BytesIO(content))
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": config_digest,
            "size": config_size,
        },
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": size}],
    }
    return client.set_manifest(name, manifest, tag=tag)


def test_blobs_go_up_and_down_in_pieces(client):
    content = os.urandom(9 << 20)  # more than two of the SDK's pieces of 4 MiB
    digest, size = client.upload_blob("lab/app", io.BytesIO(content))
    assert (digest, size) == (f"sha256:{hashlib.sha256(content).hexdigest()}", len(content))
    assert b"".join(client.download_blob("lab/app", digest)) == content
    client.delete_blob("lab/app", digest)
    with pytest.raises(ResourceNotFoundError):
        b"".join(client.download_blob("lab/app", digest))
    client.delete_blob("lab/app", digest)  # the SDK takes 404 for done


def test_manifests_and_an_index(client):
    digest = push(client, "lab/app", "v1")
    for reference in ("v1", digest):
        found = client.get_manifest("lab/app", reference)
        assert (found.digest, found.media_type) == (digest, OCI)
        assert found.manifest["layers"][0]["size"] == 5
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [{"mediaType": OCI, "digest": digest, "size": 1}]}
    made = client.set_manifest("lab/app", io.BytesIO(json.dumps(index).encode()), tag="multi", media_type=INDEX)
    assert client.get_manifest("lab/app", "multi").manifest == index
    assert client.get_manifest_properties("lab/app", made).tags == ["multi"]
    with pytest.raises(HttpResponseError) as caught:
        client.set_manifest("lab/app", {**index, "manifests": [{"digest": "x"}]}, media_type=INDEX)
    assert caught.value.status_code == 400
    with pytest.raises(ResourceNotFoundError):
        client.get_manifest("lab/app", "nosuch")


def test_properties(client):
    digest = push(client, "lab/app", "v1", b"x" * 100)
    repository = client.get_repository_properties("lab/app")
    assert (repository.name, repository.manifest_count, repository.tag_count) == ("lab/app", 1, 1)
    tag = client.get_tag_properties("lab/app", "v1")
    assert (tag.name, tag.digest, tag.can_write) == ("v1", digest, True)
    for reference in ("v1", digest):
        manifest = client.get_manifest_properties("lab/app", reference)
        assert (manifest.digest, manifest.size_in_bytes, manifest.tags) == (digest, 100, ["v1"])
        assert (manifest.architecture, manifest.operating_system) == ("arm64", "linux")
        assert manifest.created_on <= manifest.last_updated_on
    for missing in (
        lambda: client.get_repository_properties("nosuch"),
        lambda: client.get_tag_properties("lab/app", "nosuch"),
        lambda: client.get_manifest_properties("lab/app", "sha256:" + "0" * 64),
    ):
        with pytest.raises(ResourceNotFoundError):
            missing()


def test_locks(client):
    digest = push(client, "lab/app", "v1")
    assert client.update_tag_properties("lab/app", "v1", can_write=False, can_delete=False).can_write is False
    for attempt in (
        lambda: push(client, "lab/app", "v1", b"other"),
        lambda: client.delete_tag("lab/app", "v1"),
        lambda: client.delete_manifest("lab/app", digest),
        lambda: client.delete_repository("lab/app"),
    ):
        with pytest.raises(HttpResponseError) as caught:
            attempt()
        assert caught.value.status_code == 405
        assert "REGISTRY_DISALLOWED_OPERATION" in str(caught.value)
    assert client.update_tag_properties("lab/app", "v1", can_write=True, can_delete=True).can_delete is True
    assert client.update_manifest_properties("lab/app", digest, can_read=False).can_read is False
    with pytest.raises(HttpResponseError):
        client.get_manifest("lab/app", "v1")
    client.update_manifest_properties("lab/app", "v1", can_read=True)
    properties = RepositoryProperties(can_delete=False, can_list=False, can_read=True, can_write=True)
    assert client.update_repository_properties("lab/app", properties).can_list is False
    assert list(client.list_repository_names()) == []
    client.update_repository_properties("lab/app", can_list=True, can_delete=True)


def test_deleting(client):
    digest = push(client, "lab/app", "v1")
    push(client, "lab/app", "v2")
    client.delete_tag("lab/app", "v1")
    client.delete_tag("lab/app", "v1")
    assert [tag.name for tag in client.list_tag_properties("lab/app")] == ["v2"]
    client.delete_manifest("lab/app", "v2")
    client.delete_manifest("lab/app", digest)
    with pytest.raises(ResourceNotFoundError):
        client.get_repository_properties("lab/app")
    push(client, "lab/app", "v1")
    client.delete_repository("lab/app")
    client.delete_repository("lab/app")
    assert list(client.list_repository_names()) == []


def test_lists_in_pages_and_orders(client):
    names = [f"many/r{number:02}" for number in range(5)]
    for name in names:
        push(client, name, "v1")
    assert list(client.list_repository_names()) == names
    pages = [list(page) for page in client.list_repository_names(results_per_page=2).by_page()]
    assert [len(page) for page in pages] == [2, 2, 1]
    tags = [f"t{number}" for number in (3, 1, 2, 5, 4)]
    digests = [push(client, "lab/app", tag, tag.encode()) for tag in tags]
    found = client.list_tag_properties("lab/app", results_per_page=2)
    assert [tag.name for tag in found] == sorted(tags)
    for order, expected in (
        (ArtifactTagOrder.LAST_UPDATED_ON_ASCENDING, tags),
        (ArtifactTagOrder.LAST_UPDATED_ON_DESCENDING, tags[::-1]),
    ):
        found = client.list_tag_properties("lab/app", order_by=order, results_per_page=2)
        assert [tag.name for tag in found] == expected
    for order, expected in (
        (ArtifactManifestOrder.LAST_UPDATED_ON_ASCENDING, digests),
        (ArtifactManifestOrder.LAST_UPDATED_ON_DESCENDING, digests[::-1]),
    ):
        found = client.list_manifest_properties("lab/app", order_by=order, results_per_page=2)
        assert [manifest.digest for manifest in found] == expected
    with pytest.raises(ResourceNotFoundError):
        list(client.list_tag_properties("nosuch"))


def test_two_hundred_tags_without_asking_for_pages(client, emulator):
    push(client, "lab/app", "t000")
    host = ENDPOINT.removeprefix("https://")
    raw = Raw(host, over_proxy(host, emulator.proxy, emulator.bundle), emulator.control.operator())
    try:
        body = raw.use("repository:lab/app:pull,push").ask("GET", "/v2/lab/app/manifests/t000").body
        for number in range(1, 201):
            assert raw.manifest("lab/app", f"t{number:03}", body).status == 201
    finally:
        raw.close()
    assert [tag.name for tag in client.list_tag_properties("lab/app")] == [f"t{number:03}" for number in range(201)]


def test_a_blob_that_changed_on_the_way_is_noticed(client, emulator):
    digest, _ = client.upload_blob("lab/app", io.BytesIO(b"true content"))
    path = emulator.folder / "azure" / "blobs" / "sha256" / digest[7:9] / digest[7:]
    path.write_bytes(b"fake content")
    with pytest.raises(DigestValidationError):
        b"".join(client.download_blob("lab/app", digest))


def test_who_has_no_right_is_told(clients):
    _, secret = clients.control.operator()
    with (
        ClientSecretCredential(clients.tenant, "11111111-2222-3333-4444-555555555555", secret) as credential,
        ContainerRegistryClient(ENDPOINT, credential) as client,
        pytest.raises(ClientAuthenticationError),
    ):
        list(client.list_repository_names())
    with ContainerRegistryClient(ENDPOINT, None) as anonymous, pytest.raises(ClientAuthenticationError):
        list(anonymous.list_repository_names())
