"""Answers of a library that flushes subnormals to zero (SC901)."""

import numpy as np

from stabcheck import formats, ops
from stabcheck.engine.verdicts import decide
from stabcheck.oracle.ladder import Oracle


def codes(row, got, *, flushes):
    """The codes (0: none) that these answers of softmax get."""
    oracle = Oracle(ops.get("softmax"), formats.get("float32"), {}, 1.0)
    block = {"x": np.array([row], dtype=np.float32)}
    return decide(oracle, block, oracle.truth(block), np.array([got]), flushes=flushes).code[0].tolist()


def test_a_subnormal_that_was_flushed_is_not_blamed():
    """softmax([0, 90]) begins with 8.2e-40: its zero counts only where the library could have kept it."""
    assert [0, 0] == codes([0, 90], [0.0, 1.0], flushes=True)
    assert 0 != codes([0, 90], [0.0, 1.0], flushes=False)[0]


def test_a_normal_number_that_was_lost_is_blamed():
    """softmax([0, 80]) begins with 1.8e-35: flushing does not reach there."""
    assert 0 != codes([0, 80], [0.0, 1.0], flushes=True)[0]


def test_what_was_flushed_may_be_multiplied():
    """softmax_vjp of [0, 88] in the direction [0, 4]: e^-88 is subnormal, 4 times it is not."""
    oracle = Oracle(ops.get("softmax_vjp"), formats.get("float32"), {}, 1.0)
    block = {"x": np.array([[0, 88]], dtype=np.float32), "v": np.array([[0, 4]], dtype=np.float32)}
    truth = oracle.truth(block)
    got = np.zeros((1, 2))
    assert 0 == decide(oracle, block, truth, got, flushes=True).code[0, 0]
    assert 0 != decide(oracle, block, truth, got).code[0, 0]


def test_every_product_of_a_sum_may_have_been_flushed():
    """e / sum(e) of 2048 zeros, differentiated: all the v_j / sum^2 of a cotangent of 2^-105 are flushed, and
    v_i / sum alone is left where the truth is 0; ten times that is no loss by flushing."""
    oracle = Oracle(ops.get("softmax_vjp"), formats.get("float32"), {}, 1.0)
    block = {"x": np.zeros((1, 2048), np.float32), "v": np.full((1, 2048), 2.0**-105, np.float32)}
    left = np.full((1, 2048), 2.0**-116)
    truth = oracle.truth(block)
    assert not decide(oracle, block, truth, left, flushes=True).code.any()
    assert decide(oracle, block, truth, left).code.all()
    assert decide(oracle, block, truth, 10 * left, flushes=True).code.all()
