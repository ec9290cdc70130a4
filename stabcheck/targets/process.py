"""A process that can be asked, waited for and killed, and what there is to say about its end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stabcheck.lastwords import ending
from stabcheck.targets import wire, worker

#: Seconds for starting Python and importing the target: not the target's calls, so generous.
START_LIMIT = worker.IMPORT_LIMIT

#: Seconds that a process has to die by itself after its pipe broke, so that its exit status is its own.
_LAST_WORDS = 1.0


@dataclass
class DeathError(Exception):
    """No answer came: `code` is SC406 (too late) or SC407 (the process died), `text` says how."""

    code: str
    text: str


class Process:
    """One child with a pipe each way. Its standard streams lead nowhere."""

    def __init__(self) -> None:
        child_reads, self._write_fd = os.pipe()
        self._read_fd, child_writes = os.pipe()
        try:
            self._child = subprocess.Popen(
                worker.command(child_reads, child_writes, json.dumps(sys.path)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(child_reads, child_writes),
                start_new_session=True,  # Ctrl-C is for the run; and its own children die with it
            )
        finally:
            os.close(child_reads)
            os.close(child_writes)
        self._finalizer = weakref.finalize(self, _end, self._child, self._read_fd, self._write_fd)

    def send(self, header: Mapping[str, Any], arrays: Mapping[str, Any], seconds: float) -> None:
        """DeathError when it does not take the message."""
        try:
            wire.send(self._write_fd, wire.pack(header, arrays), seconds)
        except wire.TooLateError:
            raise self._too_late(seconds) from None
        except wire.LostError:
            raise self._died() from None

    def receive(self, seconds: float) -> wire.Message:
        """The next message that is no mere sign of life; each such sign starts the clock again, and may ask
        for more time than a call has."""
        patience = seconds
        while True:
            try:
                header, arrays = wire.receive(self._read_fd, patience)
            except wire.TooLateError:
                raise self._too_late(seconds) from None
            except wire.LostError:
                raise self._died() from None
            if header.get("kind") == "failed":
                self.close()
                raise DeathError("SC407", f"the process failed, {header.get('text')}")
            if header.get("kind") != "tick":
                return header, arrays
            patience = header.get("seconds", seconds)

    def close(self) -> None:
        """Kill it and whatever it started."""
        self._finalizer()

    def _too_late(self, seconds: float) -> DeathError:
        self.close()
        return DeathError("SC406", f"no answer within {seconds:g} s")

    def _died(self) -> DeathError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(_LAST_WORDS)
        status = self._child.poll()
        self.close()
        if status is None:
            return DeathError("SC407", "the process closed its connection")
        return DeathError("SC407", ending(status))


def _end(child: subprocess.Popen[bytes], *fds: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for fd in fds:
        os.close(fd)
