"""Gradient of the cross-entropy of logits: softmax(x) - onehot."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations import softmax
from stabcheck.implementations.catalogue import implements
from stabcheck.implementations.cross_entropy import one_hot

Array = npt.NDArray[Any]


@implements(
    "cross_entropy_grad", grade="unstable", because="exp overflows above log(max), and inf / inf is NaN"
)
def minus_one_hot_naive(logits: Array, target: Array) -> Array:
    """p - onehot, p without a shift"""
    p = softmax.naive(logits)
    return p - one_hot(np.asarray(target), logits.shape[-1], p.dtype)


@implements(
    "cross_entropy_grad",
    grade="stable",
    bfloat16="robust",
    because={"": "p - 1 cancels at the target", "bfloat16": "the sum stalls at 256"},
)
def minus_one_hot(logits: Array, target: Array) -> Array:
    """p - onehot"""
    p = softmax.shifted(logits)
    return p - one_hot(np.asarray(target), logits.shape[-1], p.dtype)


@implements("cross_entropy_grad", grade="stable", because="p - 1 cancels at the target")
def minus_one_hot_float32_sum(logits: Array, target: Array) -> Array:
    """p - onehot, the sum in float32"""
    p = softmax.shifted_float32_sum(logits)
    return p - one_hot(np.asarray(target), logits.shape[-1], p.dtype)


@implements("cross_entropy_grad", grade="accurate", because="the target's component is the sum of the others")
def sum_of_others(logits: Array, target: Array) -> Array:
    """p_i, and -(sum of the others) at the target, the sums in float32"""
    p = softmax.shifted(logits.astype(np.result_type(logits, np.float32)))
    hit = one_hot(np.asarray(target), logits.shape[-1], p.dtype) == 1
    others = np.where(hit, 0 * p, p)  # not 0: a NaN reaches every class, itself included
    return np.where(hit, -others.sum(axis=-1, keepdims=True), others).astype(logits.dtype)


@implements("cross_entropy_grad", grade="robust", because="the gradient never falls below 1e-6")
def clipped_probabilities(logits: Array, target: Array) -> Array:
    """clip(p, 1e-6, 1 - 1e-6) - onehot"""
    low, high = np.array([1e-6, 1 - 1e-6]).astype(logits.dtype)
    p = np.minimum(np.maximum(softmax.shifted(logits), low), high)
    return p - one_hot(np.asarray(target), logits.shape[-1], p.dtype)


@implements("cross_entropy_grad", grade="unstable", because="onehot / p is infinite where p_t underflows")
def division_by_p(logits: Array, target: Array) -> Array:
    """softmax's product applied to -onehot / p, the gradient of -log p_t"""
    p = softmax.shifted(logits)
    g = -one_hot(np.asarray(target), logits.shape[-1], p.dtype) / p
    return (g - (g * p).sum(axis=-1, keepdims=True)) * p
