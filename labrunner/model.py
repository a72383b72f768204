"""The words of a course as frozen values. No I/O, no behaviour beyond simple look-ups.

Field names are the YAML keys of a course and its labs (`from_` for the key `from`, a word of Python's); the loader in
`content` fills the values and the `at` fields (`file:line:column`, for messages). Text stays text: a tag `1.10` is a
string.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = [
    "Arrangement",
    "Azure",
    "AzureRegistry",
    "AzureWebhook",
    "Check",
    "Cleanup",
    "Command",
    "Course",
    "Diagnostic",
    "Erratum",
    "Expectation",
    "Fault",
    "File",
    "Hint",
    "Image",
    "Lab",
    "Mistake",
    "Notice",
    "Option",
    "Outcome",
    "Page",
    "Problem",
    "Question",
    "Requirement",
    "Seed",
    "SeededManifest",
    "Setup",
    "Severity",
    "Solution",
    "Step",
    "Variable",
    "WorkFolder",
    "WrongState",
]


class Outcome(StrEnum):
    """How a step, command or check ended. FAILED is about the learner's state, ERROR about us or the machine."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    NOT_RUN = "not_run"


class Severity(StrEnum):
    """An ERROR stops a course from loading; a WARNING is shown by lint."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A problem for the author. `file` is relative to the course; `line` and `column` count from 1."""

    file: str
    line: int
    column: int
    message: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.severity.value}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a command's exit status and output must be. Every field that is set must hold.

    exit: a number, or "nonzero" (the command must fail, and that is the lesson).
    exact: the whole output, trailing white space and blank lines at the ends aside.
    lines: a block of lines with typed placeholders; `...` alone on a line skips any number of lines.
    set: lines with placeholders that must each occur, in any order, other lines allowed.
    rows: table rows by column name; each must occur, in any order, other rows and columns allowed.
    same: column names whose values must be equal over all the rows matched by `rows`.
    json: a JSON subset: objects may hold more keys, array elements must each occur in order of the pattern.
    contains / lacks: pieces of text (with placeholders) that must, or must not, occur on some line.
    """

    exit: int | str = 0
    exact: str | None = None
    lines: str | None = None
    set: tuple[str, ...] = ()
    rows: tuple[Mapping[str, str], ...] = ()
    same: tuple[str, ...] = ()
    json: object = None
    contains: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()

    @property
    def reads_output(self) -> bool:
        """Whether anything but the exit status is asked."""
        return bool(
            self.exact is not None
            or self.lines is not None
            or self.set
            or self.rows
            or self.json is not None
            or self.contains
            or self.lacks
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Shell text that the learner (or labrunner) runs on a host.

    run: the text as shown and executed, one reference of the course text at most.
    written: the course's own text where `run` corrects it.
    says: one short line for the student, what the command is for.
    host: "local", or a host that the target provides.
    opens: the host whose shell it leads into (`ssh user@...`): it is done when that is there, and goes on below the
        commands of that host until one of them ends it, or one of another host is next.
    by: "learner", "labrunner" (a command the runner gives on the learner's behalf), or "unattended" (as that, but only
        where nobody is at the keyboard; else it is left out).
    timeout: seconds until the INT, TERM, KILL ladder starts.
    limit: seconds after which a command that streams for ever is ended and counts as done.
    secrets: names of shell variables that are read after the command and redacted from then on.
    carries: it sets what later commands need in the shell, and is run again quietly when a step starts in
        a shell that has not seen it.
    """

    run: str
    ref: str | None = None
    written: str | None = None
    says: str = ""
    host: str = "local"
    opens: str = ""
    by: str = "learner"
    timeout: float = 60.0
    limit: float | None = None
    expect: Expectation = field(default_factory=Expectation)
    secrets: tuple[str, ...] = ()
    carries: bool = False
    at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A question put to the target: `kind` names a function of the checks folder, `args` are its arguments.

    host: where it is asked: its engine, its files, its localhost.
    after: the `ref` of the command after which it is asked; None: after the step's last command.
    within: seconds to go on asking until it passes (0: ask once).
    lasts: whether it still holds when the course has gone on. What a later command may rightly undo (a login that
        the next one replaces) does not last: it is asked in the step alone, not by `labrunner check`.
    """

    kind: str
    args: Mapping[str, object] = field(default_factory=dict)
    host: str = "local"
    after: str | None = None
    within: float = 2.0
    lasts: bool = True
    at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeededManifest:
    """A manifest that a repository has, as if it had been pushed so many days ago.

    from_: REPOSITORY:TAG of the same registry, whose manifest it is. index_of: such names, whose manifests are the
    children of an index that it is. tags: what it is called, each taken from what was called so before.
    """

    from_: str = ""
    index_of: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    days: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """What a repository of the sandbox's local Azure has from the past, which no Azure lets anybody make: manifests,
    in the order of their pushes."""

    registry: str
    repository: str
    manifests: tuple[SeededManifest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """A registry of the sandbox's local Azure as a step wants to find it.

    registry: its name. sku: made with it where it is missing; "": it must be there. role_assignment_mode: "rbac" or
    "rbac-abac", as `az` calls them; "": as it is. roles: those that the signed-in user has at the registry itself, and
    no other.
    """

    registry: str
    sku: str = ""
    role_assignment_mode: str = ""
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What the sandbox's local Azure does badly for the length of one step (`emulator.faults` says what of each is).

    registry: the only one that it is about. delay: seconds. tiers: of the registries whose writes it spoils. sku: the
    tier that a registry has. roles: all that the user has at the subscription.
    """

    name: str
    registry: str = ""
    delay: float = 0.0
    tiers: tuple[str, ...] = ()
    sku: str = ""
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Brings about a state that a step starts from: by `run`, quietly in a shell of its own, or else by `seed`, by
    `arrange`, or by a `fault` that ends when the step is left.

    unless: a check that says the state is there already. asks_again: it must say so when this has been done; not where
    it only says that nothing has to be done.
    """

    run: str = ""
    seed: Seed | None = None
    arrange: Arrangement | None = None
    fault: Fault | None = None
    says: str = ""
    unless: Check | None = None
    asks_again: bool = True
    host: str = "local"
    timeout: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that the learner creates in the work folder: `text` literally, or the course's file `source`."""

    path: str
    ref: str | None = None
    text: str | None = None
    source: str | None = None
    mode: str = "0644"
    at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """One of several, revealed in order, from a nudge to nearly the answer."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A known slip. `when` recognises it: pieces of text that all occur in the output of a failed command,
    or in the message of a failed check."""

    when: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """What brings a step to its end; without `run`, the step's own commands do."""

    text: str = ""
    run: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleanup:
    """Undoes what the step made. Must be harmless when there is nothing to undo.

    removes: whether all that it does is to take away things that the step has made. The ledger knows those by their
    immutable ids, so that `finish` need not look for them by their names.
    restores: whether it brings back what the step has taken away. Nobody wants that at the end: `finish` leaves it out.
    """

    run: str
    host: str = "local"
    timeout: float = 60.0
    removes: bool = False
    restores: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongState:
    """For `prove`: a planted state under which a step that only reads must fail."""

    run: str
    says: str
    host: str = "local"
    timeout: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A warning, a cost, a retirement or a plain note, with its source."""

    kind: str
    text: str
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A quiz question; `answer` is the text of one of the choices."""

    id: str
    text: str
    choices: tuple[str, ...]
    answer: str
    explanation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One of a step's alternatives: a guided learner chooses one, an unattended run takes them all."""

    id: str
    title: str
    text: str = ""
    files: tuple[File, ...] = ()
    commands: tuple[Command, ...] = ()
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Erratum:
    """Where the course's text is wrong today: what it says, why that is wrong, the correction, the source.

    ref: the steps and commands of the text that it is about; none: it is about what stands between them.
    """

    id: str
    where: str
    says: str
    wrong: str
    correction: str
    source: str
    ref: tuple[str, ...] = ()

    def concerns(self, ref: str) -> bool:
        """Whether it is about this step or command of the text, or about a part of it."""
        return any(own == ref or own.startswith(f"{ref}.") for own in self.ref)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error that a program may end with in any lab: how to recognise it, why it comes, how to get rid of it.

    when: pieces of text that all occur in the output of a failed command. title: what a learner knows it by; without
    one, those pieces. cause, fix: one paragraph each, with `code`. source: where that can be looked up. see: the lab or
    step that is about it, as `lab-1/log-in`.
    """

    id: str
    when: tuple[str, ...]
    cause: str
    fix: str
    source: str
    title: str = ""
    see: str = ""
    at: str = ""

    def fits(self, output: str) -> bool:
        """Whether the output has every piece. Linear in its length."""
        return all(piece in output for piece in self.when)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Reading matter of a course. shown: "start" or "end" of the whole course. errata: what its text corrects."""

    id: str
    title: str
    text: str
    shown: str = "start"
    errata: tuple[str, ...] = ()
    at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One exercise. `errata` are ids of the course's errata; `reads_only` steps name a `wrong` state for prove.

    loses: kinds of things of the ledger that it destroys and that no cleanup can bring back.
    """

    id: str
    title: str
    text: str
    ref: tuple[str, ...] = ()
    reads_only: bool = False
    setup: tuple[Setup, ...] = ()
    files: tuple[File, ...] = ()
    commands: tuple[Command, ...] = ()
    options: tuple[Option, ...] = ()
    checks: tuple[Check, ...] = ()
    hints: tuple[Hint, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    solution: Solution | None = None
    cleanup: tuple[Cleanup, ...] = ()
    wrong: WrongState | None = None
    loses: tuple[str, ...] = ()
    errata: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    questions: tuple[Question, ...] = ()
    at: str = ""

    def all_commands(self) -> Iterator[Command]:
        """The step's commands, then those of every option."""
        yield from self.commands
        for option in self.options:
            yield from option.commands

    def all_checks(self) -> Iterator[Check]:
        """The step's checks, then those of every option."""
        yield from self.checks
        for option in self.options:
            yield from option.checks


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """What a lab cannot do without: where the check fails, its steps are SKIPPED, and `says` tells why and what to do
    instead."""

    check: Check
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """A sequence of steps. `name` is how it is called on the command line beside its id (`lab-2`).

    optional: it is not among the labs that are meant when none is named.
    unset: shell variables that its commands set and that no other lab's commands may see.
    """

    id: str
    name: str
    title: str
    text: str = ""
    minutes: int = 0
    optional: bool = False
    needs: tuple[str, ...] = ()
    requires: tuple[Requirement, ...] = ()
    unset: tuple[str, ...] = ()
    setup: tuple[Setup, ...] = ()
    steps: tuple[Step, ...] = ()
    notices: tuple[Notice, ...] = ()
    questions: tuple[Question, ...] = ()
    cleanup: tuple[Cleanup, ...] = ()
    at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A course variable, written `@{NAME}`. Asked for (`default` by target), derived (`value`), or a secret made for
    each run (`generate`: so many characters; 0: not made).

    pattern: a Python regular expression that the whole value must match; `says` explains it.
    """

    name: str
    prompt: str = ""
    pattern: str = ""
    says: str = ""
    default: Mapping[str, str] = field(default_factory=dict)
    value: str = ""
    generate: int = 0
    secret: bool = False
    at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A stand-in image that the sandbox builds without any pull: `files` of the course on a busybox base.

    files: path in the image -> file of the course. entrypoint, env, ports, volumes, workdir: as in an OCI config.
    """

    names: tuple[str, ...]
    says: str
    files: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    workdir: str = "/"
    at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkFolder:
    """What a fresh work folder holds: `git` makes it a repository with one commit; `files` of the course."""

    git: bool = False
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureWebhook:
    """A webhook that a fresh registry has. actions: such as "push" and "delete"; service_uri: where it posts to."""

    name: str
    actions: tuple[str, ...] = ("push",)
    service_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureRegistry:
    """A container registry that a fresh sandbox's local Azure has, empty. sku: Basic, Standard or Premium."""

    name: str
    sku: str = "Standard"
    webhooks: tuple[AzureWebhook, ...] = ()
    at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Azure:
    """What a learner finds in the sandbox's local Azure."""

    resource_group: str
    location: str = "eastus"
    registries: tuple[AzureRegistry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A loaded course. `path` is its folder, `digest` the hash of everything in it (sha256, hex)."""

    id: str
    title: str
    text: str = ""
    variables: tuple[Variable, ...] = ()
    images: tuple[Image, ...] = ()
    work: WorkFolder = field(default_factory=WorkFolder)
    azure: Azure | None = None
    labs: tuple[Lab, ...] = ()
    errata: tuple[Erratum, ...] = ()
    problems: tuple[Problem, ...] = ()
    notices: tuple[Notice, ...] = ()
    pages: tuple[Page, ...] = ()
    path: str = ""
    digest: str = ""

    def erratum(self, name: str) -> Erratum:
        """The erratum of that id. Raises KeyError."""
        for entry in self.errata:
            if entry.id == name:
                return entry
        raise KeyError(name)
