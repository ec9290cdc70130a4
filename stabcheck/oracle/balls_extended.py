"""What becomes of elements that are not finite balls: exact infinities, overflows, unknowns.

The arithmetic of the contexts runs on finite balls only; special elements are replaced by 1 beforehand and
the results given here are patched in afterwards. An overflow is a finite real beyond `context.huge` in
magnitude, which is all one needs to know for 1 / (1 + exp(1000)).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from stabcheck.oracle.balls_radius import ETA, Floats
from stabcheck.oracle.balls_value import Mask

Limit = tuple[float, float, bool]


class Special(NamedTuple):
    """Results for special elements: midpoint, absolute radius, and whether both are over `huge`."""

    hi: Floats
    abs: Floats
    small: Mask


class Operand(NamedTuple):
    """The elements of an operand at the special places, finite ones with outward bounds."""

    hi: Floats
    unknown: Mask  # infinite radius: an overflow if hi is infinite
    lower: Floats
    upper: Floats

    @property
    def infinite(self) -> Mask:
        return np.asarray(np.isinf(self.hi) & ~self.unknown)

    @property
    def overflow(self) -> Mask:
        return np.asarray(np.isinf(self.hi) & self.unknown)

    @property
    def lost(self) -> Mask:
        return np.asarray(~np.isinf(self.hi) & self.unknown)

    @property
    def ordinary(self) -> Mask:
        return np.asarray(~np.isinf(self.hi) & ~self.unknown)

    @property
    def direction(self) -> Floats:
        """The certain sign: 1, -1, 0 for an exact zero, NaN where it is not certain."""
        sign = np.where(self.lower > 0, 1.0, np.where(self.upper < 0, -1.0, math.nan))
        sign = np.where((self.lower == 0) & (self.upper == 0), 0.0, sign)
        return np.where(np.isinf(self.hi), np.sign(self.hi), sign)


UNKNOWN: Limit = (0.0, math.inf, False)
_OVERFLOW: Limit = (math.inf, math.inf, False)
_POSITIVE_TINY: Limit = (0.5, 0.5, True)

#: Limits of a function at +inf, at -inf, and what it makes of an overflow of either sign. expm1 and tanh
#: of an overflow are within 1/huge of a limit; 2^-1000 is within huge, hence an outer bound.
LIMITS: Mapping[str, tuple[Limit, Limit, Limit, Limit]] = {
    "exp": ((math.inf, 0.0, False), (0.0, 0.0, False), _OVERFLOW, _POSITIVE_TINY),
    "expm1": ((math.inf, 0.0, False), (-1.0, 0.0, False), _OVERFLOW, (-1.0, 2.0**-1000, False)),
    "log": ((math.inf, 0.0, False), UNKNOWN, UNKNOWN, UNKNOWN),
    "log1p": ((math.inf, 0.0, False), UNKNOWN, UNKNOWN, UNKNOWN),
    "sqrt": ((math.inf, 0.0, False), UNKNOWN, UNKNOWN, UNKNOWN),
    "tanh": ((1.0, 0.0, False), (-1.0, 0.0, False), (1.0, 2.0**-1000, False), (-1.0, 2.0**-1000, False)),
    "abs": ((math.inf, 0.0, False), (math.inf, 0.0, False), _OVERFLOW, _OVERFLOW),
}


def _results(size: int) -> Special:
    return Special(np.zeros(size), np.full(size, math.inf), np.zeros(size, dtype=bool))


def limit(name: str, a: Operand) -> Special:
    """The function of that name at special elements."""
    out = _results(a.hi.size)
    places = (
        a.infinite & (a.hi > 0),
        a.infinite & (a.hi < 0),
        a.overflow & (a.hi > 0),
        a.overflow & (a.hi < 0),
    )
    for place, (hi, radius, small) in zip(places, LIMITS[name], strict=True):
        out.hi[place], out.abs[place], out.small[place] = hi, radius, small
    return out


def add(a: Operand, b: Operand) -> Special:
    """a + b. Opposite infinities have no value; an overflow survives what does not pull it back."""
    out = _results(a.hi.size)
    h = np.where(np.isinf(a.hi), a.hi, 0.0) + np.where(np.isinf(b.hi), b.hi, 0.0)
    known = ~a.lost & ~b.lost & ~np.isnan(h)
    infinite = known & (a.infinite | b.infinite)
    lower = np.where(a.ordinary, a.lower, np.where(b.ordinary, b.lower, 0.0))
    upper = np.where(a.ordinary, a.upper, np.where(b.ordinary, b.upper, 0.0))
    over = known & ~infinite & np.where(h > 0, lower >= 0, upper <= 0)
    out.hi[infinite | over] = h[infinite | over]
    out.abs[infinite] = 0.0
    return out


def multiply(a: Operand, b: Operand) -> Special:
    """a b. An infinity times what may be 0 has no value; an overflow times 0 is 0."""
    out = _results(a.hi.size)
    sign = a.direction * b.direction
    known = ~a.lost & ~b.lost & ~np.isnan(sign)
    infinite = known & (a.infinite | b.infinite) & (sign != 0)
    only_over = known & ~(a.infinite | b.infinite)
    zero = only_over & (sign == 0)
    over = only_over & _at_least_one(a) & _at_least_one(b) & (sign != 0)
    out.hi[infinite | over] = np.copysign(math.inf, sign[infinite | over])
    out.abs[infinite | zero] = 0.0
    return out


def divide(a: Operand, b: Operand) -> Special:
    """a / b. A finite number over an infinity is 0, over an overflow at most |a| / huge."""
    out = _results(a.hi.size)
    sign = a.direction * b.direction
    known = ~a.lost & ~b.lost
    zero = known & b.infinite & ~a.infinite
    zero |= known & b.overflow & a.ordinary & (a.direction == 0)
    infinite = known & a.infinite & ~b.infinite & ((sign == 1) | (sign == -1))
    over = known & a.overflow & b.ordinary & (sign != 0) & ~np.isnan(sign)
    over &= np.maximum(np.abs(b.lower), np.abs(b.upper)) <= 1
    out.hi[infinite | over] = np.copysign(math.inf, sign[infinite | over])
    out.abs[infinite | zero] = 0.0
    small = known & b.overflow & a.ordinary & ~zero
    half = np.maximum(np.abs(a.lower), np.abs(a.upper))[small] / 2 + ETA
    signed = np.where(np.isnan(sign), 0.0, sign)[small]
    # [0, |a|/huge] on the certain side of 0, else both sides.
    out.hi[small] = np.where(np.isfinite(half), signed * half, 0.0)
    out.abs[small] = np.where(signed == 0, 2 * half, half)
    out.small[small] = True
    return out


def total(
    infinite_up: Mask, infinite_down: Mask, over: Floats, lost: Mask, lower: Floats, upper: Floats
) -> Special:
    """The sum of rows with special elements: which infinities they hold, the sign of their overflows
    (NaN if both), whether anything is unknown, and bounds of the sum of the finite rest."""
    out = _results(lost.size)
    infinite = (infinite_up ^ infinite_down) & ~lost
    out.hi[infinite] = np.where(infinite_up, math.inf, -math.inf)[infinite]
    out.abs[infinite] = 0.0
    surviving = ~infinite & ~infinite_up & ~lost & (((over > 0) & (lower >= 0)) | ((over < 0) & (upper <= 0)))
    out.hi[surviving] = np.copysign(math.inf, over[surviving])
    return out


def _at_least_one(a: Operand) -> Mask:
    return np.asarray(a.overflow | a.infinite | (np.minimum(np.abs(a.lower), np.abs(a.upper)) >= 1))
