"""The truth of a block in one format: where the exact value lies, its rounding, and its gates."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from stabcheck.formats import Format
from stabcheck.oracle.enclosure import NO_EXPONENT, Enclosure
from stabcheck.oracle.scaled import Scaled, exponent_and_edge, shift, shifted_alike

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: The exponent field of a float64, and one in it.
_EXPONENT = np.int64(0x7FF << 52)
_ONE_BINADE = np.int64(1 << 52)

#: The step where the units are ulps.
_ONE: Floats = np.asarray(1.0)


class Kind:
    """What the truth of an element is."""

    NUMBER: Final = 0
    PLUS_INFINITY: Final = 1
    MINUS_INFINITY: Final = 2
    NAN: Final = 3  # a NaN input feeds it
    CONVENTION: Final = 4  # a matter of taste: nothing is judged


@dataclass
class Placed:
    """An enclosure seen through a format: |r / 2^unit - (head + tail)| <= radius, step 2^unit the ulp of r.

    In narrow formats the unit is 1; in others it is the ulp of every element. What is alike for all elements
    is a 0-d array. A real beyond the largest value is clamped to max + 1 ulp, which is how infinities are
    scored.
    """

    format: Format
    head: Floats
    tail: Floats
    radius: Floats
    unit: Ints
    step: Floats

    @property
    def rounded(self) -> Floats:
        """The midpoints, rounded once to nearest even; NaN where nothing is known."""
        return rounded(self.format, self.head, self.tail, self.radius, self.unit, self.step)

    @property
    def ulp(self) -> Floats:
        """The ulp of every real."""
        return shift(self.step, self.unit)

    def __getitem__(self, rows: Any) -> Placed:
        parts = (self.head, self.tail, self.radius, self.unit, self.step)
        return Placed(self.format, *(_picked(part, lambda a: a[rows]) for part in parts))


def _picked(part: npt.NDArray[Any], pick: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]) -> Any:
    """What of an array is wanted; what all elements have in common stays as it is."""
    return pick(part) if part.ndim else part


def place(enclosure: Enclosure, fmt: Format) -> Placed:
    """An enclosure in units that suit the format, clamped to its range. Callers silence NumPy's warnings."""
    return _as_numbers(enclosure, fmt) if fmt.narrow else _in_ulps(enclosure, fmt)


def _as_numbers(enclosure: Enclosure, fmt: Format) -> Placed:
    """The reals of a narrow format as float64 numbers."""
    head, tail, radius = enclosure.head, enclosure.tail, enclosure.radius
    if enclosure.exponent.ndim:
        head, tail, radius = shifted_alike((head, tail, radius), enclosure.exponent)
        radius = _with_underflow(enclosure, enclosure.exponent, radius)
    binade = np.asarray(head).view(np.int64) & _EXPONENT
    if tail.ndim:  # |r| just below a power of two belongs to the binade below it
        below = (np.abs(head) == binade.view(np.float64)) & (np.sign(tail) == -np.sign(head)) & (tail != 0)
        binade = np.where(below, np.maximum(binade - _ONE_BINADE, 0), binade)
    step = np.maximum(binade.view(np.float64) * 2.0 ** (1 - fmt.precision), fmt.eta)
    most = 2.0 ** (fmt.emax - fmt.precision + 1)
    if not step.max(initial=0.0) <= most:
        step = np.minimum(step, most)
        too_large = binade.view(np.float64) > 2.0**fmt.emax
        head, tail, radius = _clamped(enclosure, too_large, 2.0 ** (fmt.emax + 1), head, tail, radius)
    elif enclosure.beyond is not None:
        radius = np.where(enclosure.beyond, 0.0, radius)
    return Placed(fmt, *_known(enclosure, head, tail, radius), NO_EXPONENT, step)


def _in_ulps(enclosure: Enclosure, fmt: Format) -> Placed:
    head, tail, exponent = enclosure.head, enclosure.tail, enclosure.exponent
    # |r| just below a power of two belongs to the binade below it.
    own, edge = exponent_and_edge(head)
    binade = exponent + own - 1
    if edge.any():
        binade = binade - (edge & (np.sign(tail) == -np.sign(head)) & (tail != 0))
    ulp = np.maximum(binade - fmt.precision + 1, fmt.etamin)
    zero = head == 0
    if zero.any():
        ulp = np.where(zero, fmt.etamin, ulp)
    too_large = binade > fmt.emax
    if too_large.any():
        ulp = np.where(too_large, fmt.emax - fmt.precision + 1, ulp)
    h, t, radius = shifted_alike((head, tail, enclosure.radius), exponent - ulp)
    radius = _with_underflow(enclosure, exponent - ulp, radius)
    if too_large.any() or enclosure.beyond is not None:
        h, t, radius = _clamped(enclosure, too_large, 2.0**fmt.precision, h, t, radius)
    return Placed(fmt, *_known(enclosure, h, t, radius), ulp, _ONE)


