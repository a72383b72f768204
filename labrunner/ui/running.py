"""The command that has the learner's terminal: its output as it comes, and every key."""

from labrunner.ui.live import MOVING, LiveOutput
from labrunner.ui.screen import Screen
from labrunner.ui.terminal import ProgramKeys
from labrunner.ui.whole import WholeOutput

__all__ = ["Running"]


OWN_MOVING = "(It draws on the terminal, which is not shown here; the result follows. Ctrl-C three times ends it.)"


class Running:
    """At most one command runs. `keyboard`: the terminal's descriptor, None where there is none."""

    def __init__(self, screen: Screen, keyboard: int | None) -> None:
        self._screen = screen
        self._keys = ProgramKeys(keyboard)
        self._output: LiveOutput | WholeOutput | None = None

    def __bool__(self) -> bool:
        return self._output is not None

    def begin(self, *, own: bool = False) -> None:
        """A command has started; the keyboard is its. own: it may draw on the whole terminal."""
        screen = self._screen
        lines = LiveOutput(
            screen.sink.write,
            columns=screen.columns,
            rows=screen.rows,
            redraw=not screen.plain,
            moving=OWN_MOVING if own else MOVING,
        )
        whole = own and not screen.plain
        self._output = WholeOutput(screen.sink, lines, self._keys) if whole else lines
        screen.sink.flush()
        self._keys.__enter__()

    def feed(self, data: str) -> None:
        """Show the next piece of its output."""
        if self._output is not None:
            self._output.feed(data)

    def finish(self, output: str) -> bool:
        """It has ended and left `output`; the keyboard is ours. Whether lines of it were not shown."""
        left_out = False
        if self._output is not None:
            self._output.finish(output)
            left_out = self._output.left_out > 0
        self.release()
        return left_out

    def release(self) -> None:
        """No command runs any more. Idempotent."""
        self._keys.__exit__(None, None, None)
        self._output = None
