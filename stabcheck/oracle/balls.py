"""Float64 balls: the lightest rung of the ladder, for formats of 32 bits and less.

Midpoints are float64. The operations + - * / sqrt are IEEE-754; of the libm behind NumPy only this is
trusted: exp, log, log1p, expm1 and tanh of a float64 are off by at most LIBM_ULPS ulps (good ones stay
below 1; the tests measure it against arb).

Bounds in the docstrings: u = 2^-53, m a midpoint, d its radius, y the computed value.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from stabcheck.oracle.balls_arithmetic import ArithmeticContext, Errors, Parts
from stabcheck.oracle.balls_radius import (
    FLOOR,
    NEGLIGIBLE,
    UP,
    Floats,
    Radius,
    U,
    exp_growth,
    largest,
    largest_size,
    log_growth,
    none,
    outward,
    plus,
    smallest_size,
    times,
)
from stabcheck.oracle.balls_value import Ball, Mask, Number
from stabcheck.oracle.enclosure import NO_EXPONENT, NO_TAIL, Enclosure

LIBM_ULPS = 4
#: An ulp is at most 2u |y|, or 2^-1074 where y is subnormal; the factor 2 because the ulp meant is that of
#: the exact value, which may be twice that of y at a power of two.
LIBM_REL = LIBM_ULPS * 4 * U
LIBM_ABS = NEGLIGIBLE
#: e^x is less than LIBM_ABS for all x <= -FAR / 2.
FAR = 4096.0
#: Largest radius of an argument of exp for which e^d - 1 is bounded by exp_growth within REL_MAX.
STEP_MAX = 0.125


class BallContext64(ArithmeticContext):
    """Ball arithmetic with float64 midpoints and no exponents."""

    #: An overflow is at least 2^1024 and certainly beyond this.
    huge = 2.0**1000
    beyond_exponent = 1024
    errors = Errors(multiply=U, divide=U, sqrt=U, underflow=NEGLIGIBLE)
    common = 2.0**-40

    def value(self, number: Number) -> Ball:
        """An int, float or Fraction; what is no float64 gets the relative radius u of its rounding."""
        try:
            rounded = float(number)
        except OverflowError:
            return Ball(self, np.array(math.copysign(math.inf, number)), abs=math.inf, finite=False)
        if not math.isfinite(rounded):
            if math.isnan(rounded):
                return Ball(self, np.array(0.0), abs=math.inf, finite=False)
            return Ball(self, np.array(rounded), finite=False)
        if isinstance(number, float) or Fraction(rounded) == Fraction(number):
            return Ball(self, np.array(rounded))
        return Ball(self, np.array(rounded), rel=U, abs=NEGLIGIBLE)

    def over_huge(self, a: Ball, places: Mask) -> Ball:
        small = replace(a, hi=a.hi / self.huge, abs=a.abs / self.huge * UP + FLOOR)
        return self._select(places, small, a)

    def bounds(self, a: Ball) -> tuple[Floats, Floats]:
        return outward(a.hi, a.radius())

    def comparable(self, a: Ball) -> Floats:
        return a.hi

    def enclosure(self, a: Ball) -> Enclosure:
        """Balls as they are: float64 numbers need no exponents. (Unknown and overflown ones say more.)"""
        if not largest(a.abs) < math.inf:
            return super().enclosure(a)
        radius = np.asarray(a.radius() if a.finite else self._radius_of_finite(a))
        if radius.shape != a.shape:
            radius = np.full_like(a.hi, radius)
        return Enclosure(a.hi, NO_TAIL, NO_EXPONENT, radius)

    @staticmethod
    def _radius_of_finite(a: Ball) -> Radius:
        """The whole radius, 0 of an exact infinity."""
        return a.abs if none(a.rel) else np.where(np.isfinite(a.hi), a.radius(), 0.0)

    # -- arithmetic --------------------------------------------------------------------------------

    def _add(self, a: Ball, b: Ball) -> Ball:
        """|s - (m1 + m2)| <= u |s|: a sum has no underflow error. Where no sum is small beside the widest
        radii r1 + r2 <= share |s|, and u + share is a relative radius for all."""
        s = a.hi + b.hi
        if not (a.exact and b.exact):
            widest = plus(*(largest(x.rel) * largest_size(x.hi) + largest(x.abs) for x in (a, b)), FLOOR) * UP
            share = widest / max(smallest_size(s), FLOOR)
            if share <= self.common:
                return Ball(self, s, rel=plus(U, share))
        return Ball(self, s, rel=U, abs=plus(a.radius(), b.radius()))

    def add(self, a: Any, b: Any) -> Ball:
        """As for finite balls where exact infinities meet numbers, as in a masked logit less the maximum:
        these sums are exact infinities, provided that none is inf - inf and no other overflows."""
        left, right = self.lift(a), self.lift(b)
        if not (left.finite and right.finite) and largest(left.abs) + largest(right.abs) < math.inf:
            s = left.hi + right.hi
            endless = np.isinf(left.hi) | np.isinf(right.hi)
            if np.array_equal(np.isinf(s), endless) and not np.isnan(s).any():
                radius = plus(self._radius_of_finite(left), self._radius_of_finite(right))
                if not none(radius):
                    radius = np.where(endless, 0.0, radius)
                return Ball(self, s, rel=U, abs=radius, finite=False)
        return super().add(left, right)

    def _product(self, a: Ball, b: Ball) -> Parts:
        return Parts(a.hi * b.hi)

    def _quotient(self, a: Ball, b: Ball) -> Parts:
        return Parts(a.hi / b.hi)

    def _root(self, a: Ball) -> Parts:
        return Parts(np.sqrt(a.hi))

    def _total(self, a: Ball, axis: int) -> Ball:
        """n - 1 additions in any order: |s - sum m| <= (n - 1) u (1 + n u) sum |m| (Higham, ch. 4)."""
        s = np.add.reduce(a.hi, axis=axis, keepdims=True)
        n = a.shape[axis]
        radius = self.sum_of_radii(a, axis, (n - 1) * U * UP * UP)
        if a.plain and not none(radius):
            single = np.count_nonzero(a.hi, axis=axis, keepdims=True) <= 1
            if single.any():
                radius = 0.0 if single.all() else np.where(single, 0.0, radius)
        return Ball(self, s, abs=radius)

    def _largest(self, a: Ball, axis: int) -> Ball:
        return Ball(self, np.maximum.reduce(a.hi, axis=axis, keepdims=True), abs=self.peak_radius(a, axis))

    def _lowered(self, a: Ball, places: Mask) -> Ball:
        # No relative radius at these places: the total radius becomes absolute.
        return Ball(
            self, np.where(places, -np.finfo(np.float64).max, a.hi), abs=np.where(places, 0.0, a.radius())
        )

    # -- functions ---------------------------------------------------------------------------------

    def exp(self, a: Any) -> Ball:
        """|e^x - y| <= |y| ((e^d - 1)(1 + LIBM_REL) + LIBM_REL) + LIBM_ABS for |x - m| <= d; the limit of an
        exact -inf is an exact 0."""
        a = self.lift(a)
        if a.finite or (largest(a.abs) <= FAR / 4 and a.hi.max(initial=0.0) < math.inf):
            return self._exp(a)
        return self.unary("exp", a, self._exp)

    def _exp(self, a: Ball) -> Ball:
        underflow: Radius = LIBM_ABS if a.finite else np.where(a.hi > -math.inf, LIBM_ABS, 0.0)
        top = a.hi.max(initial=0.0)
        far = a.hi.min(initial=0.0) < -FAR and largest(a.abs) <= FAR / 4
        if far:
            a = replace(a, hi=np.maximum(a.hi, -FAR), finite=True)
        y = np.exp(a.hi)
        if isinstance(a.rel, float) and top <= 700.0:
            # Where m < -800, e^x is less than LIBM_ABS for every d <= 1.
            near = a.hi if a.hi.min(initial=0.0) >= -800.0 else a.hi * (a.hi >= -800.0)
            widest = (a.rel * largest_size(near) + largest(a.abs)) * UP
            if widest <= self.common and a.rel <= 2.0**-13:
                # e^d - 1 <= d (1 + 2^-10) for d <= 2^-10, and 2^-9 covers all small factors.
                return Ball(self, y, rel=widest * (1 + 2.0**-9) + LIBM_REL * (1 + 2.0**-9), abs=underflow)
        # Where m <= -FAR, x <= -FAR / 2 for all x of the ball: e^x and y are less than LIBM_ABS.
        d = np.asarray(a.radius() * (a.hi > -FAR)) if far else a.radius()
        growth = self._growth(d)
        out = Ball(self, y, rel=plus(growth, times(growth, LIBM_REL), LIBM_REL), abs=underflow)
        return self._beyond(out, a, d, np.exp)

    def _growth(self, d: Radius) -> Radius:
        """A bound of e^d - 1 where d <= STEP_MAX (elsewhere both ends are evaluated)."""
        return exp_growth(d if largest(d) <= STEP_MAX else np.where(np.asarray(d) > STEP_MAX, 0.0, d))

    def _beyond(self, out: Ball, a: Ball, d: Radius, f: Callable[[Floats], Floats]) -> Ball:
        """`out` for f = exp or expm1, corrected where d > STEP_MAX (both ends are evaluated) and where f
        overflows: certainly beyond 2^1024 if the lower end is beyond 711."""
        if largest(d) > STEP_MAX:
            lower, upper = self.bounds(a)
            low, high = f(lower), f(upper)
            low = low - np.abs(low) * 2 * LIBM_REL - LIBM_ABS
            high = high + np.abs(high) * 2 * LIBM_REL + LIBM_ABS
            middle = low / 2 + high / 2
            radius = (high / 2 - low / 2) * UP + np.abs(middle) * 4 * U + FLOOR
            wide = np.broadcast_to(np.asarray(d) > STEP_MAX, a.shape)
            out = self._select(~wide, out, Ball(self, middle, abs=radius))
        over = a.hi - np.asarray(d) >= 711.0
        out = self.settle(out)
        if not over.any():
            return out
        return self._select(over, Ball(self, np.array(math.inf), abs=math.inf, finite=False), out)

    def expm1(self, a: Any) -> Ball:
        """|expm1(x) - expm1(m)| <= e^m (e^d - 1), e^m <= (y + 1)(1 + 2^-40) + 2^-40 with y + 1 >= 0."""
        return self.unary("expm1", self.lift(a), self._expm1)

    def _expm1(self, a: Ball) -> Ball:
        d, y = a.radius(), np.expm1(a.hi)
        slope = (y + 1.0) * (1 + 2.0**-40) + 2.0**-40
        out = Ball(self, y, rel=LIBM_REL, abs=plus(times(self._growth(d), slope), LIBM_ABS))
        return self._beyond(out, a, d, np.expm1)

    def log(self, a: Any) -> Ball:
        """|log(x) - log(m)| <= -log(1 - t), t = d/|m| <= 1/2; exact 0 gives -inf, what touches 0 unknown."""
        return self.unary("log", self.lift(a), self._log)

    def _log(self, a: Ball) -> Ball:
        t, g = self.relative(a, log_growth)
        out = self.settle(Ball(self, np.log(a.hi), rel=LIBM_REL, abs=plus(g, self.doubt(t))))
        return self.pole(out, self.exact_zero(a))

    def log1p(self, a: Any) -> Ball:
        """As log, with t = d/(1 + m): 1 + m is computed to a factor 1 + u, and exactly near m = -1."""
        return self.unary("log1p", self.lift(a), self._log1p)

    def _log1p(self, a: Ball) -> Ball:
        d = a.radius()
        t: Radius = 0.0 if none(d) else d / np.abs(1.0 + a.hi) * UP + FLOOR
        g = log_growth(t if largest(t) <= 0.5 else np.minimum(t, 0.5))
        out = Ball(self, np.log1p(a.hi), rel=LIBM_REL, abs=plus(g, LIBM_ABS, self.doubt(t)))
        return self.pole(self.settle(out), (a.hi == -1) & (np.asarray(d) == 0))

    def tanh(self, a: Any) -> Ball:
        """The slope is at most 1, and tanh is within 2 e^(-2 w) of its limit beyond w = |m| - d > 0."""
        return self.unary("tanh", self.lift(a), self._tanh)

    def _tanh(self, a: Ball) -> Ball:
        d = a.radius()
        if not none(d):
            w = np.abs(a.hi) - d
            far = 2.0 * np.exp(-2.0 * w * (1 - 4 * U)) * (1 + 2.0**-40) + LIBM_ABS
            d = np.minimum(np.minimum(d, 2.0), np.where(w > 1.0, far, 2.0))
        return self.settle(Ball(self, np.tanh(a.hi), rel=LIBM_REL, abs=plus(d, LIBM_ABS)))