def _with_underflow(enclosure: Enclosure, exponent: Ints, radius: Floats) -> Floats:
    """What underflows in scaling by 2^exponent is far below any gate, but it is not nothing."""
    if exponent.min(initial=0) >= -900:
        return radius
    lost = (exponent < -900) & ((enclosure.radius != 0) | (enclosure.head != 0))
    return np.where(lost, radius + 2.0**-800, radius)


def _clamped(
    enclosure: Enclosure,
    too_large: npt.NDArray[np.bool_],
    ceiling: float,
    head: Floats,
    tail: Floats,
    radius: Floats,
) -> tuple[Floats, Floats, Floats]:
    """Midpoints beyond the largest binade become max + 1 ulp, provided that all of the enclosure is there."""
    sure = too_large & (enclosure.radius <= 0.25 * np.abs(enclosure.head))
    if enclosure.beyond is not None:
        sure = sure | enclosure.beyond
    radius = np.where(sure, 0.0, np.where(too_large & np.isfinite(radius), np.inf, radius))
    tail = np.where(too_large, 0.0, tail) if tail.ndim else tail
    return np.where(too_large, np.copysign(ceiling, enclosure.head), head), tail, radius


def _known(enclosure: Enclosure, head: Floats, tail: Floats, radius: Floats) -> tuple[Floats, Floats, Floats]:
    """What has no value is unknown."""
    unknown = np.isnan(enclosure.head)
    if not unknown.any():
        return head, tail, radius
    tail = np.where(unknown, 0.0, tail) if tail.ndim else tail
    return np.where(unknown, 0.0, head), tail, np.where(unknown, np.inf, radius)


