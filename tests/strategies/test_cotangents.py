"""Cotangents: one-hot ones, sums that cancel, and no sum that overflows."""

import numpy as np
import pytest

from stabcheck import formats
from stabcheck.strategies.cotangents import cotangents

ALL = [pytest.param(f, id=f.name) for f in formats.FORMATS.values()]


def drawn(fmt, shape, seed=0):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=shape)
    values = cotangents(rng, fmt, shape, scores)
    return fmt.widen(fmt.round_array(values)), scores


def one_hot(v):
    return (v != 0).sum(axis=-1) == 1


@pytest.mark.parametrize("fmt", ALL)
def test_manners(fmt):
    """One-hot, also at the largest score; equal everywhere; of sum zero; of very different magnitude."""
    v, scores = drawn(fmt, (800, 6))
    hit = one_hot(v)
    at_top = hit & (np.argmax(np.abs(v), axis=-1) == np.argmax(scores, axis=-1))
    equal = (v == v[:, :1]).all(axis=-1)
    cancels = (v.sum(axis=-1) == 0) & v.any(axis=-1)
    for manner in (hit, at_top, equal, cancels):
        assert manner.sum() > 20
    sizes = np.abs(v[v != 0])
    assert sizes.min() < fmt.u**2
    assert sizes.max() > fmt.max / 1000


@pytest.mark.parametrize("fmt", ALL)
@pytest.mark.parametrize("classes", [1, 2, 1000])
def test_no_sum_overflows(fmt, classes):
    """Nor does one of sixteen such sums."""
    v, _ = drawn(fmt, (300, classes))
    assert np.isfinite(v).all()
    assert (np.abs(v).sum(axis=-1, dtype=np.longdouble) * 8 < fmt.max).all()


def test_long_rows_have_more_one_hot_ones():
    """They show a stalled sum of weights, and of long rows there are few."""
    fmt = formats.get("bfloat16")
    long, short = (one_hot(drawn(fmt, (400, n))[0]).mean() for n in (500, 50))
    assert long > 0.55
    assert short < 0.4
