"""The picture of errors along the logit axis, against a loop over all points."""

import math

import numpy as np
import pytest

from stabcheck import formats
from stabcheck.engine.profile import SLICES, Profile

ALL = [pytest.param(f, id=f.name) for f in (*formats.FORMATS.values(), formats.get("float8_e5m2"))]


def numbers(fmt, rng, shape):
    """Numbers of every size and both signs, a few of them infinite."""
    x = rng.choice([-1.0, 1.0], shape) * np.exp(rng.uniform(math.log(fmt.tiny), math.log(fmt.max), shape))
    x = np.where(rng.random(shape) < 0.1, 0.0, np.where(rng.random(shape) < 0.05, -np.inf, x))
    return fmt.round_array(x)


def place(fmt, logit):
    """Where a logit stands, in slices."""
    return math.copysign(math.log1p(abs(logit)), logit) / math.log1p(fmt.max) * SLICES


@pytest.mark.parametrize("fmt", ALL)
def test_each_slice_keeps_its_worst_point(fmt):
    """Over several blocks; errors below zero do not count, nor do infinite logits."""
    rng, profile, seen = np.random.default_rng(1), Profile(fmt), {}
    for _ in range(4):
        x = numbers(fmt, rng, (40, 7))
        ulps = rng.uniform(-1, 5, x.shape)
        profile.feed(x, ulps, ulps / 8)
        for logit, u in zip(fmt.widen(x).ravel().tolist(), ulps.ravel().tolist(), strict=True):
            if u >= 0 and math.isfinite(logit) and u > seen.get(logit, -1):
                seen[logit] = u
    points = profile.points
    assert points == tuple(sorted(points))
    assert all(seen[logit] == u and ratio == u / 8 for logit, u, ratio in points)
    assert max(seen.values()) == max(u for _, u, _ in points)
    places = np.array([place(fmt, logit) for logit, *_ in points])
    for logit, u in seen.items():
        # A slice is told from the leading bits: its edges are off by a little.
        near = np.abs(places - place(fmt, logit)) <= 1.6
        assert u <= max(points[i][1] for i in np.flatnonzero(near))


def test_a_result_of_a_row_stands_at_the_largest_logit():
    """Of either sign; rows with an infinite logit have no place."""
    profile = Profile(formats.get("float32"))
    x = np.array([[1.0, -80.0, 3.0], [5.0, 2.0, -4.0], [-np.inf, 9.0, 1.0]], dtype=np.float32)
    profile.feed(x, np.array([1.0, 2.0, 3.0]), np.zeros(3))
    assert [(-80.0, 1.0, 0.0), (5.0, 2.0, 0.0)] == list(profile.points)


def test_what_cannot_be_placed_is_left_out():
    """A batch with one result has no logit of its own, an empty row neither."""
    profile = Profile(formats.get("float64"))
    profile.feed(np.zeros((2, 3, 4)), np.ones(2), np.ones(2))
    profile.feed(np.zeros((2, 0)), np.ones(2), np.ones(2))
    assert () == profile.points
