"""SiLU (swish): x / (1 + exp(-x))."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations import sigmoid
from stabcheck.implementations.catalogue import implements

Array = npt.NDArray[Any]


@implements("silu", grade="unstable", because="exp(-x) overflows where x exp(x) is still a normal number")
def naive(x: Array) -> Array:
    """x / (1 + exp(-x))"""
    return x / (1 + np.exp(-x))


@implements("silu", grade="unstable", because="inf / inf is NaN above log(max)")
def exp_over_one_plus_exp(x: Array) -> Array:
    """x exp(x) / (1 + exp(x))"""
    e = np.exp(x)
    return x * e / (1 + e)


@implements("silu", grade="accurate", because="the steps of a subnormal sigmoid are all that x enlarges")
def times_sigmoid(x: Array) -> Array:
    """x sigmoid(x), the sigmoid split by sign"""
    return x * sigmoid.sign_split(x)


@implements(
    "silu", grade="accurate", because="half of the exponent is applied at a time, so nothing underflows"
)
def half_exponents(x: Array) -> Array:
    """x h h / (1 + h h) with h = exp(-abs(x) / 2), without the numerator's h h for x >= 0"""
    h = np.exp(-np.abs(x) / 2)
    numerator = np.where(x >= 0, x, x * h * h)
    return numerator / (1 + h * h)
