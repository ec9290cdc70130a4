"""What pytest has to know of this folder."""

import signal
import threading

import pytest

#: A project of its own: tests/test_pytest_plugin.py copies it and runs pytest in it.
collect_ignore = ["sample_project"]


@pytest.fixture(autouse=True, scope="session")
def _interrupts_arrive():
    """A shell starts background jobs with SIGINT ignored; tests of Ctrl-C need Python's own handler."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
