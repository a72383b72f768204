import hashlib
import io
import json
import tarfile
from datetime import UTC, datetime

import pytest

from labrunner.model import Image
from labrunner.sandbox import images
from labrunner.sandbox.errors import SandboxError

BASE = images.files_layer({"bin/busybox": b"binary"})
IMAGE = Image(
    names=("web:latest", "web:1.0"),
    says="Stands in for a web service.",
    entrypoint=("/bin/sh", "/app/web.sh"),
    env={"PORT": "8080"},
    ports=("8080", "53/udp"),
    volumes=("/data/own",),
    workdir="/app",
)
FILES = {"/app/web.sh": b"#!/bin/sh\n", "/app/page.html": b"hello"}


def make(image=IMAGE, files=FILES, day=datetime(2026, 11, 23, 15, tzinfo=UTC)):
    return images.stand_in(image, base=BASE, files=files, sandbox="box", machine="x86_64", day=day)


def entries(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {entry.name: entry for entry in tar.getmembers()}


def test_the_configuration_says_what_the_course_declares_and_that_it_is_a_stand_in():
    config = json.loads(make().config)
    made = make()
    assert config["architecture"] == "amd64"
    assert config["config"] == {
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "PORT=8080"],
        "WorkingDir": "/app",
        "Entrypoint": ["/bin/sh", "/app/web.sh"],
        "Cmd": None,
        "ExposedPorts": {"8080/tcp": {}, "53/udp": {}},
        "Volumes": {"/data/own": {}},
        "Labels": {
            "labrunner.stand-in": "Stands in for a web service.",
            "labrunner.sandbox": "box",
            "labrunner.content": made.content,
        },
    }


def test_a_script_can_be_run_a_page_cannot():
    layer = entries(make().layers[1].data)
    assert layer["app/web.sh"].mode == 0o755
    assert layer["app/page.html"].mode == 0o644
    assert layer["app"].isdir()
    assert layer["data/own"].isdir()


def test_the_same_content_on_the_same_day_is_the_same_image():
    morning = make(day=datetime(2026, 11, 23, 1, tzinfo=UTC))
    assert make() == morning
    assert make().config != make(day=datetime(2026, 11, 24, tzinfo=UTC)).config
    assert make().content == make(day=datetime(2026, 11, 24, tzinfo=UTC)).content


@pytest.mark.parametrize("files", [{**FILES, "/app/page.html": b"other"}, {"/app/web.sh": b"#!/bin/sh\n"}])
def test_other_files_are_other_content(files):
    assert make(files=files).content != make().content


def test_the_archive_holds_each_layer_once_under_its_digest():
    other = make(Image(names=("worker:latest",), says="Stands in."))
    made = entries(images.archive([make(), other]))
    with tarfile.open(fileobj=io.BytesIO(images.archive([make(), other]))) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))
        for entry in manifest:
            config = tar.extractfile(entry["Config"]).read()
            assert entry["Config"] == f"{hashlib.sha256(config).hexdigest()}.json"
            digests = [f"sha256:{hashlib.sha256(tar.extractfile(name).read()).hexdigest()}" for name in entry["Layers"]]
            assert json.loads(config)["rootfs"]["diff_ids"] == digests
    assert [entry["RepoTags"] for entry in manifest] == [["web:latest", "web:1.0"], ["worker:latest"]]
    assert len([name for name in made if name.endswith("layer.tar")]) == 3


def test_without_a_busybox_it_says_what_to_do(tmp_path):
    with pytest.raises(SandboxError, match="static busybox") as caught:
        images.base_layer(str(tmp_path / "none"))
    assert "make setup" in caught.value.remedy
