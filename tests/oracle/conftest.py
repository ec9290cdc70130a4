"""Hard numbers for balls, and the check that arb finds every ball to hold what it must hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

flint = pytest.importorskip("flint")

#: Precisions at which arb is asked, until it is certain.
PRECISIONS = (192, 512, 1536, 5120)


def _numbers(rng: np.random.Generator, count: int) -> np.ndarray:
    """Adversarial float64 numbers, each family equally often."""
    sign = rng.choice([-1.0, 1.0], count)
    steps = rng.integers(-4, 5, count)
    families = [
        sign * 10.0 ** rng.uniform(-3, 3, count),
        rng.integers(0, 2**64, count, dtype=np.uint64).view(np.float64),  # uniform over bit patterns
        sign * 2.0 ** rng.integers(-60, 60, count) * (1 + steps * 2.0**-52),
        rng.integers(-1100, 1100, count) * math.log(2.0) * (1 + steps * 2.0**-52),
        (rng.integers(-4000, 4000, count) + 0.5) * (math.log(2.0) / 2048) * (1 + steps * 2.0**-52),
        sign * (1 + steps * 2.0 ** rng.integers(-52, -1, count)),
        sign * 10.0 ** rng.uniform(-25, -1, count),
        sign * rng.integers(0, 2**52, count) * 2.0**-1074,
        sign * 10.0 ** rng.uniform(3, 308, count),
        sign * 2.0 ** rng.integers(-1074, 1023, count),
        rng.choice([0.0, -0.0, math.inf, -math.inf, 2.0**-1074, 1.7976931348623157e308, -1.0, 1.0], count),
    ]
    picked = np.stack(families)[rng.integers(0, len(families), count), np.arange(count)]
    return np.where(np.isnan(picked), 0.5, picked)


def _exactly(x: float) -> Any:
    """A float64 number as an exact arb."""
    if math.isinf(x):
        return flint.arb.pos_inf() if x > 0 else flint.arb.neg_inf()
    return flint.arb(x)


@dataclass(frozen=True)
class Checker:
    """Counts what is wrong with an enclosure; nothing may be."""

    numbers: Callable[[np.random.Generator, int], np.ndarray] = _numbers

    def exactly(self, x: float) -> Any:
        """A float64 number as an exact arb."""
        return _exactly(x)

    def points(self, ball: Any, rng: np.random.Generator) -> list[tuple[float, ...]]:
        """One number of every ball, as floats and an exponent: head + low + part of the radius."""
        shape = ball.hi.shape
        low = np.zeros(shape) if ball.lo is None else ball.lo
        exponent = np.zeros(shape, dtype=np.int64) if ball.exp is None else ball.exp
        rel = np.broadcast_to(np.asarray(ball.rel), shape)
        absolute = np.broadcast_to(np.asarray(ball.abs), shape)
        theta = rng.choice([-1.0, -0.5, 0.0, 1.0], shape)
        return list(
            zip(*(np.ravel(a).tolist() for a in (ball.hi, low, exponent, rel, absolute, theta)), strict=True)
        )

    def point(self, parts: tuple[float, ...]) -> Any:
        head, low, exponent, rel, absolute, theta = parts
        if math.isinf(head):
            return _exactly(head)
        if low == exponent == rel == absolute == 0:
            return flint.arb(head)
        inner = flint.arb(head) + flint.arb(low) + theta * (flint.arb(rel) * abs(flint.arb(head)) + absolute)
        return inner * _unit(-exponent)

    def missed(
        self, enclosure: Any, reference: Callable[[int], Any], places: Iterable[int] | None = None
    ) -> list[int]:
        """Places whose enclosure does not hold `reference(i)`, an arb that sharpens with flint.ctx.prec.

        An infinite radius holds everything; no other enclosure holds what arb calls no number.
        """
        elements = _elements(enclosure)
        left = list(range(len(elements)) if places is None else places)
        for precision in PRECISIONS:
            flint.ctx.prec = precision
            left = [i for i in left if not _holds(*elements[i], reference(i))]
        flint.ctx.prec = 53
        return left

    def not_yet(self, enclosure: Any, values: list[Any]) -> list[int]:
        """Places whose enclosure does not certainly hold the arb value, at the precision that is set."""
        elements = _elements(enclosure)
        return [i for i, (e, value) in enumerate(zip(elements, values, strict=True)) if not _holds(*e, value)]


def _elements(enclosure: Any) -> list[tuple[float, float, int, float]]:
    parts = np.broadcast_arrays(enclosure.head, enclosure.tail, enclosure.exponent, enclosure.radius)
    return list(zip(*(part.ravel().tolist() for part in parts), strict=True))


@cache
def _unit(exponent: int) -> Any:
    return flint.arb(2) ** -exponent


def _holds(head: float, tail: float, exponent: int, radius: float, value: Any) -> bool:
    if radius == math.inf:
        return True
    if math.isinf(head):
        return bool(value == _exactly(head))
    if exponent:
        value = value * _unit(exponent)
    return bool(abs(value - head - tail) <= radius)


@pytest.fixture(scope="session")
def balls_checker() -> Checker:
    return Checker()


@pytest.fixture(autouse=True)
def _quiet():
    """What overflows or has no value is told by radii: the ladder silences NumPy around every formula."""
    with np.errstate(all="ignore"):
        yield
