"""Plain float64 under the context protocol."""

from fractions import Fraction

import numpy as np
import pytest

from stabcheck.oracle.doubles import DoubleContext, first_largest

K = DoubleContext()


def test_fractions_may_stand_anywhere():
    """A float64 array times a Fraction is an object array to NumPy; the functions take it nevertheless."""
    x = K.array(np.array([[0.25, 0.5]]))
    third = x * Fraction(1, 4) + Fraction(1, 2)
    plain = x / 4 + 0.5
    for name in ("exp", "log", "log1p", "expm1", "tanh", "sqrt", "abs", "sum", "max", "transpose"):
        function = getattr(K, name)
        np.testing.assert_array_equal(function(plain), function(third), strict=True)
    for name in ("maximum", "minimum", "xlogy"):
        function = getattr(K, name)
        np.testing.assert_array_equal(function(plain, 0.5625), function(third, Fraction(9, 16)), strict=True)
    chosen = K.where(third > Fraction(9, 16), Fraction(1, 8), third)
    np.testing.assert_array_equal([[0.5625, 0.125]], chosen, strict=True)
    np.testing.assert_array_equal(K.pivot(plain), K.pivot(third))
    np.testing.assert_array_equal([[0.625]], K.take(third, np.array([[1]])), strict=True)


def test_reductions_keep_their_axis():
    """sum and max along -1 or -2; the sum of nothing is 0, the largest of nothing -inf."""
    x = K.array(np.array([[1.0, 5.0], [3.0, 2.0]]))
    assert [[6.0], [5.0]] == K.sum(x).tolist()
    assert [[4.0, 7.0]] == K.sum(x, -2).tolist()
    assert [[5.0], [3.0]] == K.max(x).tolist()
    assert [[3.0, 5.0]] == K.max(x, -2).tolist()
    nothing = K.array(np.zeros((2, 0)))
    assert ([[0.0], [0.0]], [[-np.inf], [-np.inf]]) == (K.sum(nothing).tolist(), K.max(nothing).tolist())


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_xlogy_is_zero_where_its_first_factor_is():
    """0 log b is 0 whatever b is."""
    result = K.xlogy(np.array([0.0, -0.0, 2.0, 0.0]), np.array([0.0, np.inf, 1.0, np.nan]))
    assert [0.0, 0.0, 0.0, 0.0] == result.tolist()
    assert [-np.inf] == K.xlogy(np.array([1.0]), np.array([0.0])).tolist()


def test_first_largest():
    """One True in every row, the first of equal ones; none in a row without entries."""
    rows = np.array([[1.0, 3.0, 3.0], [-np.inf, -np.inf, -np.inf]])
    assert [[False, True, False], [True, False, False]] == first_largest(rows).tolist()
    assert (2, 0) == first_largest(np.zeros((2, 0))).shape
