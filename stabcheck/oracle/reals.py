"""Formulas on plain mpf numbers of a fixed precision: for gates and tests, never for a verdict.

Nothing is certified here: at 200 bits log(exp(0) + exp(-150)) is 0. Values are NumPy object arrays of mpf
numbers (a 0-d result is a bare mpf), so NumPy's own operators carry the formula.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from mpmath.ctx_mp import MPContext
from mpmath.libmp import (
    fnan,
    fnone,
    from_float,
    from_rational,
    fzero,
    mpf_add,
    mpf_cmp,
    mpf_mul,
    mpf_shift,
    mpf_sqrt,
)

from stabcheck.formats import FORMATS
from stabcheck.ops.context import Condition, Mask, Number, Value
from stabcheck.oracle import mpf_functions as functions
from stabcheck.oracle.enclosure import Enclosure
from stabcheck.oracle.mpf_arrays import Floats, elementwise, exact, object_array, picked, rounded
from stabcheck.oracle.mpf_functions import NEAREST, Mpf

#: An operation on raw mpf numbers with the precision as its last argument.
Operation = Callable[..., Mpf]


@cache
def _private_context(precision: int) -> Any:
    """An mpmath context whose precision is nobody else's to change.

    Its numbers divide by zero, and compare with fractions (as mpmath's own do from 1.4 on). Kept per
    precision, because making one takes a millisecond.
    """
    mp = MPContext()
    mp.prec = precision
    divide, divided_by = mp.mpf.__truediv__, mp.mpf.__rtruediv__

    def truediv(a: Any, b: Any) -> Any:
        try:
            return divide(a, b)
        except ZeroDivisionError:
            return a * mp.inf

    def rtruediv(b: Any, a: Any) -> Any:
        try:
            return divided_by(b, a)
        except ZeroDivisionError:
            return mp.convert(a) * mp.inf

    def comparison(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        return lambda a, b: compare(a, mp.convert(b) if isinstance(b, Fraction) else b)

    mp.mpf.__truediv__, mp.mpf.__rtruediv__ = truediv, rtruediv
    for name in ("__eq__", "__lt__", "__le__", "__gt__", "__ge__"):
        setattr(mp.mpf, name, comparison(getattr(mp.mpf, name)))
    return mp


@dataclass(frozen=True)
class RealContext:
    """Uncertified arithmetic of `precision` bits (the protocol `Context`).

    x / 0 is +-inf and 0 / 0 is NaN, as for floats; log and sqrt of a negative number are NaN.
    """

    precision: int

    @property
    def _mp(self) -> Any:
        return _private_context(self.precision)

    def array(self, values: npt.NDArray[np.float64]) -> Value:
        return object_array(elementwise(self._exact, 1, 1)(np.asarray(values)))

    def value(self, number: Number) -> Value:
        if isinstance(number, Fraction):
            raw = from_rational(number.numerator, number.denominator, self.precision, NEAREST)
            return self._mp.make_mpf(raw)
        return self._exact(number)

    def enclosed(self, enclosure: Enclosure) -> Value:
        """The midpoints (head + tail) 2^exponent, exactly."""
        return object_array(
            elementwise(self._midpoint, 3, 1)(enclosure.head, enclosure.tail, enclosure.exponent)
        )

    def doubles(self, a: Value) -> Floats:
        """Each number rounded once to float64."""
        return np.asarray(elementwise(self._double, 1, 1)(a), dtype=np.float64)

    def shape(self, a: Value) -> tuple[int, ...]:
        return np.shape(a)

    # -- between mpf objects and raw numbers ---------------------------------------------------------

    def _exact(self, number: Any) -> Any:
        return self._mp.make_mpf(exact(number))

    def _raw(self, number: Any) -> Mpf:
        return self._mp.convert(number)._mpf_  # type: ignore[no-any-return]

    def _midpoint(self, head: float, tail: float, exponent: int) -> Any:
        return self._mp.make_mpf(mpf_shift(mpf_add(from_float(head), from_float(tail)), int(exponent)))

    def _double(self, number: Any) -> float:
        return rounded(self._raw(number), FORMATS["float64"])

    def _map(self, operation: Operation, *operands: Value) -> Value:
        def on_objects(*numbers: Any) -> Any:
            return self._mp.make_mpf(operation(*map(self._raw, numbers), self.precision))

        return elementwise(on_objects, len(operands), 1)(*operands)

    # -- elementwise -------------------------------------------------------------------------------

    def exp(self, a: Value) -> Value:
        return self._map(functions.exp, a)

    def log(self, a: Value) -> Value:
        return self._map(_from(fzero, functions.log), a)

    def log1p(self, a: Value) -> Value:
        return self._map(_from(fnone, functions.log1p), a)

    def expm1(self, a: Value) -> Value:
        return self._map(functions.expm1, a)

    def tanh(self, a: Value) -> Value:
        return self._map(functions.tanh, a)

    def sqrt(self, a: Value) -> Value:
        return self._map(_from(fzero, mpf_sqrt), a)

    def abs(self, a: Value) -> Value:
        return elementwise(abs, 1, 1)(a)

    def maximum(self, a: Value, b: Value) -> Value:
        return self._map(_larger, a, b)

    def minimum(self, a: Value, b: Value) -> Value:
        return -self.maximum(-a, -b)

    def where(self, condition: Condition, a: Value, b: Value) -> Value:
        return elementwise(lambda holds, x, y: x if holds else y, 3, 1)(condition, a, b)

    def xlogy(self, a: Value, b: Value) -> Value:
        return self._map(_xlogy, a, b)

    # -- reductions and shapes ---------------------------------------------------------------------

    def sum(self, a: Value, axis: int = -1) -> Value:
        return np.add.reduce(a, axis=axis, keepdims=True, initial=self._mp.zero)

    def max(self, a: Value, axis: int = -1) -> Value:
        if np.shape(a)[axis] == 0:
            return self.sum(a, axis) - self._mp.inf
        larger = np.frompyfunc(self.maximum, 2, 1)
        return larger.reduce(a, axis=axis, keepdims=True)

    def take(self, a: Value, index: npt.NDArray[np.int64]) -> Value:
        return picked(a, index)

    def matmul(self, a: Value, b: Value) -> Value:
        return np.matmul(a, b)

    def transpose(self, a: Value) -> Value:
        return a.swapaxes(-1, -2)

    def pivot(self, a: Value) -> Mask:
        first = np.argmax(a, axis=-1, keepdims=True)
        return np.asarray(np.arange(np.shape(a)[-1]) == first)


def _from(edge: Mpf, function: Operation) -> Operation:
    """The function for arguments from `edge` upwards, NaN below."""

    def guarded(x: Mpf, precision: int) -> Mpf:
        if x == fnan or mpf_cmp(x, edge) < 0:
            return fnan  # type: ignore[no-any-return]
        return function(x, precision)

    return guarded


def _larger(a: Mpf, b: Mpf, precision: int) -> Mpf:
    if fnan in (a, b):
        return fnan  # type: ignore[no-any-return]
    return a if mpf_cmp(a, b) >= 0 else b


def _xlogy(a: Mpf, b: Mpf, precision: int) -> Mpf:
    if a == fzero:
        return a
    return mpf_mul(a, _from(fzero, functions.log)(b, precision), precision, NEAREST)  # type: ignore[no-any-return]
