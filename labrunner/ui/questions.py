"""What a learner is asked before a run (values, trust), and the quiz questions of a course."""

import re
from collections.abc import Mapping, Sequence
from typing import TextIO

from labrunner.model import Lab, Option, Question, Variable
from labrunner.ui.keys import ENTER, HELP, Key, explain, prompt_of
from labrunner.ui.own import MARK, put_off
from labrunner.ui.pages import Pages
from labrunner.ui.screen import Screen
from labrunner.ui.terminal import Keyboard
from labrunner.ui.texts import named

__all__ = ["Questions", "choose_option", "offer_options", "quiz"]

QUITS = "stops here; a later run goes on from this place."


class Questions:
    """Asks at a terminal, before there is anything to guide through."""

    def __init__(self, source: TextIO, stream: TextIO, *, env: Mapping[str, str], accessible: bool = False) -> None:
        self._screen = Screen(stream, env=env, accessible=accessible)
        self._keys = Keyboard(source, self._screen.sink, plain=self._screen.plain)

    def ask_variable(self, variable: Variable, default: str = "") -> str:
        """The value of a course variable; asked again until its pattern holds. A secret is not shown as typed.

        Raises KeyboardInterrupt when the learner quits instead (Ctrl-D, Ctrl-C).
        """
        question = variable.prompt or f"Value for {variable.name}"
        self._screen.gap()
        if variable.says:
            self._screen.line(variable.says, style="dim")
        keep = "the value it has" if variable.secret else default
        offer = f" (Enter for {keep})" if default else ""
        while True:
            answer = self._keys.line(f"{question}{offer}, Ctrl-D quits: ", secret=variable.secret)
            if answer is None:
                raise KeyboardInterrupt
            value = answer.strip() or default
            if not value:
                self._screen.line("A value is needed here.")
            elif variable.pattern and not re.fullmatch(variable.pattern, value):
                self._screen.line(f"That does not fit. {variable.says or 'It must match ' + variable.pattern}")
            else:
                return value

    def confirm_trust(self, title: str, path: str, digest: str) -> bool:
        """Whether the learner lets this course run its commands here. Only `y` says so."""
        self._screen.bar(
            "This course did not come with labrunner",
            [("Course:", title), ("Folder:", path), ("Content:", f"sha256 {digest[:16]}")],
            style="yellow",
        )
        self._screen.line(
            "Its commands and checks are programs that will run on this machine. Go on only if you trust who wrote "
            "it. You are asked again when anything in it has changed."
        )
        answer = self._keys.line("Run this course? y yes   [Enter] no: ")
        return answer is not None and answer.strip().lower() in {"y", "yes"}

    def ask_done(self, names: Sequence[str], following: Lab | None) -> str:
        """What to do about labs that are done: `again`, `next` (where a lab follows) or `quit`."""
        what = f"{names[0]} is" if len(names) == 1 else f"{names[0]} to {names[-1]} are"
        self._screen.gap()
        self._screen.line(f"{what} done already: every step has passed.")
        listed = [Key(ENTER, "go over it again", "begins anew, in the sandbox as it is now.")]
        if following is not None:
            listed.append(Key("n", f"next lab ({following.name})", f"goes on with {named(following)}."))
        listed.append(Key("q", "quit", "leaves everything as it is."))
        answers = {"": "again", "n": "next", "next": "next", "q": "quit", "quit": "quit"}
        while True:
            self._screen.gap()
            answer = self._keys.line(prompt_of(listed, self._screen.columns))
            if answer is None:
                return "quit"
            chosen = answers.get(answer.strip().lower(), "")
            if chosen and (chosen != "next" or following is not None):
                return chosen
            explain(self._screen, listed)


def quiz(screen: Screen, keys: Keyboard, pages: Pages, questions: Sequence[Question]) -> bool:
    """Ask each question once and explain its answer, on the page of what comes next; False when the learner wants to
    quit."""
    for question in questions:
        screen.gap()
        screen.labelled("Question:", question.text, style="bold")
        for number, choice in enumerate(question.choices, 1):
            screen.labelled(f"{number}", choice, indent=4)
        answer = _choice(screen, keys, question)
        pages.turn()
        if answer is None:
            return False
        if not answer:
            continue
        right = question.choices[answer - 1] == question.answer
        verdict = "Right." if right else f"Not quite. The answer is: {question.answer}."
        with pages.reading():
            screen.line(f"{verdict} {question.explanation}".strip(), indent=2)
    return True


def offer_options(screen: Screen, options: Sequence[Option]) -> None:
    """Draw the alternatives, numbered."""
    screen.gap()
    screen.line("There is more than one way to do this. Choose one; you can come back for the other.")
    for number, option in enumerate(options, 1):
        title = option.title if option.title.endswith((".", "?", "!")) else f"{option.title}."
        screen.labelled(f"{number}", f"{title} {option.text}" if option.text else option.title)


def choose_option(screen: Screen, keys: Keyboard, options: Sequence[Option]) -> Option | None:
    """The one alternative that the learner picks; None when the learner wants to quit."""
    last = len(options)
    listed = [
        Key(f"1-{last}", "choose", "takes that way; a, b, ... do too."),
        Key(ENTER, "1", "takes the first."),
        Key("q", "quit", QUITS),
    ]
    while True:
        answer = _answer(screen, keys, listed)
        if answer is None:
            return None
        chosen = answer.lower() or "1"
        names = {str(number): option for number, option in enumerate(options, 1)}
        names |= {chr(ord("a") + at): option for at, option in enumerate(options[:16])}  # courses call them A, B, ...
        if chosen in names:
            return names[chosen]
        own = answer.startswith(MARK)
        screen.line(put_off(keys, answer) if own else f"Type a number from 1 to {last}, Enter or q.")


def _choice(screen: Screen, keys: Keyboard, question: Question) -> int | None:
    """The number chosen, 0 for none, None for quit."""
    last = len(question.choices)
    listed = [
        Key(f"1-{last}", "answer", "says whether that is right, and why."),
        Key(ENTER, "skip the question", "goes on without an answer; nothing is lost by it."),
        Key("q", "quit", QUITS),
    ]
    while True:
        answer = _answer(screen, keys, listed)
        if answer is None:
            return None
        if not answer:
            return 0
        if answer.isascii() and answer.isdecimal() and 1 <= int(answer) <= last:
            return int(answer)
        own = answer.startswith(MARK)
        screen.line(
            put_off(keys, answer) if own else f"Type a number from 1 to {last}, Enter to go on without an answer, or q."
        )


def _answer(screen: Screen, keys: Keyboard, listed: Sequence[Key]) -> str | None:
    """What is typed, without the space around it; the keys are explained as often as that is asked. None for quit."""
    while True:
        screen.gap()
        answer = keys.line(prompt_of(listed, screen.columns))
        if answer is None or answer.strip().lower() in {"q", "quit"}:
            return None
        if answer.strip() != HELP:
            return answer.strip()
        explain(screen, listed)
