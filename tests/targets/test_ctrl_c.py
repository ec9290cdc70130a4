"""Ctrl-C passes through an import; a KeyboardInterrupt of the module's own is an error of the module."""

import signal
import threading

import pytest

from stabcheck.errors import TargetError
from stabcheck.targets.ctrl_c import watched_ctrl_c
from stabcheck.targets.find import find


@pytest.fixture
def write(tmp_path, monkeypatch):
    """write(text) puts it into mine.py of an empty working directory."""
    monkeypatch.chdir(tmp_path)
    return lambda text: (tmp_path / "mine.py").write_text(text)


def test_a_keyboard_interrupt_of_the_modules_own(write):
    """TargetError, as for any other exception."""
    write("raise KeyboardInterrupt")
    with pytest.raises(TargetError, match=r"cannot import target 'mine\.py:f': KeyboardInterrupt"):
        find("mine.py:f")


def test_a_real_one_passes(write):
    """The signal raises KeyboardInterrupt, also out of an import."""
    write("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    with pytest.raises(KeyboardInterrupt):
        find("mine.py:f")


def test_the_handler_is_put_back(write):
    """A module that ignores SIGINT does not make the caller ignore it."""
    before = signal.getsignal(signal.SIGINT)
    write("import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ndef f(x): return x\n")
    find("mine.py:f")
    assert before == signal.getsignal(signal.SIGINT)


def test_outside_of_the_main_thread():
    """No signal arrives there: the answer is no."""
    answers = []

    def ask():
        with watched_ctrl_c() as pressed:
            answers.append(pressed())

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert [False] == answers
