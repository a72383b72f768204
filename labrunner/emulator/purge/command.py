"""`acr purge` from its words to its exit status."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from labrunner.emulator.purge.durations import ago_seconds
from labrunner.emulator.purge.filters import Expression, filters_by_repository
from labrunner.emulator.purge.flags import Purge, read_flags, usage
from labrunner.emulator.purge.problem import PurgeProblem
from labrunner.emulator.purge.selection import is_locked, manifests_to_delete, tags_to_delete
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.state.artifacts import Manifest, Tag

__all__ = ["Contents", "purge"]

Say = Callable[[str], None]
_NOT_FOUND, _NOT_ALLOWED = 404, 405


class Contents(Protocol):
    """What a registry holds, and what may be done to it. Deletions raise Refusal as the registry answers."""

    @property
    def login_server(self) -> str:
        """The registry's host name."""

    def repositories(self) -> list[str]:
        """All that are listed, by name."""

    def tags(self, repository: str) -> list[Tag]:
        """All that are listed, the latest update first."""

    def manifests(self, repository: str) -> list[Manifest]:
        """All that are listed, by digest."""

    def read(self, repository: str, digest: str) -> bytes | None:
        """A manifest's bytes."""

    def untag(self, repository: str, tag: str) -> bool:
        """Remove a tag and nothing else; whether it was there."""

    def delete(self, repository: str, digest: str) -> bool:
        """Remove a manifest; whether it was there."""

    def unlock_tag(self, repository: str, tag: str) -> None:
        """Let a tag be written and deleted."""

    def unlock_manifest(self, repository: str, digest: str) -> None:
        """Let a manifest be written and deleted."""


def purge(words: Sequence[str], contents: Contents, *, now: float, say: Say) -> int:
    """Do what `acr purge WORDS` does, and return its exit status. now: seconds since 1970. say: takes a line."""
    try:
        asked = read_flags(words)
        if asked.help:
            for line in usage().split("\n"):
                say(line)
            return 0
        _purge(asked, contents, now, say)
    except PurgeProblem as problem:
        say(f"Error: {problem}")
        return 1
    return 0


def _purge(asked: Purge, contents: Contents, now: float, say: Say) -> None:
    before = now - (ago_seconds(asked.ago, say) if asked.ago else 0.0)
    _check_registry(asked.registry, contents.login_server)
    if asked.filters:
        filters = filters_by_repository(asked.filters, contents.repositories())
    else:
        filters = dict.fromkeys(contents.repositories(), "")
    if asked.dry_run:
        say(
            "DRY RUN: The following output shows what WOULD be deleted if the purge command was executed. "
            "Nothing is deleted."
        )
    if asked.concurrency_remark:
        say(asked.concurrency_remark)
    work = _Work(asked, contents, before, say)
    problem: PurgeProblem | None = None
    try:
        for repository in sorted(filters):
            work.repository(repository, filters[repository])
    except PurgeProblem as error:
        problem = error
        say(f"Failed to complete purge: {error} ")
    say("")
    if asked.dry_run:
        say(f"Number of tags to be deleted: {work.tags}")
        say(f"Number of manifests to be deleted: {work.manifests}")
    else:
        say(f"Number of deleted tags: {work.tags}")
        say(f"Number of deleted manifests: {work.manifests}")
    if problem is not None:
        raise problem


def _check_registry(named: str, login_server: str) -> None:
    host = named if "." in named else f"{named}.azurecr.io"
    if named and host.lower() != login_server:
        # Azure's agent is signed in to the task's own registry only. The words after the colon are ours.
        raise PurgeProblem(f"error resolving authentication: this run is signed in to {login_server}, not to {host}")


class _Work:
    """One purge under way. tags, manifests: how many went, or in a dry run would go."""

    def __init__(self, asked: Purge, contents: Contents, before: float, say: Say) -> None:
        self._asked = asked
        self._contents = contents
        self._before = before
        self._say = say
        self.tags = 0
        self.manifests = 0

    def repository(self, name: str, expression: str) -> None:
        """Purge one repository. Its counts come in when all of it is done, as acr's do."""
        gone: Counter[str] = Counter()
        tags = manifests = 0
        if not self._asked.untagged_only:
            try:
                tags = self._purge_tags(name, expression, gone)
            except PurgeProblem as problem:
                raise PurgeProblem(f"failed to purge tags: {problem}") from problem
        if self._asked.untagged or self._asked.untagged_only:
            try:
                manifests = self._purge_manifests(name, gone)
            except PurgeProblem as problem:
                raise PurgeProblem(f"failed to purge manifests: {problem}") from problem
        self.tags += tags
        self.manifests += manifests

    def _purge_tags(self, repository: str, expression: str, gone: Counter[str]) -> int:
        self._say(f"{self._verb} tags for repository: {repository}")
        try:
            matcher = Expression(expression)
        except PurgeProblem as problem:
            raise PurgeProblem(f"failed to build Regex with error: {problem}") from problem
        tags = self._contents.tags(repository)
        doomed = tags_to_delete(
            tags,
            frozenset(matcher.among(tag.name for tag in tags)),
            before=self._before,
            keep=self._asked.keep,
            include_locked=self._asked.include_locked,
        )
        count = 0
        for tag in doomed:
            gone[tag.digest] += 1
            shown = f"{self._contents.login_server}/{repository}:{tag.name}"
            if self._asked.dry_run:
                self._say(f"Would delete: {shown}")
                count += 1
                continue
            if is_locked(tag.attributes):
                self._contents.unlock_tag(repository, tag.name)
                self._say(f"Unlocked {shown}")
            count += self._deleted(shown, partial(self._contents.untag, repository, tag.name))
        return count

    def _purge_manifests(self, repository: str, gone: Counter[str]) -> int:
        self._say(f"{self._verb} manifests for repository: {repository}")
        doomed = manifests_to_delete(
            self._contents.manifests(repository),
            partial(self._contents.read, repository),
            before=self._before,
            keep=self._asked.keep,
            include_locked=self._asked.include_locked,
            tags_gone=gone if self._asked.dry_run else None,
        )
        count = 0
        for manifest in doomed:
            shown = f"{self._contents.login_server}/{repository}@{manifest.digest}"
            if self._asked.dry_run:
                self._say(f"Would delete: {shown}")
                count += 1
                continue
            if is_locked(manifest.attributes):
                self._contents.unlock_manifest(repository, manifest.digest)
                self._say(f"Unlocked {shown}")
            count += self._deleted(shown, partial(self._contents.delete, repository, manifest.digest))
        return count

    @property
    def _verb(self) -> str:
        return "Would delete" if self._asked.dry_run else "Deleting"

    def _deleted(self, shown: str, delete: Callable[[], bool]) -> int:
        """1 if it is gone. What was gone already counts, what the registry does not let go does not."""
        try:
            there = delete()
        except Refusal as refusal:
            if refusal.status == _NOT_ALLOWED:
                self._say(f"Skipped {shown}, operation not allowed, HTTP status: {_NOT_ALLOWED}")
                return 0
            self._say(f"Failed to delete {shown}, error: {refusal.message}")
            raise PurgeProblem(refusal.message) from refusal
        self._say(f"Deleted {shown}" if there else f"Skipped {shown}, HTTP status: {_NOT_FOUND}")
        return 1
