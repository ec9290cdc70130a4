"""Kullback-Leibler divergence: sum_j p_j log(p_j / q_j), with 0 log 0 = 0."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations.catalogue import implements

Array = npt.NDArray[Any]


@implements("kl_divergence", grade="unstable", because="0 * log(0) is NaN, and p / q overflows for a small q")
def log_of_quotient(p: Array, q: Array, axis: int = -1) -> Array:
    """sum(p * log(p / q))"""
    return (p * np.log(p / q)).sum(axis=axis)


@implements("kl_divergence", grade="unstable", because="0 * log(0) is NaN")
def difference_of_logs(p: Array, q: Array, axis: int = -1) -> Array:
    """sum(p * (log(p) - log(q)))"""
    return (p * (np.log(p) - np.log(q))).sum(axis=axis)


@implements("kl_divergence", grade="unstable", because="the divergence from an impossible class is finite")
def eps_in_both_logs(p: Array, q: Array, axis: int = -1) -> Array:
    """sum(p * (log(p + 1e-7) - log(q + 1e-7)))"""
    eps = p.dtype.type(1e-7)
    return (p * (np.log(p + eps) - np.log(q + eps))).sum(axis=axis)


@implements(
    "kl_divergence", grade="accurate", because="one logarithm of p / q, two only where that overflows"
)
def guarded_log_of_quotient(p: Array, q: Array, axis: int = -1) -> Array:
    """sum(p * log(p / q) where p > 0), as a difference of logs where p / q leaves the range; in float32"""
    wide = np.result_type(p, np.float32)
    a, b = p.astype(wide), q.astype(wide)
    quotient = a / b
    inside = (quotient > np.finfo(wide).tiny) & np.isfinite(quotient)
    logs = np.where(inside, np.log(quotient), np.log(a) - np.log(b))
    return np.where(a == 0, 0, a * logs).sum(axis=axis).astype(p.dtype)
