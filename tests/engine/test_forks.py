"""The server from which workers are forked: Ctrl-C is none of its business."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from stabcheck.engine import forks

pytestmark = pytest.mark.skipif(os.name != "posix", reason="there is no fork server elsewhere")

BEGINNING = """
import time
from stabcheck.engine import forks

try:
    forks.begin()
    print("begun", flush=True)
    time.sleep(30)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    time.sleep(1)  # what the server has to say would be said by now
"""


def test_ctrl_c_while_the_server_imports():
    """The terminal sends it to the whole group: the parent gets it, the server says nothing."""
    process = subprocess.Popen(
        [sys.executable, "-c", BEGINNING],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert "begun\n" == process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert ("interrupted\n", "") == (out, err)


def test_ctrl_c_while_the_server_is_started_is_not_lost():
    """It arrives as soon as the handler is the user's own again."""
    with pytest.raises(KeyboardInterrupt), forks._deaf_from_the_start():
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)  # frameworks may have threads by now
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_from_another_thread():
    """No handler can be set there; the server begins all the same."""
    failed = []

    def begin():
        try:
            forks.begin()
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=begin)
    thread.start()
    thread.join()
    assert [] == failed
