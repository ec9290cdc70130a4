"""Exponents of double-double balls: aligning, folding into the heads, normalising."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from stabcheck.oracle.balls_radius import ETA, UP, Floats, Radius, none, plus
from stabcheck.oracle.balls_value import Ball, Ints, Mask

#: Heads of factors, divisors and arguments of log and sqrt (0 apart).
TAME = 2.0**480
#: Heads of what is aligned: 500 binades below another such there is nothing that counts.
LEVEL = 2.0**100
#: Exponents that are folded into heads: products of two such stay clear of underflow.
FOLD = 400
#: No exponent of a nonzero element goes beyond it, so that sums of a few never wrap around.
LIMIT_EXPONENT = 1 << 50
#: An overflow is at least 2^HUGE_EXPONENT.
HUGE_EXPONENT = 1 << 30
_ZERO_EXPONENT = -(1 << 55)
_BIAS = np.int64(1023)
_FRACTION_BITS = np.int64(52)


def power_of_two(exponent: Ints) -> Floats:
    """2^exponent for exponents up to 1023, 0 below -1022."""
    biased = np.asarray(np.maximum(exponent + _BIAS, 0) << _FRACTION_BITS)
    return biased.view(np.float64)


def reach(a: Ball) -> Ints:
    """Exponents, those of exact zeros far below all others."""
    exponent = np.int64(0) if a.exp is None else a.exp
    return np.where((a.hi == 0) & (np.asarray(a.abs) == 0), _ZERO_EXPONENT, exponent)


def top(a: Ball, axis: int) -> Ints:
    """The largest exponent along the axis."""
    return np.asarray(np.maximum.reduce(reach(a), axis=axis, keepdims=True))


def needed(exponent: Ints | None) -> Ints | None:
    """The exponents, or None if all are 0; those of zeros are 0."""
    if exponent is None or not exponent.any():
        return None
    return np.where(exponent == _ZERO_EXPONENT, 0, exponent)


def sum_of(a: Ints | None, b: Ints | None) -> Ints | None:
    if a is None or b is None:
        return b if a is None else a
    return np.asarray(a + b)


def aligned(a: Ball, exponent: Ints) -> Ball:
    """The same in units of 2^exponent, which is at least the ball's own; `level` makes it fit for that.

    What lies more than 500 binades below enters as a radius. What stays a normal number is scaled exactly;
    head and low part lose at most half of ETA each where they do not. Elements that lose nothing get no
    radius: in units of 2^1024 one of ETA would be 2^-50.
    """
    shift = reach(a) - exponent
    scale = power_of_two(shift)
    radius: Radius = a.abs
    lowest = int(shift.min(initial=0))
    hi, lo, rel = a.hi * scale, None if a.lo is None else a.lo * scale, a.rel
    if not none(radius):
        grown = radius * np.maximum(scale, 2.0**-1022) * UP + ETA
        radius = np.where(np.asarray(radius) > 0, grown, 0.0)
    if lowest < 0:
        inexact = (
            _inexact(a.hi, hi) if lo is None or a.lo is None else _inexact(a.hi, hi) | _inexact(a.lo, lo)
        )
        if inexact.any():
            radius = plus(radius, np.where(inexact, ETA, 0.0))
    if lowest < -500:
        far = (shift < -500) & (shift > _ZERO_EXPONENT // 2)
        lost = (np.abs(a.hi) * UP + a.radius()) * np.maximum(scale, 2.0**-1022) * UP + ETA
        radius = np.where(far, lost, radius)
        hi = np.where(far, 0.0, hi)
        lo = None if lo is None else np.where(far, 0.0, lo)
    return Ball(a.k, hi, lo, None, rel, radius, a.finite)


def _inexact(part: Floats, scaled: Floats) -> Mask:
    """Where scaling by a power of two may have lost bits."""
    return np.asarray((part != 0) & (np.abs(scaled) < 2.0**-1000))


def tame(a: Ball) -> Ball:
    """The same with nonzero heads of size 2^-480 .. 2^480."""
    return a if _within(np.abs(a.hi), TAME) else normalised(a)


def level(a: Ball) -> Ball:
    """The same, fit to be aligned: nonzero heads (and radii of zeros) that say little beside their
    exponents."""
    return a if _within(np.maximum(np.abs(a.hi), a.abs), LEVEL) else normalised(a)


def _within(sizes: Floats, limit: float) -> bool:
    """Whether all sizes but 0 are 1 / limit .. limit."""
    least = float(sizes.min(initial=1.0))
    if least == 0.0:
        least = float(np.min(sizes, initial=1.0, where=sizes > 0))
    return least >= 1.0 / limit and float(sizes.max(initial=0.0)) <= limit


def _shifted(radius: Radius, shift: npt.NDArray[np.int32]) -> Radius:
    """radius * 2^shift, rounded upward; 0 stays 0."""
    if none(radius):
        return 0.0
    return np.where(np.asarray(radius) > 0, np.ldexp(radius, shift) * UP + ETA, 0.0)


def normalised(a: Ball) -> Ball:
    """The same with heads (radii of zeros) in [1/2, 1) in size, or 0. Exact but for a low part that becomes
    subnormal (less than ETA); what is exact stays exact."""
    hi, shift = np.frexp(a.hi)
    if not none(a.abs):
        shift = np.where(a.hi == 0, np.frexp(a.abs)[1], shift)
    exponent = shift.astype(np.int64) + (0 if a.exp is None else a.exp)
    lo = None if a.lo is None else np.ldexp(a.lo, -shift)
    radius = _shifted(a.abs, -shift)
    if a.lo is not None:
        radius = plus(radius, np.where(a.lo != 0, ETA, 0.0))
    return within_limits(Ball(a.k, hi, lo, exponent, a.rel, radius, a.finite))


def flat(a: Ball) -> Ball:
    """The same without exponents. What underflows becomes a radius; what overflows becomes an overflow if
    its sign is certain, else unknown."""
    if a.exp is None:
        return a
    e = np.clip(a.exp, -4000, 4000).astype(np.int32)
    hi = np.ldexp(a.hi, e)
    lo = None if a.lo is None else np.ldexp(a.lo, e)
    radius = _shifted(a.abs, e)
    lowest = int(e.min(initial=0))
    if lowest < 0 and (lo is not None or lowest < -FOLD):
        # Head and low part lose at most half of ETA each, and as much as that again under rel.
        radius = plus(radius, np.where(a.hi != 0, 2 * ETA, 0.0))
    over = np.isfinite(a.hi) & np.isfinite(a.abs) & (np.isinf(hi) | np.isinf(radius))
    finite = a.finite
    if over.any():
        certain = over & (np.abs(a.hi) * 0.5 > np.asarray(a.abs)) & (np.abs(a.hi) > 1.0 / TAME)
        hi = np.where(over, np.where(certain, np.copysign(math.inf, a.hi), 0.0), hi)
        lo = None if lo is None else np.where(over, 0.0, lo)
        radius = np.where(over, math.inf, radius)
        finite = False
    return Ball(a.k, hi, lo, None, a.rel, radius, finite)


def within_limits(a: Ball) -> Ball:
    """The same with exponents within LIMIT_EXPONENT: smaller values become a radius, larger ones
    unknown; zeros get the exponent 0."""
    assert a.exp is not None
    zero = (a.hi == 0) & (np.asarray(a.abs) == 0)
    exponent = np.where(zero, 0, a.exp) if zero.any() else a.exp
    if int(exponent.min(initial=0)) >= -LIMIT_EXPONENT and int(exponent.max(initial=0)) <= LIMIT_EXPONENT:
        return replace(a, exp=exponent)
    small, large = exponent < -LIMIT_EXPONENT, exponent > LIMIT_EXPONENT
    radius = np.where(small, (np.abs(a.hi) + a.radius()) * UP, a.abs)
    gone = small | large
    return replace(
        a,
        hi=np.where(gone, 0.0, a.hi),
        lo=None if a.lo is None else np.where(gone, 0.0, a.lo),
        exp=np.clip(exponent, -LIMIT_EXPONENT, LIMIT_EXPONENT),
        abs=np.where(large, math.inf, radius),
        finite=a.finite and not bool(large.any()),
    )
