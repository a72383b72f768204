"""Checks of what a program says."""

from labrunner.checking.api import Context, Finding, check, failed, passed
from labrunner.checking.wording import cut


@check("command.result")
def command_result(
    ask: Context,
    *,
    run: str,
    exit: int = 0,  # noqa: A002 - the word that an Expectation has
    contains: str = "",
    equals: str = "",
) -> Finding:
    """A command, run by bash in the work folder, ends with a status and says a text.

    `contains` is looked for in both streams; `equals` is the whole of stdout, white space at its ends aside.
    """
    ran = ask.run(["bash", "-c", run])
    said = ran.stdout + ran.stderr
    if ran.status != exit:
        return failed(f"`{run}` ended with status {ran.status}, not {exit}.{_saying(said)}")
    if contains and contains not in said:
        return failed(f"The output of `{run}` does not contain `{contains}`.{_saying(said)}")
    if equals and ran.stdout.strip() != equals.strip():
        return failed(f"`{run}` does not say `{cut(equals)}`.{_saying(ran.stdout)}")
    return passed(f"`{run}` ended with status {exit}, and says what it should.")


def _saying(text: str) -> str:
    return f" It says: {cut(text)}" if text.strip() else " It says nothing."
