"""Ctrl-C told apart from a KeyboardInterrupt that a stranger raised."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def watched_ctrl_c() -> Iterator[Callable[[], bool]]:
    """Yields the question whether Ctrl-C was pressed since; the handler of SIGINT is put back at the end.

    Signals reach the main thread only, and only where somebody handles them: elsewhere the answer is no.
    """
    pressed = False
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield lambda: pressed
        return
    handler: Callable[[int, FrameType | None], object] = before

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        handler(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)
