"""Gates from conditioning, for formulas that bring none: differentiate the formula itself.

A formula made of elementwise steps and row reductions has a Jacobian of a simple shape,

    dv_i/dx_j = D_i [i = j] + sum_k A_ik b_kj,

one dense row b_k for every reduction (a sum, a maximum, a picked entry) and a diagonal. Carrying (D, A, b)
along costs a few evaluations of the formula whatever n is, and the sums of absolute values that the
condition numbers need come from it (`row_sums`).
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.errors import StabcheckError
from stabcheck.ops.context import Condition, Context, Number, Value
from stabcheck.ops.op import GateConstants, Gates, Op
from stabcheck.oracle.doubles import DoubleContext
from stabcheck.oracle.row_sums import absolute_row_sums

Array = npt.NDArray[Any]


class NotDifferentiableError(StabcheckError):
    """The formula uses a step whose derivative has no such shape: judged for `robust` only."""


@dataclass(eq=False)
class Linear:
    """A value with its derivative with respect to one argument: diagonal and dense parts (by reduction)."""

    tape: JacobianContext
    value: Value
    diagonal: Value | None = None
    dense: Mapping[int, Value] = field(default_factory=dict)

    def scaled(self, value: Value, slope: Value) -> Linear:
        """f(self) with f' = slope."""
        diagonal = None if self.diagonal is None else self.diagonal * slope
        return Linear(self.tape, value, diagonal, {k: a * slope for k, a in self.dense.items()})

    def over_itself(self) -> Linear:
        """The derivative relative to the value. Of a / b it is asked for first: b'/b is of order 1 where
        a / b / b leaves float64 (b = e^400), and a gate must not lose what underflows on the way."""
        diagonal = None if self.diagonal is None else self.diagonal / self.value
        return Linear(self.tape, self.value, diagonal, {k: a / self.value for k, a in self.dense.items()})

    def __add__(self, other: Any) -> Linear:
        o = self.tape.lift(other)
        return _combine(self, o, self.value + o.value, 1, 1)

    def __sub__(self, other: Any) -> Linear:
        o = self.tape.lift(other)
        return _combine(self, o, self.value - o.value, 1, -1)

    def __mul__(self, other: Any) -> Linear:
        o = self.tape.lift(other)
        return _combine(self, o, self.value * o.value, o.value, self.value)

    def __truediv__(self, other: Any) -> Linear:
        o = self.tape.lift(other)
        quotient = self.value / o.value
        return _combine(self, o.over_itself(), quotient, 1 / o.value, -quotient)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> Linear:
        return self.tape.lift(other) - self

    def __rtruediv__(self, other: Any) -> Linear:
        return self.tape.lift(other) / self

    def __neg__(self) -> Linear:
        return self.scaled(-self.value, -1)

    def __pow__(self, power: int) -> Linear:
        return self.scaled(self.value**power, power * self.value ** (power - 1) if power else 0)

    def __abs__(self) -> Linear:
        return self.tape.abs(self)

    def __lt__(self, other: Any) -> Condition:
        return self.value < self.tape.lift(other).value

    def __le__(self, other: Any) -> Condition:
        return self.value <= self.tape.lift(other).value

    def __gt__(self, other: Any) -> Condition:
        return self.value > self.tape.lift(other).value

    def __ge__(self, other: Any) -> Condition:
        return self.value >= self.tape.lift(other).value

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> Condition:
        return (self <= other) & (self >= other)

    def __ne__(self, other: object) -> Condition:
        return (self < other) | (self > other)


def _plus(a: Value | None, b: Value | None) -> Value | None:
    if a is None or b is None:
        return b if a is None else a
    return a + b


def _combine(a: Linear, b: Linear, value: Value, slope_a: Value, slope_b: Value) -> Linear:
    left, right = a.scaled(value, slope_a), b.scaled(value, slope_b)
    keys = dict.fromkeys([*left.dense, *right.dense])
    dense = {k: _plus(left.dense.get(k), right.dense.get(k)) for k in keys}
    return Linear(a.tape, value, _plus(left.diagonal, right.diagonal), dense)


