"""Reads the files of a course and puts them together. Every problem of every file is reported, in one go."""

from collections.abc import Iterator
from typing import TypeVar

from labrunner.content import insides
from labrunner.content.catalog import Catalog, read_catalog
from labrunner.content.files import CourseFilesError, read_bytes
from labrunner.content.find import COURSE_FILE, checks_folder
from labrunner.content.nearest import shown
from labrunner.content.nodes import LIMIT_BYTES, read_nodes
from labrunner.content.rules import Known, text_rules
from labrunner.content.rules_course import course_rules, errata_rules
from labrunner.content.rules_lab import lab_rules, labs_rules
from labrunner.content.rules_problems import problems_rules, see_rules
from labrunner.content.schema import Reader
from labrunner.content.shapes import CourseFile, Path
from labrunner.content.sources import Source
from labrunner.model import Course, Diagnostic, Erratum, Lab, Problem

__all__ = ["read_course"]

T = TypeVar("T")


def read_course(folder: str) -> tuple[Course | None, list[Diagnostic]]:
    """The course in `folder` (a real path), without path and digest, and what is wrong with it."""
    return _Reading(folder).course()


class _Reading:
    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.catalog: Catalog = read_catalog([checks_folder(), f"{folder}/checks"])
        self.problems: list[Diagnostic] = list(self.catalog.diagnostics)

    def course(self) -> tuple[Course | None, list[Diagnostic]]:
        """The whole course."""
        head, source = self.file(COURSE_FILE, CourseFile)
        if head is None:
            return None, self.in_order([COURSE_FILE])
        errata_files = list(self.named(head.errata, "errata", source))
        problem_files = list(self.named(head.problems, "problems", source))
        lab_files = list(self.named(head.labs, "labs", source))
        errata, complete = self.errata(errata_files)
        complete = complete and len(errata_files) == len(head.errata)
        known = Known(
            folder=self.folder,
            variables=frozenset(variable.name for variable in head.variables),
            errata=frozenset(item.id for item in errata) if complete else None,
        )
        self.problems += course_rules(head, source, known=known)
        self.problems += text_rules(source, known=known)
        known_problems = list(self.known_problems(problem_files, known))
        labs = list(self.labs(lab_files, known))
        self.problems += labs_rules(labs)
        if len(labs) == len(head.labs):  # else what is meant may be in the lab that could not be read
            self.problems += see_rules(known_problems, [lab for lab, _ in labs])
        if self.problems:
            return None, self.in_order([COURSE_FILE, *errata_files, *problem_files, *lab_files])
        course = Course(
            id=head.id,
            title=head.title,
            text=head.text,
            variables=head.variables,
            images=head.images,
            work=head.work,
            azure=head.azure,
            labs=tuple(lab for lab, _ in labs),
            errata=tuple(errata),
            problems=tuple(item for items, _ in known_problems for item in items),
            notices=head.notices,
            pages=head.pages,
        )
        return course, []

    def file(self, name: str, kind: type[T]) -> tuple[T | None, Source]:
        """One file as a value of that type, as far as it goes."""
        try:
            data = read_bytes(self.folder, name, limit=LIMIT_BYTES)
        except CourseFilesError as error:
            self.problems.append(Diagnostic(name, 1, 1, str(error)))
            return None, Source(name)
        root, problems = read_nodes(data, file=name)
        self.problems += problems
        if root is None:
            return None, Source(name)
        reader = Reader(name, catalog=self.catalog)
        value = reader.read(root, kind)
        self.problems += reader.problems
        return value, Source(name, data.decode("utf-8"), reader.places, frozenset(reader.damaged))

    def named(self, names: tuple[str, ...], key: str, source: Source) -> Iterator[str]:
        """The files that `course.yaml` names under a key and that can be read."""
        seen: set[str] = set()
        for index, name in enumerate(names):
            path: Path = (key, index)
            reason = insides.unusable(self.folder, name)
            if reason is not None:
                self.problems.append(source.problem(path, f"the file {shown(name)} {reason}"))
            elif name in seen or name == COURSE_FILE:
                self.problems.append(source.problem(path, f"the file {shown(name)} is named twice"))
            else:
                yield name
            seen.add(name)

    def errata(self, names: list[str]) -> tuple[list[Erratum], bool]:
        """The entries of all files of errata, and whether these are all."""
        found: list[Erratum] = []
        complete = True
        for name in names:
            entries, source = self.file(name, tuple[Erratum, ...])
            complete = complete and entries is not None
            self.problems += errata_rules(entries or (), source, earlier=[item.id for item in found])
            found += entries or ()
        return found, complete

    def known_problems(self, names: list[str], known: Known) -> Iterator[tuple[tuple[Problem, ...], Source]]:
        """The entries of each file of problems, with the rules of all."""
        earlier: list[Problem] = []
        for name in names:
            entries, source = self.file(name, tuple[Problem, ...])
            self.problems += text_rules(source, known=known)
            self.problems += problems_rules(entries or (), source, earlier=earlier)
            earlier += entries or ()
            yield entries or (), source

    def labs(self, names: list[str], known: Known) -> Iterator[tuple[Lab, Source]]:
        """The labs that can be made out, with the rules of each."""
        for name in names:
            lab, source = self.file(name, Lab)
            self.problems += text_rules(source, known=known)
            if lab is not None:
                self.problems += lab_rules(lab, source, known=known)
                yield lab, source

    def in_order(self, files: list[str]) -> list[Diagnostic]:
        """Each problem once: file by file as the course names them, then by place."""
        order = {name: number for number, name in enumerate(files)}
        unique = dict.fromkeys(self.problems)
        return sorted(unique, key=lambda item: (order.get(item.file, len(order)), item.file, item.line, item.column))
