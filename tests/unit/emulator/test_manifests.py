"""What is a manifest."""

import pytest

from labrunner.emulator.refusal import Refusal
from labrunner.emulator.state.manifests import read_manifest
from tests.unit.emulator.pushed import IMAGE, INDEX

ENTRY = b'{"schemaVersion": 2, "manifests": [{"digest": "sha256:' + b"a" * 64 + b'", %s}]}'


@pytest.mark.parametrize(
    ("body", "content_type", "why"),
    [
        (b"{", IMAGE, "not JSON"),
        (b"[" * 100_000, IMAGE, "not JSON"),
        (b"\xff\xfe", IMAGE, "not JSON"),
        (b"[]", IMAGE, "not a JSON object"),
        (b"{}", IMAGE, "schemaVersion"),
        (b'{"schemaVersion": 2}', "text/plain", "not supported"),
        (b'{"schemaVersion": 2}', "", "not supported"),
        (b'{"schemaVersion": 2, "mediaType": 5}', IMAGE, "not supported"),
        (b'{"schemaVersion": 2, "mediaType": "%s"}' % INDEX.encode(), IMAGE, "was sent as"),
        (b'{"schemaVersion": 2}', IMAGE, "config"),
        (b'{"schemaVersion": 2, "config": {}, "manifests": []}', IMAGE, "'manifests'"),
        (b'{"schemaVersion": 2, "manifests": [], "layers": []}', INDEX, "'layers'"),
        (b'{"schemaVersion": 2, "manifests": {}}', INDEX, "not a list"),
        (b'{"schemaVersion": 2, "manifests": [{"digest": "../../x", "size": 1}]}', INDEX, "manifests[0]"),
        (b'{"schemaVersion": 2, "manifests": [], "subject": 1}', INDEX, "subject"),
        (b'{"schemaVersion": 2, "manifests": [], "annotations": {"a": 1}}', INDEX, "annotations"),
        (b'{"schemaVersion": 2, "manifests": [], "artifactType": []}', INDEX, "artifactType"),
        (ENTRY % b'"size": -1', INDEX, "size"),
        (ENTRY % b'"size": true', INDEX, "size"),
        (ENTRY % b'"size": 1, "mediaType": 1', INDEX, "mediaType"),
    ],
)
def test_what_is_no_manifest_is_refused_and_says_why(body, content_type, why):
    with pytest.raises(Refusal) as caught:
        read_manifest(body, content_type)
    assert (caught.value.status, caught.value.code) == (400, "MANIFEST_INVALID")
    assert why in caught.value.detail["description"]
