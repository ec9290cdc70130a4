"""Entropy of a row of probabilities: -sum_j p_j log(p_j), with 0 log 0 = 0."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations.catalogue import implements

Array = npt.NDArray[Any]


@implements("entropy", grade="unstable", because="0 * log(0) is NaN")
def textbook(p: Array, axis: int = -1) -> Array:
    """-sum(p * log(p))"""
    return -(p * np.log(p)).sum(axis=axis)


@implements(
    "entropy",
    grade="robust",
    float16="unstable",
    because={"": "1e-12 is more than a small p", "float16": "1e-12 is 0, and 0 * log(0) is NaN"},
)
def eps_in_the_logarithm(p: Array, axis: int = -1) -> Array:
    """-sum(p * log(p + 1e-12))"""
    return -(p * np.log(p + p.dtype.type(1e-12))).sum(axis=axis)


@implements(
    "entropy",
    grade="accurate",
    bfloat16="robust",
    because={"": "p log(p) where p is not 0", "bfloat16": "the sum stalls at 256"},
)
def guarded(p: Array, axis: int = -1) -> Array:
    """-sum(p * log(p) where p > 0)"""
    return -np.where(p == 0, 0, p * np.log(p)).sum(axis=axis)


@implements("entropy", grade="accurate", because="p log(p) where p is not 0, in at least float32")
def guarded_float32_sum(p: Array, axis: int = -1) -> Array:
    """-sum(p * log(p) where p > 0), in float32"""
    return guarded(p.astype(np.result_type(p, np.float32)), axis=axis).astype(p.dtype)
