"""Elements of ball arrays: making values, finite and special ones, rearranging, selecting.

See `Ball` for the encoding.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import numpy.typing as npt

from stabcheck.oracle import balls_extended as extended
from stabcheck.oracle.balls_enclosure import enclosed
from stabcheck.oracle.balls_radius import NEGLIGIBLE, REL_MAX, Floats, Radius, largest, none, plus, times
from stabcheck.oracle.balls_value import Ball, Ints, Mask, Number
from stabcheck.oracle.enclosure import Enclosure
from stabcheck.oracle.scaled import all_finite

if TYPE_CHECKING:
    from stabcheck.oracle.balls_context import BallContext

# glibc hands every array of 128 KiB back to the system when it is freed, and each page of the next one
# costs a fault: half of the time of a formula. Freeing one array of 4 MiB (never touched, so never real)
# raises that threshold; from there on NumPy asks for huge pages. Elsewhere this does nothing.
_LARGE = np.empty(1 << 19)
del _LARGE


class ElementContext(ABC):
    """Balls as elements of arrays: making them, keeping finite and special ones apart, selecting.

    What overflows or has no value is told by radii: callers silence NumPy's warnings around it all.
    """

    #: An overflow is at least 2^beyond_exponent in size.
    beyond_exponent: ClassVar[int]

    def ball(
        self,
        hi: Floats,
        lo: Floats | None = None,
        exp: Ints | None = None,
        rel: Radius = 0.0,
        abs: Radius = 0.0,
        finite: bool = True,
    ) -> Ball:
        """A value of this context."""
        return Ball(cast("BallContext", self), hi, lo, exp, rel, abs, finite)

    # -- making values -----------------------------------------------------------------------------

    def array(self, values: npt.NDArray[np.float64]) -> Ball:
        """These numbers, exactly; NaN becomes unknown."""
        hi = np.asarray(values, dtype=np.float64)
        if all_finite(hi):
            return self.ball(hi)
        bad = np.isnan(hi)
        radius: Radius = np.where(bad, math.inf, 0.0) if bad.any() else 0.0
        return self.ball(np.where(bad, 0.0, hi), abs=radius, finite=bool(np.isfinite(hi).all()))

    @abstractmethod
    def value(self, number: Number) -> Ball:
        """An exact scalar constant (a Fraction that is no float gets the radius of its rounding)."""

    def lift(self, a: Any) -> Ball:
        """A ball as it is, a number as an exact ball."""
        return a if isinstance(a, Ball) else self.value(a)

    def shape(self, a: Ball) -> tuple[int, ...]:
        return a.shape

    def enclosure(self, a: Ball) -> Enclosure:
        """The value as intervals with heads normalised to [1/2, 1), or 0."""
        return enclosed(a, self.beyond_exponent)

    # -- finite and special elements ---------------------------------------------------------------

    def settle(self, a: Ball) -> Ball:
        """The result of a finite operation: relative radii above REL_MAX become absolute, and what
        overflowed on the way becomes unknown."""
        if not largest(a.rel) <= REL_MAX:
            rel = np.broadcast_to(a.rel, a.shape)
            wide = ~(rel <= REL_MAX)
            moved = plus(np.where(wide, times(rel, np.abs(a.hi)), 0.0), a.abs)
            a = replace(a, rel=np.where(wide, 0.0, rel), abs=moved)
        # 2Sum may overflow on the way to a finite sum, which shows in the low part.
        parts = (a.hi,) if a.lo is None else (a.hi, a.lo)
        if largest(a.abs) < math.inf and all(math.isfinite(np.add.reduce(p, axis=None)) for p in parts):
            return a
        good = np.asarray(a.abs) < math.inf
        for part in parts:
            good = good & np.isfinite(part)
        if good.all():
            return a
        return self._select(good, a, self.ball(np.array(0.0), abs=math.inf, finite=False))

    def cleaned(self, a: Ball) -> Ball:
        """The same with 1 in place of special elements."""
        return a if a.finite else replace(self._select(~a.special(), a, self.value(1)), finite=True)

    def patch(self, a: Ball, places: Mask, special: extended.Special) -> Ball:
        """`a` with these results at the special places."""
        if special.small.any():
            hi, radius = np.zeros(a.shape), np.zeros(a.shape)
            hi[places], radius[places] = special.hi, special.abs
            small = np.zeros(a.shape, dtype=bool)
            small[places] = special.small
            out = self._select(places, self.over_huge(self.ball(hi, abs=radius, finite=False), small), a)
            return replace(out, finite=a.finite and not bool(out.special().any()))
        hi, radius = np.array(a.hi), np.full_like(a.hi, a.abs)
        hi[places], radius[places] = special.hi, special.abs
        found = bool(np.any(np.isinf(special.hi) | np.isinf(special.abs)))
        out = self.exactly(places, 0.0, a)
        return replace(out, hi=hi, abs=radius, finite=a.finite and not found)

    def exactly(self, places: Mask, values: Floats | float, a: Ball) -> Ball:
        """`a` with these exact numbers (or infinities) at these places."""
        hi = np.where(places, values, a.hi)
        lo = None if a.lo is None else np.where(places, 0.0, a.lo)
        exp = None if a.exp is None else np.where(places, 0, a.exp)
        radius = a.abs if none(a.abs) else np.where(places, 0.0, a.abs)
        rel = a.rel if isinstance(a.rel, float) else np.where(places, 0.0, a.rel)
        return self.ball(hi, lo, exp, rel, radius, a.finite and all_finite(hi))

    def grounded(self, a: Ball) -> Ball:
        """The same with 0 in place of infinities, all of which are exact."""
        return a if a.finite else replace(a, hi=np.where(np.isinf(a.hi), 0.0, a.hi), finite=True)

    @abstractmethod
    def over_huge(self, a: Ball, places: Mask) -> Ball:
        """`a` with its finite elements at these places divided by `huge`."""

    @abstractmethod
    def bounds(self, a: Ball) -> tuple[Floats, Floats]:
        """Outward float64 bounds of finite balls."""

    def operand(self, a: Ball, places: Mask) -> extended.Operand:
        """The elements of `a` (broadcast) at the special places of an operation."""
        picked = self._map(a, lambda part: np.broadcast_to(part, places.shape)[places])
        lower, upper = self.bounds(picked)
        return extended.Operand(picked.hi, picked.unknown(), lower, upper)

    def unary(self, name: str, a: Ball, finite: Callable[[Ball], Ball]) -> Ball:
        """A function of finite balls, extended by its limits."""
        if a.finite:
            return finite(a)
        places = a.special()
        return self.patch(finite(self.cleaned(a)), places, extended.limit(name, self.operand(a, places)))

    def binary(
        self,
        a: Ball,
        b: Ball,
        finite: Callable[[Ball, Ball], Ball],
        rule: Callable[[extended.Operand, extended.Operand], extended.Special],
    ) -> Ball:
        """An operation on finite balls, extended by a rule for the special elements."""
        if a.finite and b.finite:
            return self.settle(finite(a, b))
        places = a.special() | b.special()
        out = self.settle(finite(self.cleaned(a), self.cleaned(b)))
        return self.patch(out, places, rule(self.operand(a, places), self.operand(b, places)))

    # -- structure ---------------------------------------------------------------------------------

    def _map(self, a: Ball, part: Callable[[Any], Any]) -> Ball:
        """The same rearrangement of every component."""

        def spread_out(r: Radius) -> Radius:
            return r if isinstance(r, float) else part(np.broadcast_to(r, a.shape))

        lo = None if a.lo is None else part(np.broadcast_to(a.lo, a.shape))
        exp = None if a.exp is None else part(np.broadcast_to(a.exp, a.shape))
        return self.ball(part(a.hi), lo, exp, spread_out(a.rel), spread_out(a.abs), a.finite)

    def _select(self, mask: Mask, a: Ball, b: Ball) -> Ball:
        """a where the mask holds, else b; components only."""
        for other, zero in ((a, b), (b, a)):
            if other.finite and other.exp is None and zero.shape == () and zero.plain and zero.hi == 0.0:
                return self._kept(other, mask if other is a else ~mask)
        lo: Floats | None = None
        if a.lo is not None or b.lo is not None:
            lo = np.where(mask, 0.0 if a.lo is None else a.lo, 0.0 if b.lo is None else b.lo)
        exp: Ints | None = None
        if a.exp is not None or b.exp is not None:
            exp = np.where(mask, self.exponents(a), self.exponents(b))
        radius: Radius = 0.0
        if not (none(a.abs) and none(b.abs)):
            radius = np.where(mask, a.abs, b.abs)
            if isinstance(a.abs, float) and isinstance(b.abs, float) and max(a.abs, b.abs) <= NEGLIGIBLE:
                radius = max(a.abs, b.abs)
        # A common bound of the relative radii costs little and an element 0 stays exact under it.
        rel: Radius = np.maximum(a.rel, b.rel)
        if isinstance(a.rel, float) and isinstance(b.rel, float):
            rel = max(a.rel, b.rel)
        hi = np.where(mask, a.hi, b.hi)
        finite = (a.finite and b.finite) or (none(radius) and all_finite(hi))
        return self.ball(hi, lo, exp, rel, radius, finite)

    def _kept(self, a: Ball, mask: Mask) -> Ball:
        """Finite balls where the mask holds, else 0: a product costs a tenth of a choice."""
        radius = a.abs
        if not isinstance(radius, float) or radius > NEGLIGIBLE:
            radius = np.asarray(radius * mask)
        return self.ball(a.hi * mask, None if a.lo is None else a.lo * mask, None, a.rel, radius)

    def exponents(self, a: Ball) -> Ints:
        return np.zeros(a.shape, dtype=np.int64) if a.exp is None else a.exp
