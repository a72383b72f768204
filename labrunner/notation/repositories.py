"""A repository of a registry: images, and the signatures that refer to them (distribution specification 1.1)."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urljoin

from labrunner.notation.certificates import fingerprint
from labrunner.notation.descriptors import Descriptor, DescriptorError
from labrunner.notation.envelopes import JWS, read
from labrunner.notation.problem import NotationError, RegistryError
from labrunner.notation.references import Reference
from labrunner.notation.transport import Answer, Transport

__all__ = ["SIGNATURE", "Repository"]

SIGNATURE = "application/vnd.cncf.notary.signature"
_THUMBPRINT = "io.cncf.notary.x509chain.thumbprint#S256"
_CREATED = "org.opencontainers.image.created"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_IMAGES = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    _MANIFEST,
    _INDEX,
)
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_EMPTY = b"{}"
_PULL, _PUSH = "pull", "pull,push"
_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')


class Repository:
    """One, asked through a transport. Every method raises NotationError."""

    def __init__(self, transport: Transport, name: str) -> None:
        self._transport = transport
        self._path = f"/v2/{quote(name)}"

    def resolve(self, reference: Reference) -> Descriptor:
        """What a tag or a digest names now. Its digest is that of what was sent, whatever the registry says."""
        answer = self._get(f"/manifests/{reference.name}", _IMAGES)
        if answer.status == 404:
            raise RegistryError(f"failed to get manifest descriptor: {reference}: not found", answer.status)
        if answer.status != 200:
            raise self._refusal("GET", f"/manifests/{reference.name}", answer)
        found = Descriptor.of(answer.body, answer.headers.get("content-type", "").partition(";")[0].strip())
        if reference.is_digest:
            wanted = Descriptor(found.media_type, reference.name, len(answer.body))
            if not wanted.fits(answer.body):
                raise NotationError(f"the registry sent something else for {reference}")
            return wanted
        return found

    def signatures(self, image: Descriptor) -> Iterator[Descriptor]:
        """The manifests of its signatures: by the referrers API, else by the tag that stands in for it."""
        path: str | None = f"{self._path}/referrers/{image.digest}?artifactType={quote(SIGNATURE, safe='')}"
        while path:
            answer = self._transport.ask("GET", path, accept=(_INDEX,), scope=_PULL)
            if answer.status == 404:
                yield from self._filtered(self._tagged(image))
                return
            if answer.status != 200:
                raise self._transport.refusal("GET", path.partition("?")[0], answer)
            yield from self._filtered(_referrers(answer.body))
            more = _NEXT.search(answer.headers.get("link", ""))
            path = urljoin(f"{self._transport.base}{path}", more[1]) if more else None

    def envelope(self, signature: Descriptor) -> tuple[str, bytes]:
        """The media type and the content of a signature's envelope."""
        path = f"/manifests/{signature.digest}"
        answer = self._get(path, (_MANIFEST,))
        if answer.status != 200:
            raise self._refusal("GET", path, answer)
        if not signature.fits(answer.body):
            raise NotationError(f"the registry sent something else for {signature.digest}")
        layer = _layer(answer.body)
        found = self._get(f"/blobs/{layer.digest}", ())
        if found.status != 200:
            raise self._refusal("GET", f"/blobs/{layer.digest}", found)
        if not layer.fits(found.body):
            raise NotationError(f"the registry sent something else for {layer.digest}")
        return layer.media_type, found.body

    def attach(self, image: Descriptor, envelope: bytes, *, by_tag: bool) -> Descriptor:
        """Push a signature of an image. by_tag: also list it under the tag for registries without the referrers API."""
        said = read(envelope)
        thumbprints = json.dumps([fingerprint(each) for each in said.certificates])
        notes = {_THUMBPRINT: thumbprints, _CREATED: f"{said.signed_at:%Y-%m-%dT%H:%M:%SZ}"}
        subject = Descriptor(image.media_type, image.digest, image.size)
        body = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": _MANIFEST,
                "artifactType": SIGNATURE,
                "config": self._upload(_EMPTY, _EMPTY_TYPE).json(),
                "layers": [self._upload(envelope, JWS).json()],
                "subject": subject.json(),
                "annotations": notes,
            }
        ).encode()
        found = Descriptor.of(body, _MANIFEST)
        answer = self._put(found.digest, body, _MANIFEST)
        if by_tag or "oci-subject" not in answer.headers:
            self._list_under_tag(image, Descriptor(_MANIFEST, found.digest, found.size, notes, SIGNATURE))
        return found

    def _list_under_tag(self, image: Descriptor, signature: Descriptor) -> None:
        listed = self._tagged(image)
        entries = [each.json() for each in listed if each.digest != signature.digest] + [signature.json()]
        body = json.dumps({"schemaVersion": 2, "mediaType": _INDEX, "manifests": entries}).encode()
        self._put(_tag_of(image), body, _INDEX)

    def _tagged(self, image: Descriptor) -> list[Descriptor]:
        """What is listed under the image's referrers tag."""
        path = f"/manifests/{_tag_of(image)}"
        answer = self._get(path, (_INDEX,))
        if answer.status == 404:
            return []
        if answer.status != 200:
            raise self._refusal("GET", path, answer)
        return _referrers(answer.body)

    def _upload(self, content: bytes, media_type: str) -> Descriptor:
        found = Descriptor.of(content, media_type)
        path = f"{self._path}/blobs/{found.digest}"
        if self._transport.ask("HEAD", path, scope=_PUSH).status == 200:
            return found
        begun = self._transport.ask("POST", f"{self._path}/blobs/uploads/", body=b"", scope=_PUSH)
        if begun.status != 202 or "location" not in begun.headers:
            raise self._refusal("POST", "/blobs/uploads/", begun)
        place = urljoin(f"{self._transport.base}{self._path}/", begun.headers["location"])
        address = f"{place}{'&' if '?' in place else '?'}digest={quote(found.digest, safe='')}"
        done = self._transport.ask("PUT", address, body=content, scope=_PUSH)
        if done.status != 201:
            raise self._refusal("PUT", "/blobs/uploads/", done)
        return found

    def _put(self, reference: str, body: bytes, media_type: str) -> Answer:
        path = f"{self._path}/manifests/{reference}"
        answer = self._transport.ask("PUT", path, body=body, content_type=media_type, scope=_PUSH)
        if answer.status != 201:
            raise self._transport.refusal("PUT", path, answer)
        return answer

    def _get(self, path: str, accept: Sequence[str]) -> Answer:
        return self._transport.ask("GET", f"{self._path}{path}", accept=accept, scope=_PULL)

    def _refusal(self, method: str, path: str, answer: Answer) -> NotationError:
        return self._transport.refusal(method, f"{self._path}{path}", answer)

    @staticmethod
    def _filtered(entries: Sequence[Descriptor]) -> Iterator[Descriptor]:
        yield from (each for each in entries if each.artifact_type == SIGNATURE)


