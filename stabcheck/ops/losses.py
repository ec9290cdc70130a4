"""Cross-entropy of logits: a whole call at a time, (N, C) logits with N targets; row by row if not reduced.

Gates are those of log-softmax at the target (see `rows`), weighted by the target; reducing adds the errors
of a sum over N rows, all of one sign, and of the division.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.ops import register
from stabcheck.ops.context import Context, Value
from stabcheck.ops.op import Argument, GateConstants, Gates, Op, Option
from stabcheck.ops.rows import depth, log_probabilities, weights

Array = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

LOGITS = Argument("logits", "logits", ("N", "C"))
INDICES = Argument("targets", "index", ("N",))
SOFT = Argument("targets", "targets", ("N", "C"), (0.0, 1.0))


# -- one row -------------------------------------------------------------------------------------------


def textbook_log_probabilities(k: Context, x: Value) -> Value:
    """log softmax as the textbook writes it."""
    return x - k.log(k.sum(k.exp(x)))


def log_probability_gate(k: Context, c: GateConstants, x: Value, log_p: Value) -> Value:
    """The gate of log-softmax, in units of u."""
    n = k.shape(x)[-1]
    return depth(k, x) + 2 * k.abs(log_p) + c.C * (c.s(n) + math.log(max(n, 1)) + 2)


def row_conditioning(k: Context, x: Value, weight: Value) -> Value:
    """sum_j |p_j sum(weight) - weight_j| d_j, the condition number of -sum_j weight_j log p_j."""
    return k.sum(k.abs(weights(k, x) * k.sum(weight) - weight) * depth(k, x))


def class_conditioning(k: Context, x: Value, target: Ints) -> Value:
    """The same of -log p_t: sum_j p_j d_j over the other classes and (1 - p_t) d_t."""
    d, p = depth(k, x), weights(k, x)
    return k.sum(p * d) + (1 - 2 * k.take(p, target)) * k.take(d, target)


# -- targets -------------------------------------------------------------------------------------------


def counted(targets: Ints, ignored: int | None) -> Bools:
    """Which rows count: all whose class index is not the ignored one."""
    return np.ones(targets.shape, dtype=bool) if ignored is None else np.asarray(targets != ignored)


def is_valid(x_shape: tuple[int, ...], targets: Ints, ignored: int | None) -> tuple[Bools, Ints]:
    """Which rows count, and class indices that point somewhere in every row; (..., 1) like `targets`."""
    return counted(targets, ignored), np.clip(targets, 0, max(x_shape[-1] - 1, 0))


def _of_one_class(options: Mapping[str, Any]) -> bool:
    """Whether all of the weight of a row is on the class that its index names."""
    return options["target_kind"] == "index" and not options["label_smoothing"]


def _weights(k: Context, x: Value, targets: Any, options: Mapping[str, Any]) -> Value:
    """The weights of the classes in every row, label smoothing included."""
    classes = k.shape(x)[-1]
    if options["target_kind"] == "index":
        targets = k.where(np.arange(classes) == _inside(k, x, targets), 1, 0)
    smoothing = Fraction(options["label_smoothing"])
    return targets * k.value(1 - smoothing) + k.value(smoothing / max(classes, 1)) if smoothing else targets


def _inside(k: Context, x: Value, targets: Ints) -> Ints:
    return is_valid(k.shape(x), targets, None)[1]


def _expected(k: Context, x: Value, targets: Any, a: Value, options: Mapping[str, Any]) -> Value:
    """sum_j weight_j a_j over the classes; what has weight 0 does not count, whatever it is."""
    if _of_one_class(options):
        return k.take(a, _inside(k, x, targets))
    weight = _weights(k, x, targets, options)
    return k.sum(k.where(weight <= 0, 0, weight * a))


def _valid(targets: Any, options: Mapping[str, Any]) -> Bools | None:
    """The mask of rows that count (None: all)."""
    return counted(targets, options["ignore_index"]) if options["target_kind"] == "index" else None


def _reduced(k: Context, per_row: Value, valid: Bools | None, options: Mapping[str, Any]) -> Value:
    if valid is not None:
        per_row = k.where(valid, per_row, 0)
    if options["reduction"] == "none":
        return per_row
    total = k.sum(per_row, axis=-2)
    if options["reduction"] == "sum":
        return total
    if valid is None:
        return total / max(k.shape(per_row)[-2], 1)
    return total / k.array(np.maximum(np.sum(valid, axis=-2, keepdims=True), 1).astype(np.float64))


# -- the op --------------------------------------------------------------------------------------------


def _loss(k: Context, x: Value, targets: Any, log_p: Value, options: Mapping[str, Any]) -> Value:
    return _reduced(k, -_expected(k, x, targets, log_p, options), _valid(targets, options), options)


def _formula(k: Context, x: Value, targets: Any, **options: Any) -> Value:
    return _loss(k, x, targets, textbook_log_probabilities(k, x), options)


def _fast(k: Context, x: Value, targets: Any, **options: Any) -> Value:
    return _loss(k, x, targets, log_probabilities(k, x), options)


def _gate(k: Context, c: GateConstants, y: Value, x: Value, targets: Any, **options: Any) -> Value:
    # Absolute. Per row sum_j w_j (gate of log p_j); where several classes have weight, C s(n) for the sum
    # of the products w_j log p_j. Reduced alike, and s(N) + 2 for the sum of the rows and the division.
    log_p = log_probabilities(k, x)
    n, rows = k.shape(x)[-1], k.shape(x)[-2]
    per_row = _expected(k, x, targets, log_probability_gate(k, c, x, log_p), options)
    loss = _expected(k, x, targets, k.abs(log_p), options)
    if not _of_one_class(options):
        per_row = per_row + c.C * c.s(n) * loss
    if options["reduction"] != "none":
        per_row = per_row + (c.s(rows) + 2) * loss
    return _reduced(k, per_row, _valid(targets, options), options)


def _underflow(k: Context, c: GateConstants, y: Value, x: Value, targets: Any, **options: Any) -> Value:
    # Every exp of a row's sum may underflow, and with soft targets a product w_j log p_j in each class; rows
    # add up or are averaged.
    steps = 2 + k.shape(x)[-1] * (1 if _of_one_class(options) else 2)
    return steps * (k.shape(x)[-2] if options["reduction"] == "sum" else 1) + 2


def _conditioning(k: Context, y: Value, x: Value, targets: Any, **options: Any) -> Value:
    if _of_one_class(options):
        per_row = class_conditioning(k, x, _inside(k, x, targets))
    else:
        per_row = row_conditioning(k, x, _weights(k, x, targets, options))
    return _reduced(k, per_row, _valid(targets, options), options)


def row_conventions(x: Array, counts: Bools) -> dict[str, Bools]:
    """Rows (that count) whose softmax is a matter of taste; `counts` has the shape of x without classes."""
    if x.shape[-1] and np.isfinite(x).all():
        return {}
    return {
        "row that is all -inf": counts & np.all(np.isneginf(x), axis=-1),
        "row with +inf": counts & np.any(np.isposinf(x), axis=-1),
    }


def _conventions(x: Array, targets: Array, **options: Any) -> Mapping[str, Bools]:
    counts = np.ones(x.shape[:-1], dtype=bool)
    found: dict[str, Bools] = {}
    if options["target_kind"] == "index":
        counts = counted(targets, options["ignore_index"])
        found["index out of range"] = counts & ((targets < 0) | (targets >= x.shape[-1]))
    found |= row_conventions(x, counts)
    if options["reduction"] == "none":
        return found
    found = {name: np.asarray(mask.any(axis=-1)) for name, mask in found.items()}
    if options["reduction"] == "mean":
        found["mean over no valid target"] = np.asarray(~counts.any(axis=-1))
    return found


def _feeds(x: Array, targets: Array, **options: Any) -> Bools:
    """A NaN in a row that counts feeds its loss, and everything that the loss goes into; no class of a row
    that does not count has weight."""
    nan = np.isnan(x).any(axis=-1)
    if options["target_kind"] == "index":
        nan &= counted(targets, options["ignore_index"])
    else:
        nan &= (targets > 0).any(axis=-1) | (options["label_smoothing"] > 0)
        nan |= np.isnan(targets).any(axis=-1)
    return np.asarray(nan if options["reduction"] == "none" else nan.any(axis=-1))


def _adapted(op: Op, options: Mapping[str, Any]) -> Op:
    """Soft targets have a row of their own; a loss per row is an op of rows."""
    arguments = (LOGITS, INDICES if options["target_kind"] == "index" else SOFT)
    if options["reduction"] != "none":
        return replace(op, arguments=arguments, adapt=None)
    rows = tuple(replace(argument, axes=argument.axes[1:]) for argument in arguments)
    return replace(op, kind="row", arguments=rows, adapt=None)


cross_entropy = register(
    Op(
        name="cross_entropy",
        kind="reducing",
        arguments=(LOGITS, INDICES),
        formula=_formula,
        fast=_fast,
        output=(),
        gates=Gates(_gate, _conditioning, underflow=_underflow),
        options=(
            Option("reduction", str, "mean", ("none", "mean", "sum"), "what becomes of the N losses"),
            Option(
                "ignore_index", int, None, (), "rows with this class index do not count (default: all count)"
            ),
            Option("label_smoothing", float, 0.0, (), "share of every target that all classes get alike"),
            Option(
                "target_kind",
                str,
                "index",
                ("index", "onehot", "soft"),
                "targets are class indices, one-hot rows, or rows of probabilities",
            ),
        ),
        invariance="shift",
        conventions=_conventions,
        feeds=_feeds,
        adapt=_adapted,
        gradient="cross_entropy_grad",
        text="mean_n of -log(exp(x_t) / sum_j exp(x_j)), t the target of row n",
        summary="cross-entropy of logits, with class indices or soft targets",
    )
)
