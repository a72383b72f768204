"""The documents name all that there is, their examples load, their commands exist and their links resolve."""

import argparse
import dataclasses
import importlib
import re
import shlex
import textwrap
import types
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from labrunner.cli import COMMANDS
from labrunner.content.catalog import TYPES, read_catalog
from labrunner.content.find import checks_folder
from labrunner.content.load import load
from labrunner.content.shapes import WORDS, CourseFile, hints
from labrunner.matching import like, match
from labrunner.matching.kinds import KINDS
from labrunner.model import Check, Course, Expectation, Lab, Variable

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
CATALOG = read_catalog([checks_folder()]).signatures

_BLOCK = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block of a page. `info` is what stands after the fence: `yaml step`, `text fits`."""

    page: str
    line: int
    info: str
    text: str


def _read(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def _blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(page.name, text.count("\n", 0, found.start()) + 1, found["info"].strip(), found["text"])
        for found in _BLOCK.finditer(text)
    ]


def _sections(text: str, marks: str) -> dict[str, str]:
    """Heading -> what stands below it, for headings of one level."""
    parts = re.split(rf"^{marks} (.+)$", _BLOCK.sub("", text), flags=re.MULTILINE)
    return {title.strip("` "): re.split(r"^#{1,3} ", body, flags=re.MULTILINE)[0] for title, body in _pairs(parts[1:])}


def _pairs(parts: list[str]) -> Iterator[tuple[str, str]]:
    return zip(parts[::2], parts[1::2], strict=True)


def _rows(text: str) -> dict[str, list[str]]:
    """The rows of the tables of a text: what stands in backquotes in the first cell -> the other cells."""
    rows = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and (name := re.fullmatch(r"`([^`]+)`", cells[0])):
            rows[name[1]] = cells[1:]
    return rows


# -- commands


@cache
def _parser(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=name)
    importlib.import_module(f"labrunner.cli.{name}").arguments(parser)
    return parser


def _actions(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return action.choices
    return {}


def _written(parser: argparse.ArgumentParser) -> list[str]:
    """Options and arguments as a reader knows them: `--report FILE.json`, `LAB[/STEP]`."""
    found = []
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction | argparse._SubParsersAction):
            continue
        value = action.metavar or "|".join(action.choices or ()) if action.nargs != 0 else ""
        found.append(f"{action.option_strings[-1]} {value}".strip() if action.option_strings else str(action.metavar))
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_described_with_its_options(name: str) -> None:
    page = _read("commands.md")
    assert f"[`labrunner {name}`](#{name})" in page
    section = _sections(page, "##")[name]
    parser = _parser(name)
    described = set(_rows(section))
    options = set(_written(parser))
    if not _actions(parser):
        assert described == options, "the options that are described and those that there are"


@pytest.mark.parametrize("action", _actions(_parser("sandbox")))
def test_every_action_of_the_sandbox_is_described_with_its_options(action: str) -> None:
    section = _sections(_read("commands.md"), "##")["sandbox"]
    rows = _rows(section)
    assert set(rows) == set(_actions(_parser("sandbox")))
    written = _written(_actions(_parser("sandbox"))[action])
    options = {word for word in written if word.startswith("--") and word != "--sandbox NAME"}
    assert set(re.findall(r"`(--[^`]+)`", rows[action][1])) == options
    assert "`--sandbox NAME`" in section


def _shell_lines() -> Iterator[tuple[str, str]]:
    """Lines of the pages that a reader may type: indented or fenced ones that begin with our commands."""
    for page in PAGES:
        if page.parent.name == "decisions":
            continue
        for line in page.read_text(encoding="utf-8").splitlines():
            command = line.split("#")[0].strip()
            if line.startswith("    ") and re.match(r"(make|labrunner|\.venv/bin/labrunner) [a-z-]", command):
                yield page.name, command


@pytest.mark.parametrize(("page", "line"), [*_shell_lines()])
def test_commands_that_a_reader_may_type_exist(page: str, line: str) -> None:
    words = shlex.split(line.partition(" && ")[0])
    if words[0] == "make":
        targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert words[1] in targets
        given = [word.removeprefix("ARGS=") for word in words[2:]]
        words = ["labrunner", "run", *shlex.split(" ".join(given))] if words[1] == "lab" else []
    if words and words[1] != "--version":
        assert words[1] in COMMANDS, f"{page}: {line}"
        _parser(words[1]).parse_args(words[2:])


def test_a_reader_finds_commands_to_type() -> None:
    pages = [page for page, _ in _shell_lines()]
    assert {"README.md", "CONTRIBUTING.md", "commands.md", "sandbox.md", "proving.md"} <= set(pages)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/commands.md"])
def test_make_targets_and_commands_in_running_text_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"`make ([a-z]+)", text)) <= set(targets)
    assert set(re.findall(r"`labrunner ([a-z]+)", text)) <= {*COMMANDS}


# -- the course format

SECTIONS = {
    "course": CourseFile,
    "work folder": next(kind for kind, words in WORDS.items() if words == "a work folder"),
    **{words.split(" ", 1)[1]: kind for kind, words in WORDS.items() if kind not in (Course, CourseFile, Expectation)},
}
REQUIRED_BY_RULE = {(Lab, "steps")}
WORDS_OF = {Expectation: "[expectation]", int: "whole number", float: "number", bool: "true or false", str: "text"}


def _type_words(hint: object) -> str:
    """How the type column begins for a type of the model."""
    if isinstance(hint, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not types.NoneType)
    if typing.get_origin(hint) is tuple:
        inner = typing.get_args(hint)[0]
        return "list of texts" if inner is str else f"list of [{WORDS[inner].split(' ', 1)[1]}"
    if typing.get_origin(hint) is not None:
        return "mapping"
    return WORDS_OF.get(typing.cast("type", hint)) or f"[{WORDS[typing.cast('type', hint)].split(' ', 1)[1]}"


@pytest.mark.parametrize("title", SECTIONS)
def test_every_key_is_described_with_its_type_and_default(title: str) -> None:
    kind = SECTIONS[title]
    rows = _rows(_sections(_read("course-format.md"), "##")[title.capitalize()])
    assert set(rows) == set(hints(kind)), "the keys that are described and those that there are"
    for field in dataclasses.fields(kind):
        if field.name not in rows or (kind, field.name) in {(Check, "kind"), (Check, "args"), (Variable, "name")}:
            continue
        kind_of, default, _ = rows[field.name]
        assert kind_of.startswith("mapping" if field.name == "variables" else _type_words(hints(kind)[field.name]))
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        required = required or (kind, field.name) in REQUIRED_BY_RULE
        assert (default == "required") == required, f"{title}: {field.name}"
        if isinstance(field.default, int | float) and not isinstance(field.default, bool) and field.default:
            assert default == f"{field.default:g}"
        if isinstance(field.default, str) and field.default:
            assert default == f"`{field.default}`"


def test_every_part_of_an_expectation_is_described() -> None:
    page = _read("matching.md")
    names = {field.name for field in dataclasses.fields(Expectation)}
    assert set(_rows(page.partition("## ")[0])) == names
    assert names == set(re.findall(r"`([a-z]+)`", " ".join(re.findall(r"^## .*", page, re.MULTILINE))))
    assert names == set(re.findall(r"`([a-z]+)`", _sections(_read("course-format.md"), "##")["Expectation"]))


# -- placeholders


def _placeholders() -> dict[str, list[str]]:
    return {
        name.strip("{}"): cells for name, cells in _rows(_sections(_read("matching.md"), "##")["Placeholders"]).items()
    }


def test_every_placeholder_is_described() -> None:
    assert set(_placeholders()) == {*KINDS, "*"}


@pytest.mark.parametrize("name", [*KINDS, "*"])
def test_examples_of_placeholders_fit_or_do_not(name: str) -> None:
    _, fits, other = _placeholders()[name]
    assert like(f"{{{name}}}", fits.strip("`"))
    assert bool(other) == (name != "*")
    assert not (other and like(f"{{{name}}}", other.strip("`")))


# -- check kinds


def test_every_check_kind_is_described() -> None:
    assert set(_sections(_read("checks.md"), "###")) == set(CATALOG)


@pytest.mark.parametrize("kind", CATALOG)
def test_a_check_kind_is_described_with_its_arguments(kind: str) -> None:
    signature = CATALOG[kind]
    section = _sections(_read("checks.md"), "###")[kind]
    rows = _rows(section)
    assert " ".join(signature.says.split()) in " ".join(section.split()), "the docstring's first line"
    assert {name: cells[0] for name, cells in rows.items()} == {
        each.name: TYPES[each.type] for each in signature.parameters
    }
    required = {each.name for each in signature.parameters if each.required}
    assert {name for name, cells in rows.items() if cells[1] == "required"} == required
    examples = [block.text for block in _blocks(DOCS / "checks.md") if block.info == "yaml checks"]
    assert any(text.startswith(f"- {kind}:") for text in examples), "an example"


# -- examples

MARKS = {"course", "lab", "errata", "problems", "step", "commands", "checks", "expect"}
COURSE = "format: 1\nid: example\ntitle: Example\nlabs: [lab.yaml]\n"
LAB = "id: example\nname: lab-1\ntitle: Example\nsteps:\n"
STEP = "id: example\ntitle: Example\ntext: Example.\n"
CHECKS = "- file.exists: {path: example}\n"


def _wrapped(block: Block) -> dict[str, str]:
    """The files of a course that has the example in its place."""
    kind, text = block.info.split()[1], block.text
    if kind == "expect":
        kind, text = "commands", f'- run: "true"\n  expect:\n{textwrap.indent(text, "    ")}'
    if kind == "commands":
        kind, text = "step", f"{STEP}commands:\n{textwrap.indent(text, '  ')}checks:\n{textwrap.indent(CHECKS, '  ')}"
    if kind == "checks":
        kind, text = "step", f'{STEP}commands: ["true"]\nchecks:\n{textwrap.indent(text, "  ")}'
    assert kind == "step"
    return {"course.yaml": COURSE, "lab.yaml": LAB + "  - " + textwrap.indent(text, "    ").lstrip()}


def _loaded(folder: Path, files: Mapping[str, str]) -> Course:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name in sorted(set(re.findall(r"\bfiles/[a-z.-]+", "".join(files.values())))):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("example\n", encoding="utf-8")
    loaded = load(str(folder), cache=None)
    assert [str(item) for item in loaded.diagnostics] == []
    assert loaded.course is not None
    return loaded.course


def _yaml_blocks() -> list[Block]:
    return [block for page in PAGES for block in _blocks(page) if block.info.startswith("yaml")]


FRAGMENTS = [
    block for block in _yaml_blocks() if block.info.split()[1:] not in (["course"], ["lab"], ["errata"], ["problems"])
]


def test_every_yaml_example_says_what_it_is() -> None:
    blocks = _yaml_blocks()
    assert len(blocks) > len(CATALOG) + 10
    assert [block for block in blocks if block.info.split()[1:2] not in [[mark] for mark in MARKS]] == []


@pytest.mark.parametrize("block", FRAGMENTS, ids=lambda block: f"{block.page}:{block.line}")
def test_an_example_loads_without_diagnostics(block: Block, tmp_path: Path) -> None:
    _loaded(tmp_path, _wrapped(block))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_whole_course_loads_without_diagnostics(page: Path, tmp_path: Path) -> None:
    whole = {"yaml course", "yaml lab", "yaml errata", "yaml problems"}
    files = {f"{block.info.split()[1]}.yaml": block.text for block in _blocks(page) if block.info in whole}
    assert files or page.name != "course-format.md"
    if files:
        _loaded(tmp_path, files)


def _outputs() -> list[tuple[Block, Block]]:
    """Each output of matching.md with the expectation that stands before it."""
    pairs, expect = [], None
    for block in _blocks(DOCS / "matching.md"):
        if block.info == "yaml expect":
            expect = block
        elif block.info.startswith("text "):
            assert expect is not None
            pairs.append((expect, block))
    return pairs


@pytest.mark.parametrize(("expect", "output"), _outputs(), ids=lambda block: f"line {block.line}")
def test_outputs_fit_their_expectations_as_the_page_says(expect: Block, output: Block, tmp_path: Path) -> None:
    _, verdict, *status = output.info.split()
    expectation = _loaded(tmp_path, _wrapped(expect)).labs[0].steps[0].commands[0].expect
    result = match(expectation, exit_status=int(status[0]) if status else 0, output=output.text)
    assert result.ok == (verdict == "fits"), result.explanation


def test_every_part_of_an_expectation_has_an_output_that_fits() -> None:
    text = "".join(expect.text for expect, output in _outputs() if "fits" in output.info)
    for field in dataclasses.fields(Expectation):
        assert re.search(rf"^{field.name}:", text, re.MULTILINE), field.name


# -- links


def _anchor(heading: str) -> str:
    return re.sub(r"[^a-z0-9 _-]", "", heading.lower()).strip().replace(" ", "-")


def _links() -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", _BLOCK.sub("", page.read_text(encoding="utf-8"))):
            if not target.startswith(("http:", "https:")):
                yield page, target


@pytest.mark.parametrize(
    ("page", "target"), [*_links()], ids=lambda each: each.name if isinstance(each, Path) else each
)
def test_links_between_the_documents_resolve(page: Path, target: str) -> None:
    name, _, anchor = target.partition("#")
    found = (page.parent / name).resolve() if name else page
    assert found.exists()
    assert found.is_relative_to(ROOT)
    if anchor:
        text = _BLOCK.sub("", found.read_text(encoding="utf-8"))
        assert anchor in {_anchor(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


def test_the_index_names_every_document() -> None:
    index = _read("README.md")
    for page in DOCS.glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in index
