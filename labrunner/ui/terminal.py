"""The learner's keyboard: lines for prompts, and every key for a running command."""

import contextlib
import select
import termios
from typing import Self, TextIO

from labrunner.shell.terminal import taken_back
from labrunner.ui.editor import Editor, as_text, editor_of
from labrunner.ui.stream import Sink, is_terminal

__all__ = ["Keyboard", "ProgramKeys"]

_INPUT = termios.BRKINT | termios.ICRNL | termios.INLCR | termios.IGNCR | termios.ISTRIP | termios.IXON | termios.IXOFF
_EARLY = 4096
"""Characters typed before a question that are kept."""
_NO_TEXT = "?"
"""What is answered by bytes that are none."""
_LOCAL = termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN


class ProgramKeys:
    """While entered, each key of the terminal `descriptor` is a byte to read at once: none is echoed, none is a
    signal, Ctrl-C included. Output stays as it was. Leaving restores the terminal; both ways are idempotent.

    A descriptor that is no terminal is left alone.
    """

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        self._saved: list[object] | None = None

    def __enter__(self) -> Self:
        if self._descriptor is None or self._saved is not None:
            return self
        try:
            saved = termios.tcgetattr(self._descriptor)
            mode = termios.tcgetattr(self._descriptor)
            mode[0] &= ~_INPUT
            mode[3] &= ~_LOCAL
            mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, mode)
        except termios.error:
            return self
        self._saved = saved
        return self

    def raw_output(self, *, on: bool) -> None:
        """While entered: whether newlines are left alone, for a program that draws on the whole terminal."""
        if self._descriptor is None or self._saved is None:
            return
        with contextlib.suppress(termios.error):
            mode = termios.tcgetattr(self._descriptor)
            mode[1] = mode[1] & ~termios.OPOST if on else mode[1] | termios.OPOST
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, mode)

    def __exit__(self, *_: object) -> None:
        if self._descriptor is None or self._saved is None:
            return
        saved, self._saved = self._saved, None
        with contextlib.suppress(termios.error):
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, saved)  # type: ignore[arg-type]


class Keyboard:
    """Asks for lines, which are edited as in a shell where that can be.

    What was typed before a question is not taken for its answer: it waits, and stands there to be changed or given when
    a question wants a draft. Where lines cannot be edited it is dropped.

    plain: nothing but text may be written.
    """

    def __init__(self, stream: TextIO, sink: Sink, *, plain: bool = False) -> None:
        self._stream = stream
        self._sink = sink
        self._terminal = is_terminal(stream)
        self._editor = editor_of(stream, plain=plain) if self._terminal else None
        self._early = ""  # typed before a question
        self._echoes: list[object] | None = None

    @property
    def descriptor(self) -> int | None:
        """The terminal's descriptor, or None if the input is no terminal."""
        return self._stream.fileno() if self._terminal else None

    @property
    def edits(self) -> bool:
        """Whether lines are edited as in a shell."""
        return self._editor is not None

    def take_back(self, typed: bytes) -> None:
        """Keys that were typed for something else, which did not want them."""
        self._early = (self._early + as_text(typed))[:_EARLY]

    def put_off(self, answer: str) -> bool:
        """Have an answer stand at the next question that wants a draft; False where lines are not edited."""
        if self._editor is not None:
            self._early = f"{answer}\n{self._early}"
        return self._editor is not None

    def remember(self, command: str) -> None:
        """Have a command come back by the arrow keys."""
        if self._editor is not None:
            self._editor.remember(command)

    def quiet(self) -> None:
        """From now on nothing that is typed between two questions stands in what is written, until `give_back`."""
        if self._editor is None or self._echoes is not None:
            return
        with contextlib.suppress(termios.error, OSError, ValueError):
            saved = termios.tcgetattr(self._stream.fileno())
            mode = termios.tcgetattr(self._stream.fileno())
            mode[3] &= ~termios.ECHO
            termios.tcsetattr(self._stream.fileno(), termios.TCSADRAIN, mode)
            self._echoes = saved

    def give_back(self) -> None:
        """The terminal is as it was before `quiet`. Idempotent."""
        saved, self._echoes = self._echoes, None
        if saved is not None:
            with contextlib.suppress(termios.error, OSError, ValueError):
                termios.tcsetattr(self._stream.fileno(), termios.TCSADRAIN, saved)  # type: ignore[arg-type]

    def line(self, prompt: str, *, secret: bool = False, ahead: bool = False, draft: bool = False) -> str | None:
        """One line without its end, of a paste several, or None for Ctrl-D, Ctrl-C or a terminal that is gone.

        secret: what is typed is not shown. ahead: what was typed before counts, as when several lines are pasted.
        draft: it stands there, and nothing is done before Enter.
        """
        if self._editor is not None and not secret:
            return self._edited(self._editor, prompt, ahead=ahead, draft=draft)
        descriptor = self.descriptor
        saved = None
        with contextlib.suppress(termios.error):
            if descriptor is not None:
                if not ahead:
                    termios.tcflush(descriptor, termios.TCIFLUSH)
                elif select.select([descriptor], [], [], 0)[0]:
                    prompt = ""  # the line stands on the screen already
                saved = self._hide(descriptor) if secret else None
        try:
            self._sink.write(prompt)
            self._sink.flush()  # from here on Ctrl-C is an answer
            answer = self._stream.readline()
        except UnicodeDecodeError:
            answer = f"{_NO_TEXT}\n"
        except (KeyboardInterrupt, OSError, ValueError):
            answer = ""
        finally:
            if descriptor is not None and saved is not None:
                with contextlib.suppress(termios.error):
                    termios.tcsetattr(descriptor, termios.TCSADRAIN, saved)
        if not answer.endswith("\n") or saved is not None:
            self._sink.write("\n")
        return answer.rstrip("\r\n") if answer else None

    def _edited(self, editor: Editor, prompt: str, *, ahead: bool, draft: bool) -> str | None:
        above, end, last = prompt.rpartition("\n")
        text = ""
        try:
            self.take_back(taken_back(self._stream.fileno()))
            if ahead and "\n" in self._early:
                line, _, self._early = self._early.partition("\n")
                return line  # it stands on the screen already
            if ahead or draft:
                text, _, self._early = self._early.lstrip("\n").partition("\n")
            self._sink.write(above + end)
            self._sink.flush()  # from here on Ctrl-C is an answer
            return editor.line(last, text).rstrip("\r\n")
        except UnicodeDecodeError:
            return _NO_TEXT
        except (EOFError, KeyboardInterrupt, OSError, ValueError, termios.error):
            self._sink.write("\n")
            return None

    @staticmethod
    def _hide(descriptor: int) -> "list[int | list[bytes | int]]":
        saved = termios.tcgetattr(descriptor)
        mode = termios.tcgetattr(descriptor)
        mode[3] &= ~termios.ECHO
        termios.tcsetattr(descriptor, termios.TCSADRAIN, mode)
        return saved
