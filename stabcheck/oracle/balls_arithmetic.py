"""Radii of the arithmetic that the two kinds of balls share; a kind brings its midpoints.

Notation of the bounds: m a midpoint, r its radius, t = r / |m|.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from stabcheck.oracle import balls_extended as extended
from stabcheck.oracle.balls_context import BallContext
from stabcheck.oracle.balls_radius import (
    ETA,
    FLOOR,
    NEGLIGIBLE,
    UP,
    Floats,
    Radius,
    grown,
    inverse_growth,
    largest,
    none,
    peak,
    plus,
    smallest_size,
    spread,
    times,
    total,
)
from stabcheck.oracle.balls_value import Ball, Ints, Mask


class Parts(NamedTuple):
    """Midpoints (hi + lo) 2^exp."""

    hi: Floats
    lo: Floats | None = None
    exp: Ints | None = None


class Errors(NamedTuple):
    """Relative errors of midpoint operations, and what a product or quotient may lose to underflow."""

    multiply: float
    divide: float
    sqrt: float
    underflow: float


class ArithmeticContext(BallContext):
    """+ - * / sqrt abs, sums and maxima, with their radii."""

    errors: ClassVar[Errors]
    #: Relative radii up to this one may be shared by all elements of an array: nothing beside the u of the
    #: formats served, and an array less in all that follows.
    common: ClassVar[float] = 0.0

    # -- midpoints ---------------------------------------------------------------------------------

    @abstractmethod
    def _add(self, a: Ball, b: Ball) -> Ball:
        """The sum of finite balls."""

    @abstractmethod
    def _product(self, a: Ball, b: Ball) -> Parts: ...

    @abstractmethod
    def _quotient(self, a: Ball, b: Ball) -> Parts: ...

    @abstractmethod
    def _root(self, a: Ball) -> Parts: ...

    @abstractmethod
    def _total(self, a: Ball, axis: int) -> Ball:
        """The sum of finite balls along an axis."""

    @abstractmethod
    def _largest(self, a: Ball, axis: int) -> Ball:
        """The largest midpoint along an axis and the largest radius, infinite ones included."""

    def ready(self, a: Ball) -> Ball:
        """The same value, fit to be a factor, divisor or argument of sqrt and log."""
        return a

    # -- operations --------------------------------------------------------------------------------

    def add(self, a: Any, b: Any) -> Ball:
        """a + b; the radii add up."""
        left, right = self.lift(a), self.lift(b)
        for one, other in ((left, right), (right, left)):
            if other.shape == () and other.plain and other.hi == 0.0:
                return one
        return self.binary(left, right, self._add, extended.add)

    def multiply(self, a: Any, b: Any) -> Ball:
        """a b, with |r1 r2 - m1 m2| <= |m1 m2| (rel1 + rel2 + rel1 rel2)
        + abs1 |m2| (1 + rel2) + abs2 |m1| (1 + rel1) + abs1 abs2.

        Powers of two scale exactly.
        """
        left, right = self.lift(a), self.lift(b)
        for one, other in ((left, right), (right, left)):
            if other.shape == () and other.plain and abs(math.frexp(float(other.hi))[0]) == 0.5:
                return self._scaled(one, float(other.hi))
        return self.binary(left, right, self._multiply, extended.multiply)

    def _scaled(self, a: Ball, factor: float) -> Ball:
        if abs(factor) == 1.0:
            return a if factor == 1.0 else -a
        if not a.finite or not 2.0**-64 <= abs(factor) <= 2.0**64:
            return self.binary(a, self.value(factor), self._multiply, extended.multiply)
        hi, lo = a.hi * factor, None if a.lo is None else a.lo * factor
        rel, radius = a.rel, times(a.abs, abs(factor))
        if abs(factor) < 1.0:
            least = float(np.min(np.abs(hi), initial=1.0, where=a.hi != 0))
            if least < 2.0**-900:
                radius = plus(radius, 2 * ETA)  # what is or becomes subnormal may lose its last bit
            elif lo is not None:
                rel = plus(rel, 2.0**-150)  # so may a low part, 2^-1074 of a head above 2^-900
        return self.settle(Ball(self, hi, lo, a.exp, rel, radius))

    def _multiply(self, a: Ball, b: Ball) -> Ball:
        a, b = self.ready(a), self.ready(b)
        p = self._product(a, b)
        # rel <= 1/4 each, so that 1 + rel <= 2 and rel |p| loses less than `underflow` with p.
        rel = plus(a.rel, grown(b.rel, largest(a.rel)), self.errors.multiply)
        cross = plus(times(a.abs, b.abs), times(a.abs, np.abs(b.hi)), times(b.abs, np.abs(a.hi)))
        radius = plus(times(cross, 2.0), 2.0 * self.errors.underflow)
        return Ball(self, *p, rel=rel, abs=radius)

    def divide(self, a: Any, b: Any) -> Ball:
        """a / b, with g = 1/(1 - t2) - 1 <= t2 + 2 t2^2 for t2 <= 1/2 (beyond it is unknown):

        |r1/r2 - m1/m2| <= |m1/m2| (rel1 + g + rel1 g) + abs1/|m2| (1 + g).
        """
        left, right = self.lift(a), self.lift(b)
        if right.shape == () and right.plain and abs(math.frexp(float(right.hi))[0]) == 0.5:
            return self.multiply(left, 1.0 / float(right.hi))
        return self.binary(left, right, self._divide, extended.divide)

    def _divide(self, a: Ball, b: Ball) -> Ball:
        a, b = self.ready(a), self.ready(b)
        t, g = self.relative(b, inverse_growth)
        q = self._quotient(a, b)
        rel = plus(a.rel, plus(grown(g, largest(a.rel)), self.errors.divide))
        over: Radius = 0.0
        if self.common and isinstance(a.abs, float) and a.abs <= NEGLIGIBLE < smallest_size(b.hi):
            over = plus(a.abs / smallest_size(b.hi), FLOOR) if a.abs else 0.0
        elif not none(a.abs):
            over = plus(a.abs / np.abs(b.hi), FLOOR)
        if not isinstance(over, float) and not np.all(a.abs):
            # No absolute radius, nothing to underflow: a quotient of 0, such as a masked weight, stays exact.
            over = np.where(np.asarray(a.abs) > 0, over, 0.0)
        # g <= 1 and rel1 <= 1/4: the underflow of q is lost at most 4 times.
        lost: Radius = 4.0 * self.errors.underflow
        if lost and none(a.abs) and not a.hi.all():
            lost = lost * (a.hi != 0)  # an exact 0 loses nothing
        radius = plus(2.0 * over, lost, self.doubt(t))
        return Ball(self, *q, rel=rel, abs=radius)

    def relative(self, a: Ball, growth: Callable[[Radius], Radius]) -> tuple[Radius, Radius]:
        """t = r / |m| rounded upward, and growth(min(t, 1/2))."""
        widest = self.widest(a)
        if widest <= self.common:
            return widest, growth(widest)
        t = a.rel if none(a.abs) else plus(a.rel, a.abs / np.abs(a.hi), FLOOR)
        if largest(t) <= 0.5:
            return t, growth(t)
        return t, growth(np.minimum(t, 0.5))

    def widest(self, a: Ball) -> float:
        """An upper bound of r / |m| for all elements, where they may share one; else infinite."""
        if not self.common or none(a.abs):
            return largest(a.rel) if self.common else math.inf
        size = smallest_size(a.hi)
        return (largest(a.rel) + largest(a.abs) / size) * UP * UP if size >= FLOOR else math.inf

    def doubt(self, t: Radius) -> Radius:
        """An infinite radius where t > 1/2 or t is NaN."""
        return 0.0 if largest(t) <= 0.5 else np.where(np.asarray(t) <= 0.5, 0.0, math.inf)

    def abs(self, a: Any) -> Ball:
        """||r| - |m|| <= |r - m|."""
        ball = self.lift(a)
        if ball.lo is None:
            return replace(ball, hi=np.abs(ball.hi))
        sign = np.copysign(1.0, ball.hi)
        return replace(ball, hi=ball.hi * sign, lo=ball.lo * sign)

    def sqrt(self, a: Any) -> Ball:
        """|sqrt(r/m) - 1| <= 1 - sqrt(1 - t) <= t; beyond t = 1/2 unknown, 0 for an exact 0."""
        return self.unary("sqrt", self.lift(a), self._sqrt)

    def _sqrt(self, a: Ball) -> Ball:
        zero = self.exact_zero(a)
        if zero.any():
            return self._select(zero, self.value(0), self._sqrt(self._select(zero, self.value(1), a)))
        a = self.ready(a)
        t, bound = self.relative(a, plus)
        root = Ball(self, *self._root(a), rel=plus(bound, self.errors.sqrt), abs=self.doubt(t))
        return self.settle(root)

    def exact_zero(self, a: Ball) -> Mask:
        return np.asarray((a.hi == 0) & (np.asarray(a.abs) == 0))

    def pole(self, out: Ball, at: Mask) -> Ball:
        """`out` with the limit -inf of log at these places."""
        return self._select(at, Ball(self, np.array(-math.inf), finite=False), out) if at.any() else out

    # -- reductions --------------------------------------------------------------------------------

    def sum(self, a: Any, axis: int = -1) -> Ball:
        """The sum along an axis, which is kept with length 1; a sum of at most one nonzero exact term is
        exact."""
        a = self.lift(a)
        if a.shape[axis] == 0:
            shape = list(a.shape)
            shape[axis] = 1
            return Ball(self, np.zeros(shape))
        if a.finite:
            return self.settle(self._total(a, axis))
        places = a.special()
        rows = places.any(axis=axis, keepdims=True)
        clean = self.settle(self._total(self._select(~places, self.cleaned(a), self.value(0)), axis))
        unknown = a.unknown()
        infinite, over = np.isinf(a.hi) & ~unknown, np.isinf(a.hi) & unknown

        def somewhere(mask: Mask) -> Mask:
            found: Mask = np.asarray(mask.any(axis=axis, keepdims=True))[rows]
            return found

        up, down = somewhere(over & (a.hi > 0)), somewhere(over & (a.hi < 0))
        rest = self.operand(clean, rows)
        special = extended.total(
            somewhere(infinite & (a.hi > 0)),
            somewhere(infinite & (a.hi < 0)),
            np.where(up & down, math.nan, up * 1.0 - down * 1.0),
            somewhere(unknown & ~over) | rest.unknown,
            rest.lower,
            rest.upper,
        )
        return self.patch(clean, rows, special)

    def sum_of_radii(self, a: Ball, axis: int, rounding: float) -> Radius:
        """Upper bound of the sum of r + rounding |m|: exactly 0 where all terms are exact zeros."""
        outer = total(a.abs, a.shape, axis)
        rel = plus(a.rel, rounding)
        if none(rel):
            return outer
        size = np.asarray(total(np.abs(a.hi), a.shape, axis))
        inner: Radius
        if isinstance(rel, float):
            inner = spread(rel, size)
        else:
            inner = plus(total(rel * np.abs(a.hi), a.shape, axis), a.shape[axis] * FLOOR)
            inner = inner if size.all() else np.where(size == 0, 0.0, inner)
        return plus(inner, outer)

    def max(self, a: Any, axis: int = -1) -> Ball:
        """|max r - max m| <= max of the radii. Unknown if an element of the row is; overflows count as
        unknown, and elements that are -inf as nothing."""
        a = self.lift(a)
        if a.plain:
            top = np.maximum.reduce(a.hi, axis=axis, keepdims=True)
            return Ball(self, top, finite=a.finite or bool(np.isfinite(top).all()))
        if a.finite:
            return self._largest(a, axis)
        # An infinite element must not meet a relative radius: inf rel is no radius of it.
        infinite = np.isinf(a.hi)
        inner = self._select(~infinite, a, Ball(self, np.array(0.0)))
        low = self._lowered(replace(inner, finite=True), infinite)
        out = self._largest(low, axis)
        top = np.maximum.reduce(np.where(infinite, a.hi, -math.inf), axis=axis, keepdims=True)
        lost = a.unknown().any(axis=axis, keepdims=True)
        all_down = (infinite & (a.hi < 0)).all(axis=axis, keepdims=True)
        out = self._select((top == math.inf) | all_down, Ball(self, top, finite=False), out)
        out = self._select(lost, Ball(self, np.array(0.0), abs=math.inf, finite=False), out)
        return replace(out, finite=not bool(out.special().any()))

    @abstractmethod
    def _lowered(self, a: Ball, places: Mask) -> Ball:
        """`a` with exact numbers at these places that are below all others."""

    def peak_radius(self, a: Ball, axis: int) -> Radius:
        return peak(a.radius(), a.shape, axis)
