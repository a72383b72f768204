import io

from labrunner.sandbox.progress import Meter, Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def told(out):
    clock = Clock()
    with Meter(out, clock=clock) as meter:
        for step in range(81):
            meter.show(Progress("downloading", step, 80, "MB"))
            clock.now += 0.125
        meter.show(Progress("unpacking"))
    return out.getvalue()


def test_without_a_terminal_a_line_comes_every_few_seconds():
    lines = told(io.StringIO()).splitlines()
    assert lines[0] == "  downloading: 0 of 80 MB (0 s)"
    assert lines[1] == "  downloading: 24 of 80 MB (3 s)"
    assert lines[-3] == "  downloading: 80 of 80 MB - done in 10 s"
    assert lines[-2:] == ["  unpacking (0 s)", "  unpacking - done in 0 s"]
    assert len(lines) == 7
    assert "\033" not in "".join(lines)


def test_on_a_terminal_a_phase_is_one_line():
    text = told(Terminal())
    assert text.count("\n") == 2
    assert text.split("\n")[0].split("\r\033[K")[-1] == "  downloading: 80 of 80 MB - done in 10 s"


def test_a_phase_that_was_cut_is_not_called_done():
    out = Terminal()
    meter = Meter(out)
    meter.show(Progress("downloading"))
    meter.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert "done" not in out.getvalue()
    assert out.getvalue().endswith("\n")


def test_a_part_of_a_whole_is_told_in_percent_alone():
    assert str(Progress("fetching the package lists", 100, 100, "%")) == "fetching the package lists: 100 %"
    assert str(Progress("fetching the package lists", 0, 100, "%")) == "fetching the package lists: 0 %"
