"""Cross-entropy of logits: -log softmax(logits)_target, for class indices or soft targets, reduced or not."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations import log_softmax, softmax
from stabcheck.implementations.catalogue import implements

Array = npt.NDArray[Any]

CROSS_ENTROPY = "cross_entropy"


def one_hot(targets: Array, classes: int, dtype: np.dtype[Any]) -> Array:
    """The targets as rows of probabilities; soft targets are that already."""
    if targets.dtype.kind not in "iu":
        return targets
    return (np.arange(classes) == targets[..., None]).astype(dtype)


def reduced(losses: Array, valid: Array, reduction: str) -> Array:
    """The losses of the valid positions: each, their sum, or their mean."""
    losses = np.where(valid, losses, 0)
    if reduction == "none":
        return losses
    total = losses.sum()
    return total if reduction == "sum" else total / valid.sum().astype(losses.dtype)


def valid_positions(logits: Array, targets: Array, ignore_index: int) -> tuple[Array, Array]:
    """Which positions count, and targets that can be indexed at all the others too."""
    if targets.dtype.kind not in "iu":
        return np.ones(logits.shape[:-1], bool), targets
    valid = targets != ignore_index
    return valid, np.where(valid, targets, 0)


def picked(log_p: Array, targets: Array, reduction: str, ignore_index: int, label_smoothing: float) -> Array:
    """-log p of the target class; for soft or smoothed targets the mean of -log p_j under them."""
    valid, targets = valid_positions(log_p, targets, ignore_index)
    if targets.dtype.kind in "iu" and label_smoothing == 0:
        losses = -np.take_along_axis(log_p, targets[..., None], -1)[..., 0]
        return reduced(losses, valid, reduction)
    classes = log_p.shape[-1]
    smoothing = log_p.dtype.type(label_smoothing)
    weights = (1 - smoothing) * one_hot(targets, classes, log_p.dtype) + smoothing / log_p.dtype.type(classes)
    # A class of weight 0 says nothing, even where it is masked: 0 * -inf would be NaN.
    nothing = (weights == 0) & np.isneginf(log_p)
    losses = -np.where(nothing, 0, weights * log_p).sum(axis=-1)
    return reduced(losses, valid, reduction)


@implements(CROSS_ENTROPY, grade="unstable", because="exp overflows above log(max), and log(NaN) stays NaN")
def log_of_naive_softmax(
    logits: Array,
    targets: Array,
    reduction: str = "mean",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Array:
    """-log(exp(x_t) / sum(exp(x)))"""
    log_p = np.log(softmax.naive(logits))
    return picked(log_p, targets, reduction, ignore_index, label_smoothing)


@implements(
    CROSS_ENTROPY, grade="unstable", because="a probability that underflows to 0 costs infinitely much"
)
def log_of_shifted_softmax(
    logits: Array,
    targets: Array,
    reduction: str = "mean",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Array:
    """-log(softmax(x)_t), the softmax shifted by the maximum"""
    log_p = np.log(softmax.shifted(logits))
    return picked(log_p, targets, reduction, ignore_index, label_smoothing)


@implements(CROSS_ENTROPY, grade="unstable", because="0 * log(0) is NaN at a class that should not count")
@implements(
    CROSS_ENTROPY,
    grade="unstable",
    because="0 * log(0) is NaN at a class that should not count",
    options={"target_kind": "soft"},
)
def one_hot_sum(logits: Array, targets: Array, reduction: str = "mean", ignore_index: int = -100) -> Array:
    """-sum(onehot * log(softmax(x)))"""
    valid, targets = valid_positions(logits, targets, ignore_index)
    p = softmax.shifted(logits)
    losses = -(one_hot(targets, logits.shape[-1], p.dtype) * np.log(p)).sum(axis=-1)
    return reduced(losses, valid, reduction)


@implements(CROSS_ENTROPY, grade="robust", because="the loss stops at -log(1e-6) = 13.8, and never reaches 0")
def clipped_probabilities(
    logits: Array, targets: Array, reduction: str = "mean", ignore_index: int = -100
) -> Array:
    """-sum(onehot * log(clip(softmax(x), 1e-6, 1 - 1e-6)))"""
    valid, targets = valid_positions(logits, targets, ignore_index)
    low, high = np.array([1e-6, 1 - 1e-6]).astype(logits.dtype)
    p = np.minimum(np.maximum(softmax.shifted(logits), low), high)
    losses = -(one_hot(targets, logits.shape[-1], p.dtype) * np.log(p)).sum(axis=-1)
    return reduced(losses, valid, reduction)


@implements(CROSS_ENTROPY, grade="robust", because="a common offset swallows the normaliser: 0 for a tie")
def logsumexp_minus_target(
    logits: Array,
    targets: Array,
    reduction: str = "mean",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Array:
    """(m + log(sum(exp(x - m)))) - x_t"""
    log_p = log_softmax.minus_logsumexp(logits)
    return picked(log_p, targets, reduction, ignore_index, label_smoothing)


@implements(
    CROSS_ENTROPY,
    grade="stable",
    bfloat16="robust",
    because={"": "the loss is 0 once 1 + tiny is 1", "bfloat16": "the sum stalls at 256"},
)
def fused(
    logits: Array,
    targets: Array,
    reduction: str = "mean",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Array:
    """log(sum(exp(x - m))) - (x_t - m)"""
    log_p = log_softmax.shifted(logits)
    return picked(log_p, targets, reduction, ignore_index, label_smoothing)


@implements(
    CROSS_ENTROPY,
    grade="accurate",
    bfloat16="robust",
    because={"": "log1p keeps the tail beside the 1 of the maximum", "bfloat16": "the sum stalls at 256"},
)
def maximum_taken_out(
    logits: Array,
    targets: Array,
    reduction: str = "mean",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Array:
    """log1p(sum of exp(x_j - m) over the others) - (x_t - m)"""
    log_p = log_softmax.maximum_taken_out(logits)
    return picked(log_p, targets, reduction, ignore_index, label_smoothing)


@implements(
    CROSS_ENTROPY, grade="accurate", because="log1p keeps the tail, and the sums are at least float32"
)
@implements(
    CROSS_ENTROPY,
    grade="accurate",
    because="log1p keeps the tail, and the sums are at least float32",
    options={"reduction": "none"},
)
@implements(
    CROSS_ENTROPY,
    grade="accurate",
    because="log1p keeps the tail, and the sums are at least float32",
    options={"reduction": "sum"},
)
@implements(
    CROSS_ENTROPY,
    grade="accurate",
    because="log1p keeps the tail, and the sums are at least float32",
    options={"label_smoothing": 0.1},
)
@implements(
    CROSS_ENTROPY,
    grade="accurate",
    because="log1p keeps the tail, and the sums are at least float32",
    options={"target_kind": "soft"},
)
def maximum_taken_out_float32_sum(
    logits: Array,
    targets: Array,
    reduction: str = "mean",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Array:
    """log1p(sum of exp(x_j - m) over the others) - (x_t - m), the sums in float32"""
    log_p = log_softmax.maximum_taken_out(logits.astype(np.result_type(logits, np.float32)))
    soft = targets if targets.dtype.kind in "iu" else targets.astype(log_p.dtype)
    return picked(log_p, soft, reduction, ignore_index, label_smoothing).astype(logits.dtype)
