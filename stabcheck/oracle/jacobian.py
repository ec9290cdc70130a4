"""Derivatives of a user's formula, carried along with its values.

A formula made of elementwise steps and row reductions has a Jacobian of a simple shape,

    dv_i/dx_j = D_i [i = j] + sum_k A_ik b_kj,

one dense row b_k for every reduction (a sum, a maximum, a picked entry) and a diagonal. Carrying (D, A, b)
along costs a few evaluations of the formula whatever n is, and the sums of absolute values that the
condition numbers need come from it (`row_sums`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.errors import StabcheckError
from stabcheck.ops.context import Condition, Context, Number, Value, whole

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
        power = whole(power)
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
