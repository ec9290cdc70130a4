"""Class indices chosen by what stands in the row, soft targets, ignored rows."""

import numpy as np
import pytest

from stabcheck import formats
from stabcheck.strategies.class_targets import indices, soft_numbers, soft_rows

FLOAT16 = formats.get("float16")
ROWS = 600
#: One row for all: the first and the last tie for the largest, -inf is masked.
ROW = np.array([5.0, -3.0, 0.0, -np.inf, 5.0])


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def scores(calls=1):
    return np.tile(ROW, (ROWS, calls, 1))


def test_every_rule_is_followed(rng):
    """The dominating, the dominated, a tied and an ordinary class; the masked one only when asked for."""
    assert {0, 1, 2, 4} == set(indices(rng, scores(), {}, masked_too=False).ravel().tolist())
    assert set(range(5)) == set(indices(rng, scores(), {}, masked_too=True).ravel().tolist())


def test_none_some_and_all_rows_are_ignored(rng):
    """Where the options name an ignored index; with soft targets there is none."""
    chosen = indices(rng, scores(4), {"ignore_index": -100}, masked_too=False)
    shares = (chosen == -100).mean(axis=1)
    assert (shares == 0).any()
    assert ((shares > 0) & (shares < 1)).any()
    assert (shares == 1).any()
    soft = {"ignore_index": -100, "target_kind": "soft"}
    assert not (indices(rng, scores(4), soft, masked_too=False) == -100).any()


def test_one_class(rng):
    """There is nothing to choose."""
    assert not indices(rng, np.zeros((50, 2, 1)), {}, masked_too=True).any()


def test_soft_rows_have_exact_zeros_and_ones(rng):
    """One-hot, two classes, spread out with zeros, equal: numbers of the format, in [0, 1]."""
    rows = soft_rows(rng, FLOAT16, scores()[:, 0], {}, masked_too=False)
    assert ((rows >= 0) & (rows <= 1)).all()
    one_hot = (rows == 1).any(axis=1) & ((rows == 0).sum(axis=1) == 4)
    halves = (rows == 0.5).sum(axis=1) == 2
    no_zero = (rows[:, [0, 1, 2, 4]] > 0).all(axis=1)
    assert min(one_hot.sum(), halves.sum(), no_zero.sum()) > 20
    assert not rows[:, 3].any()  # masked
    np.testing.assert_array_equal(rows, FLOAT16.widen(FLOAT16.round_array(rows)))


def test_one_hot_rows(rng):
    """target_kind=onehot draws nothing else."""
    rows = soft_rows(rng, FLOAT16, scores()[:, 0], {"target_kind": "onehot"}, masked_too=False)
    assert {0.0, 1.0} == set(rows.ravel().tolist())
    assert (rows.sum(axis=1) == 1).all()


def test_soft_numbers_reach_both_ends(rng):
    """Exactly 0 and 1, the neighbours of 1, tiny ones and what lies between."""
    numbers = soft_numbers(rng, FLOAT16, np.zeros((100, 20)))
    assert ((numbers >= 0) & (numbers <= 1)).all()
    for manner in (
        numbers == 0,
        numbers == 1,
        numbers == 1 - FLOAT16.u,
        (numbers > 0) & (numbers < FLOAT16.u),
    ):
        assert manner.sum() > 10


def test_rows_with_a_nan_or_an_infinity_are_ignored_more_often(rng):
    """Beside other rows: what is ignored must not reach the loss."""
    both = scores(2)
    both[:, 1] = [1.0, 2.0, 3.0, 4.0, 5.0]
    ignored = (indices(rng, both, {"ignore_index": -100}, masked_too=False) == -100).mean(axis=0)
    assert 0.4 < ignored[0] < 0.7
    assert 0.1 < ignored[1] < 0.3
