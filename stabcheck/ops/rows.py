"""Row-wise ops: softmax, log-softmax and log-sum-exp of a row of C logits.

Gates are first-order bounds derived from Blanchard, D. J. Higham and N. J. Higham, *Accurately computing the
log-sum-exp and softmax functions*, IMA J. Numer. Anal. 41(4), 2021. With d_i = x_max - x_i:
one subtraction x_i - x_max errs by u d_i, which exp turns into a relative error u d_i of every term; a sum
of n terms errs by s(n) u, a libm function by C u.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.ops import register
from stabcheck.ops.context import Context, Value
from stabcheck.ops.op import AXIS, Argument, GateConstants, Gates, Op

X = Argument("x", "logits", ("C",))


def depth(k: Context, x: Value) -> Value:
    """d_i = x_max - x_i."""
    return k.max(x) - x


def weights(k: Context, x: Value) -> Value:
    """p = softmax(x), in the form whose digits survive."""
    e = k.exp(x - k.max(x))
    return e / k.sum(e)


def around_pivot(k: Context, x: Value) -> tuple[Value, Value, Value]:
    """(x_j, x - x_j, log(sum_i exp(x_i - x_j))), j the pivot; the last as log1p of the sum of the others."""
    pivot = k.pivot(x)
    at_pivot = k.sum(k.where(pivot, x, 0))
    apart = k.where(pivot, 0, x - at_pivot)
    return at_pivot, apart, k.log1p(k.sum(k.where(pivot, 0, k.exp(apart))))


def log_probabilities(k: Context, x: Value) -> Value:
    """log softmax, in the form whose digits survive."""
    _, apart, rest = around_pivot(k, x)
    return apart - rest


def no_answer_by_convention(x: npt.NDArray[Any], **_: Any) -> Mapping[str, npt.NDArray[np.bool_]]:
    """Rows whose softmax is a matter of taste: everything masked, or an infinite logit."""
    if np.isfinite(x).all():
        return {}
    return {
        "row that is all -inf": np.all(np.isneginf(x), axis=-1) & (x.shape[-1] > 0),
        "row with +inf": np.any(np.isposinf(x), axis=-1),
    }


# -- softmax -------------------------------------------------------------------------------------------


def _softmax(k: Context, x: Value) -> Value:
    e = k.exp(x)
    return e / k.sum(e)


def _softmax_gate(k: Context, c: GateConstants, y: Value, x: Value) -> Value:
    # Relative. 2 d_i: the shift's error in the numerator and (weighted) in the denominator;
    # C s(n): the sum; C 4: two exps, the division, the rounding of the result.
    return 2 * depth(k, x) + c.C * (c.s(k.shape(x)[-1]) + 4)


def _softmax_conditioning(k: Context, y: Value, x: Value) -> Value:
    # dp_i/dx_j = p_i (delta_ij - p_j), against -d_j: the row sum of absolute values.
    d = depth(k, x)
    return y * (k.sum(y * d) + (1 - 2 * y) * d)


softmax = register(
    Op(
        name="softmax",
        kind="row",
        empty=True,
        arguments=(X,),
        options=(AXIS,),
        formula=_softmax,
        fast=weights,
        # exp(x - m) and the quotient can each underflow.
        gates=Gates(_softmax_gate, _softmax_conditioning, relative=True, underflow=4),
        invariance="shift",
        range=(0.0, 1.0),
        sums_to_one=True,
        conventions=no_answer_by_convention,
        gradient="softmax_vjp",
        text="exp(x_i) / sum_j exp(x_j)",
        summary="probabilities of a row of logits",
    )
)


# -- log_softmax ---------------------------------------------------------------------------------------


def _log_softmax(k: Context, x: Value) -> Value:
    return x - k.log(k.sum(k.exp(x)))


def lost_terms(k: Context, c: GateConstants, y: Value, x: Value) -> Value:
    """Underflow, in units of eta: every term of the sum may lose one, since each exp rounds by itself."""
    return 2 + k.shape(x)[-1]


def _log_softmax_gate(k: Context, c: GateConstants, y: Value, x: Value) -> Value:
    # Absolute. d_i: the shift; 2 |y|: the last subtraction and the rounding; the log of a sum
    # in [1, n] inherits its relative error C s(n) absolutely and errs by C ln n itself.
    n = k.shape(x)[-1]
    return depth(k, x) + 2 * k.abs(y) + c.C * (c.s(n) + math.log(max(n, 1)) + 2)


def _log_softmax_conditioning(k: Context, y: Value, x: Value) -> Value:
    # dy_i/dx_j = delta_ij - p_j, against -d_j.
    d, p = depth(k, x), k.exp(y)
    return k.sum(p * d) + (1 - 2 * p) * d


log_softmax = register(
    Op(
        name="log_softmax",
        kind="row",
        empty=True,
        arguments=(X,),
        options=(AXIS,),
        formula=_log_softmax,
        fast=log_probabilities,
        gates=Gates(_log_softmax_gate, _log_softmax_conditioning, underflow=lost_terms),
        invariance="shift",
        range=(-math.inf, 0.0),
        conventions=no_answer_by_convention,
        gradient="log_softmax_vjp",
        text="x_i - log(sum_j exp(x_j))",
        summary="log-probabilities of a row of logits",
    )
)


# -- logsumexp -----------------------------------------------------------------------------------------


def _logsumexp(k: Context, x: Value) -> Value:
    return k.log(k.sum(k.exp(x)))


def _logsumexp_fast(k: Context, x: Value) -> Value:
    at_pivot, _, rest = around_pivot(k, x)
    return at_pivot + rest


def _logsumexp_gate(k: Context, c: GateConstants, y: Value, x: Value) -> Value:
    # Absolute. As log_softmax, but the shift is added back: 2 |y| for that addition and the rounding.
    n = k.shape(x)[-1]
    return 2 * k.abs(y) + c.C * (c.s(n) + math.log(max(n, 1)) + 2)


def _logsumexp_conditioning(k: Context, y: Value, x: Value) -> Value:
    return k.sum(weights(k, x) * k.abs(x))


logsumexp = register(
    Op(
        name="logsumexp",
        kind="row",
        empty=True,
        arguments=(X,),
        options=(AXIS,),
        formula=_logsumexp,
        fast=_logsumexp_fast,
        output=(),
        gates=Gates(_logsumexp_gate, _logsumexp_conditioning, underflow=lost_terms),
        gradient="logsumexp_grad",
        text="log(sum_j exp(x_j))",
        summary="log of the sum of exponentials of a row",
    )
)
