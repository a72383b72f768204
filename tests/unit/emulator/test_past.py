"""What a repository has from the past, as a lab's setup wants it: all of it, or nothing."""

import json
from types import SimpleNamespace

import pytest

from labrunner.emulator.issued import Issued
from labrunner.emulator.past import PastError, bring_about
from labrunner.emulator.state.registries import Registries
from tests.unit.emulator.pushed import IMAGE, INDEX, Part

DAY = 86400.0
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"


class Filled(Part):
    """A registry and what of a World it takes, with the images `web:latest` and `job:latest`."""

    def __init__(self, folder):
        super().__init__(folder)
        registries = Registries(self.store, Issued(self.store, now=self.clock.machine), self.clock)
        self.world = SimpleNamespace(store=self.store, clock=self.clock, images=self.images, registries=registries)
        self.id = registries.ensure(group="labs", name="progress", location="eastus", sku="Basic", subscription="s").id
        self.pushed = {name: self.made(name) for name in ("web", "job")}

    def blob(self, content, repository="app"):
        described = super().blob(content, repository)
        self.images.links.add(self.id, repository, described["digest"])
        return described

    def made(self, name, media_type=IMAGE):
        body = self.manifest(name.encode(), name, mediaType=media_type)
        return self.images.push(self.id, name, body, media_type, tag="latest").digest

    def seed(self, *manifests, repository="app", registry="progress"):
        return bring_about(self.world, {"registry": registry, "repository": repository, "manifests": list(manifests)})

    def days(self, name, repository="app"):
        tag = self.images.tag(self.id, repository, name)
        assert tag.created == tag.updated
        return round((self.clock.now() - tag.updated) / DAY, 3)

    def names(self, repository="app"):
        return {tag.name: tag.digest for tag in self.images.tags(self.id, repository)}

    def untagged(self, repository="app"):
        return [each.digest for each in self.images.manifests(self.id, repository) if not each.tags]


@pytest.fixture
def place(tmp_path):
    made = Filled(tmp_path)
    yield made
    made.store.close()


def test_tags_of_many_ages(place):
    old = {"from": "job:latest", "tags": ["0.1", "0.2"], "days": 90}
    assert (
        place.seed(old, {"from": "web:latest", "tags": ["1.0"], "days": 0.5}, {"from": "web:latest", "tags": ["2"]})
        == ""
    )
    assert place.names() == {"0.1": place.pushed["job"], "0.2": place.pushed["job"]} | dict.fromkeys(
        ("1.0", "2"), place.pushed["web"]
    )
    assert [place.days(name) for name in ("0.1", "0.2", "1.0", "2")] == [90, 90, 0.5, 0]
    ages = {each.digest: (each.created, each.updated) for each in place.images.manifests(place.id, "app")}
    assert {digest: round((place.clock.now() - ages[digest][1]) / DAY, 3) for digest in ages} == {
        place.pushed["job"]: 90,
        place.pushed["web"]: 0.5,
    }
    assert all(created == updated for created, updated in ages.values())


def test_a_copy_is_the_image_itself_and_can_be_pulled_when_its_source_is_gone(place):
    body = place.images.content(place.id, "web", place.pushed["web"])
    assert place.seed({"from": "web:latest", "tags": ["1.0"]}) == ""
    place.images.delete_repository(place.id, "web")
    place.images.links.sweep(file_before=place.clock.now() + DAY)
    manifest = place.images.manifest(place.id, "app", place.pushed["web"])
    assert (manifest.media_type, manifest.os, manifest.architecture) == (IMAGE, "linux", "arm64")
    assert place.images.content(place.id, "app", manifest.digest) == body
    for blob in (json.loads(body)["config"], *json.loads(body)["layers"]):
        assert place.images.links.size(place.id, "app", blob["digest"]) == blob["size"]


def test_a_later_manifest_takes_the_name_of_an_earlier_one(place):
    assert place.seed({"from": "job:latest", "tags": ["next"]}, {"from": "web:latest", "tags": ["next"]}) == ""
    assert place.names() == {"next": place.pushed["web"]}
    assert place.untagged() == [place.pushed["job"]]


