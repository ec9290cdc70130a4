"""The public strategies: ordinary Hypothesis strategies that reach the cliffs and shrink well."""

import numpy as np
import pytest
from hypothesis import HealthCheck, find, given, seed, settings
from hypothesis import strategies as st

from stabcheck import formats
from stabcheck import strategies as our
from stabcheck.errors import UsageError

QUIET = settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
ALL = [pytest.param(f, id=f) for f in formats.FORMATS]


def drawn(strategy, count=400):
    """That many examples, the same ones every time."""
    kept = []

    @seed(1)
    @settings(QUIET, max_examples=count)
    @given(strategy)
    def collect(value):
        kept.append(value)

    collect()
    return kept


@pytest.mark.parametrize("name", ALL)
def test_arrays_are_of_the_format_and_the_shape(name):
    """A tuple, an int and a strategy for either are shapes."""
    fmt = formats.get(name)
    shapes = {(2, 3): (2, 3), 5: (5,), (): ()}
    for shape, expected in shapes.items():
        for array in drawn(our.logits(name, shape=shape), 20):
            assert (fmt.dtype, expected) == (array.dtype, array.shape)
    assert all(a.ndim == 1 and 1 <= a.size <= 64 for a in drawn(our.logits(name), 50))
    assert {a.shape for a in drawn(our.logits(name, shape=st.sampled_from([(2,), (1, 2)])), 50)} == {
        (2,),
        (1, 2),
    }


@pytest.mark.parametrize("name", ALL)
def test_every_cliff_is_hit(name):
    """Of 600 arrays at least 12 come within 2 % of each cliff of exp, and some on either side of it."""
    fmt = formats.get(name)
    arrays = [fmt.widen(a) for a in drawn(our.logits(name, specials="finite"), 600)]
    for cliff in (fmt.log_max, fmt.log_tiny, fmt.log_zero, fmt.log_u):
        near = [a[np.abs(a - cliff) <= 0.02 * abs(cliff)] for a in arrays]
        above = sum(bool((a >= cliff).any()) for a in near)
        below = sum(bool((a < cliff).any()) for a in near)
        assert above + below >= 12, (cliff, above, below)
        assert min(above, below) >= 3, (cliff, above, below)


def test_a_failure_shrinks_to_what_one_would_write_by_hand():
    """exp overflows float32 above 88.72: the smallest failing array of whole numbers is [89]."""

    def overflows(x):
        with np.errstate(over="ignore"):
            return bool(np.isinf(np.exp(x)).any())

    assert [89.0] == find(our.logits("float32", max_classes=8), overflows, settings=QUIET).tolist()


def test_specials_come_only_when_asked_for():
    """finite has no infinities and no NaN; masked has -inf beside finite numbers; extended has all."""
    flat = {s: drawn(our.logits("float32", specials=s), 800) for s in ("finite", "masked", "extended")}
    assert all(np.isfinite(a).all() for a in flat["finite"])
    assert any(np.isneginf(a).any() and np.isfinite(a).any() for a in flat["masked"])
    assert not any(np.isposinf(a).any() for a in flat["masked"])
    assert any(np.isposinf(a).any() for a in flat["extended"])


def test_range_bounds_finite_values():
    """Nothing finite leaves the range."""
    for array in drawn(our.logits("float16", range=(-3, 4.5)), 200):
        assert ((array >= -3) & (array <= 4.5)).all()


def test_labels_are_class_indices_and_the_ignored_one():
    """int64, from 0 to classes - 1, and ignore_index."""
    arrays = drawn(our.labels(3, shape=4, ignore_index=-100), 100)
    assert {-100, 0, 1, 2} == {int(v) for a in arrays for v in a}
    assert {np.dtype(np.int64)} == {a.dtype for a in arrays}


@pytest.mark.parametrize("name", ALL)
def test_probabilities_are_rows_that_nearly_sum_to_one(name):
    """Each is in [0, 1]; exact zeros and ones occur."""
    fmt = formats.get(name)
    arrays = [fmt.widen(a) for a in drawn(our.probabilities(name, shape=(2, 5)), 200)]
    for a in arrays:
        assert ((a >= 0) & (a <= 1)).all()
        assert np.abs(a.sum(axis=-1) - 1).max() <= 8 * fmt.u
    assert any((a == 0).any() for a in arrays)
    assert any((a == 1).any() for a in arrays)


@pytest.mark.parametrize(
    "call",
    [
        lambda: our.logits("float31"),
        lambda: our.logits(regime="clifs"),
        lambda: our.logits(specials="all"),
        lambda: our.logits(range=(1, 0)),
        lambda: our.labels(0),
    ],
)
def test_bad_arguments_are_named(call):
    """UsageError, before anything is drawn."""
    with pytest.raises(UsageError):
        call()


def test_long_arrays_cost_no_more_entropy_than_short_ones():
    """A row of 4 096 numbers is expanded from two draws, so that Hypothesis never runs out of them."""
    assert len(drawn(our.logits("float32", shape=4096), 100)) == 100
