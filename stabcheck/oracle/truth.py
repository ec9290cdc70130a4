"""The truth of a block in one format: where the exact value lies, its rounding, and its gates."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.formats import Format
from stabcheck.oracle.enclosure import Enclosure
from stabcheck.oracle.scaled import Scaled, exponent_and_edge, shift, shifted_alike

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Kind(IntEnum):
    """What the truth of an element is."""

    NUMBER = 0
    PLUS_INFINITY = 1
    MINUS_INFINITY = 2
    NAN = 3  # a NaN input feeds it
    CONVENTION = 4  # a matter of taste: nothing is judged


@dataclass(frozen=True)
class Placed:
    """An enclosure seen through a format: |r / 2^ulp - (head + tail)| <= radius, 2^ulp the ulp of r.

    A real beyond the largest value is clamped to max + 1 ulp, which is how infinities are scored.
    """

    head: Floats
    tail: Floats
    radius: Floats
    ulp: Ints
    rounded: Floats


def place(enclosure: Enclosure, fmt: Format) -> Placed:
    """Scale an enclosure to ulps of the format and round its midpoint once, to nearest even."""
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
    some_too_large = bool(too_large.any())
    if some_too_large:
        ulp = np.where(too_large, fmt.emax - fmt.precision + 1, ulp)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        scale = exponent - ulp
        h, t, radius = shifted_alike((head, tail, enclosure.radius), scale)
        # What underflows in this scaling is far below any gate, but it is not nothing.
        if scale.min(initial=0) < -900:
            far = scale < -900
            lost = far & ((enclosure.radius != 0) | (head != 0))
            radius = np.where(lost, radius + 2.0**-800, radius)
        if some_too_large or enclosure.beyond is not None:
            ceiling = np.ldexp(1.0, fmt.precision)  # max + 1 ulp
            sure = too_large & (radius <= 0.25 * np.abs(h))
            if enclosure.beyond is not None:
                sure = sure | enclosure.beyond
            h = np.where(too_large, np.copysign(ceiling, head), h)
            t = np.where(too_large, 0.0, t)
            radius = np.where(sure, 0.0, np.where(too_large & np.isfinite(radius), np.inf, radius))
        rounded = shift(_nearest_even(h, t), ulp)
        over = np.abs(rounded) > fmt.max
        if over.any():
            rounded = np.where(over, np.copysign(np.inf, rounded), rounded)
        unknown = np.isnan(head)
        if unknown.any():
            h, t = np.where(unknown, 0.0, h), np.where(unknown, 0.0, t)
            radius, rounded = np.where(unknown, np.inf, radius), np.where(unknown, np.nan, rounded)
        return Placed(h, t, radius, ulp, rounded)


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

    All arrays have the block's output shape except `rung`: one per example, or per element of an
    elementwise op, which climbs the ladder alone. Gates are in absolute units (`Scaled`); `slack` is the
    relative uncertainty of the gates as evaluated: infinite where both are known from below only, negative
    where that holds of the accurate gate alone. `conventions` names why elements are not judged; views
    of a truth share it.
    """

    format: Format
    kind: npt.NDArray[np.int8]
    head: Floats
    tail: Floats
    radius: Floats
    ulp: Ints
    rounded: Floats
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

    def put(self, rows: Ints, other: Truth) -> None:
        """Take over the rows of a sharper truth."""
        for name in ("kind", "head", "tail", "radius", "ulp", "rounded", "slack"):
            getattr(self, name)[rows] = getattr(other, name)
        self.rung[rows] = other.rung.reshape(self.rung[rows].shape)
        self.stable.put(rows, other.stable)
        self.accurate.put(rows, other.accurate)
        self.conventions += [name for name in other.conventions if name not in self.conventions]

    def take(self, rows: Any) -> Truth:
        """Some examples of the block."""
        arrays = {
            name: getattr(self, name)[rows]
            for name in ("kind", "head", "tail", "radius", "ulp", "rounded", "slack", "rung")
        }
        return Truth(
            self.format,
            stable=self.stable[rows],
            accurate=self.accurate[rows],
            conventions=self.conventions,
            relative=self.relative,
            robust_only=self.robust_only,
            **arrays,
        )

    def at(self, places: Ints) -> Truth:
        """Some elements, by their positions in the flattened block, as one row of elements."""
        arrays = {
            name: getattr(self, name).reshape(-1)[places]
            for name in ("kind", "head", "tail", "radius", "ulp", "rounded", "slack")
        }
        return Truth(
            self.format,
            stable=self.stable.reshape(-1)[places],
            accurate=self.accurate.reshape(-1)[places],
            rung=self.rung[:0],
            relative=self.relative,
            robust_only=self.robust_only,
            **arrays,
        )

    def by_element(self) -> Truth:
        """A view with one element per example (shape (N, 1)): writing to it writes to this truth."""
        arrays = {
            name: getattr(self, name).reshape(-1, 1)
            for name in ("kind", "head", "tail", "radius", "ulp", "rounded", "slack")
        }
        return Truth(
            self.format,
            stable=self.stable.reshape(-1, 1),
            accurate=self.accurate.reshape(-1, 1),
            rung=self.rung.reshape(-1),
            conventions=self.conventions,
            relative=self.relative,
            robust_only=self.robust_only,
            **arrays,
        )

    def contradicts(self, other: Truth) -> npt.NDArray[np.bool_]:
        """Elements on which two enclosures of the same truth do not meet: one of them is wrong.

        At a binade boundary two enclosures may have chosen different ulps: they are compared in units of
        the larger. An infinite radius says "unknown" and contradicts nothing.
        """
        unit = np.maximum(self.ulp, other.ulp)
        with np.errstate(invalid="ignore", over="ignore", under="ignore"):
            distance = np.abs(
                (shift(self.head, self.ulp - unit) - shift(other.head, other.ulp - unit))
                + (shift(self.tail, self.ulp - unit) - shift(other.tail, other.ulp - unit))
            )
            reach = shift(self.radius, self.ulp - unit) + shift(other.radius, other.ulp - unit)
        known = np.isfinite(self.radius) & np.isfinite(other.radius)
        numbers = (self.kind == Kind.NUMBER) & (other.kind == Kind.NUMBER)
        # 2^-40 ulp: what the head and tail of an enclosure may have lost in being scaled and added here.
        apart = numbers & ~(distance <= reach + 2.0**-40)
        return np.asarray(known & (apart | (self.kind != other.kind)))
