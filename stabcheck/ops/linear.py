"""The linear softmax classifier: scores X W, mean cross-entropy, and a penalty on the weights.

The matrix product belongs to the truth. Computed in the format it errs by (D + 2) u (|X| |W|)_nj in every
score (D products, their sum, and the rounding of the stored result); this delta adds to the error of the row
that follows: twice its maximum, absolutely in log p, relatively in p. Where large products cancel, little is
left of the scores, and little is asked; delta u may then be larger than 1, and bounds of first order are not
enough: log p moves by at most 2 delta u whatever its size, p by the factor exp(2 delta u) and not beyond 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.ops import register
from stabcheck.ops.context import Context, Value
from stabcheck.ops.losses import log_probability_gate, textbook_log_probabilities
from stabcheck.ops.op import Argument, GateConstants, Gates, Op, Option
from stabcheck.ops.row_gradients import is_class, minus_one_hot, minus_one_hot_gate, one_minus
from stabcheck.ops.rows import log_probabilities, weights

Array = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

X = Argument("X", "real", ("N", "D"))
W = Argument("W", "weights", ("D", "C"))
Y = Argument("y", "index", ("N",))
REG = Option("reg", float, 0.0, (), "weight of the penalty 0.5 sum(W^2)")
#: Scores that cancel are known to float64 to fewer digits, and so are the gates behind them.
_SLACK = 1e-6


def _inside(k: Context, w: Value, y: Ints) -> Ints:
    return np.clip(y, 0, max(k.shape(w)[-1] - 1, 0))


def _hit(k: Context, w: Value, y: Ints) -> Bools:
    return is_class(k, w, _inside(k, w, y))


def _products(k: Context, x: Value, w: Value) -> Value:
    """|X| |W|: what the scores are made of, before anything cancels."""
    return k.matmul(k.abs(x), k.abs(w))


def _delta(k: Context, x: Value, w: Value) -> Value:
    """Twice the largest error of the scores of a row, in units of u."""
    return 2 * (k.shape(x)[-1] + 2) * k.max(_products(k, x, w))


#: Beyond this e^t says nothing any more; float64 still holds it.
_LARGE = 500


def _moved(k: Context, c: GateConstants, p: Value, log_p: Value, delta: Value) -> Value:
    """The most that p moves, in units of u, when its logarithm moves by delta u."""
    t = delta * c.u
    small = k.minimum(t, 1)
    near = p * (k.expm1(k.minimum(small, -log_p)) - k.expm1(-small))
    return k.where(t <= 1, near, k.exp(k.minimum(log_p + t, 0)) + p) / c.u


def _limited(k: Context, c: GateConstants, first_order: Value, delta: Value, most: Value) -> Value:
    """A condition number that may grow by exp(delta u) on the way, and not beyond `most`."""
    t = delta * c.u
    grown = first_order * k.exp(k.minimum(t, _LARGE))
    return k.where(t <= _LARGE, k.minimum(grown, most), most)


def _all(k: Context, a: Value) -> Value:
    return k.sum(k.sum(a), axis=-2)


def _penalty(k: Context, w: Value, reg: float) -> Value:
    return _all(k, w * w) * k.value(Fraction(reg) / 2)


# -- loss ----------------------------------------------------------------------------------------------


def _loss(k: Context, w: Value, y: Ints, log_p: Value, reg: float) -> Value:
    losses = -k.take(log_p, _inside(k, w, y))
    mean = k.sum(losses, axis=-2) / max(k.shape(log_p)[-2], 1)
    return mean + _penalty(k, w, reg) if reg else mean


def _formula(k: Context, x: Value, w: Value, y: Ints, reg: float) -> Value:
    return _loss(k, w, y, textbook_log_probabilities(k, k.matmul(x, w)), reg)


def _fast(k: Context, x: Value, w: Value, y: Ints, reg: float) -> Value:
    return _loss(k, w, y, log_probabilities(k, k.matmul(x, w)), reg)


def _gate(k: Context, c: GateConstants, r: Value, x: Value, w: Value, y: Ints, reg: float) -> Value:
    # Absolute. Log-softmax at the target plus delta, averaged; s(N) + 2 for the mean of losses of one sign;
    # the penalty's squares, sum and two factors; the rounding of the result.
    scores = k.matmul(x, w)
    log_p, inside = log_probabilities(k, scores), _inside(k, w, y)
    rows, (features, classes) = k.shape(x)[-2], k.shape(w)[-2:]
    per_row = k.take(log_probability_gate(k, c, scores, log_p), inside) + _delta(k, x, w)
    per_row = per_row + (c.s(rows) + 2) * k.abs(k.take(log_p, inside))
    penalty = (c.s(features * classes) + 4) * _penalty(k, w, abs(reg))
    return k.sum(per_row, axis=-2) / max(rows, 1) + penalty + k.abs(r)


def _bounded(k: Context, c: GateConstants, r: Value, x: Value, w: Value, y: Ints, reg: float) -> Value:
    # dr/dscores = (p - onehot) / N; every score depends on X and on W, by |X| |W| at most either way. The
    # loss of a row moves by no more than twice the largest of these.
    g, reach = k.abs(minus_one_hot(k, k.matmul(x, w), _hit(k, w, y))), _products(k, x, w)
    per_row = _limited(k, c, 2 * k.sum(g * reach), _delta(k, x, w), 4 * k.max(reach))
    return k.sum(per_row, axis=-2) / max(k.shape(x)[-2], 1) + 2 * _penalty(k, w, abs(reg))


def _underflow(k: Context, c: GateConstants, r: Value, x: Value, w: Value, y: Ints, reg: float) -> Value:
    # The products of a score, twice (target and log-sum-exp), every exp of the sum, and the squares of the
    # penalty.
    features, classes = k.shape(w)[-2:]
    return 4 + 2 * features + classes + features * classes * abs(reg)


def _conventions(x: Array, w: Array, y: Array, reg: float) -> Mapping[str, Bools]:
    return {"index out of range": ((y < 0) | (y >= w.shape[-1])).any(axis=-1)}


linear_softmax_loss = register(
    Op(
        name="linear_softmax_loss",
        kind="layer",
        arguments=(X, W, Y),
        formula=_formula,
        fast=_fast,
        output=(),
        gates=Gates(_gate, underflow=_underflow, bounded=_bounded, slack=_SLACK),
        options=(REG,),
        masked=False,
        conventions=_conventions,
        gradient="linear_softmax_grad",
        text="mean_n of -log softmax(X W)_(n, y_n), + 0.5 reg sum(W^2)",
        summary="loss of a linear softmax classifier",
    )
)


# -- gradient ------------------------------------------------------------------------------------------


#: In float64, where scores cancel, what their errors move is known to a per cent.
_GRAD_SLACK = 1e-2


def _grad(k: Context, x: Value, w: Value, g: Value, reg: float) -> Value:
    mean = k.matmul(k.transpose(x), g) / max(k.shape(x)[-2], 1)
    return mean + w * k.value(Fraction(reg)) if reg else mean


def _grad_formula(k: Context, x: Value, w: Value, y: Ints, reg: float) -> Value:
    e = k.exp(k.matmul(x, w))
    return _grad(k, x, w, e / k.sum(e) - k.where(_hit(k, w, y), 1, 0), reg)


def _grad_fast(k: Context, x: Value, w: Value, y: Ints, reg: float) -> Value:
    return _grad(k, x, w, minus_one_hot(k, k.matmul(x, w), _hit(k, w, y)), reg)


def _grad_gate(k: Context, c: GateConstants, r: Value, x: Value, w: Value, y: Ints, reg: float) -> Value:
    # Absolute. |X|^T times the gate of cross_entropy_grad with p's share of delta; s(N) + 3 for the sum of
    # N products, the division and the roundings; the penalty's product; the rounding of the result.
    scores, hit, rows = k.matmul(x, w), _hit(k, w, y), k.shape(x)[-2]
    g = minus_one_hot(k, scores, hit)
    p, log_p = weights(k, scores), log_probabilities(k, scores)
    per_row = minus_one_hot_gate(k, c, g, scores, hit) + _moved(k, c, p, log_p, _delta(k, x, w))
    per_row = per_row + (c.s(rows) + 3) * k.abs(g)
    return _grad(k, k.abs(x), k.abs(w) * 2, per_row, abs(reg)) + k.abs(r)


def _grad_bounded(k: Context, c: GateConstants, r: Value, x: Value, w: Value, y: Ints, reg: float) -> Value:
    # X as the left factor: |X|^T |p - onehot|; through the scores, dp_c = p_c (df_c - sum_j p_j df_j)
    # with |df| <= 2 |X| |W| for X and W together, and no p moves by more than 1 = u / u; the penalty.
    scores = k.matmul(x, w)
    p, reach = weights(k, scores), _products(k, x, w)
    top = k.pivot(scores)
    share = p * reach
    others = k.where(top, k.sum(k.where(top, 0, share)), k.sum(share) - share)
    first_order = 2 * p * (one_minus(k, scores, p) * reach + others)
    moved = _limited(k, c, first_order, _delta(k, x, w), 1 / c.u)
    g = k.abs(minus_one_hot(k, scores, _hit(k, w, y)))
    return _grad(k, k.abs(x), k.abs(w), g + moved, abs(reg))


def _grad_underflow(k: Context, c: GateConstants, r: Value, x: Value, w: Value, y: Ints, reg: float) -> Value:
    # An underflowed p is multiplied by |x|, and so is every term lost in the sum of the others; N products.
    rows, classes = max(k.shape(x)[-2], 1), k.shape(w)[-1]
    return 4 + rows + (4 + classes) * k.sum(k.transpose(k.abs(x))) / rows


linear_softmax_grad = register(
    Op(
        name="linear_softmax_grad",
        kind="layer",
        arguments=(X, W, Y),
        formula=_grad_formula,
        fast=_grad_fast,
        output=("D", "C"),
        gates=Gates(_grad_gate, underflow=_grad_underflow, bounded=_grad_bounded, slack=_GRAD_SLACK),
        options=(REG,),
        masked=False,
        conventions=_conventions,
        text="X^T (softmax(X W) - onehot(y)) / N + reg W",
        summary="gradient of a linear softmax classifier's loss with respect to its weights",
    )
)
