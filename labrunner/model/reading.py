"""What is read beside the exercises: notices, questions, corrections of the course's text, known problems, pages."""

from dataclasses import dataclass

__all__ = ["Erratum", "Notice", "Page", "Problem", "Question"]


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
