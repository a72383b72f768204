"""Tells the learner what a failure is known to be: a slip of the step, or else a problem that any lab may meet."""

from labrunner.engine.step import StepRun
from labrunner.record.events import MistakeRecognised, ProblemRecognised

__all__ = ["tell_mistake", "tell_problem"]


def tell_mistake(run: StepRun, evidence: str) -> bool:
    """Tell the first of the step's mistakes that shows in `evidence`; False if none does."""
    for mistake in run.step.mistakes:
        if mistake.when and all(piece in evidence for piece in mistake.when):
            text = run.session.redactor.redact_values(mistake.text)
            run.session.emit(MistakeRecognised(lab=run.lab.id, step=run.step.id, text=text))
            return True
    return False


def tell_problem(run: StepRun, output: str) -> bool:
    """Tell the first of the course's problems that a failed command's output fits; False if it fits none."""
    hide = run.session.redactor.redact_values
    for problem in run.session.problems:
        if problem.fits(output):
            event = ProblemRecognised(
                lab=run.lab.id,
                step=run.step.id,
                problem=problem.id,
                cause=hide(problem.cause),
                fix=hide(problem.fix),
                see=problem.see,
            )
            run.session.emit(event)
            return True
    return False
