"""Gates from conditioning, for formulas that bring none: differentiate the formula itself (`jacobian`)."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.ops.context import Context, Value
from stabcheck.ops.op import GateConstants, Gates, Op
from stabcheck.oracle.doubles import DoubleContext
from stabcheck.oracle.jacobian import JacobianContext, NotDifferentiableError
from stabcheck.oracle.row_sums import absolute_row_sums

Array = npt.NDArray[Any]


def differentiable(op: Op, options: Mapping[str, Any]) -> bool:
    """Whether gates can be made for an op that declares none (tried on two small examples)."""
    if op.gates is not None:
        return True
    inputs = {
        a.name: np.zeros((2, *(2 for _ in a.axes)), dtype=np.int64 if a.integer else np.float64)
        for a in op.arguments
    }
    try:
        with np.errstate(all="ignore"):
            conditioning_gates(op, DoubleContext(), inputs, options)
    except NotDifferentiableError:
        return False
    return True


@dataclass(frozen=True)
class Sensitivity:
    """How a result depends on the inputs of its formula, and on the sums in it.

    `value` is the result as this arithmetic finds it; `normwise` sum over the arguments of
    max_j |x_j| sum_j |dr/dx_j|, and the largest over the arguments of sum_k |dr/dS_k| sum |terms of S_k|;
    `componentwise` sum over the arguments of sum_j |dr/dx_j . x_j|; `gain` sum over the arguments of
    sum_j |dr/dx_j| (0 for arguments that are all 0); `bends` says whether a derivative may jump.
    """

    value: Value
    normwise: Value
    componentwise: Value
    gain: Value
    bends: bool = False


def sensitivity(op: Op, k: Context, arguments: Sequence[Value], options: Mapping[str, Any]) -> Sensitivity:
    """Differentiate the formula by each of its arguments, taking the relative sizes of these.

    A sum S_k over the row is rounded at its own size, whatever the arguments are: log(sum_j exp(x_j)) is as
    uncertain next to 0 as elsewhere, which is what the catalogue grants it too.
    """
    value: Value = 0
    normwise: Value = 0
    componentwise: Value = 0
    sums: Value = 0
    gain: Value = 0
    bends = False
    for place, argument in enumerate(op.arguments):
        if argument.integer:
            continue
        tape = JacobianContext(k)
        lifted = [
            tape.variable(x) if j == place else (x if op.arguments[j].integer else tape.lift(x))
            for j, x in enumerate(arguments)
        ]
        result = tape.lift(op.formula(tape, *lifted, **options))
        value = result.value
        size = k.abs(arguments[place])
        if op.masked and argument.kind == "logits":
            size = k.where(arguments[place] <= -_MASKED, 0, size)  # a mask is exact
        largest = size if op.kind == "elementwise" else k.max(size)
        reach = absolute_row_sums(k, result, largest + 0 * size)
        normwise = normwise + reach
        gain = gain + k.where(largest <= 0, 0, reach / k.where(largest <= 0, 1, largest))
        componentwise = componentwise + absolute_row_sums(k, result, size)
        slopes = tape.by_reduction(result).items()
        of_sums = sum((k.abs(a) * tape.terms[key] for key, a in slopes if key in tape.terms), 0)
        sums = k.maximum(sums, of_sums)
        bends |= tape.bends
    return Sensitivity(value, normwise + sums, componentwise, gain, bends)


#: Where gates are evaluated, -inf is a number far below all others.
_MASKED = 2.0**1000

#: Relative distance at which a second derivative is taken: of its digits, float64 then keeps 12.
_STEP = 2.0**-40
#: A formula evaluated in the arithmetic of a gate must find the truth this closely, or its derivatives are
#: as unsure as its value: a gate evaluated there says nothing.
_AGREEMENT = 2.0**-10


#: Below this, and beyond its inverse, no format has numbers.
_OUTSIDE = Fraction(1, 2**1200)


def _moved(k: Context, x: Value, step: float) -> Value:
    """x with every other number larger by that relative step and the rest smaller."""
    away = np.where(np.arange(k.shape(x)[-1]) % 2 == 0, step, -step)
    return x * (1 + k.array(away))


#: Condition number of a tail beside |log y|: exp(-x^4) has 4.
_TAIL = 4
#: What a gate leaves of a tail: less is an underflow.
_LEFT = 2.0**-6


def _capped(k: Context, c: GateConstants, y: Value, reach: Value, gate: Value) -> Value:
    """In so narrow a format as bfloat16 the condition number of e^x times u is near 1 at x = -36: linearised
    a gate would let 0 pass, but (1 + u) x is e^(u x) times as much and never nothing. Next to a root a
    condition number is large although y is not so small, and 0 may be all that can be had."""
    size = k.abs(y)
    nonzero = k.where(size <= 0, 1, size)
    tail = (size > 0) & (reach <= _TAIL * (1 + k.abs(k.log(nonzero))) * size)
    return k.where(tail, k.minimum(gate, size * ((1 - _LEFT) / c.u)), gate)


def conditioning_gates(op: Op, k: Context, inputs: Mapping[str, Array], options: Mapping[str, Any]) -> Gates:
    """Gates for an op that declares none.

    stable, normwise: C (2 + s(n)/8) u (|r| + max_j |x_j| sum_j |dr/dx_j| + sum_k |dr/dS_k S_k|), S_k the
    sums over the row; accurate, componentwise: A (1 + s(n)/8) u (|r| + sum_j |dr/dx_j . x_j|). (2 C is what
    the catalogue grants a function of two libm calls, s(n)/8 the growth of its sums.) For shift-invariant ops
    x_j is x_j - x_max, so that a common offset excuses nothing.

    The derivative may be another where rounding leads. A reduction that errs by s(n) u moves what follows it;
    where a derivative vanishes (a variance of equal numbers) that is all there is, and the change of the
    derivative over s(n) u is added. A number at a bend (max(0, 1 - x) at 1) may fall on its other side: the
    larger derivative within C u counts.

    Underflow: a factor that underflows may be multiplied by the others. A tail like x^k exp(-g(x)) has the
    condition number |x g'(x)|, of the size of such factors, so that many steps are added. In a row what is
    made of the arguments first (a mean of subnormal numbers) is rounded by half a step, as if they were
    others: sum_j |dr/dx_j| steps.

    NaN where the formula in the arithmetic of `k` does not find the truth: more digits will.
    """
    arguments = op.lift(k, inputs)
    if op.invariance == "shift":
        arguments = [
            x - k.max(x) if a.kind == "logits" else x for a, x in zip(op.arguments, arguments, strict=True)
        ]
    here = sensitivity(op, k, arguments, options)

    def nearby(move: Callable[[Value], Value]) -> Sensitivity:
        pairs = zip(op.arguments, arguments, strict=True)
        return sensitivity(op, k, [x if a.integer else move(x) for a, x in pairs], options)

    @functools.cache
    def beside(step: float) -> Sensitivity:
        return nearby(lambda x: _moved(k, x, step))

    def known(reach: Value, otherwise: Value) -> Value:
        """What is neither infinite nor NaN: where a formula has no derivative (a standard deviation of equal
        numbers, a number at the end of its domain) another counts."""
        return k.where(k.abs(reach) < math.inf, reach, otherwise)

    def trusted(y: Value, gate: Value) -> Value:
        size, found_size = k.abs(y), k.abs(here.value)
        near = (k.abs(here.value - y) <= _AGREEMENT * size) | (size <= 0)
        # Far outside every format only the side is known of a truth.
        edge = k.value(_OUTSIDE)
        below = (size <= edge) & (found_size <= edge)
        above = (size * edge >= 1) & (found_size * edge >= 1)
        found = near | below | above
        return k.where(found, gate, math.nan)

    def stable(_k: Context, c: GateConstants, y: Value, *args: Value, **_o: Any) -> Value:
        if op.kind == "elementwise":
            reach = here.normwise
            for factor in (1 + c.C * c.u, 1 - c.C * c.u) if here.bends else ():
                there = nearby(functools.partial(operator.mul, factor)).normwise
                reach = k.maximum(reach, known(there, reach))
            return trusted(y, _capped(k, c, y, reach, c.C * (2 + c.s(1) / 8) * (k.abs(y) + reach)))
        growth = c.s(k.shape(args[0])[-1])
        step = max(c.u, _STEP)
        there = beside(step).normwise
        reach = known(here.normwise, there)
        change = k.abs(there - reach) * (growth * c.u / step)
        return trusted(y, c.C * (2 + growth / 8) * (k.abs(y) + reach + change))

    def underflow(_k: Context, c: GateConstants, y: Value, *_a: Value, **_o: Any) -> Value:
        if op.kind != "elementwise":
            return 4 + known(here.gain, beside(_STEP).gain) + 0 * y
        size = k.abs(y)
        factors = k.where(size <= 0, 0, here.normwise / k.where(size <= 0, 1, size))
        return 4 * (1 + factors)

    def conditioning(_k: Context, y: Value, *_a: Value, **_o: Any) -> Value:
        if op.kind == "elementwise":
            return trusted(y, here.componentwise)
        there = beside(_STEP).componentwise
        reach = known(here.componentwise, there)
        # Of an exact 0 found as a few roundings (x less its mean) the derivative is one of roundings.
        return trusted(y, k.where(k.abs(y) <= 0, k.maximum(reach, there), reach))

    return Gates(stable, conditioning=conditioning, underflow=underflow)
