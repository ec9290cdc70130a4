"""Caffe's softmax layer with loss, and its gradient: a blob (outer, C, inner) and labels (outer, inner).

loss = loss_weight / normaliser * sum of -log p_label over the positions whose label is not `ignore_label`.
The normaliser counts all positions (FULL), those that are not ignored (VALID), outer (BATCH_SIZE) or 1
(NONE), and is never below 1. The gradient (of the blob; labels have none) is p minus 1 at the label, and 0 in
every class of an ignored position, times the same factor.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.ops import register
from stabcheck.ops.context import Context, Value
from stabcheck.ops.losses import (
    counted,
    is_valid,
    log_probability_gate,
    row_conditioning,
    row_conventions,
    textbook_log_probabilities,
)
from stabcheck.ops.op import Argument, GateConstants, Gates, Op, Option
from stabcheck.ops.row_gradients import is_class, minus_one_hot, minus_one_hot_gate, weight_conditioning
from stabcheck.ops.rows import log_probabilities, weights

Array = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Options = Mapping[str, Any]

BOTTOM = Argument("bottom", "logits", ("outer", "C", "inner"))
LABEL = Argument("label", "index", ("outer", "inner"))
OPTIONS = (
    Option(
        "normalization",
        str,
        "VALID",
        ("FULL", "VALID", "BATCH_SIZE", "NONE"),
        "what the sum of the losses is divided by",
    ),
    Option("ignore_label", int, None, (), "positions with this label do not count (default: all count)"),
    Option("loss_weight", float, 1.0, (), "factor of the whole loss"),
)

# Inside, classes are the last axis: (B, outer, inner, C), and labels (B, outer, inner, 1).


def _factor(k: Context, x: Value, valid: Bools, options: Options) -> Value:
    """loss_weight / normaliser: one number, or one per example (B, 1, 1, 1)."""
    outer, inner = k.shape(x)[-3:-1]
    counts = {"FULL": outer * inner, "BATCH_SIZE": outer, "NONE": 1}
    weight = Fraction(options["loss_weight"])
    if options["normalization"] in counts:
        return k.value(weight / max(counts[options["normalization"]], 1))
    count = np.maximum(valid.sum(axis=(-3, -2), keepdims=True), 1)
    return k.value(weight) / k.array(count.astype(np.float64))


def _over_positions(k: Context, a: Value) -> Value:
    return k.sum(k.sum(a, axis=-2), axis=-3)


# -- loss ----------------------------------------------------------------------------------------------


def _loss(k: Context, x: Value, label: Ints, log_p: Value, options: Options) -> Value:
    valid, inside = is_valid(k.shape(x), label, options["ignore_label"])
    losses = k.where(valid, -k.take(log_p, inside), 0)
    return _over_positions(k, losses) * _factor(k, x, valid, options)


def _formula(k: Context, bottom: Value, label: Ints, **options: Any) -> Value:
    x = k.transpose(bottom)
    return _loss(k, x, label, textbook_log_probabilities(k, x), options)


def _fast(k: Context, bottom: Value, label: Ints, **options: Any) -> Value:
    x = k.transpose(bottom)
    return _loss(k, x, label, log_probabilities(k, x), options)


def _gate(k: Context, c: GateConstants, y: Value, bottom: Value, label: Ints, **options: Any) -> Value:
    # Absolute. The gates of log-softmax at the labels, added up; s(N) for that sum of one sign, and 3 for
    # the factor, the product and the rounding.
    x = k.transpose(bottom)
    log_p = log_probabilities(k, x)
    valid, inside = is_valid(k.shape(x), label, options["ignore_label"])
    per_row = k.where(valid, k.take(log_probability_gate(k, c, x, log_p), inside), 0)
    outer, inner = k.shape(x)[-3:-1]
    total = _over_positions(k, per_row) * k.abs(_factor(k, x, valid, options))
    return total + (c.s(outer * inner) + 3) * k.abs(y)


def _conditioning(k: Context, y: Value, bottom: Value, label: Ints, **options: Any) -> Value:
    x = k.transpose(bottom)
    valid, inside = is_valid(k.shape(x), label, options["ignore_label"])
    per_row = row_conditioning(k, x, k.where(is_class(k, x, inside), 1, 0))
    return _over_positions(k, k.where(valid, per_row, 0)) * k.abs(_factor(k, x, valid, options))


def _underflow(k: Context, c: GateConstants, y: Value, bottom: Value, label: Ints, **options: Any) -> Value:
    # Every exp of a position's sum and the loss itself, times the factor, and the product's own.
    outer, classes, inner = k.shape(bottom)[-3:]
    return 2 + outer * inner * (1 + classes) * max(abs(options["loss_weight"]), 1.0)


def _by_position(bottom: Array, label: Array, options: Options) -> dict[str, Bools]:
    counts = counted(label, options["ignore_label"])
    outside = counts & ((label < 0) | (label >= bottom.shape[-2]))
    return {"index out of range": outside} | row_conventions(np.swapaxes(bottom, -1, -2), counts)


def _conventions(bottom: Array, label: Array, **options: Any) -> Mapping[str, Bools]:
    found = _by_position(bottom, label, options)
    return {name: np.asarray(mask.any(axis=(-1, -2))) for name, mask in found.items()}


def _feeds(bottom: Array, label: Array, **options: Any) -> Bools:
    """A NaN at a position that counts feeds the loss."""
    nan = np.isnan(bottom).any(axis=-2) & counted(label, options["ignore_label"])
    return np.asarray(nan.any(axis=(-1, -2)))


softmax_loss = register(
    Op(
        name="softmax_loss",
        kind="layer",
        arguments=(BOTTOM, LABEL),
        formula=_formula,
        fast=_fast,
        output=(),
        gates=Gates(_gate, _conditioning, underflow=_underflow),
        options=OPTIONS,
        invariance="shift",
        conventions=_conventions,
        feeds=_feeds,
        gradient="softmax_loss_grad",
        text="loss_weight / normaliser * sum over positions of -log(exp(x_t) / sum_j exp(x_j))",
        summary="Caffe's SoftmaxWithLoss",
    )
)


# -- gradient ------------------------------------------------------------------------------------------


def _per_class(k: Context, x: Value, valid: Bools, a: Value, options: Options) -> Value:
    """a (B, outer, inner, C) times the factor, 0 at ignored positions, classes back in their place."""
    return k.transpose(k.where(valid, a * _factor(k, x, valid, options), 0))


def _grad_formula(k: Context, bottom: Value, label: Ints, **options: Any) -> Value:
    x = k.transpose(bottom)
    valid, inside = is_valid(k.shape(x), label, options["ignore_label"])
    e = k.exp(x)
    g = e / k.sum(e) - k.where(is_class(k, x, inside), 1, 0)
    return _per_class(k, x, valid, g, options)


def _grad_fast(k: Context, bottom: Value, label: Ints, **options: Any) -> Value:
    x = k.transpose(bottom)
    valid, inside = is_valid(k.shape(x), label, options["ignore_label"])
    return _per_class(k, x, valid, minus_one_hot(k, x, is_class(k, x, inside)), options)


def _grad_gate(k: Context, c: GateConstants, y: Value, bottom: Value, label: Ints, **options: Any) -> Value:
    # Absolute. The gate of cross_entropy_grad times the factor, and 3 for the factor, the product and its
    # rounding.
    x = k.transpose(bottom)
    valid, inside = is_valid(k.shape(x), label, options["ignore_label"])
    hit = is_class(k, x, inside)
    gate = minus_one_hot_gate(k, c, minus_one_hot(k, x, hit), x, hit)
    return k.abs(_per_class(k, x, valid, gate, options)) + 3 * k.abs(y)


def _grad_conditioning(k: Context, y: Value, bottom: Value, label: Ints, **options: Any) -> Value:
    x = k.transpose(bottom)
    valid, _ = is_valid(k.shape(x), label, options["ignore_label"])
    p = weights(k, x)
    return k.abs(_per_class(k, x, valid, p * weight_conditioning(k, x, p), options))


def _grad_conventions(bottom: Array, label: Array, **options: Any) -> Mapping[str, Bools]:
    """Per element of the blob: a position without an answer says nothing about the others."""
    found = _by_position(bottom, label, options)
    return {name: np.broadcast_to(m[..., None, :], bottom.shape) for name, m in found.items()}


def _grad_feeds(bottom: Array, label: Array, **options: Any) -> Bools:
    """A NaN feeds its own position, unless that is ignored (or of one class: the gradient is 0 there)."""
    nan = np.isnan(bottom).any(axis=-2) & counted(label, options["ignore_label"]) & (bottom.shape[-2] > 1)
    return np.broadcast_to(nan[..., None, :], bottom.shape)


softmax_loss_grad = register(
    Op(
        name="softmax_loss_grad",
        kind="layer",
        arguments=(BOTTOM, LABEL),
        formula=_grad_formula,
        fast=_grad_fast,
        output=("outer", "C", "inner"),
        gates=Gates(
            _grad_gate,
            _grad_conditioning,
            # p, the quotient and every term of the sum of the others, times the factor.
            underflow=lambda k, c, y, bottom, label, **options: (
                2 + (4 + k.shape(bottom)[-2]) * max(abs(options["loss_weight"]), 1.0)
            ),
        ),
        options=OPTIONS,
        invariance="shift",
        conventions=_grad_conventions,
        feeds=_grad_feeds,
        text="loss_weight / normaliser * (p_i - [i = t]), 0 at ignored positions",
        summary="gradient of Caffe's SoftmaxWithLoss with respect to its logits",
    )
)
