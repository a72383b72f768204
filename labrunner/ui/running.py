"""The command that has the learner's terminal: its output as it comes, and every key."""

from contextlib import nullcontext

from labrunner.ui.lines import folded
from labrunner.ui.live import MOVING, LiveOutput
from labrunner.ui.screen import Screen
from labrunner.ui.silence import SECONDS, Silence
from labrunner.ui.terminal import ProgramKeys
from labrunner.ui.whole import WholeOutput

__all__ = ["Running"]

_INDENT = 2  # of output
STILL_RUNNING = "Still running... (Ctrl-C stops it)"
OWN_MOVING = "(It draws on the terminal, which is not shown here; the result follows. Ctrl-C three times ends it.)"


class Running:
    """At most one command runs. `keyboard`: the terminal's descriptor, None where there is none.

    patience: seconds without output after which a learner who can stop it is told that it still runs.
    """

    def __init__(self, screen: Screen, keyboard: int | None, *, patience: float = SECONDS) -> None:
        self._screen = screen
        self._keyboard = keyboard
        self._patience = patience
        self._silence: Silence | None = None
        self._told = False  # that it still runs
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
            moving=f"\n{' ' * _INDENT}".join(folded(OWN_MOVING if own else MOVING, screen.width - _INDENT)),
        )
        whole = own and not screen.plain
        self._output = WholeOutput(screen.sink, lines, self._keys) if whole else lines
        screen.sink.flush()
        self._keys.__enter__()
        self._told = False
        if self._keyboard is not None:
            self._silence = Silence(self._tell, self._untell, seconds=self._patience)

    def _tell(self) -> bool:
        """Say that it still runs, where that cannot be taken for output; on a plain terminal once."""
        if self._output is None or not self._output.is_at_rest or (self._screen.plain and self._told):
            return False
        self._told = True
        sink = self._screen.sink
        sink.write(f"[labrunner] {STILL_RUNNING}\n" if self._screen.plain else f"\r  \x1b[2m{STILL_RUNNING}\x1b[22m")
        sink.flush()
        return True

    def _untell(self) -> None:
        if not self._screen.plain:
            self._screen.sink.write("\r\x1b[K")
            self._screen.sink.flush()

    def feed(self, data: str) -> None:
        """Show the next piece of its output."""
        if self._output is None:
            return
        with self._silence.broken() if self._silence else nullcontext():
            self._output.feed(data)
            self._screen.sink.flush()

    def say(self, text: str, *, gap: bool = False) -> None:
        """Words of ours between its output, on lines of their own. gap: after an empty line."""
        lines = folded(text, self._screen.width - _INDENT)
        self.feed(("\r\n" if gap else "") + "".join(f"{line}\r\n" for line in lines))

    def finish(self, output: str) -> bool:
        """It has ended and left `output`; the keyboard is ours. Whether lines of it were not shown."""
        left_out = False
        self._hush()
        if self._output is not None:
            self._output.finish(output)
            left_out = self._output.left_out > 0
        self.release()
        return left_out

    def release(self) -> None:
        """No command runs any more. Idempotent."""
        self._hush()
        self._keys.__exit__(None, None, None)
        self._output = None

    def _hush(self) -> None:
        silence, self._silence = self._silence, None
        if silence is not None:
            silence.end()
