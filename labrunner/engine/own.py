"""Runs what a learner wants to try: in the learner's shell, judged by nobody, with no trace in the step.

Where it fails as a program of the course is known to, the learner is told why, as with any command."""

from labrunner.checking.api import TargetError
from labrunner.engine.command import Place, cut, run_in_shell
from labrunner.engine.policy import Own
from labrunner.engine.recognition import tell_problem
from labrunner.engine.step import Action, StepRun, machine_error
from labrunner.model import Command
from labrunner.record.events import OwnCommandEnded, OwnCommandStarted
from labrunner.shell.protocol import End, ShellError

__all__ = ["try_out"]

SECONDS = 1800.0
"""How long it may run: a person sits at it, who can stop it."""


def try_out(run: StepRun, own: Own, action: Action | None) -> None:
    """Run it where `action` is about to run, or where the step starts or failed. A machine at fault is only told.

    The shell has what the course sets up to there.
    """
    at = action or next(iter(run.actions[run.failed_at :]), None)
    host, number = (at.command.host, at.number) if at else ("local", 0)
    session, place = run.session, Place(run.lab.id, run.step.id, number)
    secrets = tuple(name for known in run.step.all_commands() for name in known.secrets)
    command = Command(run=own.run, host=host, timeout=SECONDS, secrets=secrets)
    shown = session.redactor.redact(own.run)  # by pattern too: the learner may have typed a password
    began = session.clock()
    try:
        run.carry_over(host, number)
        session.emit(OwnCommandStarted(lab=place.lab, step=place.step, run=shown, host=host))
        completed, output = run_in_shell(session, command, place, size=own.size)
    except (TargetError, ShellError) as error:
        ended = OwnCommandEnded(
            lab=place.lab,
            step=place.step,
            run=shown,
            exit_status=None,
            end="error",
            seconds=round(session.clock() - began, 4),
            output="",
            reason=session.redactor.redact(machine_error(error).reason),
        )
    else:
        ended = OwnCommandEnded(
            lab=place.lab,
            step=place.step,
            run=session.redactor.redact(own.run),
            exit_status=completed.exit_status,
            end=End.SHELL_EXITED if completed.left else completed.end,
            seconds=round(completed.seconds, 4),
            output=cut(output),
        )
    session.emit(ended)
    if ended.exit_status:
        tell_problem(run, ended.output)
