"""Double-double balls: the rung that settles almost every element of every format.

Midpoints are (hi + lo) 2^exp; exponents are carried only where exp left the range of float64 or a factor
is extremely large or small. Only IEEE-754 basic operations are used (`double_double`, `dd_elementary`), so
nothing rests on a libm. Bounds in the docstrings: u = 2^-53, m a midpoint, d its radius, y the result.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from stabcheck.oracle import dd_scaling as scaling
from stabcheck.oracle import double_double as dd
from stabcheck.oracle.balls_arithmetic import Errors, Parts
from stabcheck.oracle.balls_radius import UP, Floats, largest, outward, plus, times
from stabcheck.oracle.balls_value import Ball, Mask, Number
from stabcheck.oracle.dd_functions import FunctionContext


class DDBallContext(FunctionContext):
    """Ball arithmetic with double-double midpoints and int64 exponents."""

    beyond_exponent = scaling.HUGE_EXPONENT
    errors = Errors(dd.MULTIPLY_REL, dd.DIVIDE_REL, dd.SQRT_REL, underflow=0.0)

    def value(self, number: Number) -> Ball:
        """An int, float or Fraction; what is no double-double gets a relative radius of 2^-104."""
        if isinstance(number, float):
            if math.isnan(number):
                return Ball(self, np.array(0.0), abs=math.inf, finite=False)
            return Ball(self, np.array(number), finite=math.isfinite(number))
        exact = Fraction(number)
        exponent = exact.numerator.bit_length() - exact.denominator.bit_length()
        moderate = abs(exponent) <= 900
        scaled = exact if moderate else exact / Fraction(2) ** exponent
        hi = float(scaled)
        rest = scaled - Fraction(hi)
        lo = float(rest)
        return Ball(
            self,
            np.array(hi),
            np.array(lo) if lo else None,
            None if moderate else np.array(exponent, dtype=np.int64),
            rel=0.0 if rest == Fraction(lo) else 2.0**-104,
        )

    def over_huge(self, a: Ball, places: Mask) -> Ball:
        return replace(a, exp=self.exponents(a) - np.where(places, scaling.HUGE_EXPONENT, 0))

    def bounds(self, a: Ball) -> tuple[Floats, Floats]:
        a = scaling.flat(a)
        radius = a.radius()
        if a.lo is not None:
            radius = (radius + np.abs(a.lo)) * UP
        return outward(a.hi, radius)

    def comparable(self, a: Ball) -> Floats:
        if a.exp is None:
            return a.hi
        a = scaling.level(a)
        return scaling.aligned(a, scaling.top(a, -1)).hi

    def ready(self, a: Ball) -> Ball:
        return scaling.tame(a)

    # -- arithmetic --------------------------------------------------------------------------------

    def add(self, a: Any, b: Any) -> Ball:
        """Exact infinities that meet numbers, as in a masked logit less the maximum, stay what they are."""
        left, right = self.lift(a), self.lift(b)
        if not (left.finite and right.finite) and largest(left.abs) + largest(right.abs) < math.inf:
            s = left.hi + right.hi
            if not np.isnan(s).any():
                endless = np.isinf(left.hi) | np.isinf(right.hi)
                return self.exactly(endless, s, super().add(self.grounded(left), self.grounded(right)))
        return super().add(left, right)

    def _add(self, a: Ball, b: Ball) -> Ball:
        """Float64 numbers add up exactly, others within ADD_REL; exponents are aligned to the larger."""
        exponent = None
        if a.exp is not None or b.exp is not None:
            a, b = scaling.level(a), scaling.level(b)
            exponent = np.maximum(scaling.reach(a), scaling.reach(b))
            a, b = scaling.aligned(a, exponent), scaling.aligned(b, exponent)
        hi, lo = dd.add(a.hi, a.lo, b.hi, b.lo)
        if exponent is None and not math.isfinite(np.add.reduce(lo, axis=None)):
            # 2Sum overflowed, or would have on the way: the low part is no number then.
            return self._add(scaling.normalised(a), scaling.normalised(b))
        rel = 0.0 if a.lo is None and b.lo is None else dd.ADD_REL
        return Ball(self, hi, lo, scaling.needed(exponent), rel, plus(a.radius(), b.radius()))

    def _product(self, a: Ball, b: Ball) -> Parts:
        return Parts(*dd.multiply(a.hi, a.lo, b.hi, b.lo), scaling.sum_of(a.exp, b.exp))

    def _quotient(self, a: Ball, b: Ball) -> Parts:
        """A divisor that serves many dividends is inverted first: DIVIDE_REL covers both roundings."""
        exponent = scaling.sum_of(a.exp, None if b.exp is None else -b.exp)
        if 4 * b.hi.size <= a.hi.size:
            one, low = dd.divide(np.ones_like(b.hi), None, b.hi, b.lo)
            return Parts(*dd.multiply(a.hi, a.lo, one, low), exponent)
        return Parts(*dd.divide(a.hi, a.lo, b.hi, b.lo), exponent)

    def _root(self, a: Ball) -> Parts:
        if a.exp is None:
            return Parts(*dd.sqrt(a.hi, a.lo))
        odd = (a.exp & 1) * 1.0 + 1.0
        return Parts(*dd.sqrt(a.hi * odd, None if a.lo is None else a.lo * odd), a.exp >> 1)

    def settle(self, a: Ball) -> Ball:
        return super().settle(a if a.exp is None else scaling.within_limits(a))

    # -- reductions --------------------------------------------------------------------------------

    def _total(self, a: Ball, axis: int) -> Ball:
        """A binary tree of `add_fast`, with at most 2 log2(n) additions above any term, each off by
        ADD_FAST_REL of |a| + |b|: together 2 log2(n) ADD_FAST_REL sum |m|."""
        n = a.shape[axis]
        if n == 1:
            return a
        exponent = None
        if a.exp is not None:
            a = scaling.level(a)
            exponent = scaling.top(a, axis)
            a = scaling.aligned(a, exponent)
        if a.plain and n > 2:
            single = np.count_nonzero(a.hi, axis=axis, keepdims=True) <= 1
            if single.all():
                return Ball(self, np.add.reduce(a.hi, axis=axis, keepdims=True))
        hi = np.moveaxis(a.hi, axis, 0)
        lo = np.zeros((1,) * hi.ndim) if a.lo is None else np.moveaxis(a.lo, axis, 0)
        s, e = _tree(hi, np.broadcast_to(lo, hi.shape))
        rounding = 0.0 if a.plain and n == 2 else 2 * n.bit_length() * dd.ADD_FAST_REL
        radius = self.sum_of_radii(a, axis, rounding)
        if a.plain and n > 2 and single.any():
            radius = np.where(single, 0.0, radius)
        s, e = np.moveaxis(s, 0, axis), np.moveaxis(e, 0, axis)
        return Ball(self, s, e, scaling.needed(exponent), abs=radius)

    def _largest(self, a: Ball, axis: int) -> Ball:
        """Largest head, and among equal heads the largest low part."""
        exponent = None
        if a.exp is not None:
            a = scaling.level(a)
            exponent = scaling.top(a, axis)
            a = scaling.aligned(a, exponent)
        hi = np.maximum.reduce(a.hi, axis=axis, keepdims=True)
        lo = None
        if a.lo is not None:
            lo = np.maximum.reduce(np.where(a.hi == hi, a.lo, -math.inf), axis=axis, keepdims=True)
        return Ball(self, hi, lo, scaling.needed(exponent), abs=self.peak_radius(a, axis))

    def _lowered(self, a: Ball, places: Mask) -> Ball:
        radius = np.where(places, 0.0, times(a.rel, np.abs(a.hi)) + np.asarray(a.abs) * UP)
        low = Ball(self, np.array(-1.0), exp=np.array(scaling.LIMIT_EXPONENT))
        if a.exp is None:
            low = Ball(self, np.array(-np.finfo(np.float64).max))
        return replace(self._select(places, low, a), rel=0.0, abs=radius * UP)


def _tree(hi: Floats, lo: Floats) -> tuple[Floats, Floats]:
    """The sum along the first axis, which is kept with length 1."""
    odd: list[tuple[Floats, Floats]] = []
    while (n := hi.shape[0]) > 1:
        half = n // 2
        if n % 2:
            odd.append((hi[-1:], lo[-1:]))
        hi, lo = dd.add_fast(hi[:half], lo[:half], hi[half : 2 * half], lo[half : 2 * half])
    for more, more_low in odd:
        hi, lo = dd.add_fast(hi, lo, more, more_low)
    return hi, lo
