"""Binary cross-entropy: of a logit, its gradient, and of a probability. Elementwise.

A target z lies in [0, 1]. Hard targets (0 and 1) are exact: nothing about them is uncertain, and products
with them are exact too. So the terms that a soft target adds to a gate or a condition number are absent
there, and a lost log1p(exp(-|x|)) shows.
"""

from __future__ import annotations

import math
from fractions import Fraction

from stabcheck.ops import register
from stabcheck.ops.context import Context, Value
from stabcheck.ops.elementwise import sigmoid_of
from stabcheck.ops.op import Argument, GateConstants, Gates, Op

LOGITS = Argument("logits", "logits", ())
TARGETS = Argument("targets", "targets", (), (0.0, 1.0))
PROBABILITIES = Argument("probabilities", "probabilities", (), (0.0, 1.0))


def soft(k: Context, z: Value, a: Value) -> Value:
    """a where z is neither 0 nor 1, else 0."""
    return k.where(z <= 0, 0, k.where(z >= 1, 0, a))


def unless_zero(k: Context, weight: Value, a: Value) -> Value:
    """weight * a, and 0 where the weight is 0, whatever a is."""
    return k.where(weight <= 0, 0, weight * a)


# -- of a logit ----------------------------------------------------------------------------------------


def _bce_with_logits(k: Context, x: Value, z: Value) -> Value:
    return -(k.xlogy(z, 1 / (1 + k.exp(-x))) + k.xlogy(1 - z, 1 / (1 + k.exp(x))))


def _bce_with_logits_fast(k: Context, x: Value, z: Value) -> Value:
    # Two terms of one sign, where max(x, 0) - x z + log1p(exp(-|x|)) would cancel.
    tail = k.log1p(k.exp(-k.abs(x)))
    return unless_zero(k, z, k.maximum(-x, 0) + tail) + unless_zero(k, 1 - z, k.maximum(x, 0) + tail)


def _bce_with_logits_gate(k: Context, c: GateConstants, y: Value, x: Value, z: Value) -> Value:
    # Absolute. For max(x, 0) - x z + log1p(exp(-|x|)): the difference, the product x z where it is
    # rounded, and the tail with its two libm calls. For a hard target that is relative.
    # max(x, 0) - x z is written without its cancellation: x (1 - z) or -x z.
    linear = k.where(x >= 0, k.abs(x) * (1 - z), k.abs(x) * z)
    # The tail gets 2 C, as in softplus, which it is for z = 0: with C alone NumPy's float32 misses by 1.1.
    return c.C * (linear + soft(k, z, k.abs(x) * z) + 2 * k.log1p(k.exp(-k.abs(x))))


bce_with_logits = register(
    Op(
        name="bce_with_logits",
        kind="elementwise",
        arguments=(LOGITS, TARGETS),
        formula=_bce_with_logits,
        fast=_bce_with_logits_fast,
        output=(),
        gates=Gates(
            _bce_with_logits_gate,
            # dr/dx = s(x) - z, dr/dz = -x
            conditioning=lambda k, y, x, z: k.abs(x) * k.abs(_difference(k, x, z)) + soft(k, z, k.abs(x) * z),
            underflow=4,
        ),
        range=(0.0, math.inf),
        gradient="bce_with_logits_grad",
        text="-(z log(s(x)) + (1 - z) log(s(-x))), s(x) = 1 / (1 + exp(-x))",
        summary="binary cross-entropy of a logit",
    )
)


def _difference(k: Context, x: Value, z: Value) -> Value:
    """s(x) - z, with all its digits for a hard target."""
    e, below = k.exp(-k.abs(x)), x < 0
    both = 1 + e
    return (1 - z) * (k.where(below, e, 1) / both) - z * (k.where(below, 1, e) / both)


def _bce_grad_gate(k: Context, c: GateConstants, y: Value, x: Value, z: Value) -> Value:
    # Absolute. The sigmoid's own error, the subtraction of z and its rounding: s - z passes, although it
    # cancels for z = 1. A soft target may be multiplied by a sigmoid too, as in (1 - z) s - z (1 - s) or
    # ((1 - z) - z e) / (1 + e): then what is taken away is as uncertain as s.
    return 2 * c.C * (sigmoid_of(k, x) + soft(k, z, z)) + z + k.abs(y)


bce_with_logits_grad = register(
    Op(
        name="bce_with_logits_grad",
        kind="elementwise",
        arguments=(LOGITS, TARGETS),
        formula=lambda k, x, z: 1 / (1 + k.exp(-x)) - z,
        fast=_difference,
        output=(),
        gates=Gates(
            _bce_grad_gate,
            conditioning=lambda k, y, x, z: k.abs(x) * sigmoid_of(k, x) * sigmoid_of(k, -x) + soft(k, z, z),
            underflow=4,
        ),
        range=(-1.0, 1.0),
        text="1 / (1 + exp(-x)) - z",
        summary="derivative of the binary cross-entropy of a logit",
    )
)


# -- of a probability ----------------------------------------------------------------------------------


def _binary_conditioning(k: Context, r: Value, p: Value, y: Value) -> Value:
    # dr/dp . p = -y + (1 - y) p / (1 - p); dr/dy . y = -y (log p - log(1 - p)) for a soft y.
    inside = k.where(p < 1, p, 0)
    odds = k.where(p < 1, inside / (1 - inside), 0)
    positive = k.where(inside > 0, inside, Fraction(1, 2))
    logit = k.log(positive) - k.log1p(-positive)
    return k.abs((1 - y) * odds - y) + soft(k, y, y * k.abs(logit))


binary_cross_entropy = register(
    Op(
        name="binary_cross_entropy",
        kind="elementwise",
        arguments=(PROBABILITIES, TARGETS),
        formula=lambda k, p, y: -(k.xlogy(y, p) + k.xlogy(1 - y, 1 - p)),
        fast=lambda k, p, y: -(k.xlogy(y, p) + unless_zero(k, 1 - y, k.log1p(-p))),
        output=(),
        gates=Gates(
            # Absolute. Relative in two terms of one sign (2 C, as in cross_entropy_from_probabilities: with C
            # alone NumPy's float32 log misses), and one rounding of 1 - p, which log turns into an
            # absolute error: log(1 - p) passes, log1p(-p) is accurate.
            lambda k, c, r, p, y: c.C * (2 * k.abs(r) + (1 - y)),
            conditioning=_binary_conditioning,
            underflow=4,
        ),
        range=(0.0, math.inf),
        text="-(y log(p) + (1 - y) log(1 - p))",
        summary="binary cross-entropy of a probability",
    )
)
