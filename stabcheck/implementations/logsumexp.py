"""Log-sum-exp: log(sum_j exp(x_j))."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations.catalogue import implements

Array = npt.NDArray[Any]


@implements("logsumexp", grade="unstable", because="exp overflows, or every term underflows to log(0)")
def naive(x: Array, axis: int = -1) -> Array:
    """log(sum(exp(x)))"""
    return np.log(np.exp(x).sum(axis=axis))


@implements(
    "logsumexp",
    grade="stable",
    bfloat16="robust",
    because={"": "1 + tiny loses the tail where the maximum is 0", "bfloat16": "the sum stalls at 256"},
)
def shifted(x: Array, axis: int = -1) -> Array:
    """m + log(sum(exp(x - m)))"""
    m = x.max(axis=axis, keepdims=True)
    return np.squeeze(m, axis) + np.log(np.exp(x - m).sum(axis=axis))


@implements(
    "logsumexp",
    grade="accurate",
    float64="stable",
    float32="stable",
    because={
        "": "float32 keeps all the digits that the format has",
        "float64": "1 + tiny loses the tail where the maximum is 0",
        "float32": "1 + tiny loses the tail where the maximum is 0",
    },
)
def shifted_float32_sum(x: Array, axis: int = -1) -> Array:
    """m + log(sum(exp(x - m))), the sum in float32"""
    m = x.max(axis=axis, keepdims=True)
    total = np.exp(x - m).sum(axis=axis, dtype=np.result_type(x, np.float32))
    return (np.squeeze(m, axis) + np.log(total)).astype(x.dtype)


@implements(
    "logsumexp",
    grade="accurate",
    bfloat16="robust",
    because={"": "log1p keeps the tail beside the 1 of the maximum", "bfloat16": "the sum stalls at 256"},
)
def maximum_taken_out(x: Array, axis: int = -1) -> Array:
    """m + log1p(sum of exp(x_j - m) over the others)"""
    top = np.expand_dims(x.argmax(axis=axis), axis)
    m = np.take_along_axis(x, top, axis)
    e = np.exp(x - m)
    np.put_along_axis(e, top, 0, axis)
    return np.squeeze(m, axis) + np.log1p(e.sum(axis=axis))


@implements("logsumexp", grade="accurate", because="log1p keeps the tail, and the sum is at least float32")
def maximum_taken_out_float32_sum(x: Array, axis: int = -1) -> Array:
    """m + log1p(sum of exp(x_j - m) over the others), the sum in float32"""
    return maximum_taken_out(x.astype(np.result_type(x, np.float32)), axis=axis).astype(x.dtype)


@implements(
    "logsumexp",
    grade="stable",
    float16="robust",
    bfloat16="robust",
    because={
        "": "1 + tiny loses the tail where the maximum is 0",
        "float16": "a running sum stalls at 2048",
        "bfloat16": "a running sum stalls at 256",
    },
)
def online(x: Array, axis: int = -1) -> Array:
    """One pass: a running maximum m and a sum that is rescaled by exp(m_old - m_new)"""
    columns = np.moveaxis(x, axis, 0)
    m, total = columns[0], np.ones_like(columns[0])
    for column in columns[1:]:
        top = np.maximum(m, column)
        base = np.where(np.isneginf(top), 0, top)
        total = total * np.exp(m - base) + np.exp(column - base)
        m = top
    return m + np.log(total)


@implements("logsumexp", grade="unstable", because="a row of negative logits is not shifted and gives log(0)")
def maximum_from_zero(x: Array, axis: int = -1) -> Array:
    """m + log(sum(exp(x - m))) with m = max(0, x)"""
    m = x.max(axis=axis, keepdims=True, initial=0)
    return np.squeeze(m, axis) + np.log(np.exp(x - m).sum(axis=axis))


@implements("logsumexp", grade="robust", because="the maximum of the batch gives log(0) in rows far below")
def batch_maximum(x: Array, axis: int = -1) -> Array:
    """m + log(sum(exp(x - m))) with m the maximum of all rows"""
    m = x.max()
    return m + np.log(np.exp(x - m).sum(axis=axis))
