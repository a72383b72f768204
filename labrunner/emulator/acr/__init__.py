"""The registries' data plane: *.azurecr.io."""

from labrunner.emulator.acr import authentication, manifests, metadata, transfers, trust
from labrunner.emulator.acr.errors import render
from labrunner.emulator.acr.rights import admitted
from labrunner.emulator.routing import Call, Handler, Operation, Service

__all__ = ["SERVICE"]

_SPEC = "OCI distribution spec 1.1; recordings of azure-sdk-for-js"
_REST = "Microsoft's REST reference; recordings of azure-sdk-for-js (2021-07-01, of 2021 and 2023) and of -python"
_DISABLED = "guess: 405 while content trust is disabled"
_TRUST = "notary-server's source; Microsoft's page on content trust for who may sign"
_TOKENS = "docker's token specification; recordings of azure-sdk-for-python"

_Needed = tuple[str, ...]
_PULL: _Needed = ("pull",)
_PUSH: _Needed = ("pull", "push")  # recorded: a push asks for both
_DELETE: _Needed = ("delete",)
_READ: _Needed = ("metadata_read",)
_WRITE: _Needed = ("metadata_write",)
_CATALOG: _Needed = ("catalog",)
_NOTHING: _Needed = ()
_SIGN: _Needed = ("pull", "push", "sign")  # guess: who may sign may also rotate keys and delete


def _token(name: str, method: str, path: str, handler: Handler, differs: str = "") -> Operation:
    return Operation(name=name, method=method, path=path, handler=handler, source=_TOKENS, differs=differs, open=True)


def _v2(name: str, method: str, path: str, handler: Handler, differs: str = "") -> Operation:
    return Operation(name=name, method=method, path=f"/v2/{path}", handler=handler, source=_SPEC, differs=differs)


def _acr(name: str, method: str, path: str, handler: Handler, differs: str = "") -> Operation:
    return Operation(name=name, method=method, path=f"/acr/v1/{path}", handler=handler, source=_REST, differs=differs)


def _trust(name: str, method: str, path: str, handler: Handler, differs: str = "") -> Operation:
    said = f"{_DISABLED}; {differs}" if differs else _DISABLED
    path = f"/v2/{{name:path}}/_trust/tuf{path}"
    return Operation(name=name, method=method, path=path, handler=handler, source=_TRUST, differs=said)


_TOKEN_OPERATIONS = (
    _token(
        "Authentication_ExchangeAadAccessTokenForAcrRefreshToken",
        "POST",
        "/oauth2/exchange",
        authentication.exchange,
        "no grant_type refresh_token; guess: with permissions by repository, whoever has any role there gets a token",
    ),
    _token(
        "Authentication_ExchangeAcrRefreshTokenForAcrAccessToken",
        "POST",
        "/oauth2/token",
        authentication.token_by_form,
        "guess: the words about a request that cannot be understood",
    ),
    _token("Authentication_GetAcrAccessTokenFromLogin", "GET", "/oauth2/token", authentication.token_by_query),
)

_TRUST_OPERATIONS: tuple[tuple[Operation, _Needed], ...] = (
    (
        _trust("Trust_GetMetadata", "GET", "/{file:path}.json", trust.get_metadata, "no changefeed"),
        _PULL,
    ),
    (
        _trust(
            "Trust_Update",
            "POST",
            "",
            trust.post_metadata,
            "stricter than notary-server: refused are a root that changes the targets' keys without new targets, a "
            "target outside a delegation's paths, a timestamp, a role sent twice, a key under another id than its own, "
            "and what can be read in two ways; files are kept and described byte for byte as they were sent",
        ),
        _SIGN,
    ),
    (_trust("Trust_Delete", "DELETE", "", trust.delete_metadata, "the keys go too"), _SIGN),
    (
        _trust("Trust_GetKey", "GET", "/{role}.key", trust.get_key, "before there is a root, always the same key"),
        _SIGN,
    ),
    (_trust("Trust_RotateKey", "POST", "/{role}.key", trust.rotate_key), _SIGN),
)

