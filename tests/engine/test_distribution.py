"""The distribution of errors, against sorted lists."""

import numpy as np
import pytest

from stabcheck.engine.distribution import Distribution
from stabcheck.findings import Cell


def test_what_is_counted():
    """Errors of 0 or more, each in the first bin that holds it."""
    rng = np.random.default_rng(0)
    errors = np.concatenate([rng.exponential(1.0, 900) ** 6, [0.0, 0.5, 65536.0], np.full(100, -1.0)])
    distribution = Distribution()
    for part in np.array_split(rng.permutation(errors), 5):
        distribution.feed(part.reshape(-1, 1))
    counted = errors[errors >= 0]
    below = [np.count_nonzero(counted <= edge) for edge in Cell.HISTOGRAM_BINS]
    assert [*np.diff([0, *below]), counted.size - below[-1]] == distribution.histogram
    assert counted.max() == distribution.largest
    assert np.sort(counted)[-1 - int(0.01 * counted.size)] == pytest.approx(distribution.p99)


def test_nothing_counted():
    """No errors, or none that count: all is 0."""
    distribution = Distribution()
    distribution.feed(np.zeros(0))
    distribution.feed(np.full((3, 2), -1.0))
    assert (0.0, 0.0, 0) == (distribution.largest, distribution.p99, sum(distribution.histogram))
