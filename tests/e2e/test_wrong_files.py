"""Lab files that are wrong: `lint` and `run` say what, where, at once, and start nothing."""

import re

import pytest

from tests.e2e import courses
from tests.e2e.courses import LAB

pytestmark = pytest.mark.e2e

BOMB = b"a: &a [x, x, x]\n" + b"".join(
    b"%c: &%c [*%c, *%c, *%c]\n" % ((98 + n, 98 + n) + (97 + n,) * 3) for n in range(9)
)
COMMAND = "- run: touch made-by-small\n"
WRONG = {
    "unknown key": (LAB.replace("    title: First", "    titel: First"), "lab.yaml:6:5: error: unknown key 'titel'"),
    "duplicate key": (LAB.replace("title: Small", "title: Small\ntitle: Big"), "lab.yaml:4:1: error: the key 'title'"),
    "wrong type": (
        LAB.replace("title: Small", "title: Small\nminutes: ten"),
        "lab.yaml:4:10: error: 'minutes' must be",
    ),
    "unknown check": (
        LAB.replace("file.exists", "file.exist"),
        "lab.yaml:11:9: error: unknown check 'file.exist'; did",
    ),
    "wrong check argument": (LAB.replace("{path:", "{pth:"), "lab.yaml:11:23: error: unknown argument 'pth'"),
    "bad placeholder": (
        LAB.replace(COMMAND, COMMAND + "        expect: {lines: '{digset}'}\n"),
        "lab.yaml:10:26: error: unknown placeholder {digset}; did you mean {digest}?",
    ),
    "unknown variable": (
        LAB.replace("touch made", "touch @{NAME}"),
        "lab.yaml:9:20: error: unknown variable '@{NAME}'",
    ),
    "missing file": (
        LAB.replace("    commands:", "    files:\n      - {path: a, source: gone.txt}\n    commands:"),
        "lab.yaml:9:27: error: the file 'gone.txt' does not exist",
    ),
    "path outside the course": (
        LAB.replace("    commands:", "    files:\n      - {path: a, source: ../../etc/passwd}\n    commands:"),
        "lab.yaml:9:27: error: the file '../../etc/passwd' leaves the course",
    ),
    "path outside the work folder": (
        LAB.replace("    commands:", "    files:\n      - {path: ../a, text: x}\n    commands:"),
        "lab.yaml:9:16: error: the path '../a' leaves the work folder",
    ),
    "not UTF-8": (LAB.encode().replace(b"Small", b"Sm\xe9ll"), "lab.yaml:3:10: error: the file is not UTF-8"),
    "over 1 MiB": (LAB.encode() + b"# " + b"x" * (1 << 20), "lab.yaml:1:1: error: the file is over 1 MiB"),
    "alias bomb": (BOMB, "lab.yaml:1:4: error: an anchor"),
    "flow lists, 10,000 deep": (b"[" * 10_000, "lab.yaml:1:51: error: nested deeper than 50 levels"),
    "block lists, 10,000 deep": (b"- " * 10_000, "lab.yaml:1:101: error: nested deeper than 50 levels"),
    "empty": (b"", "lab.yaml:1:1: error: the file is empty"),
}


@pytest.mark.parametrize("what", WRONG)
def test_it_is_said_with_its_position_within_a_second(user, tmp_path, what):
    content, wanted = WRONG[what]
    assert content != LAB
    folder = courses.write(tmp_path / "course", content)
    for words in (("lint", str(folder)), ("run", "--course", str(folder), "--trust", "--unattended")):
        ended = user.timed(*words)
        if ended.cpu >= 1:  # a machine under load: once more
            ended = user.timed(*words)
        assert ended.status == 3, ended
        assert wanted in ended.said
        assert all(re.match(r"lab\.yaml:\d+:\d+: error: ", line) for line in ended.out.splitlines())
        assert "Traceback" not in ended.said
        assert "defect" not in ended.said
        assert ended.cpu < 1, (words, ended.cpu)
    assert not (user.home / "state").exists()


def test_the_good_one_is_good(user, tmp_path):
    ended = user.run("lint", str(courses.write(tmp_path / "course")))
    assert ended.status == 0, ended
    assert "error" not in ended.out
