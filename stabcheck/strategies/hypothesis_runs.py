"""Hypothesis as the source of numbers: one run draws many, another is told how well each served.

Every run has a thread of its own: Hypothesis refuses to run inside a test of its own, and a user may well
check a target there. What is drawn depends on the seed only: not on the profile, the CI variable, a database
or constants in the user's files.
"""

from __future__ import annotations

import functools
import queue
import threading
from collections.abc import Generator
from typing import Any

import hypothesis
from hypothesis import strategies as st

#: Bits of a drawn number.
BITS = 32
#: A number drawn bit by bit: among integers Hypothesis mixes constants that it finds in the user's own source
#: files.
_NUMBERS = st.lists(st.booleans(), min_size=BITS, max_size=BITS).map(
    lambda bits: sum(bit << place for place, bit in enumerate(bits))
)


@functools.lru_cache(maxsize=16)
def drawn(seed: int, count: int) -> tuple[int, ...]:
    """About so many numbers of `BITS` bits (it may stop early in a small space)."""
    numbers: list[int] = []
    _beside(lambda: _run(seed, count, _NUMBERS, numbers.append, hypothesis.Phase.generate)).join()
    return tuple(numbers)


def proposals(seed: int, count: int, strategy: st.SearchStrategy[Any]) -> Generator[Any, float, None]:
    """About so many values of a strategy, drawn with an eye on what the last ones scored.

    Send the score of each (finite) to get the next: `hypothesis.target` climbs on it.
    """
    asked: queue.SimpleQueue[Any] = queue.SimpleQueue()
    told: queue.SimpleQueue[float | None] = queue.SimpleQueue()
    over = object()

    def propose(value: Any) -> None:
        asked.put(value)
        score = told.get()
        if score is None:
            raise _Enough
        hypothesis.target(score)

    def run() -> None:
        try:
            _run(seed, count, strategy, propose, hypothesis.Phase.generate, hypothesis.Phase.target)
        except _Enough:
            pass
        finally:
            asked.put(over)

    _beside(run)
    try:
        while (value := asked.get()) is not over:
            told.put((yield value))
    finally:
        told.put(None)


class _Enough(BaseException):
    """Nobody asks for more."""


def _run(
    seed: int, count: int, strategy: st.SearchStrategy[Any], take: Any, *phases: hypothesis.Phase
) -> None:
    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=False,
        phases=phases,
        suppress_health_check=list(hypothesis.HealthCheck),
        verbosity=hypothesis.Verbosity.quiet,
        print_blob=False,
        report_multiple_bugs=False,
        backend="hypothesis",
    )
    @hypothesis.given(strategy)
    def each(value: Any) -> None:
        take(value)

    each()


def _beside(run: Any) -> threading.Thread:
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread
