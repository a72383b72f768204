"""What every Shell must do, run on the one at the other end of an ssh session, on a sandbox's remote host.

Left out of `test_shell` is what such a shell does otherwise: its end is that of the session, which nothing revives.
"""

import contextlib
import os
import secrets

import pytest

from labrunner.sandbox import machine, tools
from labrunner.sandbox.remote import RemoteHost
from labrunner.shell.bash import BashShell
from labrunner.shell.far import FarShell
from labrunner.shell.protocol import ShellSpec
from tests.contracts.test_shell import (  # noqa: F401 - pytest finds them here
    keyboard,
    test_a_command,
    test_a_command_may_see_another_size_and_translated_newlines,
    test_a_command_of_any_length,
    test_a_command_that_stops_itself_comes_back,
    test_a_debug_trap_stays_out_of_the_report,
    test_a_job_that_floods_the_terminal_does_not_stop_the_next_command,
    test_a_keyboard_at_its_end_is_let_go,
    test_a_large_variable,
    test_a_limit_ends_a_streaming_command,
    test_a_limit_is_none_of_a_command_that_ends_before,
    test_a_long_output_keeps_its_ends_and_counts_the_rest,
    test_a_nul_in_a_command_is_refused,
    test_a_snapshot_is_of_the_moment,
    test_a_stopped_shell_is_woken,
    test_a_syntax_error_stays_inside_its_command,
    test_a_variable_is_not_traced,
    test_all_output_before_the_end_is_there,
    test_an_error_of_the_caller_leaves_a_usable_shell,
    test_an_error_that_makes_bash_drop_the_rest_of_the_line,
    test_ctrl_c_at_any_moment,
    test_ctrl_c_on_the_keyboard_reaches_the_command,
    test_ctrl_z_on_the_keyboard_stops_the_command,
    test_descriptors_that_a_command_closes,
    test_functions_named_like_builtins_do_no_harm,
    test_job_control_works,
    test_keys_reach_the_command,
    test_options_that_shells_trip_over,
    test_output_and_exit_status,
    test_programs_see_a_terminal,
    test_terminal_modes_are_restored,
    test_the_last_status_carries_over,
    test_tracing_shows_the_learners_commands_only,
    test_variables_come_over_the_side_channel,
    test_what_was_typed_ahead_never_becomes_a_command,
)

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def sandbox(cache, tmp_path_factory):
    """One with a remote host, whose key is known."""
    env = {**os.environ, "XDG_CACHE_HOME": cache, "XDG_STATE_HOME": str(tmp_path_factory.mktemp("state"))}
    name = f"t-{secrets.token_hex(6)}"
    try:
        made = machine.up(name, env, tools.ensure(env))
        host = RemoteHost(made)
        host.up()
        host.make_known()
        yield made
    finally:
        machine.down(name, env, force=True)


@pytest.fixture(scope="module")
def near(sandbox):
    """The shell in which the sessions run."""
    place = sandbox.layout
    spec = ShellSpec(prefix=sandbox.prefix(), env=sandbox.environment(), cwd=place.work, run_dir=place.shell_dir)
    with contextlib.closing(BashShell(spec)) as shell:
        yield shell


@pytest.fixture
def shell(sandbox, near):
    """A session of its own, in an empty folder."""
    place = sandbox.layout
    spec = ShellSpec(cwd=RemoteHost(sandbox).home, run_dir=place.shell_dir)
    with contextlib.closing(FarShell(near, spec, door=place.remote_door, connect="ssh user@remote-host")) as far:
        assert far.run('export PLANTED=yes; cd "$(mktemp -d)"').exit_status == 0
        yield far


def test_what_is_no_name_is_refused_also_where_no_session_is_open(shell):
    shell.close()
    with pytest.raises(ValueError, match="not the name of a shell variable"):
        shell.variable("a[$(id)]")
    assert shell.variable("PLANTED") is None
