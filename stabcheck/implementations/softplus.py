"""Softplus: log(1 + exp(x))."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations.catalogue import implements

Array = npt.NDArray[Any]


@implements("softplus", grade="unstable", because="exp overflows on the right, 1 + tiny is 1 on the left")
def naive(x: Array) -> Array:
    """log(1 + exp(x))"""
    return np.log(1 + np.exp(x))


@implements("softplus", grade="unstable", because="exp overflows where the answer is x")
def log1p_of_exp(x: Array) -> Array:
    """log1p(exp(x))"""
    return np.log1p(np.exp(x))


@implements("softplus", grade="accurate", because="exp only ever sees -abs(x), and log1p keeps the tail")
def sign_split(x: Array) -> Array:
    """max(x, 0) + log1p(exp(-abs(x)))"""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


@implements("softplus", grade="unstable", because="log(1 + tiny) is 0 on the left")
def sign_split_without_log1p(x: Array) -> Array:
    """max(x, 0) + log(1 + exp(-abs(x)))"""
    return np.maximum(x, 0) + np.log(1 + np.exp(-np.abs(x)))


@implements(
    "softplus",
    grade="accurate",
    float64="robust",
    float16="unstable",
    because={
        "": "exp(-20) / 20 is far below the last digit",
        "float64": "exp(-20) / 20 is a million ulps too early",
        "float16": "exp(x) overflows between 11.1 and 20",
    },
)
def threshold(x: Array) -> Array:
    """x above 20, log1p(exp(x)) below"""
    return np.where(x > 20, x, np.log1p(np.exp(x)))


@implements("softplus", grade="accurate", because="NumPy's logaddexp takes the maximum out")
def logaddexp(x: Array) -> Array:
    """logaddexp(0, x)"""
    return np.logaddexp(np.zeros_like(x), x)
