"""Softmax: exp(x_i) / sum_j exp(x_j), in the ways in which it gets written."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations.catalogue import implements

Array = npt.NDArray[Any]

# ml_dtypes adds bfloat16 numbers one after the other, so 4 096 equal logits sum to 256; NumPy adds float16
# in float32 where the row is contiguous.
STALLS = {
    "": "subtracting the maximum keeps every exponent at or below 0",
    "bfloat16": "the sum stalls at 256",
}


@implements("softmax", grade="unstable", because="exp overflows above log(max), and inf / inf is NaN")
def naive(x: Array, axis: int = -1) -> Array:
    """exp(x) / sum(exp(x))"""
    e = np.exp(x)
    return e / e.sum(axis=axis, keepdims=True)


@implements("softmax", grade="accurate", bfloat16="robust", because=STALLS)
def shifted(x: Array, axis: int = -1) -> Array:
    """exp(x - m) / sum(exp(x - m)), m the maximum of the row"""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


@implements("softmax", grade="accurate", because="shifted by the maximum and summed in at least float32")
def shifted_float32_sum(x: Array, axis: int = -1) -> Array:
    """exp(x - m) / sum(exp(x - m)), the sum in float32"""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    total = e.sum(axis=axis, keepdims=True, dtype=np.result_type(x, np.float32))
    return (e / total).astype(x.dtype)


@implements("softmax", grade="robust", because="the rounding of a large log-sum-exp scales the whole row")
def exp_of_difference(x: Array, axis: int = -1) -> Array:
    """exp(x - lse(x)), without a division"""
    m = x.max(axis=axis, keepdims=True)
    lse = m + np.log(np.exp(x - m).sum(axis=axis, keepdims=True))
    return np.exp(x - lse)


@implements(
    "softmax",
    grade="accurate",
    bfloat16="robust",
    because={"": "both subtractions act on shifted logits", "bfloat16": "the sum stalls at 256"},
)
def exp_of_log_softmax(x: Array, axis: int = -1) -> Array:
    """exp((x - m) - log(sum(exp(x - m))))"""
    z = x - x.max(axis=axis, keepdims=True)
    return np.exp(z - np.log(np.exp(z).sum(axis=axis, keepdims=True)))


@implements(
    "softmax",
    grade="accurate",
    float16="robust",
    bfloat16="robust",
    because={
        "": "every term is rescaled to the running maximum",
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
        # As long as everything is masked the maximum is -inf, and -inf - -inf would be NaN.
        base = np.where(np.isneginf(top), 0, top)
        total = total * np.exp(m - base) + np.exp(column - base)
        m = top
    return np.moveaxis(np.exp(columns - m) / total, 0, axis)


@implements("softmax", grade="accurate", because="rescaled, and the running sum is at least float32")
def online_float32_sum(x: Array, axis: int = -1) -> Array:
    """One pass with a running maximum, the sum in float32"""
    wide = x.astype(np.result_type(x, np.float32))
    return online(wide, axis=axis).astype(x.dtype)


@implements("softmax", grade="robust", because="the maximum of the batch empties rows far below it")
def batch_maximum(x: Array, axis: int = -1) -> Array:
    """exp(x - max of all rows) / sum"""
    e = np.exp(x - x.max())
    return e / e.sum(axis=axis, keepdims=True)


@implements("softmax", grade="unstable", because="a row of negative logits underflows to 0 / 0")
def maximum_from_zero(x: Array, axis: int = -1) -> Array:
    """exp(x - max(0, x)) / sum: the running maximum was started at 0"""
    e = np.exp(x - x.max(axis=axis, keepdims=True, initial=0))
    return e / e.sum(axis=axis, keepdims=True)


@implements("softmax", grade="unstable", because="a row of negative logits underflows to 0 / 0")
def maximum_from_smallest_float(x: Array, axis: int = -1) -> Array:
    """exp(x - max(tiny, x)) / sum: started at numeric_limits<float>::min(), which is positive"""
    tiny = np.asarray(1e-6 if x.dtype.itemsize == 2 else np.finfo(x.dtype).tiny, x.dtype)
    e = np.exp(x - np.maximum(x.max(axis=axis, keepdims=True), tiny))
    return e / e.sum(axis=axis, keepdims=True)


@implements("softmax", grade="unstable", because="a constant moves the cliffs and removes none of them")
def constant_shift(x: Array, axis: int = -1) -> Array:
    """exp(x - 10) / sum(exp(x - 10))"""
    e = np.exp(x - 10)
    return e / e.sum(axis=axis, keepdims=True)


@implements(
    "softmax",
    grade="robust",
    float16="unstable",
    because={"": "logits beyond 50 and masked ones count as 50", "float16": "exp(50) overflows"},
)
def clipped_logits(x: Array, axis: int = -1) -> Array:
    """exp(clip(x, -50, 50)) / sum"""
    e = np.exp(np.minimum(np.maximum(x, -50), 50))
    return e / e.sum(axis=axis, keepdims=True)