def rounded(fmt: Format, head: Floats, tail: Floats, radius: Floats, unit: Ints, step: Floats) -> Floats:
    """(head + tail) 2^unit, rounded once to nearest even; step 2^unit is its ulp. NaN where head is 0 and the
    radius infinite: nothing is known there."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        values = shift(_nearest_even(head / step, tail / step) * step, unit)
        over = np.abs(values) > fmt.max
        if over.any():
            values = np.where(over, np.copysign(np.inf, values), values)
        unknown = (head == 0) & np.isinf(radius)
        return np.where(unknown, np.nan, values) if unknown.any() else values


def _nearest_even(head: Floats, tail: Floats) -> Floats:
    """The integer nearest to head + tail, ties to even; |head| <= 2^53, |tail| <= ulp(head) / 2."""
    whole = np.rint(head)
    if not tail.any():
        return whole
    rest = head - whole
    # The tail comes last: added to rest first, it would vanish beside one half where it breaks a tie.
    over, under = (rest - 0.5) + tail, (rest + 0.5) + tail
    up, down = over >= 0, under <= 0
    tie = (over == 0) | (under == 0)
    if tie.any():
        even = tie & (np.mod(whole, 2) == 0)
        up, down = up & ~even, down & ~even
    return np.where(up, whole + 1, np.where(down, whole - 1, whole))


@dataclass
class Truth:
    """The truth of a block, element by element; the ladder sharpens it in place, row by row.

    Midpoints, radii, units and steps are those of `Placed`. All arrays have the block's output shape (or are
    0-d: alike for all elements) except `rung`: one per example, or per element of an elementwise op, which
    climbs the ladder alone. Gates are in absolute units (`Scaled`); `slack` is the relative uncertainty of
    the gates as evaluated: infinite where both are known from below only, negative where that holds of the
    accurate gate alone. `conventions` names why elements are not judged; views of a truth share it.
    """

    format: Format
    kind: npt.NDArray[np.int8]
    head: Floats
    tail: Floats
    radius: Floats
    unit: Ints
    step: Floats
    stable: Scaled
    accurate: Scaled
    slack: Floats
    rung: npt.NDArray[np.int8]
    conventions: list[str] = field(default_factory=list)
    relative: bool = True  # small results are judged relative to themselves: losing one is an underflow
    robust_only: bool = False  # nothing is known of the conditioning: no digits are judged

    @property
    def shape(self) -> tuple[int, ...]:
        return self.head.shape

    @property
    def rounded(self) -> Floats:
        """The correct rounding to the format of the midpoints, or of the infinities; NaN where nothing is
        known."""
        values = rounded(self.format, self.head, self.tail, self.radius, self.unit, self.step)
        if self.kind.any():
            values = np.where(self.kind == Kind.PLUS_INFINITY, np.inf, values)
            values = np.where(self.kind == Kind.MINUS_INFINITY, -np.inf, values)
        return values

    def expected(self, place: int) -> float | None:
        """What is expected of an element, by its position in the flattened block; None: a matter of taste."""
        one = self.at(np.unravel_index([place], self.shape))
        if one.kind[0] >= Kind.NAN:
            return math.nan if one.kind[0] == Kind.NAN else None
        return float(one.rounded[0])

    @property
    def ulp(self) -> Floats:
        """The ulp of every real."""
        return np.broadcast_to(shift(self.step, self.unit), self.shape)

    @property
    def normal(self) -> npt.NDArray[np.bool_]:
        """Where the real is no smaller than the smallest normal number."""
        least = self.format.tiny if self.format.narrow else self.step * 2.0 ** (self.format.precision - 1)
        return np.asarray(np.abs(self.head) >= least)

    def put(self, rows: Ints, other: Truth) -> None:
        """Take over the rows of a sharper truth."""
        for name in _PARTS:
            own, new = getattr(self, name), getattr(other, name)
            if own.ndim or new.ndim or own != new:
                self._each(name)[rows] = new
        self.rung[rows] = other.rung.reshape(self.rung[rows].shape)
        self.stable.put(rows, other.stable)
        self.accurate.put(rows, other.accurate)
        self.conventions += [name for name in other.conventions if name not in self.conventions]

    def _each(self, name: str) -> npt.NDArray[Any]:
        """A part, element by element: one that may be written to."""
        own: npt.NDArray[Any] = getattr(self, name)
        if not own.ndim:
            own = np.full(self.shape, own)
            setattr(self, name, own)
        return own

    def take(self, rows: Any) -> Truth:
        """Some examples of the block."""
        return self._picked(lambda a: a[rows], self.stable[rows], self.accurate[rows], self.rung[rows])

    def copy(self) -> Truth:
        """The same, to be sharpened without changing this one."""
        own = self._picked(np.copy, self.stable.owned(), self.accurate.owned(), self.rung.copy())
        own.conventions = list(self.conventions)
        return own

    def at(self, places: tuple[Ints, ...]) -> Truth:
        """Some elements, by their indices along every axis, as one row of elements."""
        return self._picked(lambda a: a[places], self.stable[places], self.accurate[places], self.rung[:0])

    def by_element(self) -> Truth:
        """A view with one element per example (shape (N, 1)): writing to it writes to this truth, the memory
        of which is in C order for an elementwise op."""
        for name in _PARTS:
            self._each(name)
        stable, accurate = self.stable.reshape(-1, 1), self.accurate.reshape(-1, 1)
        return self._picked(lambda a: a.reshape(-1, 1), stable, accurate, self.rung.reshape(-1))

    def _picked(
        self,
        pick: Callable[[npt.NDArray[Any]], npt.NDArray[Any]],
        stable: Scaled,
        accurate: Scaled,
        rung: npt.NDArray[np.int8],
    ) -> Truth:
        parts = {name: _picked(getattr(self, name), pick) for name in _PARTS}
        return replace(self, **parts, stable=stable, accurate=accurate, rung=rung)

    def contradicts(self, other: Truth) -> npt.NDArray[np.bool_]:
        """Elements on which two enclosures of the same truth do not meet: one of them is wrong.

        At a binade boundary two enclosures may have chosen different units: they are compared in the
        larger. An infinite radius says "unknown" and contradicts nothing.
        """
        unit = np.maximum(self.unit, other.unit)
        step = np.maximum(self.step, other.step)
        with np.errstate(invalid="ignore", over="ignore", under="ignore"):
            ours = shifted_alike((self.head, self.tail, self.radius), self.unit - unit)
            theirs = shifted_alike((other.head, other.tail, other.radius), other.unit - unit)
            distance = np.abs((ours[0] - theirs[0]) + (ours[1] - theirs[1]))
            reach = ours[2] + theirs[2]
        known = np.isfinite(self.radius) & np.isfinite(other.radius)
        numbers = (self.kind == Kind.NUMBER) & (other.kind == Kind.NUMBER)
        # 2^-40 ulp: what the head and tail of an enclosure may have lost in being scaled and added here.
        apart = numbers & ~(distance <= reach + 2.0**-40 * step)
        return np.asarray(known & (apart | (self.kind != other.kind)))


#: The arrays of a truth that may be 0-d.
_PARTS = ("kind", "head", "tail", "radius", "unit", "step", "slack")
