"""Sums of absolute derivatives: the quick ways against the whole matrix."""

import numpy as np
import pytest

from stabcheck.oracle import row_sums
from stabcheck.oracle.doubles import DoubleContext
from stabcheck.oracle.jacobian import JacobianContext
from stabcheck.oracle.row_sums import absolute_row_sums

DOUBLES = DoubleContext()


def layer_norm(k, x):
    n = k.sum(x * 0 + 1)
    apart = x - k.sum(x) / n
    return apart / k.sqrt(k.sum(apart * apart) / n + 1e-5)


FORMULAS = {
    "layer norm": layer_norm,
    "softmax, shifted": lambda k, x: k.exp(x - k.max(x)) / k.sum(k.exp(x - k.max(x))),
    "without a diagonal": lambda k, x: (
        k.sum(x * x) * (0 * x + 1) - k.sum(x) * k.exp(-x * x) * 0 + k.sum(x) * 0
    ),
    "range": lambda k, x: (x - k.max(x)) / (k.max(x) + k.max(-x)),
    "three reductions": lambda k, x: (x - k.sum(x) / 9) / k.sqrt(k.sum(x * x)) + k.max(x),
    "a root of 0": lambda k, x: k.sqrt(k.abs(x) * k.sum(x * x) / k.sum(k.abs(x) + 1)),
}


def dense(result):
    """The whole matrix of derivatives."""
    n = result.tape.rows[0].shape[-1]
    whole = sum(np.broadcast_to(a, (len(a), n))[..., None] * result.tape.rows[key][:, None, :]
                for key, a in result.dense.items())  # fmt: skip
    return whole if result.diagonal is None else whole + np.eye(n) * result.diagonal[:, None, :]


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("n", [3, 9, 65, 300])
def test_against_the_whole_matrix(name, n, monkeypatch):
    """Row by row, for short and long rows, of ordinary and of very different numbers."""
    monkeypatch.setattr(row_sums, "_SLICE", 1 << 10)
    rng = np.random.default_rng(n)
    x = rng.normal(size=(4, n)) * np.array([[1.0], [30.0], [1e-3], [1.0]])
    x[3] = np.exp(3 * x[3])
    tape = JacobianContext(DOUBLES)
    with np.errstate(all="ignore"):
        result = tape.lift(FORMULAS[name](tape, tape.variable(x)))
        for weight in (np.abs(x), np.abs(x).max(axis=1, keepdims=True) + 0 * x):
            wanted = (np.abs(dense(result)) * weight[:, None, :]).sum(axis=-1)
            got = np.broadcast_to(absolute_row_sums(DOUBLES, result, weight), wanted.shape)
            np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-12 * wanted.max())


def test_zero_weighs_nothing():
    """The slope of a root is infinite at 0, and 0 has no relative error."""
    tape = JacobianContext(DOUBLES)
    with np.errstate(all="ignore"):
        result = tape.lift(tape.sqrt(tape.variable(np.array([[0.0, 4.0]]))))
        assert [0.0, 1.0] == absolute_row_sums(DOUBLES, result, np.array([[0.0, 4.0]])).ravel().tolist()
