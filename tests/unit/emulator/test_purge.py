"""`acr purge`: expectations follow Azure/acr-cli's rules and tests."""

import json
from dataclasses import replace

import pytest

from labrunner.emulator.purge.command import purge
from labrunner.emulator.purge.durations import LONGEST, ago_seconds
from labrunner.emulator.purge.filters import Expression, filters_by_repository, split_filter
from labrunner.emulator.purge.problem import PurgeProblem
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.state.artifacts import Attributes, Manifest, Tag, locked

NOW = 2_000_000_000.0
DAY = 86400.0
HOST = "foo.azurecr.io"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
UNLOCKED = Attributes()


class Registry:
    """One in memory. Tags and manifests by repository, bodies by digest."""

    login_server = HOST

    def __init__(self) -> None:
        self.all_tags: dict[str, dict[str, Tag]] = {}
        self.all_manifests: dict[str, dict[str, Manifest]] = {}
        self.bodies: dict[str, bytes] = {}
        self.refuses: dict[str, Refusal] = {}

    def add(self, repository, digest, *names, days=1.0, kind=DOCKER, body=None, lock=UNLOCKED, tag_lock=UNLOCKED):
        """An image under some tags, last updated so many days ago."""
        updated = NOW - days * DAY
        self.all_tags.setdefault(repository, {})
        for name in names:
            self.all_tags[repository][name] = Tag(
                name=name, digest=digest, created=updated, updated=updated, attributes=tag_lock
            )
        self.all_manifests.setdefault(repository, {})[digest] = Manifest(
            digest=digest,
            media_type=kind,
            size=1,
            image_size=1,
            created=updated,
            updated=updated,
            os="linux",
            architecture="amd64",
            config_media_type="",
            artifact_type="",
            tags=names,
            attributes=lock,
        )
        self.bodies[digest] = json.dumps(body or {}).encode()
        return self

    def repositories(self):
        return sorted(self.all_manifests)

    def tags(self, repository):
        return sorted(self.all_tags[repository].values(), key=lambda tag: -tag.updated)

    def manifests(self, repository):
        names = self.all_tags[repository].values()
        return [
            replace(found, tags=tuple(tag.name for tag in names if tag.digest == found.digest))
            for _, found in sorted(self.all_manifests[repository].items())
        ]

    def read(self, repository, digest):
        return self.bodies.get(digest)

    def untag(self, repository, tag):
        self._check(tag, self.all_tags[repository][tag].attributes)
        return self.all_tags[repository].pop(tag, None) is not None

    def delete(self, repository, digest):
        if digest not in self.all_manifests[repository]:
            return False
        self._check(digest, self.all_manifests[repository][digest].attributes)
        del self.all_manifests[repository][digest]
        return True

    def unlock_tag(self, repository, tag):
        self.all_tags[repository][tag] = replace(self.all_tags[repository][tag], attributes=UNLOCKED)

    def unlock_manifest(self, repository, digest):
        found = self.all_manifests[repository][digest]
        self.all_manifests[repository][digest] = replace(found, attributes=UNLOCKED)

    def _check(self, name, attributes):
        if name in self.refuses:
            raise self.refuses[name]
        if not (attributes.delete and attributes.write):
            raise locked()


def run(registry, *words):
    said: list[str] = []
    status = purge(words, registry, now=NOW, say=said.append)
    return status, said


def four():
    """The newest tag first: latest, v3, v2, v1."""
    registry = Registry()
    for age, name in enumerate(("latest", "v3", "v2", "v1"), 1):
        registry.add("bar", f"sha256:{age}", name, days=age)
    return registry


def left(registry, repository="bar"):
    return sorted(registry.all_tags[repository])


def manifests_left(registry, repository="bar"):
    return sorted(registry.all_manifests[repository])


