"""Log of one minus an exponential: log(1 - exp(-abs(x)))."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations.catalogue import implements

Array = npt.NDArray[Any]


@implements(
    "log1mexp", grade="unstable", because="1 - 1 around 0 gives log(0), 1 - tiny far from it gives log(1)"
)
def naive(x: Array) -> Array:
    """log(1 - exp(-abs(x)))"""
    return np.log(1 - np.exp(-np.abs(x)))


@implements("log1mexp", grade="unstable", because="exp(-abs(x)) rounds to 1 around 0 and gives log(0)")
def log1p_form(x: Array) -> Array:
    """log1p(-exp(-abs(x)))"""
    return np.log1p(-np.exp(-np.abs(x)))


@implements("log1mexp", grade="unstable", because="-expm1 rounds to 1 far from 0, and log(1) is 0")
def expm1_form(x: Array) -> Array:
    """log(-expm1(-abs(x)))"""
    return np.log(-np.expm1(-np.abs(x)))


@implements(
    "log1mexp", grade="accurate", because="each form where it keeps its digits, changing over at log 2"
)
def switched(x: Array) -> Array:
    """log(-expm1(-abs(x))) up to log 2, log1p(-exp(-abs(x))) beyond"""
    a = np.abs(x)
    return np.where(a <= math.log(2), np.log(-np.expm1(-a)), np.log1p(-np.exp(-a)))
