"""Probabilities at the edges, and second rows of them beside first ones."""

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
