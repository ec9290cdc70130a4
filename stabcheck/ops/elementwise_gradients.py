"""Derivatives of the elementwise ops: of sigmoid, log-sigmoid and softplus.

Gates are relative: 4 C u, as of a product of two functions that get 2 C each. s(x) s(-x) is one; derivatives
of log-sigmoid and softplus are exp(x - y) where they are made from the value y, as autograd does: two
functions again. s (1 - s) and 1 - s lose every digit on the right.
"""

from __future__ import annotations

from stabcheck.ops import register
from stabcheck.ops.context import Context, Value
from stabcheck.ops.elementwise import X, sigmoid_of
from stabcheck.ops.op import GateConstants, Gates, Op


def _gate(k: Context, c: GateConstants, y: Value, x: Value) -> Value:
    return 4 * c.C


def _sigmoid_grad(k: Context, x: Value) -> Value:
    return 1 / (1 + k.exp(-x)) * (1 / (1 + k.exp(x)))


sigmoid_grad = register(
    Op(
        name="sigmoid_grad",
        kind="elementwise",
        arguments=(X,),
        formula=_sigmoid_grad,
        fast=lambda k, x: sigmoid_of(k, x) * sigmoid_of(k, -x),
        output=(),
        gates=Gates(
            _gate,
            # y' = y (s(-x) - s(x)) = -y tanh(x / 2)
            conditioning=lambda k, y, x: k.abs(x * k.tanh(x / 2)) * y,
            relative=True,
            underflow=4,
        ),
        range=(0.0, 0.25),
        text="1 / (1 + exp(-x)) * 1 / (1 + exp(x))",
        summary="derivative of the sigmoid, s(x) s(-x)",
    )
)

log_sigmoid_grad = register(
    Op(
        name="log_sigmoid_grad",
        kind="elementwise",
        arguments=(X,),
        formula=lambda k, x: 1 / (1 + k.exp(x)),
        fast=lambda k, x: sigmoid_of(k, -x),
        output=(),
        gates=Gates(
            _gate,
            conditioning=lambda k, y, x: k.abs(x) * y * sigmoid_of(k, x),
            relative=True,
            underflow=4,
        ),
        range=(0.0, 1.0),
        monotone="decreasing",
        text="1 / (1 + exp(x))",
        summary="derivative of the log-sigmoid, s(-x)",
    )
)

softplus_grad = register(
    Op(
        name="softplus_grad",
        kind="elementwise",
        arguments=(X,),
        formula=lambda k, x: 1 / (1 + k.exp(-x)),
        fast=sigmoid_of,
        output=(),
        gates=Gates(
            _gate,
            conditioning=lambda k, y, x: k.abs(x) * y * sigmoid_of(k, -x),
            relative=True,
            underflow=4,
        ),
        range=(0.0, 1.0),
        monotone="increasing",
        text="1 / (1 + exp(-x))",
        summary="derivative of softplus, s(x)",
    )
)
