"""Folded commands mean to a real shell what the unfolded ones mean."""

import re
import subprocess
from pathlib import Path

import pytest

from labrunner.content.read import read_course
from labrunner.ui.fold import fold_command

COMMANDS = [
    "docker tag mywebapi:latest progressacr12345678.azurecr.io/mywebapi:1.0.0",
    """az acr repository show-tags --name x --query "[?contains(name, 'a b')].{a: name}" --output 'ta ble' -o tsv""",
    "show one   two\\ three 'four five' \"six $(echo 'a b') seven\" eight nine ten eleven",
    "show $(show a b c d e f g h) `show i j k` && show more || show less; show last one of them",
    "show a b c d e f g h # and a comment that is long and goes on, with 'quotes' in it",
    "for x in a b c d e f g h i; do show $x and some more words to make it long; done",
    "show $'a \\' b c' d e f g h i j k l m n o p q r s t u v w x y z",
    "show 'unclosed a b c d e f g h i j k l m n o p",
    "  show leading and trailing blanks that are quite long, in this command   ",
    """show "the names: $(show "a b c d" e f g h)" and more words, and `show "i j k l"` as well, until it is long""",
    """IMAGE=server/name@$(show repository --image name:1.0.0 --query digest --output tsv); show "$IMAGE" one two""",
    "for x in a b; do\n    # a comment that isn't quoted $(anything\n    show $x and more # and its 'end\ndone",
    "show \\\n  --name registry --repository 'a b' \\\n  --query \"[?a > 'b c'].{a: name}\" --output table\nshow",
    "cat <<'EOF' | show $(cat | tr a b) and more words\nthis is $(data that is long, and has 'no end\nEOF\nshow it",
    "cat <<-EOF; show the words after it, that go on and on\n\tit is data, long data, data of the long sort\n\tEOF",
    "show $((1 << 2)) and ${x:-some words} $# $0 and more of it, until the end of the line is near",
    "if show one two three; then show 'four\nfive six seven eight nine ten eleven' twelve thirteen; fi",
    """show "$(case a in a) show "b c  d e  f g" h;; esac)" and all of the words that follow it""",
    """show "$( (show a b) ; show "c d e f g h i j" ; show k l )" and all of the words that follow it""",
    "show 'a' | # a comment behind a pipe, which is long enough to be folded\ncat",
    "time show a b c d e f g h i j k l m n o p q r s t u v w x y z; f() { show 1 2 3 4 5; }; f",
]
ROOT = Path(__file__).resolve().parents[3]
SHOW = """show() { printf '<%s>' "$@"; echo; }; docker() { show docker "$@"; }; az() { show az "$@"; }\n"""


def meaning(text: str) -> tuple[int, bytes]:
    ran = subprocess.run(["bash", "-c", SHOW + text], capture_output=True, timeout=20, check=False)
    return ran.returncode, ran.stdout


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("width", [20, 33, 50])
def test_the_meaning_stays(command: str, width: int) -> None:
    assert meaning("\n".join(fold_command(command, width))) == meaning(command)


def test_lines_fit_where_there_is_a_place_to_break() -> None:
    lines = fold_command("docker tag mywebapi:latest " + " ".join(f"--label word{n}" for n in range(20)), 40)
    assert len(lines) > 5
    assert all(len(line) <= 40 for line in lines)
    assert all(line.endswith(" \\") for line in lines[:-1])


def test_short_commands_and_data_are_left_alone() -> None:
    assert fold_command("docker images", 40) == ["docker images"]
    script = "cat <<EOF\n" + "a b " * 40 + "\nEOF"
    assert "\n".join(fold_command(script, 40)) == script


def test_the_lines_of_a_script_are_folded_each_below_its_own_indentation() -> None:
    script = """for tag in 1.0.0 latest; do
  # Each of the two names is given to the image, and pushed.
  docker push --quiet progressacr.azurecr.io/mywebapi:$tag || exit
done"""
    assert fold_command(script, 40) == [
        "for tag in 1.0.0 latest; do",
        "  # Each of the two names is given to",
        "  # the image, and pushed.",
        "  docker push \\",
        "      --quiet \\",
        "      progressacr.azurecr.io/mywebapi:$tag \\",
        "      || exit",
        "done",
    ]


def test_a_here_document_stays_and_what_is_before_and_behind_it_is_folded() -> None:
    script = (
        "cat <<EOF | sed s/a/b/ | sort --reverse\na line that is longer than all\nEOF\ndocker images --all --digests"
    )
    assert fold_command(script, 24) == [
        "cat <<EOF | sed s/a/b/ \\",
        "    | sort --reverse",
        "a line that is longer than all",
        "EOF",
        "docker images \\",
        "    --all --digests",
    ]


def test_the_first_line_of_a_script_is_no_comment() -> None:
    first = "#!/usr/bin/env -S bash --with --many --options"
    assert fold_command(f"{first}\nexit", 30) == [first, "exit"]


def commands_of_the_course() -> list[str]:
    course, _ = read_course(str(ROOT / "labs" / "acr-images"))
    assert course is not None
    runs = (command.run for lab in course.labs for step in lab.steps for command in step.all_commands())
    return [re.sub(r"@\{\w+\}", "progressacr12345678.azurecr.io", run) for run in runs]


def test_every_command_of_the_course_stays_what_it_is() -> None:
    """bash tells how it has understood each: what it is told is written anew from that."""
    commands = commands_of_the_course()
    assert len(commands) > 100
    texts = [fold_command(command, 74) for command in commands]
    assert any(len(text) > len(command.rstrip("\n").split("\n")) for text, command in zip(texts, commands, strict=True))
    for before, after in zip(understood(commands), understood(["\n".join(text) for text in texts]), strict=True):
        assert after == before


def understood(commands: list[str]) -> list[str]:
    script = "".join(f"f() {{\n{command}\n}}\ndeclare -f f; printf '\\0'\n" for command in commands)
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return [" ".join(text.replace("\\\n", " ").split()) for text in ran.stdout.split("\0")]


def test_a_word_that_is_too_long_stays_whole() -> None:
    assert fold_command("x" * 100, 40) == ["x" * 100]