def test_a_manifest_without_tags_is_there_all_the_same(place):
    assert place.seed({"from": "job:latest", "days": 3}) == ""
    (manifest,) = place.images.manifests(place.id, "app")
    assert (manifest.digest, manifest.tags) == (place.pushed["job"], ())
    assert round((place.clock.now() - manifest.updated) / DAY, 3) == 3


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [(IMAGE, INDEX), (DOCKER, "application/vnd.docker.distribution.manifest.list.v2+json")],
)
def test_an_index_has_its_children_with_it(place, media_type, kind):
    children = [place.made(name, media_type) for name in ("web", "job")]
    assert place.seed({"index_of": ["web:latest", "job:latest"], "tags": ["1.0"], "days": 2}) == ""
    index = place.images.manifest(place.id, "app", place.names()["1.0"])
    assert index.media_type == kind
    entries = json.loads(place.images.content(place.id, "app", index.digest))["manifests"]
    assert [(entry["digest"], entry["platform"]) for entry in entries] == [
        (child, {"architecture": "arm64", "os": "linux"}) for child in children
    ]
    assert sorted(place.untagged()) == sorted(children)
    for each in place.images.manifests(place.id, "app"):
        assert round((place.clock.now() - each.updated) / DAY, 3) == 2
    assert place.seed({"from": "app:1.0", "tags": ["2.0"]}, repository="other") == ""
    assert sorted(place.untagged("other")) == sorted(children)


def test_what_is_there_is_kept_and_tags_get_the_wanted_time(place):
    place.images.push(place.id, "app", json.dumps({"schemaVersion": 2, "mediaType": INDEX}).encode(), INDEX, tag="mine")
    old = {"from": "web:latest", "tags": ["1.0", "latest"], "days": 40}
    assert place.seed(old) == ""
    assert place.seed({"from": "app:1.0", "tags": ["latest"]}) == ""
    assert [place.days(name) for name in ("1.0", "latest")] == [40, 0]
    assert set(place.names()) == {"mine", "1.0", "latest"}
    assert place.seed(old) == ""
    assert place.days("latest") == 40


def test_what_comes_later_is_younger(place):
    entries = [{"from": "web:latest", "tags": [name]} for name in ("c", "a", "b")]
    assert place.seed(*entries) == ""
    assert [tag.name for tag in place.images.tags(place.id, "app", order="timedesc")] == ["b", "a", "c"]


def test_time_is_the_local_azures(place):
    place.clock.move(100 * DAY)
    assert place.seed({"from": "web:latest", "tags": ["1.0"], "days": 10}) == ""
    assert place.days("1.0") == 10


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("nosuch:latest", "the registry `progress` has no repository `nosuch`"),
        ("job:nosuch", "`job` in the registry `progress` has no tag `nosuch`"),
    ],
)
def test_what_is_missing_is_named_and_nothing_has_happened(place, source, said):
    assert place.seed({"from": "web:latest", "tags": ["1.0"]}, {"from": source, "tags": ["2.0"]}) == said
    assert place.seed({"from": "web:latest", "tags": ["1.0"]}, {"index_of": ["web:latest", source]}) == said
    assert place.images.repository(place.id, "app") is None


def test_a_registry_that_is_not_there_is_named(place):
    assert place.seed({"from": "web:latest"}, registry="nosuch") == "there is no registry `nosuch`"


def test_a_lock_is_heeded(place):
    place.seed({"from": "web:latest", "tags": ["1.0"]})
    assert place.images.change(place.id, "app", {"writeEnabled": False}, tag="1.0")
    assert place.seed({"from": "job:latest", "tags": ["1.0"]}).startswith("The operation is disallowed")
    assert place.names() == {"1.0": place.pushed["web"]}
    assert place.untagged() == []


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({}, "`from` or `index_of`"),
        ({"from": "web:latest", "index_of": ["web:latest"]}, "`from` or `index_of`"),
        ({"from": "web"}, "'web' names no image of the registry: write REPOSITORY:TAG"),
        ({"from": "web:latest", "tags": "1.0"}, "a list of texts is needed, not '1.0'"),
        ({"from": "web:latest", "tags": ["-"]}, "no tag can be called '-'"),
        ({"from": "web:latest", "days": -1}, "cannot be -1 days old"),
        ({"from": "web:latest", "days": float("nan")}, "cannot be nan days old"),
        ({"from": "web:latest", "days": True}, "cannot be True days old"),
        (["x"], "cannot be understood"),
    ],
)
def test_what_cannot_be_understood_is_refused(place, entry, said):
    with pytest.raises(PastError) as caught:
        place.seed(entry)
    assert said in str(caught.value)
    assert place.images.repository(place.id, "app") is None


def test_a_name_that_no_repository_can_have_is_refused(place):
    with pytest.raises(PastError, match="no repository can be called 'App'"):
        place.seed({"from": "web:latest"}, repository="App")
