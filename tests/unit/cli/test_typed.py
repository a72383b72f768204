from argparse import Namespace

from labrunner.cli.options import typed


def test_advice_repeats_the_options_of_the_run_but_no_value_that_might_be_secret() -> None:
    args = Namespace(sandbox="b", course="my course", accessible=True, var=["TOKEN=hunter22"])
    line = typed(args, {"LABRUNNER_COMMAND": ".venv/bin/labrunner"})
    assert line("run lab-2") == ".venv/bin/labrunner run lab-2 --sandbox b --course 'my course' --accessible"
    assert line("sandbox down") == ".venv/bin/labrunner sandbox down --sandbox b"
