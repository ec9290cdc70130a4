"""Gradient of log-sum-exp: the softmax."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations import softmax
from stabcheck.implementations.catalogue import implements

Array = npt.NDArray[Any]


@implements("logsumexp_grad", grade="unstable", because="exp overflows above log(max), and inf / inf is NaN")
def naive(x: Array, axis: int = -1) -> Array:
    """exp(x) / sum(exp(x))"""
    return softmax.naive(x, axis=axis)


@implements(
    "logsumexp_grad",
    grade="accurate",
    bfloat16="robust",
    because={"": "shifted by the maximum", "bfloat16": "the sum stalls at 256"},
)
def shifted(x: Array, axis: int = -1) -> Array:
    """exp(x - m) / sum(exp(x - m))"""
    return softmax.shifted(x, axis=axis)


@implements(
    "logsumexp_grad", grade="accurate", because="shifted by the maximum and summed in at least float32"
)
def shifted_float32_sum(x: Array, axis: int = -1) -> Array:
    """exp(x - m) / sum(exp(x - m)), the sum in float32"""
    return softmax.shifted_float32_sum(x, axis=axis)


@implements(
    "logsumexp_grad", grade="robust", because="the rounding of a large log-sum-exp scales the whole row"
)
def from_saved_result(x: Array, axis: int = -1) -> Array:
    """exp(x - lse), as a backward pass with the saved forward result"""
    m = x.max(axis=axis, keepdims=True)
    lse = m + np.log(np.exp(x - m).sum(axis=axis, keepdims=True))
    return np.exp(x - lse)
