"""exp, log, log1p, expm1 and tanh of double-double balls: the kernels with their radii.

m a midpoint, d its radius, y the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from stabcheck.oracle import dd_elementary as kernels
from stabcheck.oracle import dd_logarithm as logarithm
from stabcheck.oracle import dd_scaling as scaling
from stabcheck.oracle import double_double as dd
from stabcheck.oracle.balls_arithmetic import ArithmeticContext
from stabcheck.oracle.balls_radius import (
    ETA,
    FLOOR,
    UP,
    Floats,
    Radius,
    exp_growth,
    largest,
    largest_size,
    log_growth,
    none,
    plus,
    times,
)
from stabcheck.oracle.balls_value import Ball, Mask

#: Largest radius of an argument of exp for which e^d - 1 is bounded by exp_growth within REL_MAX.
STEP_MAX = 0.125
#: Below 2^-TINY, log1p(x) and expm1(x) are x up to a relative error 2^-TINY.
TINY = 200


class FunctionContext(ArithmeticContext):
    """The transcendental functions of double-double balls."""

    def exp(self, a: Any) -> Ball:
        """e^d - 1 and the kernel's error as relative radius; saturates beyond EXP_MAX: [0, 1/huge], an
        overflow, or unknown where d > STEP_MAX leaves it open. The limit of an exact -inf is an exact 0."""
        a = scaling.flat(self.lift(a))
        if not a.finite and largest(a.abs) < math.inf and a.hi.max(initial=0.0) < math.inf:
            return self.exactly(np.isinf(a.hi), 0.0, self._exp(self.grounded(a)))
        return self.unary("exp", a, self._exp)

    def _exp(self, a: Ball) -> Ball:
        d = a.radius()
        size = largest_size(a.hi)
        out = self._exp_kernel(a.hi, a.lo, size)
        rel: Radius = kernels.EXP_REL
        if size > kernels.EXP_FAST_MAX:
            rel = plus(rel, np.minimum(np.abs(a.hi), kernels.EXP_MAX) * kernels.EXP_WIDE_REL)
        growth = exp_growth(np.where(np.asarray(d) > STEP_MAX, 0.0, d) if largest(d) > STEP_MAX else d)
        out = replace(out, rel=plus(growth, times(growth, rel), rel))
        if largest(d) > STEP_MAX:
            wide = np.broadcast_to(np.asarray(d) > STEP_MAX, a.shape)
            out = self._select(wide, self._exp_wide(a), out)
        if size + largest(d) > kernels.EXP_MAX:
            out = self._saturated(out, a, np.abs(a.hi) + d > 0.5 * kernels.EXP_MAX)
        return self.settle(out) if out.finite else out

    def _exp_kernel(self, hi: Floats, lo: Floats | None, size: float) -> Ball:
        """The midpoints; |hi| is cut off at EXP_MAX."""
        if size > kernels.EXP_MAX:
            beyond = np.abs(hi) > kernels.EXP_MAX
            hi = np.clip(hi, -kernels.EXP_MAX, kernels.EXP_MAX)
            lo = None if lo is None else np.where(beyond, 0.0, lo)
        head, low, exponent = _flatly(kernels.exp, hi, lo)
        least, most = int(exponent.min(initial=0)), int(exponent.max(initial=0))
        if least < -scaling.FOLD or most > scaling.FOLD:
            return Ball(self, head, low, exponent)
        if least < 0 or most > 0:
            scale = scaling.power_of_two(exponent)
            head *= scale
            low *= scale
        return Ball(self, head, low)

    def _exp_wide(self, a: Ball) -> Ball:
        """[0, e^upper], for wide balls."""
        _, upper = self.bounds(a)
        end = self._exp_kernel(upper, None, math.inf)
        half = end.hi * 0.5 * (1 + 2.0**-40)
        return replace(end, hi=half, lo=np.zeros_like(half), abs=half)

    def _saturated(self, out: Ball, a: Ball, far: Mask) -> Ball:
        """`out` corrected at these places, which hold all that may lie beyond EXP_MAX."""
        lower, upper = self.bounds(self._map(a, lambda part: np.broadcast_to(part, a.shape)[far]))
        tiny = Ball(self, np.array(0.5), exp=np.array(-scaling.HUGE_EXPONENT), abs=0.5)
        out = self._select(_among(far, upper < -kernels.EXP_MAX + 1), tiny, out)
        high = upper > kernels.EXP_MAX
        if high.any():
            over = Ball(self, np.array(math.inf), abs=math.inf, finite=False)
            lost = Ball(self, np.array(0.0), abs=math.inf, finite=False)
            out = self._select(_among(far, high & ~(lower >= kernels.EXP_MAX - 1)), lost, out)
            out = self._select(_among(far, high & (lower >= kernels.EXP_MAX - 1)), over, out)
        return out

    def log(self, a: Any) -> Ball:
        """-log(1 - t), t = d/|m| <= 1/2, and the kernel's error; exact 0 gives -inf, what touches 0 or is
        negative is unknown."""
        return self.unary("log", self.lift(a), self._log)

    def _log(self, a: Ball) -> Ball:
        zero = self.exact_zero(a)
        a = scaling.tame(a)
        t, g = self.relative(a, log_growth)
        good = a.hi > 0
        exponent = a.exp
        if exponent is not None:
            good &= np.abs(exponent) < 2**31
        if not good.all():
            a = self._select(good, a, self.value(1))
            exponent = a.exp if exponent is not None else None
        y, low = _flatly(logarithm.log, a.hi, a.lo, exponent)
        radius = plus(_log_error(y), g, self.doubt(t), 0.0 if good.all() else np.where(good, 0.0, math.inf))
        return self.pole(self.settle(Ball(self, y, low, abs=radius)), zero)

    def log1p(self, a: Any) -> Ball:
        """As log, with t = d/(1 + m); x itself for tiny x, log(1 + x) for huge x."""
        return self.unary("log1p", self.lift(a), self._log1p)

    def _log1p(self, a: Ball) -> Ball:
        if a.exp is None and largest_size(a.hi) <= 2.0**scaling.FOLD:
            return self._log1p_plain(a)
        inner, out, tiny = self._tiny_apart(a)
        inner = scaling.normalised(inner)
        huge = self.exponents(inner) > scaling.FOLD - 1
        rest = self.unary("log1p", scaling.flat(self._select(huge, self.value(0), inner)), self._log1p_plain)
        if huge.any():
            rest = self._select(huge, self.log(self.add(inner, 1)), rest)
        return self._select(tiny, out, rest)

    def _log1p_plain(self, a: Ball) -> Ball:
        """1 + m is computed within ADD_REL, 2^-104, which LOG_ABS leaves room for, and exactly near 0;
        log1p(0) = 0."""
        y, low = dd.add(np.ones_like(a.hi), None, a.hi, a.lo)
        d = a.radius()
        nothing = self.exact_zero(a)
        t: Radius = 0.0 if none(d) else d / np.abs(y) * UP + FLOOR
        g = log_growth(t if largest(t) <= 0.5 else np.minimum(t, 0.5))
        pole = (y == 0) & (low == 0) & (np.asarray(d) == 0)
        good = y >= 1.0 / scaling.TAME
        bad: Radius = 0.0
        if not good.all():
            y, low, bad = np.where(good, y, 1.0), np.where(good, low, 0.0), np.where(good, 0.0, math.inf)
            a = self._select(good, a, self.value(0))
        value, value_low = _flatly(logarithm.log1p, y, low, a.hi, a.lo)
        radius = plus(_log_error(value), g, self.doubt(t), bad)
        if nothing.any():
            radius = np.where(nothing, 0.0, radius)
        return self.pole(self.settle(Ball(self, value, value_low, abs=radius)), pole)

    def expm1(self, a: Any) -> Ball:
        """e^x - 1, by the series itself for small x, and x for tiny x."""
        return self.unary("expm1", self.lift(a), self._expm1)

    def _expm1(self, a: Ball) -> Ball:
        if a.exp is None:
            return self._expm1_plain(a)
        inner, out, tiny = self._tiny_apart(a)
        return self._select(tiny, out, self.unary("expm1", scaling.flat(inner), self._expm1_plain))

    def _expm1_plain(self, a: Ball) -> Ball:
        """|expm1(x) - expm1(m)| <= e^m (e^d - 1), and e^m < 1 + 2^-12 in the series' range."""
        out = self.add(self._exp(a), -1)
        d = a.radius()
        small = (np.abs(a.hi) <= kernels.EXPM1_MAX) & (np.asarray(d) <= STEP_MAX)
        if not small.any():
            return out
        lo = None if a.lo is None else np.where(small, a.lo, 0.0)
        y, low = _flatly(kernels.expm1, np.where(small, a.hi, 0.0), lo)
        growth = exp_growth(d if isinstance(d, float) else np.minimum(d, STEP_MAX))
        series = Ball(self, y, low, rel=kernels.EXPM1_REL, abs=times(growth, 1.0 + 2.0**-12))
        return self._select(small, series, out)

    def _tiny_apart(self, a: Ball) -> tuple[Ball, Ball, Mask]:
        """`a` with 0 for its tiny elements, |x| < 2^-TINY; those as the value of a function f with
        |f(x) - x| <= x^2; and which they are."""
        a = scaling.normalised(a)
        tiny = (self.exponents(a) < -2 * TINY) & (np.asarray(a.abs) <= 2.0**TINY)
        near = replace(a, rel=plus(a.rel, 2.0**-TINY), abs=plus(a.abs, times(a.abs, 2.0**-TINY)))
        return self._select(tiny, self.value(0), a), near, tiny

    def tanh(self, a: Any) -> Ball:
        """tanh(x) = -t / (t + 2) with t = expm1(-2 x), on the side where x is positive."""
        return self.unary("tanh", self.lift(a), self._tanh)

    def _tanh(self, a: Ball) -> Ball:
        sign = np.copysign(1.0, a.hi)
        t = self.expm1(self._flipped(a, -sign) * 2)
        return self._flipped(self.divide(t, self.add(t, 2)), -sign)

    def _flipped(self, a: Ball, sign: Floats) -> Ball:
        return replace(a, hi=a.hi * sign, lo=None if a.lo is None else a.lo * sign)


def _among(places: Mask, chosen: Mask) -> Mask:
    """The chosen ones of these places."""
    mask = np.zeros(places.shape, dtype=bool)
    mask[places] = chosen
    return mask


def _log_error(y: Floats) -> Floats:
    """The smaller of LOG_REL |y| and LOG_ABS (1 + |y|), rounded upward."""
    size = np.abs(y)
    bound = np.minimum(size * (logarithm.LOG_REL / logarithm.LOG_ABS), size + 1.0)
    bound *= logarithm.LOG_ABS * UP
    # The product may underflow where y is not 0.
    bound += np.minimum(size, ETA)
    return np.asarray(bound)


def _flatly(kernel: Callable[..., Any], first: Floats, *others: Any) -> Any:
    """The kernel on one-dimensional arrays in memory order, its results in the shape of the first."""
    order = np.argsort([-abs(stride) for stride in first.strides], kind="stable")
    back = np.argsort(order)
    shape = first.transpose(order).shape

    def one(a: Any) -> Any:
        if a is None:
            return None
        return np.ascontiguousarray(np.broadcast_to(a, first.shape).transpose(order)).reshape(-1)

    return tuple(part.reshape(shape).transpose(back) for part in kernel(one(first), *map(one, others)))
