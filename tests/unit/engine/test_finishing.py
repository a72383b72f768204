"""Removing what labs have made: by the ledger, after the cleanups that put something back, and nothing of others."""

from contextlib import closing
from dataclasses import replace

import pytest

from labrunner.engine.finishing import finish
from labrunner.model import Cleanup, Course, Lab, Step, WorkFolder
from labrunner.record.book import Book
from labrunner.record.ledger import Entry
from labrunner.targets.local import LocalTarget


def lab(*cleanups, name="l"):
    steps = tuple(
        Step(id=f"s{number}", title="S", text="", cleanup=(cleanup,)) for number, cleanup in enumerate(cleanups)
    )
    return Lab(id=name, name=name, title="L", steps=steps)


class Place:
    """A target, and a book of what its labs have made."""

    def __init__(self, target, folder):
        self.target = target
        self.book = Book(str(folder / "book.json"))

    def run(self, text, *, by=""):
        """What somebody does; by: in a stretch of that lab."""
        if by:
            self.book.begin(by, self.target.inventory())
        ran = self.target.script(text)
        assert ran.status == 0, ran
        if by:
            self.book.end(self.target.inventory())

    def finish(self, *labs, begun=None):
        course = Course(id="c", title="C", labs=labs, work=WorkFolder(files={"given": "given"}))
        begun = begun or {(known.id, step.id) for known in labs for step in known.steps}
        return finish(self.target, course, self.book, labs={known.id for known in labs}, begun=begun)

    def files(self):
        return self.target.script("find . -type f -printf '%P\\n' | sort").stdout.split()


@pytest.fixture
def place(tmp_path):
    with closing(LocalTarget(Course(id="c", title="C"), env={"PATH": "/usr/bin:/bin"})) as target:
        yield Place(target, tmp_path)


class Also:
    """A target that has these things, too."""

    def __init__(self, target, *entries):
        self.target = target
        self.entries = frozenset(entries)

    def __getattr__(self, name):
        return getattr(self.target, name)

    def inventory(self):
        return self.target.inventory() | self.entries


def names(entries):
    return [entry.name for entry in entries]


def test_only_what_appeared_goes_and_what_others_made_is_told(place):
    place.run("echo x > mine; echo x > given; mkdir d; echo x > d/log")
    place.run("echo x > log; mkdir e; echo x > e/log", by="l")
    place.run("echo x > log2")
    finished = place.finish(lab())
    assert names(finished.removed) == ["work/e/log", "work/log", "work/e"]
    assert place.files() == ["d/log", "given", "log2", "mine"]
    assert names(finished.foreign) == ["work/d/log", "work/log2", "work/mine"], "what the course declares is not told"
    assert (finished.kept, finished.lost, finished.complaints) == ((), (), ())
    assert place.book.made == []
    assert place.finish(lab()).removed == ()


def test_a_cleanup_that_only_removes_is_for_a_lab_that_the_ledger_does_not_know(place):
    theirs = lab(Cleanup(run="rm -f log*", removes=True), Cleanup(run="echo cleaned >> switched"))
    place.run("echo x > log-of-somebody; echo x > switched")
    place.run("echo x > log", by="l")
    finished = place.finish(theirs)
    assert names(finished.removed) == ["work/log"]
    assert place.files() == ["log-of-somebody", "switched"]
    assert place.target.script("cat switched").stdout == "x\ncleaned\n"
    assert finished.lost == ()
    finished = place.finish(theirs)  # nothing is known of the lab any more
    assert place.files() == ["switched"]
    assert names(finished.lost) == ["work/log-of-somebody"], "a defect of the cleanup, and told as one"


def test_signatures_that_others_have_made_are_told(place):
    theirs = Entry("trust-data", "progressacr/theirs", "7")
    place.target = Also(place.target, theirs, Entry("repository-manifest", "progressacr/theirs", "sha256:0"))
    finished = place.finish(lab())
    assert finished.foreign == (theirs,)


def test_nothing_comes_back_that_a_step_has_taken_away(place):
    finished = place.finish(lab(Cleanup(run="echo x > given-back", restores=True), Cleanup(run="echo x >> switched")))
    assert place.files() == ["switched"]
    assert finished.complaints == ()


def test_cleanups_come_last_first_and_only_for_what_was_begun(place):
    labs = [
        lab(*(Cleanup(run=f"echo {name}{number} >> order") for number in range(2)), name=name) for name in ("a", "b")
    ]
    place.finish(*labs, begun={("a", "s0"), ("a", "s1"), ("b", "s1")})
    assert place.target.script("cat order").stdout.split() == ["b1", "a1", "a0"]


def test_what_was_switched_back_is_told_if_that_was_done(place):
    done, failed = Cleanup(run="true", says="the light is off"), Cleanup(run="exit 3", says="the door is shut")
    finished = place.finish(lab(done, Cleanup(run="true"), failed, Cleanup(run="exit 0", says="the light is off")))
    assert finished.settings == ("the light is off",)
    assert finished.complaints == ("exit status 3",)


def test_what_cannot_go_is_kept_with_its_reason(place):
    place.run("echo x > log; mkdir e", by="l")
    place.run("echo somebody >> log; echo x > e/theirs")
    finished = place.finish(lab(Cleanup(run="echo it is stuck >&2; exit 3")))
    assert finished.complaints == ("it is stuck",)
    assert [(entry.name, why) for entry, why in finished.kept] == [("work/e", "Something else is in it.")]
    assert place.files() == ["e/theirs", "log"], "what was changed since is somebody else's"
    assert [made.entry for made in place.book.made] == [Entry("folder", "work/e", "folder")]


def test_one_lab_of_two(place):
    place.run("echo x > one", by="a")
    place.run("echo x > two", by="b")
    finished = place.finish(lab(name="a"))
    assert names(finished.removed) == ["work/one"]
    assert place.files() == ["two"]
    assert names(finished.foreign) == [], "another lab's is nobody else's"
    assert [made.lab for made in place.book.made] == ["b"]


class Far:
    """A target with another host, whose things are seen once somebody has needed it."""

    def __init__(self, target, *entries):
        self.target = target
        self.entries = set(entries)
        self.seen = False

    def __getattr__(self, name):
        return getattr(self.target, name)

    def foresee(self, needs, checks):
        self.seen |= "remote-host" in needs

    def inventory(self):
        return self.target.inventory() | (self.entries if self.seen else set())

    def remove(self, entries):
        self.entries -= set(entries)
        return self.target.remove([entry for entry in entries if entry not in self.entries])


THERE = Entry("remote-container", "keen_kare", "1")


def test_what_is_on_another_host_goes_too_and_what_others_have_there_is_told(place):
    theirs = Entry("remote-volume", "theirs", "2")
    far = place.target = Far(place.target, THERE, theirs)
    place.book.begin("l", frozenset())
    place.book.end(frozenset({THERE}))
    finished = place.finish(replace(lab(Cleanup(run="true")), needs=("remote-host",)))
    assert finished.removed == (THERE,)
    assert finished.foreign == (theirs,)
    assert far.entries == {theirs}


def test_what_another_lab_has_made_where_this_one_does_not_look_stays_known(place):
    place.target = Far(place.target, THERE)
    place.book.begin("far", frozenset())
    place.book.end(frozenset({THERE}))
    place.run("echo x > log", by="l")
    place.book.end(place.target.inventory())
    assert names(place.finish(lab()).removed) == ["work/log"]
    assert [made.entry for made in place.book.made] == [THERE]
