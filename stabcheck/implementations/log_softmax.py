"""Log-softmax: x_i - log(sum_j exp(x_j))."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations import softmax
from stabcheck.implementations.catalogue import implements

Array = npt.NDArray[Any]


@implements("log_softmax", grade="unstable", because="exp overflows above log(max), and log(NaN) stays NaN")
def log_of_naive(x: Array, axis: int = -1) -> Array:
    """log(exp(x) / sum(exp(x)))"""
    return np.log(softmax.naive(x, axis=axis))


@implements("log_softmax", grade="unstable", because="a probability that underflows to 0 has logarithm -inf")
def log_of_shifted(x: Array, axis: int = -1) -> Array:
    """log(softmax(x)), the softmax shifted by the maximum"""
    return np.log(softmax.shifted(x, axis=axis))


@implements("log_softmax", grade="robust", because="a common offset swallows the normaliser: 0 for a tie")
def minus_logsumexp(x: Array, axis: int = -1) -> Array:
    """x - (m + log(sum(exp(x - m))))"""
    m = x.max(axis=axis, keepdims=True)
    return x - (m + np.log(np.exp(x - m).sum(axis=axis, keepdims=True)))


@implements(
    "log_softmax",
    grade="stable",
    bfloat16="robust",
    because={"": "the largest entry is 0 once 1 + tiny is 1", "bfloat16": "the sum stalls at 256"},
)
def shifted(x: Array, axis: int = -1) -> Array:
    """(x - m) - log(sum(exp(x - m)))"""
    z = x - x.max(axis=axis, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=axis, keepdims=True))


@implements(
    "log_softmax",
    grade="accurate",
    float64="stable",
    float32="stable",
    because={
        "": "float32 keeps all the digits that the format has",
        "float64": "the largest entry is 0 once 1 + tiny is 1",
        "float32": "the largest entry is 0 once 1 + tiny is 1",
    },
)
def shifted_float32_sum(x: Array, axis: int = -1) -> Array:
    """(x - m) - log(sum(exp(x - m))), the sum in float32"""
    z = x - x.max(axis=axis, keepdims=True)
    total = np.exp(z).sum(axis=axis, keepdims=True, dtype=np.result_type(x, np.float32))
    return (z - np.log(total)).astype(x.dtype)


@implements(
    "log_softmax",
    grade="accurate",
    bfloat16="robust",
    because={"": "log1p keeps the tail beside the 1 of the maximum", "bfloat16": "the sum stalls at 256"},
)
def maximum_taken_out(x: Array, axis: int = -1) -> Array:
    """(x - m) - log1p(sum of exp(x_j - m) over the others)"""
    top = np.expand_dims(x.argmax(axis=axis), axis)
    z = x - np.take_along_axis(x, top, axis)
    e = np.exp(z)
    np.put_along_axis(e, top, 0, axis)
    return z - np.log1p(e.sum(axis=axis, keepdims=True))


@implements("log_softmax", grade="accurate", because="log1p keeps the tail, and the sum is at least float32")
def maximum_taken_out_float32_sum(x: Array, axis: int = -1) -> Array:
    """(x - m) - log1p(sum of exp(x_j - m) over the others), the sum in float32"""
    return maximum_taken_out(x.astype(np.result_type(x, np.float32)), axis=axis).astype(x.dtype)


@implements("log_softmax", grade="robust", because="the maximum of the batch gives log(0) in rows far below")
def batch_maximum(x: Array, axis: int = -1) -> Array:
    """(x - m) - log(sum(exp(x - m))) with m the maximum of all rows"""
    z = x - x.max()
    return z - np.log(np.exp(z).sum(axis=axis, keepdims=True))


@implements("log_softmax", grade="unstable", because="a masked class gets a finite log-probability")
def clipped_logits(x: Array, axis: int = -1) -> Array:
    """z - log(sum(exp(z))) with z = clip(x, -50, 50)"""
    z = np.minimum(np.maximum(x, -50), 50)
    return z - np.log(np.exp(z).sum(axis=axis, keepdims=True))