class JacobianContext:
    """The context protocol on `Linear` values over a base context (float64 arrays or mpf)."""

    def __init__(self, base: Context) -> None:
        self.base = base
        self.rows: list[Value] = []  # b_k of each reduction
        self.bends = False  # whether the formula chooses: its derivative may jump
        self.terms: dict[int, Value] = {}  # of each sum, what its terms add up to in magnitude
        self.inside: dict[int, dict[int, Value]] = {}  # of each reduction, how it depends on those inside it

    # -- entering ----------------------------------------------------------------------------------

    def variable(self, values: Value) -> Linear:
        """The argument to differentiate by: a row, or one number per row (length 1)."""
        return Linear(self, values, diagonal=values * 0 + 1)

    def lift(self, other: Any) -> Linear:
        return other if isinstance(other, Linear) else Linear(self, other)

    def array(self, values: npt.NDArray[np.float64]) -> Linear:
        return Linear(self, self.base.array(values))

    def value(self, number: Number) -> Linear:
        return Linear(self, self.base.value(number))

    def shape(self, a: Any) -> tuple[int, ...]:
        return self.base.shape(self.lift(a).value)

    # -- elementwise -------------------------------------------------------------------------------

    def exp(self, a: Any) -> Linear:
        x = self.lift(a)
        e = self.base.exp(x.value)
        return x.scaled(e, e)

    def log(self, a: Any) -> Linear:
        x = self.lift(a)
        return x.scaled(self.base.log(x.value), 1 / x.value)

    def log1p(self, a: Any) -> Linear:
        x = self.lift(a)
        return x.scaled(self.base.log1p(x.value), 1 / (1 + x.value))

    def expm1(self, a: Any) -> Linear:
        x = self.lift(a)
        return x.scaled(self.base.expm1(x.value), self.base.exp(x.value))

    def tanh(self, a: Any) -> Linear:
        x = self.lift(a)
        # 1 - tanh^2 = 4 / (e^x + e^-x)^2, without the cancellation.
        e = self.base.exp(-self.base.abs(x.value))
        return x.scaled(self.base.tanh(x.value), 4 * (e * e) / ((1 + e * e) * (1 + e * e)))

    def sqrt(self, a: Any) -> Linear:
        x = self.lift(a)
        root = self.base.sqrt(x.value)
        return x.scaled(root, 1 / (2 * root))

    def abs(self, a: Any) -> Linear:
        x = self.lift(a)
        return self.where(x.value < 0, -x, x)

    def maximum(self, a: Any, b: Any) -> Linear:
        left, right = self.lift(a), self.lift(b)
        return self.where(left.value >= right.value, left, right)

    def minimum(self, a: Any, b: Any) -> Linear:
        left, right = self.lift(a), self.lift(b)
        return self.where(left.value <= right.value, left, right)

    def where(self, condition: Condition, a: Any, b: Any) -> Linear:
        a, b = self.lift(a), self.lift(b)
        self.bends = True
        choose = self.base.where

        def part(x: Value | None, y: Value | None) -> Value | None:
            if x is None and y is None:
                return None
            return choose(condition, 0 if x is None else x, 0 if y is None else y)

        keys = dict.fromkeys([*a.dense, *b.dense])
        dense = {k: part(a.dense.get(k), b.dense.get(k)) for k in keys}
        return Linear(self, choose(condition, a.value, b.value), part(a.diagonal, b.diagonal), dense)

    def xlogy(self, a: Any, b: Any) -> Linear:
        a, b = self.lift(a), self.lift(b)
        zero = (a.value <= 0) & (a.value >= 0)
        return self.where(zero, 0, a * self.log(self.where(zero, 1, b)))

    # -- reductions --------------------------------------------------------------------------------

    def _reduction(self, value: Value, row: Value | None, inside: dict[int, Value]) -> Linear:
        if row is None:
            return Linear(self, value)
        self.inside[len(self.rows)] = inside
        self.rows.append(row)
        return Linear(self, value, dense={len(self.rows) - 1: value * 0 + 1})

    def _picked(self, a: Linear, value: Value, mask: Value) -> Linear:
        """sum_i mask_i v_i: its derivative row from the derivative of v."""
        row = None if a.diagonal is None else a.diagonal * mask
        inside = {k: self.base.sum(coefficient * mask) for k, coefficient in a.dense.items()}
        for k, slope in inside.items():
            row = _plus(row, slope * self.rows[k])
        return self._reduction(value, row, inside)

    def by_reduction(self, result: Linear) -> dict[int, Value]:
        """dr/dS_k for every reduction S_k, those inside others included."""
        slopes = dict(result.dense)
        for outer in reversed(range(len(self.rows))):
            for inner, slope in self.inside[outer].items() if outer in slopes else ():
                slopes[inner] = slopes.get(inner, 0) + slopes[outer] * slope
        return slopes

    def sum(self, a: Any, axis: int = -1) -> Linear:
        a = self.lift(a)
        _last(axis)
        result = self._picked(a, self.base.sum(a.value), a.value * 0 + 1)
        for key in result.dense:
            self.terms[key] = self.base.sum(self.base.abs(a.value))
        return result

    def max(self, a: Any, axis: int = -1) -> Linear:
        a = self.lift(a)
        _last(axis)
        return self._picked(a, self.base.max(a.value), self.base.pivot(a.value).astype(np.float64))

    def take(self, a: Any, index: npt.NDArray[np.int64]) -> Linear:
        a = self.lift(a)
        mask = np.arange(self.shape(a)[-1]) == index
        return self._picked(a, self.base.take(a.value, index), mask.astype(np.float64))

    def pivot(self, a: Any) -> npt.NDArray[np.bool_]:
        return self.base.pivot(self.lift(a).value)

    def matmul(self, a: Any, b: Any) -> Linear:
        raise NotDifferentiableError("matmul in a user's formula has no structured derivative")

    def transpose(self, a: Any) -> Linear:
        raise NotDifferentiableError("transpose in a user's formula has no structured derivative")


def _last(axis: int) -> None:
    if axis != -1:
        raise NotDifferentiableError("only reductions over the last axis are differentiated")


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
    normwise: Value | None = None
    componentwise: Value | None = None
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
        normwise = _plus(normwise, reach)
        gain = gain + k.where(largest <= 0, 0, reach / k.where(largest <= 0, 1, largest))
        componentwise = _plus(componentwise, absolute_row_sums(k, result, size))
        slopes = tape.by_reduction(result).items()
        of_sums = sum((k.abs(a) * tape.terms[key] for key, a in slopes if key in tape.terms), 0)
        sums = k.maximum(sums, of_sums)
        bends |= tape.bends
    return Sensitivity(value, _plus(normwise, sums), componentwise, gain, bends)


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
            return trusted(y, c.C * (2 + c.s(1) / 8) * (k.abs(y) + reach))
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
