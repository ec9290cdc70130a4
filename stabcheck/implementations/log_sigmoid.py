"""The logarithm of the sigmoid: -log(1 + exp(-x))."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations import sigmoid
from stabcheck.implementations.catalogue import implements

Array = npt.NDArray[Any]


@implements("log_sigmoid", grade="unstable", because="log(0) on the left, log(1) = 0 on the right")
def log_of_naive(x: Array) -> Array:
    """log(1 / (1 + exp(-x)))"""
    return np.log(sigmoid.naive(x))


@implements("log_sigmoid", grade="unstable", because="log(0) on the left, log(1) = 0 on the right")
def log_of_sign_split(x: Array) -> Array:
    """log(sigmoid(x)), the sigmoid split by sign"""
    return np.log(sigmoid.sign_split(x))


@implements("log_sigmoid", grade="unstable", because="exp(-x) overflows where the answer is x")
def minus_log1p(x: Array) -> Array:
    """-log1p(exp(-x))"""
    return -np.log1p(np.exp(-x))


@implements("log_sigmoid", grade="accurate", because="exp only ever sees -abs(x), and log1p keeps the tail")
def sign_split(x: Array) -> Array:
    """min(x, 0) - log1p(exp(-abs(x)))"""
    return np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))
