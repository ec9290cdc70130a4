"""Derivative of the sigmoid: s(x) s(-x)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations import sigmoid
from stabcheck.implementations.catalogue import implements

Array = npt.NDArray[Any]


@implements("sigmoid_grad", grade="unstable", because="1 - s cancels to 0 on the right")
def s_times_one_minus_s(x: Array) -> Array:
    """s (1 - s), from the saved forward result"""
    s = sigmoid.sign_split(x)
    return s * (1 - s)


@implements("sigmoid_grad", grade="accurate", because="both factors are sigmoids of their own")
def s_times_mirror(x: Array) -> Array:
    """s(x) s(-x)"""
    return sigmoid.sign_split(x) * sigmoid.sign_split(-x)


@implements("sigmoid_grad", grade="accurate", because="exp only ever sees -abs(x)")
def even_form(x: Array) -> Array:
    """e / (1 + e)^2 with e = exp(-abs(x))"""
    e = np.exp(-np.abs(x))
    return e / ((1 + e) * (1 + e))


@implements("sigmoid_grad", grade="unstable", because="inf / inf is NaN on the left")
def quotient_rule(x: Array) -> Array:
    """exp(-x) / (1 + exp(-x))^2"""
    e = np.exp(-x)
    return e / ((1 + e) * (1 + e))
