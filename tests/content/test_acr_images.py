"""The course "acr-images" against its contract: the commands as the course text has them, nothing lost."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

COURSE = Path(__file__).parents[2] / "labs" / "acr-images"
CONTRACTS = sorted(
    (Path(__file__).parent / "data").glob("labs_*_contract.yaml"), key=lambda path: ("trouble" in path.name, path.name)
)
"""In the order of the text, of which the troubleshooting comes last."""
OWN_ORDER = ("L7.S3", "T4")
"""The dry run comes before the purge (E18), the Premium tier before what only it has (E72)."""
SCRIPT = (Path(__file__).parent / "data" / "verification_script.sh").read_text(encoding="utf-8")
"""The script of the text's section Verification, of which the contract has the five parts."""
PLACEHOLDER = "progressacr12345678"
SERVER = "@{ACR_LOGIN_SERVER}/mywebapi"


def read(path: Path) -> Any:
    """The file with every scalar as text, as the loader has it."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CBaseLoader)


CONTRACTED = [entry for path in CONTRACTS for entry in read(path)]
ALL_LABS = [read(COURSE / name) for name in read(COURSE / "course.yaml")["labs"]]
LABS = [lab for lab in ALL_LABS if lab.get("optional") != "true"]
"""Those of the course's text."""
ALL_STEPS = [step for lab in LABS for step in lab["steps"]]
REFS = [step["ref"][0] for step in ALL_STEPS]
STEPS = {
    ref if REFS.index(ref) == at else f"{ref}/{step['id']}": step
    for at, (ref, step) in enumerate(zip(REFS, ALL_STEPS, strict=True))
}
"""By the place in the text; a further step for the same place has its id behind it."""


