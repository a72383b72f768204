"""One step on its way: its commands, checks and cleanup, each as an operation that a mode may use.

What happens is emitted as events and returned as values; who decides is not known here (see `engine.walk`,
`engine.survey` and `authoring.prove`, the three ways to conduct a step).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from labrunner.checking.api import CheckResult, TargetError
from labrunner.engine.carry import Carried, needed
from labrunner.engine.command import CommandResult, Place, execute
from labrunner.engine.outcomes import Blame, StepResult
from labrunner.engine.session import Session
from labrunner.engine.states import State, advance
from labrunner.model import Check, Cleanup, Command, File, Lab, Option, Outcome, Step, WrongState
from labrunner.record.events import (
    CarriedOver,
    CheckEnded,
    CheckWaiting,
    CommandEnded,
    CommandStarted,
    HintShown,
    OptionsTaken,
    StepEnded,
    StepResumed,
    StepStarted,
)
from labrunner.record.left import LeftStep
from labrunner.shell.protocol import End, ShellError

__all__ = ["Action", "StepRun", "machine_error", "said_on"]

SETTLE_SECONDS = 180.0
"""How long checks wait for what the target says becomes true by itself."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do in a step: a file to write or a command to run, with its place in the step."""

    number: int
    item: Command | File

    @property
    def command(self) -> Command:
        """The item as a command, for those who only show it."""
        return self.item if isinstance(self.item, Command) else Command(run=self.item.text or "", ref=self.item.ref)


