"""Loss of a linear softmax classifier: mean of -log softmax(X W)_y, + 0.5 reg sum(W^2)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations import log_softmax, softmax
from stabcheck.implementations.catalogue import implements
from stabcheck.implementations.cross_entropy import one_hot

Array = npt.NDArray[Any]


def scores(X: Array, W: Array) -> Array:
    """X W in the format of X (NumPy multiplies bfloat16 matrices into float32)."""
    return (X @ W).astype(X.dtype)


def penalty(W: Array, reg: float) -> Array:
    """0.5 reg sum(W^2)"""
    return np.asarray(W.dtype.type(reg / 2) * (W * W).sum())


@implements("linear_softmax_loss", grade="unstable", because="exp overflows above log(max): inf / inf")
def naive(X: Array, W: Array, y: Array, reg: float = 0.0) -> Array:
    """mean of -log(exp(f_y) / sum(exp(f))), f = X W"""
    log_p = np.log(softmax.naive(scores(X, W)))
    return -log_p[np.arange(len(y)), y].mean() + penalty(W, reg)


@implements("linear_softmax_loss", grade="unstable", because="p_y underflows, and -log(0) is infinite")
def looped(X: Array, W: Array, y: Array, reg: float = 0.0) -> Array:
    """for each i, j: add -log p_ij where j = y_i"""
    p = softmax.shifted(scores(X, W))
    loss = np.zeros((), X.dtype)
    for i in range(len(X)):
        for j in range(W.shape[1]):
            if j == y[i]:
                loss = loss - np.log(p[i, j])
    return loss / X.dtype.type(len(X)) + penalty(W, reg)


@implements(
    "linear_softmax_loss", grade="unstable", because="0 * log(0) is NaN in an entry that should not count"
)
def vectorised(X: Array, W: Array, y: Array, reg: float = 0.0) -> Array:
    """-sum(keep * log(p)) / N, keep the one-hot labels"""
    p = softmax.shifted(scores(X, W))
    keep = one_hot(y, W.shape[1], p.dtype)
    return -(keep * np.log(p)).sum() / p.dtype.type(len(X)) + penalty(W, reg)


@implements(
    "linear_softmax_loss",
    grade="accurate",
    float64="stable",
    float32="stable",
    because={
        "": "float32 keeps all the digits that the format has",
        "float64": "the loss is 0 once 1 + tiny is 1",
        "float32": "the loss is 0 once 1 + tiny is 1",
    },
)
def fused_float32_sum(X: Array, W: Array, y: Array, reg: float = 0.0) -> Array:
    """mean of log(sum(exp(f - m))) - (f_y - m), f = X W, the sum in float32"""
    log_p = log_softmax.shifted_float32_sum(scores(X, W))
    return -log_p[np.arange(len(y)), y].mean() + penalty(W, reg)


@implements("linear_softmax_loss", grade="accurate", because="log1p keeps the tail, in at least float32")
@implements(
    "linear_softmax_loss",
    grade="accurate",
    because="log1p keeps the tail, in at least float32",
    options={"reg": 0.1},
)
def maximum_taken_out_float32(X: Array, W: Array, y: Array, reg: float = 0.0) -> Array:
    """mean of log1p(sum of exp(f_j - m) over the others) - (f_y - m), f = X W, all in float32"""
    wide = np.result_type(X, np.float32)
    log_p = log_softmax.maximum_taken_out(X.astype(wide) @ W.astype(wide))
    loss = -log_p[np.arange(len(y)), y].mean() + penalty(W.astype(wide), reg)
    return np.asarray(loss).astype(X.dtype)
