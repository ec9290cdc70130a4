"""Hyperbolic tangent: (exp(x) - exp(-x)) / (exp(x) + exp(-x))."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations.catalogue import implements

Array = npt.NDArray[Any]


@implements("tanh", grade="accurate", because="the library's own function")
def library(x: Array) -> Array:
    """tanh(x)"""
    return np.tanh(x)


@implements("tanh", grade="unstable", because="inf / inf is NaN on the right, 1 - 1 is 0 around 0")
def quotient_of_exps(x: Array) -> Array:
    """(exp(2 x) - 1) / (exp(2 x) + 1)"""
    e = np.exp(2 * x)
    return (e - 1) / (e + 1)


@implements("tanh", grade="unstable", because="2 s - 1 cancels to 0 around 0")
def scaled_sigmoid(x: Array) -> Array:
    """2 / (1 + exp(-2 x)) - 1"""
    return 2 / (1 + np.exp(-2 * x)) - 1


@implements("tanh", grade="accurate", because="expm1 keeps the digits around 0 and only ever sees -abs(x)")
def expm1_form(x: Array) -> Array:
    """-expm1(-2 abs(x)) / (2 + expm1(-2 abs(x))), with the sign of x"""
    t = np.expm1(-2 * np.abs(x))
    return np.copysign(t / (2 + t), x)
