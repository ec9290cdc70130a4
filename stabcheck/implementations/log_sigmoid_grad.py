"""Derivative of the log-sigmoid: s(-x)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations import sigmoid
from stabcheck.implementations.catalogue import implements

Array = npt.NDArray[Any]


@implements("log_sigmoid_grad", grade="unstable", because="1 - s cancels to 0 on the right")
def one_minus_s(x: Array) -> Array:
    """1 - s(x), from the saved forward result"""
    return 1 - sigmoid.sign_split(x)


@implements("log_sigmoid_grad", grade="stable", because="exp(x) overflows before the subnormal results end")
def mirror(x: Array) -> Array:
    """1 / (1 + exp(x))"""
    return 1 / (1 + np.exp(x))


@implements("log_sigmoid_grad", grade="accurate", because="exp only ever sees -abs(x)")
def sign_split(x: Array) -> Array:
    """s(-x), split by sign"""
    return sigmoid.sign_split(-x)
