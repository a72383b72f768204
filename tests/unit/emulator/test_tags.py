"""What tags are, how they move, and in which order they are listed."""

from tests.unit.emulator.pushed import REGISTRY


def test_a_tag_moves_and_leaves_its_manifest_untagged(part):
    first = part.push("latest", b"1")
    part.clock.offset = 100
    second = part.push("latest", b"2")
    tag = part.images.tag(REGISTRY, "app", "latest")
    left = part.images.manifest(REGISTRY, "app", first)
    assert tag.digest == second
    assert tag.updated - tag.created >= 100
    assert (left.tags, left.updated) == ((), left.created)
    assert {thing for thing in part.images.inventory() if thing[0] == "repository-manifest"} == {
        ("repository-manifest", "progress/app", first),
        ("repository-manifest", "progress/app", second),
    }


def test_pushing_the_same_again_changes_no_time(part):
    part.push("v1")
    before = part.images.tag(REGISTRY, "app", "v1")
    part.clock.offset = 100
    part.push("v1")
    assert part.images.tag(REGISTRY, "app", "v1") == before


def test_untagging_removes_the_tag_only(part):
    digest = part.push("v1")
    part.push("v2")
    assert part.images.untag(REGISTRY, "app", "v1").digest == digest
    assert part.tags() == ["v2"]
    assert part.images.untag(REGISTRY, "app", "v1") is None
    part.images.untag(REGISTRY, "app", "v2")
    assert part.images.repository(REGISTRY, "app").manifests == 1


def test_lists_go_on_where_they_ended_in_every_order(part):
    names = ["c", "a", "d", "b"]
    for number, name in enumerate(names):
        part.clock.offset = number * 10
        part.push(name, name.encode())
    for order, expected in (("", sorted(names)), ("timeasc", names), ("timedesc", names[::-1])):
        seen: list[str] = []
        while page := part.tags(order=order, last=seen[-1] if seen else "", count=3):
            seen += page
        assert seen == expected
        digests = [part.images.tag(REGISTRY, "app", name).digest for name in names]
        found = [manifest.digest for manifest in part.images.manifests(REGISTRY, "app", order=order)]
        assert found == {"": sorted(digests), "timeasc": digests, "timedesc": digests[::-1]}[order]
    assert part.tags(digest=part.images.tag(REGISTRY, "app", "a").digest) == ["a"]
