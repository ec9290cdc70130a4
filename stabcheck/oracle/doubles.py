"""Plain float arithmetic under the context protocol: for gates, never for truths.

A gate is a sum of non-negative terms, so float64 gives it to a few ulps of float64; whoever compares with it
leaves a margin (`truth.GATE_SLACK`), and what falls into the margin is compared with a gate in mpf.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.ops.context import Condition, Number

Floats = npt.NDArray[np.float64]


def _of_floats(function: Callable[..., Any]) -> Callable[..., Floats]:
    return lambda k, *operands: function(*map(k.floats, operands))


@dataclass(frozen=True)
class DoubleContext:
    """Context whose values are float64 arrays (or of another kind, see `EXTENDED`). Callers silence NumPy's
    warnings around it."""

    kind: type[np.floating[Any]] = np.float64

    def floats(self, a: Any) -> Floats:
        """A value as an array of floats: arithmetic with a Fraction makes an object array of it."""
        return np.asarray(a, dtype=self.kind)

    def array(self, values: Floats) -> Floats:
        return self.floats(values)

    def value(self, number: Number) -> float:
        return float(number) if isinstance(number, Fraction) else number

    def shape(self, a: Floats) -> tuple[int, ...]:
        return np.shape(a)

    exp = _of_floats(np.exp)
    log = _of_floats(np.log)
    log1p = _of_floats(np.log1p)
    expm1 = _of_floats(np.expm1)
    tanh = _of_floats(np.tanh)
    sqrt = _of_floats(np.sqrt)
    abs = _of_floats(np.abs)
    maximum = _of_floats(np.maximum)
    minimum = _of_floats(np.minimum)
    matmul = _of_floats(np.matmul)

    def where(self, condition: Condition, a: Floats, b: Floats) -> Floats:
        return np.where(condition, self.floats(a), self.floats(b))

    def xlogy(self, a: Floats, b: Floats) -> Floats:
        a = self.floats(a)
        zero = a == 0
        return np.where(zero, 0.0, a * np.log(np.where(zero, 1.0, self.floats(b))))

    def sum(self, a: Floats, axis: int = -1) -> Floats:
        return np.asarray(np.add.reduce(self.floats(a), axis=axis, keepdims=True))

    def max(self, a: Floats, axis: int = -1) -> Floats:
        return np.asarray(np.maximum.reduce(self.floats(a), axis=axis, keepdims=True, initial=-np.inf))

    def take(self, a: Floats, index: npt.NDArray[np.int64]) -> Floats:
        return np.take_along_axis(self.floats(a), index, axis=-1)

    def transpose(self, a: Floats) -> Floats:
        return np.swapaxes(self.floats(a), -1, -2)

    def pivot(self, a: Floats) -> npt.NDArray[np.bool_]:
        return first_largest(self.floats(a))


#: Where long double has a wider range than double (not on every platform): gates that leave the range of
#: float64 are told without a climb.
EXTENDED = DoubleContext(np.longdouble) if np.finfo(np.longdouble).maxexp > 2 * 1024 else None


def first_largest(a: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """One True per row, at the first of its largest entries."""
    mask = np.zeros_like(a, dtype=bool)
    if a.size:
        np.put_along_axis(mask, np.argmax(a, axis=-1, keepdims=True), True, axis=-1)
    return mask
