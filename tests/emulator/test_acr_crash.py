"""kill -9 in the middle of a push, eight clients at once, and a large layer: nothing half, nothing lost, no memory."""

import http.client
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.emulator.registry import CONFIG_CONTENT, Raw, digest_of, image, over_proxy
from tests.emulator.running import REGISTRY, SEED, Emulator, start
from tests.waiting import wait_for

HOST = f"{REGISTRY}.azurecr.io"
ALL = "pull,push,delete,metadata_read"
BROKEN = (OSError, http.client.HTTPException)


def client(emulator: Emulator, *names: str) -> Raw:
    raw = Raw(HOST, over_proxy(HOST, emulator.proxy, emulator.bundle), emulator.control.operator())
    return raw.use(*(f"repository:{name}:{ALL}" for name in names), "registry:catalog:*")


@pytest.fixture
def raws(emulator: Emulator) -> Iterator[Callable[..., Raw]]:
    made: list[Raw] = []

    def make(*names: str) -> Raw:
        made.append(client(emulator, *names))
        return made[-1]

    yield make
    for raw in made:
        raw.close()


def kill(emulator: Emulator) -> None:
    emulator.process.kill()
    emulator.end()


def assert_whole(raw: Raw, name: str, tag: str) -> None:
    """What a pull gets, it gets whole and right."""
    answer = raw.ask("GET", f"/v2/{name}/manifests/{tag}")
    assert answer.status == 200, answer
    assert digest_of(answer.body) == answer.headers["Docker-Content-Digest"]
    for blob in (answer.json["config"], *answer.json["layers"]):
        content = raw.ask("GET", f"/v2/{name}/blobs/{blob['digest']}")
        assert (content.status, len(content.body)) == (200, blob["size"])
        assert digest_of(content.body) == blob["digest"]


def test_an_upload_goes_on_after_a_kill(new_folder: Callable[[], Path]) -> None:
    folder, content = new_folder(), os.urandom(6 << 20)
    first = start(folder, seed=SEED)
    try:
        raw = client(first, "app")
        location = raw.begin("app")
        held = threading.Event()

        def slowly() -> Iterator[bytes]:
            for at in range(0, 4 << 20, 1 << 20):
                yield content[at : at + (1 << 20)]
            held.wait(30)
            yield content[4 << 20 :]

        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(raw.ask, "PATCH", location, slowly())
            file = folder / "azure" / "blobs" / "uploads"
            wait_for(lambda: sum(path.stat().st_size for path in file.glob("*/*")) >= 3 << 20)
            kill(first)
            held.set()
            with pytest.raises(BROKEN):
                running.result(30)
        raw.close()
    finally:
        first.end()
    second = start(folder)
    try:
        raw = client(second, "app")
        assert raw.ask("GET", "/v2/_catalog").json == {"repositories": []}
        assert raw.ask("HEAD", f"/v2/app/blobs/{digest_of(content)}").status == 404
        status = raw.ask("GET", location)
        size = int(status.headers["Range"].partition("-")[2]) + 1
        assert (3 << 20) <= size <= (4 << 20)
        where = {"Content-Range": f"{size}-{len(content) - 1}"}
        assert raw.ask("PUT", f"{location}?digest={digest_of(content)}", content[size:], where).status == 201
        raw.push("app", "v1", content)
        assert_whole(raw, "app", "v1")
        raw.close()
    finally:
        second.end()


def test_no_image_is_half_there_whenever_the_end_comes(new_folder: Callable[[], Path]) -> None:
    folder, told = new_folder(), set[str]()
    for times in range(4):
        emulator = start(folder, seed=SEED)
        try:
            raw = client(emulator, "app")
            begun = len(told)

            def push_on(raw: Raw = raw, times: int = times) -> None:
                for number in range(1000):
                    tag = f"t{times}-{number}"
                    raw.push("app", tag, os.urandom(200_000))
                    told.add(tag)

            with ThreadPoolExecutor(1) as pool:
                pushing = pool.submit(push_on)
                wait_for(lambda begun=begun: len(told) >= begun + 3)
                kill(emulator)
                with pytest.raises(BROKEN):
                    pushing.result(30)
            raw.close()
        finally:
            emulator.end()
    last = start(folder)
    try:
        raw = client(last, "app")
        tags = set(raw.ask("GET", "/v2/app/tags/list?n=1000").json["tags"])
        assert told <= tags
        for tag in sorted(tags):
            assert_whole(raw, "app", tag)
        raw.close()
    finally:
        last.end()