def parts(step: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The step's own commands, files or checks, then those of its options."""
    return [*step.get(key, ()), *(part for option in step.get("options", ()) for part in option.get(key, ()))]


def texts(step: dict[str, Any]) -> dict[str, str]:
    """What runs or is written for each reference, in order."""
    files = {file["ref"]: file["text"] for file in parts(step, "files") if "ref" in file}
    return files | {command["ref"]: command["run"] for command in parts(step, "commands") if "ref" in command}


TEXTS = {ref: text for step in STEPS.values() for ref, text in texts(step).items()}
ALL_COMMANDS = [command for step in STEPS.values() for command in parts(step, "commands")]
COMMANDS = {command["ref"]: command for command in ALL_COMMANDS if "ref" in command}


def as_written(text: str) -> str:
    """The course's text as the text of the course has it, with its sample of a registry's name."""
    return text.replace("@{ACR_NAME}", PLACEHOLDER)


def folded(text: str) -> str:
    return " ".join(as_written(text).split())


def asked(check: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A check's kind and arguments."""
    return next((kind, args) for kind, args in check.items() if "." in kind)


def images_asked(step: dict[str, Any]) -> set[str]:
    """The names in a step's registry that its checks ask for by name."""
    return {
        name
        for check in step["checks"]
        for name in check.get("docker.same-image", {}).get("images", ())
        if name.startswith(SERVER)
    }


def test_the_course_loads_without_a_diagnostic() -> None:
    from labrunner.content.load import load

    loaded = load(str(COURSE), cache=None)
    assert [str(problem) for problem in loaded.diagnostics] == []
    assert loaded.course is not None
    steps = [step for lab in loaded.course.labs for step in lab.steps]
    assert [command.ref for step in steps for command in step.all_commands() if command.ref] == list(COMMANDS)


def test_lint_has_nothing_to_say() -> None:
    from labrunner.authoring.lint import lint

    assert [str(problem) for problem in lint(str(COURSE))] == []


def places(lab: dict[str, Any]) -> list[str]:
    """The places in the text that the lab's steps have, in order."""
    number = lab["name"].removeprefix("lab-")
    form = {"verification": "V", "troubleshooting": "T{at}"}.get(lab["name"], f"L{number}.S{{at}}")
    return [form.format(at=at) for at, _ in enumerate(lab["steps"], 1)]


def test_the_labs_are_those_of_the_text_in_its_order() -> None:
    assert [lab["name"] for lab in LABS] == [
        *(f"lab-{number}" for number in range(1, 9)),
        "verification",
        "troubleshooting",
    ]
    for lab in LABS:
        assert [step["ref"] for step in lab["steps"]] == [[place] for place in places(lab)]
        also = {"lab-2": [], "lab-5": ["azure", "remote-host"]}.get(lab["name"], ["azure"])
        assert lab["needs"] == ["docker-engine", *also]


def test_every_command_is_there_once_and_in_order() -> None:
    wanted = [entry["id"] for entry in CONTRACTED]
    assert sorted(TEXTS) == sorted(wanted)
    assert [ref for ref in TEXTS if not ref.startswith(OWN_ORDER)] == [
        ref for ref in wanted if not ref.startswith(OWN_ORDER)
    ]
    assert sum(len(texts(step)) for step in STEPS.values()) == len(CONTRACTED)


def test_each_command_is_in_the_step_of_its_reference() -> None:
    for step in ALL_STEPS:
        assert {ref.rpartition(".")[0] for ref in texts(step)} <= set(step["ref"])


@pytest.mark.parametrize("entry", CONTRACTED, ids=lambda entry: entry["id"])
def test_the_text_is_the_contracts(entry: dict[str, str]) -> None:
    wanted = entry["corrected"] if entry["status"] == "corrected" else entry["written"]
    assert folded(TEXTS[entry["id"]]) == folded(wanted)


@pytest.mark.parametrize("entry", CONTRACTED, ids=lambda entry: entry["id"])
def test_a_correction_shows_what_the_text_has(entry: dict[str, str]) -> None:
    written = COMMANDS.get(entry["id"], {}).get("written")
    assert (written is not None) == (entry["status"] == "corrected")
    assert written is None or folded(written) == folded(entry["written"])


@pytest.mark.parametrize("ref", ["L3.S3.C1", "L6.S4.C1"])
def test_a_file_is_the_texts_to_the_letter(ref: str) -> None:
    """Its lines of two blanks too: what the learner sees is what the text has."""
    wanted = next(entry for entry in CONTRACTED if entry["id"] == ref)["written"]
    assert as_written(TEXTS[ref]) == wanted


def script_of_verification() -> str:
    (file,) = STEPS["V/verify-by-script"]["files"]
    return as_written(file["text"])


def test_the_whole_script_is_the_texts_but_for_its_correction() -> None:
    wanted = SCRIPT
    for entry in CONTRACTED:
        if entry["id"].startswith("V."):
            assert entry["written"] in SCRIPT, entry["id"]
            wanted = wanted.replace(entry["written"], entry.get("corrected", entry["written"]))
    assert wanted != SCRIPT
    assert script_of_verification() == wanted


def test_the_parts_come_after_the_scripts_own_head() -> None:
    head = STEPS["V"]["commands"][0]
    assert "ref" not in head
    assert f"#!/bin/bash\n\n{as_written(head['run'])}\n\n# Login" in SCRIPT


@pytest.mark.parametrize("text", [TEXTS["L3.S3.C1"], script_of_verification()], ids=["push", "verify"])
def test_a_script_can_be_read_by_bash(text: str) -> None:
    subprocess.run(["bash", "-n"], input=text.encode(), check=True, timeout=10)


@pytest.mark.parametrize("command", ALL_COMMANDS, ids=lambda command: command.get("ref", command["run"][:24]))
def test_each_command_tells_the_student_what_it_is_for(command: dict[str, Any]) -> None:
    assert command["says"].endswith((".", "?"))
    assert command.get("expect"), "an exit status alone says little: name what is printed, or that nothing is"


def test_a_command_that_the_text_does_not_have_says_so() -> None:
    """The first of several that follow each other: it stands for them. The head of the text's script is the text's."""
    for step in STEPS.values():
        mine = [
            command
            for command in parts(step, "commands")
            if "ref" not in command and not SCRIPT.startswith(f"#!/bin/bash\n\n{as_written(command['run'])}\n")
        ]
        assert all("ot in the course text" in command["says"] for command in mine[:1]), step["id"]


def test_a_container_is_waited_for_before_it_is_asked() -> None:
    """The course text asks at once. The check after `docker run` is what waits; the command has nothing of it."""
    for ref, after in (("L6.S1", "L6.S1.C1"), ("L6.S4", "L6.S4.C3")):
        waits = [check for check in STEPS[ref]["checks"] if "http.get" in check]
        assert [check["after"] for check in waits] == [after]
        assert float(waits[0]["within"]) >= 15


def test_what_goes_on_for_ever_has_a_limit() -> None:
    assert [ref for ref, command in COMMANDS.items() if " logs -f" in command["run"]] == ["L6.S4.C4"]
    assert COMMANDS["L6.S4.C4"]["limit"] == "10"


@pytest.mark.parametrize("place", dict.fromkeys(REFS))
def test_the_steps_of_a_place_show_the_errata_that_the_contract_names(place: str) -> None:
    wanted = {name for entry in CONTRACTED if entry["id"].startswith(f"{place}.") for name in entry["errata"]}
    shown = [name for step in ALL_STEPS if place in step["ref"] for name in step.get("errata", ())]
    assert sorted(shown) == sorted(wanted)


@pytest.mark.parametrize("ref", ["L2.S2", "L2.S3"])
def test_every_tag_that_a_step_makes_is_asked_for(ref: str) -> None:
    """By name, or by the form of the two that differ each time. 1.0.0 belongs to the step that makes it first."""
    known = {"IMAGE_NAME": "mywebapi", "VERSION": "1.0.0", "BUILD_NUMBER": "build-123", "ACR_LOGIN_SERVER": SERVER[:-9]}
    made = set()
    for command in STEPS[ref]["commands"]:
        words = re.sub(r"\$(\w+)", lambda found: known.get(found[1], found[0]), command["run"]).split()
        if words[:2] == ["docker", "tag"]:
            assert words[2] == "mywebapi:latest"
            made.add(words[3])
    if ref == "L2.S3":
        kinds = [kind for check in STEPS[ref]["checks"] for kind in check if "." in kind]
        assert {"docker.tag-from", "docker.tag-like"} <= set(kinds)
        made -= {f"{SERVER}:1.0.0", f"{SERVER}:$GIT_SHA", f"{SERVER}:$TIMESTAMP"}
    assert images_asked(STEPS[ref]) == made


def test_no_two_steps_ask_for_the_same_tag() -> None:
    """Else the later step's check would pass before it."""
    assert not images_asked(STEPS["L2.S2"]) & images_asked(STEPS["L2.S3"])


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab["name"])
def test_no_two_changing_steps_of_a_lab_ask_the_same(lab: dict[str, Any]) -> None:
    """Else the later step's check would pass before it; unless its setup takes away what is asked for."""
    seen: set[str] = set()
    for step in lab["steps"]:
        if "wrong" in step:
            continue
        logs_out = any("docker logout" in setup.get("run", "") for setup in step.get("setup", ()))
        questions = {str((*asked(check), check.get("host", "local"))) for check in parts(step, "checks")}
        again = {question for question in questions & seen if not (logs_out and "acr.can-" in question)}
        assert not again, step["id"]
        seen |= questions


def test_every_push_is_asked_for_in_the_registry() -> None:
    """Each tag that Lab 3 pushes, by a check that asks the registry itself."""
    found = set()
    for kind, args in (asked(check) for step in LABS[2]["steps"] for check in step["checks"]):
        if kind == "acr.pushed":
            found.add((args["repository"], args["tag"]))
        elif kind == "acr.same-digest":
            found |= {(args["repository"], tag) for tag in args["tags"]}
    workers = {(image, tag) for image in ("myworkerservice", "mybackgroundjob") for tag in ("1.0.0", "latest")}
    assert found == workers | {("mywebapi", tag) for tag in ("1.0.0", "latest", "build-123")}


@pytest.mark.parametrize("ref", STEPS)
def test_a_check_names_a_command_of_its_own_step(ref: str) -> None:
    refs = {command.get("ref") for command in parts(STEPS[ref], "commands")}
    assert {check["after"] for check in parts(STEPS[ref], "checks") if "after" in check} <= refs


def test_a_check_of_an_option_is_asked_within_it() -> None:
    """An unattended run takes all options one after the other: the next one would hide what this one left."""
    for step in STEPS.values():
        for option in step.get("options", ()):
            refs = {command["ref"] for command in option["commands"]}
            assert {check.get("after") for check in option["checks"]} <= refs


@pytest.mark.parametrize("ref", STEPS)
def test_a_step_helps_and_ends(ref: str) -> None:
    step = STEPS[ref]
    assert 2 <= len(step["hints"]) <= 3
    assert step["mistakes"]
    assert step["solution"]["text"]
    assert ("wrong" in step) == (step.get("reads_only") == "true")
    assert ("cleanup" in step) == (step.get("reads_only") != "true")


ELSEWHERE = re.compile(r"\b(?:run|push|pull|ask|look)(?: it)? again\b(?!,? `|:)", re.IGNORECASE)
"""Other words than the guide's key has, "try again". What says a command after it is about that command."""


@pytest.mark.parametrize("ref", STEPS)
def test_a_mistake_says_what_can_be_typed(ref: str) -> None:
    for mistake in STEPS[ref]["mistakes"]:
        assert not ELSEWHERE.search(mistake["text"]), mistake["text"]
        assert not re.search(r"`[^`]*\bNAME\b[^`]*`", mistake["text"]), "a name that is known is written out"


def test_a_problem_is_tried_again() -> None:
    for problem in read(COURSE / "problems.yaml"):
        assert not ELSEWHERE.search(problem["fix"]), problem["fix"]


def test_lab_4_only_reads() -> None:
    assert all(step["reads_only"] == "true" for step in LABS[3]["steps"])


PAGES = {page["id"]: page for page in read(COURSE / "course.yaml")["pages"]}
OBJECTIVES = (
    "authenticate",
    "tag",
    "push",
    "list and inspect",
    "pull",
    "run containers",
    "delete and purge",
    "content trust",
)
LINKS = ("authentication", "storage", "content-trust", "tasks-overview", "auto-purge", "delete")
"""The text's own links, then those that E64 adds."""


def items(page: str) -> list[str]:
    return re.findall(r"^- (.+(?:\n  .+)*)", PAGES[page]["text"], re.MULTILINE)


def test_what_the_text_says_beside_its_labs_has_its_page() -> None:
    shown = [(page["title"], page["shown"]) for page in PAGES.values()]
    assert shown == [
        ("Learning Objectives", "start"),
        ("Prerequisites", "start"),
        ("Best Practices", "end"),
        ("Next Steps", "end"),
        ("Additional Resources", "end"),
    ]
    aims = items("learning-objectives")
    assert len(aims) == len(OBJECTIVES)
    assert all(word in aim for word, aim in zip(OBJECTIVES, aims, strict=True))
    assert len(items("prerequisites")) == 5
    assert len(items("best-practices")) == 6 + 5 + 4 + 4, "as the text; two of its security items are one: signing"
    assert ["Lab 3.4" in items("next-steps")[0], "Lab 3.5" in items("next-steps")[1]] == [True, True]
    links = re.findall(r"\((https://[^)]+)\)", PAGES["resources"]["text"])
    assert len(links) == 5 + 4
    assert {f"https://learn.microsoft.com/azure/container-registry/container-registry-{name}" for name in LINKS} < {
        *links
    }


def test_what_a_page_mends_is_shown_below_it() -> None:
    mended = {name: page["errata"] for name, page in PAGES.items() if "errata" in page}
    assert mended == {"learning-objectives": ["E03"], "best-practices": ["E62", "E63"], "resources": ["E64"]}


def test_the_pages_do_not_repeat_what_is_wrong_in_the_text() -> None:
    """E03, E62, E63, E64."""
    whole = "\n".join(page["text"] for page in PAGES.values())
    assert "docs.microsoft.com" not in whole
    assert "tokens (Premium" not in whole
    assert "--write-enabled false" in whole
    assert "notation" in PAGES["learning-objectives"]["text"]
    assert not re.search(r"environment \(dev, staging, prod\)", whole)


def test_the_format_of_a_tag_is_a_small_quiz_before_the_first_tag_is_made() -> None:
    first, second = LABS[1]["steps"][:2]
    assert [question["id"] for question in first["questions"]] == ["repository-part", "no-tag"]
    assert "registry-part" in [question["id"] for question in second["questions"]]


def test_the_right_answer_is_not_always_in_one_place() -> None:
    for lab in LABS:
        questions = [question for step in lab["steps"] for question in step.get("questions", ())]
        assert len({question["choices"].index(question["answer"]) for question in questions}) > 1, lab["name"]


def test_what_later_commands_need_is_carried() -> None:
    """A learner may start at any step, in a shell that saw nothing of the earlier ones. An option carries nothing, and
    what only its own step reads is not carried either."""
    for ref in STEPS:
        for command in STEPS[ref].get("commands", ()):
            name = re.match(r"([A-Z_]+)=", command["run"])
            wanted = name is not None and name[1] not in ("UNTAGGED", "ME", "AZURE_CONFIG_DIR")
            assert (command.get("carries") == "true") == wanted, command["run"]


def test_what_is_secret_is_named() -> None:
    """Every variable that gets a password is read and redacted; no other one is."""
    for ref, command in COMMANDS.items():
        name = re.match(r"([A-Z_]*PASS[A-Z]*)=", command["run"])
        assert command.get("secrets", []) == ([name[1]] if name else []), ref


@pytest.mark.parametrize("ref", STEPS)
def test_a_setup_asks_before_it_talks_to_azure(ref: str) -> None:
    """A call of az takes most of a second: none is made for what is there already."""
    for setup in STEPS[ref].get("setup", ()):
        assert "az " not in setup.get("run", "") or "unless" in setup
        assert setup["says"].endswith(".")


@pytest.mark.parametrize("ref", STEPS)
def test_every_shell_text_can_be_read_by_bash(ref: str) -> None:
    step = STEPS[ref]
    around = [*step.get("setup", ()), *step.get("cleanup", ()), *([step["wrong"]] if "wrong" in step else [])]
    for part in [*parts(step, "commands"), *(part for part in around if "run" in part)]:
        ran = subprocess.run(["bash", "-n"], input=part["run"], text=True, capture_output=True, timeout=10, check=False)
        assert (ran.returncode, ran.stderr) == (0, ""), part["run"]


def test_only_what_the_lab_made_is_removed() -> None:
    """Applications by their exact name; containers by image and port or name; images never, only names."""
    for ref, step in STEPS.items():
        for entry in [*step.get("setup", ()), *step.get("cleanup", ())]:
            run = entry.get("run", "")
            if "az ad app delete" in run:
                assert "[?displayName=='acr-push-pull-sp'].appId" in run, ref
            if "docker rm " in run and ref.startswith("L6."):
                for line in (line for line in run.splitlines() if "docker rm " in line):
                    by_name = "docker rm --force myapi-" in line and "case $image in" in run
                    by_form = "[[ $name =~ ^/[a-z]+_[a-z]+[0-9]?$ ]]" in line and "mywebapi:latest)" in run
                    by_label = "api | db)" in line and "project.working_dir=$PWD" in run
                    assert by_name or by_form or by_label, ref
            elif "docker rm " in run:
                tag = "1.0.0" if ref == "L5.S4" else "latest"
                assert f'"$image" = @{{ACR_LOGIN_SERVER}}/mywebapi:{tag} ] && [ "$ports" = 8080' in run, ref
                assert entry.get("host", "local") == ("remote-host" if ref == "L5.S4" else "local")
            if "docker rmi" in run:
                is_last = entry.get("host") == "remote-host"  # the step's own pull was its first name there
                has_another = '[ "$names" -gt 1 ]' in run or "if (ours[name] in kept) print name" in run
                assert is_last or has_another or ref.startswith("L2."), ref
            assert "repository delete --name @{ACR_NAME} --repository" not in run, ref


def test_a_mistake_that_a_check_gives_away_is_in_the_checks_words() -> None:
    pieces = {piece for mistake in STEPS["L2.S2"]["mistakes"] for piece in mistake["when"]}
    wording = "at all, so it has no"
    assert wording in pieces
    assert wording in (COURSE.parents[1] / "checks" / "docker_images.py").read_text(encoding="utf-8")


# -- the stand-ins -------------------------------------------------------------------------------------------------

SCRIPTS = sorted((COURSE / "images").glob("*.sh"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_is_whole(script: Path) -> None:
    subprocess.run(["sh", "-n", str(script)], check=True, timeout=10)


def test_every_script_is_in_an_image_and_says_that_it_stands_in() -> None:
    images = read(COURSE / "course.yaml")["images"]
    used = {COURSE / name for image in images for name in image["files"].values()}
    assert used == set(SCRIPTS)
    for image in images:
        assert "Stands in for" in image["says"]
        assert re.search("is no (.NET application|database)", image["says"])


def answer(request: str) -> tuple[str, str, str]:
    """Status line, body and log of the web API's stand-in."""
    ran = subprocess.run(
        ["sh", str(COURSE / "images" / "respond.sh")],
        input=request.encode(),
        capture_output=True,
        env={"PATH": os.environ["PATH"]},
        check=True,
        timeout=10,
    )
    head, _, body = ran.stdout.decode().partition("\r\n\r\n")
    length = re.search(r"^Content-Length: (\d+)\r?$", head, re.MULTILINE)
    assert length is not None
    if not request.startswith("HEAD"):
        assert int(length[1]) == len(body)
    return head, body, ran.stderr.decode()


def test_the_stand_in_is_healthy() -> None:
    head, body, log = answer("GET /api/health?full=1 HTTP/1.1\r\nHost: localhost:8080\r\nAccept: */*\r\n\r\n")
    assert head.startswith("HTTP/1.1 200 OK\r\n")
    assert "Content-Type: application/json" in head
    assert body == '{"status":"Healthy"}'
    assert "Request finished HTTP/1.1 GET http://localhost:8080/api/health?full=1 - 200" in log


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("HEAD /api/health HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK"),
        ("GET / HTTP/1.0\r\n\r\n", "404 Not Found"),
        ("GET /api/healthy HTTP/1.1\r\nHost: x\r\n\r\n", "404 Not Found"),
        ("GET /api/health/database HTTP/1.1\r\nHost: x\r\n\r\n", "404 Not Found"),
        ("POST /api/health HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody", "405 Method Not Allowed"),
        ("nonsense\r\n\r\n", "400 Bad Request"),
    ],
)
def test_the_stand_in_refuses_the_rest(request_text: str, status: str) -> None:
    head, body, _ = answer(request_text)
    assert head.splitlines()[0] == f"HTTP/1.1 {status}"
    assert body == ""


def test_the_whole_text_is_taught() -> None:
    assert len(CONTRACTED) == len(TEXTS) == 123


TROUBLES = {ref: step for ref, step in STEPS.items() if ref.startswith("T")}


@pytest.mark.parametrize("ref", TROUBLES)
def test_an_error_is_met_before_it_is_mended(ref: str) -> None:
    first = TROUBLES[ref]["commands"][0]
    assert "ref" not in first
    assert first["expect"]["exit"] == "nonzero"
    assert first["expect"]["contains"]


def test_what_the_tier_changes_begins_below_premium() -> None:
    faults = [setup["fault"] for setup in TROUBLES["T4"]["setup"] if "fault" in setup]
    assert [fault["name"] for fault in faults] == ["lower-tier", "throttled", "latency"]
    assert faults[0]["sku"] == "Standard"
    assert faults[0]["sku"] in faults[1]["tiers"]
    assert "Premium" not in faults[1]["tiers"]
    assert {fault["registry"] for fault in faults} == {"@{ACR_NAME}"}
