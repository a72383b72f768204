"""Lists that lag behind: as they were so many seconds ago, and true again at the end."""

import pytest

from labrunner.emulator.faults import Faults
from labrunner.emulator.state.history import History
from tests.unit.emulator.pushed import REGISTRY, Part
from tests.unit.emulator.still import Still


class Lagging(Part):
    """Images, and what lists say of them."""

    def __init__(self, folder):
        super().__init__(folder)
        self.clock = self.images._clock = Still()
        self.faults = Faults(self.clock)
        self.history = History(self.store, self.clock, self.faults)

    def lag(self, delay=30, **more):
        self.faults.put({"name": "list-lag", "delay": delay, **more})

    def shown(self):
        """The repositories, the tags and the digests of manifests; and whether that is how it was a while ago."""

        def ask():
            images = self.images
            return (
                [(found.name, found.tags, found.manifests) for found in images.repositories(REGISTRY)],
                [(found.name, found.digest) for found in images.tags(REGISTRY, "app")],
                sorted((found.digest, found.tags) for found in images.manifests(REGISTRY, "app")),
            )

        return self.history.asked(ask)


@pytest.fixture
def part(tmp_path):
    made = Lagging(tmp_path)
    yield made
    made.store.close()


@pytest.mark.parametrize("delay", [1, 30, 60])
def test_what_is_pushed_comes_late(part, delay):
    part.push("v1")
    part.lag(delay)
    before, is_stale = part.shown()
    assert not is_stale
    digest = part.push("v2", b"other")
    assert part.shown() == (before, True)
    assert part.history.settles_in() == delay
    part.clock.offset += delay - 0.5
    assert part.shown() == (before, True)
    assert part.history.settles_in() == 0.5
    part.clock.offset += 0.5
    after, is_stale = part.shown()
    assert not is_stale
    assert ("v2", digest) in after[1]
    assert part.history.settles_in() == 0


def test_the_first_push_makes_the_repository_late(part):
    part.lag()
    part.push("v1")
    assert part.shown() == (([], [], []), True)
    part.clock.offset += 30
    assert part.shown()[0][0] == [("app", 1, 1)]


@pytest.mark.parametrize(
    "change",
    [
        lambda part, digest: part.images.untag(REGISTRY, "app", "v1"),
        lambda part, digest: part.images.delete_manifest(REGISTRY, "app", digest),
        lambda part, digest: part.images.delete_repository(REGISTRY, "app"),
        lambda part, digest: part.push("v1", b"moved"),
        lambda part, digest: part.lock("listEnabled", tag="v1"),
    ],
)
def test_what_is_removed_moved_or_hidden_is_shown_for_a_while(part, change):
    digest = part.push("v1")
    part.lag()
    before = part.shown()[0]
    change(part, digest)
    assert part.shown() == (before, True)
    part.clock.offset += 30
    shown, is_stale = part.shown()
    assert not is_stale
    assert shown != before


def test_every_change_has_its_own_time(part):
    part.lag(30)
    for tag in ("a", "b", "c"):
        part.push(tag)
        part.clock.offset += 10
    part.images.untag(REGISTRY, "app", "a")

    def tags():
        return [name for name, _ in part.shown()[0][1]]

    seen = [tags()]
    for _ in range(3):
        part.clock.offset += 10
        seen.append(tags())
    assert seen == [["a"], ["a", "b"], ["a", "b", "c"], ["b", "c"]]


def test_a_tag_that_goes_and_comes_back(part):
    first = part.push("v1")
    part.lag(30)
    part.images.untag(REGISTRY, "app", "v1")
    part.clock.offset += 10
    second = part.push("v1", b"other")
    seen = []
    for _ in range(3):
        seen.append([digest for _, digest in part.shown()[0][1]])
        part.clock.offset += 10
    part.clock.offset += 10
    assert seen == [[first], [first], []]
    assert [digest for _, digest in part.shown()[0][1]] == [second]


@pytest.mark.parametrize("end", [lambda part: part.faults.clear(), lambda part: setattr(part.clock, "offset", 5)])
def test_when_it_ends_lists_are_true_and_nothing_is_kept(part, end):
    part.lag(30, seconds=5)
    part.push("v1")
    assert part.shown()[1]
    assert part.history.settles_in() == 5
    end(part)
    shown, is_stale = part.shown()
    assert (shown[0], is_stale) == ([("app", 1, 1)], False)
    assert part.store.rows("SELECT name FROM sqlite_temp_master") == []
    part.push("v2", b"other")


def test_it_can_be_set_anew(part):
    part.lag(30)
    part.push("v1")
    part.lag(10)
    assert not part.shown()[1], "it lags from now on"
    part.push("v2", b"other")
    part.clock.offset += 10
    assert not part.shown()[1]


def test_what_is_kept_is_no_more_than_can_be_asked_for(part):
    part.lag(10)
    for number in range(50):
        part.push(f"v{number}")
        part.clock.offset += 1
    assert part.store.row("SELECT count(*) AS kept FROM temp.past_tags")["kept"] <= 11


def test_looking_back_changes_nothing(part):
    part.push("v1")
    part.lag()
    part.push("v2", b"other")
    with pytest.raises(ZeroDivisionError):
        part.history.asked(lambda: 1 / (1 - len(part.images.tags(REGISTRY, "app", digest=""))) if part.tags() else 0)
    assert part.tags() == ["v1", "v2"]


def test_of_a_change_that_did_not_happen_nothing_is_kept(part):
    part.push("v1")
    part.lag()

    def half():
        with part.store.write():
            part.push("v2", b"other")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert not part.shown()[1]
    assert part.history.settles_in() == 0
