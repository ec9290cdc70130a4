"""A parent that runs no stranger's code, so that the shell always gets an exit code of ours.

Modules of targets are imported by the process that makes the report, and nothing in a process can stop
`os._exit(0)`, which would look like a clean run. So that process is the child of one that does nothing but
wait, pass signals on, and say what happened where the child did not come to its own end.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import sys
from collections.abc import Callable

from stabcheck import lastwords

#: What others send to the process that they see.
_PASSED_ON = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")

_TROUBLE = 2


def supervised(work: Callable[[], int]) -> int:
    """The exit code of `work`, which is done in a child; 2 where the child died before it had one.

    Returns in both processes. Without `fork` and `sigwaitinfo` (Windows, macOS) the work is done here.
    """
    if not hasattr(os, "fork") or not hasattr(signal, "sigwaitinfo"):
        return work()
    board = lastwords.shared()
    awaited = {signal.SIGCHLD, *(getattr(signal, name) for name in _PASSED_ON)}
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # where it is ignored, no status is kept
    before = signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(writes)
        _thread.start_new_thread(_end_with_parent, (reads,))
        code = work()
        board.finish(code)
        return code
    os.close(reads)
    status, told = _end_of(child, awaited)
    if board.code is not None:  # an exit handler of a target's may have had other ideas since
        return board.code
    if -status in told:
        signal.signal(-status, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.kill(os.getpid(), -status)
    with contextlib.suppress(OSError):
        print(f"stabcheck: error: {_what_happened(status, board.text)}", file=sys.stderr)
    return _TROUBLE


def _end_of(child: int, awaited: set[signal.Signals]) -> tuple[int, set[int]]:
    """The status with which the child ended (negative: of a signal), and the signals that came until then.

    Those of the terminal have reached the child as well, those that a process sent only us.
    """
    told: set[int] = set()
    while True:
        news = signal.sigwaitinfo(awaited)
        if news.si_signo != signal.SIGCHLD:
            told.add(news.si_signo)
            if news.si_code <= 0:  # not of the kernel
                os.kill(child, news.si_signo)  # a child that has ended keeps its number until waited for
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status), told


def _what_happened(status: int, noted: str) -> str:
    if noted:
        failure, _, advice = noted.partition("\n")
        return f"{failure}: {lastwords.ending(status)} {advice}"
    return (
        f"{lastwords.ending(status)} before there was a report. Look for what the targets' modules do at "
        "import: exits, alarms, threads."
    )


def _end_with_parent(reads: int) -> None:
    """In the child: whoever kills the process that they see (SIGKILL cannot be passed on) means this one."""
    try:
        os.read(reads, 1)
    except OSError:  # a module closed it
        return
    os.kill(os.getpid(), signal.SIGKILL)
