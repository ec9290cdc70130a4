"""Balls as what the ladder hands on."""

from __future__ import annotations

import numpy as np

from stabcheck.oracle.balls_radius import ETA, UP, Floats, Radius, none, plus
from stabcheck.oracle.balls_value import Ball, Ints
from stabcheck.oracle.enclosure import Enclosure

_FRACTION_BITS = np.int64(52)
_EXPONENT_BITS = np.int64(0x7FF)
_BIAS = np.int64(1022)


def enclosed(a: Ball, beyond_exponent: int) -> Enclosure:
    """The enclosure of a ball: the head scaled exactly, the tail but for less than ETA where it becomes
    subnormal, the radius upward. rel |head| is formed after scaling, where it does not underflow (every
    relative radius is 0 or above 2^-300)."""
    special = None if a.finite else a.special()
    hi = a.hi if special is None else np.where(special, 0.0, a.hi)
    head, scale, exponent = _normalised(hi)
    tail = np.zeros(a.shape) if a.lo is None else a.lo * scale
    radius: Radius = 0.0
    if not none(a.abs):
        radius = np.where(np.asarray(a.abs) > 0, a.abs * scale * UP + ETA, 0.0)
    if not none(a.rel):
        radius = plus(radius, np.abs(head) * (a.rel * UP))
    if a.lo is not None and scale.min(initial=1.0) < 1.0:
        lost = tail / scale != a.lo
        if lost.any():
            radius = plus(radius, np.where(lost, ETA, 0.0))
    widths = np.array(np.broadcast_to(radius, a.shape))
    if a.exp is not None:
        exponent = exponent + a.exp
    if special is None:
        return Enclosure(head, tail, exponent, widths)
    unknown = a.unknown()
    beyond = unknown & np.isinf(a.hi)
    head = np.where(special, np.where(beyond, np.copysign(0.5, a.hi), np.where(unknown, 0.0, a.hi)), head)
    exponent = np.where(special, np.where(beyond, beyond_exponent + 1, 0), exponent)
    widths = np.where(special, np.where(unknown, np.inf, 0.0), widths)
    return Enclosure(head, np.where(special, 0.0, tail), exponent, widths, beyond if beyond.any() else None)


def _normalised(hi: Floats) -> tuple[Floats, Floats, Ints]:
    """head, scale and exponent: head = hi scale, scale = 2^-exponent, |head| in [1/2, 1) or 0."""
    size = np.abs(hi)
    exponent = ((size.view(np.int64) >> _FRACTION_BITS) & _EXPONENT_BITS) - _BIAS
    usual = (size >= 2.0**-1000) & (size <= 2.0**1000)
    if usual.all():
        scale = np.asarray((_BIAS + 1 - exponent) << _FRACTION_BITS).view(np.float64)
        return hi * scale, scale, exponent
    _, shift = np.frexp(hi)
    # The smallest subnormals would need a scale beyond the largest float64; they keep a smaller head.
    shift = np.maximum(shift, -1000)
    scale = np.ldexp(1.0, -shift)
    return hi * scale, scale, shift.astype(np.int64)
