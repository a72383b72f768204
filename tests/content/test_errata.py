"""The errata of the course "acr-images": all of them, at their places, and what they quote is in the course text."""

import re
from pathlib import Path

import pytest

from labrunner.authoring.errata import shown_by
from labrunner.content.load import load
from labrunner.model import Course, Erratum

COURSE = Path(__file__).parents[2] / "labs" / "acr-images"
CONTRACTS = sorted((Path(__file__).parent / "data").glob("*.yaml"))
SHORT = 350
"""Characters of a text that a learner reads beside a command: about five lines of an 80-column terminal."""
COUNT = 74
"""How many errata the review of the course text found: E01 to E74."""


def loaded() -> Course:
    course = load(str(COURSE), cache=None).course
    assert course is not None
    return course


def contracted() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Each command of the text: as written, and the errata about it."""
    import yaml

    entries = [
        entry for path in CONTRACTS for entry in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CBaseLoader)
    ]
    return {entry["id"]: (entry["written"], tuple(entry["errata"])) for entry in entries}


def corrected() -> list[str]:
    """The commands of the text that are not run as written."""
    import yaml

    entries = [
        entry for path in CONTRACTS for entry in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CBaseLoader)
    ]
    return [entry["id"] for entry in entries if entry["status"] == "corrected"]


LOADED = loaded()
WRITTEN = contracted()
CORRECTED = corrected()
PARTLY = ("E16", "E19", "E20", "E21", "E23", "E25")
"""About several commands, of which another erratum corrects one."""


def folded(text: str) -> str:
    """In one line, as the shell takes lines that end in a backslash."""
    return " ".join(re.sub(r"\\\n", " ", text).split())


def test_they_are_all_there() -> None:
    assert [erratum.id for erratum in LOADED.errata] == [f"E{number:02}" for number in range(1, COUNT + 1)]
    assert len(WRITTEN) == 123


@pytest.mark.parametrize("erratum", LOADED.errata, ids=lambda erratum: erratum.id)
def test_each_says_everything(erratum: Erratum) -> None:
    texts = (erratum.where, erratum.says, erratum.wrong, erratum.correction, erratum.source)
    for text in texts:
        assert text.strip()
        assert text.count("`") % 2 == 0, "backticks come in pairs: what stands between them is code"
    assert not re.search(r"\b[A-Z]\d+\.(S\d+\.)?C\d+\b", erratum.where), "references belong into `ref`"
    assert erratum.correction.strip().endswith((".", "`")), "a sentence, or code"


@pytest.mark.parametrize("erratum", LOADED.errata, ids=lambda erratum: erratum.id)
def test_it_gives_no_order_where_it_tells(erratum: Erratum) -> None:
    """A learner who reads "Run here as written" runs it."""
    assert not re.match(r"(Run|Used?)\b", erratum.correction)


@pytest.mark.parametrize("erratum", LOADED.errata, ids=lambda erratum: erratum.id)
def test_it_is_short(erratum: Erratum) -> None:
    for text in (erratum.says, erratum.wrong, erratum.correction):
        assert len(text) <= SHORT, text


def test_it_says_what_is_run_here() -> None:
    """Each command that is corrected has one that says so, and of no other is it said."""
    run_here = {
        erratum.id: erratum.ref for erratum in LOADED.errata if erratum.correction.startswith("What runs here: ")
    }
    assert sorted(ref for refs in run_here.values() for ref in refs) == sorted(CORRECTED)
    for erratum in LOADED.errata:
        if erratum.ref and erratum.id not in run_here:
            assert re.search(r"\bhere\b|\bsandbox\b", erratum.correction, re.IGNORECASE), erratum.id
        if erratum.correction.startswith(("It runs here as it is written", "It is used here as it is written")):
            about = [ref for ref in WRITTEN if erratum.concerns(ref)]
            assert erratum.id in PARTLY or not set(about) & set(CORRECTED), erratum.id


@pytest.mark.parametrize("erratum", LOADED.errata, ids=lambda erratum: erratum.id)
def test_its_references_are_those_of_the_contract(erratum: Erratum) -> None:
    """Each command that the contract names it for is covered; and every reference covers such a command."""
    wanted = {ref for ref, (_, errata) in WRITTEN.items() if erratum.id in errata}
    covered = {own: {ref for ref in wanted if ref == own or ref.startswith(f"{own}.")} for own in erratum.ref}
    assert set().union(*covered.values()) == wanted
    assert all(covered.values())


@pytest.mark.parametrize("erratum", LOADED.errata, ids=lambda erratum: erratum.id)
def test_the_code_that_it_quotes_is_in_the_text(erratum: Erratum) -> None:
    """`...` in a quotation stands for what is left out of one command or file."""
    for quotation in re.findall("`([^`]+)`", erratum.says):
        pattern = ".*".join(re.escape(part.strip()) for part in quotation.split("..."))
        assert any(re.search(pattern, folded(written)) for written, _ in WRITTEN.values()), quotation


def test_a_part_that_is_taught_shows_its_errata_and_no_other_does() -> None:
    """What no step shows is about parts that no lab teaches yet, or about what is only read."""
    taught = {ref for lab in LOADED.labs for step in lab.steps for ref in step.ref}
    for erratum in LOADED.errata:
        about = {
            ref for ref in taught if erratum.concerns(ref) or any(own.startswith(f"{ref}.") for own in erratum.ref)
        }
        shown = {ref for each in shown_by(LOADED, erratum) for ref in each.refs}
        steps = {ref for ref in taught if ref in shown or any(each.startswith(f"{ref}.") for each in shown)}
        assert steps == about, erratum.id
