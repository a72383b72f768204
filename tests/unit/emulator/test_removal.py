"""Things are removed by id, while their names mean it; neighbours, and what depends on a thing, stay."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from labrunner.emulator.clock import Clock
from labrunner.emulator.removal import read_things, remove
from labrunner.emulator.state.principals import Principal
from labrunner.emulator.state.webhooks import Webhooks
from labrunner.emulator.world import World, open_world
from tests.unit.emulator.pushed import IMAGE, INDEX, descriptor

NAMES = ("app", "myapp", "app2", "apps/app", "ap")


class Some(list):
    """Things, found by kind and name."""

    def __call__(self, kind: str, name: str = "") -> tuple[str, str, str]:
        (found,) = [thing for thing in self if thing[0] == kind and thing[1].endswith(name)]
        return found


class Place:
    """A World with one registry, and short words for what is made and removed in it."""

    def __init__(self, folder: Path) -> None:
        self.world: World = open_world(folder, Clock())
        self.by = self.world.directory.signed_in_user()
        self.registry = self.made_registry("progress")

    def made_registry(self, name: str, group: str = "labs"):
        self.world.resources.ensure_group(group, "eastus")
        return self.world.registries.ensure(
            group=group,
            name=name,
            location="eastus",
            sku="Premium",
            subscription=self.world.resources.subscription,
        )

    def push(self, reference: str, content: str = "1", **more: object) -> str:
        repository, _, tag = reference.partition(":")
        media = str(more.get("mediaType", IMAGE))
        body = {"schemaVersion": 2, "mediaType": media, "annotations": {"content": content}, **more}
        if media == IMAGE:
            body |= {"config": self._blob(repository), "layers": []}
        pushed = self.world.images.push(self.registry.id, repository, json.dumps(body).encode(), media, tag=tag)
        return pushed.digest

    def _blob(self, repository: str) -> dict[str, object]:
        upload = self.world.blobs.begin("o")
        descriptor = upload.open()
        upload.append(descriptor, [b"{}"])
        digest = upload.seal("sha256")
        self.world.blobs.keep(upload, digest)
        self.world.images.links.add(self.registry.id, repository, digest)
        return {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": 2}

    def application(self, name: str):
        directory = self.world.directory
        made = directory.add_application(name, owner=self.by.object_id, properties={})
        principal = directory.add_service_principal(made, properties={})
        directory.add_secret(made, name="rbac", starts=0.0, ends=9e9)
        role = self.world.roles.role_named("AcrPush")
        self.world.roles.assign(principal.object_id, role.id, self.registry.id, by=self.by.object_id)
        return made, principal

    def everything(self) -> Some:
        return Some(sorted(self.world.inventory()))

    def since(self, before: Some) -> Some:
        return Some(thing for thing in self.everything() if thing not in before)

    def remove(self, *things: tuple[str, str, str]) -> list[str]:
        return remove(self.world, things)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.world.close()


def webhooks(place: Place) -> Webhooks:
    return place.world.webhooks


def crowd(place: Place, content: str) -> None:
    """Of every kind, under names that start and end like each other."""
    for name in NAMES:
        place.push(f"{name}:1.0", content)
        place.push(f"{name}:1.0.0", content)
        place.application(name)
        webhooks(place).ensure(
            place.registry, name=f"hook{content}{name.replace('/', '')}", actions=["push"], service_uri="http://x/"
        )


def test_all_that_was_made_goes_and_all_that_was_there_stays(place):
    crowd(place, "1")
    before = place.everything()
    crowd(place, "2")  # moves the tags, too: of those only the manifests are new under names of their own
    place.push("app:new", "2")
    place.push("fresh:1", "2")
    place.made_registry("progress2", "labs2")
    made = [thing for thing in place.since(before) if thing[0] != "repository-tag" or thing[1].endswith((":new", ":1"))]
    assert {thing[0] for thing in made} == {
        *("application", "service-principal", "client-secret", "role-assignment", "webhook"),
        *("repository-tag", "repository-manifest", "registry", "resource-group"),
    }
    told = dict(zip(made, place.remove(*made), strict=True))
    named = {thing: why for thing, why in told.items() if why}
    assert {why.split()[1] for why in named.values()} == {"tag"}, named  # the tags that moved still name them
    after = place.everything()
    assert {thing for thing in before if thing[0] != "repository-tag"} <= set(after)
    assert [thing[1] for thing in before if thing[0] == "repository-tag"] == [
        thing[1] for thing in after if thing[0] == "repository-tag"
    ]
    assert not {thing for thing in made if thing not in named} & set(after)
    assert place.remove(*[thing for thing in made if thing not in named]) == [""] * (len(made) - len(named))


def test_a_repository_goes_with_its_last_manifest_only(place):
    place.push("mine:1")
    before = place.everything()
    place.push("mine:2", "2")
    place.push("other:1", "2")
    assert set(place.remove(*place.since(before))) == {""}
    assert place.everything() == before
    assert [found.name for found in place.world.images.repositories(place.registry.id)] == ["mine"]


def test_a_name_that_means_another_by_now_is_kept_and_told(place):
    old, principal = place.application("builder")
    place.push("app:1")
    hook = webhooks(place).ensure(place.registry, name="hook1", actions=["push"], service_uri="http://x/")
    before = place.everything()
    directory = place.world.directory
    directory.remove_service_principal(principal)
    directory.remove_application(old)
    webhooks(place).delete(hook)
    place.application("builder")
    webhooks(place).ensure(place.registry, name="hook1", actions=["push"], service_uri="http://x/")
    place.push("app:1", "2")
    after = place.everything()
    for kind in ("webhook", "repository-tag"):
        assert place.remove(before(kind)) == ["That name means another one by now, which is left alone."]
    for kind in ("application", "service-principal"):  # several may have one name, so it is nothing to tell
        assert place.remove(before(kind)) == [""]
    assert place.everything() == after


def test_a_renamed_one_is_kept_and_told(place):
    made, _ = place.application("builder")
    before = place.everything()
    place.world.directory.update_application(made, name="theirs", properties={})
    assert place.remove(before("application"), before("service-principal")) == ["It is called theirs by now."] * 2


def test_a_manifest_stays_while_a_foreign_tag_or_index_or_subject_needs_it(place):
    digest = place.push("app:ours")
    entries = [thing for thing in place.everything() if thing[0].startswith("repository-")]
    place.push("app:theirs")
    assert place.remove(*entries) == ["The tag theirs names it.", ""]
    place.world.images.untag(place.registry.id, "app", "theirs")
    index = place.push("app:all", mediaType=INDEX, manifests=[descriptor(digest)])
    assert place.remove(entries[0]) == [f"The manifest {index} refers to it."]
    place.world.images.delete_manifest(place.registry.id, "app", index)
    signature = place.push("app", subject=descriptor(digest))
    assert place.remove(entries[0]) == [f"The manifest {signature} refers to it."]
    place.world.images.change(place.registry.id, "app", {"listEnabled": False}, digest=signature)
    assert place.remove(entries[0]) == [f"The manifest {signature} refers to it."]
    assert place.world.images.manifest(place.registry.id, "app", digest) is not None


def test_an_index_with_its_images_and_their_signatures_goes_whole(place):
    before = place.everything()
    digests = [place.push("app", str(number)) for number in range(3)]
    index = place.push("app:all", mediaType=INDEX, manifests=[descriptor(digest) for digest in digests])
    place.push("app", subject=descriptor(index))
    place.push("app", subject=descriptor(digests[0]))
    made = place.since(before)
    assert len(made) == 7
    assert set(place.remove(*made)) == {""}
    assert place.everything() == before


@pytest.mark.parametrize("what", ["tag", "digest", "repository"])
def test_what_is_locked_stays(place, what):
    digest = place.push("app:1")
    about = {"tag": {"tag": "1"}, "digest": {"digest": digest}, "repository": {}}[what]
    place.world.images.change(place.registry.id, "app", {"deleteEnabled": False}, **about)
    things = [thing for thing in place.everything() if thing[0].startswith("repository-")]
    assert [why for why in place.remove(*things) if "locked" in why]
    assert place.world.images.manifest(place.registry.id, "app", digest) is not None
    place.world.images.change(place.registry.id, "app", {"deleteEnabled": True}, **about)
    assert place.remove(*things) == ["", ""]


def test_nobody_elses_goes_along(place):
    made, principal = place.application("builder")
    things = place.everything()
    secret, _ = place.world.directory.add_secret(principal, name="theirs", starts=0.0, ends=9e9)
    assert place.remove(things("application")) == ["Its service principal is not among these, and would go with it."]
    assert place.remove(things("service-principal")) == [
        "It has a secret that is not among these, which would go with it."
    ]
    assert place.remove(things("application"), things("service-principal"), things("client-secret")) == [
        "Its service principal is not among these, and would go with it.",
        "It has a secret that is not among these, which would go with it.",
        "",
    ]
    place.world.directory.remove_secret(principal, secret.key_id)
    place.world.directory.add_secret(made, name="theirs", starts=0.0, ends=9e9)
    assert place.remove(things("service-principal"), things("application")) == [
        "",
        "It has a secret that is not among these, which would go with it.",
    ]


def test_a_registry_or_group_with_something_of_others_stays(place):
    registry, group = place.everything()("registry"), place.everything()("resource-group")
    place.push("app:1")
    assert place.remove(registry, group) == [
        "The tag app:1 is in it, and would go with it.",
        "The registry progress is in it, and would go with it.",
    ]
    content = [thing for thing in place.everything() if thing[0].startswith("repository-")]
    place.application("theirs")
    assert place.remove(registry, *content) == [
        "A role assignment in it is not among these, and would go with it.",
        "",
        "",
    ]
    given = place.everything()("role-assignment", "/registries/progress")
    webhooks(place).ensure(place.registry, name="hook1", actions=["push"], service_uri="http://x/")
    assert place.remove(given, registry) == ["", "The webhook hook1 is in it, and would go with it."]
    assert place.remove(place.everything()("webhook"), group, registry) == ["", "", ""]
    assert not place.world.registries.all()


def test_a_tag_leaves_a_manifest_that_is_not_listed(place):
    digest = place.push("app")
    before = place.everything()
    place.push("app:ours")
    assert place.remove(*place.since(before)) == [""]
    assert place.world.images.manifest(place.registry.id, "app", digest).tags == ()
    assert place.everything() == before


def test_an_unknown_kind_is_told(place):
    assert place.remove(("planet", "mars", "4")) == ["The local Azure knows nothing of the kind planet."]


def test_what_makes_a_user_is_no_principal_of_ours(place):
    assert isinstance(place.by, Principal)
    assert place.remove(("application", "x", place.by.object_id)) == [""]
    assert place.world.directory.signed_in_user() == place.by


@pytest.mark.parametrize("value", [None, {}, [1], [["a", "b"]], [["a", "b", 1]], [["a", "b", "c", "d"]]])
def test_what_is_no_list_of_things_is_refused(value):
    with pytest.raises(ValueError, match="cannot be understood"):
        read_things(value)
