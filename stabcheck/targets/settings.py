"""Settings of the whole process that a target may change and that no call may leave behind.

They are looked at before and after every call, so each look has to be cheap: what did not change is compared,
not written.
"""

from __future__ import annotations

import contextlib
import decimal
import gc
import importlib
import locale
import signal
import sys
import threading
from typing import Any

#: `signal.getsignal` without its search for the name of every answer, which takes a hundred times as long,
#: and `locale.setlocale` as a question.
_handler_of: Any = importlib.import_module("_signal").getsignal
_locale_of: Any = importlib.import_module("_locale").setlocale

#: Signals whose handlers a caller would miss: those that end a program, and the one that limits its time.
_INT, _TERM = int(signal.SIGINT), int(signal.SIGTERM)
_ALARM = int(getattr(signal, "SIGALRM", signal.SIGTERM))


class Settings:
    """What they are when it is made: signal handlers, hooks for exceptions, garbage collection, the locale of
    numbers (all of a locale costs more to ask for than the rest here), the decimal context (but for its
    flags, which are a record) and the precision of mpmath.
    """

    __slots__ = ("before", "decimals", "was")

    def __init__(self) -> None:
        self.before = _now()
        self.decimals = decimal.getcontext()
        self.was = self.decimals.copy()

    def put_back(self) -> None:
        """Make them so again."""
        if _now() != self.before:
            self._put_back()
        decimals, was = decimal.getcontext(), self.was
        if (
            decimals is not self.decimals
            or decimals.prec != was.prec
            or decimals.rounding != was.rounding
            or decimals.traps != was.traps
        ):
            decimals = self.decimals
            decimals.prec, decimals.rounding, decimals.traps = was.prec, was.rounding, was.traps
            decimals.Emax, decimals.Emin = was.Emax, was.Emin
            decimal.setcontext(decimals)

    def _put_back(self) -> None:
        *handlers, excepts, thread_excepts, displays, collects, numerals, mp, iv = self.before
        for number, handler in zip((_INT, _TERM, _ALARM), handlers, strict=True):
            _put_back_handler(number, handler)
        sys.excepthook, threading.excepthook, sys.displayhook = excepts, thread_excepts, displays
        (gc.enable if collects else gc.disable)()
        with contextlib.suppress(locale.Error):
            locale.setlocale(locale.LC_NUMERIC, numerals)
        mpmath = sys.modules.get("mpmath")
        if mpmath is not None and mp is not None:  # what was imported meanwhile is as its importer left it
            mpmath.mp.prec, mpmath.iv.prec = mp, iv


def _now() -> tuple[Any, ...]:
    mpmath = sys.modules.get("mpmath")  # not everybody has a use for it
    return (
        _handler_of(_INT),
        _handler_of(_TERM),
        _handler_of(_ALARM),
        sys.excepthook,
        threading.excepthook,
        sys.displayhook,
        gc.isenabled(),
        _locale_of(locale.LC_NUMERIC),
        mpmath and mpmath.mp.prec,
        mpmath and mpmath.iv.prec,
    )


def _put_back_handler(number: int, handler: Any) -> None:
    """The handler, where Python can set it. An alarm that nobody was waiting for would now end the process:
    it is called off."""
    if handler is None or _handler_of(number) == handler:
        return
    if number == _ALARM != _TERM and not callable(handler):
        signal.setitimer(signal.ITIMER_REAL, 0)
    with contextlib.suppress(ValueError):  # in another thread, which can have changed none either
        signal.signal(number, handler)
