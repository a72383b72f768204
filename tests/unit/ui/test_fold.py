"""Folded commands mean to a real shell what the unfolded ones mean."""

import subprocess

import pytest

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
]
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


def test_short_commands_and_scripts_are_left_alone() -> None:
    assert fold_command("docker images", 40) == ["docker images"]
    script = "cat <<EOF\n" + "a b " * 40 + "\nEOF"
    assert "\n".join(fold_command(script, 40)) == script


def test_a_word_that_is_too_long_stays_whole() -> None:
    assert fold_command("x" * 100, 40) == ["x" * 100]
