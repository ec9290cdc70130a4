"""Elementwise ops: sigmoid, log-sigmoid, softplus.

Gates are relative, 2 C u: the textbook's sign-split and log1p forms make two libm calls and one or two basic
operations on well-conditioned arguments (the argument of exp errs by nothing, since -x is exact).
Conditioning x f'(x) is at most about 1 + |f| in the range where f is normal, so that the accurate gate adds
nothing for these.
"""

from __future__ import annotations

import math

from stabcheck.ops import register
from stabcheck.ops.context import Context, Value
from stabcheck.ops.op import Argument, GateConstants, Gates, Op

X = Argument("x", "logits", ())


def sigmoid_of(k: Context, x: Value) -> Value:
    """s(x) = exp(min(x, 0)) / (1 + exp(-|x|)), with its digits on both sides."""
    return k.exp(k.minimum(x, 0)) / (1 + k.exp(-k.abs(x)))


def softplus_of(k: Context, x: Value) -> Value:
    """log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))."""
    return k.maximum(x, 0) + k.log1p(k.exp(-k.abs(x)))


def relative_gate(k: Context, c: GateConstants, y: Value, *_: Value) -> Value:
    """2 C, the gate of a function written with two libm calls."""
    return 2 * c.C


sigmoid = register(
    Op(
        name="sigmoid",
        kind="elementwise",
        arguments=(X,),
        formula=lambda k, x: 1 / (1 + k.exp(-x)),
        fast=sigmoid_of,
        output=(),
        gates=Gates(
            relative_gate,
            conditioning=lambda k, y, x: k.abs(x) * y * (1 - y),
            relative=True,
            underflow=4,
        ),
        range=(0.0, 1.0),
        monotone="increasing",
        gradient="sigmoid_grad",
        text="1 / (1 + exp(-x))",
        summary="logistic function",
    )
)

log_sigmoid = register(
    Op(
        name="log_sigmoid",
        kind="elementwise",
        arguments=(X,),
        formula=lambda k, x: -k.log(1 + k.exp(-x)),
        fast=lambda k, x: -softplus_of(k, -x),
        output=(),
        gates=Gates(
            relative_gate,
            conditioning=lambda k, y, x: k.abs(x) * -k.expm1(y),
            relative=True,
            underflow=4,
        ),
        range=(-math.inf, 0.0),
        monotone="increasing",
        gradient="log_sigmoid_grad",
        text="-log(1 + exp(-x))",
        summary="log of the logistic function",
    )
)

softplus = register(
    Op(
        name="softplus",
        kind="elementwise",
        arguments=(X,),
        formula=lambda k, x: k.log(1 + k.exp(x)),
        fast=softplus_of,
        output=(),
        gates=Gates(
            relative_gate,
            conditioning=lambda k, y, x: k.abs(x) * -k.expm1(-y),
            relative=True,
            underflow=4,
        ),
        range=(0.0, math.inf),
        monotone="increasing",
        gradient="softplus_grad",
        text="log(1 + exp(x))",
        summary="smooth maximum of x and 0",
    )
)
