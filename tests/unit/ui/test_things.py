"""What a target has, in words: a line for each kind, nothing twice."""

from labrunner.record.events import LedgerEntry
from labrunner.record.ledger import Entry
from labrunner.ui.tally import Tally
from labrunner.ui.things import called, counted, lines, of_their_own


def test_a_line_for_each_kind_in_the_order_of_the_table():
    entries = [
        Entry("file", "~/.notes", "1"),
        Entry("file", "work/log", "1"),
        Entry("image-tag", "web:2", "sha256:2"),
        Entry("image-tag", "web:1", "sha256:1"),
        Entry("container", "web", "c"),
        Entry("remote-container", "keen_kare", "r"),
        Entry("role-assignment", "AcrPush of 1 at /subscriptions/2", "g"),
        Entry("role-assignment", "AcrPull of 1 at /subscriptions/2", "h"),
        Entry("role-assignment", "AcrPull of 3 at /subscriptions/2", "i"),
        Entry("new-kind", "x", "x"),
    ]
    assert list(lines(entries)) == [
        "container: web",
        "images: web with the tags 1, 2",
        "files: log, ~/.notes",
        "roles that were given: AcrPull (2 times), AcrPush",
        "container on the remote host: keen_kare",
        "new kind: x",
    ]


def test_what_is_a_part_of_another_is_not_told_beside_it():
    entries = [
        Entry("image", "1", "sha256:1"),
        Entry("image", "2", "sha256:2"),
        Entry("image-tag", "web:1", "sha256:1"),
        Entry("remote-image", "1", "sha256:1"),
        Entry("repository-manifest", "acr/web", "sha256:3"),
        Entry("repository-manifest", "acr/web", "sha256:4"),
        Entry("repository-manifest", "acr/web", "sha256:5"),
        Entry("repository-tag", "acr/web:1", "sha256:3"),
        Entry("registry", "acr2", "u"),
        Entry("repository-tag", "acr2/web:1", "sha256:3"),
        Entry("webhook", "acr2/hook", "w"),
        Entry("application", "ci", "a"),
        Entry("service-principal", "ci", "b"),
        Entry("client-secret", "ci/rbac", "c"),
        Entry("service-principal", "other", "d"),
        Entry("folder", "work/app", "folder"),
        Entry("folder", "work/app/src", "folder"),
        Entry("file", "work/app/src/main", "1"),
        Entry("file", "work/app2", "1"),
    ]
    assert list(lines(entries)) == [
        "image: web:1",
        "1 image without a name",
        "folder: app/",
        "file: app2",
        "registry: acr2",
        "tag in a registry: acr/web:1",
        "images without a tag in a registry: acr/web (2 times)",
        "application in Azure: ci",
        "service principal: other",
        "1 image without a name on the remote host",
    ]
    assert len(list(of_their_own(entries))) == 11


def test_an_image_is_told_once_with_its_tags():
    names = ("acr.io:5000/web:1.0", "acr.io:5000/web:1.1", "web:1")
    several = [Entry("image-tag", name, "sha256:1") for name in names]
    assert list(lines(several)) == ["images: acr.io:5000/web with the tags 1.0, 1.1; web:1"]
    assert list(lines(several[1:])) == ["images: acr.io:5000/web:1.1, web:1"]


def test_a_summary_counts_each_thing_once():
    tally = Tally()
    for kind, thing, identity in (
        ("image", "1", "sha256:1"),
        ("image-tag", "web:1", "sha256:1"),
        ("application", "ci", "a"),
        ("service-principal", "ci", "b"),
        ("folder", "work/app", "folder"),
        ("file", "work/app/main", "1"),
    ):
        tally.add(LedgerEntry(kind=kind, thing=thing, id=identity))
    assert sorted(tally.made) == ["application", "folder", "image-tag"]


def test_kinds_are_counted_in_words():
    kinds = ["image-tag", "repository-manifest", "image-tag", "remote-az-account", "new-kind"]
    assert counted(kinds) == (
        "2 image tags, 1 image without a tag in a registry, 1 sign-in to Azure on the remote host, 1 new kind"
    )


def test_one_thing_is_called_by_its_kind_and_name():
    assert called(Entry("volume", "data", "data@1")) == "the volume data"
    assert called(Entry("folder", "work/in", "folder")) == "the folder in/"
    assert called(Entry("remote-image", "3f", "sha256:3f")) == "the image without a name on the remote host 3f"
