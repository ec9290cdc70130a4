"""The values of the ball contexts: arrays of balls, and conditions that may be undecided."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from stabcheck.ops.context import whole
from stabcheck.oracle.balls_radius import FLOOR, UP, Floats, Radius, least, none, plus, times

if TYPE_CHECKING:
    from stabcheck.oracle.balls_context import BallContext

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Number = int | float | Fraction


@dataclass(frozen=True, eq=False)
class Condition:
    """A comparison of balls: certainly true, certainly false, or neither."""

    yes: Mask
    no: Mask

    __array_ufunc__ = None  # masks leave mixed combinations to the condition

    def __and__(self, other: Mask | Condition) -> Condition:
        both = _condition(other)
        return Condition(self.yes & both.yes, self.no | both.no)

    def __or__(self, other: Mask | Condition) -> Condition:
        either = _condition(other)
        return Condition(self.yes | either.yes, self.no & either.no)

    __rand__, __ror__ = __and__, __or__

    def __invert__(self) -> Condition:
        return Condition(self.no, self.yes)

    def __bool__(self) -> bool:
        raise TypeError("a comparison may be undecided: use m.where(condition, a, b).")


def _condition(mask: Mask | Condition) -> Condition:
    return mask if isinstance(mask, Condition) else Condition(mask, ~np.asarray(mask))


# Not frozen, here and in other values of the oracle: that would double what small arrays cost.
@dataclass(eq=False, slots=True)
class Ball:
    """An array of real numbers r, each with |r - (hi + lo) 2^exp| <= (rel |hi| + abs) 2^exp.

    `lo` None means 0, `exp` None means 0. `finite` promises that every hi and every radius is finite;
    otherwise an element may also be
      an exact infinity       hi = +-inf, lo = 0, abs = 0 (rel does not count there),
      an overflow             hi = +-inf, lo = 0, abs = inf: a finite real of that sign, |r| >= context.huge,
      unknown                 hi = 0, lo = 0, abs = inf: anything, also no value at all.
    """

    k: BallContext
    hi: Floats
    lo: Floats | None = None
    exp: Ints | None = None
    rel: Radius = 0.0
    abs: Radius = 0.0
    finite: bool = True

    __array_ufunc__ = None  # NumPy scalars leave mixed arithmetic to the ball

    @property
    def shape(self) -> tuple[int, ...]:
        return self.hi.shape

    @property
    def exact(self) -> bool:
        """Every element is known exactly (and may be infinite)."""
        return none(self.rel) and none(self.abs)

    @property
    def plain(self) -> bool:
        """The elements are exact float64 numbers."""
        return self.exact and self.lo is None and self.exp is None

    def radius(self) -> Radius:
        """The whole radius in units of 2^exp, for finite elements."""
        if none(self.rel):
            return self.abs
        if least(self.abs) >= FLOOR:  # which outweighs what the product may lose to underflow
            return (self.rel * np.abs(self.hi) + self.abs) * UP
        return plus(times(self.rel, np.abs(self.hi)), self.abs)

    def unknown(self) -> Mask:
        """Elements with an infinite radius (overflows included)."""
        return np.broadcast_to(np.isinf(self.abs), self.shape)

    def special(self) -> Mask:
        """Elements that are not finite balls."""
        return np.asarray(np.isinf(self.hi) | np.isinf(self.abs))

    # arithmetic, all of it the context's

    def __add__(self, other: Any) -> Ball:
        return self.k.add(self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Ball:
        return self.k.subtract(self, other)

    def __rsub__(self, other: Any) -> Ball:
        return self.k.subtract(other, self)

    def __mul__(self, other: Any) -> Ball:
        return self.k.multiply(self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Ball:
        return self.k.divide(self, other)

    def __rtruediv__(self, other: Any) -> Ball:
        return self.k.divide(other, self)

    def __pow__(self, power: int) -> Ball:
        return self.k.power(self, whole(power))

    def __abs__(self) -> Ball:
        return self.k.abs(self)

    def __neg__(self) -> Ball:
        lo = None if self.lo is None else -self.lo
        return Ball(self.k, -self.hi, lo, self.exp, self.rel, self.abs, self.finite)

    def __lt__(self, other: Any) -> Mask | Condition:
        return self.k.less(self, other)

    def __gt__(self, other: Any) -> Mask | Condition:
        return self.k.less(other, self)

    def __le__(self, other: Any) -> Mask | Condition:
        return self.k.less_equal(self, other)

    def __ge__(self, other: Any) -> Mask | Condition:
        return self.k.less_equal(other, self)

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> Mask | Condition:  # type: ignore[override]
        return (self <= other) & (self >= other)

    def __ne__(self, other: object) -> Mask | Condition:  # type: ignore[override]
        return ~(self == other)
