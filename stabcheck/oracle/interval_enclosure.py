"""From intervals of mpf numbers to the `Enclosure` that every rung of the oracle hands on."""

from __future__ import annotations

import math

import numpy as np
from mpmath.libmp import finf, fnan, fninf, mpf_abs, mpf_cmp, mpf_pos

from stabcheck.oracle.enclosure import Enclosure
from stabcheck.oracle.mpf_arrays import MpfArray, elementwise
from stabcheck.oracle.mpf_functions import DOWN, UP, Mpf, magnitude

#: Bits of a double's significand.
DOUBLE = 53
#: Exponents are kept this far from the ends of int64, so that products of a few enclosures stay inside.
FARTHEST = 1 << 60
#: Ends are compared as integers of about this many bits: few enough that a tail beside a head in [1/2, 1)
#: stays above the smallest double, 2^-1074.
LONGEST = 1000
#: Ends of one sign whose magnitudes differ by more bits than this are an interval around zero.
APART = 64

Parts = tuple[float, float, int, float]


def enclose(lo: MpfArray, hi: MpfArray) -> Enclosure:
    """Elementwise; the shape is kept."""
    head, tail, exponent, radius = elementwise(_enclose_one, 2, 4)(lo, hi)
    head = np.asarray(head, dtype=np.float64)
    return Enclosure(
        head,
        np.asarray(tail, dtype=np.float64),
        np.asarray(exponent, dtype=np.int64),
        np.asarray(radius, dtype=np.float64),
        beyond=np.isinf(np.asarray(radius, dtype=np.float64)) & (head != 0),
    )


def _enclose_one(lo: Mpf, hi: Mpf) -> Parts:
    if lo == fnan:
        return math.nan, 0.0, 0, 0.0
    if lo == hi and lo in (finf, fninf):
        return (-math.inf if lo == fninf else math.inf), 0.0, 0, 0.0
    if lo == fninf or hi == finf:
        return 0.0, 0.0, 0, math.inf
    sizes = [magnitude(end) for end in (lo, hi) if end[1]]
    if not sizes:
        return 0.0, 0.0, 0, 0.0
    largest = max(sizes)
    if largest > FARTHEST:
        sure = len(sizes) == 2 and min(sizes) > FARTHEST and lo[0] == hi[0]
        return (-0.5 if lo[0] else 0.5) if sure else 0.0, 0.0, FARTHEST, math.inf
    if largest < -FARTHEST:
        # The whole interval is nearer to zero than an exponent can say: cover the smallest binade.
        if lo[1] and hi[1] and lo[0] != hi[0]:
            return 0.0, 0.0, -FARTHEST, 1.0
        return (-0.5 if lo[0] else 0.5), 0.0, -FARTHEST, 0.5
    if len(sizes) == 1 or lo[0] != hi[0] or abs(sizes[0] - sizes[1]) > APART:
        # Around zero: a midpoint would say nothing beside the radius.
        below, above = mpf_abs(lo, DOUBLE, UP), mpf_abs(hi, DOUBLE, UP)
        farther = above if mpf_cmp(above, below) > 0 else below
        return 0.0, 0.0, largest, math.ldexp(int(farther[1]), farther[2] - largest)
    return _enclose_narrow(lo, hi)


def _enclose_narrow(lo: Mpf, hi: Mpf) -> Parts:
    """Finite ends of one sign, in integers: the midpoint's leading 53 bits, the next 53, the rest."""
    if lo[3] > LONGEST or hi[3] > LONGEST:
        lo, hi = mpf_pos(lo, LONGEST, DOWN), mpf_pos(hi, LONGEST, UP)
    unit = min(lo[2], hi[2])
    low, high = int(lo[1]) << (lo[2] - unit), int(hi[1]) << (hi[2] - unit)
    if lo[0]:
        low, high = -low, -high
    if low == high:
        twice = low
    else:  # midpoint and radius in halves of the unit
        unit -= 1
        twice = low + high
    head, head_place = _leading(twice)
    rest = twice - (head << head_place)
    tail, tail_place = _leading(rest)
    rest -= tail << tail_place
    size = abs(head).bit_length() + head_place
    radius = high - low + abs(rest)
    radius_place = max(radius.bit_length() - DOUBLE, 0)
    return (
        math.ldexp(head, head_place - size),
        math.ldexp(tail, tail_place - size),
        unit + size,
        math.ldexp(-(-radius >> radius_place), radius_place - size),
    )


def _leading(x: int) -> tuple[int, int]:
    """x rounded to 53 bits, as m 2^place."""
    place = max(x.bit_length() - DOUBLE, 0)
    return ((x + (1 << place >> 1)) >> place, place)
