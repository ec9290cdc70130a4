"""Derivative of softplus: the sigmoid."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations import sigmoid
from stabcheck.implementations.catalogue import implements

Array = npt.NDArray[Any]


@implements("softplus_grad", grade="unstable", because="inf / inf is NaN above log(max)")
def exp_over_one_plus_exp(x: Array) -> Array:
    """exp(x) / (1 + exp(x)), the chain rule on log(1 + exp(x))"""
    e = np.exp(x)
    return e / (1 + e)


@implements("softplus_grad", grade="unstable", because="1 - exp(-y) cancels to 0 on the left")
def from_saved_result(x: Array) -> Array:
    """1 - exp(-softplus(x)), from the saved forward result"""
    y = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
    return 1 - np.exp(-y)


@implements("softplus_grad", grade="stable", because="exp(-x) overflows before the subnormal results end")
def naive(x: Array) -> Array:
    """1 / (1 + exp(-x))"""
    return sigmoid.naive(x)


@implements("softplus_grad", grade="accurate", because="exp only ever sees -abs(x)")
def sign_split(x: Array) -> Array:
    """s(x), split by sign"""
    return sigmoid.sign_split(x)
