"""Regimes: every one fills its shape with numbers of the right nature, in every format."""

import numpy as np
import pytest

from stabcheck import formats
from stabcheck.errors import UsageError
from stabcheck.strategies.regimes import REGIMES, column, get, log_uniform, top_mask

ALL = [pytest.param(f, id=f.name) for f in formats.FORMATS.values()]
EVERY = [pytest.param(r, id=r.name) for r in REGIMES.values()]
#: Regimes that hold what their name says.
NAN, INFINITE = {"nan"}, {"mask", "masks", "padding", "infinite"}


def drawn(regime, fmt, shape=(300, 9), seed=0):
    """Numbers of a regime, rounded to the format."""
    if isinstance(regime, str):
        regime = get(regime)
    return fmt.widen(fmt.round_array(regime.fill(np.random.default_rng(seed), fmt, shape)))


@pytest.mark.parametrize("fmt", ALL)
@pytest.mark.parametrize("regime", EVERY)
def test_shapes_and_nature(regime, fmt):
    """The shape that was asked for, wide or narrow; NaN and infinities only where they are meant."""
    lengths = regime.lengths or (1, 2, 9)
    shapes = [(40, n) for n in lengths] + [(1, lengths[0]), *([(7, 5, 3)] if not regime.lengths else [])]
    for shape in shapes:
        x = drawn(regime, fmt, shape)
        assert shape == x.shape
        assert (regime.name in NAN) == bool(np.isnan(x).any())
        if regime.name not in INFINITE:
            assert not np.isinf(x).any()
    if regime.name in INFINITE:
        assert np.isneginf(drawn(regime, fmt)).any()
    assert (regime.name == "infinite") == bool(np.isposinf(drawn(regime, fmt)).any())


@pytest.mark.parametrize("fmt", ALL)
@pytest.mark.parametrize("regime", EVERY)
def test_the_generator_decides(regime, fmt):
    """Equal seeds give equal numbers; others (almost) never."""
    shape = (40, (regime.lengths or (9,))[-1])
    same = [drawn(regime, fmt, shape, 1), drawn(regime, fmt, shape, 1), drawn(regime, fmt, shape, 2)]
    np.testing.assert_array_equal(same[0], same[1])
    assert same[0].size == 0 or not np.array_equal(same[0], same[2], equal_nan=True)


@pytest.mark.parametrize("fmt", ALL)
def test_both_sides_of_every_cliff(fmt):
    """Within 3 % of each there are numbers above and below."""
    x = drawn("cliffs", fmt, (3000, 4))
    for cliff in fmt.cliffs.values():
        near = x[np.abs(x - cliff) < 0.03 * abs(cliff)]
        assert min((near > cliff).sum(), (near < cliff).sum()) > 3, cliff


@pytest.mark.parametrize("fmt", ALL)
def test_the_whole_range_is_reached(fmt):
    """huge: up to the largest number, both signs; tiny: down to the smallest; bits: all binades."""
    huge, tiny, bits = (drawn(name, fmt, (2000, 8)) for name in ("huge", "tiny", "bits"))
    assert (fmt.max, -fmt.max) == (huge.max(), huge.min())
    size = np.abs(tiny)
    assert size[size > 0].min() == fmt.eta
    assert (size <= 17 * fmt.tiny).all()
    binades = np.unique(np.frexp(bits[bits != 0])[1])
    assert binades.size > 0.9 * min(fmt.emax - fmt.emin, 1500)


@pytest.mark.parametrize("fmt", ALL)
def test_ties(fmt):
    """ties: all equal; near ties: within some steps of the format, and not all equal."""
    x = drawn("ties", fmt)
    assert (x == x[:, :1]).all()
    near = fmt.ordinal(fmt.round_array(drawn("near ties", fmt)))
    spread = near.max(axis=-1) - near.min(axis=-1)
    assert (spread <= 6).all()
    assert (spread > 0).mean() > 0.9


@pytest.mark.parametrize("fmt", ALL)
def test_rows_that_hold_one_that_dominates(fmt):
    """dominating: one far above; dominated: one far below; top zero: the largest is exactly zero."""
    above, below = np.sort(drawn("dominating", fmt)), np.sort(drawn("dominated", fmt))
    assert np.median(above[:, -1] - above[:, -2]) > np.median(above[:, -2] - above[:, 0])
    assert np.median(below[:, 1] - below[:, 0]) > np.median(below[:, -1] - below[:, 1])
    assert (drawn("top zero", fmt).max(axis=-1) == 0).all()


def test_zero_sums():
    """log-sum-exp next to zero, beside logits that are not."""
    x = drawn("zero sum", formats.get("float64"))
    lse = np.log(np.exp(x).sum(axis=-1))
    assert np.abs(lse).max() < 1e-12
    assert np.median(np.abs(x)) > 0.1


@pytest.mark.parametrize("fmt", ALL)
def test_masks_leave_a_finite_logit(fmt):
    """In every row; `masks` goes up to all but one."""
    for name in ("mask", "masks"):
        x = drawn(name, fmt)
        masked = np.isneginf(x).sum(axis=-1)
        assert (masked < x.shape[1]).all()
    assert masked.max() == x.shape[1] - 1


def test_mixed_rows_are_of_very_different_magnitude():
    """Some rows around one, others near the largest number."""
    top = np.abs(drawn("mixed rows", formats.get("float32"))).max(axis=-1)
    assert top.min() < 10
    assert top.max() > 1e30


def test_probabilities():
    """The regimes of probabilities stay in [0, 1] and reach what they are named after."""
    fmt = formats.get("float32")
    certain, nearly, rare = (drawn(n, fmt) for n in ("certain", "nearly certain", "rare"))
    assert {0.0, 1.0} == set(certain.ravel())
    for x in (nearly, rare):
        assert ((x >= 0) & (x <= 1)).all()
    assert (1 - 2.0**-24 == nearly).any()
    assert ((rare > 0) & (rare < fmt.tiny)).any()


def test_unknown_regimes_are_named():
    """With the nearest match."""
    with pytest.raises(UsageError, match="'cliffs'"):
        get("clifs")


def test_tools():
    """A column per example, magnitudes on a logarithmic scale, one class per row."""
    rng = np.random.default_rng(0)
    assert (5, 1, 1) == column((5, 3, 2))
    x = log_uniform(rng, 1e-300, 1e300, (4000,))
    assert ((x >= 1e-300) & (x <= 1e300)).all()
    assert 0.45 < (x < 1).mean() < 0.55
    assert [1] * 6 == top_mask(rng, (6, 4)).sum(axis=-1).tolist()
    assert (3, 0) == top_mask(rng, (3, 0)).shape


def test_padding_reaches_far():
    """Stretches of every length from either end, and never the whole row."""
    masked = np.isneginf(drawn("padding", formats.get("float32"), (400, 1000)))
    length = masked.sum(axis=-1)
    assert length.max() < 1000
    assert ((length > 512) & masked[:, 0]).sum() > 50
    assert ((length > 512) & masked[:, -1]).sum() > 20
    assert (np.abs(np.diff(masked.astype(int), axis=-1)).sum(axis=-1) <= 1).all()
