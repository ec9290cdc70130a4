"""Gradient of a linear softmax classifier's loss: X^T (softmax(X W) - onehot(y)) / N + reg W."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations import softmax
from stabcheck.implementations.catalogue import implements
from stabcheck.implementations.cross_entropy import one_hot
from stabcheck.implementations.linear_softmax_loss import scores

Array = npt.NDArray[Any]


@implements("linear_softmax_grad", grade="unstable", because="exp overflows above log(max): inf / inf")
def naive(X: Array, W: Array, y: Array, reg: float = 0.0) -> Array:
    """-X^T (onehot - p) / N + reg W, p without a shift"""
    p = softmax.naive(scores(X, W))
    product = scores(X.T, one_hot(y, W.shape[1], p.dtype) - p)
    return -product / X.dtype.type(len(X)) + X.dtype.type(reg) * W


@implements(
    "linear_softmax_grad",
    grade="stable",
    bfloat16="accurate",
    because={"": "p - 1 cancels at the label", "bfloat16": "the scores err by more than the label loses"},
)
def vectorised(X: Array, W: Array, y: Array, reg: float = 0.0) -> Array:
    """-X^T (onehot - p) / N + reg W, the sum in float32"""
    p = softmax.shifted_float32_sum(scores(X, W))
    product = scores(X.T, one_hot(y, W.shape[1], p.dtype) - p)
    return -product / X.dtype.type(len(X)) + X.dtype.type(reg) * W


@implements(
    "linear_softmax_grad",
    grade="stable",
    bfloat16="accurate",
    because={"": "p - 1 cancels at the label", "bfloat16": "the scores err by more than the label loses"},
)
def looped(X: Array, W: Array, y: Array, reg: float = 0.0) -> Array:
    """for each i, j: column j of dW gets -(1 - p_ij) x_i where j = y_i, p_ij x_i elsewhere"""
    p = softmax.shifted_float32_sum(scores(X, W))
    dW = np.zeros_like(W)
    for i in range(len(X)):
        for j in range(W.shape[1]):
            dW[:, j] += -(1 - p[i, j]) * X[i] if j == y[i] else p[i, j] * X[i]
    return dW / X.dtype.type(len(X)) + X.dtype.type(reg) * W


@implements("linear_softmax_grad", grade="accurate", because="the label's component is the sum of the others")
@implements(
    "linear_softmax_grad",
    grade="accurate",
    because="the label's component is the sum of the others",
    options={"reg": 0.1},
)
def sum_of_others(X: Array, W: Array, y: Array, reg: float = 0.0) -> Array:
    """X^T g / N + reg W, g = p and -(sum of the others) at the label, all in float32"""
    wide = np.result_type(X, np.float32)
    p = softmax.shifted(X.astype(wide) @ W.astype(wide))
    hit = one_hot(y, W.shape[1], p.dtype) == 1
    others = np.where(hit, 0 * p, p)  # not 0: a NaN reaches every class, itself included
    g = np.where(hit, -others.sum(axis=1, keepdims=True), others)
    dW = X.astype(wide).T @ g / wide.type(len(X)) + wide.type(reg) * W.astype(wide)
    return dW.astype(X.dtype)
