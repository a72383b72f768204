"""Blobs on disk and on their way in: whole or not there, whatever happens between."""

import hashlib
import os

import pytest

from labrunner.emulator.state.blobs import Blobs
from labrunner.emulator.state.digests import digest_of, is_digest
from labrunner.emulator.state.uploads import Upload, UploadBusy

CONTENT = os.urandom(3 << 20)
DIGEST = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


def append(upload: Upload, *parts: bytes) -> None:
    descriptor = upload.open()
    try:
        upload.append(descriptor, list(parts))
    finally:
        os.close(descriptor)


def test_a_blob_is_there_once_it_is_whole(tmp_path):
    blobs = Blobs(tmp_path / "blobs")
    upload = blobs.begin("a registry/name")
    append(upload, CONTENT[:1000], CONTENT[1000:])
    assert blobs.size(DIGEST) is None
    assert upload.seal("sha256") == DIGEST
    assert blobs.size(DIGEST) is None
    blobs.keep(upload, DIGEST)
    assert blobs.size(DIGEST) == len(CONTENT)
    assert blobs.path(DIGEST).read_bytes() == CONTENT
    assert blobs.upload("a registry/name", upload.id) is None


def test_an_upload_goes_on_in_another_process(tmp_path):
    first = Blobs(tmp_path / "blobs")
    begun = first.begin("o")
    append(begun, CONTENT[:5000])
    again = Blobs(tmp_path / "blobs").upload("o", begun.id)
    assert again is not None
    assert again.size == 5000
    append(again, CONTENT[5000:])
    assert again.seal("sha256") == DIGEST


def test_the_other_algorithm_is_computed_from_the_file(tmp_path):
    upload = Blobs(tmp_path / "blobs").begin("o")
    append(upload, CONTENT)
    assert upload.seal("sha512") == "sha512:" + hashlib.sha512(CONTENT).hexdigest()
    assert upload.seal("sha256") == DIGEST


def test_an_upload_is_its_owners_only(tmp_path):
    blobs = Blobs(tmp_path / "blobs")
    upload = blobs.begin("registry/one")
    assert blobs.upload("registry/two", upload.id) is None
    assert blobs.upload("registry/one", upload.id) is upload
    assert Blobs(tmp_path / "blobs").upload("registry/two", upload.id) is None


@pytest.mark.parametrize("identity", ["..", "../../state.sqlite", "", "x" * 5000, "a/b", "\x00"])
def test_an_upload_is_named_by_a_uuid(tmp_path, identity):
    assert Blobs(tmp_path / "blobs").upload("o", identity) is None


def test_two_writers_do_not_mix(tmp_path):
    upload = Blobs(tmp_path / "blobs").begin("o")
    upload.hold()
    with pytest.raises(UploadBusy):
        upload.hold()
    upload.release()
    upload.hold()


def test_a_part_that_cannot_be_written_leaves_the_upload_as_it_was(tmp_path, monkeypatch):
    upload = Blobs(tmp_path / "blobs").begin("o")
    append(upload, b"begin ")
    true_write = os.write

    def half(descriptor: int, part: bytes) -> int:
        true_write(descriptor, bytes(part)[:2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="No space left"):
        append(upload, b"lost")
    monkeypatch.undo()
    assert upload.size == 6
    append(upload, b"end")
    assert upload.path.read_bytes() == b"begin end"
    assert upload.seal("sha256") == digest_of(b"begin end")


@pytest.mark.parametrize(
    "text", ["sha256:abc", "sha256:" + "A" * 64, "sha1:" + "a" * 40, "../x", "sha256:" + "a" * 64 + "/..", ""]
)
def test_what_is_no_digest_names_no_file(tmp_path, text):
    assert not is_digest(text)
    with pytest.raises(ValueError, match="no digest"):
        Blobs(tmp_path / "blobs").path(text)


def test_only_what_nobody_wants_for_long_is_swept(tmp_path):
    blobs = Blobs(tmp_path / "blobs")
    kept = {}
    for name in ("wanted", "old", "new"):
        upload = blobs.begin("o")
        append(upload, name.encode())
        kept[name] = upload.seal("sha256")
        blobs.keep(upload, kept[name])
    abandoned, going_on = blobs.begin("o"), blobs.begin("o")
    for path in (blobs.path(kept["wanted"]), blobs.path(kept["old"]), abandoned.path):
        os.utime(path, (1000, 1000))
    blobs.sweep({kept["wanted"]}, before=2000.0)
    assert [name for name, digest in kept.items() if blobs.size(digest) is not None] == ["wanted", "new"]
    assert blobs.upload("o", abandoned.id) is None
    assert blobs.upload("o", going_on.id) is going_on


def test_empty_is_empty(tmp_path):
    blobs = Blobs(tmp_path / "blobs")
    upload = blobs.begin("o")
    append(upload, b"x")
    digest = upload.seal("sha256")
    blobs.keep(upload, digest)
    other = blobs.begin("o")
    blobs.empty()
    assert blobs.size(digest) is None
    assert blobs.upload("o", other.id) is None
    blobs.begin("o")
