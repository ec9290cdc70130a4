"""Probabilities at the edges, and second rows of them beside first ones."""

import math

import numpy as np
import pytest

from stabcheck import formats
from stabcheck.strategies import simplex
from stabcheck.strategies.regimes import get

ALL = [pytest.param(f, id=f.name) for f in formats.FORMATS.values()]


@pytest.mark.parametrize("fmt", ALL)
def test_probabilities_at_the_edges(fmt):
    """Exactly 0 and 1, next to 1, and subnormal, of regimes of their own or of logits far apart."""
    rng = np.random.default_rng(3)

    def rows(regime, shape=(300, 4)):
        return fmt.widen(fmt.round_array(simplex.of_regime(rng, fmt, get(regime), shape, True)))

    assert {0.0, 1.0} <= set(rows("certain").ravel().tolist())
    near = rows("nearly certain")
    assert (near == 1 - fmt.u).any()
    wide = np.concatenate([rows(regime) for regime in ("exp range", "cliffs", "gaps", "wide")])
    assert ((wide > 0) & (wide < fmt.tiny)).any()
    assert (wide == 0).any()


def test_a_second_row_is_near_equal_or_zero_where_the_first_is_not():
    """Of divergences: equal rows, rows a few ulps away, and an exact 0 beside a number."""
    fmt = formats.get("float32")
    rng = np.random.default_rng(4)
    p = fmt.widen(fmt.round_array(simplex.of_regime(rng, fmt, get("moderate"), (400, 4), True)))
    q = simplex.beside(rng, fmt, get("moderate"), p, True)
    equal = (p == q).all(axis=-1)
    close = (np.abs(p - q) <= 8 * fmt.u * p).all(axis=-1) & ~equal
    zero = ((q == 0) & (p > 0)).any(axis=-1)
    assert min(equal.sum(), close.sum(), zero.sum()) > 15


@pytest.mark.parametrize("fmt", ALL)
@pytest.mark.parametrize("regime", ["moderate", "gaps", "certain", "nearly certain", "rare", "ties", "wide"])
def test_rows_that_sum_to_one(fmt, regime):
    """Exactly where one class has half of all, within a few u elsewhere, and in numbers of the format;
    dividing by the sum then changes no number by more than that."""
    rng = np.random.default_rng(5)
    p = simplex.summing_to_one(fmt, simplex.of_regime(rng, fmt, get(regime), (400, 5), True))
    assert fmt.holds(p).all()
    assert ((p >= 0) & (p <= 1)).all()
    sums = np.array([math.fsum(row) for row in p])
    heavy = p.max(axis=-1) >= 0.5
    counted = np.where(p < fmt.u / 2, 0.0, p)
    assert all(math.fsum(row) == 1 for row in counted[heavy])
    assert (np.abs(sums - 1) <= np.where(heavy, fmt.u / 4, 4 * fmt.u + 5 * fmt.eta)).all()


def test_rows_with_nan_stay_as_they_are():
    """And so do exact zeros beside certainty; of nothing all classes are equal."""
    fmt = formats.get("float32")
    p = np.array([[0.5, np.nan, 0.25], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    found = simplex.summing_to_one(fmt, p)
    assert np.array_equal(p[:2], found[:2], equal_nan=True)
    assert (found[2] == fmt.round_array([1 / 3])[0]).all()
