"""Labs and steps go by the names that `list`, `status` and the guide have, whatever the mode."""

import io

from labrunner.model import Course, Lab, Outcome, Step
from labrunner.record import events
from labrunner.ui.plain import Plain
from labrunner.ui.proof import Proof

STEP = Step(id="tag-it", title="Tag It", text="T")
COURSE = Course(id="c", title="C", labs=(Lab(id="tag-images", name="lab-2", title="Tagging", steps=(STEP,)),))
PLACE = {"lab": "tag-images", "step": "tag-it"}


def ended(outcome):
    return events.StepEnded(**PLACE, outcome=outcome, seconds=1.0, attempts=1, hints=0, reason="No tag.")


def shown(presenter, out, *happened):
    for event in happened:
        presenter.show(event)
    return out.getvalue()


def test_an_unattended_run_and_a_check_name_the_lab_and_the_step():
    out = io.StringIO()
    said = shown(
        Plain(out, env={}, course=COURSE),
        out,
        events.LabStarted(lab="tag-images", title="Tagging"),
        events.StepStarted(**PLACE, title="Tag It", attempt=1, number=1, count=1),
        events.StepResumed(**PLACE, title="Tag It", number=1, count=1, start=0, interrupted=False, run=""),
        ended(Outcome.FAILED),
        events.SessionEnded(seconds=1.0, status=1, totals={"failed": 1}),
    )
    assert "\nlab-2: Tagging\n==============\n" in said
    assert "\n[1/1] Tag It (lab-2/tag-it)\n" in said
    assert "\n[1/1] Tag It (lab-2/tag-it, gone on with)\n" in said
    assert "\n  FAILED  lab-2/tag-it (1.0 s): No tag.\n" in said
    assert "\n  FAILED  lab-2/tag-it: No tag.\n" in said
    assert "tag-images" not in said


def test_so_does_prove():
    out = io.StringIO()
    proved = events.Proved(**PLACE, check="a.b", at="f:1:1", phase="after", ok=True, message="Yes.")
    said = shown(
        Proof(out, course=COURSE),
        out,
        events.LabStarted(lab="tag-images", title="Tagging"),
        proved,
    )
    assert said.startswith("lab-2: Tagging\n  lab-2/tag-it\n")