def test_tags_older_than_ago_go_and_nothing_else():
    registry = four()
    status, said = run(registry, "--filter", "bar:.*", "--ago", "2d12h")
    assert status == 0
    assert said == [
        "Deleting tags for repository: bar",
        f"Deleted {HOST}/bar:v2",
        f"Deleted {HOST}/bar:v1",
        "",
        "Number of deleted tags: 2",
        "Number of deleted manifests: 0",
    ]
    assert left(registry) == ["latest", "v3"]
    assert len(manifests_left(registry)) == 4


def test_the_moment_itself_is_not_older():
    registry = Registry().add("bar", "sha256:1", "a", days=3)
    run(registry, "--filter", "bar:.*", "--ago", "3d")
    assert left(registry) == ["a"]


def test_a_dry_run_says_what_would_go_and_lets_it_be():
    registry = four()
    status, said = run(registry, "-f", "bar:^v", "--ago", "2d12h", "--dry-run", "--untagged")
    assert status == 0
    assert said == [
        (
            "DRY RUN: The following output shows what WOULD be deleted if the purge command was executed. "
            "Nothing is deleted."
        ),
        "Would delete tags for repository: bar",
        f"Would delete: {HOST}/bar:v2",
        f"Would delete: {HOST}/bar:v1",
        "Would delete manifests for repository: bar",
        f"Would delete: {HOST}/bar@sha256:3",
        f"Would delete: {HOST}/bar@sha256:4",
        "",
        "Number of tags to be deleted: 2",
        "Number of manifests to be deleted: 2",
    ]
    assert len(left(registry)) == len(manifests_left(registry)) == 4


def test_a_dry_run_knows_of_tags_that_would_stay():
    registry = Registry().add("bar", "sha256:1", "old-1", "kept", days=9)
    _, said = run(registry, "--filter", "bar:old", "--ago", "1d", "--untagged", "--dry-run")
    assert said[-1] == "Number of manifests to be deleted: 0"


@pytest.mark.parametrize(
    ("expression", "gone"),
    [
        (".*-?local[.].+", ["v1-c-local.test"]),
        ("v1(?!-a)", ["v1-b", "v1-c", "v1-c-local.test"]),
        ("v1-*[abc]+(?<!-[a])$", ["v1-b", "v1-c"]),
        ("^v1", ["v1-a", "v1-b", "v1-c", "v1-c-local.test"]),
        ("local", ["v1-c-local.test"]),
        ("^$", []),
        (r"\w*b\b", ["v1-b"]),
        ("[[:alpha:]]2", ["v2"]),
        (r"(?<n>v)2\z", ["v2"]),
        (r"\Q.test\E", ["v1-c-local.test"]),
        ("(?:v1-a|v2)", ["v1-a", "v2"]),
    ],
)
def test_a_filter_is_found_anywhere_in_a_tag(expression, gone):
    registry = Registry().add("bar", "sha256:1", "v1-a", "v1-b", "v1-c", "v1-c-local.test", "v2")
    before = set(left(registry))
    run(registry, "--filter", f"bar:{expression}", "--ago", "0d")
    assert sorted(before - set(left(registry))) == gone


def test_the_latest_of_those_that_would_go_are_kept():
    registry = four()
    run(registry, "--filter", "bar:.*", "--ago", "1h", "--keep", "1")
    assert left(registry) == ["latest"]


def test_keep_counts_only_what_matches_and_is_old_enough():
    registry = four()
    run(registry, "--filter", "bar:^v", "--ago", "2d12h", "--keep", "1")
    assert left(registry) == ["latest", "v2", "v3"]


def test_repositories_match_as_a_whole():
    registry = Registry().add("bar", "sha256:1", "a").add("bar/x", "sha256:2", "a").add("foo/bar", "sha256:3", "a")
    _, said = run(registry, "--filter", "bar:.*", "--ago", "0d")
    assert [line for line in said if line.startswith("Deleting")] == ["Deleting tags for repository: bar"]
    _, said = run(registry, "--filter", ".*/bar:.*", "--ago", "0d")
    assert [line for line in said if line.startswith("Deleting")] == ["Deleting tags for repository: foo/bar"]


