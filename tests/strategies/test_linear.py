"""Features and weights of a linear classifier."""

import numpy as np
import pytest

from stabcheck import formats
from stabcheck.strategies.linear import features_and_weights
from stabcheck.strategies.regimes import get

ALL = [pytest.param(f, id=f.name) for f in formats.FORMATS.values()]
SIZES = {"N": 3, "D": 4, "C": 5}


def drawn(fmt, regime, seed):
    x, w, scores = features_and_weights(np.random.default_rng(seed), fmt, get(regime), 20, SIZES)
    return fmt.widen(x), fmt.widen(w), scores


@pytest.mark.parametrize("fmt", ALL)
def test_scores_are_the_products(fmt):
    """Shapes (examples, N, D), (examples, D, C), (examples, N, C); nothing overflows in the format."""
    for seed in range(6):
        x, w, scores = drawn(fmt, "huge", seed)
        assert ((20, 3, 4), (20, 4, 5), (20, 3, 5)) == (x.shape, w.shape, scores.shape)
        np.testing.assert_array_equal(scores, x @ w)
        assert np.abs(scores).max() < fmt.max
        assert (w**2).sum(axis=(1, 2)).max() < fmt.max


def test_columns_cancel():
    """In some blocks half of the weights are the others with the sign changed, but for a few ulps, under
    equal features; in others X picks rows of W."""
    fmt = formats.get("float32")
    cancelling = picking = 0
    for seed in range(30):
        x, w, scores = drawn(fmt, "moderate", seed)
        pairs = (x[..., :2] == x[..., 2:]).all() and np.allclose(w[:, :2], -w[:, 2:], rtol=8 * fmt.u)
        if pairs:
            cancelling += 1
            assert (np.abs(scores) <= 32 * fmt.u * (np.abs(x) @ np.abs(w))).all()
        picking += bool(((x == 1).sum(axis=-1) == 1).all())
    assert min(cancelling, picking) > 3
