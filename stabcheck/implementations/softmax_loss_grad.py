"""Gradient of Caffe's softmax layer with loss: (softmax(x) - onehot) loss_weight / normaliser."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations import softmax
from stabcheck.implementations.catalogue import implements
from stabcheck.implementations.softmax_loss import normaliser

Array = npt.NDArray[Any]


def is_label(bottom: Array, label: Array) -> Array:
    """True at the label of every position."""
    return np.arange(bottom.shape[1])[None, :, None] == label[:, None, :]


def weighted(
    gradient: Array, label: Array, normalization: str, ignore_label: int, loss_weight: float
) -> Array:
    """The gradient at the positions that count, times loss_weight / normaliser; 0 elsewhere."""
    valid = label != ignore_label
    number = gradient.dtype.type
    scaled = gradient * number(loss_weight) / number(normaliser(valid, normalization))
    return np.where(valid[:, None, :], scaled, 0)


@implements("softmax_loss_grad", grade="stable", because="p - 1 cancels at the label")
def caffe(
    bottom: Array,
    label: Array,
    normalization: str = "VALID",
    ignore_label: int = -1,
    loss_weight: float = 1.0,
) -> Array:
    """p, minus 1 at the label, as Caffe writes it; the sum in float32"""
    p = softmax.shifted_float32_sum(bottom, axis=1)
    gradient = p - is_label(bottom, label).astype(p.dtype)
    return weighted(gradient, label, normalization, ignore_label, loss_weight)


@implements(
    "softmax_loss_grad", grade="unstable", because="exp overflows above log(max), and inf / inf is NaN"
)
def caffe_without_shift(
    bottom: Array,
    label: Array,
    normalization: str = "VALID",
    ignore_label: int = -1,
    loss_weight: float = 1.0,
) -> Array:
    """p, minus 1 at the label, p without a shift"""
    p = softmax.naive(bottom, axis=1)
    gradient = p - is_label(bottom, label).astype(p.dtype)
    return weighted(gradient, label, normalization, ignore_label, loss_weight)


@implements("softmax_loss_grad", grade="accurate", because="the label's component is the sum of the others")
@implements(
    "softmax_loss_grad",
    grade="accurate",
    because="the label's component is the sum of the others",
    options={"normalization": "FULL", "loss_weight": 0.5},
)
def sum_of_others(
    bottom: Array,
    label: Array,
    normalization: str = "VALID",
    ignore_label: int = -1,
    loss_weight: float = 1.0,
) -> Array:
    """p, and -(sum of the others) at the label, the sums in float32 and along the last axis"""
    # NumPy adds pairwise along the last axis only: a hundred equal classes one by one cost digits.
    wide = np.moveaxis(bottom, 1, -1).astype(np.result_type(bottom, np.float32), order="C")
    p = softmax.shifted(wide)
    hit = np.moveaxis(is_label(bottom, label), 1, -1)
    others = np.where(hit, 0 * p, p)  # not 0: a NaN reaches every class, itself included
    gradient = np.moveaxis(np.where(hit, -others.sum(axis=-1, keepdims=True), others), -1, 1)
    return weighted(gradient, label, normalization, ignore_label, loss_weight).astype(bottom.dtype)