def test_an_unknown_repository_is_no_error():
    status, said = run(four(), "--filter", "nothing:.*", "--ago", "0d")
    assert (status, said) == (0, ["", "Number of deleted tags: 0", "Number of deleted manifests: 0"])


def test_several_filters_of_a_repository_are_one():
    registry = four()
    run(registry, "--filter", "bar:^v1$", "--filter", "b.r:^v3$", "--ago", "0d")
    assert left(registry) == ["latest", "v2"]


def test_untagged_manifests_go_when_no_tag_is_left():
    registry = Registry().add("bar", "sha256:1", "a", days=9).add("bar", "sha256:2", days=9)
    registry.add("bar", "sha256:3", "z", days=0.1)
    _, said = run(registry, "--filter", "bar:^a", "--ago", "1d", "--untagged")
    assert manifests_left(registry) == ["sha256:3"]
    assert said[2:5] == [
        "Deleting manifests for repository: bar",
        f"Deleted {HOST}/bar@sha256:1",
        f"Deleted {HOST}/bar@sha256:2",
    ]
    assert said[-2:] == ["Number of deleted tags: 1", "Number of deleted manifests: 2"]


def test_an_untagged_manifest_younger_than_ago_stays():
    registry = Registry().add("bar", "sha256:1", days=0.5).add("bar", "sha256:2", days=1.5)
    run(registry, "--filter", "bar:^$", "--ago", "1d", "--untagged")
    assert manifests_left(registry) == ["sha256:1"]


def test_untagged_only_leaves_tags_and_needs_neither_filter_nor_ago():
    registry = four().add("bar", "sha256:9", days=0.1).add("foo", "sha256:8")
    status, said = run(registry, "--untagged-only")
    assert status == 0
    assert len(left(registry)) == 4
    assert "sha256:9" not in manifests_left(registry)
    assert manifests_left(registry, "foo") == []
    assert not [line for line in said if "tags for repository" in line]


def test_untagged_only_keeps_the_most_recent():
    registry = Registry()
    for age in range(1, 6):
        registry.add("bar", f"sha256:{age}", days=age)
    run(registry, "--untagged-only", "--keep", "2")
    assert manifests_left(registry) == ["sha256:1", "sha256:2"]
    run(registry, "--untagged-only", "--keep", "5")
    assert manifests_left(registry) == ["sha256:1", "sha256:2"]


def listing(*digests, kind=OCI):
    return {"manifests": [{"digest": digest, "mediaType": kind} for digest in digests]}


def test_what_a_tagged_index_names_stays_also_through_another_index():
    registry = Registry().add("bar", "sha256:1", "multi", kind=INDEX, body=listing("sha256:2", kind=INDEX))
    registry.add("bar", "sha256:2", kind=INDEX, body=listing("sha256:3")).add("bar", "sha256:3", kind=OCI)
    registry.add("bar", "sha256:4", kind=OCI)
    run(registry, "--untagged-only")
    assert manifests_left(registry) == ["sha256:1", "sha256:2", "sha256:3"]


def test_what_an_untagged_index_names_goes_with_it():
    registry = Registry().add("bar", "sha256:1", kind=INDEX, body=listing("sha256:2")).add("bar", "sha256:2", kind=OCI)
    run(registry, "--untagged-only")
    assert manifests_left(registry) == []


def test_what_a_young_untagged_index_names_stays():
    registry = Registry().add("bar", "sha256:1", days=0.5, kind=INDEX, body=listing("sha256:2"))
    registry.add("bar", "sha256:2", days=9, kind=OCI)
    run(registry, "--untagged-only", "--ago", "1d")
    assert manifests_left(registry) == ["sha256:1", "sha256:2"]


def test_what_refers_to_another_manifest_stays():
    registry = Registry().add("bar", "sha256:1", kind=OCI, body={"subject": {"digest": "sha256:2"}})
    registry.add("bar", "sha256:3", kind=OCI, body={"subject": None})
    run(registry, "--untagged-only")
    assert manifests_left(registry) == ["sha256:1"]


NO_DELETE = Attributes(delete=False)
NO_WRITE = Attributes(write=False)