def _tag_of(image: Descriptor) -> str:
    return image.digest.replace(":", "-")


def _referrers(body: bytes) -> list[Descriptor]:
    value = _object(body, "the list of referrers")
    entries = value.get("manifests")
    try:
        return [Descriptor.read(each) for each in entries] if isinstance(entries, list) else []
    except DescriptorError as error:
        raise NotationError(f"the registry's list of referrers has an entry that cannot be read: {error}") from error


def _layer(body: bytes) -> Descriptor:
    """The envelope that a signature's manifest names (signature-specification, OCI Signatures)."""
    value = _object(body, "a signature's manifest")
    config = value.get("config") if isinstance(value.get("config"), dict) else {}
    kinds = (value.get("artifactType"), config.get("mediaType") if isinstance(config, dict) else None)
    if SIGNATURE not in kinds:
        raise NotationError("a signature's manifest does not say that it is one")
    layers = value.get("layers")
    if not isinstance(layers, list) or len(layers) != 1:
        raise NotationError("a signature's manifest must have one layer")
    try:
        return Descriptor.read(layers[0])
    except DescriptorError as error:
        raise NotationError(f"the layer of a signature's manifest: {error}") from error


def _object(body: bytes, what: str) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotationError(f"{what} is no JSON") from error
    if not isinstance(value, dict):
        raise NotationError(f"{what} is no JSON object")
    return value
