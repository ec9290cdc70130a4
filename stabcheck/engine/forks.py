"""The server from which worker processes are forked, started early: it imports what they need meanwhile."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator

#: What a worker imports.
PRELOAD = ["stabcheck.engine.single", "stabcheck.targets.prepare", "stabcheck.implementations"]


def begin() -> None:
    """Start it and go on without waiting; the pool finds it running. Imports nothing heavy itself."""
    if os.name != "posix":
        return
    from multiprocessing import forkserver, resource_tracker

    multiprocessing.get_context("forkserver").set_forkserver_preload(PRELOAD)
    resource_tracker.ensure_running()  # unblocks the signal that is blocked below
    with _deaf_from_the_start():
        forkserver.ensure_running()


def leave_ctrl_c_to_the_parent() -> None:
    """In a process that was forked: what a terminal sends to the whole group is not for this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.name == "posix":  # blocked since before the server began
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


@contextlib.contextmanager
def _deaf_from_the_start() -> Iterator[None]:
    """A process that is started in here ignores Ctrl-C from its first moment: while it imports it would
    answer with a traceback. Here none is lost while this is the only thread, as it is when a command starts:
    one that comes meanwhile waits for the end."""
    if threading.current_thread() is not threading.main_thread():  # no signal arrives, none may be set
        yield
        return
    signals = {signal.SIGINT}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
