"""Vector-Jacobian product of softmax: p_i (v_i - sum_j p_j v_j)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations import softmax
from stabcheck.implementations.catalogue import implements

Array = npt.NDArray[Any]


@implements("softmax_vjp", grade="unstable", because="exp overflows above log(max), and inf / inf is NaN")
def dot_and_subtract_naive(x: Array, v: Array, axis: int = -1) -> Array:
    """(v - sum(v * p)) * p, p without a shift"""
    p = softmax.naive(x, axis=axis)
    return (v - (v * p).sum(axis=axis, keepdims=True)) * p


@implements(
    "softmax_vjp",
    grade="stable",
    bfloat16="robust",
    because={"": "v - <v, p> cancels where one class dominates", "bfloat16": "the sum stalls at 256"},
)
def dot_and_subtract(x: Array, v: Array, axis: int = -1) -> Array:
    """(v - sum(v * p)) * p, as in Caffe's softmax layer"""
    p = softmax.shifted(x, axis=axis)
    return (v - (v * p).sum(axis=axis, keepdims=True)) * p


@implements("softmax_vjp", grade="stable", because="v - <v, p> cancels where one class dominates")
def dot_and_subtract_float32_sum(x: Array, v: Array, axis: int = -1) -> Array:
    """(v - sum(v * p)) * p, the sums in float32"""
    p = softmax.shifted_float32_sum(x, axis=axis)
    dot = (v * p).sum(axis=axis, keepdims=True, dtype=np.result_type(x, np.float32))
    return (v - dot.astype(v.dtype)) * p


@implements(
    "softmax_vjp",
    grade="stable",
    bfloat16="robust",
    because={"": "p v - p <p, v> cancels where one class dominates", "bfloat16": "the sum stalls at 256"},
)
def jacobian_multiplied_out(x: Array, v: Array, axis: int = -1) -> Array:
    """(diag(p) - p p^T) v = p v - p sum(p v), without building the matrix"""
    p = softmax.shifted(x, axis=axis)
    return p * v - p * (p * v).sum(axis=axis, keepdims=True)


@implements("softmax_vjp", grade="robust", because="the other classes' terms of the Jacobian are left out")
def diagonal_only(x: Array, v: Array, axis: int = -1) -> Array:
    """p (1 - p) v: the diagonal taken for the whole Jacobian"""
    p = softmax.shifted(x, axis=axis)
    return p * (1 - p) * v


@implements(
    "softmax_vjp", grade="accurate", because="the mean is taken out twice: what cancels is exact or small"
)
def dominating_taken_out(x: Array, v: Array, axis: int = -1) -> Array:
    """p_i (w_i - sum_j p_j w_j) with w = v - v_top - its own mean, the sums in float32"""
    wide = np.result_type(x, np.float32)
    p = softmax.shifted(x.astype(wide), axis=axis)
    top = np.expand_dims(x.argmax(axis=axis), axis)
    w = v.astype(wide) - np.take_along_axis(v.astype(wide), top, axis)
    w = w - (p * w).sum(axis=axis, keepdims=True)
    return (p * (w - (p * w).sum(axis=axis, keepdims=True))).astype(x.dtype)
