"""Enclosures of intervals: containment of both ends, exact points, the far ends of the number line."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from mpmath.libmp import finf, fnan, fninf, from_float, from_man_exp, fzero

from stabcheck.oracle.enclosure import Enclosure
from stabcheck.oracle.interval_enclosure import FARTHEST, enclose
from stabcheck.oracle.intervals import IntervalContext
from stabcheck.oracle.mpf_arrays import filled
from stabcheck.oracle.mpf_functions import Mpf


def enclosed(lo: Mpf, hi: Mpf) -> tuple[float, float, int, float]:
    e = enclose(filled((), [lo]), filled((), [hi]))
    return e.head.item(), e.tail.item(), e.exponent.item(), e.radius.item()


def as_fraction(x: Mpf) -> Fraction:
    sign, mantissa, exponent, _ = x
    return Fraction(-int(mantissa) if sign else int(mantissa)) * Fraction(2) ** exponent


def covers(e: Enclosure, place: tuple[int, ...], x: Mpf) -> bool:
    scale = Fraction(2) ** int(e.exponent[place])
    centre = Fraction(e.head[place]) + Fraction(e.tail[place])
    return abs(as_fraction(x) - centre * scale) <= Fraction(e.radius[place]) * scale


def random_numbers(rng: np.random.Generator, count: int) -> list[Mpf]:
    return [
        from_man_exp(
            int(rng.choice([-1, 1])) * (int.from_bytes(rng.bytes(40)) >> int(rng.integers(0, 310))),
            int(rng.integers(-1500, 1500)),
        )
        for _ in range(count)
    ]


def test_covers_both_ends() -> None:
    """Exactly: |end - (head + tail) 2^exponent| <= radius 2^exponent, wide or narrow, around zero or not."""
    rng = np.random.default_rng(0)
    ends = [
        sorted(pair, key=as_fraction)
        for pair in zip(random_numbers(rng, 2000), random_numbers(rng, 2000), strict=True)
    ]
    for x in random_numbers(rng, 2000):  # narrow: x and x + some units in a far place
        near = as_fraction(x) * (1 + Fraction(int(rng.integers(1, 99)), 2 ** int(rng.integers(8, 400))))
        y = from_man_exp(near.numerator, 1 - near.denominator.bit_length())
        ends.append(sorted((x, y), key=as_fraction))
    lo, hi = filled((len(ends),), [p[0] for p in ends]), filled((len(ends),), [p[1] for p in ends])
    e = enclose(lo, hi)
    assert all(covers(e, (i,), x) for i, pair in enumerate(ends) for x in pair)
    normal = e.head != 0
    assert np.all((np.abs(e.head[normal]) >= 0.5) & (np.abs(e.head[normal]) < 1))
    assert np.all(np.abs(e.tail) <= np.spacing(np.abs(e.head)) / 2)


def test_radius_is_close_to_the_halfwidth() -> None:
    """A narrow interval keeps about 2^-106 of its own size, plus half its width."""
    k = IntervalContext(300)
    e = k.enclosure(k.exp(k.array(np.linspace(-700, 700, 100))))
    assert np.all(e.radius <= 2.0**-106)
    assert np.all(e.radius > 0)


@pytest.mark.parametrize("x", [0.0, 1.0, -0.75, 5e-324, 1.7976931348623157e308, 0.1])
def test_points_that_fit_are_exact(x: float) -> None:
    """A double is its own enclosure, with radius 0."""
    head, tail, exponent, radius = enclosed(from_float(x), from_float(x))
    assert (x, 0.0, 0.0) == (math.ldexp(head, exponent), tail, radius)


def test_point_of_106_bits_is_exact() -> None:
    """Head and tail together hold 1 - 2^-106; one bit more needs a radius."""
    assert 0.0 == enclosed(*[from_man_exp(2**106 - 1, -106)] * 2)[3]
    assert 0.0 < enclosed(*[from_man_exp(2**53 * 3 * (2**60 + 1) + 1, -120)] * 2)[3] < 2.0**-104


def test_point_with_a_bit_beyond_double_range() -> None:
    """1 + 2^-2000: no tail can hold the last bit, a radius covers it."""
    x = from_man_exp(2**2000 + 1, -2000)
    e = enclose(filled((1,), [x]), filled((1,), [x]))
    assert covers(e, (0,), x)
    assert 0.0 < e.radius[0] < 2.0**-900


def test_infinities_and_no_value() -> None:
    """+-inf and "no value" have radius 0; an interval that may be infinite has an infinite radius."""
    assert (math.inf, 0.0, 0, 0.0) == enclosed(finf, finf)
    assert (-math.inf, 0.0, 0, 0.0) == enclosed(fninf, fninf)
    assert (0.0, 0.0, 0, math.inf) == enclosed(fninf, finf) == enclosed(from_float(1.0), finf)
    head, _, _, radius = enclosed(fnan, fnan)
    assert math.isnan(head)
    assert 0.0 == radius


def test_beyond_the_exponents() -> None:
    """Smaller than an exponent can say: the smallest binade, with its sign. Larger: unknown."""
    small = from_man_exp(1, -(1 << 70))
    negative = from_man_exp(-1, -(1 << 70))
    assert (0.5, 0.0, -FARTHEST, 0.5) == enclosed(small, small) == enclosed(fzero, small)
    assert (-0.5, 0.0, -FARTHEST, 0.5) == enclosed(negative, negative) == enclosed(negative, fzero)
    assert (0.0, 0.0, -FARTHEST, 1.0) == enclosed(negative, small)
    large = from_man_exp(1, 1 << 70)
    assert math.inf == enclosed(large, large)[3]


def test_shape_is_kept() -> None:
    """The enclosure has the shape of the intervals, rows can be taken."""
    k = IntervalContext(64)
    e = k.enclosure(k.exp(k.array(np.zeros((3, 2)))))
    assert (3, 2) == e.shape
