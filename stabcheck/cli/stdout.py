"""The standard output: kept for our report while strangers' code may run, and clear when it fails."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from stabcheck.errors import StabcheckError


class NobodyReadsError(StabcheckError):
    """The reader at the other end of the pipe has gone: nothing to say, and nobody to say it to."""


@dataclass
class Stdout:
    """Where this call prints. `stream` is ours; `others`, where there is such a thing, is what everybody
    else has as sys.stdout from the moment when strangers' code may run."""

    stream: TextIO
    others: TextIO | None = None

    @classmethod
    def taken(cls) -> Stdout:
        """For the process of the command line: a descriptor of our own behind sys.stdout."""
        shared = sys.stdout
        try:
            descriptor = 1 if shared is None else shared.fileno()
        except (OSError, ValueError):  # somebody captures it
            descriptor = -1
        if descriptor != 1:
            return cls(shared)
        if shared is None:
            shared = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - as long as the process
        shared.flush()
        own = _Own(
            open(os.dup(1), "wb"),  # noqa: SIM115
            encoding=shared.encoding,
            errors=shared.errors,
            line_buffering=shared.isatty(),
        )
        sys.stdout = own
        return cls(own, shared)

    def keep(self) -> None:
        """From now on, and until the process ends, what anybody else writes to the standard output is lost:
        at import, in threads and exit handlers, by `print` and past Python."""
        if self.others is not None:
            self.others.flush()
            _lead_nowhere(1)
            sys.stdout = self.others

    def check(self) -> None:
        """StabcheckError where the standard output is closed: before a run, not after it."""
        if self.others is not None:
            with _told(self.stream.fileno()):
                os.write(self.stream.fileno(), b"")

    def is_named_by(self, path: Path) -> bool:
        """Whether a path (/dev/stdout) means this stream: once it is kept, descriptor 1 is another."""
        try:
            return os.path.samestat(path.stat(), os.fstat(self.stream.fileno()))
        except (OSError, ValueError):
            return False


class _Own(io.TextIOWrapper):
    """Says what it is that cannot be written. In errors of ours, because rich makes of a BrokenPipeError the
    exit code of findings."""

    def write(self, text: str, /) -> int:
        with _told(self.fileno()):
            return super().write(text)

    def flush(self) -> None:
        with _told(self.fileno()):
            super().flush()


@contextlib.contextmanager
def _told(descriptor: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _lead_nowhere(descriptor)  # what is left in the buffer would fail again at exit
        if isinstance(error, BrokenPipeError):
            raise NobodyReadsError from None
        raise StabcheckError(
            f"cannot write to the standard output: {error.strerror}. Send it to another place."
        ) from None


def _lead_nowhere(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor, inheritable=descriptor <= 2)
    os.close(nowhere)


def fill_closed() -> None:
    """Standard streams that are closed, opened on nothing, before another file gets their number. Writing to
    the standard output still fails, as it does where it is closed."""
    for descriptor, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, mode)  # the lowest number that is free: this one
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
