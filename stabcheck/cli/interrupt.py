"""Ctrl-C that cannot get lost.

Python raises KeyboardInterrupt wherever the program happens to be. In a callback of the garbage collector,
in a destructor, or in a target with a bare `except:`, it is swallowed there. So it is also remembered.
"""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import AbstractContextManager
from types import FrameType, TracebackType
from typing import Any


class Interruption(AbstractContextManager["Interruption"]):
    """While it is open, `asked` tells whether Ctrl-C was pressed. Outside of the main thread, where no
    signal arrives, it does nothing."""

    def __init__(self) -> None:
        self.asked = False
        self._before: Any = None
        self._hook = sys.unraisablehook

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._on_signal)
            sys.unraisablehook = self._on_unraisable
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            sys.unraisablehook = self._hook

    def check(self) -> None:
        """Raise the KeyboardInterrupt that did not arrive."""
        if self.asked:
            raise KeyboardInterrupt

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        raise KeyboardInterrupt

    def _on_unraisable(self, unraisable: sys.UnraisableHookArgs) -> None:
        if not isinstance(unraisable.exc_value, KeyboardInterrupt):
            self._hook(unraisable)
