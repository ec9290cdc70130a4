"""Binary cross-entropy of a probability: -(y log p + (1 - y) log(1 - p))."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations.catalogue import implements

Array = npt.NDArray[Any]

BINARY = "binary_cross_entropy"


@implements(BINARY, grade="unstable", because="0 * log(0) is NaN at p = 0 and p = 1")
def textbook(probabilities: Array, targets: Array) -> Array:
    """-(y log(p) + (1 - y) log(1 - p))"""
    return -(targets * np.log(probabilities) + (1 - targets) * np.log(1 - probabilities))


@implements(BINARY, grade="stable", because="log(1 - p) is 0 once p is below u")
def guarded(probabilities: Array, targets: Array) -> Array:
    """-(y log(p) + (1 - y) log(1 - p)), a term of weight 0 being 0"""
    hit = np.where(targets == 0, 0, targets * np.log(probabilities))
    miss = np.where(targets == 1, 0, (1 - targets) * np.log(1 - probabilities))
    return -(hit + miss)


@implements(BINARY, grade="accurate", because="log1p(-p) keeps a small p, and a term of weight 0 is 0")
def guarded_log1p(probabilities: Array, targets: Array) -> Array:
    """-(y log(p) + (1 - y) log1p(-p)), a term of weight 0 being 0"""
    hit = np.where(targets == 0, 0, targets * np.log(probabilities))
    miss = np.where(targets == 1, 0, (1 - targets) * np.log1p(-probabilities))
    return -(hit + miss)


@implements(BINARY, grade="unstable", because="the loss of a sure wrong answer is finite")
def clipped_probabilities(probabilities: Array, targets: Array) -> Array:
    """-(y log(q) + (1 - y) log(1 - q)), q = clip(p, 1e-6, 1 - 1e-6)"""
    low, high = np.array([1e-6, 1 - 1e-6]).astype(probabilities.dtype)
    q = np.minimum(np.maximum(probabilities, low), high)
    return -(targets * np.log(q) + (1 - targets) * np.log(1 - q))


@implements(BINARY, grade="unstable", because="the loss of a sure wrong answer is finite")
def logarithms_held_at_100(probabilities: Array, targets: Array) -> Array:
    """-(y max(log(p), -100) + (1 - y) max(log1p(-p), -100))"""
    hit = np.maximum(np.log(probabilities), -100)
    miss = np.maximum(np.log1p(-probabilities), -100)
    return -(targets * hit + (1 - targets) * miss)
