"""The words of a course as frozen values. No I/O, no behaviour beyond simple look-ups.

Field names are the YAML keys of a course and its labs (`from_` for the key `from`, a word of Python's); the loader in
`content` fills the values and the `at` fields (`file:line:column`, for messages). Text stays text: a tag `1.10` is a
string.

This is the only door: nobody else imports the modules behind it.
"""

from labrunner.model.check import Check
from labrunner.model.command import Command, Expectation
from labrunner.model.course import Course, Variable
from labrunner.model.diagnostic import Diagnostic, Severity
from labrunner.model.lab import Lab, Requirement
from labrunner.model.outcome import Outcome
from labrunner.model.reading import Erratum, Notice, Page, Problem, Question
from labrunner.model.setup import Arrangement, Fault, Seed, SeededManifest, Setup
from labrunner.model.step import Cleanup, File, Hint, Mistake, Option, Solution, Step, WrongState
from labrunner.model.world import Azure, AzureRegistry, AzureWebhook, Image, WorkFolder

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
