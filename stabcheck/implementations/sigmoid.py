"""The logistic sigmoid: 1 / (1 + exp(-x))."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations.catalogue import implements

Array = npt.NDArray[Any]


@implements("sigmoid", grade="stable", because="exp(-x) overflows before the subnormal results end")
def naive(x: Array) -> Array:
    """1 / (1 + exp(-x))"""
    return 1 / (1 + np.exp(-x))


@implements("sigmoid", grade="unstable", because="inf / inf is NaN above log(max)")
def exp_over_one_plus_exp(x: Array) -> Array:
    """exp(x) / (1 + exp(x))"""
    e = np.exp(x)
    return e / (1 + e)


@implements("sigmoid", grade="accurate", because="exp only ever sees -abs(x)")
def sign_split(x: Array) -> Array:
    """1 / (1 + exp(-x)) for x >= 0, exp(x) / (1 + exp(x)) below"""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


@implements("sigmoid", grade="unstable", because="1 + tanh cancels to 0 on the negative side")
def tanh_form(x: Array) -> Array:
    """(1 + tanh(x / 2)) / 2"""
    return (1 + np.tanh(x / 2)) / 2


@implements("sigmoid", grade="unstable", because="1 - s cancels to 0 on the negative side")
def one_minus_mirror(x: Array) -> Array:
    """1 / (1 + exp(-x)) for x >= 0, 1 - 1 / (1 + exp(x)) below"""
    s = 1 / (1 + np.exp(-np.abs(x)))
    return np.where(x >= 0, s, 1 - s)
