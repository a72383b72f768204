"""Which containers ran, as the data of a dead engine has it."""

import json

import pytest

from labrunner.sandbox.resume import Ran, keep, kept, ran

AT = "2026-01-01T10:00:0{}.5Z"


@pytest.fixture
def container(tmp_path):
    """Writes one as the engine does."""

    def write(name, *, started=1, state=None, about=None, host=None, image="web"):
        folder = tmp_path / "containers" / (name * 64)[:64]
        folder.mkdir(parents=True)
        found = {
            "Running": True,
            "Paused": False,
            "Pid": 7,
            "StartedAt": AT.format(started),
            "FinishedAt": AT.format(0),
        }
        config = {"ID": folder.name, "Name": f"/{name}", "State": found | (state or {}), "Config": {"Image": image}}
        (folder / "config.v2.json").write_text(json.dumps(config | (about or {})))
        (folder / "hostconfig.json").write_text(json.dumps({"AutoRemove": False} | (host or {})))
        return folder

    return write


def names(folder, **more):
    return [entry.name for entry in ran(str(folder), **({"is_alive": lambda *_: True} | more))]


def test_those_that_run_the_earliest_first(container, tmp_path):
    container("b", started=2)
    container("a", started=3)
    container("c", started=1, state={"Running": False})
    assert names(tmp_path) == ["b", "a"]
    assert names(tmp_path, is_alive=lambda _, identity: identity.startswith("a")) == ["a"]


def test_what_goes_with_its_end_and_what_builds_an_image_do_not_run_again(container, tmp_path):
    container("a", host={"AutoRemove": True})
    container("b", host={"LogConfig": {"Type": "none"}}, image="sha256:" + "0" * 64)
    container("c", host={"LogConfig": {"Type": "none"}})
    container("d", image="sha256:" + "0" * 64)
    assert sorted(names(tmp_path)) == ["c", "d"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"State": null}', "\0\0\0", '{"State": {"Running": true}}'])
def test_what_cannot_be_read_is_left_to_the_engine(container, tmp_path, text):
    (container("a") / "config.v2.json").write_text(text)
    container("b")
    assert names(tmp_path) == ["b"]


def test_an_orderly_end_takes_those_along_that_nobody_stopped(container, tmp_path):
    container("a", state={"Running": False, "FinishedAt": AT.format(8)})
    container("b", state={"Running": False, "FinishedAt": AT.format(8)}, about={"HasBeenManuallyStopped": True})
    container("c", state={"Running": False, "FinishedAt": AT.format(3)})
    assert names(tmp_path) == []
    assert names(tmp_path, ended_since=AT.format(6)) == ["a"]


def test_what_is_kept_is_found_unless_it_was_removed(container, tmp_path):
    folder = container("a", state={"Paused": True}, host={"NetworkMode": "container:b"})
    found = ran(str(tmp_path), is_alive=lambda *_: True)
    assert found == [Ran(id=folder.name, name="a", paused=True, started=AT.format(1), leans=True)]
    keep(str(tmp_path), [*found, Ran(id="f" * 64, name="gone")])
    assert kept(str(tmp_path)) == found
    keep(str(tmp_path), [])
    assert kept(str(tmp_path)) == []
    assert [path.name for path in tmp_path.iterdir()] == ["containers"]


@pytest.mark.parametrize("text", ["", "{}", '[{"id": 1}]', "[1]", '[{"id": "a", "name": "b", "of": "a newer one"}]'])
def test_a_list_that_cannot_be_read_is_an_empty_one(tmp_path, text):
    (tmp_path / "labrunner-resume.json").write_text(text)
    assert kept(str(tmp_path)) == []