@pytest.mark.parametrize("lock", [NO_DELETE, NO_WRITE])
def test_what_is_locked_is_passed_over(lock):
    registry = Registry().add("bar", "sha256:1", "a", tag_lock=lock).add("bar", "sha256:2", lock=lock)
    _, said = run(registry, "--filter", "bar:.*", "--ago", "0d", "--untagged")
    assert left(registry) == ["a"]
    assert manifests_left(registry) == ["sha256:1", "sha256:2"]
    assert not [line for line in said if "Skipped" in line]


@pytest.mark.parametrize("lock", [NO_DELETE, NO_WRITE])
def test_what_is_locked_is_unlocked_and_goes_if_asked_for(lock):
    registry = Registry().add("bar", "sha256:1", "a", tag_lock=lock, lock=lock)
    _, said = run(registry, "--filter", "bar:.*", "--ago", "0d", "--untagged", "--include-locked")
    assert (left(registry), manifests_left(registry)) == ([], [])
    assert said[1:3] == [f"Unlocked {HOST}/bar:a", f"Deleted {HOST}/bar:a"]
    assert said[4:6] == [f"Unlocked {HOST}/bar@sha256:1", f"Deleted {HOST}/bar@sha256:1"]


def test_what_the_registry_does_not_let_go_is_skipped_and_not_counted():
    registry = four()
    registry.refuses["v2"] = locked()
    status, said = run(registry, "--filter", "bar:^v", "--ago", "0d")
    assert status == 0
    assert f"Skipped {HOST}/bar:v2, operation not allowed, HTTP status: 405" in said
    assert "Number of deleted tags: 2" in said


def test_another_error_ends_the_purge():
    registry = four()
    registry.refuses["v2"] = Refusal(500, "UNKNOWN", "broken")
    status, said = run(registry, "--filter", "bar:^v", "--ago", "0d")
    assert status == 1
    assert f"Failed to delete {HOST}/bar:v2, error: broken" in said
    assert said[-1] == "Error: failed to purge tags: broken"
    assert "Failed to complete purge: failed to purge tags: broken " in said


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("--filter bar:.* --keep 5 --untagged", "--ago is required when not using --untagged-only"),
        ("--ago 1d", "at least one of the flags in the group [filter untagged-only] is required"),
        (
            "--filter bar:.* --ago 1d --untagged --untagged-only",
            (
                "if any flags in the group [untagged untagged-only] are set none of the others can be; "
                "[untagged untagged-only] were all set"
            ),
        ),
        ("--untagged-only=false --ago 1d", "--filter is required when not using --untagged-only"),
        ("--filter bar --ago 1d", "unable to correctly parse filter flag"),
        ("--filter a:b:c --ago 1d", "unable to correctly parse filter flag"),
        ("--filter :b --ago 1d", "missing repository name/expression"),
        ("--filter a: --ago 1d", "missing tag name/expression"),
        ("--filter bar:.* --ago 15p", 'time: unknown unit "p" in duration "15p"'),
        ("--filter bar:.* --ago 15", 'time: missing unit in duration "15"'),
        ("--filter bar:.* --ago", "flag needs an argument: --ago"),
        ("--force", "unknown flag: --force"),
        ("-x", "unknown shorthand flag: 'x' in -x"),
        (
            "--keep five",
            'invalid argument "five" for "--keep" flag: strconv.ParseInt: parsing "five": invalid syntax',
        ),
        (
            "--dry-run=maybe",
            'invalid argument "maybe" for "--dry-run" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
        ),
    ],
)
def test_what_acr_refuses(words, why):
    registry = four().add("bar", "sha256:9")
    status, said = run(registry, *words.split())
    assert (status, said) == (1, [f"Error: {why}"])
    assert len(left(registry)) == 4
    assert len(manifests_left(registry)) == 5


def test_an_expression_that_is_none_is_refused():
    status, said = run(four(), "--filter", "bar:[", "--ago", "0d")
    assert status == 1
    assert said[-1].startswith("Error: failed to purge tags: failed to build Regex with error: error parsing regexp:")


