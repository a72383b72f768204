"""Tags and manifests that are made older."""

from tests.unit.emulator.pushed import REGISTRY

DAY = 86400.0


def test_a_tag_what_it_names_and_its_repository_are_as_old_as_was_asked(part):
    digest = part.push("old", b"1")
    part.push("new", b"2")
    now = part.clock.now()
    assert part.images.age(REGISTRY, "app", {"old": now - 40 * DAY, "new": now}) == []
    old, new = part.images.tag(REGISTRY, "app", "old"), part.images.tag(REGISTRY, "app", "new")
    assert (old.created, old.updated) == (now - 40 * DAY,) * 2
    assert (new.created, new.updated) == (now, now)
    manifest = part.images.manifest(REGISTRY, "app", digest)
    assert (manifest.created, manifest.updated) == (now - 40 * DAY,) * 2
    assert part.images.repository(REGISTRY, "app").created == now - 40 * DAY
    assert part.images.repository(REGISTRY, "app").updated > now - DAY


def test_a_manifest_is_as_old_as_the_oldest_of_its_tags(part):
    digest = part.push("old", b"1")
    part.push("new", b"1")
    now = part.clock.now()
    part.images.age(REGISTRY, "app", {"old": now - 40 * DAY, "new": now - DAY})
    assert part.images.manifest(REGISTRY, "app", digest).updated == now - 40 * DAY


def test_a_tag_that_is_not_there_is_named_and_changes_nothing(part):
    part.push("old")
    before = part.images.tag(REGISTRY, "app", "old")
    assert part.images.age(REGISTRY, "app", {"young": 0.0}) == ["young"]
    assert part.images.tag(REGISTRY, "app", "old") == before
