"""Calling strangers: what a target raises is data, and what it changes around it is put back.

Contained in the process: exceptions of every kind (SystemExit and GeneratorExit too; only a real Ctrl-C
passes), output, input, floating-point error state, warning filters, random seeds, environment, working
directory, recursion limit, and what is in `settings`. What no process can do for itself (a crash, an endless
loop, memory) is the business of `isolate`.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import random
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TextIO

import numpy as np

from stabcheck.targets.settings import Settings

#: Longest text of an exception that a report repeats.
TEXT_LIMIT = 200

#: How NumPy's warnings begin, and the IEEE signal each stands for.
_SIGNALS = {"overflow": "overflow", "invalid value": "invalid", "divide by zero": "divide"}


@dataclass(frozen=True)
class Raised:
    """A call that ended in an exception instead of a result."""

    text: str
    error: BaseException


def describe(error: BaseException) -> str:
    """`TypeError: first line of the message`, also for exceptions whose `__str__` fails."""
    kind = type(error).__name__
    try:
        lines = str(error).strip().splitlines()
    except BaseException:  # a target's own class may raise anything here too
        lines = []
    text = f"{kind}: {lines[0].strip()}" if lines else kind
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 3] + "..."


#: When the calls of targets that are under way in this process began, the outermost first: for whoever
#: watches it.
_under_way: list[float] = []


def seconds_under_way() -> float:
    """How long a stranger has been at work in this process by now; 0 when none is."""
    return time.monotonic() - _under_way[0] if _under_way else 0.0


def attempt(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The result, or `Raised`. KeyboardInterrupt passes where it can be the user's: in a process that
    ignores Ctrl-C it is the target's own. What the target forked does not come back from here."""
    process = os.getpid()
    try:
        return function(*args, **kwargs)
    except BaseException as error:  # SystemExit, GeneratorExit, MemoryError, RecursionError as well
        if isinstance(error, KeyboardInterrupt) and signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
            raise
        return Raised(describe(error), error)
    finally:
        if os.getpid() != process:
            os._exit(0)


def attribute(owner: Any, name: str, default: Any = None) -> Any:
    """An attribute of a stranger; the default where it has none, and where looking it up raises anything: a
    `__getattr__` or a property of its own may."""
    found = attempt(getattr, owner, name, default)
    return default if isinstance(found, Raised) else found


def watched(function: Callable[..., Any], *args: Any) -> Any:
    """`attempt`, for calls that have a time limit: unlike imports."""
    _under_way.append(time.monotonic())
    try:
        return attempt(function, *args)
    finally:
        _under_way.pop()


class _BinarySink(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return len(data)

    def close(self) -> None:
        """It stays open, like the other."""


class _Sink(io.TextIOBase):
    """A text stream that swallows everything, and has a `buffer` that does so too."""

    encoding = "utf-8"
    buffer = _BinarySink()

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        return len(text)

    def close(self) -> None:
        """It stays open: a target that closes the standard output closes none of ours."""


@contextlib.contextmanager
def _streams() -> Iterator[None]:
    """No output gets out; reading standard input meets its end instead of waiting for a person."""
    # Put back by hand: contextlib.redirect_stdout would do, but a target may have replaced sys.stdin too.
    out, err, inp = sys.stdout, sys.stderr, sys.stdin
    sink: TextIO = _Sink()  # type: ignore[assignment]
    sys.stdout = sys.stderr = sink
    sys.stdin = io.StringIO()
    try:
        yield
    finally:
        sys.stdout, sys.stderr, sys.stdin = out, err, inp


def _environment() -> dict[Any, Any]:
    """The environment as it is kept: decoding it at every call would cost more than most calls."""
    kept = getattr(os.environ, "_data", None)
    return dict(os.environ if kept is None else kept)


class _NumpySeeds:
    """NumPy's global random state.

    To copy it costs more than most calls, so it is copied when it has changed, which its words in memory
    tell. A normal number kept for later is not among these: while there is one, it is copied every time.
    """

    def __init__(self) -> None:
        self._words = b""
        self._state: Any = None

    def take(self) -> tuple[Any, bytes, Any]:
        """The generator, its words in memory (none where they tell too little) and its state."""
        words = self._in_memory()
        if not words or words != self._words:
            state = np.random.get_state(legacy=False)
            self._state, self._words = state, b"" if state.get("has_gauss") else words
        return np.random.mtrand.get_bit_generator(), self._words, self._state

    def put_back(self, taken: tuple[Any, bytes, Any]) -> None:
        generator, words, state = taken
        if np.random.mtrand.get_bit_generator() is not generator:
            np.random.mtrand.set_bit_generator(generator)
        if not words or words != self._in_memory():
            np.random.set_state(state)

    @staticmethod
    def _in_memory() -> bytes:
        generator = np.random.mtrand.get_bit_generator()
        if type(generator) is not np.random.MT19937:
            return b""
        return ctypes.string_at(generator.ctypes.state_address, _MT19937_BYTES)


#: 624 words and a position.
_MT19937_BYTES = 625 * 4

_numpy_seeds = _NumpySeeds()

_OTHER_SEED = 0x5EED


@contextlib.contextmanager
def _surroundings() -> Iterator[None]:
    """Random state, environment, working directory, recursion limit and settings are put back."""
    settings = Settings()
    seeds, numpy_seeds = random.getstate(), _numpy_seeds.take()
    environment, limit = _environment(), sys.getrecursionlimit()
    try:
        directory: str | None = os.getcwd()
    except OSError:  # the directory we are in was deleted
        directory = None
    try:
        yield
    finally:
        settings.put_back()
        random.setstate(seeds)
        _numpy_seeds.put_back(numpy_seeds)
        sys.setrecursionlimit(limit)
        if _environment() != environment:
            os.environ.clear()
            for key, value in environment.items():
                os.environ[os.fsdecode(key)] = os.fsdecode(value)
        if directory is not None:
            with contextlib.suppress(OSError):
                os.chdir(directory)


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """The caller's surroundings and warning filters are put back; what is written gets out, as a library that
    is imported in here may keep hold of the stream for its messages."""
    with _surroundings(), warnings.catch_warnings():
        yield


@contextlib.contextmanager
def other_seeds() -> Iterator[None]:
    """Global random states that no call has seen, for as long as the block lasts: since `contained` puts them
    back, a target that draws from them would answer alike every time."""
    with _surroundings():
        random.seed(_OTHER_SEED)
        np.random.seed(_OTHER_SEED)
        yield


@contextlib.contextmanager
def contained() -> Iterator[set[str]]:
    """Everything above for as long as the block lasts; yields the set of IEEE signals seen so far.

    Signals are taken from NumPy's warnings rather than from `np.errstate(call=...)`, so that a target
    that turns warnings into errors behaves here as it does for its author. Underflow is not reported:
    it is on by default nowhere.
    """
    signals: set[str] = set()

    def collect(message: Warning | str, category: type[Warning], *_rest: Any, **_more: Any) -> None:
        if issubclass(category, RuntimeWarning):
            text = str(message)
            signals.update(name for start, name in _SIGNALS.items() if text.startswith(start))

    with (
        _streams(),
        _surroundings(),
        warnings.catch_warnings(),
        np.errstate(over="warn", invalid="warn", divide="warn", under="ignore"),
    ):
        warnings.simplefilter("always")
        warnings.showwarning = collect
        yield signals