def test_eight_at_once_with_deletes_between(raws: Callable[..., Raw]) -> None:
    shared = [os.urandom(300_000) for _ in range(4)]
    barrier = threading.Barrier(8)

    def work(number: int) -> list[str]:
        own, raw = f"own{number}", raws("shared", f"own{number}")
        kept = []
        barrier.wait(30)
        for turn in range(12):
            layer = shared[(number + turn) % 4]
            tag = f"w{number}-{turn}"
            digest = raw.push("shared", tag, layer, annotations={"turn": tag})
            raw.push("shared", "latest", layer)
            assert raw.ask("GET", f"/v2/shared/manifests/{tag}").headers["Docker-Content-Digest"] == digest
            gone = raw.push(own, "v1", os.urandom(50_000))
            assert_whole(raw, own, "v1")
            assert raw.ask("DELETE", f"/v2/{own}/manifests/{gone}").status == 202
            if turn % 3 == 0:
                assert raw.ask("DELETE", f"/v2/shared/manifests/{digest}").status == 202
            else:
                kept.append(tag)
            assert_whole(raw, "shared", "latest")
        return kept

    with ThreadPoolExecutor(8) as pool:
        kept = [tag for found in pool.map(work, range(8)) for tag in found]
    raw = raws("shared")
    assert set(raw.ask("GET", "/v2/shared/tags/list?n=1000").json["tags"]) == {*kept, "latest"}
    for tag in (*kept, "latest"):
        assert_whole(raw, "shared", tag)
    assert raw.ask("GET", "/v2/_catalog").json == {"repositories": ["shared"]}


def test_eight_push_the_same_image_at_once(raws: Callable[..., Raw]) -> None:
    layer, barrier = os.urandom(2 << 20), threading.Barrier(8)

    def work(_: int) -> str:
        raw = raws("same")
        barrier.wait(30)
        digest = raw.push("same", "v1", layer)
        for _ in range(3):
            raw.blob("same", layer)  # while others read it
            assert_whole(raw, "same", "v1")
        return digest

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(work, range(8)))) == 1
    assert_whole(raws("same"), "same", "v1")


def test_a_large_layer_takes_no_memory(emulator: Emulator, raws: Callable[..., Raw]) -> None:
    raw, piece, count = raws("large"), os.urandom(1 << 20), 200
    raw.push("large", "warm", piece)
    before = peak(emulator)
    location = raw.begin("large")
    assert raw.ask("PATCH", location, (piece for _ in range(count))).status == 202
    digest = digest_of(piece * count)
    assert raw.ask("PUT", f"{location}?digest={digest}").status == 201
    assert raw.ask("GET", f"/v2/large/blobs/{digest}").headers["Content-Length"] == str(count << 20)
    assert peak(emulator) - before <= 50 << 20


def peak(emulator: Emulator) -> int:
    """The most memory that the process ever had, in bytes."""
    status = Path(f"/proc/{emulator.process.pid}/status").read_text(encoding="utf-8")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) << 10


def test_nothing_of_it_was_a_defect(emulator: Emulator, raws: Callable[..., Raw]) -> None:
    raw = raws("log")
    raw.blob("log", CONFIG_CONTENT)
    assert raw.manifest("log", "v1", image(b"not there")).status == 404
    assert " 500 " not in emulator.log
    assert "Traceback" not in emulator.log


def test_a_registry_that_is_not_there_does_not_resolve(emulator: Emulator) -> None:
    raw = Raw(HOST, over_proxy("nosuchregistry.azurecr.io", emulator.proxy, emulator.bundle))
    with pytest.raises(OSError, match=r"502 lookup nosuchregistry\.azurecr\.io: no such host"):
        raw.ask("GET", "/v2/")
