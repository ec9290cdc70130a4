"""Hypothesis as a source of numbers: the seed decides, inside a test of one's own as well."""

import threading

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import stabcheck
from stabcheck.strategies.hypothesis_runs import BITS, drawn, proposals

PAIRS = st.tuples(st.integers(-64, 64), st.integers(-64, 64))


def answered(run, score):
    values = [next(run)]
    while True:
        try:
            values.append(run.send(score(values[-1])))
        except StopIteration:
            return values


def test_drawn():
    """About so many numbers, the same for the same seed."""
    numbers = drawn(3, 50)
    drawn.cache_clear()
    assert numbers == drawn(3, 50)
    assert numbers != drawn(4, 50)
    assert 40 <= len(numbers) <= 50
    assert all(0 <= n < 2**BITS for n in numbers)


def test_proposals_climb():
    """What scores is proposed more often."""

    def score(pair):
        return -float(abs(pair[0] - 37) + abs(pair[1] + 11))

    told = answered(proposals(1, 200, PAIRS), score)
    untold = answered(proposals(1, 200, PAIRS), lambda pair: 0.0)
    assert max(map(score, told)) == 0
    assert max(map(score, untold)) < 0
    assert told == answered(proposals(1, 200, PAIRS), score)


def test_an_unfinished_search_leaves_nothing_behind():
    """Closing the generator ends its thread."""
    before = threading.active_count()
    run = proposals(1, 100, PAIRS)
    next(run)
    assert before + 1 == threading.active_count()
    thread = threading.enumerate()[-1]
    run.close()
    thread.join(timeout=10)
    assert before == threading.active_count()


def test_inside_a_test_of_ones_own():
    """A target may be checked inside a test that Hypothesis runs."""

    def softmax(x):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    grades = []

    @settings(max_examples=2, deadline=None, database=None)
    @given(st.sampled_from(["float32", "float64"]))
    def test(dtype):
        drawn.cache_clear()
        grades.append(
            stabcheck.check(softmax, dtypes=(dtype,), max_examples=70_000 if not grades else 30).grade
        )

    test()
    assert {stabcheck.Grade.ACCURATE} == set(grades)
