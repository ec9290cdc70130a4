"""Gradients of the row ops: vector-Jacobian products of softmax and log-softmax, and gradients of
log-sum-exp and of the cross-entropy of one row.

Gates are first-order, with d_i = x_max - x_i, p = softmax(x), and C (s(n) + 4) + 2 d_i the relative gate of
p_i (see `rows`). Every product with a p_i that underflows brings a subnormal step times its other factor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.ops import register
from stabcheck.ops.context import Context, Value
from stabcheck.ops.op import Argument, GateConstants, Gates, Op
from stabcheck.ops.rows import X, depth, no_answer_by_convention, softmax, weights

V = Argument("v", "cotangent", ("C",))


def classes(k: Context, x: Value) -> int:
    return k.shape(x)[-1]


def weight_gate(k: Context, c: GateConstants, x: Value) -> Value:
    """Relative error of p_i in units of u: the gate of softmax."""
    return 2 * depth(k, x) + c.C * (c.s(classes(k, x)) + 4)


def one_minus(k: Context, x: Value, p: Value) -> Value:
    """1 - p_i, at the top class as the sum of the others."""
    top = k.pivot(x)
    return k.where(top, k.sum(k.where(top, 0, p)), 1 - p)


def weight_conditioning(k: Context, x: Value, p: Value) -> Value:
    """sum_j |dp_i/dx_j| d_j / p_i, from dp_i/dx_j = p_i (delta_ij - p_j)."""
    d = depth(k, x)
    return k.sum(p * d) + (1 - 2 * p) * d


def _no_answer(x: npt.NDArray[Any], _: npt.NDArray[Any]) -> Mapping[str, npt.NDArray[np.bool_]]:
    return no_answer_by_convention(x)


# -- softmax_vjp ---------------------------------------------------------------------------------------


def _softmax_vjp(k: Context, x: Value, v: Value) -> Value:
    e = k.exp(x)
    p = e / k.sum(e)
    return p * (v - k.sum(p * v))


def _centred(k: Context, x: Value, v: Value, p: Value) -> Value:
    """v_i - <p, v>, the cotangent of the top class taken out first: its own difference is a sum."""
    w = v - k.sum(k.where(k.pivot(x), v, 0))
    return w - k.sum(p * w)


def _softmax_vjp_fast(k: Context, x: Value, v: Value) -> Value:
    p = weights(k, x)
    return p * _centred(k, x, v, p)


def _softmax_vjp_gate(k: Context, c: GateConstants, y: Value, x: Value, v: Value) -> Value:
    # Absolute. The error of p_i times its factor (together |y|), the subtraction v_i - <p, v>, and the
    # errors of the products in <p, v>. Twice a sum may lose a quarter: what stalls is beyond that.
    p = weights(k, x)
    relative = 2 * depth(k, x) + min(c.C * (c.s(classes(k, x)) + 4), 0.25 / c.u)
    return k.abs(y) * relative + p * (c.C * k.abs(v) + k.sum(p * relative * k.abs(v)))


def _softmax_vjp_underflow(k: Context, c: GateConstants, y: Value, x: Value, v: Value) -> Value:
    # An underflowed p_i is multiplied by v_i - <p, v> (at most the largest |v_i - v_j|), and an
    # underflowed p_j, or product p_j v_j (or p_j (v_j - v_i)), reaches i through <p, v>.
    spread = k.maximum(k.max(v) - v, v + k.max(-v))
    return 2 * (1 + spread + weights(k, x) * (k.sum(1 + k.abs(v)) + classes(k, x) * spread))


def _softmax_vjp_conditioning(k: Context, y: Value, x: Value, v: Value) -> Value:
    # In v: p_i (delta_ij - p_j). In x, with g = v - <p, v>: p_i (1 - 2 p_i) g_i at j = i, and
    # -p_i p_j (g_i + g_j) elsewhere, bounded by the sum of both (the exact sum needs n^2 terms).
    d, p = depth(k, x), weights(k, x)
    g = k.abs(_centred(k, x, v, p))
    others = k.sum(p * k.abs(v)) - p * k.abs(v)
    in_v = one_minus(k, x, p) * k.abs(v) + k.where(
        k.pivot(x), k.sum(k.where(k.pivot(x), 0, p * k.abs(v))), others
    )
    in_x = k.abs(1 - 2 * p) * d * g + g * k.sum(p * d) + k.sum(p * d * g)
    return p * (in_v + in_x)


softmax_vjp = register(
    Op(
        name="softmax_vjp",
        kind="row",
        arguments=(X, V),
        formula=_softmax_vjp,
        fast=_softmax_vjp_fast,
        gates=Gates(_softmax_vjp_gate, _softmax_vjp_conditioning, underflow=_softmax_vjp_underflow),
        invariance="shift",
        conventions=_no_answer,
        text="p_i (v_i - sum_j p_j v_j), p_i = exp(x_i) / sum_j exp(x_j)",
        summary="gradient of softmax: its Jacobian times a cotangent",
    )
)


# -- log_softmax_vjp -----------------------------------------------------------------------------------


def _log_softmax_vjp(k: Context, x: Value, v: Value) -> Value:
    e = k.exp(x)
    return v - e / k.sum(e) * k.sum(v)


def _log_softmax_vjp_fast(k: Context, x: Value, v: Value) -> Value:
    # At the top class v (1 - p) - p (sum of the other v), with 1 - p the sum of the other p.
    p, top = weights(k, x), k.pivot(x)
    others = k.sum(k.where(top, 0, v))
    at_top = v * k.sum(k.where(top, 0, p)) - p * others
    return k.where(top, at_top, v - p * k.sum(v))


def _log_softmax_vjp_gate(k: Context, c: GateConstants, y: Value, x: Value, v: Value) -> Value:
    # Absolute. The subtraction and its rounding, the error of p_i times |sum v|, the error of the sum; of the
    # product of both no more than half may be lost.
    p, n, terms = weights(k, x), classes(k, x), k.sum(k.abs(v))
    product = weight_gate(k, c, x) * k.abs(k.sum(v)) + c.C * c.s(n) * terms
    return k.abs(v) + k.abs(y) + p * k.minimum(product, 0.5 / c.u * terms)


def _log_softmax_vjp_underflow(k: Context, c: GateConstants, y: Value, x: Value, v: Value) -> Value:
    # An underflowed p_i is multiplied by sum v, and each that is lost in 1 - p_i, the sum of the others, by
    # v_i. (2^-16 sum |v|: float64 knows a sum that cancels no better than that to the relative accuracy that
    # is claimed for a gate.)
    others = k.where(k.pivot(x), classes(k, x) * k.abs(v), 0)
    return 2 * (1 + k.abs(k.sum(v)) + k.sum(k.abs(v)) * 2.0**-16) + others


def _log_softmax_vjp_conditioning(k: Context, y: Value, x: Value, v: Value) -> Value:
    # In v: delta_ij - p_i. In x: -(sum v) p_i (delta_ij - p_j).
    p, top, size = weights(k, x), k.pivot(x), k.abs(v)
    others = k.where(top, k.sum(k.where(top, 0, size)), k.sum(size) - size)
    return one_minus(k, x, p) * size + p * others + k.abs(k.sum(v)) * p * weight_conditioning(k, x, p)


log_softmax_vjp = register(
    Op(
        name="log_softmax_vjp",
        kind="row",
        arguments=(X, V),
        formula=_log_softmax_vjp,
        fast=_log_softmax_vjp_fast,
        gates=Gates(
            _log_softmax_vjp_gate, _log_softmax_vjp_conditioning, underflow=_log_softmax_vjp_underflow
        ),
        invariance="shift",
        conventions=_no_answer,
        text="v_i - p_i sum_j v_j, p_i = exp(x_i) / sum_j exp(x_j)",
        summary="gradient of log-softmax: its Jacobian times a cotangent",
    )
)


# -- logsumexp_grad ------------------------------------------------------------------------------------

logsumexp_grad = register(
    replace(
        softmax,
        name="logsumexp_grad",
        gradient="softmax_vjp",
        summary="gradient of log-sum-exp: the softmax",
    )
)


# -- cross_entropy_grad --------------------------------------------------------------------------------

LOGITS = Argument("logits", "logits", ("C",))
TARGET = Argument("target", "index", ())


def is_class(k: Context, x: Value, target: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """The one-hot mask of class indices whose last axis has length 1."""
    return np.asarray(np.arange(classes(k, x)) == target)


def _cross_entropy_grad(k: Context, x: Value, target: npt.NDArray[np.int64]) -> Value:
    e = k.exp(x)
    return e / k.sum(e) - k.where(is_class(k, x, target), 1, 0)


def minus_one_hot(k: Context, x: Value, hit: npt.NDArray[np.bool_]) -> Value:
    """p - onehot, at the target as minus the sum of the others."""
    p = weights(k, x)
    return k.where(hit, -k.sum(k.where(hit, 0, p)), p)


def minus_one_hot_gate(k: Context, c: GateConstants, y: Value, x: Value, hit: npt.NDArray[np.bool_]) -> Value:
    # Absolute. The error of p_i, the subtraction of 1 at the target and its rounding: p - 1 passes. So does
    # minus the sum of the others, which errs by C (s(n) + 4) relative where p_t is small and the sum near 1.
    at_target = 1 + c.C * (c.s(classes(k, x)) + 4) * k.abs(y)
    return weights(k, x) * weight_gate(k, c, x) + k.where(hit, at_target, 0) + k.abs(y)


def _cross_entropy_grad_conditioning(k: Context, y: Value, x: Value, target: npt.NDArray[np.int64]) -> Value:
    p = weights(k, x)
    return p * weight_conditioning(k, x, p)


def target_conventions(
    x: npt.NDArray[Any], target: npt.NDArray[np.int64], **_: Any
) -> Mapping[str, npt.NDArray[np.bool_]]:
    """Rows without a softmax, and class indices that point nowhere."""
    outside = (target < 0) | (target >= x.shape[-1])
    return {**no_answer_by_convention(x), "index out of range": outside}


def _feeds(x: npt.NDArray[Any], target: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """A NaN feeds its row; but of one class the gradient is 0 whatever the logit is."""
    nan = np.isnan(x).any(axis=-1, keepdims=True) & (x.shape[-1] > 1)
    return np.broadcast_to(nan, x.shape)


cross_entropy_grad = register(
    Op(
        name="cross_entropy_grad",
        kind="row",
        arguments=(LOGITS, TARGET),
        formula=_cross_entropy_grad,
        fast=lambda k, x, target: minus_one_hot(k, x, is_class(k, x, target)),
        gates=Gates(
            lambda k, c, y, x, target: minus_one_hot_gate(k, c, y, x, is_class(k, x, target)),
            _cross_entropy_grad_conditioning,
            underflow=lambda k, c, y, x, target: 4 + classes(k, x),  # the sum of the others
        ),
        invariance="shift",
        range=(-1.0, 1.0),
        conventions=target_conventions,
        feeds=_feeds,
        text="p_i - [i = t], p_i = exp(x_i) / sum_j exp(x_j)",
        summary="gradient of the cross-entropy of one row of logits",
    )
)
