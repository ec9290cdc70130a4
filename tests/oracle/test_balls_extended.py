"""Balls where no number is certain or finite: exact values, infinities, overflow, doubt."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from stabcheck.oracle.balls import BallContext64
from stabcheck.oracle.balls_value import Condition
from stabcheck.oracle.dd_balls import DDBallContext

INF = math.inf

both = pytest.mark.parametrize("k", [BallContext64(), DDBallContext()], ids=["float64", "double-double"])


def array(k, *numbers):
    return k.array(np.array([numbers], dtype=np.float64))


def around(k, middle, radius):
    return replace(array(k, middle), abs=radius)


def ends(k, a):
    """The enclosures as pairs of float64 ends."""
    e = k.enclosure(a)
    scale = np.broadcast_to(np.ldexp(1.0, np.clip(e.exponent, -1074, 1000).astype(np.int32)), e.shape)
    return [
        ((h - r) * s, (h + r) * s) for h, r, s in zip(e.head.flat, e.radius.flat, scale.flat, strict=True)
    ]


def exact(k, a):
    """The values, which must all be exact float64 numbers."""
    e = k.enclosure(a)
    assert np.all(e.radius == 0)
    assert np.all(e.tail == 0)
    return np.ldexp(e.head, e.exponent.astype(np.int32)).ravel().tolist()


def unknown(k, a):
    return np.isinf(k.enclosure(a).radius).ravel().tolist()


@both
def test_functions_take_their_limits_exactly(k):
    """At an exact infinity, and at the pole of log, the limit is exact."""
    x = array(k, INF, -INF)
    assert [INF, 0.0] == exact(k, k.exp(x))
    for lower, upper in (ends(k, k.expm1(-x))[0], ends(k, k.tanh(-x))[0]):
        assert -1 - 1e-12 <= lower <= -1 <= upper <= -1 + 1e-12
    assert [INF, INF] == exact(k, k.abs(x))
    assert [-INF, INF] == exact(k, k.log(array(k, 0.0, INF)))
    assert [-INF, INF] == exact(k, k.log1p(array(k, -1.0, INF)))
    assert [INF, 0.0] == exact(k, k.sqrt(array(k, INF, 0.0)))


@both
def test_arithmetic_with_infinities(k):
    """Infinities absorb finite numbers, and finite numbers over an infinity are 0."""
    x = array(k, INF, -INF)
    assert [INF, -INF] == exact(k, x + 1e308)
    assert [INF, -INF] == exact(k, x - array(k, 3.0, 5.0))
    assert [-INF, INF] == exact(k, x * -0.5)
    assert [-INF, INF] == exact(k, x * array(k, -3.0, -3.0))
    assert [0.0, 0.0] == exact(k, 1 / x)
    assert [INF, -INF] == exact(k, x / 3)
    assert [INF, INF] == exact(k, x * x)
    assert [INF] == exact(k, k.sum(array(k, 1.0, INF, 2.0)))
    assert [-INF] == exact(k, k.sum(array(k, 1.0, -INF, 2.0)))
    assert [2.0] == exact(k, k.max(array(k, 1.0, -INF, 2.0)))
    assert [INF] == exact(k, k.max(array(k, 1.0, INF, 2.0)))


@both
def test_what_has_no_value_is_unknown(k):
    """inf - inf, 0 inf, 0/0, 1/0, log and sqrt of a negative number: the next rung decides."""
    x = array(k, INF, 0.0, -2.0)
    assert [True, False, False] == unknown(k, x - x)
    assert [True, False, False] == unknown(k, x * array(k, 0.0, 1.0, 1.0))
    assert [True, True, False] == unknown(k, x / x)
    assert [False, True, False] == unknown(k, 1 / x)
    assert [False, False, True] == unknown(k, k.log(x))
    assert [False, False, True] == unknown(k, k.log1p(x))
    assert [False, False, True] == unknown(k, k.sqrt(x))
    assert [True] == unknown(k, k.sum(array(k, INF, -INF)))


@both
def test_doubt_about_zero_is_unknown(k):
    """A divisor, an argument of log or sqrt that touches 0, whatever its midpoint."""
    a = around(k, 1.0, 1.0)
    for result in (1 / a, k.log(a), k.sqrt(a), k.log1p(around(k, -0.5, 0.5)), a**-2):
        assert [True] == unknown(k, result)


@both
def test_zero_within_the_smallest_radius_is_no_divisor(k):
    """Beside divisors about which there is no doubt as well."""
    a = replace(array(k, 2.0, 0.0), abs=np.array([[0.0, 2.0**-1074]]))
    for result in (1 / a, k.log(a)):
        assert [False, True] == unknown(k, result)
    assert [True] == unknown(k, 1 / around(k, 0.0, 2.0**-1074))


@both
def test_a_wide_ball_far_below_zero_may_reach_above_it(k):
    """What lies below the range of exp needs no radius only if all of it does; masked logits or not."""
    for middle, beside in ((-5000.0, 1.0), (-4096.0, 1.0), (-5000.0, -INF)):
        x = replace(array(k, middle, beside), abs=np.array([[-middle + 100.0, 0.0]]))
        y = k.exp(x)
        assert unknown(k, y)[0] or ends(k, y)[0][1] >= math.exp(99.0)
        assert not unknown(k, y)[1]
    lower, upper = ends(k, k.exp(around(k, -5000.0, 10.0)))[0]
    assert lower <= 0 <= upper < 1e-260


@both
def test_masked_logits_stay_exact(k):
    """-inf less numbers that are known to a radius is -inf, and its weight an exact 0, beside others."""
    x = array(k, -INF, 1.0, 2.0)
    third = k.value(Fraction(1, 3))
    apart = (x - k.max(x)) - third
    e = k.enclosure(apart)
    assert [-INF, 0.0] == [e.head[0, 0], e.radius[0, 0]]
    for (lower, upper), real in zip(ends(k, apart)[1:], (-4 / 3, -1 / 3), strict=True):
        assert lower <= real + 1e-15
        assert real - 1e-15 <= upper <= lower + 1e-14
    w = k.enclosure(k.exp(apart))
    assert [0.0, 0.0] == [w.head[0, 0], w.radius[0, 0]]
    assert not np.isinf(w.radius).any()


@both
def test_unknown_stays_unknown(k):
    """Nothing but a selection or an absolute 0 in xlogy gets rid of an infinite radius."""
    lost = array(k, INF) - array(k, INF)
    for result in (lost + 1, lost * 0, lost - lost, k.exp(lost), k.sum(lost), k.max(lost), -lost, lost**2,
                   k.tanh(lost), k.maximum(lost, 0), k.where(lost < 1, 2, 3) * lost):  # fmt: skip
        assert [True] == unknown(k, result)
    assert [0.0] == exact(k, k.xlogy(0, lost))
    assert [False] == unknown(k, k.where(np.array([[False]]), lost, 7))


@both
def test_exp_saturates_soundly(k):
    """Beyond every exponent: a ball around tiny numbers below, an overflow above that 1/x undoes."""
    x = array(k, -1e308, 1e308)
    lower, upper = ends(k, k.exp(array(k, -1e308)))[0]
    assert lower <= 0 < upper < 1e-260
    assert [False, True] == unknown(k, k.exp(x))
    sigmoid = ends(k, 1 / (1 + k.exp(-x)))
    assert sigmoid[0][0] <= 0 < sigmoid[0][1] < 1e-260
    assert sigmoid[1][0] <= 1 <= sigmoid[1][1] < 1 + 1e-14


@both
def test_wide_arguments_of_exp_give_wide_results(k):
    """A radius of 5 at 0 is an interval that reaches from e^-5 (or 0) to e^5."""
    lower, upper = ends(k, k.exp(around(k, 0.0, 5.0)))[0]
    assert lower <= math.exp(-5)
    assert math.exp(5) <= upper <= math.exp(5) * (1 + 1e-9)
    assert [True] == unknown(k, k.exp(around(k, 0.0, 1e308)))


@both
def test_numbers_mix_exactly(k):
    """Integers, floats and fractions are the numbers they are."""
    x = array(k, 1.5, -3.0)
    assert [3.0, -6.0] == exact(k, 2 * x)
    assert [0.75, -1.5] == exact(k, x * Fraction(1, 2))
    assert [0.75, -1.5] == exact(k, x / 2)
    assert [1.5, -3.0] == exact(k, x + 0)
    assert [-1.5, 3.0] == exact(k, -x * 1)
    assert [1.0, 1.0] == exact(k, x**0)
    third = k.enclosure(k.value(Fraction(1, 3)))
    distance = (
        Fraction(float(third.head))
        + Fraction(float(third.tail))
        - Fraction(1, 3) / Fraction(2) ** int(third.exponent)
    )
    assert abs(distance) <= Fraction(float(third.radius))
    assert float(third.radius) < 2.0**-50


@both
def test_a_sum_with_one_nonzero_term_is_exact(k):
    """So that x - sum(where(pivot, x, 0)) loses nothing under a common offset."""
    x = k.array(np.array([[1e300, 3.0, -1e-300], [5e-324, 0.1, 7.0]]))
    assert [1e300, 7.0] == exact(k, k.sum(k.where(k.pivot(x), x, 0)))


@both
def test_pivot_is_one_largest_entry(k):
    """The first of several, of infinite and of exponent-carrying rows too."""
    x = k.array(np.array([[1.0, 2.0, 2.0], [-INF, -INF, -INF], [-INF, 0.0, INF]]))
    expected = [[False, True, False], [True, False, False], [False, False, True]]
    assert expected == k.pivot(x).tolist()
    assert [[True, False, False]] == k.pivot(k.exp(array(k, -5000.0, -6000.0, -INF))).tolist()


@both
def test_comparisons_may_be_undecided(k):
    """Overlapping balls are neither; `where` then holds both branches, and exact ones are plain masks."""
    a = replace(array(k, 1.0, 1.0, 1.0), abs=np.array([[0.5, 0.0, 0.25]]))
    condition = a > array(k, 1.25, 1.0, 0.5)
    assert isinstance(condition, Condition)
    assert [[False, False, True]] == condition.yes.tolist()
    assert [[False, True, False]] == condition.no.tolist()
    lower, upper = ends(k, k.where(condition, 2, -3))[0]
    assert lower <= -3 < 2 <= upper
    assert [[True, True, False]] == (array(k, 1.0, INF, -INF) >= array(k, 1.0, INF, 0.0)).tolist()


@both
def test_maximum_of_overlapping_balls(k):
    """The larger of two numbers of which neither is certainly larger."""
    lower, upper = ends(k, k.maximum(around(k, 1.0, 0.5), around(k, 1.25, 0.5)))[0]
    assert lower <= 0.75
    assert 1.75 <= upper < 3


@both
def test_nothing_warns(k):
    """Overflow, underflow, division by 0 and infinities on the way are nobody's business."""
    x = k.array(np.array([[INF, -INF, 0.0, 1.7e308, -1.7e308, 5e-324, 1e-200]]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for y in (x, k.exp(x), x * x, x - x):
            for f in (
                k.exp,
                k.log,
                k.log1p,
                k.expm1,
                k.tanh,
                k.sqrt,
                k.abs,
                k.sum,
                k.max,
                k.pivot,
                k.enclosure,
            ):
                f(y)
            for z in (x, y):
                for result in (
                    y + z,
                    y - z,
                    y * z,
                    y / z,
                    y < z,
                    k.maximum(y, z),
                    k.xlogy(y, z),
                    y**3,
                    y**-2,
                ):
                    assert result is not None


@both
def test_shapes_and_empty_arrays(k):
    """Reductions keep their axis; empty rows sum to 0 and empty blocks stay empty."""
    x = k.array(np.zeros((4, 3, 2)))
    assert (4, 3, 1) == k.shape(k.sum(k.exp(x)))
    assert (4, 1, 2) == k.shape(k.sum(k.exp(x), axis=-2))
    assert (4, 2, 3) == k.shape(k.transpose(k.exp(x)))
    assert (4, 3, 3) == k.shape(k.matmul(x, k.transpose(x)))
    assert [0.0, 0.0] == exact(k, k.sum(k.array(np.zeros((2, 0)))))
    empty = k.array(np.zeros((0, 5)))
    assert (0, 5) == k.shape(k.exp(empty - k.max(empty)) / k.sum(k.exp(empty)))
