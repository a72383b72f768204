"""Files that a session left go, while they are what they were; every other file of any name stays."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from labrunner.model import Course
from labrunner.record.ledger import Entry
from labrunner.targets.local import LocalTarget


@pytest.fixture
def target(tmp_path: Path) -> Iterator[LocalTarget]:
    made = LocalTarget(Course(id="t", title="T", path=str(tmp_path)), env=dict(os.environ))
    yield made
    made.close()


def do(target: LocalTarget, text: str) -> None:
    ran = target.script(f"set -e\n{text}")
    assert ran.status == 0, ran


def removed(target: LocalTarget, text: str, *, then: str = "") -> dict[str, str]:
    """What is said of the things that `text` makes, by name. then: what others do before they are removed."""
    before = target.inventory()
    do(target, text)
    made = sorted(target.inventory() - before)
    do(target, then)
    told = target.remove(made)
    assert list(told) == made
    return {entry.name: why for entry, why in told.items()}


def tree(target: LocalTarget) -> set[str]:
    top = Path(target.work).parent
    return {str(path.relative_to(top)) for part in ("home", "work") for path in (top / part).rglob("*")}


def test_all_that_was_made_goes_and_all_that_was_there_stays(target):
    do(target, "mkdir -p src empty other/src ~/src")
    do(target, "for f in run.sh.bak my-run.sh src/run other/src/run.sh ~/src/run.sh '~'; do echo theirs > $f; done")
    there, before = target.inventory(), tree(target)
    told = removed(
        target,
        "echo ours > run.sh; echo ours > src/run.sh; mkdir -p deep/er/est ~/mine; echo x > deep/er/est/file;"
        "echo x > empty/file; ln -s /etc/passwd link; ln -s src linked; mkdir ~/.tool; echo x > ~/.tool/config;"
        "echo theirs > 'two words'; echo x > $'new\\nline'; head -c 9000000 /dev/zero > large",
    )
    assert set(told.values()) == {""}
    assert {"work/run.sh", "work/deep", "work/deep/er", "work/deep/er/est", "~/mine", "work/linked"} <= set(told)
    assert target.inventory() == there
    assert tree(target) - before == {"home/.tool"}, "each program may keep its folder"
    assert before - tree(target) == set()


def test_what_was_changed_or_taken_over_since_is_kept_and_told(target):
    told = removed(
        target,
        "mkdir taken kept; for f in changed gone folder taken/f kept/f; do echo x > $f; done; ln -s a link",
        then="echo y > changed; rm gone folder; mkdir folder; rm -r taken; ln -sfn b link; echo x | tee taken > kept/g",
    )
    changed = "It has been changed since, and is left alone."
    no_folder = "Where it was, a folder is none any more, and what is there is left alone."
    assert told == {
        "work/changed": changed,
        "work/gone": "",
        "work/folder": changed,
        "work/link": changed,
        "work/taken": no_folder,
        "work/taken/f": no_folder,
        "work/kept": "Something else is in it.",
        "work/kept/f": "",
    }
    assert tree(target) == {f"work/{name}" for name in ("changed", "folder", "link", "taken", "kept", "kept/g")}


def test_no_link_leads_to_other_files(target, tmp_path):
    elsewhere = tmp_path / "in"
    elsewhere.mkdir()
    (elsewhere / "f").write_text("x\n")
    (elsewhere / "empty").mkdir()
    told = removed(target, "mkdir -p way/in/empty; echo x > way/in/f", then=f"rm -r way; ln -s {tmp_path} way")
    assert set(told.values()) == {"Where it was, a folder is none any more, and what is there is left alone."}
    assert (elsewhere / "f").exists()
    assert (elsewhere / "empty").exists()


@pytest.mark.parametrize("name", ["work/../f", "work/", "/etc/passwd", "elsewhere/f", "work//f", "~/../f", "work/."])
def test_nothing_outside_is_removed(target, name):
    outside = Path(target.work).parent / "f"
    outside.write_text("x")
    for kind in ("file", "folder"):
        (why,) = target.remove([Entry(kind, name, "any")]).values()
        assert "no" in why
    assert outside.exists()
    assert Path(target.work).is_dir()


GIT = "git -c user.name=a -c user.email=a@b -c init.defaultBranch=main"


def test_a_repository_that_was_made_goes_whole(target):
    before = tree(target)
    told = removed(target, f"{GIT} init -q new; cd new; echo x > f; git add f; {GIT} commit -qm x; git branch other")
    assert set(told.values()) == {""}
    assert {"work/new/.git", "work/new/.git/HEAD", "work/new/.git/refs/heads/other"} <= set(told)
    assert tree(target) == before


def test_a_repository_with_work_of_others_stays_whole(target):
    told = removed(
        target,
        f"{GIT} init -q new; cd new; {GIT} commit -q --allow-empty -m x",
        then=f"cd new; {GIT} commit -q --allow-empty -m theirs",
    )
    assert told["work/new/.git"] == "The git repository in it has been changed since, and is left alone."
    assert told["work/new/.git/HEAD"] == "It belongs to a git repository that stays."
    assert told["work/new"] == "Something else is in it."
    assert len(log(target, "new")) == 2


def test_of_a_repository_that_was_there_only_new_branches_go(target):
    do(target, f"{GIT} init -q old; cd old; {GIT} commit -q --allow-empty -m x; git branch theirs")
    told = removed(target, "cd old; git branch ours; git tag v1; git checkout -q -b current; git commit-graph write")
    assert told == {
        "work/old/.git/HEAD": "It belongs to a git repository that stays.",
        "work/old/.git/refs/heads/ours": "",
        "work/old/.git/refs/tags/v1": "",
        "work/old/.git/refs/heads/current": "It is the branch of a git repository that is checked out there.",
    }
    assert len(log(target, "old")) == 1


def test_a_repository_made_where_one_was_stays(target):
    do(target, f"{GIT} init -q old; cd old; {GIT} commit -q --allow-empty -m x; git pack-refs --all")
    told = removed(target, "cd old; git checkout -q -b current; git pack-refs --all")
    assert told == {"work/old/.git/HEAD": "It belongs to a git repository that stays."}
    assert len(log(target, "old")) == 1


def log(target: LocalTarget, folder: str) -> list[str]:
    line = ["git", "-C", f"{target.work}/{folder}", "log", "--format=%s"]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout.splitlines()


def test_what_it_cannot_have_is_told(target):
    (why,) = target.remove([Entry("container", "box", "1")]).values()
    assert why == "It is nothing that this target can have."
    (why,) = target.remove([Entry("file", "work/...", "more")]).values()
    assert why == "There were too many files to tell them apart."
