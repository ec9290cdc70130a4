"""Plain float64 arithmetic under the context protocol: for gates, never for truths.

A gate is a sum of non-negative terms, so float64 gives it to a few ulps of float64; whoever compares with it
leaves a margin (`truth.GATE_SLACK`), and what falls into the margin is compared with a gate in mpf.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.ops.context import Condition, Number

Floats = npt.NDArray[np.float64]


def _floats(a: Any) -> Floats:
    """A value as a float64 array: arithmetic with a Fraction makes an object array of it."""
    return np.asarray(a, dtype=np.float64)


def _of_floats(function: Callable[..., Any]) -> Callable[..., Floats]:
    return lambda *operands: function(*map(_floats, operands))


class DoubleContext:
    """Context whose values are float64 arrays. Callers silence NumPy's warnings around it."""

    def array(self, values: Floats) -> Floats:
        return np.asarray(values, dtype=np.float64)

    def value(self, number: Number) -> float:
        return float(number) if isinstance(number, Fraction) else number

    def shape(self, a: Floats) -> tuple[int, ...]:
        return np.shape(a)

    exp = staticmethod(_of_floats(np.exp))
    log = staticmethod(_of_floats(np.log))
    log1p = staticmethod(_of_floats(np.log1p))
    expm1 = staticmethod(_of_floats(np.expm1))
    tanh = staticmethod(_of_floats(np.tanh))
    sqrt = staticmethod(_of_floats(np.sqrt))
    abs = staticmethod(_of_floats(np.abs))
    maximum = staticmethod(_of_floats(np.maximum))
    minimum = staticmethod(_of_floats(np.minimum))
    matmul = staticmethod(_of_floats(np.matmul))

    def where(self, condition: Condition, a: Floats, b: Floats) -> Floats:
        return np.where(condition, _floats(a), _floats(b))

    def xlogy(self, a: Floats, b: Floats) -> Floats:
        a = _floats(a)
        zero = a == 0
        return np.where(zero, 0.0, a * np.log(np.where(zero, 1.0, _floats(b))))

    def sum(self, a: Floats, axis: int = -1) -> Floats:
        return np.asarray(np.sum(_floats(a), axis=axis, keepdims=True))

    def max(self, a: Floats, axis: int = -1) -> Floats:
        return np.asarray(np.max(_floats(a), axis=axis, keepdims=True, initial=-np.inf))

    def take(self, a: Floats, index: npt.NDArray[np.int64]) -> Floats:
        return np.take_along_axis(_floats(a), index, axis=-1)

    def transpose(self, a: Floats) -> Floats:
        return np.swapaxes(_floats(a), -1, -2)

    def pivot(self, a: Floats) -> npt.NDArray[np.bool_]:
        return first_largest(_floats(a))


def first_largest(a: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """One True per row, at the first of its largest entries."""
    mask = np.zeros(a.shape, dtype=bool)
    if a.size:
        np.put_along_axis(mask, np.argmax(a, axis=-1, keepdims=True), True, axis=-1)
    return mask
