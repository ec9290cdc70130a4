"""The authority: formulas evaluated on certified intervals of any precision.

`IntervalContext(precision)` carries formulas (see `stabcheck.ops.context`) on arrays of intervals. Whatever
the formula's real value is, it lies in the interval that comes out; more precision gives a narrower one.
One process may use it from one thread at a time: mpmath memoises log 2 without a lock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cmp_to_key, partial
from typing import Any

import numpy as np
import numpy.typing as npt
from mpmath.libmp import from_rational, mpf_cmp

from stabcheck.formats import Format
from stabcheck.ops.context import Condition, Mask, Number, whole
from stabcheck.oracle import interval_arithmetic as arithmetic
from stabcheck.oracle.enclosure import Enclosure
from stabcheck.oracle.interval_arithmetic import FAILS, HOLDS, UNDECIDED, VALUELESS
from stabcheck.oracle.interval_enclosure import enclose
from stabcheck.oracle.mpf_arrays import (
    Elementwise,
    Floats,
    MpfArray,
    elementwise,
    exact_array,
    filled,
    object_array,
    picked,
    rounded,
    rows,
)
from stabcheck.oracle.mpf_functions import DOWN, UP, Bounds, Mpf


@dataclass(frozen=True, eq=False)
class Comparison:
    """The verdicts of an comparison (HOLDS, FAILS, UNDECIDED, VALUELESS); only `where` reads it."""

    verdicts: npt.NDArray[np.int8]

    __array_ufunc__ = None  # masks leave mixed combinations to the comparison

    def __and__(self, other: Any) -> Comparison:
        return self._combined(other, FAILS, HOLDS)

    def __or__(self, other: Any) -> Comparison:
        return self._combined(other, HOLDS, FAILS)

    __rand__, __ror__ = __and__, __or__

    def _combined(self, other: Any, decisive: int, neutral: int) -> Comparison:
        """One decisive verdict is enough, where both have a value; else both must be neutral."""
        a, b = self.verdicts, _verdicts(other)
        valueless = (a == VALUELESS) | (b == VALUELESS)
        kinds = [valueless, (a == decisive) | (b == decisive), (a == neutral) & (b == neutral)]
        return Comparison(np.select(kinds, [VALUELESS, decisive, neutral], UNDECIDED).astype(np.int8))

    def __invert__(self) -> Comparison:
        v = self.verdicts
        return Comparison(np.select([v == HOLDS, v == FAILS], [FAILS, HOLDS], v).astype(np.int8))

    def __bool__(self) -> bool:
        raise TypeError("a comparison of intervals may be undecided: use k.where(condition, a, b).")


def _verdicts(condition: Any) -> npt.NDArray[np.int8]:
    """Those of a comparison or of a mask."""
    if isinstance(condition, Comparison):
        return condition.verdicts
    return np.asarray(condition, dtype=bool).astype(np.int8)


class Intervals(Elementwise):
    """An array of intervals: `lo` and `hi` are object arrays of raw mpf numbers of one shape."""

    __slots__ = ("hi", "lo", "precision")

    def __init__(self, lo: MpfArray, hi: MpfArray, precision: int) -> None:
        self.lo = lo
        self.hi = hi
        self.precision = precision

    @property
    def shape(self) -> tuple[int, ...]:
        return self.lo.shape

    def __repr__(self) -> str:
        return f"Intervals(shape={self.shape}, precision={self.precision})"

    def lift(self, other: Any) -> Intervals:
        """Another operand: intervals as they are, numbers exactly (fractions enclosed)."""
        return _lift(other, self.precision)

    def _combine(self, operation: str, left: Any, right: Any) -> Intervals:
        return _map(getattr(arithmetic, operation), self.precision, self.lift(left), self.lift(right))

    def _compare(self, operation: str, left: Any, right: Any) -> Comparison:
        a, b = self.lift(left), self.lift(right)
        verdicts = elementwise(getattr(arithmetic, operation), 4, 1)(a.lo, a.hi, b.lo, b.hi)
        return Comparison(np.asarray(verdicts, dtype=np.int8))

    def __neg__(self) -> Intervals:
        return _map(arithmetic.negative, self.precision, self)

    def __abs__(self) -> Intervals:
        return _map(arithmetic.absolute, self.precision, self)

    def __pow__(self, n: int) -> Intervals:
        lo, hi = elementwise(partial(arithmetic.raised, self.precision, whole(n)), 2, 2)(self.lo, self.hi)
        return Intervals(object_array(lo), object_array(hi), self.precision)


def _lift(value: Any, precision: int) -> Intervals:
    if isinstance(value, Intervals):
        return value
    if isinstance(value, Fraction):
        parts = value.numerator, value.denominator, precision
        return Intervals(
            object_array(from_rational(*parts, DOWN)), object_array(from_rational(*parts, UP)), precision
        )
    points = exact_array(value)
    return Intervals(points, points, precision)


def _map(operation: Callable[..., Bounds], precision: int, *operands: Intervals) -> Intervals:
    """One operation on every element; shapes broadcast."""
    ends = [end for operand in operands for end in (operand.lo, operand.hi)]
    lo, hi = elementwise(partial(operation, precision), len(ends), 2)(*ends)
    return Intervals(object_array(lo), object_array(hi), precision)


@dataclass(frozen=True)
class IntervalContext:
    """Certified interval arithmetic whose ends have `precision` bits (the protocol `Context`)."""

    precision: int

    def array(self, values: npt.ArrayLike) -> Intervals:
        return _lift(np.asarray(values), self.precision)

    def value(self, number: Number) -> Intervals:
        return _lift(number, self.precision)

    def shape(self, a: Intervals) -> tuple[int, ...]:
        return a.shape

    # -- elementwise -------------------------------------------------------------------------------

    def _map(self, operation: Callable[..., Bounds], *operands: Any) -> Intervals:
        return _map(operation, self.precision, *(_lift(operand, self.precision) for operand in operands))

    def exp(self, a: Intervals) -> Intervals:
        return self._map(arithmetic.exp, a)

    def log(self, a: Intervals) -> Intervals:
        return self._map(arithmetic.log, a)

    def log1p(self, a: Intervals) -> Intervals:
        return self._map(arithmetic.log1p, a)

    def expm1(self, a: Intervals) -> Intervals:
        return self._map(arithmetic.expm1, a)

    def tanh(self, a: Intervals) -> Intervals:
        return self._map(arithmetic.tanh, a)

    def sqrt(self, a: Intervals) -> Intervals:
        return self._map(arithmetic.square_root, a)

    def abs(self, a: Intervals) -> Intervals:
        return self._map(arithmetic.absolute, a)

    def maximum(self, a: Any, b: Any) -> Intervals:
        return self._map(arithmetic.larger, a, b)

    def minimum(self, a: Any, b: Any) -> Intervals:
        return self._map(arithmetic.smaller, a, b)

    def xlogy(self, a: Any, b: Any) -> Intervals:
        return self._map(arithmetic.xlogy, a, b)

    def where(self, condition: Condition, a: Any, b: Any) -> Intervals:
        verdicts = _verdicts(condition)
        a, b = _lift(a, self.precision), _lift(b, self.precision)
        lo, hi = elementwise(arithmetic.selected, 5, 2)(verdicts, a.lo, a.hi, b.lo, b.hi)
        return Intervals(object_array(lo), object_array(hi), self.precision)

    # -- reductions and shapes ---------------------------------------------------------------------

    def _reduce(
        self, operation: Callable[[int, list[Mpf], list[Mpf]], Bounds], a: Intervals, axis: int
    ) -> Intervals:
        shape, los = rows(a.lo, axis)
        his = los if a.hi is a.lo else rows(a.hi, axis)[1]
        bounds = [operation(self.precision, *line) for line in zip(los, his, strict=True)]
        return Intervals(
            filled(shape, [lo for lo, _ in bounds]), filled(shape, [hi for _, hi in bounds]), self.precision
        )

    def sum(self, a: Intervals, axis: int = -1) -> Intervals:
        return self._reduce(arithmetic.row_sum, a, axis)

    def max(self, a: Intervals, axis: int = -1) -> Intervals:
        return self._reduce(arithmetic.row_max, a, axis)

    def take(self, a: Intervals, index: npt.NDArray[np.int64]) -> Intervals:
        return Intervals(picked(a.lo, index), picked(a.hi, index), self.precision)

    def matmul(self, a: Intervals, b: Intervals) -> Intervals:
        """Row by row of `a`, so that the products of one row at a time are held."""
        lines = []
        for i in range(a.shape[-2]):
            row = Intervals(a.lo[..., i, :, None], a.hi[..., i, :, None], self.precision)
            lines.append(self.sum(row * b, axis=-2))
        return Intervals(
            np.concatenate([line.lo for line in lines], axis=-2),
            np.concatenate([line.hi for line in lines], axis=-2),
            self.precision,
        )

    def transpose(self, a: Intervals) -> Intervals:
        return Intervals(a.lo.swapaxes(-1, -2), a.hi.swapaxes(-1, -2), self.precision)

    def pivot(self, a: Intervals) -> Mask:
        """The first largest upper end of each row."""
        shape, lines = rows(a.hi, -1)
        best = [max(range(len(line)), key=lambda j: _sort_key(line[j])) for line in lines]
        columns = np.arange(a.shape[-1])
        return np.asarray(columns == np.asarray(best, dtype=np.int64).reshape(shape))

    # -- results -----------------------------------------------------------------------------------

    def ends(self, a: Intervals) -> tuple[MpfArray, MpfArray]:
        """Both ends as object arrays of raw mpf numbers."""
        return a.lo, a.hi

    def rounded_ends(self, a: Intervals, target: Format) -> tuple[Floats, Floats]:
        """Both ends rounded to the format, as float64: where they are equal, that is the truth's rounding.

        "No value" is NaN at both ends; zeros may differ in sign, which == ignores.
        """
        to_format = elementwise(partial(_rounded_to, target), 1, 1)
        return np.asarray(to_format(a.lo), np.float64), np.asarray(to_format(a.hi), np.float64)

    def enclosure(self, a: Intervals) -> Enclosure:
        """Head, tail, exponent and a radius that covers the interval and the conversion."""
        return enclose(a.lo, a.hi)


_sort_key = cmp_to_key(mpf_cmp)


def _rounded_to(target: Format, x: Mpf) -> float:
    return rounded(x, target)