_UPLOAD = "{name:path}/blobs/uploads/{upload}"
_OPERATIONS: tuple[tuple[Operation, _Needed], ...] = (
    *_TRUST_OPERATIONS,
    (_v2("ContainerRegistry_CheckDockerV2Support", "GET", "", manifests.base), _NOTHING),
    (_v2("Catalog_List", "GET", "_catalog", manifests.catalog, "guess: pages of 100, at most 1000"), _CATALOG),
    (
        _v2(
            "ContainerRegistryBlob_StartUpload",
            "POST",
            "{name:path}/blobs/uploads",
            transfers.begin_upload,
            "uploads have no state in their address",
        ),
        _PUSH,
    ),
    (
        _v2(
            "ContainerRegistryBlob_UploadChunk",
            "PATCH",
            _UPLOAD,
            transfers.patch_upload,
            "guess: 409 for a second writer",
        ),
        _PUSH,
    ),
    (_v2("ContainerRegistryBlob_CompleteUpload", "PUT", _UPLOAD, transfers.put_upload), _PUSH),
    (_v2("ContainerRegistryBlob_GetUploadStatus", "GET", _UPLOAD, transfers.upload_status), _PUSH),
    (_v2("ContainerRegistryBlob_CancelUpload", "DELETE", _UPLOAD, transfers.cancel_upload), _PUSH),
    (
        _v2(
            "ContainerRegistryBlob_GetBlob",
            "GET",
            "{name:path}/blobs/{digest}",
            transfers.get_blob,
            "the blob itself, not a redirection to the storage account",
        ),
        _PULL,
    ),
    (_v2("ContainerRegistryBlob_DeleteBlob", "DELETE", "{name:path}/blobs/{digest}", transfers.delete_blob), _DELETE),
    (
        _v2(
            "ContainerRegistry_GetManifest",
            "GET",
            "{name:path}/manifests/{reference}",
            manifests.get_manifest,
            "never converted to another form; guess: an OCI manifest that the Accept header excludes is 404",
        ),
        _PULL,
    ),
    (
        _v2(
            "ContainerRegistry_CreateManifest",
            "PUT",
            "{name:path}/manifests/{reference}",
            manifests.put_manifest,
            "guess: the words about a manifest that is refused; no ORAS artifact manifests, no schema 1",
        ),
        _PUSH,
    ),
    (
        _v2(
            "ContainerRegistry_DeleteManifest",
            "DELETE",
            "{name:path}/manifests/{reference}",
            manifests.delete_manifest,
            "guess: a tag given is removed, and its manifest stays",
        ),
        _DELETE,
    ),
    (
        _v2("Referrers_List", "GET", "{name:path}/referrers/{digest}", manifests.referrers, "never in pages"),
        _PULL,
    ),
    (_v2("Tags_List", "GET", "{name:path}/tags/list", manifests.list_tags, "guess: pages of 100"), _PULL),
    (_acr("ContainerRegistry_GetRepositories", "GET", "_catalog", manifests.catalog), _CATALOG),
    (
        _acr(
            "ContainerRegistry_GetTags",
            "GET",
            "{name:path}/_tags",
            metadata.list_tags,
            "guess: pages of 100, and that `signed` says that content trust knows the tag with this digest",
        ),
        _READ,
    ),
    (_acr("ContainerRegistry_GetTagProperties", "GET", "{name:path}/_tags/{tag}", metadata.get_tag), _READ),
    (_acr("ContainerRegistry_UpdateTagAttributes", "PATCH", "{name:path}/_tags/{tag}", metadata.patch_tag), _WRITE),
    (_acr("ContainerRegistry_DeleteTag", "DELETE", "{name:path}/_tags/{tag}", metadata.delete_tag), _DELETE),
    (
        _acr(
            "ContainerRegistry_GetManifests",
            "GET",
            "{name:path}/_manifests",
            metadata.list_manifests,
            "guess: the size of an index that was pushed (recorded of an imported one: its own and its entries'); no "
            "quarantine, no teleport",
        ),
        _READ,
    ),
    (
        _acr(
            "ContainerRegistry_GetManifestProperties",
            "GET",
            "{name:path}/_manifests/{digest}",
            metadata.get_manifest,
            "as ContainerRegistry_GetManifests; guess: in `references`, a platform that is not known is left out",
        ),
        _READ,
    ),
    (
        _acr(
            "ContainerRegistry_UpdateManifestProperties",
            "PATCH",
            "{name:path}/_manifests/{digest}",
            metadata.patch_manifest,
            "quarantine is ignored; guess: of an index, `references` are left out",
        ),
        _WRITE,
    ),
    (_acr("ContainerRegistry_GetProperties", "GET", "{name:path}", metadata.get_repository), _READ),
    (_acr("ContainerRegistry_UpdateProperties", "PATCH", "{name:path}", metadata.patch_repository), _WRITE),
    (
        _acr(
            "ContainerRegistry_DeleteRepository",
            "DELETE",
            "{name:path}",
            metadata.delete_repository,
            "guess: `tagsDeleted` is an empty list if there were none; its trust data stays",
        ),
        _DELETE,
    ),
)
_NEEDS = {operation.name: needed for operation, needed in _OPERATIONS}


async def _admit(call: Call) -> None:
    assert call.operation is not None
    admitted(call, _NEEDS[call.operation.name])


SERVICE = Service(
    name="acr",
    title="Azure Container Registry, data plane",
    hosts=("*.azurecr.io",),
    operations=(*_TOKEN_OPERATIONS, *(operation for operation, _ in _OPERATIONS)),
    admit=_admit,
    render=render,
    resolves=lambda world, host: world.registries.by_host(host) is not None,
)
