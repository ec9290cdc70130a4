"""Log of a sum of two exponentials: log(exp(a) + exp(b))."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations.catalogue import implements

Array = npt.NDArray[Any]


@implements("logaddexp", grade="unstable", because="exp overflows, or both terms underflow to log(0)")
def naive(a: Array, b: Array) -> Array:
    """log(exp(a) + exp(b))"""
    return np.log(np.exp(a) + np.exp(b))


@implements("logaddexp", grade="unstable", because="exp(b - a) overflows where b is far above a")
def first_taken_out(a: Array, b: Array) -> Array:
    """a + log1p(exp(b - a))"""
    return a + np.log1p(np.exp(b - a))


@implements("logaddexp", grade="stable", because="1 + tiny loses the tail where the maximum is 0")
def shifted(a: Array, b: Array) -> Array:
    """m + log(1 + exp(-abs(a - b)))"""
    return np.maximum(a, b) + np.log(1 + np.exp(-np.abs(a - b)))


@implements("logaddexp", grade="accurate", because="log1p keeps the tail beside the 1 of the maximum")
def maximum_taken_out(a: Array, b: Array) -> Array:
    """m + log1p(exp(-abs(a - b)))"""
    return np.maximum(a, b) + np.log1p(np.exp(-np.abs(a - b)))


@implements("logaddexp", grade="accurate", because="the library's own function takes the maximum out")
def library(a: Array, b: Array) -> Array:
    """logaddexp(a, b)"""
    return np.logaddexp(a, b)
