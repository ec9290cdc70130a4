"""Binary cross-entropy of a logit: -(z log s(x) + (1 - z) log(1 - s(x))), s the sigmoid."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations import log_sigmoid, sigmoid
from stabcheck.implementations.catalogue import implements

Array = npt.NDArray[Any]


@implements("bce_with_logits", grade="unstable", because="s and 1 - s round to 0, and 0 * log(0) is NaN")
def logs_of_naive_sigmoid(logits: Array, targets: Array) -> Array:
    """-(z log(s) + (1 - z) log(1 - s)), s = 1 / (1 + exp(-x))"""
    s = sigmoid.naive(logits)
    return -(targets * np.log(s) + (1 - targets) * np.log(1 - s))


@implements(
    "bce_with_logits",
    grade="robust",
    float16="unstable",
    bfloat16="unstable",
    because={
        "": "the loss stops at -log(1e-6) = 13.8, and never falls below 1e-6",
        "float16": "1 - 1e-6 is 1, and 0 * log(0) is NaN",
        "bfloat16": "1 - 1e-6 is 1, and 0 * log(0) is NaN",
    },
)
def clipped_sign_split_sigmoid(logits: Array, targets: Array) -> Array:
    """-(z log(p) + (1 - z) log(1 - p)), p = clip(s, 1e-6, 1 - 1e-6), the sigmoid split by sign"""
    low, high = np.array([1e-6, 1 - 1e-6]).astype(logits.dtype)
    p = np.minimum(np.maximum(sigmoid.sign_split(logits), low), high)
    return -(targets * np.log(p) + (1 - targets) * np.log(1 - p))


@implements(
    "bce_with_logits", grade="accurate", because="exp only ever sees -abs(x), and log1p keeps the tail"
)
def fused(logits: Array, targets: Array) -> Array:
    """max(x, 0) - x z + log1p(exp(-abs(x)))"""
    return np.maximum(logits, 0) - logits * targets + np.log1p(np.exp(-np.abs(logits)))


@implements("bce_with_logits", grade="accurate", because="two logarithms of sigmoids that never cancel")
def log_sigmoids(logits: Array, targets: Array) -> Array:
    """-(z log s(x) + (1 - z) log s(-x))"""
    positive, negative = log_sigmoid.sign_split(logits), log_sigmoid.sign_split(-logits)
    return -(targets * positive + (1 - targets) * negative)


@implements("bce_with_logits", grade="unstable", because="exp(-x) overflows, and x + log1p(exp(-x)) cancels")
def positive_branch_only(logits: Array, targets: Array) -> Array:
    """x (1 - z) + log1p(exp(-x))"""
    return logits * (1 - targets) + np.log1p(np.exp(-logits))


@implements("bce_with_logits", grade="robust", because="softplus(x) - x swallows log1p(exp(-x)) for z = 1")
def softplus_minus_product(logits: Array, targets: Array) -> Array:
    """softplus(x) - x z"""
    softplus = np.maximum(logits, 0) + np.log1p(np.exp(-np.abs(logits)))
    return softplus - logits * targets
