"""What a process was doing when it died: noted where its parent reads it, as no exit code tells.

`os._exit` and a crash in C leave no time for a message, and the first may even look like success.
"""

from __future__ import annotations

import contextlib
import mmap
import signal
from collections.abc import Iterator


class Board:
    """Memory shared with the processes forked after it was made. It is no pipe: a module that closes every
    descriptor while it is imported leaves it alone."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, mmap.PAGESIZE)

    @property
    def code(self) -> int | None:
        """The exit code of a process that came to its end by itself, None where it did not."""
        return self._memory[1] if self._memory[0] else None

    def finish(self, code: int) -> None:
        self._memory[:2] = bytes((1, code))

    @property
    def text(self) -> str:
        return self._memory[2:].rstrip(b"\0").decode("utf-8", errors="ignore")

    @text.setter
    def text(self, text: str) -> None:
        room = len(self._memory) - 2
        self._memory[2:] = text.encode("utf-8", errors="backslashreplace")[:room].ljust(room, b"\0")


_board: Board | None = None


def shared() -> Board:
    """The board of this process and of those that it forks from now on."""
    global _board
    _board = Board()
    return _board


@contextlib.contextmanager
def noted(failure: str, advice: str) -> Iterator[None]:
    """For as long as the block lasts: what cannot be done should this process die, and the words after how
    it ended."""
    if _board is None:
        yield
        return
    before, _board.text = _board.text, f"{failure}\n{advice}"
    try:
        yield
    finally:
        _board.text = before


def ending(status: int) -> str:
    """How a process ended, in words; `status` is negative for a signal, as `subprocess` has it."""
    if status >= 0:
        return f"the process exited with status {status}"
    try:
        return f"the process was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"the process was killed by signal {-status}"
