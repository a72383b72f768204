"""command.result: status and text of a command."""

import pytest

from labrunner.model import Outcome


@pytest.mark.parametrize(
    ("args", "outcome", "says"),
    [
        ({"run": "true"}, "passed", "`true` ended with status 0, and says what it should."),
        ({"run": "exit 3", "exit": 3}, "passed", "`exit 3` ended with status 3"),
        ({"run": "echo no >&2; exit 3"}, "failed", "ended with status 3, not 0. It says: no"),
        ({"run": "false"}, "failed", "ended with status 1, not 0. It says nothing."),
        ({"run": "echo a; echo b >&2", "contains": "b"}, "passed", ""),
        ({"run": "echo a", "contains": "b"}, "failed", "The output of `echo a` does not contain `b`. It says: a"),
        ({"run": "echo ' a '", "equals": "a"}, "passed", ""),
        ({"run": "echo aa", "equals": "a"}, "failed", "`echo aa` does not say `a`. It says: aa"),
        ({"run": "echo a; echo b >&2", "equals": "a"}, "passed", ""),
        ({"run": "touch made; ls", "equals": "made"}, "passed", ""),
        ({"run": "seq 1000", "contains": "x"}, "failed", " 12 13 14"),
    ],
)
def test_command_result(ask, args, outcome, says):
    result = ask("command.result", **args)
    assert result.outcome == outcome, result
    assert says in result.message
    assert len(result.message) < 300


def test_a_command_that_does_not_end_is_an_error_of_the_machine(place):
    from labrunner.checking.api import TargetError
    from labrunner.checking.context import AskingContext, WorkerContext
    from labrunner.shell.program import run_program

    about = WorkerContext(engine_url="", home=str(place), work=str(place), env={"PATH": "/usr/bin:/bin"})
    with pytest.raises(TargetError, match="did not end within"):
        AskingContext(about, runner=run_program).run(["sleep", "60"], timeout=0.1)


def test_the_error_of_a_broken_call_is_a_defect(ask):
    result = ask("command.result", runn="true")
    assert (result.outcome, result.bug) == (Outcome.ERROR, True)
    assert "unexpected keyword argument 'runn'" in result.message