class StepRun:
    """The step `step` of `lab` in `session`; texts are filled in already."""

    def __init__(
        self,
        session: Session,
        lab: Lab,
        step: Step,
        *,
        number: int,
        lab_number: int = 1,
        carried: tuple[Carried, ...] = (),
        foreign: tuple[str, ...] = (),
        left: LeftStep | None = None,
    ) -> None:
        """`number`: the step's place in its lab, from 1; `lab_number`: the lab's in the course; `carried`: the
        course's commands that carry; `foreign`: the variables that other labs `unset`; `left`: what an earlier run has
        left of the step."""
        self.session = session
        self.lab = lab
        self.step = step
        self.number = number
        self.lab_number = lab_number
        self.carried = carried
        self.foreign = foreign
        self.left = left
        self.state = State.READY
        self.attempts = 0
        self.hints_shown = 0
        self.failed_at = 0
        """The action to start from on a retry."""
        self.actions: tuple[Action, ...] = ()
        self.checks: tuple[Check, ...] = ()
        self.answers: dict[int, CheckResult] = {}
        """The latest answer to each of `checks`, by its number."""
        self._started = session.clock()
        self.take(())

    def choose(self) -> None:
        """Let the policy choose among the step's options."""
        if self.step.options:
            self.settle_on(self.session.policy.choose(self.step, self.step.options))

    def settle_on(self, options: Sequence[Option]) -> None:
        """Take these options, and tell it."""
        taken = tuple(option.id for option in options)
        self.session.emit(OptionsTaken(lab=self.lab.id, step=self.step.id, options=taken))
        self.take(options)

    def take(self, options: Sequence[Option]) -> None:
        """Have the files, commands and checks of these options beside the step's own."""
        files = (*self.step.files, *(file for option in options for file in option.files))
        commands = (*self.step.commands, *(command for option in options for command in option.commands))
        items: tuple[File | Command, ...] = (*files, *commands)
        self.actions = tuple(Action(number, item) for number, item in enumerate(items))
        self.checks = (*self.step.checks, *(check for option in options for check in option.checks))

    def leaves_out(self, action: Action) -> bool:
        """Whether it is for runs without anybody at the keyboard, and somebody is."""
        return action.command.by == "unattended" and self.session.policy.keyboard is not None

    def begin(self) -> None:
        """Count an attempt from the start."""
        self.session.target.watch()
        self.attempts += 1
        self.session.emit(
            StepStarted(
                lab=self.lab.id,
                step=self.step.id,
                title=self.step.title,
                attempt=self.attempts,
                number=self.number,
                count=len(self.lab.steps),
            )
        )

    def resume(self) -> int | None:
        """Go on where an earlier run left the step: the number of the action to go on with.

        None when the step has changed since, and has to be begun again.
        """
        left = self.left
        assert left is not None
        self.session.target.watch()
        self.attempts, self.hints_shown = left.attempts, min(left.hints, len(self.step.hints))
        if left.options is not None:
            self.take([option for option in self.step.options if option.id in left.options])
        start = left.stopped if left.stopped is not None else max(left.done, default=-1) + 1
        shown = [self._shown(action) for action in self.actions]
        if start > len(shown) or any(
            left.done.get(number) != shown[number]
            for number, action in enumerate(self.actions[:start])
            if number in left.done or not self.leaves_out(action)
        ):
            return None
        text = shown[start] if start < len(shown) else ""
        if left.uncertain and left.stopped_run != text:
            return None
        self.session.emit(
            StepResumed(
                lab=self.lab.id,
                step=self.step.id,
                title=self.step.title,
                number=self.number,
                count=len(self.lab.steps),
                start=start,
                interrupted=left.uncertain,
                run=text,
            )
        )
        return start

    def count_as_done(self, action: Action) -> None:
        """Tell of an action whose work is there, although nobody saw how it ended."""
        self.session.emit(
            CommandEnded(
                lab=self.lab.id,
                step=self.step.id,
                number=action.number,
                ref=action.item.ref,
                run=self._shown(action),
                exit_status=None,
                end="found-done",
                outcome=Outcome.PASSED,
                seconds=0.0,
                output="",
            )
        )

    def go(self, to: State) -> None:
        """Move to another state. Raises ValueError for a move that the table does not have."""
        self.state = advance(self.state, to)

    def again(self) -> None:
        """Count an attempt that starts where the last one failed."""
        self.session.target.watch()
        self.attempts += 1

    def do(self, action: Action) -> CommandResult:
        """Write the file, or run the command in the learner's shell. Raises TargetError, ShellError, Interrupted."""
        place = Place(self.lab.id, self.step.id, action.number)
        if isinstance(action.item, File):
            return self._write(action.item, place)
        self.carry_over(action.command.host, action.number, before=action.item.run)
        result = execute(self.session, action.item, place)
        if action.item.carries:
            self.session.seen.setdefault(action.item.host, set()).add(self._place(action))
        return result

    def _place(self, action: Action) -> tuple[int, int, int]:
        return self.lab_number, self.number, action.number

    def _write(self, file: File, place: Place) -> CommandResult:
        content = self._content(file)
        text = self._text(content)
        self.session.emit(
            CommandStarted(
                lab=place.lab,
                step=place.step,
                number=place.number,
                ref=file.ref,
                run=text,
                host="local",
                file=file.path,
            )
        )
        began = self.session.clock()
        self.session.target.write_file(file.path, content, int(file.mode, 8))
        self.session.emit(
            CommandEnded(
                lab=place.lab,
                step=place.step,
                number=place.number,
                ref=file.ref,
                run=text,
                exit_status=0,
                end=End.EXITED,
                outcome=Outcome.PASSED,
                seconds=round(self.session.clock() - began, 4),
                output="",
            )
        )
        return CommandResult(Outcome.PASSED, "")

    def _shown(self, action: Action) -> str:
        """The action's text as its events have it."""
        content = self._content(action.item) if isinstance(action.item, File) else action.item.run.encode()
        return self._text(content)

    def _text(self, content: bytes) -> str:
        return self.session.redactor.redact_values(content.decode("utf-8", "replace"))

    def _content(self, file: File) -> bytes:
        if file.source is None:
            return (file.text or "").encode()
        try:
            return Path(self.session.course_path, file.source).read_bytes()
        except OSError as error:
            raise TargetError(f"the course's file {file.source} cannot be read: {error.strerror}") from error

    def carry_over(self, host: str, number: int, *, before: str = "") -> None:
        """Give a shell that lacks them the settings of the course's commands before the action `number`, but for those
        that the command `before`, which is about to run, sets itself; take from it what belongs to other labs alone."""
        if self.foreign and self.session.inside.get(host) != self.lab.id:
            self.session.target.shell(host).run(f"unset -v {' '.join(self.foreign)}")
        self.session.inside[host] = self.lab.id
        seen = self.session.seen.setdefault(host, set())
        place = self.lab_number, self.number, number
        missing = [entry for entry in self.carried if entry.place < place and entry.missing(host, seen)]
        wanted = needed(missing, before)
        for entry in wanted:
            self.session.target.shell(host).run(entry.run)
        seen.update(entry.place for entry in missing)
        if wanted:
            runs = tuple(self._redact(entry.run) for entry in wanted)
            self.session.emit(CarriedOver(lab=self.lab.id, step=self.step.id, runs=runs))

    def ask(self, checks: Sequence[Check], *, once: bool = False, quiet: bool = False) -> list[CheckResult]:
        """Ask checks of this step; their answers are events unless `quiet`."""
        if not checks:
            return []

        results = self.session.target.checker().ask(checks, once=once, on_wait=None if quiet else self._answered)
        if not once:
            results = self._until_settled(results)
        results = [replace(result, message=said_on(result.check.host, result.message)) for result in results]
        for result in results:
            number = next(index for index, check in enumerate(self.checks) if check is result.check)
            self.answers[number] = result
            if not quiet:
                self._tell(number, result)
        return results

    def _answered(self, check: Check, message: str) -> None:
        """It has failed once more, and is asked again."""
        self._waiting(check, said_on(check.host, message))

    def _waiting(self, check: Check, message: str) -> None:
        self.session.policy.show(
            CheckWaiting(lab=self.lab.id, step=self.step.id, kind=check.kind, message=self._redact(message))
        )

    def _until_settled(self, results: list[CheckResult]) -> list[CheckResult]:
        """Ask what failed again, as long as the target says that something of it becomes true by itself, and once more
        after that: it may have settled between the last answer and now."""
        until = self.session.clock() + SETTLE_SECONDS
        target, last = self.session.target, False
        while not last and (failed := [at for at, one in enumerate(results) if one.outcome is Outcome.FAILED]):
            why = target.settling() if self.session.clock() < until else ""
            trouble = None if why else target.trouble()
            if not why and trouble is None:
                break
            last = not why
            checks = [results[number].check for number in failed]
            self._waiting(checks[0], why or str(trouble))
            again = target.checker().ask(checks, once=last, on_wait=self._answered)
            for number, result in zip(failed, again, strict=True):
                earlier = results[number]
                results[number] = replace(
                    result, seconds=earlier.seconds + result.seconds, asked=earlier.asked + result.asked
                )
        return results

    def _tell(self, number: int, result: CheckResult) -> None:
        self.session.emit(
            CheckEnded(
                lab=self.lab.id,
                step=self.step.id,
                number=number,
                kind=result.check.kind,
                after=result.check.after,
                outcome=result.outcome,
                message=self._redact(result.message),
                seconds=round(result.seconds, 4),
            )
        )

    def clean_up(self, entries: Sequence[Cleanup | WrongState]) -> str:
        """Run cleanup texts (or plant a wrong state). The message of the first that fails, or nothing."""
        self.session.target.mend()
        for entry in entries:
            ran = self.session.target.script(entry.run, host=entry.host, timeout=entry.timeout)
            if ran.status != 0:
                return self._redact((ran.stderr or ran.stdout).strip()) or f"exit status {ran.status}"
        return ""

    def hint(self) -> bool:
        """Reveal the next hint; False when all have been shown."""
        if self.hints_shown >= len(self.step.hints):
            return False
        text = self.session.redactor.redact_values(self.step.hints[self.hints_shown].text)
        self.hints_shown += 1
        self.session.emit(
            HintShown(
                lab=self.lab.id, step=self.step.id, number=self.hints_shown, count=len(self.step.hints), text=text
            )
        )
        return True

    def judge(self, results: Sequence[CheckResult]) -> StepResult:
        """What the answers mean for the step: the gravest one decides, and a machine that is not well comes first."""
        for result in results:
            if result.outcome is Outcome.ERROR:
                if result.bug:
                    return StepResult(Outcome.ERROR, result.message, Blame.BUG)
                found = self.blame("", late=True)  # the target knows better than the check why it does not answer
                return found if found.blame else StepResult(Outcome.ERROR, result.message, Blame.TARGET)
        for result in results:
            if result.outcome is not Outcome.PASSED:
                return self.blame(result.message)
        return StepResult(Outcome.PASSED)

    def blame(self, reason: str, *, late: bool = False) -> StepResult:
        """Why something failed: the machine if it is not well, or was not since the attempt began; otherwise the
        learner's state. late: it took too long."""
        try:
            self.session.target.health()
            trouble = self.session.target.trouble(late=late)
        except (TargetError, ShellError) as error:
            return machine_error(error)
        return machine_error(trouble) if trouble else StepResult(Outcome.FAILED, reason)

    def end(self, result: StepResult) -> StepResult:
        """Tell how the step ended."""
        self.session.emit(
            StepEnded(
                lab=self.lab.id,
                step=self.step.id,
                outcome=result.outcome,
                seconds=round(self.session.clock() - self._started, 4),
                attempts=self.attempts,
                hints=self.hints_shown,
                reason=self._redact(result.reason) or None,
            )
        )
        return result

    def _redact(self, text: str) -> str:
        return self.session.redactor.redact(text)


def said_on(host: str, message: str) -> str:
    """What a check says, with the host that it is said of unless that is the learner's own."""
    return message if host == "local" else f"On {host}: {message}"


def machine_error(error: Exception) -> StepResult:
    """A target's or shell's error as a result: what, and what to do next."""
    remedy = getattr(error, "remedy", "")
    reason = f"{str(error).rstrip('.')}. What to do: {remedy.rstrip('.')}." if remedy else str(error)
    return StepResult(Outcome.ERROR, reason, Blame.TARGET)
