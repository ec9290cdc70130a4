"""Ops on rows of probabilities: Kullback-Leibler divergence, entropy, cross-entropy of a class.

0 log 0 = 0 throughout. Formulas do not assume that a row sums to one: real rows only nearly do. By as much as
they miss it, dividing by the sum first (scipy.stats.entropy) may change a result: `missing_from_one`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.ops import register
from stabcheck.ops.context import Context, Value
from stabcheck.ops.op import Argument, GateConstants, Gates, Op, Option

P = Argument("p", "probabilities", ("C",), (0.0, 1.0))
Q = Argument("q", "probabilities", ("C",), (0.0, 1.0))
PROBABILITIES = Argument("probabilities", "probabilities", ("C",), (0.0, 1.0))
TARGET = Argument("target", "index", ())
SOFT_TARGET = Argument("target", "targets", ("C",), (0.0, 1.0))


def positive_log(k: Context, p: Value) -> Value:
    """log p, and 0 where p is 0."""
    return k.log(k.where(p > 0, p, 1))


def missing_from_one(k: Context, c: GateConstants, p: Value) -> Value:
    """|sum p - 1| in units of u, where float64 tells it. (Distributions in float64 miss less than that.)"""
    missing = k.abs(k.sum(p) - 1)
    return k.where(missing > _TOLD, missing, 0) / c.u if c.format.narrow else 0 * missing


#: From here on float64 knows the difference of a sum from 1 to three digits.
_TOLD = 2.0**-36


def unknown_weight(p: npt.NDArray[Any], *_: Any, **__: Any) -> Mapping[str, npt.NDArray[np.bool_]]:
    """0 log 0 = 0 is written as a choice of the classes that count, p > 0, and NaN is not larger than 0: some
    leave such a class out, others hand the NaN on."""
    return {"NaN as a weight": np.isnan(p).any(axis=-1)}


def weighted_feeds(p: npt.NDArray[Any], *others: npt.NDArray[Any], **_: Any) -> npt.NDArray[np.bool_]:
    """A NaN feeds the result through a class that has weight, where all weights are known."""
    counts = (p != 0) & ~np.isnan(p).any(axis=-1, keepdims=True)
    fed = np.zeros(p.shape, dtype=bool)
    for other in others:
        fed |= np.isnan(other)
    return np.asarray((fed & counts).any(axis=-1))


# -- kl_divergence -------------------------------------------------------------------------------------


def _kl(k: Context, p: Value, q: Value) -> Value:
    return k.sum(k.xlogy(p, p) - k.xlogy(p, q))


def _kl_fast(k: Context, p: Value, q: Value) -> Value:
    return -k.sum(k.xlogy(p, q / k.where(p > 0, p, 1)))  # q = 0 is an exact 0 here, not a divisor


def _kl_gate(k: Context, c: GateConstants, y: Value, p: Value, q: Value) -> Value:
    # Absolute. Both logarithms with their products; one rounding of the quotient p / q, which log turns
    # into an absolute error of p_j (log p - log q has no such rounding, log(p / q) has); the sum.
    a, b = positive_log(k, p), positive_log(k, q)
    logs = k.sum(p * (k.abs(a) + k.abs(b)))
    return c.C * logs + k.sum(p) + c.s(k.shape(p)[-1]) * k.sum(p * k.abs(a - b))


def _one_step_each(k: Context, c: GateConstants, y: Value, p: Value, *_: Value) -> Value:
    # Each product may underflow.
    return 2 + k.shape(p)[-1]


kl_divergence = register(
    Op(
        name="kl_divergence",
        kind="row",
        arguments=(P, Q),
        formula=_kl,
        fast=_kl_fast,
        output=(),
        gates=Gates(
            _kl_gate,
            # dr/dp_j . p_j = p_j (log(p_j / q_j) + 1), dr/dq_j . q_j = -p_j
            conditioning=lambda k, y, p, q: k.sum(
                p * (k.abs(positive_log(k, p) - positive_log(k, q) + 1) + 1)
            ),
            underflow=_one_step_each,
        ),
        conventions=unknown_weight,
        feeds=weighted_feeds,
        text="sum_j p_j (log(p_j) - log(q_j)), 0 log 0 = 0",
        summary="Kullback-Leibler divergence of two rows of probabilities",
    )
)


# -- entropy -------------------------------------------------------------------------------------------


def _entropy(k: Context, p: Value) -> Value:
    return -k.sum(k.xlogy(p, p))


entropy = register(
    Op(
        name="entropy",
        kind="row",
        arguments=(P,),
        formula=_entropy,
        output=(),
        gates=Gates(
            # Relative, as no term has the other sign, and what dividing by the sum changes:
            # sum p_j / s log(p_j / s) = (y - log s) / s.
            lambda k, c, y, p: (
                (c.C + c.s(k.shape(p)[-1])) * k.abs(y) + missing_from_one(k, c, p) * (1 + k.abs(y))
            ),
            slack=1e-3,
            conditioning=lambda k, y, p: k.sum(p * k.abs(positive_log(k, p) + 1)),
            underflow=_one_step_each,
        ),
        range=(0.0, math.inf),
        conventions=unknown_weight,
        feeds=weighted_feeds,
        text="-sum_j p_j log(p_j), 0 log 0 = 0",
        summary="entropy of a row of probabilities",
    )
)


# -- cross_entropy_from_probabilities ------------------------------------------------------------------


def _of_class(k: Context, p: Value, target: npt.NDArray[np.int64], target_kind: str) -> Value:
    inside = np.clip(target, 0, max(k.shape(p)[-1] - 1, 0))
    return -k.log(k.take(p, inside))


def _of_soft_target(k: Context, p: Value, target: Value, target_kind: str) -> Value:
    return -k.sum(k.xlogy(target, p))


def _target_conventions(
    p: npt.NDArray[Any], target: npt.NDArray[Any], **_: Any
) -> Mapping[str, npt.NDArray[np.bool_]]:
    return {"index out of range": (target < 0) | (target >= p.shape[-1])}


def _target_feeds(p: npt.NDArray[Any], target: npt.NDArray[Any], **_: Any) -> npt.NDArray[np.bool_]:
    """A NaN feeds the loss where it is the probability of the target."""
    inside = np.clip(target, 0, max(p.shape[-1] - 1, 0))
    return np.asarray(np.isnan(np.take_along_axis(p, inside[..., None], -1)[..., 0]))


def _soft_feeds(p: npt.NDArray[Any], target: npt.NDArray[Any], **_: Any) -> npt.NDArray[np.bool_]:
    """A NaN feeds the loss in a target, and in a probability whose target is not 0."""
    return np.asarray((np.isnan(target) | (np.isnan(p) & (target != 0))).any(axis=-1))


def _soft(op: Op, options: Mapping[str, Any]) -> Op:
    if options["target_kind"] == "index":
        return op
    return replace(
        op,
        arguments=(PROBABILITIES, SOFT_TARGET),
        formula=_of_soft_target,
        gates=Gates(
            # Relative: no term has the other sign; a libm call and a product each, and the sum. Dividing
            # by the sum of p adds log s.
            lambda k, c, y, p, t, target_kind: (
                (2 * c.C + c.s(k.shape(p)[-1])) * k.abs(y) + missing_from_one(k, c, p)
            ),
            slack=1e-3,
            # dr/dp_j . p_j = -t_j, dr/dt_j . t_j is the term itself.
            conditioning=lambda k, y, p, t, target_kind: k.sum(t) + k.abs(y),
            underflow=_soft_underflow,
        ),
        conventions=lambda *_a, **_o: {},
        feeds=_soft_feeds,
        adapt=None,
    )


def _soft_underflow(k: Context, c: GateConstants, y: Value, p: Value, t: Value, target_kind: str) -> Value:
    return 2 + k.shape(p)[-1]


cross_entropy_from_probabilities = register(
    Op(
        name="cross_entropy_from_probabilities",
        kind="row",
        arguments=(PROBABILITIES, TARGET),
        formula=_of_class,
        output=(),
        gates=Gates(
            lambda k, c, y, p, target, target_kind: 2 * c.C,
            # dr/dp . p = -1
            conditioning=lambda k, y, p, target, target_kind: 1,
            relative=True,
        ),
        options=(
            Option(
                "target_kind",
                str,
                "index",
                ("index", "soft"),
                "targets are class indices, or rows of probabilities",
            ),
        ),
        range=(0.0, math.inf),
        conventions=_target_conventions,
        feeds=_target_feeds,
        adapt=_soft,
        text="-log(p_t)",
        summary="cross-entropy of a class, from a row of probabilities",
    )
)
