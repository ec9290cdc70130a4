"""Vector-Jacobian product of log-softmax: v_i - p_i sum_j v_j, p the softmax."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations import softmax
from stabcheck.implementations.catalogue import implements

Array = npt.NDArray[Any]


@implements("log_softmax_vjp", grade="unstable", because="exp overflows above log(max), and inf / inf is NaN")
def subtract_naive(x: Array, v: Array, axis: int = -1) -> Array:
    """v - p sum(v), p without a shift"""
    return v - softmax.naive(x, axis=axis) * v.sum(axis=axis, keepdims=True)


@implements(
    "log_softmax_vjp",
    grade="stable",
    bfloat16="robust",
    because={"": "v - p sum(v) cancels at a dominating class", "bfloat16": "the sum stalls at 256"},
)
def subtract(x: Array, v: Array, axis: int = -1) -> Array:
    """v - p sum(v)"""
    return v - softmax.shifted(x, axis=axis) * v.sum(axis=axis, keepdims=True)


@implements("log_softmax_vjp", grade="stable", because="v - p sum(v) cancels at a dominating class")
def subtract_float32_sum(x: Array, v: Array, axis: int = -1) -> Array:
    """v - p sum(v), the sums in float32"""
    total = v.sum(axis=axis, keepdims=True, dtype=np.result_type(x, np.float32))
    return v - softmax.shifted_float32_sum(x, axis=axis) * total.astype(v.dtype)


@implements("log_softmax_vjp", grade="robust", because="the other classes' cotangents are left out")
def diagonal_only(x: Array, v: Array, axis: int = -1) -> Array:
    """(1 - p) v: the diagonal taken for the whole Jacobian"""
    return (1 - softmax.shifted(x, axis=axis)) * v


@implements("log_softmax_vjp", grade="unstable", because="v / p overflows, or is 0 / 0, where p underflows")
def division_by_p(x: Array, v: Array, axis: int = -1) -> Array:
    """softmax's product applied to v / p, the gradient of log"""
    p = softmax.shifted(x, axis=axis)
    g = v / p
    return (g - (g * p).sum(axis=axis, keepdims=True)) * p


@implements(
    "log_softmax_vjp",
    grade="accurate",
    because="1 - p of the dominating class is the sum of the others",
)
def dominating_from_others(x: Array, v: Array, axis: int = -1) -> Array:
    """v_i - p_i sum_j v_j; at the top class v_i (sum of other p) - p_i (sum of other v); in float32"""
    wide = np.result_type(x, np.float32)
    p, g = softmax.shifted(x.astype(wide), axis=axis), v.astype(wide)
    top = np.expand_dims(x.argmax(axis=axis), axis)
    p_top, v_top = np.take_along_axis(p, top, axis), np.take_along_axis(g, top, axis)
    other_p, other_v = p.copy(), g.copy()
    np.put_along_axis(other_p, top, 0, axis)
    np.put_along_axis(other_v, top, 0, axis)
    at_top = v_top * other_p.sum(axis=axis, keepdims=True) - p_top * other_v.sum(axis=axis, keepdims=True)
    result = g - p * g.sum(axis=axis, keepdims=True)
    np.put_along_axis(result, top, at_top, axis)
    return result.astype(x.dtype)
