"""Caffe's softmax layer with loss, over a blob (outer, C, inner) and labels (outer, inner)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations import log_softmax, softmax
from stabcheck.implementations.catalogue import implements

Array = npt.NDArray[Any]


def normaliser(valid: Array, normalization: str) -> int:
    """What the sum of the losses is divided by: all positions, those that count, outer, or 1."""
    counts = {"FULL": valid.size, "VALID": int(valid.sum()), "BATCH_SIZE": len(valid), "NONE": 1}
    return max(counts[normalization], 1)


def weighted(log_p: Array, label: Array, normalization: str, ignore_label: int, loss_weight: float) -> Array:
    """-log p of the labels at the positions that count, summed, times loss_weight / normaliser."""
    valid = label != ignore_label
    inside = np.where(valid, label, 0)
    losses = -np.take_along_axis(log_p, inside[:, None, :], axis=1)[:, 0, :]
    total = np.where(valid, losses, 0).sum()
    number = log_p.dtype.type
    return np.asarray(total / number(normaliser(valid, normalization)) * number(loss_weight))


@implements(
    "softmax_loss",
    grade="robust",
    float16="unstable",
    because={"": "the loss of a label stops at -log(FLT_MIN) = 87", "float16": "FLT_MIN is 0, and so is p"},
)
def caffe(
    bottom: Array,
    label: Array,
    normalization: str = "VALID",
    ignore_label: int = -1,
    loss_weight: float = 1.0,
) -> Array:
    """-log(max(softmax(x)_label, FLT_MIN)), as Caffe writes it"""
    flt_min = np.asarray(np.finfo(np.float32).tiny, bottom.dtype)
    log_p = np.log(np.maximum(softmax.shifted(bottom, axis=1), flt_min))
    return weighted(log_p, label, normalization, ignore_label, loss_weight)


@implements("softmax_loss", grade="unstable", because="exp overflows above log(max), and log(NaN) stays NaN")
def log_of_naive_softmax(
    bottom: Array,
    label: Array,
    normalization: str = "VALID",
    ignore_label: int = -1,
    loss_weight: float = 1.0,
) -> Array:
    """-log(exp(x_label) / sum(exp(x)))"""
    log_p = np.log(softmax.naive(bottom, axis=1))
    return weighted(log_p, label, normalization, ignore_label, loss_weight)


@implements(
    "softmax_loss",
    grade="accurate",
    float64="stable",
    float32="stable",
    because={
        "": "float32 keeps all the digits that the format has",
        "float64": "the loss is 0 once 1 + tiny is 1",
        "float32": "the loss is 0 once 1 + tiny is 1",
    },
)
def fused_float32_sum(
    bottom: Array,
    label: Array,
    normalization: str = "VALID",
    ignore_label: int = -1,
    loss_weight: float = 1.0,
) -> Array:
    """log(sum(exp(x - m))) - (x_label - m), the sum in float32"""
    log_p = log_softmax.shifted_float32_sum(bottom, axis=1)
    return weighted(log_p, label, normalization, ignore_label, loss_weight)


@implements(
    "softmax_loss", grade="accurate", because="log1p keeps the tail, and the sums are at least float32"
)
@implements(
    "softmax_loss",
    grade="accurate",
    because="log1p keeps the tail, and the sums are at least float32",
    options={"normalization": "NONE", "loss_weight": 0.5},
)
def maximum_taken_out_float32_sum(
    bottom: Array,
    label: Array,
    normalization: str = "VALID",
    ignore_label: int = -1,
    loss_weight: float = 1.0,
) -> Array:
    """log1p(sum of exp(x_j - m) over the others) - (x_label - m), the sums in float32"""
    log_p = log_softmax.maximum_taken_out(bottom.astype(np.result_type(bottom, np.float32)), axis=1)
    return weighted(log_p, label, normalization, ignore_label, loss_weight).astype(bottom.dtype)