def test_an_expression_that_takes_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr("labrunner.emulator.purge.filters._SECONDS", 0.05)
    with pytest.raises(PurgeProblem, match="backtracks too much"):
        Expression("(a+)+$").among(["a" * 60 + "b"])
    assert Expression("a").among(["a"]) == ["a"]


@pytest.mark.parametrize(
    ("count", "remark"),
    [
        ("0", "Specified concurrency value invalid. Set to default value: 2 "),
        ("33", "Specified concurrency value too large. Set to maximum value: 32 "),
    ],
)
def test_a_concurrency_out_of_range_is_corrected(count, remark):
    status, said = run(four(), "--filter=bar:^v1$", "--ago=0d", "--concurrency", count)
    assert status == 0
    assert said[0] == remark
    assert "Number of deleted tags: 1" in said


def test_another_registry_is_not_this_runs():
    status, said = run(four(), "-r", "other", "--filter", "bar:.*", "--ago", "0d")
    assert status == 1
    assert "other.azurecr.io" in said[0]
    assert run(four(), "-r", "foo", "--filter", "bar:.*", "--ago", "0d")[0] == 0
    assert run(four(), "--registry", HOST, "--filter", "bar:.*", "--ago", "0d")[0] == 0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15m", 900.0),
        ("1d1h3m", 25 * 3600 + 180.0),
        ("3d", 3 * DAY),
        ("0d", 0.0),
        ("0m", 0.0),
        ("1.5h", 5400.0),
        ("-1d", -DAY),
        ("999999d", LONGEST),
        ("999999999h", LONGEST),
        ("9999999d999999999h", LONGEST),
        ("badd", 0.0),
    ],
)
def test_durations_are_days_and_gos(text, seconds):
    assert ago_seconds(text, lambda line: None) == seconds


def test_a_duration_that_is_cut_is_told_once():
    said: list[str] = []
    ago_seconds("9999999d999999999h", said.append)
    assert said == ["Warning: ago value exceeds maximum duration of 150 years, capping to 150 years"]


@pytest.mark.parametrize(
    ("text", "repository", "tag"),
    [
        ("foo:bar", "foo", "bar"),
        ("hello-(?:abc):zzz", "hello-(?:abc)", "zzz"),
        ("hello-:z-(?:abc)zz", "hello-", "z-(?:abc)zz"),
        ("hello-(?:abc)?:z-(?:[:])zz", "hello-(?:abc)?", "z-(?:[:])zz"),
        ("[[:alpha:]](?:abc)(?:.*)?:test123[[:digit:]](?:.*)", "[[:alpha:]](?:abc)(?:.*)?", "test123[[:digit:]](?:.*)"),
        (
            "[^[:alpha:]](?ims-U:abc)(?:.*)?:test123[[^:digit:]](?-imUs:.*)",
            "[^[:alpha:]](?ims-U:abc)(?:.*)?",
            "test123[[^:digit:]](?-imUs:.*)",
        ),
        ("(?imsU:test):[[:digit:]][tes:]", "(?imsU:test)", "[[:digit:]][tes:]"),
    ],
)
def test_a_filter_is_cut_at_its_one_colon(text, repository, tag):
    assert split_filter(text) == (repository, tag)


def test_filters_by_repository():
    names = ["bar", "foo", "foo/bar"]
    assert filters_by_repository([".+:x"], names) == dict.fromkeys(names, "x")
    assert filters_by_repository(["ba:x"], names) == {}
    assert filters_by_repository(["foo/b[[:alpha:]]r(?:.*):.(?:y)"], names) == {"foo/bar": ".(?:y)"}
    assert filters_by_repository(["foo:a", "f.*:b"], names) == {"foo": "a|b", "foo/bar": "b"}


def test_help_is_no_purge():
    registry = four()
    status, said = run(registry, "--filter", "bar:.*", "--ago", "0d", "--help")
    assert status == 0
    assert said[0] == "Usage:"
    assert len(left(registry)) == 4
