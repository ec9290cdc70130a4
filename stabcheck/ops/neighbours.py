"""Elementwise neighbours of the sigmoid: tanh, silu, logaddexp, log1mexp."""

from __future__ import annotations

import math
from fractions import Fraction

from stabcheck.ops import register
from stabcheck.ops.context import Context, Value
from stabcheck.ops.elementwise import X, relative_gate, sigmoid_of
from stabcheck.ops.op import Argument, GateConstants, Gates, Op


def _tanh(k: Context, x: Value) -> Value:
    e = k.exp(2 * x)
    return (e - 1) / (e + 1)


tanh = register(
    Op(
        name="tanh",
        kind="elementwise",
        arguments=(X,),
        formula=_tanh,
        fast=lambda k, x: k.tanh(x),
        output=(),
        gates=Gates(
            relative_gate,
            # x (1 - tanh^2 x), without the cancellation: 1 - tanh^2 = 4 s(2x) s(-2x).
            conditioning=lambda k, y, x: 4 * k.abs(x) * sigmoid_of(k, 2 * x) * sigmoid_of(k, -2 * x),
            relative=True,
            underflow=4,
        ),
        range=(-1.0, 1.0),
        monotone="increasing",
        text="(exp(2x) - 1) / (exp(2x) + 1)",
        summary="hyperbolic tangent",
    )
)

silu = register(
    Op(
        name="silu",
        kind="elementwise",
        arguments=(X,),
        formula=lambda k, x: x / (1 + k.exp(-x)),
        fast=lambda k, x: x * sigmoid_of(k, x),
        output=(),
        gates=Gates(
            # That of a sigmoid, and as much again: x times it, with exp(-x) in one piece (which NumPy gives
            # to 2.54 ulps in float32, 5.1 u) or squared from exp(-x / 2).
            lambda k, c, y, x: 2 * relative_gate(k, c, y, x),
            # d/dx x s(x) = s(x) (1 + x s(-x)).
            conditioning=lambda k, y, x: k.abs(y) * k.abs(1 + x * sigmoid_of(k, -x)),
            relative=True,
            # x times a sigmoid that may be subnormal: its steps are multiplied by |x|.
            underflow=lambda k, c, y, x: 4 * (1 + k.abs(x)),
        ),
        conventions=lambda x: {"infinite input": abs(x) == math.inf},
        text="x / (1 + exp(-x))",
        summary="x times its sigmoid (swish)",
    )
)


def _logaddexp_gate(k: Context, c: GateConstants, y: Value, a: Value, b: Value) -> Value:
    # logsumexp of two: see rows.
    return 2 * k.abs(y) + c.C * (c.s(2) + math.log(2.0) + 2)


logaddexp = register(
    Op(
        name="logaddexp",
        kind="elementwise",
        arguments=(Argument("a", "logits", ()), Argument("b", "logits", ())),
        formula=lambda k, a, b: k.log(k.exp(a) + k.exp(b)),
        fast=lambda k, a, b: k.maximum(a, b) + k.log1p(k.exp(-k.abs(a - b))),
        output=(),
        gates=Gates(
            _logaddexp_gate,
            conditioning=lambda k, y, a, b: k.abs(a) * sigmoid_of(k, a - b) + k.abs(b) * sigmoid_of(k, b - a),
            underflow=4,
        ),
        text="log(exp(a) + exp(b))",
        summary="log of the sum of two exponentials",
    )
)


def _log1mexp_fast(k: Context, x: Value) -> Value:
    # Maechler, "Accurately computing log(1 - exp(-|a|))" (2012): the switch at log 2 keeps both digits.
    a = k.abs(x)
    return k.where(a <= Fraction(7, 10), k.log(-k.expm1(-a)), k.log1p(-k.exp(-a)))


def _log1mexp_conditioning(k: Context, y: Value, x: Value) -> Value:
    # |x| exp(-|x|) / (1 - exp(-|x|))
    a = k.abs(x)
    return k.where(a > 0, a * k.exp(-a) / -k.expm1(k.where(a > 0, -a, -1)), 1)


log1mexp = register(
    Op(
        name="log1mexp",
        kind="elementwise",
        arguments=(X,),
        formula=lambda k, x: k.log(1 - k.exp(-k.abs(x))),
        fast=_log1mexp_fast,
        output=(),
        # 2 C relative, and C for the argument of the outer log: where the result crosses no zero, that
        # is relative too; log(1 - e^-x) near -0 is log1p of something small.
        gates=Gates(relative_gate, conditioning=_log1mexp_conditioning, relative=True, underflow=4),
        range=(-math.inf, 0.0),
        text="log(1 - exp(-|x|))",
        summary="log of one minus an exponential",
    )
)
