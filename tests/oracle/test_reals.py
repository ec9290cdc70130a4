"""The uncertified carrier: formulas on mpf numbers of fixed precision."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from stabcheck.formats import FORMATS
from stabcheck.oracle.intervals import IntervalContext
from stabcheck.oracle.reals import RealContext

INF = math.inf
K = RealContext(200)


def rows() -> np.ndarray:
    return np.array([[0.5, -3.0, 2.0], [-INF, 1000.0, 1000.0], [0.0, 0.0, -INF]])


def test_softmax_and_logsumexp() -> None:
    """The textbook's formulas run on rows with huge and infinite logits."""
    x = K.array(rows())
    e = K.exp(x)
    softmax, lse = K.doubles(e / K.sum(e)), K.doubles(K.log(K.sum(e)))
    np.testing.assert_array_equal(softmax[1:], [[0, 0.5, 0.5], [0.5, 0.5, 0]])
    np.testing.assert_allclose(lse[1:], [[1000 + math.log(2)], [math.log(2)]], rtol=1e-16)


@pytest.mark.parametrize("function", ["exp", "log", "log1p", "expm1", "tanh", "sqrt", "abs"])
def test_agrees_with_the_intervals(function: str) -> None:
    """Each function is the interval's, rounded to float64."""
    x = np.concatenate([np.geomspace(1e-300, 1e3, 200), [0.0, 1.0, INF]])
    k = IntervalContext(200)
    expected = k.rounded_ends(getattr(k, function)(k.array(x)), FORMATS["float64"])[0]
    np.testing.assert_array_equal(K.doubles(getattr(K, function)(K.array(x))), expected)


def test_precision_is_fixed() -> None:
    """At 200 bits log(1 + e^-150) is 0: why this carrier gives no verdicts."""
    x = np.array([[0.0, -150.0]])
    assert [[0.0]] == K.doubles(K.log(K.sum(K.exp(K.array(x))))).tolist()
    finer = RealContext(400)
    assert math.exp(-150) == pytest.approx(
        finer.doubles(finer.log(finer.sum(finer.exp(finer.array(x))))).item(), rel=1e-15
    )


def test_extended_reals() -> None:
    """Limits are taken, what has none is NaN, and dividing by zero gives an infinity."""
    x = K.array(np.array([1.0, 0.0, -1.0, INF, -INF]))
    np.testing.assert_array_equal(K.doubles(K.log(x)), [0, -INF, math.nan, INF, math.nan])
    np.testing.assert_array_equal(K.doubles(K.sqrt(x)), [1, 0, math.nan, INF, math.nan])
    np.testing.assert_array_equal(K.doubles(x / 0), [INF, math.nan, -INF, INF, -INF])
    np.testing.assert_array_equal(K.doubles(1 / x), [1, INF, -1, 0, 0])
    np.testing.assert_array_equal(K.doubles(K.log1p(x - 1)), [0, -INF, math.nan, INF, math.nan])
    np.testing.assert_array_equal(K.doubles(x - x), [0, 0, 0, math.nan, math.nan])
    np.testing.assert_array_equal(K.doubles(K.xlogy(x, x)), [0, 0, math.nan, INF, math.nan])


def test_numbers_mix_in() -> None:
    """Fractions, ints, floats and NumPy scalars meet a value on either side."""
    x = K.array(np.array([3.0, 6.0]))
    for result in (x * Fraction(1, 3), x / 3, np.float64(1) * (x / 3), K.value(Fraction(1, 3)) * x):
        np.testing.assert_array_equal(K.doubles(result), [1.0, 2.0])


def test_selection() -> None:
    """where, maximum, minimum, max, take and pivot choose elements."""
    x = K.array(rows())
    np.testing.assert_array_equal(K.doubles(K.max(x)), [[2], [1000], [0]])
    np.testing.assert_array_equal(K.doubles(K.where(x > 0, 1, Fraction(1, 2)))[0], [1, 0.5, 1])
    np.testing.assert_array_equal(K.doubles(K.maximum(x, 1))[0], [1, 1, 2])
    np.testing.assert_array_equal(K.doubles(K.minimum(x, 1))[0], [0.5, -3, 1])
    np.testing.assert_array_equal(K.doubles(K.take(x, np.array([[2], [1], [0]]))), [[2], [1000], [0]])
    np.testing.assert_array_equal(
        K.pivot(x), [[False, False, True], [False, True, False], [True, False, False]]
    )


def test_matrices_and_empty_rows() -> None:
    """Matrix products, transposes; an empty row sums to 0 and has maximum -inf."""
    a = np.arange(6.0).reshape(2, 3)
    product = K.matmul(K.array(a), K.transpose(K.array(a)))
    np.testing.assert_array_equal(K.doubles(product), a @ a.T)
    empty = K.array(np.zeros((2, 0)))
    np.testing.assert_array_equal(K.doubles(K.sum(empty)), [[0], [0]])
    np.testing.assert_array_equal(K.doubles(K.max(empty)), [[-INF], [-INF]])


def test_midpoints_of_enclosures() -> None:
    """`enclosed` gives (head + tail) 2^exponent, beyond the range of doubles too."""
    k = IntervalContext(200)
    x = np.array([[-5000.0, 0.25, 5000.0]])
    midpoints = K.enclosed(k.enclosure(k.exp(k.array(x))))
    np.testing.assert_allclose(K.doubles(K.log(midpoints)), x, rtol=1e-16)


def test_contexts_do_not_share_their_precision() -> None:
    """Each context has an mpmath context of its own; mpmath's global one is untouched."""
    before = mpmath.mp.prec
    coarse, fine = (RealContext(p).value(1) / 3 for p in (64, 500))
    # The error of 1/3, which has infinitely many digits, tells the precision it was computed with.
    assert [2.0**-65, 2.0**-501] == [
        float(abs(Fraction(*mpmath.libmp.to_rational(third._mpf_)) - Fraction(1, 3)) * 3)
        for third in (coarse, fine)
    ]
    assert before == mpmath.mp.prec
