"""Runs one command in the learner's shell and judges what came of it."""

from codecs import getincrementaldecoder
from dataclasses import dataclass, replace

from labrunner.checking.api import TargetError
from labrunner.engine.outcomes import Interrupted
from labrunner.engine.session import Session
from labrunner.engine.signing_in import SignIn
from labrunner.matching import match
from labrunner.model import Command, Expectation, Outcome
from labrunner.record.events import CommandEnded, CommandStarted, OutputArrived, ShellRestarted
from labrunner.shell.protocol import Completed, End
from labrunner.shell.screen import rendered

__all__ = ["CommandResult", "Place", "cut", "execute", "run_in_shell"]

KEPT_HEAD = 48_000
KEPT_TAIL = 16_000
"""Characters of an output that the transcript keeps; matching sees all that the shell captured."""

_LATE = ("timed out", "timeout", "deadline exceeded")
"""How curl, docker and Python's libraries say that they waited too long."""

REASON_WIDTH = 120
"""Characters of an expected or actual text that the one line of a reason shows."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the course a command stands: `number` counts the step's commands from 0."""

    lab: str
    step: str
    number: int


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What came of a command: `output` as the learner saw it, redacted; `reason`: one line when not PASSED; `late`: it,
    or a program in it, waited too long for an answer."""

    outcome: Outcome
    output: str
    reason: str = ""
    late: bool = False


def execute(session: Session, command: Command, place: Place) -> CommandResult:
    """Run the command, judge it by its expectation, emit its events.

    Raises TargetError or ShellError when the machine is at fault, Interrupted when there is nobody to ask.
    """
    shown = session.redactor.redact_values(command.run)
    session.emit(_started(command, place, run=shown))
    completed, output = run_in_shell(session, command, place)
    if command.secrets:
        shown = session.redactor.redact_values(command.run)
    verdict = _judge(session, command, completed, output)
    session.emit(_ended(command, place, completed, verdict, run=shown, output=output))
    if completed.end is End.INTERRUPTED and session.policy.keyboard is None:
        raise Interrupted
    late = completed.end is End.TIMEOUT or any(words in output.lower() for words in _LATE)
    return CommandResult(verdict.outcome, output, verdict.reason, late)


def run_in_shell(
    session: Session, command: Command, place: Place, *, size: tuple[int, int] | None = None
) -> tuple[Completed, str]:
    """Run the command with the learner's keyboard, shown as it goes; what came of it, and its output, redacted.

    The shell is kept as it is after it. Raises TargetError or ShellError.
    """
    live = _Live(session) if session.policy.live else None
    sign_in = SignIn(session)

    def on_output(data: bytes) -> None:
        if live:
            live.feed(data)
        sign_in.feed(data)

    run = session.target.shell(command.host).run
    if command.opens:
        run = session.target.entrance(command.opens, attended=session.policy.keyboard is not None)
    completed = run(
        command.run,
        timeout=command.timeout,
        limit=command.limit,
        on_output=on_output,
        keyboard=session.policy.keyboard,
        keys=sign_in.keys,
        size=size,
    )
    if completed.unread:
        session.policy.take_back(completed.unread)
    if live:
        live.finish()
    for name in command.secrets:
        session.redactor.add(session.target.shell(command.host).variable(name) or "")
    if completed.restarted:
        session.seen.pop(command.host, None)
    if completed.restarted and not completed.left:
        session.emit(ShellRestarted(lab=place.lab, step=place.step, host=command.host))
    _keep_shell(session, command.host)
    output = session.redactor.redact(rendered(completed.output, dropped=completed.dropped))
    if completed.dropped:
        completed = replace(completed, output=b"")  # megabytes, not to be kept beside their own text
    return completed, output


def _started(command: Command, place: Place, *, run: str) -> CommandStarted:
    return CommandStarted(
        lab=place.lab, step=place.step, number=place.number, ref=command.ref, run=run, host=command.host
    )


def _keep_shell(session: Session, host: str) -> None:
    """Before the command counts as ended: whoever goes on after it needs what it has left in the shell."""
    if session.snapshots is None:
        return
    try:
        session.snapshots.keep(host, session.target.shell(host).snapshot())
    except OSError as error:
        raise TargetError(
            f"the shell cannot be kept for a later run: {error.strerror}", "Free some disk space."
        ) from error


class _Live:
    """Shows a running command's output as it comes, without secrets."""

    def __init__(self, session: Session) -> None:
        self._show = session.policy.show
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._stream = session.redactor.stream()

    def feed(self, data: bytes) -> None:
        self._pass_on(self._stream.feed(self._decode(data)))

    def finish(self) -> None:
        """What was held back, because it might have been the beginning of a secret."""
        self._pass_on(self._stream.feed(self._decode(b"", final=True)) + self._stream.finish())

    def _pass_on(self, text: str) -> None:
        if text:
            self._show(OutputArrived(data=text))


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What was expected, what came, and where they part; all empty for a command that did what it should."""

    expected: str | None
    actual: str | None
    explanation: tuple[str, ...]

    @property
    def outcome(self) -> Outcome:
        return Outcome.FAILED if self.explanation else Outcome.PASSED

    @property
    def reason(self) -> str:
        if not self.expected or not self.actual:
            return ""
        if len(self.explanation) == 1:
            return self.explanation[0]
        came = _line(self.actual)
        return f"Expected {_line(self.expected)}; came {came}{'' if came.endswith(('.', '…')) else '.'}"


def _judge(session: Session, command: Command, completed: Completed, output: str) -> _Verdict:
    if completed.end is End.TIMEOUT:
        explanation = f"It was still running after {command.timeout:g} s and was ended ({_signals(completed)})."
        return _Verdict(f"an end within {command.timeout:g} s", "still running", (explanation,))
    expectation, status = command.expect, completed.exit_status
    if completed.end is End.LIMIT or (completed.end is End.INTERRUPTED and command.limit is not None):
        expectation, status = _without_exit(expectation), 0  # it would go on for ever: somebody has to stop it
    elif completed.end is End.INTERRUPTED:
        return _Verdict("an end by itself", "stopped from the keyboard", ("You stopped it before it was done.",))
    found = match(expectation, exit_status=status, output=output)
    hide = session.redactor.redact_values  # an expectation may have been filled in with a secret
    return _Verdict(
        found.expected and hide(found.expected),
        found.actual and hide(found.actual),
        tuple(hide(line) for line in found.explanation),
    )


def _ended(
    command: Command, place: Place, completed: Completed, verdict: _Verdict, *, run: str, output: str
) -> CommandEnded:
    return CommandEnded(
        lab=place.lab,
        step=place.step,
        number=place.number,
        ref=command.ref,
        run=run,
        exit_status=completed.exit_status,
        end=completed.end,
        outcome=verdict.outcome,
        seconds=round(completed.seconds, 4),
        output=cut(output),
        expected=verdict.expected,
        actual=verdict.actual,
        explanation=verdict.explanation,
    )


def _line(text: str) -> str:
    folded = " ".join(text.split())
    return folded if len(folded) <= REASON_WIDTH else f"{folded[:REASON_WIDTH]}..."


def _without_exit(expectation: Expectation) -> Expectation:
    # a command that streams for ever is ended by us: its status is ours, not an answer
    return replace(expectation, exit=0)


def _signals(completed: Completed) -> str:
    return ", ".join(completed.ladder) or "it had gone"


def cut(output: str) -> str:
    """As much of the output as the transcript keeps."""
    if len(output) <= KEPT_HEAD + KEPT_TAIL:
        return output
    left_out = len(output) - KEPT_HEAD - KEPT_TAIL
    return f"{output[:KEPT_HEAD]}\n[... {left_out} characters left out ...]\n{output[-KEPT_TAIL:]}"
