"""Settings of the whole process are after a call what they were before it."""

import decimal
import gc
import locale
import signal
import sys
import threading

import mpmath
import pytest

from stabcheck.targets.guard import contained
from stabcheck.targets.settings import Settings


def handles(*_):
    raise AssertionError("nobody sends a signal here")


def change_handlers():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, handles)


def change_hooks():
    sys.excepthook = sys.displayhook = threading.excepthook = None


def change_decimals():
    decimal.getcontext().prec = 3
    decimal.getcontext().traps[decimal.Inexact] = True


def replace_decimals():
    decimal.setcontext(decimal.Context(prec=5))


def change_precision():
    mpmath.mp.prec = mpmath.iv.prec = 10


def everything():
    """What a user could tell a difference by."""
    return (
        [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)],
        [sys.excepthook, sys.displayhook, threading.excepthook],
        repr(decimal.getcontext()),
        decimal.getcontext(),
        gc.isenabled(),
        locale.setlocale(locale.LC_NUMERIC),
        [mpmath.mp.prec, mpmath.iv.prec],
    )


@pytest.mark.parametrize(
    "change",
    [change_handlers, change_hooks, change_decimals, replace_decimals, gc.disable, change_precision],
)
def test_they_are_put_back(change):
    """Whatever a target does to them while it is contained."""
    before = everything()
    with contained():
        change()
    assert everything() == before


def test_the_locale_of_numbers_is_put_back(monkeypatch):
    """Also one of a language that few machines have: it is asked for and set by its name."""
    named = {locale.LC_NUMERIC: "C"}

    def set_locale(category, name=None):
        if name is not None:
            named[category] = name
        return named[category]

    monkeypatch.setattr(locale, "setlocale", set_locale)
    monkeypatch.setattr("stabcheck.targets.settings._locale_of", set_locale)
    with contained():
        locale.setlocale(locale.LC_NUMERIC, "de_DE.UTF-8")
    assert {locale.LC_NUMERIC: "C"} == named


def test_an_alarm_of_the_target_ends_with_its_handler():
    """With the default handler put back it would end the process; one that the user waits for stays."""
    with contained():
        signal.signal(signal.SIGALRM, handles)
        signal.alarm(600)
    assert 0 == signal.alarm(0)
    before = signal.signal(signal.SIGALRM, handles)
    try:
        signal.alarm(600)
        with contained():
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
        assert signal.alarm(0) > 0
    finally:
        signal.signal(signal.SIGALRM, before)


def test_from_another_thread():
    """No handler can be changed there, and none is put back."""
    failed = []

    def call():
        settings = Settings()
        gc.disable()
        settings.put_back()
        failed.append(gc.isenabled())

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert [True] == failed
